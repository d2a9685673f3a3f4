-- A place in the timeline of an access code is the event's reference to it, with who caused the event.

-- +goose Up
ALTER TABLE event_refs ADD COLUMN actor TEXT;              -- JSON: type, id; NULL: not in a timeline
UPDATE event_refs SET actor = (SELECT t.actor FROM access_code_timeline t
    WHERE t.workspace_id = event_refs.workspace_id AND t.access_code_id = event_refs.resource_id AND t.event_id = event_refs.event_id)
    WHERE name = 'access_code_id';
DROP TABLE access_code_timeline;

-- +goose Down
CREATE TABLE access_code_timeline (
    workspace_id   TEXT   NOT NULL,
    access_code_id TEXT   NOT NULL,
    event_id       TEXT   NOT NULL,
    occurred_at    BIGINT NOT NULL,
    device_id      TEXT   NOT NULL,
    actor          TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, access_code_id, event_id)
);
CREATE INDEX access_code_timeline_order ON access_code_timeline (workspace_id, access_code_id, occurred_at, event_id);
INSERT INTO access_code_timeline (workspace_id, access_code_id, event_id, occurred_at, device_id, actor)
    SELECT r.workspace_id, r.resource_id, r.event_id, r.occurred_at, e.device_id, r.actor FROM event_refs r
    JOIN events e ON e.workspace_id = r.workspace_id AND e.event_id = r.event_id
    WHERE r.name = 'access_code_id' AND r.actor IS NOT NULL;
ALTER TABLE event_refs DROP COLUMN actor;
