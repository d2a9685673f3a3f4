-- What tells whether a PIN is free on a device without opening those that are on it.

-- +goose Up

-- Keyed digests of a code's PINs; NULL: to be made when they are next asked for. They are in the index,
-- so that nothing else of the codes of a device is read for them.
ALTER TABLE access_codes ADD COLUMN prints BYTEA;
DROP INDEX access_codes_device;
CREATE INDEX access_codes_device ON access_codes (workspace_id, device_id, created_at, access_code_id, is_spare, prints);

-- Most codes share their PIN with no other.
DROP INDEX access_codes_common;
CREATE INDEX access_codes_common ON access_codes (workspace_id, common_code_key) WHERE common_code_key IS NOT NULL;
