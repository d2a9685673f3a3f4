-- At which hours, and on which devices, tokens are used, for advice.

-- +goose Up
CREATE TABLE token_habits (
    family_id    TEXT   NOT NULL,
    kind         TEXT   NOT NULL,              -- hour, device
    value        TEXT   NOT NULL,              -- the hour of a week in UTC, 000 from Monday; a device's id
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (family_id, kind, value)
);
