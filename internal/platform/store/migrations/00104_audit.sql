-- The audit log: a chain in which each entry has a number and a MAC under the server key over itself
-- and the MAC before it.

-- +goose Up

CREATE TABLE audit_entries (
    entry_id      TEXT   NOT NULL PRIMARY KEY,
    occurred_at   BIGINT NOT NULL,
    actor         TEXT   NOT NULL,             -- JSON: kind, user_id, credential_id, os_user, address
    action        TEXT   NOT NULL,
    workspace_id  TEXT,
    subject_id    TEXT,
    detail        TEXT   NOT NULL,             -- JSON, never a secret
    seq           BIGINT,                      -- NULL: written before there was a chain
    key_id        TEXT,
    mac           BYTEA,
    user_id       TEXT,                        -- of the actor, to search by
    credential_id TEXT                         -- of the actor
);
CREATE UNIQUE INDEX audit_entries_seq ON audit_entries (seq);
CREATE INDEX audit_entries_workspace ON audit_entries (workspace_id, occurred_at, entry_id);
CREATE INDEX audit_entries_time ON audit_entries (occurred_at, entry_id);
CREATE INDEX audit_entries_subject ON audit_entries (subject_id, occurred_at, entry_id);
CREATE INDEX audit_entries_user ON audit_entries (user_id, occurred_at, entry_id);
CREATE INDEX audit_entries_credential ON audit_entries (credential_id, occurred_at, entry_id);

-- The newest link. A writer raises seq first and locks the row until the commit.
CREATE TABLE audit_head (
    name TEXT   NOT NULL PRIMARY KEY,
    seq  BIGINT NOT NULL,
    mac  BYTEA
);
INSERT INTO audit_head (name, seq) VALUES ('chain', 0);
