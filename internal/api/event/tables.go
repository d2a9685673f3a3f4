package event

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"keyway/internal/platform/store"
)

// Tables are the tables of this package. Events are kept for the log's retention.
func (l *Log) Tables() []store.Table {
	return []store.Table{
		{Name: "events", Key: []string{"workspace_id", "event_id"}, Workspace: "workspace_id", Rules: []store.Rule{{
			What: "events", Age: "created_at", Keep: l.Retention, Before: forgetRefs,
			// The oldest numbers first: a stream finds out by the lowest number that it has missed some.
			Where: "seq < (SELECT min(seq) FROM events WHERE workspace_id = $2) + 1000",
		}}},
		{Name: "event_refs", Key: []string{"workspace_id", "name", "resource_id", "occurred_at", "event_id"}, Workspace: "workspace_id",
			Kept: "removed with its event"},
		{Name: "event_heads", Key: []string{"workspace_id"}, Workspace: "workspace_id", Kept: "one number for each workspace"},
	}
}

// forgetRefs removes the references of an event that is about to be removed.
func forgetRefs(ctx context.Context, tx *store.Tx, key []any) error {
	var occurred int64
	var text []byte
	err := tx.QueryRow(ctx, `SELECT occurred_at, doc FROM events WHERE workspace_id = $1 AND event_id = $2`, key...).Scan(&occurred, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	for _, r := range refsOf(doc) {
		if _, err := tx.Exec(ctx,
			`DELETE FROM event_refs WHERE workspace_id = $1 AND name = $2 AND resource_id = $3 AND occurred_at = $4 AND event_id = $5`,
			key[0], r.name, r.id, occurred, key[1]); err != nil {
			return err
		}
	}
	return nil
}
