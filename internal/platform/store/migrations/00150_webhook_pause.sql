-- A receiver of webhooks may ask for a pause (Retry-After).

-- +goose Up

ALTER TABLE webhooks ADD COLUMN paused_until BIGINT; -- nothing is sent before; NULL: no pause
