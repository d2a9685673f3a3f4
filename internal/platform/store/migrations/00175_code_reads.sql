-- +goose Up

-- What is known of the codes on locks whose slots can be read one by one: a lock without a row was never read whole.
CREATE TABLE code_reads (
    workspace_id TEXT   NOT NULL,
    device_id    TEXT   NOT NULL,
    read_at      BIGINT NOT NULL, -- when all its slots were last read, by the clock of the workspace
    pending      TEXT   NOT NULL, -- what may have changed since: slots as a JSON list, or null for any
    changes      BIGINT NOT NULL, -- counts what was reported, so that what is reported during a read is not lost
    PRIMARY KEY (workspace_id, device_id)
);
