// Package clientsession makes and ends client sessions: tokens for an app's frontend, each of which
// opens only the accounts, Connect Webviews and users that it was made for.
package clientsession

import (
	"context"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
)

// Session is a client session as it is served. Its token is shown every time, as the contract has it,
// to those who could make the session.
type Session struct {
	ID                string   `json:"client_session_id"`
	WorkspaceID       string   `json:"workspace_id"`
	Token             *string  `json:"token" doc:"null for a caller that could not make the client session: a token that may only read, or whose limits or life the client session does not share, or a console session without a recent sign-in."`
	CreatedAt         rpc.Time `json:"created_at"`
	ExpiresAt         rpc.Time `json:"expires_at"`
	UserIdentifierKey *string  `json:"user_identifier_key"`
	CustomerKey       string   `json:"customer_key,omitempty"`
	UserIdentityID    string   `json:"user_identity_id,omitempty"`
	UserIdentityIDs   []string `json:"user_identity_ids"`
	AccountIDs        []string `json:"connected_account_ids"`
	WebviewIDs        []string `json:"connect_webview_ids"`
	DeviceCount       int      `json:"device_count"`
	RevokedAt         rpc.Time `json:"revoked_at,omitzero"`
	maker             credential.Maker
}

// Secret is the session's token, or an empty text where it is not shown.
func (s Session) Secret() string {
	if s.Token == nil {
		return ""
	}
	return *s.Token
}

// Sessions implements the rules for client sessions.
type Sessions struct {
	DB     *store.DB
	Vault  *vault.Vault
	Events *event.Log
	// Limit is how often an address may ask with a workspace's publishable key: everyone can read the
	// key, so nothing else keeps a stranger from asking for one user after another.
	Limit *credential.Limiter
	Now   func() time.Time
}

// PerMinute is how often Sessions.Limit should let an address ask.
const PerMinute = 60

// lifetime is how long a session lasts unless it is said.
const lifetime = 365 * 24 * time.Hour

// Grants are what a session is given beside its user.
type Grants struct {
	AccountIDs      []string
	WebviewIDs      []string
	UserIdentityIDs []string
}

func (g Grants) empty() bool {
	return len(g.AccountIDs)+len(g.WebviewIDs)+len(g.UserIdentityIDs) == 0
}

// New is what a session is made of.
type New struct {
	UserIdentifierKey string
	CustomerKey       string
	ExpiresAt         time.Time // zero: after a year
	KeepEnd           bool      // an existing session keeps its end: the caller is not trusted to change it
	AnyMaker          bool      // to look for: also a session that the caller could not make
	Grants
}

// Create makes a session. It returns client_session_token_already_exists when the user has one, and
// connected_account_not_found, connect_webview_not_found or user_identity_not_found for what the
// workspace does not have.
func (s *Sessions) Create(ctx context.Context, workspaceID string, n New) (out Session, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if n.UserIdentifierKey != "" {
			id, err := s.alike(ctx, tx, workspaceID, n)
			if err != nil {
				return err
			}
			if id != "" {
				return errHasOne
			}
		}
		out, err = s.create(ctx, tx, workspaceID, n)
		return err
	}, store.Workspace(workspaceID))
	return out, err
}

// errHasOne says that a user, who has one session, was to get another.
var errHasOne = fault.New(fault.SessionAlreadyExists, "This user has a client session already; /client_sessions/get_or_create gives it")

// GetOrCreate gives the user's live session, or without a user one with just these grants, and makes
// one where there is none that the caller could make. What the session lacks it is given, and its end
// is moved if one is named. It returns connected_account_not_found, connect_webview_not_found or
// user_identity_not_found for what the workspace does not have, and invalid_input for an end that is
// later than that of the token that asks, where another made the session.
func (s *Sessions) GetOrCreate(ctx context.Context, workspaceID string, n New) (out Session, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		id, err := s.alike(ctx, tx, workspaceID, n)
		if err != nil {
			return err
		}
		if id == "" {
			out, err = s.create(ctx, tx, workspaceID, n)
			return err
		}
		if err := s.grant(ctx, tx, workspaceID, id, n.Grants); err != nil {
			return err
		}
		if !n.ExpiresAt.IsZero() && !n.KeepEnd {
			if err := s.checkEnd(n.ExpiresAt); err != nil {
				return err
			}
			if err := s.mayMoveEnd(ctx, tx, workspaceID, id, n.ExpiresAt); err != nil {
				return err
			}
			if err := update(ctx, tx, workspaceID, id, signed.Set{"expires_at": store.Micros(n.ExpiresAt)}); err != nil {
				return err
			}
		}
		out, err = s.get(ctx, tx, workspaceID, id)
		return err
	}, store.Workspace(workspaceID))
	return out, err
}

func (s *Sessions) create(ctx context.Context, tx *store.Tx, workspaceID string, n New) (Session, error) {
	if n.ExpiresAt.IsZero() {
		n.ExpiresAt = s.Now().Add(lifetime)
	}
	if err := s.checkEnd(n.ExpiresAt); err != nil {
		return Session{}, err
	}
	id := store.NewID()
	maker := credential.From(ctx).Maker()
	_, short, keyID, digest, sealed := credential.MintSession(s.Vault, vaultContext(id))
	if err := grant.ClientSessions.Insert(ctx, tx, signed.Set{"workspace_id": workspaceID, "client_session_id": id, "short_token": short,
		"key_id": keyID, "digest": digest[:], "sealed_token": sealed, "user_identifier_key": store.TextOrNull(n.UserIdentifierKey),
		"customer_key": store.TextOrNull(n.CustomerKey), "created_at": store.Micros(s.Now()), "expires_at": store.Micros(n.ExpiresAt),
		"family_id": store.TextOrNull(maker.FamilyID), "user_id": store.TextOrNull(maker.UserID)}); err != nil {
		return Session{}, err
	}
	if err := s.grant(ctx, tx, workspaceID, id, n.Grants); err != nil {
		return Session{}, err
	}
	return s.get(ctx, tx, workspaceID, id)
}

func (s *Sessions) checkEnd(at time.Time) error {
	if !at.After(s.Now()) {
		return fault.Invalid("expires_at", "Must be in the future")
	}
	return nil
}

// Sealed are the columns of this room that contain secrets.
func Sealed() []vault.Column {
	return []vault.Column{{What: "tokens of client sessions", Table: "client_sessions", Name: "sealed_token",
		Key: []string{"workspace_id", "client_session_id"}, Digested: true,
		Place: func(key []string) string { return vaultContext(key[1]) }}}
}

// vaultContext is what a session's token is sealed for.
func vaultContext(id string) string { return "client_sessions/" + id + "/token" }

// GrantAccess gives a session more, and a user where it has none. It returns
// client_session_not_found, invalid_input for a session of another user, forbidden with the reason
// client_session for one that the caller could not make,
// client_session_token_already_exists for a user who has another, and
// connected_account_not_found, connect_webview_not_found or user_identity_not_found for what the
// workspace does not have.
func (s *Sessions) GrantAccess(ctx context.Context, workspaceID, id, userIdentifierKey string, g Grants) (out Session, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if id == "" {
			if id, err = s.alike(ctx, tx, workspaceID, New{UserIdentifierKey: userIdentifierKey}); err != nil {
				return err
			}
		}
		old, err := s.get(ctx, tx, workspaceID, id)
		if err != nil {
			return err
		}
		if !credential.From(ctx).Covers(old.maker, s.Now()) {
			return fault.Reason(fault.Forbidden, "client_session",
				"Another credential made this client session, and the token has limits that it has not: so it cannot give it more")
		}
		switch {
		case userIdentifierKey == "" || old.UserIdentifierKey != nil && *old.UserIdentifierKey == userIdentifierKey:
		case old.UserIdentifierKey != nil:
			return fault.Invalid("user_identifier_key", "The client session belongs to another user")
		default:
			if other, err := s.alike(ctx, tx, workspaceID, New{UserIdentifierKey: userIdentifierKey, CustomerKey: old.CustomerKey}); err != nil {
				return err
			} else if other != "" {
				return errHasOne
			}
			if err := update(ctx, tx, workspaceID, id, signed.Set{"user_identifier_key": userIdentifierKey}); err != nil {
				return err
			}
		}
		if err := s.grant(ctx, tx, workspaceID, id, g); err != nil {
			return err
		}
		out, err = s.get(ctx, tx, workspaceID, id)
		return err
	}, store.Workspace(workspaceID))
	return out, err
}

// Revoke ends a session; it is still listed. It returns client_session_not_found.
func (s *Sessions) Revoke(ctx context.Context, workspaceID, id string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		old, err := s.get(ctx, tx, workspaceID, id)
		if err != nil || !old.RevokedAt.IsZero() {
			return err
		}
		return update(ctx, tx, workspaceID, id, signed.Set{"revoked_at": store.Micros(s.Now())})
	}, store.Workspace(workspaceID))
}

// Delete ends a session and forgets it. It returns client_session_not_found.
func (s *Sessions) Delete(ctx context.Context, workspaceID, id string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := s.get(ctx, tx, workspaceID, id); err != nil {
			return err
		}
		for _, table := range []string{"client_sessions", "client_session_resources"} {
			if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE workspace_id = $1 AND client_session_id = $2`, workspaceID, id); err != nil {
				return err
			}
		}
		return s.Events.Append(ctx, tx, workspaceID, event.Event{Type: "client_session.deleted", OccurredAt: s.Now(),
			Fields: map[string]any{"client_session_id": id}})
	}, store.Workspace(workspaceID))
}
