-- Connected accounts, their devices, and actions on them.

-- +goose Up

CREATE TABLE connected_accounts (
    workspace_id         TEXT    NOT NULL,
    connected_account_id TEXT    NOT NULL,
    provider             TEXT    NOT NULL,
    brand                TEXT    NOT NULL,
    external_id          TEXT    NOT NULL,
    customer_key         TEXT,
    user_identifier_key  TEXT,
    search               TEXT    NOT NULL,     -- lower case, what ?search= looks in
    doc                  TEXT    NOT NULL,     -- as served
    created_at           BIGINT  NOT NULL,
    PRIMARY KEY (workspace_id, connected_account_id)
);
CREATE UNIQUE INDEX connected_accounts_external ON connected_accounts (workspace_id, provider, brand, external_id);
CREATE INDEX connected_accounts_order ON connected_accounts (workspace_id, created_at, connected_account_id);

CREATE TABLE devices (
    workspace_id         TEXT    NOT NULL,
    device_id            TEXT    NOT NULL,
    connected_account_id TEXT    NOT NULL,
    external_id          TEXT    NOT NULL,
    device_type          TEXT    NOT NULL,
    manufacturer         TEXT    NOT NULL,
    name                 TEXT    NOT NULL,     -- the display name in lower case, to sort and search by
    is_managed           BOOLEAN NOT NULL,
    flags                TEXT    NOT NULL,     -- the can_* flags that are true: ",can_a,can_b,"
    customer_key         TEXT,
    user_identifier_key  TEXT,
    search               TEXT    NOT NULL,     -- lower case, what ?search= looks in
    doc                  TEXT    NOT NULL,     -- as served
    created_at           BIGINT  NOT NULL,
    PRIMARY KEY (workspace_id, device_id)
);
CREATE UNIQUE INDEX devices_external ON devices (workspace_id, connected_account_id, external_id);
CREATE INDEX devices_order ON devices (workspace_id, created_at, device_id);
CREATE INDEX devices_type ON devices (workspace_id, device_type, created_at, device_id);

-- What virtual devices remember.
CREATE TABLE device_memory (
    workspace_id TEXT  NOT NULL,
    brand        TEXT  NOT NULL,
    account      TEXT  NOT NULL,               -- external id
    device       TEXT  NOT NULL,               -- external id
    sealed       BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, brand, account, device)
);

-- custom_metadata of devices, accounts and webviews, one row a key, for custom_metadata_has. The
-- served copy is in the resource's doc.
CREATE TABLE metadata (
    workspace_id TEXT NOT NULL,
    resource_id  TEXT NOT NULL,
    name         TEXT NOT NULL,
    value        TEXT NOT NULL,                -- JSON: a string or a boolean
    PRIMARY KEY (workspace_id, resource_id, name)
);
CREATE INDEX metadata_value ON metadata (workspace_id, name, value);

CREATE TABLE action_attempts (
    workspace_id      TEXT   NOT NULL,
    action_attempt_id TEXT   NOT NULL,
    device_id         TEXT,
    status            TEXT   NOT NULL,
    doc               TEXT   NOT NULL,
    created_at        BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, action_attempt_id)
);
CREATE INDEX action_attempts_order ON action_attempts (workspace_id, created_at, action_attempt_id);
CREATE INDEX action_attempts_device ON action_attempts (workspace_id, device_id, created_at, action_attempt_id);
