-- Pages tell of credentials that were found in the open, which are few.

-- +goose Up
CREATE INDEX credentials_reason ON credentials (revoke_reason, revoked_at);
