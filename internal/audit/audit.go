// Package audit keeps the record of who changed what about people, credentials and workspaces.
// An entry is written in the transaction of the change itself, and never holds a secret.
package audit

import (
	"context"
	"encoding/json"
	"time"

	"keyway/internal/store"
)

// Actor is who did something.
type Actor struct {
	Kind         string `json:"kind"` // console_session, personal_access_token, …, command, server
	UserID       string `json:"user_id,omitempty"`
	CredentialID string `json:"credential_id,omitempty"`
	OSUser       string `json:"os_user,omitempty"` // who ran the command
	Address      string `json:"address,omitempty"`
}

// Server is the actor of what Keyway does by itself.
var Server = Actor{Kind: "server"}

// Entry is one thing that was done.
type Entry struct {
	Actor       Actor
	Action      string // "personal_access_token.created"
	WorkspaceID string // empty: about the instance
	SubjectID   string
	Detail      map[string]any
}

// Add writes an entry.
func Add(ctx context.Context, tx *store.Tx, now time.Time, e Entry) error {
	actor, err := json.Marshal(e.Actor)
	if err != nil {
		return err
	}
	if e.Detail == nil {
		e.Detail = map[string]any{}
	}
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO audit_entries (entry_id, occurred_at, actor, action, workspace_id, subject_id, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		store.NewID(), store.Micros(now), string(actor), e.Action, store.TextOrNull(e.WorkspaceID), store.TextOrNull(e.SubjectID), string(detail))
	return err
}
