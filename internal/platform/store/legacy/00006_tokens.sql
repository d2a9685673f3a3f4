-- What limits a personal access token, how tokens follow one another, and what is known of their use.

-- +goose Up

-- A token of an older version was allowed everything that one without limits is allowed now.
ALTER TABLE credentials ADD COLUMN limits TEXT NOT NULL DEFAULT '{"scopes":["*"]}'; -- JSON, see credential.Limits
ALTER TABLE credentials ADD COLUMN not_before BIGINT;
ALTER TABLE credentials ADD COLUMN disabled_at BIGINT;
ALTER TABLE credentials ADD COLUMN is_decoy BOOLEAN NOT NULL DEFAULT FALSE;          -- grants nothing, alarms when used
ALTER TABLE credentials ADD COLUMN is_strict BOOLEAN NOT NULL DEFAULT FALSE;         -- late use of a superseded token ends its successors
ALTER TABLE credentials ADD COLUMN predecessor_id TEXT;
ALTER TABLE credentials ADD COLUMN successor_id TEXT;
ALTER TABLE credentials ADD COLUMN grace_ends_at BIGINT;                             -- with a successor: when this one stops
ALTER TABLE credentials ADD COLUMN ends_predecessor BOOLEAN NOT NULL DEFAULT FALSE;  -- the first use of this one stops its predecessor
ALTER TABLE credentials ADD COLUMN expiry_notice BIGINT;                             -- days before the end of which its owner was told last
ALTER TABLE credentials ADD COLUMN recent_addresses TEXT NOT NULL DEFAULT '[]';      -- JSON, newest first
ALTER TABLE credentials ADD COLUMN use_count BIGINT NOT NULL DEFAULT 0;
CREATE INDEX credentials_expires ON credentials (kind, expires_at);

-- What must never be exceeded: uses in all, and physical actions of a day.
CREATE TABLE token_counters (
    credential_id TEXT   NOT NULL,
    counter       TEXT   NOT NULL,             -- uses, or actions: and the day
    value         BIGINT NOT NULL,
    PRIMARY KEY (credential_id, counter)
);

-- How often a token did what, for its page and for advice.
CREATE TABLE token_uses (
    credential_id TEXT   NOT NULL,
    day           TEXT   NOT NULL,             -- 2026-11-23, in UTC
    workspace_id  TEXT   NOT NULL,             -- empty: about no workspace
    endpoint      TEXT   NOT NULL,
    count         BIGINT NOT NULL,
    PRIMARY KEY (credential_id, day, workspace_id, endpoint)
);
CREATE INDEX token_uses_day ON token_uses (day);

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

-- What tokens must satisfy: in the instance (workspace_id empty), or to be taken in a workspace.
CREATE TABLE policies (
    workspace_id TEXT   NOT NULL PRIMARY KEY,
    doc          TEXT   NOT NULL,
    updated_at   BIGINT NOT NULL,
    updated_by   TEXT
);

-- Tokens that a workspace's owner refuses there, with all that descend from them and follow them.
CREATE TABLE refused_tokens (
    workspace_id  TEXT   NOT NULL,
    credential_id TEXT   NOT NULL,
    refused_by    TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, credential_id)
);
CREATE INDEX refused_tokens_credential ON refused_tokens (credential_id);
