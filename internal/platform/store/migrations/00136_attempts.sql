-- +goose Up
-- sent_at: when the device was asked, or was about to be; NULL: it was not. deadline: until when the outcome is expected.
-- result: what the attempt resulted in where that holds a secret, sealed; it takes the place of the doc's.
ALTER TABLE action_attempts ADD COLUMN sent_at BIGINT;
ALTER TABLE action_attempts ADD COLUMN deadline BIGINT;
ALTER TABLE action_attempts ADD COLUMN result BYTEA;
