// Package event is the log of what happened in a workspace: append-only, written in the
// transaction of what happened.
package event

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"keyway/internal/rpc"
	"keyway/internal/store"
	"keyway/internal/vault"
)

// Event is what happened, as it is appended.
type Event struct {
	ID                 string // made unless given
	Type               string // "device.added" (API contract, appendix B)
	OccurredAt         time.Time
	DeviceID           string
	ConnectedAccountID string
	CustomerKey        string
	Fields             map[string]any // what this type has beside these
	Secret             map[string]any // fields that may hold a PIN: sealed at rest
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
	DB    *store.DB
	Vault *vault.Vault
	Now   func() time.Time
}

// Serve puts what is sealed of an event back into its doc. secret is the column of that name.
func (l *Log) Serve(workspaceID, eventID string, doc, secret []byte) (rpc.Doc[Record], error) {
	if len(secret) == 0 {
		return doc, nil
	}
	fields, err := l.Vault.Open(place(workspaceID, eventID), secret)
	if err != nil {
		return nil, err
	}
	return rpc.Splice[Record](doc, fields), nil
}

func place(workspaceID, eventID string) string {
	return "events/" + workspaceID + "/" + eventID + "/secret"
}

// Append writes events in the order given.
func (l *Log) Append(ctx context.Context, tx *store.Tx, workspaceID string, events ...Event) error {
	now := l.Now()
	for _, e := range events {
		if e.OccurredAt.IsZero() {
			e.OccurredAt = now
		}
		id := e.ID
		if id == "" {
			id = store.NewID()
		}
		doc := map[string]any{
			"event_id": id, "event_type": e.Type, "workspace_id": workspaceID,
			"created_at": rpc.Time{Time: now}, "occurred_at": rpc.Time{Time: e.OccurredAt},
		}
		for name, v := range map[string]string{"device_id": e.DeviceID, "connected_account_id": e.ConnectedAccountID, "customer_key": e.CustomerKey} {
			if v != "" {
				doc[name] = v
			}
		}
		maps.Copy(doc, e.Fields)
		text, err := json.Marshal(doc)
		if err != nil {
			return err
		}
		var secret []byte
		if len(e.Secret) > 0 {
			fields, err := json.Marshal(e.Secret)
			if err != nil {
				return err
			}
			secret = l.Vault.Seal(place(workspaceID, id), fields)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO events (workspace_id, event_id, event_type, occurred_at, device_id, connected_account_id, customer_key, doc, secret, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, workspaceID, id, e.Type, store.Micros(e.OccurredAt), store.TextOrNull(e.DeviceID),
			store.TextOrNull(e.ConnectedAccountID), store.TextOrNull(e.CustomerKey), string(text), secret, store.Micros(now)); err != nil {
			return err
		}
	}
	return nil
}
