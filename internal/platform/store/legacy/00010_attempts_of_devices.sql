-- The action attempts of one device, without reading those of its whole workspace.

-- +goose Up
CREATE INDEX action_attempts_device ON action_attempts (workspace_id, device_id, created_at, action_attempt_id);
