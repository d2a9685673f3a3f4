-- How people prove who they are: when they last did, and with what besides a password.

-- +goose Up

-- A session from before counts as proved when it began.
ALTER TABLE sessions ADD COLUMN authenticated_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET authenticated_at = created_at;

-- +goose Down
ALTER TABLE sessions DROP COLUMN authenticated_at;
