-- +goose Up

-- What was kept long enough is found by these.
CREATE INDEX client_sessions_expires ON client_sessions (workspace_id, expires_at);
CREATE INDEX client_sessions_revoked ON client_sessions (workspace_id, revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX connect_webviews_pending ON connect_webviews (workspace_id, created_at) WHERE connected_account_id IS NULL;
CREATE INDEX credentials_revoked ON credentials (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX credentials_ended ON credentials (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX links_expires ON links (expires_at);
CREATE INDEX sessions_expires ON sessions (expires_at);

-- One job removes what these removed.
DELETE FROM jobs WHERE kind IN ('event.purge', 'webhook.retain', 'personal_access_token.tidy');
