-- Workspaces and who is a member of them.

-- +goose Up

CREATE TABLE workspaces (
    workspace_id    TEXT    NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL,
    is_sandbox      BOOLEAN NOT NULL,
    is_suspended    BOOLEAN NOT NULL,
    publishable_key TEXT    NOT NULL,
    doc             TEXT    NOT NULL,          -- as served
    created_at      BIGINT  NOT NULL,
    deleted_at      BIGINT,                    -- set at once; a job purges the data
    clock_offset    BIGINT  NOT NULL DEFAULT 0 -- how far a sandbox workspace's clock is ahead
);
CREATE UNIQUE INDEX workspaces_publishable_key ON workspaces (publishable_key);

-- The logos that workspaces show in their Connect Webviews.
CREATE TABLE workspace_logos (
    workspace_id TEXT  NOT NULL PRIMARY KEY,
    type         TEXT  NOT NULL,               -- image/png or image/jpeg
    data         BYTEA NOT NULL
);

CREATE TABLE memberships (
    workspace_id TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    role         TEXT   NOT NULL,              -- owner, admin, member
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);
