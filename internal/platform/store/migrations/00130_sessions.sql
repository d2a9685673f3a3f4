-- What a session with a connected account is opened with.

-- +goose Up

-- driver is the name of the driver that opens the account; options are what it needs for that, sealed.
-- synced_at is when the account's first complete list of devices was stored; NULL: not yet; -1: not since it
-- was connected again.
ALTER TABLE connected_accounts RENAME COLUMN provider TO driver;
ALTER TABLE connected_accounts ADD COLUMN options BYTEA;
ALTER TABLE connected_accounts ADD COLUMN synced_at BIGINT;
UPDATE connected_accounts SET synced_at = created_at;
CREATE INDEX connected_accounts_peer ON connected_accounts (driver, external_id);

-- +goose Down
DROP INDEX connected_accounts_peer;
ALTER TABLE connected_accounts DROP COLUMN synced_at;
ALTER TABLE connected_accounts DROP COLUMN options;
ALTER TABLE connected_accounts RENAME COLUMN driver TO provider;
