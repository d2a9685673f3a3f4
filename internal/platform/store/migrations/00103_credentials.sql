-- Personal access tokens, API keys and workspace keys; what limits them and what is recorded of their use.

-- +goose Up

CREATE TABLE credentials (
    credential_id    TEXT    NOT NULL PRIMARY KEY,
    kind             TEXT    NOT NULL,                              -- personal_access_token, api_key, workspace_key
    short_token      TEXT    NOT NULL,                              -- the visible part
    key_id           TEXT    NOT NULL,
    digest           BYTEA   NOT NULL,                              -- HMAC-SHA-256 of the whole token under key_id
    user_id          TEXT,                                          -- whose token it is; for API keys who made it
    workspace_id     TEXT,                                          -- API keys and workspace keys
    parent_id        TEXT,                                          -- workspace keys: their personal access token
    name             TEXT    NOT NULL,
    description      TEXT    NOT NULL,
    created_at       BIGINT  NOT NULL,
    created_from     TEXT    NOT NULL,                              -- console, command, token
    not_before       BIGINT,
    expires_at       BIGINT,
    expiry_notice    BIGINT,                                        -- days before the end of the last notice to its owner
    disabled_at      BIGINT,
    revoked_at       BIGINT,
    revoked_by       TEXT,
    revoke_reason    TEXT,
    limits           TEXT    NOT NULL DEFAULT '{"scopes":["*"]}',   -- JSON, see credential.Limits
    is_decoy         BOOLEAN NOT NULL DEFAULT FALSE,                -- grants nothing, alarms when used
    is_strict        BOOLEAN NOT NULL DEFAULT FALSE,                -- late use of a superseded token revokes its successors
    family_id        TEXT    NOT NULL DEFAULT '',                   -- the first of a chain of rotations
    predecessor_id   TEXT,
    successor_id     TEXT,
    grace_ends_at    BIGINT,                                        -- with a successor: when this one stops
    ends_predecessor BOOLEAN NOT NULL DEFAULT FALSE,                -- the first use of this one stops its predecessor
    last_used_at     BIGINT,
    last_used        TEXT,                                          -- JSON: address, user_agent, workspace_id, endpoint
    recent_addresses TEXT    NOT NULL DEFAULT '[]',                 -- JSON, newest first
    use_count        BIGINT  NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX credentials_short_token ON credentials (short_token);
-- Tokens are found by their digest, which a caller cannot choose: an unknown token takes as long as a
-- wrong secret behind a known visible part.
CREATE INDEX credentials_digest ON credentials (digest);
CREATE INDEX credentials_user ON credentials (user_id, kind);
CREATE INDEX credentials_workspace ON credentials (workspace_id, kind);
CREATE INDEX credentials_parent ON credentials (parent_id);
CREATE INDEX credentials_expires ON credentials (kind, expires_at);
CREATE INDEX credentials_family ON credentials (family_id);
CREATE INDEX credentials_reason ON credentials (revoke_reason, revoked_at);

-- Counters with a maximum: uses in all, and physical actions of a day.
CREATE TABLE token_counters (
    credential_id TEXT   NOT NULL,
    counter       TEXT   NOT NULL,             -- uses, or actions and the day
    value         BIGINT NOT NULL,
    PRIMARY KEY (credential_id, counter)
);

-- How often a token called which endpoint, for its page and for advice.
CREATE TABLE token_uses (
    credential_id TEXT   NOT NULL,
    day           TEXT   NOT NULL,             -- 2026-11-23, in UTC
    workspace_id  TEXT   NOT NULL,             -- empty: no workspace
    endpoint      TEXT   NOT NULL,
    count         BIGINT NOT NULL,
    PRIMARY KEY (credential_id, day, workspace_id, endpoint)
);
CREATE INDEX token_uses_day ON token_uses (day);

-- From which networks a family of tokens was used, to report new ones.
CREATE TABLE token_networks (
    family_id     TEXT   NOT NULL,
    network       TEXT   NOT NULL,             -- 192.0.2.0/24 or 2001:db8:1::/48
    first_used_at BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL,
    PRIMARY KEY (family_id, network)
);

-- At which hours, and on which devices, tokens are used, for advice.
CREATE TABLE token_habits (
    family_id    TEXT   NOT NULL,
    kind         TEXT   NOT NULL,              -- hour, device
    value        TEXT   NOT NULL,              -- the hour of a week in UTC, 000 from Monday; a device's id
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (family_id, kind, value)
);

-- Why a token that was good, or had been, was refused; kept for seven days.
CREATE TABLE refusals (
    request_id    TEXT   NOT NULL PRIMARY KEY,
    credential_id TEXT   NOT NULL,
    user_id       TEXT   NOT NULL,
    occurred_at   BIGINT NOT NULL,
    doc           TEXT   NOT NULL
);
CREATE INDEX refusals_credential ON refusals (credential_id, occurred_at);
CREATE INDEX refusals_time ON refusals (occurred_at);

-- What tokens must satisfy: in the instance (workspace_id empty), or to be accepted in a workspace.
CREATE TABLE policies (
    workspace_id TEXT   NOT NULL PRIMARY KEY,
    doc          TEXT   NOT NULL,
    updated_at   BIGINT NOT NULL,
    updated_by   TEXT
);

-- Tokens that a workspace's owner refuses there, with their descendants and successors.
CREATE TABLE refused_tokens (
    workspace_id  TEXT   NOT NULL,
    credential_id TEXT   NOT NULL,
    refused_by    TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, credential_id)
);
CREATE INDEX refused_tokens_credential ON refused_tokens (credential_id);
