-- What client sessions, Connect Webviews and webhooks were made with: they are judged by it and end
-- with it.

-- +goose Up

-- NULL in all of them: the workspace's own. So are the rows from before, of which nobody knows what
-- made them: they keep what they could do until they end or are revoked.
ALTER TABLE client_sessions ADD COLUMN family_id TEXT;          -- the family of tokens
ALTER TABLE client_sessions ADD COLUMN user_id TEXT;            -- the person whose membership it depends on
ALTER TABLE connect_webviews ADD COLUMN family_id TEXT;
ALTER TABLE connect_webviews ADD COLUMN user_id TEXT;
ALTER TABLE connect_webviews ADD COLUMN client_session_id TEXT; -- the client session that made it
ALTER TABLE connect_webviews ADD COLUMN opened_by TEXT;         -- the visit that used its address up
CREATE INDEX client_sessions_family ON client_sessions (family_id) WHERE family_id IS NOT NULL;
CREATE INDEX client_sessions_maker ON client_sessions (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX connect_webviews_family ON connect_webviews (family_id) WHERE family_id IS NOT NULL;
CREATE INDEX connect_webviews_maker ON connect_webviews (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX webhooks_family ON webhooks (family_id) WHERE family_id IS NOT NULL;

-- Which token a token replaced is asked whenever one is used for the first time, changed or revoked.
CREATE INDEX credentials_successor ON credentials (successor_id) WHERE successor_id IS NOT NULL;

-- +goose Down
DROP INDEX credentials_successor;
DROP INDEX webhooks_family;
DROP INDEX connect_webviews_maker;
DROP INDEX connect_webviews_family;
DROP INDEX client_sessions_maker;
DROP INDEX client_sessions_family;
ALTER TABLE connect_webviews DROP COLUMN opened_by;
ALTER TABLE connect_webviews DROP COLUMN client_session_id;
ALTER TABLE connect_webviews DROP COLUMN user_id;
ALTER TABLE connect_webviews DROP COLUMN family_id;
ALTER TABLE client_sessions DROP COLUMN user_id;
ALTER TABLE client_sessions DROP COLUMN family_id;
