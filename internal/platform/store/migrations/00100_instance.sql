-- What the instance as a whole keeps: generations, keys, settings.
--
-- These files are one SQL text for SQLite and PostgreSQL: text ids, BIGINT microseconds, JSON as TEXT,
-- sealed or digested bytes as BYTEA; no foreign keys, triggers or sequences. Tables of a workspace have
-- workspace_id first in their key and in every index.

-- +goose Up

-- A number for each scope, raised by every commit in it. PostgreSQL only: with SQLite one process
-- writes, and keeps the numbers in memory.
CREATE TABLE generations (
    scope TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- Which keys the key file must contain. proof is derived from the key and reveals nothing of it.
CREATE TABLE server_keys (
    key_id     TEXT   NOT NULL PRIMARY KEY,
    proof      BYTEA  NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL                        -- JSON
);
