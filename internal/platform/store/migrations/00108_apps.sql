-- What a workspace's own applications use: client sessions and Connect Webviews.

-- +goose Up

-- A client session's token grants access to a part of one workspace. It is shown again to the
-- workspace's backend, so it is kept twice: as a digest to verify, and sealed to show.
CREATE TABLE client_sessions (
    workspace_id        TEXT   NOT NULL,
    client_session_id   TEXT   NOT NULL,
    short_token         TEXT   NOT NULL,
    key_id              TEXT   NOT NULL,
    digest              BYTEA  NOT NULL,       -- HMAC-SHA-256 of the whole token under key_id
    sealed_token        BYTEA  NOT NULL,
    user_identifier_key TEXT,
    customer_key        TEXT,
    created_at          BIGINT NOT NULL,
    expires_at          BIGINT NOT NULL,
    revoked_at          BIGINT,
    PRIMARY KEY (workspace_id, client_session_id)
);
-- The one lookup that does not know its workspace yet.
CREATE UNIQUE INDEX client_sessions_short_token ON client_sessions (short_token);
CREATE INDEX client_sessions_user ON client_sessions (workspace_id, user_identifier_key);

-- What a client session was granted. Accounts that its webviews connect follow from these rows.
CREATE TABLE client_session_resources (
    workspace_id      TEXT NOT NULL,
    client_session_id TEXT NOT NULL,
    kind              TEXT NOT NULL,           -- connected_account, connect_webview, user_identity
    resource_id       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, client_session_id, kind, resource_id)
);
CREATE INDEX client_session_resources_resource ON client_session_resources (workspace_id, kind, resource_id);

-- A Connect Webview: a page on which one person connects one account.
CREATE TABLE connect_webviews (
    workspace_id         TEXT   NOT NULL,
    connect_webview_id   TEXT   NOT NULL,
    sealed_token         BYTEA  NOT NULL,      -- the token in the page's address
    opened_at            BIGINT,               -- when the address was used; it works once
    expires_at           BIGINT NOT NULL,      -- of the address
    failures             BIGINT NOT NULL,      -- wrong answers so far
    connected_account_id TEXT,
    customer_key         TEXT,
    user_identifier_key  TEXT,
    search               TEXT   NOT NULL,      -- lower case, what ?search= looks in
    doc                  TEXT   NOT NULL,      -- as served, except for its address
    created_at           BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, connect_webview_id)
);
-- The page's address names no workspace.
CREATE UNIQUE INDEX connect_webviews_id ON connect_webviews (connect_webview_id);
CREATE INDEX connect_webviews_order ON connect_webviews (workspace_id, created_at, connect_webview_id);
CREATE INDEX connect_webviews_account ON connect_webviews (workspace_id, connected_account_id);
