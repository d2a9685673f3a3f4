-- How people prove who they are: when they last did, and with what besides a password.

-- +goose Up

-- A session from before counts as proved when it began.
ALTER TABLE sessions ADD COLUMN authenticated_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET authenticated_at = created_at;
ALTER TABLE sessions ADD COLUMN method TEXT NOT NULL DEFAULT 'password';        -- password, totp, recovery_code, passkey, openid, link
ALTER TABLE sessions ADD COLUMN must_renew BOOLEAN NOT NULL DEFAULT FALSE;      -- it gets another id before its next use

CREATE TABLE passkeys (
    passkey_id   TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL,
    handle       TEXT   NOT NULL,              -- what the authenticator calls it, base64url
    name         TEXT   NOT NULL,
    doc          TEXT   NOT NULL,              -- public key, counter and flags, as the WebAuthn library keeps them
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX passkeys_handle ON passkeys (handle);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- WebAuthn challenges that were answered, so that no answer is taken twice.
CREATE TABLE spent_challenges (
    challenge  TEXT   NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE TABLE authenticators (
    user_id    TEXT   NOT NULL PRIMARY KEY,
    secret     BYTEA  NOT NULL,                -- sealed
    last_step  BIGINT NOT NULL,                -- the time step of the latest code that was taken
    created_at BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    user_id TEXT   NOT NULL,
    number  BIGINT NOT NULL,
    key_id  TEXT   NOT NULL,
    digest  BYTEA  NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (user_id, number)
);

-- Accounts at an OpenID Connect provider, known by issuer and subject alone.
CREATE TABLE openid_accounts (
    issuer     TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    email      TEXT   NOT NULL,                -- as the provider last told it; only shown
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX openid_accounts_user ON openid_accounts (user_id);
