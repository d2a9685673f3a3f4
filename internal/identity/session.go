package identity

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"keyway/internal/audit"
	"keyway/internal/credential"
	"keyway/internal/rpc"
	"keyway/internal/store"
)

// How long sessions last.
const (
	BrowserIdle = 12 * time.Hour
	BrowserMost = 30 * 24 * time.Hour
	TokenLife   = time.Hour
)

// Session is a signed-in browser, or a script with a token for an hour. It lives on the server:
// cookie and token only name it.
type Session struct {
	ID        string
	UserID    string
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
	Address   string
	UserAgent string
}

// StartBrowser begins a browser's session and gives the cookie's value.
func (p *People) StartBrowser(ctx context.Context, u User, address, userAgent string) (Session, credential.Secret, error) {
	cookie := credential.Secret("session_" + credential.RandomText(40))
	s, err := p.start(ctx, u, "browser", cookie, BrowserMost, address, userAgent)
	return s, cookie, err
}

// StartToken begins a script's session and gives its bearer token, a JWT that names it.
func (p *People) StartToken(ctx context.Context, u User, address, userAgent string) (Session, string, error) {
	s, err := p.start(ctx, u, "token", "", TokenLife, address, userAgent)
	if err != nil {
		return s, "", err
	}
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{ID: s.ID, IssuedAt: jwt.NewNumericDate(s.CreatedAt), ExpiresAt: jwt.NewNumericDate(s.ExpiresAt)})
	t.Header["kid"] = p.Vault.KeyID()
	text, err := t.SignedString(p.Vault.Derive(p.Vault.KeyID(), "console session"))
	return s, text, err
}

func (p *People) start(ctx context.Context, u User, kind string, cookie credential.Secret, life time.Duration, address, userAgent string) (Session, error) {
	now := p.Now()
	s := Session{ID: store.NewID(), UserID: u.ID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(life), Address: address, UserAgent: userAgent}
	if len(s.UserAgent) > 200 {
		s.UserAgent = s.UserAgent[:200]
	}
	digest, _ := p.Vault.Digest(p.Vault.KeyID(), cookie.Reveal())
	err := p.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND expires_at <= $2`, u.ID, store.Micros(now)); err != nil {
			return err // what has expired is cleared away as people come back
		}
		if _, err := tx.Exec(ctx, `INSERT INTO sessions (session_id, user_id, kind, key_id, digest, created_at, seen_at, expires_at, address, user_agent)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, s.ID, s.UserID, kind, p.Vault.KeyID(), digest[:],
			store.Micros(now), store.Micros(now), store.Micros(s.ExpiresAt), s.Address, s.UserAgent); err != nil {
			return err
		}
		return audit.Add(ctx, tx, now, audit.Entry{Actor: audit.Actor{Kind: "console_session", UserID: u.ID, CredentialID: s.ID, Address: address}, Action: "user.signed_in", SubjectID: u.ID, Detail: map[string]any{"kind": kind}})
	})
	return s, err
}

// Browser finds the session of a cookie's value and the person in it; ok is false when there is
// none, it has expired or been idle too long, or the person is disabled.
func (p *People) Browser(ctx context.Context, id string, cookie credential.Secret) (s Session, u User, ok bool, err error) {
	var kind, keyID string
	var digest []byte
	var created, seen, expires int64
	err = p.DB.QueryRow(ctx, `SELECT session_id, user_id, kind, key_id, digest, created_at, seen_at, expires_at, address, user_agent
		FROM sessions WHERE session_id = $1`, id).Scan(&s.ID, &s.UserID, &kind, &keyID, &digest, &created, &seen, &expires, &s.Address, &s.UserAgent)
	if errors.Is(err, sql.ErrNoRows) {
		return s, u, false, nil
	} else if err != nil {
		return s, u, false, err
	}
	s.CreatedAt, s.SeenAt, s.ExpiresAt = store.Time(created), store.Time(seen), store.Time(expires)
	now := p.Now()
	if kind != "browser" || !p.Vault.Matches(keyID, cookie.Reveal(), digest) || !now.Before(s.ExpiresAt) || now.Sub(s.SeenAt) > BrowserIdle {
		return s, u, false, nil
	}
	if u, err = p.Get(ctx, p.DB, s.UserID); err != nil || !u.DisabledAt.IsZero() {
		return s, u, false, err
	}
	// Once a minute is enough to measure idleness in hours.
	if now.Sub(s.SeenAt) > time.Minute {
		err = p.DB.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE sessions SET seen_at = $2 WHERE session_id = $1`, s.ID, store.Micros(now))
			return err
		})
	}
	return s, u, true, err
}

// EndSession signs out.
func (p *People) EndSession(ctx context.Context, s Session) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE session_id = $1`, s.ID); err != nil {
			return err
		}
		return audit.Add(ctx, tx, p.Now(), audit.Entry{Actor: audit.Actor{Kind: "console_session", UserID: s.UserID, CredentialID: s.ID}, Action: "user.signed_out", SubjectID: s.UserID})
	}, store.Instance)
}

var _ credential.Sessions = (*People)(nil)

// SessionID reads a console token's signature and the session it names.
func (p *People) SessionID(token string) (string, bool) {
	var c jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		if key := p.Vault.Derive(id, "console session"); key != nil {
			return key, nil
		}
		return nil, errors.New("unknown key")
	}, jwt.WithValidMethods([]string{"HS256"}), jwt.WithoutClaimsValidation()) // its end is the session's, read below
	return c.ID, err == nil && c.ID != ""
}

// SessionFacts reads a script's session for the API's verification.
func (p *People) SessionFacts(ctx context.Context, id, workspaceID string) (f credential.Facts, ok bool, err error) {
	var expires int64
	var disabled, generation sql.NullInt64
	var workspace, role sql.NullString
	var sandbox, suspended sql.NullBool
	err = p.DB.QueryRow(ctx, `SELECT s.session_id, s.user_id, s.expires_at, u.disabled_at, u.is_operator,
		w.workspace_id, m.role, w.is_sandbox, w.is_suspended, g.value
		FROM sessions s JOIN users u ON u.user_id = s.user_id
		LEFT JOIN workspaces w ON w.workspace_id = $2 AND w.deleted_at IS NULL
		LEFT JOIN memberships m ON m.workspace_id = w.workspace_id AND m.user_id = u.user_id
		LEFT JOIN generations g ON g.scope = 'workspace:' || w.workspace_id
		WHERE s.session_id = $1 AND s.kind = 'token'`, id, workspaceID).Scan(&f.ID, &f.UserID, &expires, &disabled, &f.IsOperator,
		&workspace, &role, &sandbox, &suspended, &generation)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	} else if err != nil {
		return f, false, err
	}
	f.ExpiresAt, f.UserDisabled, f.WorkspaceID = store.Time(expires), disabled.Valid, workspace.String
	f.Role, _ = rpc.ParseRole(role.String)
	f.IsSandbox, f.IsSuspended, f.Generation = sandbox.Bool, suspended.Bool, uint64(generation.Int64)
	return f, true, nil
}
