-- Workspaces, client sessions with what they were given, and Connect Webviews carry a MAC under the server key too, see
-- package signed. Rows from before get theirs at the first start, which has the key.

-- +goose Up
ALTER TABLE workspaces ADD COLUMN mac BYTEA;
ALTER TABLE client_sessions ADD COLUMN mac BYTEA;
ALTER TABLE client_session_resources ADD COLUMN mac BYTEA;
ALTER TABLE connect_webviews ADD COLUMN mac BYTEA;
