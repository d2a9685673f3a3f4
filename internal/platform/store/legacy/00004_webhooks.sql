-- Events in the order of their commits, what they are about, and webhooks that are sent them.

-- +goose Up

-- The latest number given to an event of a workspace. Whoever appends raises it first and holds the
-- row until the commit, so numbers become visible in their order: a reader that has seen one has
-- missed none before it.
CREATE TABLE event_heads (
    workspace_id TEXT   NOT NULL PRIMARY KEY,
    seq          BIGINT NOT NULL
);
ALTER TABLE events ADD COLUMN seq BIGINT NOT NULL DEFAULT 0;
UPDATE events SET seq = numbered.n FROM (
    SELECT workspace_id AS w, event_id AS e, row_number() OVER (PARTITION BY workspace_id ORDER BY created_at, event_id) AS n FROM events
) AS numbered WHERE events.workspace_id = numbered.w AND events.event_id = numbered.e;
INSERT INTO event_heads (workspace_id, seq) SELECT workspace_id, max(seq) FROM events GROUP BY workspace_id;
CREATE UNIQUE INDEX events_seq ON events (workspace_id, seq);
CREATE INDEX events_account ON events (workspace_id, connected_account_id, occurred_at);

-- What an event is about besides its device and account: one row for each id in it that lists are
-- filtered by, so that a new kind of resource needs no new column.
CREATE TABLE event_refs (
    workspace_id TEXT   NOT NULL,
    name         TEXT   NOT NULL,              -- access_code_id, connect_webview_id, …
    resource_id  TEXT   NOT NULL,
    occurred_at  BIGINT NOT NULL,
    event_id     TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, name, resource_id, occurred_at, event_id)
);

CREATE TABLE webhooks (
    workspace_id  TEXT   NOT NULL,
    webhook_id    TEXT   NOT NULL,
    doc           TEXT   NOT NULL,             -- as served, but for its secret
    event_types   TEXT   NOT NULL,             -- for matching: * or ",a,b,"
    secrets       BYTEA  NOT NULL,             -- the secret and those before it that still sign, sealed
    failing_since BIGINT,                      -- the first failure since the latest success
    disabled_at   BIGINT,
    due_at        BIGINT,                      -- when a delivery is due; while leased, when the lease ends
    lease_by      TEXT,                        -- the worker that is delivering
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, webhook_id)
);
CREATE INDEX webhooks_due ON webhooks (due_at);

-- What is still to be delivered; written with the event itself.
CREATE TABLE webhook_deliveries (
    workspace_id TEXT   NOT NULL,
    webhook_id   TEXT   NOT NULL,
    delivery_id  TEXT   NOT NULL,
    event_id     TEXT   NOT NULL,
    event_type   TEXT   NOT NULL,
    seq          BIGINT NOT NULL,              -- the event's
    payload      TEXT,                         -- of a test, which is not in the log; NULL: the event's
    attempts     BIGINT NOT NULL,
    next_at      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, webhook_id, delivery_id)
);
CREATE INDEX webhook_deliveries_next ON webhook_deliveries (workspace_id, webhook_id, next_at, seq, delivery_id);

CREATE TABLE webhook_attempts (
    workspace_id       TEXT   NOT NULL,
    webhook_id         TEXT   NOT NULL,
    webhook_attempt_id TEXT   NOT NULL,
    event_id           TEXT   NOT NULL,
    payload            TEXT,                   -- of a test
    doc                TEXT   NOT NULL,
    response           BYTEA,                  -- the beginning of the answer, sealed
    created_at         BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, webhook_attempt_id)
);
CREATE INDEX webhook_attempts_order ON webhook_attempts (workspace_id, webhook_id, created_at, webhook_attempt_id);
