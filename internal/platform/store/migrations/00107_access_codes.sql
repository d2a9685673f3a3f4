-- Access codes: desired and observed state on each lock.

-- +goose Up

CREATE TABLE access_codes (
    workspace_id         TEXT    NOT NULL,
    access_code_id       TEXT    NOT NULL,
    device_id            TEXT    NOT NULL,
    connected_account_id TEXT    NOT NULL,
    is_managed           BOOLEAN NOT NULL,
    is_spare             BOOLEAN NOT NULL,     -- in the backup pool, not pulled yet
    common_code_key      TEXT,
    search               TEXT    NOT NULL,     -- lower case, what ?search= looks in
    doc                  TEXT    NOT NULL,     -- as served, without what may contain a PIN
    secret               BYTEA   NOT NULL,     -- the rest of what is served, sealed
    state                BYTEA   NOT NULL,     -- desired and observed state, sealed
    created_at           BIGINT  NOT NULL,
    prints               BYTEA,                -- keyed digests of its PINs; NULL: to be computed on demand
    -- Until when, by its workspace's clock, the reconciler has nothing to do for the code; NULL: it looks at
    -- the code whenever it visits the lock. asleep_in is a digest of the other codes' state at that time:
    -- when that changes, the reconciler looks at this code as well.
    asleep_until         BIGINT,
    asleep_in            BIGINT,
    PRIMARY KEY (workspace_id, access_code_id)
);
CREATE INDEX access_codes_order ON access_codes (workspace_id, is_managed, created_at, access_code_id);
-- Covering: whether a PIN is free on a device, and which codes to look at, is read from the index alone.
CREATE INDEX access_codes_device ON access_codes (workspace_id, device_id, created_at, access_code_id, is_spare, prints, asleep_until, asleep_in);
-- Most codes share their PIN with no other.
CREATE INDEX access_codes_common ON access_codes (workspace_id, common_code_key) WHERE common_code_key IS NOT NULL;
