-- +goose Up

-- What ?search= looks in, apart from the rows of resources, whose documents it need not read: see search.go.
CREATE TABLE search_texts (
    workspace_id TEXT   NOT NULL,
    kind         TEXT   NOT NULL,              -- device, connected_account, connect_webview
    resource_id  TEXT   NOT NULL,
    bucket       BIGINT NOT NULL,              -- below 0: its grams are not known yet
    text         TEXT   NOT NULL,              -- folded
    PRIMARY KEY (workspace_id, kind, resource_id)
);
CREATE INDEX search_texts_bucket ON search_texts (workspace_id, kind, bucket);
CREATE INDEX search_texts_new ON search_texts (bucket) WHERE bucket < 0;

-- Which three letters in sequence occur in the texts of a bucket.
CREATE TABLE search_grams (
    workspace_id TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    gram         BYTEA  NOT NULL,
    bucket       BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, kind, gram, bucket)
);

INSERT INTO search_texts (workspace_id, kind, resource_id, bucket, text) SELECT workspace_id, 'device', device_id, -1, search FROM devices;
INSERT INTO search_texts (workspace_id, kind, resource_id, bucket, text)
    SELECT workspace_id, 'connected_account', connected_account_id, -1, search FROM connected_accounts;
INSERT INTO search_texts (workspace_id, kind, resource_id, bucket, text)
    SELECT workspace_id, 'connect_webview', connect_webview_id, -1, search FROM connect_webviews;
ALTER TABLE devices DROP COLUMN search;
ALTER TABLE connected_accounts DROP COLUMN search;
ALTER TABLE connect_webviews DROP COLUMN search;

-- Each filter of a list that singles out few rows finds them, and in the order of the list.
CREATE INDEX devices_account ON devices (workspace_id, connected_account_id, created_at, device_id);
CREATE INDEX devices_customer ON devices (workspace_id, customer_key, created_at, device_id) WHERE customer_key IS NOT NULL;
CREATE INDEX devices_manufacturer ON devices (workspace_id, manufacturer, created_at, device_id);
CREATE INDEX devices_name ON devices (workspace_id, name, created_at, device_id);
CREATE INDEX devices_unmanaged ON devices (workspace_id, created_at, device_id) WHERE is_managed = FALSE;
CREATE INDEX connected_accounts_customer ON connected_accounts (workspace_id, customer_key, created_at, connected_account_id)
    WHERE customer_key IS NOT NULL;
CREATE INDEX connected_accounts_user ON connected_accounts (workspace_id, user_identifier_key) WHERE user_identifier_key IS NOT NULL;
CREATE INDEX connect_webviews_customer ON connect_webviews (workspace_id, customer_key, created_at, connect_webview_id)
    WHERE customer_key IS NOT NULL;
CREATE INDEX connect_webviews_user ON connect_webviews (workspace_id, user_identifier_key) WHERE user_identifier_key IS NOT NULL;
CREATE INDEX client_sessions_order ON client_sessions (workspace_id, created_at, client_session_id);
CREATE INDEX access_codes_account ON access_codes (workspace_id, connected_account_id, created_at, access_code_id);
CREATE INDEX events_type ON events (workspace_id, event_type, occurred_at, event_id);
CREATE INDEX links_email ON links (email) WHERE email IS NOT NULL;
CREATE INDEX audit_entries_action ON audit_entries (workspace_id, action, occurred_at, entry_id);

-- Metadata is found in the order of lists.
ALTER TABLE metadata ADD COLUMN resource_created_at BIGINT NOT NULL DEFAULT 0;
UPDATE metadata SET resource_created_at = d.created_at FROM devices d
    WHERE d.workspace_id = metadata.workspace_id AND d.device_id = metadata.resource_id;
UPDATE metadata SET resource_created_at = a.created_at FROM connected_accounts a
    WHERE a.workspace_id = metadata.workspace_id AND a.connected_account_id = metadata.resource_id;
UPDATE metadata SET resource_created_at = w.created_at FROM connect_webviews w
    WHERE w.workspace_id = metadata.workspace_id AND w.connect_webview_id = metadata.resource_id;
DROP INDEX metadata_value;
CREATE INDEX metadata_value ON metadata (workspace_id, name, value, resource_created_at, resource_id);
