// Package event is the log of what happened in a workspace: append-only, written in the
// transaction of what happened.
package event

import (
	"context"
	"encoding/json"
	"time"

	"keyway/internal/rpc"
	"keyway/internal/store"
)

// Event is what happened, as it is appended.
type Event struct {
	Type               string // "device.added" (API contract, appendix B)
	OccurredAt         time.Time
	DeviceID           string
	ConnectedAccountID string
	CustomerKey        string
	Fields             map[string]any // what this type has beside these
}

// Record is an event as it is served. Fields that only some types have are not listed.
type Record struct {
	EventID            string   `json:"event_id"`
	EventType          string   `json:"event_type"`
	WorkspaceID        string   `json:"workspace_id"`
	CreatedAt          rpc.Time `json:"created_at"`
	OccurredAt         rpc.Time `json:"occurred_at"`
	DeviceID           string   `json:"device_id,omitempty"`
	ConnectedAccountID string   `json:"connected_account_id,omitempty"`
	CustomerKey        string   `json:"customer_key,omitempty"`
}

// Log appends to and reads the event log.
type Log struct {
	DB  *store.DB
	Now func() time.Time
}

// Append writes events in the order given.
func (l *Log) Append(ctx context.Context, tx *store.Tx, workspaceID string, events ...Event) error {
	now := l.Now()
	for _, e := range events {
		if e.OccurredAt.IsZero() {
			e.OccurredAt = now
		}
		id := store.NewID()
		text, err := document(Record{
			EventID: id, EventType: e.Type, WorkspaceID: workspaceID, CreatedAt: rpc.Time{Time: now}, OccurredAt: rpc.Time{Time: e.OccurredAt},
			DeviceID: e.DeviceID, ConnectedAccountID: e.ConnectedAccountID, CustomerKey: e.CustomerKey,
		}, e.Fields)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO events (workspace_id, event_id, event_type, occurred_at, device_id, connected_account_id, customer_key, doc, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, workspaceID, id, e.Type, store.Micros(e.OccurredAt), store.TextOrNull(e.DeviceID),
			store.TextOrNull(e.ConnectedAccountID), store.TextOrNull(e.CustomerKey), string(text), store.Micros(now)); err != nil {
			return err
		}
	}
	return nil
}

// document is the event as it is served: what all events have, then what its type adds.
func document(r Record, fields map[string]any) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil || len(fields) == 0 {
		return text, err
	}
	more, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	return append(append(text[:len(text)-1], ','), more[1:]...), nil
}
