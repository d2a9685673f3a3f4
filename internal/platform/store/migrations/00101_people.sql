-- People, how they prove who they are, and their Console sessions.

-- +goose Up

CREATE TABLE users (
    user_id       TEXT    NOT NULL PRIMARY KEY,
    email         TEXT    NOT NULL,            -- lower case
    name          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,            -- argon2id in PHC form; empty: cannot sign in by password
    is_operator   BOOLEAN NOT NULL,
    disabled_at   BIGINT,
    created_at    BIGINT  NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (email);

-- One-time links: set-up of the first person, invitations.
CREATE TABLE links (
    link_id      TEXT   NOT NULL PRIMARY KEY,
    kind         TEXT   NOT NULL,              -- setup, invitation
    key_id       TEXT   NOT NULL,
    digest       BYTEA  NOT NULL,              -- HMAC-SHA-256 of the link's secret under key_id
    workspace_id TEXT,
    email        TEXT,
    role         TEXT,
    created_by   TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT
);
CREATE INDEX links_workspace ON links (workspace_id, kind);

-- Console sessions: a browser's cookie, or a token for scripts.
CREATE TABLE sessions (
    session_id       TEXT    NOT NULL PRIMARY KEY,
    user_id          TEXT    NOT NULL,
    kind             TEXT    NOT NULL,                        -- browser, token
    key_id           TEXT    NOT NULL,
    digest           BYTEA   NOT NULL,                        -- of the cookie or token, under key_id
    created_at       BIGINT  NOT NULL,
    seen_at          BIGINT  NOT NULL,
    expires_at       BIGINT  NOT NULL,
    address          TEXT    NOT NULL,
    user_agent       TEXT    NOT NULL,
    authenticated_at BIGINT  NOT NULL DEFAULT 0,              -- when the person last proved who they are
    method           TEXT    NOT NULL DEFAULT 'password',     -- password, totp, recovery_code, passkey, openid, link
    must_renew       BOOLEAN NOT NULL DEFAULT FALSE           -- it gets another id before its next use
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE passkeys (
    passkey_id   TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL,
    handle       TEXT   NOT NULL,              -- the authenticator's credential id, base64url
    name         TEXT   NOT NULL,
    doc          TEXT   NOT NULL,              -- public key, counter and flags, as the WebAuthn library keeps them
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX passkeys_handle ON passkeys (handle);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- Challenges that were answered, so that no answer is accepted twice.
CREATE TABLE spent_challenges (
    challenge  TEXT   NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

-- Time-based one-time passwords (TOTP).
CREATE TABLE authenticators (
    user_id    TEXT   NOT NULL PRIMARY KEY,
    secret     BYTEA  NOT NULL,                -- sealed
    last_step  BIGINT NOT NULL,                -- the time step of the latest code that was accepted
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

-- Accounts at an OpenID Connect provider, identified by issuer and subject alone.
CREATE TABLE openid_accounts (
    issuer     TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    email      TEXT   NOT NULL,                -- as the provider last reported it; only shown
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX openid_accounts_user ON openid_accounts (user_id);
