-- +goose Up
-- lane: which workers run the job. holder: the claim that its lease belongs to, never used twice.
-- failures: how often in a row it has failed or was left behind by a process that died.
ALTER TABLE jobs ADD COLUMN lane TEXT NOT NULL DEFAULT 'rest';
ALTER TABLE jobs ADD COLUMN holder TEXT;
ALTER TABLE jobs ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
UPDATE jobs SET lane = 'bolts' WHERE kind = 'lock.turn';
UPDATE jobs SET lane = 'visits' WHERE kind = 'access_code.sync';
UPDATE jobs SET lane = 'deliveries' WHERE kind = 'mail';
DROP INDEX jobs_run_at;
DROP INDEX jobs_workspace;
CREATE INDEX jobs_run ON jobs (lane, run_at, workspace_id);
CREATE INDEX jobs_due ON jobs (workspace_id, due_at, job_id);

-- Jobs that were tried as often as they may be. One that recurs stands in both tables until it succeeds.
CREATE TABLE failed_jobs (
    workspace_id TEXT   NOT NULL,                -- empty: about the instance
    job_id       TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    payload      TEXT   NOT NULL,
    failures     BIGINT NOT NULL,
    last_error   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    failed_at    BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, job_id)
);
CREATE INDEX failed_jobs_failed_at ON failed_jobs (failed_at);
