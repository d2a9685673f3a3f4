-- What a token shares with those that it follows and that follow it.

-- +goose Up

ALTER TABLE credentials ADD COLUMN family_id TEXT NOT NULL DEFAULT '';                -- the id of the first of them
UPDATE credentials SET family_id = credential_id;
CREATE INDEX credentials_family ON credentials (family_id);

-- From which networks a family of tokens was used, to tell of new ones.
CREATE TABLE token_networks (
    family_id     TEXT   NOT NULL,
    network       TEXT   NOT NULL,             -- 192.0.2.0/24 or 2001:db8:1::/48
    first_used_at BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL,
    PRIMARY KEY (family_id, network)
);
