// Package event is the log of what happened in a workspace: append-only, written in the
// transaction of what happened.
package event

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	json "github.com/go-json-experiment/json/v1" // encoding/json as Go 1.27 has it: the same, and much faster

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
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
	Secret             map[string]any // fields that may contain a PIN: sealed at rest
	Actor              *Actor         // who caused it, where it belongs into the timeline of its access code
}

// Actor is the person, program or device that causes events, as a timeline shows it.
type Actor struct {
	Type string `json:"type"` // api_key, console_user, system, external
	ID   string `json:"id,omitempty"`
}

// Record is an event as it is served. What only some types have is in their Variants.
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

// Appended is an event that has just been written.
type Appended struct {
	ID, Type string
	DeviceID string // empty: it is about none
	Seq      int64  // its place among the workspace's events, in the order of their commits
}

// Subscriber is notified of events in the transaction that appends them: what it writes there is on
// disk exactly when they are.
type Subscriber interface {
	Appended(ctx context.Context, tx *store.Tx, workspaceID string, now time.Time, events []Appended) error
}

// Log appends to and reads the event log.
type Log struct {
	DB          *store.DB
	Vault       *vault.Vault
	Now         func() time.Time
	Retention   time.Duration // how long events are kept; 0: they are never removed
	Subscribers []Subscriber
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

// Sealed are the columns of this room that contain secrets.
func Sealed() []vault.Column {
	return []vault.Column{{What: "events with codes in them", Table: "events", Name: "secret", Key: []string{"workspace_id", "event_id"},
		Place: func(key []string) string {
			return place(key[0], key[1])
		}}}
}

func place(workspaceID, eventID string) string {
	return "events/" + workspaceID + "/" + eventID + "/secret"
}

// Append writes events in the order given. Their numbers are the workspace's next: the row that
// gives them is locked until the commit, so that a client reading in their order misses none.
func (l *Log) Append(ctx context.Context, tx *store.Tx, workspaceID string, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	events = slices.Clone(events)
	now := l.Now()
	var seq int64
	if err := tx.QueryRow(ctx, `INSERT INTO event_heads (workspace_id, seq) VALUES ($1, $2)
		ON CONFLICT (workspace_id) DO UPDATE SET seq = event_heads.seq + excluded.seq
		RETURNING seq`, workspaceID, len(events)).Scan(&seq); err != nil {
		return err
	}
	if err := addAccountMetadata(ctx, tx, workspaceID, events); err != nil {
		return err
	}
	appended := make([]Appended, len(events))
	var rows, refs []any
	for i, e := range events {
		if e.ID == "" {
			e.ID = store.NewID()
		}
		if e.OccurredAt.IsZero() {
			e.OccurredAt = now
		}
		appended[i] = Appended{e.ID, e.Type, e.DeviceID, seq - int64(len(events)-1-i)}
		var err error
		if rows, refs, err = l.rows(rows, refs, workspaceID, now, e, appended[i].Seq); err != nil {
			return err
		}
	}
	if err := insert(ctx, tx,
		`INSERT INTO events (workspace_id, event_id, event_type, occurred_at, device_id, connected_account_id, customer_key, doc, secret,
			created_at, seq)`, 11, rows); err != nil {
		return err
	}
	if err := insert(ctx, tx, `INSERT INTO event_refs (workspace_id, name, resource_id, occurred_at, event_id, actor)`, 6, refs); err != nil {
		return err
	}
	for _, s := range l.Subscribers {
		if err := s.Appended(ctx, tx, workspaceID, now, appended); err != nil {
			return err
		}
	}
	return nil
}

// addAccountMetadata adds the custom metadata of its account to each event of a device, a code or a lock.
func addAccountMetadata(ctx context.Context, tx *store.Tx, workspaceID string, events []Event) error {
	const field = "connected_account_custom_metadata"
	known := map[string]map[string]any{}
	for i, e := range events {
		if _, given := e.Fields[field]; given || e.ConnectedAccountID == "" {
			continue
		}
		values, ok := known[e.ConnectedAccountID]
		if !ok {
			var err error
			if values, err = store.Metadata(ctx, tx, workspaceID, e.ConnectedAccountID); err != nil {
				return err
			}
			known[e.ConnectedAccountID] = values
		}
		if len(values) > 0 {
			events[i].Fields = maps.Clone(e.Fields)
			if events[i].Fields == nil {
				events[i].Fields = map[string]any{}
			}
			events[i].Fields[field] = values
		}
	}
	return nil
}

// atOnce is how many rows one statement writes: few, so that there are few different statements.
const atOnce = 4

// insert writes rows of so many columns, whose values stand one after another.
func insert(ctx context.Context, tx *store.Tx, into string, columns int, values []any) error {
	for some := range slices.Chunk(values, atOnce*columns) {
		query := into + ` VALUES `
		for i := range some {
			switch {
			case i == 0:
				query += `(`
			case i%columns == 0:
				query += `), (`
			default:
				query += `, `
			}
			query += store.Mark(i + 1)
		}
		if _, err := tx.Exec(ctx, query+`)`, some...); err != nil {
			return err
		}
	}
	return nil
}

// rows adds an event's values to those of others, and those of its references.
func (l *Log) rows(rows, refs []any, workspaceID string, now time.Time, e Event, seq int64) (_, _ []any, err error) {
	doc := map[string]any{
		"event_id": e.ID, "event_type": e.Type, "workspace_id": workspaceID,
		"created_at": rpc.Time{Time: now}, "occurred_at": rpc.Time{Time: e.OccurredAt},
	}
	for name, v := range map[string]string{"device_id": e.DeviceID, "connected_account_id": e.ConnectedAccountID,
		"customer_key": e.CustomerKey} {
		if v != "" {
			doc[name] = v
		}
	}
	if says := Type(e.Type).Says(); says != "" {
		doc["event_description"] = says
	}
	maps.Copy(doc, e.Fields)
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, nil, err
	}
	var secret []byte
	if len(e.Secret) > 0 {
		fields, err := json.Marshal(e.Secret)
		if err != nil {
			return nil, nil, err
		}
		secret = l.Vault.Seal(place(workspaceID, e.ID), fields)
	}
	rows = append(rows, workspaceID, e.ID, e.Type, store.Micros(e.OccurredAt), store.TextOrNull(e.DeviceID),
		store.TextOrNull(e.ConnectedAccountID), store.TextOrNull(e.CustomerKey), string(text), secret, store.Micros(now), seq)
	for _, r := range refsOf(doc) {
		var actor sql.NullString
		if e.Actor != nil && r.name == AccessCode {
			text, err := json.Marshal(e.Actor)
			if err != nil {
				return nil, nil, err
			}
			actor = sql.NullString{String: string(text), Valid: true}
		}
		refs = append(refs, workspaceID, r.name, r.id, store.Micros(e.OccurredAt), e.ID, actor)
	}
	return rows, refs, nil
}

// AccessCode is the name of references to access codes.
const AccessCode = "access_code_id"

// refNames are the ids in an event, beside its device and account, that lists can be filtered by.
var refNames = []string{"access_code_id", "access_grant_id", "access_method_id", "acs_access_group_id", "acs_credential_id",
	"acs_encoder_id",
	"acs_entrance_id", "acs_system_id", "acs_user_id", "connect_webview_id", "customer_key", "space_id", "user_identity_id"}

type ref struct{ name, id string }

// refsOf finds the ids in an event's doc, single or as a list under the plural name.
func refsOf(doc map[string]any) []ref {
	var out []ref
	add := func(name, id string) {
		if r := (ref{name, id}); id != "" && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	for _, name := range refNames {
		switch v := doc[name].(type) {
		case string:
			add(name, v)
		case *string:
			if v != nil {
				add(name, *v)
			}
		}
		switch list := doc[name+"s"].(type) {
		case []string:
			for _, id := range list {
				add(name, id)
			}
		case []any: // as decoded from JSON
			for _, id := range list {
				if id, ok := id.(string); ok {
					add(name, id)
				}
			}
		}
	}
	return out
}
