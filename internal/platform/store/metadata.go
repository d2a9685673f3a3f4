package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// SetMetadata replaces the rows by which a resource's custom_metadata is found. They carry the time at which the resource
// was created, so that lists by metadata are read in their order.
func SetMetadata(ctx context.Context, tx *Tx, workspaceID, resourceID string, createdAt time.Time, values map[string]any) error {
	if _, err := tx.Exec(ctx, `DELETE FROM metadata WHERE workspace_id = $1 AND resource_id = $2`, workspaceID, resourceID); err != nil {
		return err
	}
	for name, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx,
			`INSERT INTO metadata (workspace_id, resource_id, name, value, resource_created_at) VALUES ($1, $2, $3, $4, $5)`,
			workspaceID, resourceID, name, string(text), Micros(createdAt)); err != nil {
			return err
		}
	}
	return nil
}

// Metadata reads a resource's custom_metadata.
func Metadata(ctx context.Context, q Querier, workspaceID, resourceID string) (map[string]any, error) {
	values := map[string]any{}
	rows, err := q.Query(ctx, `SELECT name, value FROM metadata WHERE workspace_id = $1 AND resource_id = $2`, workspaceID, resourceID)
	_, err = All(rows, err, func(rows *sql.Rows) (v any, err error) {
		var name string
		var text []byte
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		err = json.Unmarshal(text, &v)
		values[name] = v
		return v, err
	})
	return values, err
}

// MaxMetadata is how many keys a resource's custom_metadata may have.
const MaxMetadata = 50

// AddMetadata adds that a resource, whose id is in the column, has all of these metadata values.
func (w *Where) AddMetadata(idColumn string, workspaceID string, values map[string]any) error {
	if len(values) > MaxMetadata {
		w.AddIn(idColumn, nil) // no resource has so many
		return nil
	}
	c := condition{filters: true}
	pairs := make([][2]string, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text, err := json.Marshal(values[name])
		if err != nil {
			return err
		}
		pairs = append(pairs, [2]string{name, string(text)})
		c.finders = append(c.finders, &finder{isOrdered: true, isExact: len(values) == 1,
			query: `SELECT resource_id AS found_id, resource_created_at AS found_at FROM metadata WHERE workspace_id = ? AND name = ? AND value = ?`,
			args:  []any{workspaceID, name, string(text)}})
	}
	if len(pairs) > 0 {
		c.text = w.each(`metadata m WHERE m.workspace_id = ? AND m.resource_id = ` + idColumn +
			` AND m.name = pair.value ->> 0 AND m.value = pair.value ->> 1`)
		c.args = []any{jsonPairs(pairs), workspaceID}
		w.add(c)
	}
	return nil
}
