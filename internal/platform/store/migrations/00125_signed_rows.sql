-- Rows that grant something carry a MAC under the server key, see package signed. Rows from before get theirs
-- at the first start, which has the key.

-- +goose Up
ALTER TABLE users ADD COLUMN mac BYTEA;
ALTER TABLE memberships ADD COLUMN mac BYTEA;
ALTER TABLE links ADD COLUMN mac BYTEA;
ALTER TABLE credentials ADD COLUMN mac BYTEA;
ALTER TABLE sessions ADD COLUMN mac BYTEA;
ALTER TABLE passkeys ADD COLUMN mac BYTEA;
ALTER TABLE authenticators ADD COLUMN mac BYTEA;
ALTER TABLE recovery_codes ADD COLUMN mac BYTEA;
ALTER TABLE openid_accounts ADD COLUMN mac BYTEA;

-- That a person has a second factor, also when the row that holds it is gone.
ALTER TABLE users ADD COLUMN has_second_factor BOOLEAN;
UPDATE users SET has_second_factor = TRUE WHERE user_id IN (SELECT user_id FROM authenticators);

-- +goose Down
ALTER TABLE users DROP COLUMN has_second_factor;
ALTER TABLE openid_accounts DROP COLUMN mac;
ALTER TABLE recovery_codes DROP COLUMN mac;
ALTER TABLE authenticators DROP COLUMN mac;
ALTER TABLE passkeys DROP COLUMN mac;
ALTER TABLE sessions DROP COLUMN mac;
ALTER TABLE credentials DROP COLUMN mac;
ALTER TABLE links DROP COLUMN mac;
ALTER TABLE memberships DROP COLUMN mac;
ALTER TABLE users DROP COLUMN mac;
