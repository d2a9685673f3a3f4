-- The ground of Keyway: who may do what (instance), and what is in a workspace.
-- One text for SQLite and PostgreSQL: text ids, BIGINT microseconds, JSON as TEXT, no foreign
-- keys, triggers or sequences. Rows of a workspace have workspace_id first in key and indexes.

-- +goose Up

-- Numbers that tell caches when a scope was last written (PostgreSQL only: with SQLite the one
-- process that may write keeps them in memory).
CREATE TABLE generations (
    scope TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- Which keys the key file must hold. proof is made from the key and gives nothing of it away.
CREATE TABLE server_keys (
    key_id     TEXT   NOT NULL PRIMARY KEY,
    proof      BYTEA  NOT NULL,
    created_at BIGINT NOT NULL
);

-- Instance-wide settings, one JSON value a name.
CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE users (
    user_id       TEXT    NOT NULL PRIMARY KEY,
    email         TEXT    NOT NULL,           -- lower case
    name          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,           -- argon2id in PHC form; empty: cannot sign in by password
    is_operator   BOOLEAN NOT NULL,
    disabled_at   BIGINT,
    created_at    BIGINT  NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (email);

CREATE TABLE workspaces (
    workspace_id    TEXT    NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL,
    is_sandbox      BOOLEAN NOT NULL,
    is_suspended    BOOLEAN NOT NULL,
    publishable_key TEXT    NOT NULL,
    doc             TEXT    NOT NULL,          -- as served
    created_at      BIGINT  NOT NULL,
    deleted_at      BIGINT                     -- set at once; the data is purged by a job
);
CREATE UNIQUE INDEX workspaces_publishable_key ON workspaces (publishable_key);

CREATE TABLE memberships (
    workspace_id TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    role         TEXT   NOT NULL,              -- owner, admin, member
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);

-- One-time links: set-up of the first person, invitations.
CREATE TABLE links (
    link_id      TEXT   NOT NULL PRIMARY KEY,
    kind         TEXT   NOT NULL,              -- setup, invitation
    key_id       TEXT   NOT NULL,
    digest       BYTEA  NOT NULL,
    workspace_id TEXT,
    email        TEXT,
    role         TEXT,
    created_by   TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT
);
CREATE INDEX links_workspace ON links (workspace_id, kind);

-- Everything that is sent as a bearer token: personal access tokens, API keys, workspace keys.
CREATE TABLE credentials (
    credential_id TEXT   NOT NULL PRIMARY KEY,
    kind          TEXT   NOT NULL,             -- personal_access_token, api_key, workspace_key
    short_token   TEXT   NOT NULL,             -- the visible part, by which it is found
    key_id        TEXT   NOT NULL,
    digest        BYTEA  NOT NULL,             -- HMAC-SHA-256 of the whole token under key_id
    user_id       TEXT,                        -- whose token it is; for API keys who made it
    workspace_id  TEXT,                        -- API keys and workspace keys
    parent_id     TEXT,                        -- workspace keys: their personal access token
    name          TEXT   NOT NULL,
    description   TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    created_from  TEXT   NOT NULL,             -- console, command, token
    expires_at    BIGINT,
    revoked_at    BIGINT,
    revoked_by    TEXT,
    revoke_reason TEXT,
    last_used_at  BIGINT,
    last_used     TEXT                         -- JSON: address, user_agent, workspace_id, endpoint
);
CREATE UNIQUE INDEX credentials_short_token ON credentials (short_token);
CREATE INDEX credentials_user ON credentials (user_id, kind);
CREATE INDEX credentials_workspace ON credentials (workspace_id, kind);
CREATE INDEX credentials_parent ON credentials (parent_id);

-- Console sessions: a browser's cookie or a token for scripts. digest is of the cookie or token.
CREATE TABLE sessions (
    session_id TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL,
    kind       TEXT   NOT NULL,                -- browser, token
    key_id     TEXT   NOT NULL,
    digest     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    address    TEXT   NOT NULL,
    user_agent TEXT   NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE audit_entries (
    entry_id     TEXT   NOT NULL PRIMARY KEY,
    occurred_at  BIGINT NOT NULL,
    actor        TEXT   NOT NULL,              -- JSON: kind, user_id, credential_id, os_user, address
    action       TEXT   NOT NULL,
    workspace_id TEXT,
    subject_id   TEXT,
    detail       TEXT   NOT NULL               -- JSON, never a secret
);
CREATE INDEX audit_entries_workspace ON audit_entries (workspace_id, entry_id);

CREATE TABLE jobs (
    job_id       TEXT   NOT NULL PRIMARY KEY,
    kind         TEXT   NOT NULL,
    workspace_id TEXT   NOT NULL,
    payload      TEXT   NOT NULL,
    run_at       BIGINT NOT NULL,
    lease_until  BIGINT,
    attempts     BIGINT NOT NULL,
    last_error   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX jobs_run_at ON jobs (run_at);
CREATE INDEX jobs_workspace ON jobs (workspace_id);

CREATE TABLE connected_accounts (
    workspace_id         TEXT    NOT NULL,
    connected_account_id TEXT    NOT NULL,
    provider             TEXT    NOT NULL,
    brand                TEXT    NOT NULL,
    external_id          TEXT    NOT NULL,
    customer_key         TEXT,
    user_identifier_key  TEXT,
    search               TEXT    NOT NULL,     -- lower case, what ?search= looks in
    doc                  TEXT    NOT NULL,
    created_at           BIGINT  NOT NULL,
    PRIMARY KEY (workspace_id, connected_account_id)
);
CREATE UNIQUE INDEX connected_accounts_external ON connected_accounts (workspace_id, provider, brand, external_id);
CREATE INDEX connected_accounts_order ON connected_accounts (workspace_id, created_at, connected_account_id);

CREATE TABLE devices (
    workspace_id         TEXT    NOT NULL,
    device_id            TEXT    NOT NULL,
    connected_account_id TEXT    NOT NULL,
    external_id          TEXT    NOT NULL,
    device_type          TEXT    NOT NULL,
    manufacturer         TEXT    NOT NULL,
    name                 TEXT    NOT NULL,     -- as found: display name in lower case
    is_managed           BOOLEAN NOT NULL,
    flags                TEXT    NOT NULL,     -- the can_* flags that are true: ",can_a,can_b,"
    customer_key         TEXT,
    user_identifier_key  TEXT,
    search               TEXT    NOT NULL,
    doc                  TEXT    NOT NULL,
    created_at           BIGINT  NOT NULL,
    PRIMARY KEY (workspace_id, device_id)
);
CREATE UNIQUE INDEX devices_external ON devices (workspace_id, connected_account_id, external_id);
CREATE INDEX devices_order ON devices (workspace_id, created_at, device_id);
CREATE INDEX devices_type ON devices (workspace_id, device_type, created_at, device_id);

-- custom_metadata of devices, accounts and webviews, one row a key, for custom_metadata_has. The
-- served copy is in the resource's doc.
CREATE TABLE metadata (
    workspace_id TEXT NOT NULL,
    resource_id  TEXT NOT NULL,
    name         TEXT NOT NULL,
    value        TEXT NOT NULL,                -- JSON: a string or a boolean
    PRIMARY KEY (workspace_id, resource_id, name)
);
CREATE INDEX metadata_value ON metadata (workspace_id, name, value);

CREATE TABLE action_attempts (
    workspace_id      TEXT   NOT NULL,
    action_attempt_id TEXT   NOT NULL,
    device_id         TEXT,
    status            TEXT   NOT NULL,
    doc               TEXT   NOT NULL,
    created_at        BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, action_attempt_id)
);
CREATE INDEX action_attempts_order ON action_attempts (workspace_id, created_at, action_attempt_id);

CREATE TABLE events (
    workspace_id         TEXT   NOT NULL,
    event_id             TEXT   NOT NULL,
    event_type           TEXT   NOT NULL,
    occurred_at          BIGINT NOT NULL,
    device_id            TEXT,
    connected_account_id TEXT,
    customer_key         TEXT,
    doc                  TEXT   NOT NULL,
    created_at           BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, event_id)
);
CREATE INDEX events_order ON events (workspace_id, occurred_at, event_id);
CREATE INDEX events_device ON events (workspace_id, device_id, occurred_at);
