-- Access codes, what virtual devices remember, and the clock of sandbox workspaces.

-- +goose Up

-- How far a sandbox workspace's clock is ahead.
ALTER TABLE workspaces ADD COLUMN clock_offset BIGINT NOT NULL DEFAULT 0;

-- due_at: when the job is due by its workspace's clock; NULL: it goes by the real one.
-- again_at: a job with a key that was asked for once more while it was running.
ALTER TABLE jobs ADD COLUMN due_at BIGINT;
ALTER TABLE jobs ADD COLUMN again_at BIGINT;

-- What an event is served with beside its doc, sealed: JSON with PINs in it.
ALTER TABLE events ADD COLUMN secret BYTEA;

CREATE TABLE device_memory (
    workspace_id TEXT  NOT NULL,
    brand        TEXT  NOT NULL,
    account      TEXT  NOT NULL,                 -- external ids
    device       TEXT  NOT NULL,
    sealed       BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, brand, account, device)
);

CREATE TABLE access_codes (
    workspace_id         TEXT    NOT NULL,
    access_code_id       TEXT    NOT NULL,
    device_id            TEXT    NOT NULL,
    connected_account_id TEXT    NOT NULL,
    is_managed           BOOLEAN NOT NULL,
    is_spare             BOOLEAN NOT NULL,       -- in the backup pool, not pulled yet
    common_code_key      TEXT,
    search               TEXT    NOT NULL,
    doc                  TEXT    NOT NULL,       -- as served, without what may hold a PIN
    secret               BYTEA   NOT NULL,       -- the rest of what is served, sealed
    state                BYTEA   NOT NULL,       -- what is wanted and what is on the lock, sealed
    created_at           BIGINT  NOT NULL,
    PRIMARY KEY (workspace_id, access_code_id)
);
CREATE INDEX access_codes_order ON access_codes (workspace_id, is_managed, created_at, access_code_id);
CREATE INDEX access_codes_device ON access_codes (workspace_id, device_id, created_at, access_code_id);
CREATE INDEX access_codes_common ON access_codes (workspace_id, common_code_key);

-- Which events belong to a code, and who caused them; they outlive the code.
CREATE TABLE access_code_timeline (
    workspace_id   TEXT   NOT NULL,
    access_code_id TEXT   NOT NULL,
    event_id       TEXT   NOT NULL,
    occurred_at    BIGINT NOT NULL,
    device_id      TEXT   NOT NULL,
    actor          TEXT   NOT NULL,              -- JSON: type, id
    PRIMARY KEY (workspace_id, access_code_id, event_id)
);
CREATE INDEX access_code_timeline_order ON access_code_timeline (workspace_id, access_code_id, occurred_at, event_id);
