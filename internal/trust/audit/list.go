package audit

import (
	"context"
	"encoding/json"
	"time"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
)

// Record is an entry as it is served.
type Record struct {
	ID          string          `json:"audit_entry_id"`
	Sequence    *int64          `json:"sequence" doc:"The entry's number in the chain; null where it was written before there was one."`
	OccurredAt  rpc.Time        `json:"occurred_at"`
	Actor       Actor           `json:"actor" doc:"Who did it."`
	Action      string          `json:"action" doc:"What was done, for example personal_access_token.created."`
	WorkspaceID *string         `json:"workspace_id" doc:"null: about the instance."`
	SubjectID   *string         `json:"subject_id" doc:"What it was done to."`
	Detail      json.RawMessage `json:"detail" secret:"false" holds:"object" rule:"nullable" doc:"More about it; never a secret."`
}

// Filter chooses entries. Empty fields are ignored.
type Filter struct {
	WorkspaceID  string
	Action       string
	SubjectID    string
	CredentialID string // done with this credential, or to it
	UserID       string // done by this person, or to them
	Since        time.Time
	Before       time.Time
	Denials      Denials
}

// Denials says whether entries about refused credentials are chosen, which may be many.
type Denials string

// The choices; empty: they are as good as others.
const (
	NoDenials   Denials = " NOT LIKE "
	OnlyDenials Denials = " LIKE "
)

// List returns at most limit entries behind a position, newest first.
func (l *Log) List(ctx context.Context, f Filter, from rpc.Position, limit int) (page rpc.Page[Record], err error) {
	w := l.DB.Where()
	for _, eq := range []struct{ column, value string }{{"workspace_id", f.WorkspaceID}, {"action", f.Action}, {"subject_id", f.SubjectID}} {
		if eq.value != "" {
			w.Add(eq.column+" = ?", eq.value)
		}
	}
	for _, either := range []struct{ column, value string }{{"credential_id", f.CredentialID}, {"user_id", f.UserID}} {
		if either.value != "" {
			w.Add("("+either.column+" = ? OR subject_id = ?)", either.value, either.value)
		}
	}
	if f.Denials != "" {
		w.AddFilter("action" + string(f.Denials) + "'%.denied'")
	}
	if !f.Since.IsZero() {
		w.Add("occurred_at >= ?", store.Micros(f.Since))
	}
	if !f.Before.IsZero() {
		w.Add("occurred_at < ?", store.Micros(f.Before))
	}
	w.NewestFirst = true
	rows, short, err := store.ReadPage(ctx, l.DB, w,
		store.Paging{Table: "audit_entries", Columns: columns, Time: "occurred_at", ID: "entry_id",
			After: from, Limit: limit}, scanRow)
	if err != nil {
		return page, err
	}
	return rpc.PageOf[Record](rows, limit, short), nil
}

// Page returns the entry as a page needs it.
func (r row) Page() (doc []byte, occurredAt int64, id string) {
	out := Record{ID: r.id, OccurredAt: rpc.Time{Time: store.Time(r.occurredAt)}, Action: r.action, Detail: json.RawMessage(r.detail)}
	if r.seq.Valid {
		out.Sequence = &r.seq.Int64
	}
	if r.workspaceID.Valid {
		out.WorkspaceID = &r.workspaceID.String
	}
	if r.subjectID.Valid {
		out.SubjectID = &r.subjectID.String
	}
	// The row may have been tampered with: it is shown as far as it can be read, and Verify names it.
	if json.Unmarshal([]byte(r.actor), &out.Actor) != nil {
		out.Actor = Actor{Kind: "unreadable"}
	}
	doc, err := json.Marshal(out)
	if err != nil {
		out.Detail = json.RawMessage(`{"unreadable":true}`)
		doc, _ = json.Marshal(out) // nothing else in it can be wrong
	}
	return doc, r.occurredAt, r.id
}
