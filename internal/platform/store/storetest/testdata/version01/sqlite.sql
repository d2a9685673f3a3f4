-- A database as the first version of Keyway left it: schema 00001, with tokens. Never changed.
BEGIN TRANSACTION;
CREATE TABLE action_attempts (
    workspace_id      TEXT   NOT NULL,
    action_attempt_id TEXT   NOT NULL,
    device_id         TEXT,
    status            TEXT   NOT NULL,
    doc               TEXT   NOT NULL,
    created_at        BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, action_attempt_id)
);
CREATE TABLE audit_entries (
    entry_id     TEXT   NOT NULL PRIMARY KEY,
    occurred_at  BIGINT NOT NULL,
    actor        TEXT   NOT NULL,              -- JSON: kind, user_id, credential_id, os_user, address
    action       TEXT   NOT NULL,
    workspace_id TEXT,
    subject_id   TEXT,
    detail       TEXT   NOT NULL               -- JSON, never a secret
);
CREATE TABLE connected_accounts (
    workspace_id         TEXT    NOT NULL,
    connected_account_id TEXT    NOT NULL,
    provider             TEXT    NOT NULL,
    brand                TEXT    NOT NULL,
    external_id          TEXT    NOT NULL,
    customer_key         TEXT,
    user_identifier_key  TEXT,
    search               TEXT    NOT NULL,     -- lower case, what ?search= looks in
    doc                  TEXT    NOT NULL,
    created_at           BIGINT  NOT NULL,
    PRIMARY KEY (workspace_id, connected_account_id)
);
CREATE TABLE credentials (
    credential_id TEXT   NOT NULL PRIMARY KEY,
    kind          TEXT   NOT NULL,             -- personal_access_token, api_key, workspace_key
    short_token   TEXT   NOT NULL,             -- the visible part, by which it is found
    key_id        TEXT   NOT NULL,
    digest        BYTEA  NOT NULL,             -- HMAC-SHA-256 of the whole token under key_id
    user_id       TEXT,                        -- whose token it is; for API keys who made it
    workspace_id  TEXT,                        -- API keys and workspace keys
    parent_id     TEXT,                        -- workspace keys: their personal access token
    name          TEXT   NOT NULL,
    description   TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    created_from  TEXT   NOT NULL,             -- console, command, token
    expires_at    BIGINT,
    revoked_at    BIGINT,
    revoked_by    TEXT,
    revoke_reason TEXT,
    last_used_at  BIGINT,
    last_used     TEXT                         -- JSON: address, user_agent, workspace_id, endpoint
);
INSERT INTO "credentials" VALUES('01a2135b-45ff-7408-942a-13b6a368e656','personal_access_token','at1CSKhmeHd','kVbMtxOCP',X'E82291800DCD9E090E82015742059C0E8449C65D7CF16C80B9D30519E257AAEB','01a2135b-45a3-702b-ab1b-4e1f417e0223',NULL,NULL,'live','',1790845200000000,'console',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "credentials" VALUES('01a2135b-4615-7b49-a04d-60eaa582bebd','personal_access_token','at1KWo1zatW','kVbMtxOCP',X'F3E9F1B5C4278AC45B28896A43B44A77405F8DF8185B678CCC9790CE9DCD3928','01a2135b-45a3-702b-ab1b-4e1f417e0223',NULL,NULL,'expired','',1790845200000000,'console',1790848800000000,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "credentials" VALUES('01a2135b-4635-777e-aa8b-960a0cf569cd','personal_access_token','at19DXrw37X','kVbMtxOCP',X'B94733882BDA3AFBB03F61E0367EAFC466D680F85F7DDA296DF1AC9F8928F049','01a2135b-45a3-702b-ab1b-4e1f417e0223',NULL,NULL,'revoked','',1790845200000000,'console',NULL,1790848800000000,NULL,NULL,NULL,NULL);
INSERT INTO "credentials" VALUES('01a2135b-464a-7433-8552-55b1022cb389','personal_access_token','at1zumuXdHf','kVbMtxOCP',X'80B1F4504FAB3ABB206836C9D56EF79ADC1EEB104E901FAA21F63C355A39E819','01a2135b-45a3-702b-ab1b-4e1f417e0223',NULL,NULL,'unknown scope','',1790845200000000,'console',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "credentials" VALUES('01a2135b-4654-7e8f-b74c-8734a3b95714','api_key','test3AP1','kVbMtxOCP',X'6A621B543EB08F3C5FCFDC5772961E43C95A4B675A22D27D7C367152B778D1E1','01a2135b-45a3-702b-ab1b-4e1f417e0223','01a2135b-45a3-7030-b330-359665a9f87a',NULL,'API key','',1790845200000000,'console',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "credentials" VALUES('01a2135b-467f-7703-8a78-d264ff4cd985','api_key','testhNA8','kVbMtxOCP',X'C9DE76DA0705A5A3BACB0DB89B04AFFAF2BE68E061846EC9D3EF752B679CA3D5','01a2135b-45a3-702b-ab1b-4e1f417e0223','01a2135b-45a3-7030-b330-359665a9f87a',NULL,'revoked API key','',1790845200000000,'console',NULL,1790848800000000,NULL,NULL,NULL,NULL);
INSERT INTO "credentials" VALUES('01a2135b-469a-77ae-984e-2360729a83c0','workspace_key','testnoM9','kVbMtxOCP',X'698ED644521DA7EFCC6C54ED7B436F6C43836E5733EAD8496B82B25AD7D2077F',NULL,'01a2135b-45a3-7030-b330-359665a9f87a','01a2135b-45ff-7408-942a-13b6a368e656','workspace key','',1790845200000000,'console',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "credentials" VALUES('01a2135b-46ac-7494-a188-683ed98229b3','workspace_key','testNzk4','kVbMtxOCP',X'E4C137F78F2294F0BC1B5712F1F36ED330806B55B7D96B41302DC6CB29CF6F02',NULL,'01a2135b-45a3-7030-b330-359665a9f87a','01a2135b-4635-777e-aa8b-960a0cf569cd','workspace key of the revoked','',1790845200000000,'console',NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE devices (
    workspace_id         TEXT    NOT NULL,
    device_id            TEXT    NOT NULL,
    connected_account_id TEXT    NOT NULL,
    external_id          TEXT    NOT NULL,
    device_type          TEXT    NOT NULL,
    manufacturer         TEXT    NOT NULL,
    name                 TEXT    NOT NULL,     -- as found: display name in lower case
    is_managed           BOOLEAN NOT NULL,
    flags                TEXT    NOT NULL,     -- the can_* flags that are true: ",can_a,can_b,"
    customer_key         TEXT,
    user_identifier_key  TEXT,
    search               TEXT    NOT NULL,
    doc                  TEXT    NOT NULL,
    created_at           BIGINT  NOT NULL,
    PRIMARY KEY (workspace_id, device_id)
);
CREATE TABLE events (
    workspace_id         TEXT   NOT NULL,
    event_id             TEXT   NOT NULL,
    event_type           TEXT   NOT NULL,
    occurred_at          BIGINT NOT NULL,
    device_id            TEXT,
    connected_account_id TEXT,
    customer_key         TEXT,
    doc                  TEXT   NOT NULL,
    created_at           BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, event_id)
);
CREATE TABLE generations (
    scope TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO "goose_db_version" VALUES(1,0,1,'2026-11-25 15:37:58');
INSERT INTO "goose_db_version" VALUES(2,1,1,'2026-11-25 15:37:58');
CREATE TABLE jobs (
    job_id       TEXT   NOT NULL PRIMARY KEY,
    kind         TEXT   NOT NULL,
    workspace_id TEXT   NOT NULL,
    payload      TEXT   NOT NULL,
    run_at       BIGINT NOT NULL,
    lease_until  BIGINT,
    attempts     BIGINT NOT NULL,
    last_error   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE TABLE links (
    link_id      TEXT   NOT NULL PRIMARY KEY,
    kind         TEXT   NOT NULL,              -- setup, invitation
    key_id       TEXT   NOT NULL,
    digest       BYTEA  NOT NULL,
    workspace_id TEXT,
    email        TEXT,
    role         TEXT,
    created_by   TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT
);
CREATE TABLE memberships (
    workspace_id TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    role         TEXT   NOT NULL,              -- owner, admin, member
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
INSERT INTO "memberships" VALUES('01a2135b-45a3-7030-b330-359665a9f87a','01a2135b-45a3-702b-ab1b-4e1f417e0223','owner',1790845200000000);
INSERT INTO "memberships" VALUES('01a2135b-45a3-7031-821e-6034076a50b9','01a2135b-45a3-702b-ab1b-4e1f417e0223','owner',1790845200000000);
CREATE TABLE metadata (
    workspace_id TEXT NOT NULL,
    resource_id  TEXT NOT NULL,
    name         TEXT NOT NULL,
    value        TEXT NOT NULL,                -- JSON: a string or a boolean
    PRIMARY KEY (workspace_id, resource_id, name)
);
CREATE TABLE server_keys (
    key_id     TEXT   NOT NULL PRIMARY KEY,
    proof      BYTEA  NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO "server_keys" VALUES('kVbMtxOCP',X'91E33D190EA8706DA1837767021148C12CF5C53813F03F75F07182F56171D5FB',1790845200000000);
CREATE TABLE sessions (
    session_id TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL,
    kind       TEXT   NOT NULL,                -- browser, token
    key_id     TEXT   NOT NULL,
    digest     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    address    TEXT   NOT NULL,
    user_agent TEXT   NOT NULL
);
CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE users (
    user_id       TEXT    NOT NULL PRIMARY KEY,
    email         TEXT    NOT NULL,           -- lower case
    name          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,           -- argon2id in PHC form; empty: cannot sign in by password
    is_operator   BOOLEAN NOT NULL,
    disabled_at   BIGINT,
    created_at    BIGINT  NOT NULL
);
INSERT INTO "users" VALUES('01a2135b-45a3-702b-ab1b-4e1f417e0223','old@example.com','Old','',1,NULL,1790845200000000);
CREATE TABLE workspaces (
    workspace_id    TEXT    NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL,
    is_sandbox      BOOLEAN NOT NULL,
    is_suspended    BOOLEAN NOT NULL,
    publishable_key TEXT    NOT NULL,
    doc             TEXT    NOT NULL,          -- as served
    created_at      BIGINT  NOT NULL,
    deleted_at      BIGINT                     -- set at once; the data is purged by a job
);
INSERT INTO "workspaces" VALUES('01a2135b-45a3-7030-b330-359665a9f87a','Old',1,0,'seam_pk1Old','{"workspace_id":"01a2135b-45a3-7030-b330-359665a9f87a","name":"Old","company_name":"Old","is_sandbox":true,"is_suspended":false,"connect_partner_name":null,"is_publishable_key_auth_enabled":false,"organization_id":null,"publishable_key":"seam_pk1Old","connect_webview_customization":{}}',1790845200000000,NULL);
INSERT INTO "workspaces" VALUES('01a2135b-45a3-7031-821e-6034076a50b9','Older',1,0,'seam_pk1Older','{"workspace_id":"01a2135b-45a3-7031-821e-6034076a50b9","name":"Older","company_name":"Older","is_sandbox":true,"is_suspended":false,"connect_partner_name":null,"is_publishable_key_auth_enabled":false,"organization_id":null,"publishable_key":"seam_pk1Older","connect_webview_customization":{}}',1790845200000000,NULL);
CREATE UNIQUE INDEX users_email ON users (email);
CREATE UNIQUE INDEX workspaces_publishable_key ON workspaces (publishable_key);
CREATE INDEX memberships_user ON memberships (user_id);
CREATE INDEX links_workspace ON links (workspace_id, kind);
CREATE UNIQUE INDEX credentials_short_token ON credentials (short_token);
CREATE INDEX credentials_user ON credentials (user_id, kind);
CREATE INDEX credentials_workspace ON credentials (workspace_id, kind);
CREATE INDEX credentials_parent ON credentials (parent_id);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX audit_entries_workspace ON audit_entries (workspace_id, entry_id);
CREATE INDEX jobs_run_at ON jobs (run_at);
CREATE INDEX jobs_workspace ON jobs (workspace_id);
CREATE UNIQUE INDEX connected_accounts_external ON connected_accounts (workspace_id, provider, brand, external_id);
CREATE INDEX connected_accounts_order ON connected_accounts (workspace_id, created_at, connected_account_id);
CREATE UNIQUE INDEX devices_external ON devices (workspace_id, connected_account_id, external_id);
CREATE INDEX devices_order ON devices (workspace_id, created_at, device_id);
CREATE INDEX devices_type ON devices (workspace_id, device_type, created_at, device_id);
CREATE INDEX metadata_value ON metadata (workspace_id, name, value);
CREATE INDEX action_attempts_order ON action_attempts (workspace_id, created_at, action_attempt_id);
CREATE INDEX events_order ON events (workspace_id, occurred_at, event_id);
CREATE INDEX events_device ON events (workspace_id, device_id, occurred_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('goose_db_version',2);
COMMIT;
