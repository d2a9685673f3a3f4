-- Webhooks of tokens that are limited to devices.

-- +goose Up

-- NULL: the workspace's own. Otherwise it sends what this family of tokens may see, as long as it may.
ALTER TABLE webhooks ADD COLUMN family_id TEXT;
