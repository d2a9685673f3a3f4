-- A place in the timeline of an access code is the event's reference to it, with who caused the event.

-- +goose Up
ALTER TABLE event_refs ADD COLUMN actor TEXT;              -- JSON: type, id; NULL: not in a timeline
UPDATE event_refs SET actor = (SELECT t.actor FROM access_code_timeline t
    WHERE t.workspace_id = event_refs.workspace_id AND t.access_code_id = event_refs.resource_id AND t.event_id = event_refs.event_id)
    WHERE name = 'access_code_id';
DROP TABLE access_code_timeline;
