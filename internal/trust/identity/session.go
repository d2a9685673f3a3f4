package identity

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
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
	// AuthenticatedAt is when the person last proved who they are: at sign-in, or since.
	AuthenticatedAt time.Time
	Method          Method
	IsScript        bool // a token for an hour, not a browser
	mustRenew       bool
}

// Method is how a session was begun.
type Method string

// The ways to begin a session.
const (
	ByPassword     Method = "password"
	BySecondFactor Method = "totp" // with a password
	ByPasskey      Method = "passkey"
	ByOpenID       Method = "openid"
	ByLink         Method = "link" // set-up or invitation
)

// Enum lists the ways.
func (Method) Enum() []string {
	return []string{string(ByPassword), string(BySecondFactor), string(ByPasskey), string(ByOpenID), string(ByLink)}
}

// StartBrowser begins a browser's session and gives the cookie's value.
func (p *People) StartBrowser(ctx context.Context, u User, how Method, address, userAgent string) (Session, vault.Secret, error) {
	cookie := vault.Hide("session_" + credential.RandomText(40))
	s, err := p.start(ctx, u, how, "browser", cookie, BrowserMost, address, userAgent)
	return s, cookie, err
}

// StartToken begins a script's session and gives its bearer token, a JWT that names it.
func (p *People) StartToken(ctx context.Context, u User, how Method, address, userAgent string) (Session, string, error) {
	s, err := p.start(ctx, u, how, "token", vault.Secret{}, TokenLife, address, userAgent)
	if err != nil {
		return s, "", err
	}
	text, err := p.sign(s)
	return s, text, err
}

func (p *People) sign(s Session) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{ID: s.ID, IssuedAt: jwt.NewNumericDate(s.CreatedAt), ExpiresAt: jwt.NewNumericDate(s.ExpiresAt)})
	keyID := p.Vault.KeyID()
	t.Header["kid"] = keyID
	return t.SignedString(p.Vault.Derive(keyID, "console session"))
}

func (p *People) start(ctx context.Context, u User, how Method, kind string, cookie vault.Secret, life time.Duration, address, userAgent string) (Session, error) {
	now := p.Now()
	s := Session{ID: store.NewID(), UserID: u.ID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(life), Address: address, UserAgent: userAgent, AuthenticatedAt: now, Method: how}
	if len(s.UserAgent) > 200 {
		s.UserAgent = s.UserAgent[:200]
	}
	keyID, digest := p.Vault.NewDigest(cookie.Reveal())
	err := p.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND expires_at <= $2`, u.ID, store.Micros(now)); err != nil {
			return err // what has expired is cleared away as people come back
		}
		if _, err := tx.Exec(ctx, `INSERT INTO sessions (session_id, user_id, kind, key_id, digest, created_at, seen_at, expires_at, address, user_agent, authenticated_at, method)
			VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $6, $10)`, s.ID, s.UserID, kind, keyID, digest[:],
			store.Micros(now), store.Micros(s.ExpiresAt), s.Address, s.UserAgent, string(how)); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: audit.Actor{Kind: "console_session", UserID: u.ID, CredentialID: s.ID, Address: address}, Action: "user.signed_in", SubjectID: u.ID, Detail: map[string]any{"kind": kind, "method": how}})
	}, store.Instance)
	return s, err
}

// Browser finds the session of a cookie's value and the person in it, who is not idle then; ok is
// false when there is none, it has expired or been idle too long, or the person is disabled.
func (p *People) Browser(ctx context.Context, id string, cookie vault.Secret) (s Session, u User, ok bool, err error) {
	s, u, ok, err = p.Peek(ctx, id, cookie)
	// Once a minute is enough to measure idleness in hours; RenewBrowser says itself that it was seen.
	if now := p.Now(); ok && !s.mustRenew && now.Sub(s.SeenAt) > time.Minute {
		err = p.DB.Update(ctx, func(tx *store.Tx) error {
			keyID, digest := p.Vault.NewDigest(cookie.Reveal()) // the server's key may be another one by now
			_, err := tx.Exec(ctx, `UPDATE sessions SET seen_at = $2, key_id = $3, digest = $4 WHERE session_id = $1`, s.ID, store.Micros(now), keyID, digest[:])
			return err
		})
	}
	return s, u, ok, err
}

// Peek is Browser for what a page asks by itself: it does not keep a session from being idle.
func (p *People) Peek(ctx context.Context, id string, cookie vault.Secret) (s Session, u User, ok bool, err error) {
	var kind, keyID string
	var digest []byte
	var created, seen, expires, authenticated int64
	err = p.DB.QueryRow(ctx, `SELECT session_id, user_id, kind, key_id, digest, created_at, seen_at, expires_at, address, user_agent, authenticated_at, method, must_renew
		FROM sessions WHERE session_id = $1`, id).Scan(&s.ID, &s.UserID, &kind, &keyID, &digest, &created, &seen, &expires, &s.Address, &s.UserAgent, &authenticated, &s.Method, &s.mustRenew)
	if errors.Is(err, sql.ErrNoRows) {
		return s, u, false, nil
	} else if err != nil {
		return s, u, false, err
	}
	s.CreatedAt, s.SeenAt, s.ExpiresAt, s.AuthenticatedAt = store.Time(created), store.Time(seen), store.Time(expires), store.Time(authenticated)
	now := p.Now()
	if kind != "browser" || !p.Vault.Matches(keyID, cookie.Reveal(), digest) || !now.Before(s.ExpiresAt) || now.Sub(s.SeenAt) > BrowserIdle {
		return s, u, false, nil
	}
	if u, err = p.Get(ctx, p.DB, s.UserID); err != nil || !u.DisabledAt.IsZero() {
		return s, u, false, err
	}
	return s, u, true, nil
}

// MustRenew tells whether the session needs another id before it is used: what its person may do
// was changed.
func (s Session) MustRenew() bool { return s.mustRenew }

// ChangeRights is called where what a person may do changes: their sessions get another id before
// their next use, and do not count as fresh. The update's scope is store.Instance.
func ChangeRights(ctx context.Context, tx *store.Tx, userID string) error {
	_, err := tx.Exec(ctx, `UPDATE sessions SET must_renew = TRUE, authenticated_at = 0 WHERE user_id = $1`, userID)
	return err
}

// RenewBrowser begins a browser's session anew, with another id and another cookie, so that nobody
// who knows the old ones gains by what comes. proved says that its person proved again who they are.
func (p *People) RenewBrowser(ctx context.Context, s Session, proved bool) (Session, vault.Secret, error) {
	cookie := vault.Hide("session_" + credential.RandomText(40))
	s, err := p.renew(ctx, s, "browser", cookie, proved)
	return s, cookie, err
}

// RenewToken does the same for a script's session, by its id, and gives the token that names it now.
// It returns unauthorized for a session that has ended meanwhile.
func (p *People) RenewToken(ctx context.Context, id string) (Session, string, error) {
	s, err := p.renew(ctx, Session{ID: id}, "token", vault.Secret{}, true)
	if err != nil {
		return s, "", err
	}
	text, err := p.sign(s)
	return s, text, err
}

func (p *People) renew(ctx context.Context, s Session, kind string, cookie vault.Secret, proved bool) (Session, error) {
	now, old := p.Now(), s.ID
	s.ID, s.SeenAt, s.mustRenew = store.NewID(), now, false
	if proved {
		s.AuthenticatedAt = now
	}
	keyID, digest := p.Vault.NewDigest(cookie.Reveal())
	err := p.DB.Update(ctx, func(tx *store.Tx) error {
		var created, expires int64
		err := tx.QueryRow(ctx, `UPDATE sessions SET session_id = $2, key_id = $3, digest = $4, seen_at = $5, authenticated_at = $6, must_renew = FALSE
			WHERE session_id = $1 AND kind = $7 RETURNING user_id, created_at, expires_at`, old, s.ID, keyID, digest[:], store.Micros(now), store.Micros(s.AuthenticatedAt), kind).
			Scan(&s.UserID, &created, &expires)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.Unauthorized, "The session has ended")
		} else if err != nil {
			return err
		}
		s.CreatedAt, s.ExpiresAt = store.Time(created), store.Time(expires)
		if !proved {
			return nil
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: audit.Actor{Kind: "console_session", UserID: s.UserID, CredentialID: s.ID}, Action: "user.authenticated", SubjectID: s.UserID})
	}, store.Instance)
	return s, err
}

// Sessions lists a person's open sessions, the one seen last first.
func (p *People) Sessions(ctx context.Context, userID string) ([]Session, error) {
	now := p.Now()
	rows, err := p.DB.Query(ctx, `SELECT session_id, user_id, kind, created_at, seen_at, expires_at, address, user_agent, authenticated_at, method FROM sessions
		WHERE user_id = $1 AND expires_at > $2 AND (kind = 'token' OR seen_at >= $3) ORDER BY seen_at DESC, session_id DESC`, userID, store.Micros(now), store.Micros(now.Add(-BrowserIdle)))
	return store.All(rows, err, func(r *sql.Rows) (s Session, err error) {
		var kind string
		var created, seen, expires, authenticated int64
		err = r.Scan(&s.ID, &s.UserID, &kind, &created, &seen, &expires, &s.Address, &s.UserAgent, &authenticated, &s.Method)
		s.CreatedAt, s.SeenAt, s.ExpiresAt, s.AuthenticatedAt = store.Time(created), store.Time(seen), store.Time(expires), store.Time(authenticated)
		s.IsScript = kind == "token"
		return s, err
	})
}

// EndSessionOf ends one of a person's sessions; console_session_not_found when there is none.
func (p *People) EndSessionOf(ctx context.Context, userID, id string, by audit.Actor) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if gone, err := changed(tx.Exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND session_id = $2`, userID, id)); err != nil {
			return err
		} else if !gone {
			return fault.Missing(fault.ConsoleSessionNotFound)
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.session_ended", SubjectID: userID, Detail: map[string]any{"console_session_id": id}})
	}, store.Instance)
}

// EndOtherSessions ends all of a person's sessions but one.
func (p *People) EndOtherSessions(ctx context.Context, userID, except string, by audit.Actor) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND session_id <> $2`, userID, except); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.sessions_ended", SubjectID: userID})
	}, store.Instance)
}

// EndSession signs out.
func (p *People) EndSession(ctx context.Context, s Session) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE session_id = $1`, s.ID); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: audit.Actor{Kind: "console_session", UserID: s.UserID, CredentialID: s.ID}, Action: "user.signed_out", SubjectID: s.UserID})
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
	var expires, authenticated int64
	var disabled, generation sql.NullInt64
	var workspace, role sql.NullString
	var sandbox, suspended sql.NullBool
	err = p.DB.QueryRow(ctx, `SELECT s.session_id, s.user_id, s.expires_at, s.authenticated_at, u.disabled_at, u.is_operator,
		w.workspace_id, m.role, w.is_sandbox, w.is_suspended, g.value
		FROM sessions s JOIN users u ON u.user_id = s.user_id
		LEFT JOIN workspaces w ON w.workspace_id = $2 AND w.deleted_at IS NULL
		LEFT JOIN memberships m ON m.workspace_id = w.workspace_id AND m.user_id = u.user_id
		LEFT JOIN generations g ON g.scope = 'workspace:' || w.workspace_id
		WHERE s.session_id = $1 AND s.kind = 'token'`, id, workspaceID).Scan(&f.ID, &f.UserID, &expires, &authenticated, &disabled, &f.IsOperator,
		&workspace, &role, &sandbox, &suspended, &generation)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	} else if err != nil {
		return f, false, err
	}
	f.ExpiresAt, f.AuthenticatedAt = store.Time(expires), store.Time(authenticated)
	f.UserDisabled, f.WorkspaceID = disabled.Valid, workspace.String
	f.Role, _ = rpc.ParseRole(role.String)
	f.IsSandbox, f.IsSuspended, f.Generation = sandbox.Bool, suspended.Bool, uint64(generation.Int64)
	return f, true, nil
}
