-- Audit entries as a chain: each holds a number and a MAC under the server key over itself and the
-- MAC before it.

-- +goose Up
ALTER TABLE audit_entries ADD COLUMN seq BIGINT;             -- NULL: written before there was a chain
ALTER TABLE audit_entries ADD COLUMN key_id TEXT;
ALTER TABLE audit_entries ADD COLUMN mac BYTEA;
ALTER TABLE audit_entries ADD COLUMN user_id TEXT;           -- of the actor, to be found by
ALTER TABLE audit_entries ADD COLUMN credential_id TEXT;     -- of the actor
CREATE UNIQUE INDEX audit_entries_seq ON audit_entries (seq);
DROP INDEX audit_entries_workspace;
CREATE INDEX audit_entries_workspace ON audit_entries (workspace_id, occurred_at, entry_id);
CREATE INDEX audit_entries_time ON audit_entries (occurred_at, entry_id);
CREATE INDEX audit_entries_subject ON audit_entries (subject_id, occurred_at, entry_id);
CREATE INDEX audit_entries_user ON audit_entries (user_id, occurred_at, entry_id);
CREATE INDEX audit_entries_credential ON audit_entries (credential_id, occurred_at, entry_id);

-- The newest link. Whoever appends raises seq first and holds the row until the commit.
CREATE TABLE audit_head (
    name TEXT   NOT NULL PRIMARY KEY,
    seq  BIGINT NOT NULL,
    mac  BYTEA
);
INSERT INTO audit_head (name, seq) VALUES ('chain', 0);
