-- Which transactions are stored, to decide about a commit whose connection was lost.

-- +goose Up

-- PostgreSQL only: with SQLite a commit is a call that returns its outcome. Each transaction writes its own
-- id; a row with is_stored false was written by someone who asked, and stands for one that is not stored.
CREATE TABLE commits (
    commit_id TEXT    NOT NULL PRIMARY KEY,    -- a UUIDv7, so that old ones come first
    is_stored BOOLEAN NOT NULL
);
