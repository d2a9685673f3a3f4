package event

import (
	"context"
	"database/sql"
	"time"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// Filter chooses events of a workspace; what is empty chooses nothing away.
type Filter struct {
	ID       string
	Type     Type
	DeviceID string
	Since    time.Time    // occurred at this time or later
	Until    time.Time    // occurred before this time
	From     rpc.Position // whose CreatedAt is when the event occurred
	Limit    int
}

// Find reads one page of the events that the caller reaches, the latest first.
func (l *Log) Find(ctx context.Context, workspaceID string, f Filter) (p rpc.Page[Record], err error) {
	w := l.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	credential.From(ctx).Limit(w, "device_id", "connected_account_id", "customer_key")
	(&filter{EventType: f.Type, DeviceID: f.DeviceID}).columns(w)
	if f.ID != "" {
		w.Add("event_id = ?", f.ID)
	}
	if !f.Since.IsZero() {
		w.Add("occurred_at >= ?", store.Micros(f.Since))
	}
	if !f.Until.IsZero() {
		w.Add("occurred_at < ?", store.Micros(f.Until))
	}
	w.NewestFirst = true
	found, short, err := store.ReadPage(ctx, l.DB, w, store.Paging{Table: "events", Time: "occurred_at", ID: "event_id",
		Columns: "event_id, doc, secret, occurred_at", After: f.From, Limit: f.Limit},
		func(rows *sql.Rows) (r store.Row, err error) {
			var doc, secret []byte
			if err := rows.Scan(&r.ID, &doc, &secret, &r.CreatedAt); err != nil {
				return r, err
			}
			r.Doc, err = l.Serve(workspaceID, r.ID, doc, secret)
			return r, err
		})
	return rpc.PageOf[Record](found, f.Limit, short), err
}

// Has reports whether a workspace has an event with an id.
func (l *Log) Has(ctx context.Context, q store.Querier, workspaceID, id string) (has bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM events WHERE workspace_id = $1 AND event_id = $2)`, workspaceID, id).Scan(&has)
	return has, err
}
