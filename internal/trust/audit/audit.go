// Package audit keeps the record of who changed what about people, credentials and workspaces.
// An entry is written in the transaction of the change itself, and never contains a secret. Entries
// form a chain under the server key, so that a change, a gap or a missing end is found.
package audit

import (
	"context"
	"encoding/json"
	"time"

	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
)

// Actor is who did something.
type Actor struct {
	Kind         string `json:"kind"` // console_session, personal_access_token, …, command, server
	UserID       string `json:"user_id,omitempty"`
	CredentialID string `json:"credential_id,omitempty"`
	OSUser       string `json:"os_user,omitempty"` // who ran the command
	Address      string `json:"address,omitempty"`
}

// Server is the actor of what Keyway does automatically.
var Server = Actor{Kind: "server"}

// Entry is one thing that was done.
type Entry struct {
	Actor       Actor
	Action      string // "personal_access_token.created"
	WorkspaceID string // empty: about the instance
	SubjectID   string
	Detail      map[string]any
}

// Log is the audit log of a database.
type Log struct {
	DB     *store.DB
	Vault  *vault.Vault
	Now    func() time.Time
	Signed []*signed.Table // whose rows Verify checks as well
}

// Add writes an entry when the rest of the transaction is done: all writers take turns at the
// chain's end.
func (l *Log) Add(ctx context.Context, tx *store.Tx, e Entry) error {
	if e.Detail == nil {
		e.Detail = map[string]any{}
	}
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		return err
	}
	actor, err := json.Marshal(e.Actor)
	if err != nil {
		return err
	}
	r := row{
		id: store.NewID(), occurredAt: store.Micros(l.Now()), actor: string(actor), action: e.Action, detail: string(detail),
		workspaceID: store.TextOrNull(e.WorkspaceID), subjectID: store.TextOrNull(e.SubjectID),
		userID: store.TextOrNull(e.Actor.UserID), credentialID: store.TextOrNull(e.Actor.CredentialID),
	}
	tx.BeforeCommit(func() error { return l.append(ctx, tx, r) })
	return nil
}
