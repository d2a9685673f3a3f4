-- The logos that workspaces show in their Connect Webviews.

-- +goose Up
CREATE TABLE workspace_logos (
    workspace_id TEXT  NOT NULL PRIMARY KEY,
    type         TEXT  NOT NULL,               -- image/png or image/jpeg
    data         BYTEA NOT NULL
);
