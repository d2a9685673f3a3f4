// Package personalaccesstoken keeps personal access tokens, which belong to a person and open
// every workspace that person is a member of, and the workspace keys minted from them.
package personalaccesstoken

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"keyway/internal/audit"
	"keyway/internal/credential"
	"keyway/internal/event"
	"keyway/internal/fault"
	"keyway/internal/job"
	"keyway/internal/rpc"
	"keyway/internal/store"
	"keyway/internal/vault"
)

// Token is a personal access token as it is served.
type Token struct {
	ID           string          `json:"personal_access_token_id"`
	Name         string          `json:"name"`
	Description  string          `json:"description"`
	Hint         string          `json:"hint" doc:"The visible part."`
	UserID       string          `json:"user_id"`
	Status       Status          `json:"status"`
	CreatedAt    rpc.Time        `json:"created_at"`
	CreatedFrom  string          `json:"created_from" enum:"console command token"`
	ExpiresAt    rpc.Time        `json:"expires_at" doc:"null: never."`
	LastUsed     *credential.Use `json:"last_used"`
	RevokedAt    rpc.Time        `json:"revoked_at"`
	RevokedBy    *string         `json:"revoked_by"`
	RevokeReason *string         `json:"revoke_reason"`
	Secret       string          `json:"token,omitempty" doc:"The token itself, only in the answer that made it."`
}

// Status is the state a token is in.
type Status string

// The states.
const (
	Active       Status = "active"
	Expired      Status = "expired"
	Revoked      Status = "revoked"
	Superseded   Status = "superseded"
	UserDisabled Status = "user_disabled"
)

// Enum lists the states.
func (Status) Enum() []string {
	return []string{string(Active), string(Expired), string(Revoked), string(Superseded), string(UserDisabled)}
}

// WorkspaceKey is a key in the shape of an API key that acts as a personal access token in one
// workspace.
type WorkspaceKey struct {
	ID          string          `json:"workspace_key_id"`
	TokenID     string          `json:"personal_access_token_id"`
	WorkspaceID string          `json:"workspace_id"`
	Hint        string          `json:"hint" doc:"The visible part."`
	CreatedAt   rpc.Time        `json:"created_at"`
	RevokedAt   rpc.Time        `json:"revoked_at"`
	LastUsed    *credential.Use `json:"last_used"`
	Secret      string          `json:"token,omitempty" doc:"The key itself, only in the answer that made it."`
}

// Tokens holds the rules about personal access tokens.
type Tokens struct {
	DB     *store.DB
	Vault  *vault.Vault
	Usage  *credential.Usage
	Audit  *audit.Log
	Now    func() time.Time
	Events *event.Log
	Jobs   *job.Runner
	Mail   Mailer // nil: mail is not set up
	// Table gives the endpoints of all rooms, with their scopes.
	Table func() []*rpc.Endpoint
	watch memory
}

// DefaultDays is how long a token lives unless its maker or the instance says otherwise.
const DefaultDays = 365

// New is what a new token is made of.
type New struct {
	Name        string
	Description string
	From        string // console, command, token
	// ExpiresAt is when it dies; the zero time with Never set is never, without it the default.
	ExpiresAt time.Time
	Never     bool
}

// maxDescription bounds a description in characters.
const maxDescription = 500

// Create makes a token of a person. It returns invalid_input for a name, description or expiry
// that will not do.
func (t *Tokens) Create(ctx context.Context, userID string, n New, by audit.Actor) (tok Token, secret credential.Secret, err error) {
	n.Name = strings.TrimSpace(n.Name)
	if err := checkTexts(n.Name, n.Description); err != nil {
		return tok, "", err
	}
	now := t.Now()
	if !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(now) {
		return tok, "", fault.Invalid("expires_at", "Must be in the future")
	}
	c := credential.Credential{Kind: credential.PersonalAccessToken, UserID: userID, Name: n.Name, Description: n.Description,
		CreatedAt: now, CreatedFrom: n.From, ExpiresAt: n.ExpiresAt, Limits: credential.Unlimited()}
	err = t.DB.Update(ctx, func(tx *store.Tx) error {
		if c.ExpiresAt, err = t.policed(ctx, tx, now, n.ExpiresAt, n.Never, c.Limits.Scopes); err != nil {
			return err
		}
		if secret, err = credential.Insert(ctx, tx, t.Vault, &c, false); err != nil {
			return err
		}
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "personal_access_token.created", SubjectID: c.ID, Detail: map[string]any{"name": c.Name, "hint": c.Hint(), "user_id": userID}})
	}, store.Instance)
	return t.served(c, false), secret, err
}

func checkTexts(name, description string) error {
	if err := credential.CheckName(name); err != nil {
		return err
	}
	if len([]rune(description)) > maxDescription {
		return fault.Invalid("description", "String must contain at most %d character(s)", maxDescription)
	}
	return nil
}

func (t *Tokens) served(c credential.Credential, userDisabled bool) Token {
	t.Usage.Overlay(&c)
	tok := Token{ID: c.ID, Name: c.Name, Description: c.Description, Hint: c.Hint(), UserID: c.UserID, Status: Active,
		CreatedAt: rpc.Time{Time: c.CreatedAt}, CreatedFrom: c.CreatedFrom, ExpiresAt: rpc.Time{Time: c.ExpiresAt}, LastUsed: c.LastUsed, RevokedAt: rpc.Time{Time: c.RevokedAt}}
	if c.RevokedBy != "" {
		tok.RevokedBy = &c.RevokedBy
	}
	if c.RevokeReason != "" {
		tok.RevokeReason = &c.RevokeReason
	}
	switch {
	case userDisabled && c.RevokeReason == "user_disabled":
		tok.Status = UserDisabled
	case !c.RevokedAt.IsZero():
		tok.Status = Revoked
	case !c.ExpiresAt.IsZero() && !t.Now().Before(c.ExpiresAt):
		tok.Status = Expired
	case c.Superseded(t.Now()):
		tok.Status = Superseded
	case userDisabled:
		tok.Status = UserDisabled
	}
	return tok
}

// Get reads a token; personal_access_token_not_found when there is none with the id, or it is
// not the person's (userID empty: anybody's).
func (t *Tokens) Get(ctx context.Context, userID, id string) (Token, error) {
	c, err := t.find(ctx, t.DB, userID, id)
	if err != nil {
		return Token{}, err
	}
	disabled, err := t.disabled(ctx, c.UserID)
	return t.served(c, disabled), err
}

func (t *Tokens) disabled(ctx context.Context, userID string) (bool, error) {
	var at sql.NullInt64
	err := t.DB.QueryRow(ctx, `SELECT disabled_at FROM users WHERE user_id = $1`, userID).Scan(&at)
	return at.Valid, err
}

func (t *Tokens) find(ctx context.Context, q store.Querier, userID, id string) (credential.Credential, error) {
	c, err := credential.Get(ctx, q, credential.PersonalAccessToken, id)
	if errors.Is(err, credential.ErrNotFound) || err == nil && userID != "" && c.UserID != userID {
		return c, fault.Missing(fault.TokenNotFound)
	}
	return c, err
}

// List gives a person's tokens, newest first. Expired and revoked ones stay listed.
func (t *Tokens) List(ctx context.Context, userID string) ([]Token, error) {
	disabled, err := t.disabled(ctx, userID)
	if err != nil {
		return nil, err
	}
	all, err := credential.OfUser(ctx, t.DB, userID)
	out := make([]Token, len(all))
	for i, c := range all {
		out[i] = t.served(c, disabled)
	}
	return out, err
}

// Update changes a token's name and description; nil leaves them as they are. It returns
// personal_access_token_not_found, or invalid_input.
func (t *Tokens) Update(ctx context.Context, userID, id string, name, description *string, by audit.Actor) error {
	return t.DB.Update(ctx, func(tx *store.Tx) error {
		c, err := t.find(ctx, tx, userID, id)
		if err != nil {
			return err
		}
		if name != nil {
			c.Name = strings.TrimSpace(*name)
		}
		if description != nil {
			c.Description = *description
		}
		if err := checkTexts(c.Name, c.Description); err != nil {
			return err
		}
		if err := credential.Change(ctx, tx, &c); err != nil {
			return err
		}
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "personal_access_token.updated", SubjectID: id, Detail: map[string]any{"name": c.Name}})
	}, store.Instance)
}

// Revoke ends a token for ever, and its workspace keys with it. When it returns, no request
// succeeds with it. It returns personal_access_token_not_found.
func (t *Tokens) Revoke(ctx context.Context, userID, id string, by audit.Actor) error {
	return t.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := t.find(ctx, tx, userID, id); err != nil {
			return err
		}
		if err := credential.Revoke(ctx, tx, t.Now(), id, by.UserID, "revoked"); err != nil {
			return err
		}
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "personal_access_token.revoked", SubjectID: id})
	}, store.Instance)
}

// CreateWorkspaceKey mints a key that acts as the token in one workspace. It returns
// personal_access_token_not_found, or workspace_not_found when the person is not a member of it.
func (t *Tokens) CreateWorkspaceKey(ctx context.Context, userID, tokenID, workspaceID string, by audit.Actor) (key WorkspaceKey, secret credential.Secret, err error) {
	err = t.DB.Update(ctx, func(tx *store.Tx) error {
		c, err := t.find(ctx, tx, userID, tokenID)
		if err != nil {
			return err
		}
		if tok := t.served(c, false); tok.Status != Active {
			return fault.Invalid("personal_access_token_id", "The token is %s", tok.Status)
		}
		var sandbox bool
		err = tx.QueryRow(ctx, `SELECT w.is_sandbox FROM workspaces w JOIN memberships m ON m.workspace_id = w.workspace_id
			WHERE w.workspace_id = $1 AND m.user_id = $2 AND w.deleted_at IS NULL`, workspaceID, c.UserID).Scan(&sandbox)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Missing(fault.WorkspaceNotFound)
		} else if err != nil {
			return err
		}
		k := credential.Credential{Kind: credential.WorkspaceKey, WorkspaceID: workspaceID, ParentID: c.ID, Name: c.Name, CreatedAt: t.Now(), CreatedFrom: "token"}
		if secret, err = credential.Insert(ctx, tx, t.Vault, &k, sandbox); err != nil {
			return err
		}
		key = t.servedKey(k)
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "workspace_key.created", WorkspaceID: workspaceID, SubjectID: k.ID, Detail: map[string]any{"personal_access_token_id": c.ID, "hint": k.Hint()}})
	}, store.Instance)
	return key, secret, err
}

func (t *Tokens) servedKey(c credential.Credential) WorkspaceKey {
	t.Usage.Overlay(&c)
	return WorkspaceKey{ID: c.ID, TokenID: c.ParentID, WorkspaceID: c.WorkspaceID, Hint: c.Hint(), CreatedAt: rpc.Time{Time: c.CreatedAt}, RevokedAt: rpc.Time{Time: c.RevokedAt}, LastUsed: c.LastUsed}
}

// WorkspaceKeys lists the keys minted from a token, newest first; personal_access_token_not_found
// when it is not the person's.
func (t *Tokens) WorkspaceKeys(ctx context.Context, userID, tokenID string) ([]WorkspaceKey, error) {
	if _, err := t.find(ctx, t.DB, userID, tokenID); err != nil {
		return nil, err
	}
	all, err := credential.OfParent(ctx, t.DB, tokenID)
	out := make([]WorkspaceKey, len(all))
	for i, c := range all {
		out[i] = t.servedKey(c)
	}
	return out, err
}

// RevokeWorkspaceKey ends a workspace key; workspace_key_not_found when there is none with the id
// minted from a token of the person.
func (t *Tokens) RevokeWorkspaceKey(ctx context.Context, userID, keyID string, by audit.Actor) error {
	return t.DB.Update(ctx, func(tx *store.Tx) error {
		c, err := credential.Get(ctx, tx, credential.WorkspaceKey, keyID)
		if err == nil {
			_, err = t.find(ctx, tx, userID, c.ParentID)
		}
		if errors.Is(err, credential.ErrNotFound) || fault.Is(err, fault.TokenNotFound) {
			return fault.Missing(fault.WorkspaceKeyNotFound)
		} else if err != nil {
			return err
		}
		if err := credential.Revoke(ctx, tx, t.Now(), keyID, by.UserID, "revoked"); err != nil {
			return err
		}
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "workspace_key.revoked", WorkspaceID: c.WorkspaceID, SubjectID: keyID})
	}, store.Instance)
}
