-- Work to be done later: jobs, and mail to be sent.

-- +goose Up

CREATE TABLE jobs (
    job_id       TEXT   NOT NULL PRIMARY KEY,
    kind         TEXT   NOT NULL,
    workspace_id TEXT   NOT NULL,
    payload      TEXT   NOT NULL,
    run_at       BIGINT NOT NULL,
    lease_until  BIGINT,
    attempts     BIGINT NOT NULL,
    last_error   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    due_at       BIGINT,                       -- due time by its workspace's clock; NULL: it goes by the real one
    again_at     BIGINT                        -- a job with a key that was requested once more while it was running
);
CREATE INDEX jobs_run_at ON jobs (run_at);
CREATE INDEX jobs_workspace ON jobs (workspace_id);

-- A mail is deleted when the SMTP server has accepted it.
CREATE TABLE mails (
    mail_id    TEXT   NOT NULL PRIMARY KEY,    -- with the sender's domain, its Message-ID
    kind       TEXT   NOT NULL,                -- its template
    sealed     BYTEA  NOT NULL,                -- recipient, subject and text: a link in it may be a credential
    attempts   BIGINT NOT NULL,
    next_at    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL                 -- when it is given up
);
CREATE INDEX mails_next ON mails (next_at);
