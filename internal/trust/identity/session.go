package identity

import (
	"context"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/signed"
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

// The kinds of sessions, as they are stored.
const (
	browserKind = "browser"
	tokenKind   = "token"
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

// StartBrowser begins a browser's session and returns the cookie's value.
func (p *People) StartBrowser(ctx context.Context, u User, how Method, address, userAgent string) (Session, vault.Secret, error) {
	cookie := vault.Hide("session_" + credential.RandomText(40))
	s, err := p.start(ctx, u, how, browserKind, cookie, BrowserMost, address, userAgent)
	return s, cookie, err
}

// StartToken begins a script's session and returns its bearer token, a JWT that names it.
func (p *People) StartToken(ctx context.Context, u User, how Method, address, userAgent string) (Session, string, error) {
	s, err := p.start(ctx, u, how, tokenKind, vault.Secret{}, TokenLife, address, userAgent)
	if err != nil {
		return s, "", err
	}
	text, err := p.sign(s)
	return s, text, err
}

func (p *People) sign(s Session) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodHS256,
		jwt.RegisteredClaims{ID: s.ID, IssuedAt: jwt.NewNumericDate(s.CreatedAt), ExpiresAt: jwt.NewNumericDate(s.ExpiresAt)})
	keyID := p.Vault.KeyID()
	t.Header["kid"] = keyID
	return t.SignedString(p.Vault.Derive(keyID, "console session"))
}

func (p *People) start(ctx context.Context, u User, how Method, kind string, cookie vault.Secret, life time.Duration, address,
	userAgent string) (Session, error) {
	now := p.Now()
	s := Session{ID: store.NewID(), UserID: u.ID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(life), Address: address,
		UserAgent: userAgent, AuthenticatedAt: now, Method: how}
	if len(s.UserAgent) > 200 {
		s.UserAgent = s.UserAgent[:200]
	}
	keyID, digest := p.Vault.NewDigest(cookie.Reveal())
	err := p.DB.Update(ctx, func(tx *store.Tx) error {
		if err := insertSession(ctx, tx, s, kind, keyID, digest[:]); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: audit.Actor{Kind: "console_session", UserID: u.ID, CredentialID: s.ID, Address: address},
			Action: "user.signed_in", SubjectID: u.ID, Detail: map[string]any{"kind": kind, "method": how}})
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
			_, err := updateSession(ctx, tx, signed.Set{"seen_at": store.Micros(now), "key_id": keyID, "digest": digest[:]}, `session_id = ?`, s.ID)
			return err
		})
	}
	return s, u, ok, err
}

// Peek is Browser for a page's automatic requests: it does not keep a session from being idle.
func (p *People) Peek(ctx context.Context, id string, cookie vault.Secret) (s Session, u User, ok bool, err error) {
	found, err := selectSessions(ctx, p.DB, `session_id = $1 AND kind = $2`, id, browserKind)
	if err != nil || len(found) == 0 {
		return s, u, false, err
	}
	s = found[0].Session
	now := p.Now()
	if !p.Vault.Matches(found[0].keyID, cookie.Reveal(), found[0].digest) || !now.Before(s.ExpiresAt) || now.Sub(s.SeenAt) > BrowserIdle {
		return s, u, false, nil
	}
	if u, err = p.Get(ctx, p.DB, s.UserID); fault.Is(err, fault.UserNotFound) {
		return s, u, false, nil
	} else if err != nil || !u.DisabledAt.IsZero() {
		return s, u, false, err
	}
	return s, u, true, nil
}

// MustRenew reports whether the session needs another id before it is used: what its person may do
// was changed.
func (s Session) MustRenew() bool { return s.mustRenew }

// RenewBrowser restarts a browser's session with another id and another cookie, so that anyone
// who knows the old ones gains nothing from it. proved says that its person proved again who they are.
func (p *People) RenewBrowser(ctx context.Context, s Session, proved bool) (Session, vault.Secret, error) {
	cookie := vault.Hide("session_" + credential.RandomText(40))
	s, err := p.renew(ctx, s, browserKind, cookie, proved)
	return s, cookie, err
}

// RenewToken does the same for a script's session, by its id, and returns the token that names it now.
// It returns unauthorized for a session that has ended meanwhile.
func (p *People) RenewToken(ctx context.Context, id string) (Session, string, error) {
	s, err := p.renew(ctx, Session{ID: id}, tokenKind, vault.Secret{}, true)
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
		renewed, err := updateSession(ctx, tx, signed.Set{"session_id": s.ID, "key_id": keyID, "digest": digest[:], "seen_at": store.Micros(now),
			"authenticated_at": store.Micros(s.AuthenticatedAt), "must_renew": false}, `session_id = ? AND kind = ?`, old, kind)
		if err != nil {
			return err
		}
		if len(renewed) == 0 {
			return fault.New(fault.Unauthorized, "The session has ended")
		}
		s.UserID, s.CreatedAt, s.ExpiresAt = renewed[0].UserID, renewed[0].CreatedAt, renewed[0].ExpiresAt
		if !proved {
			return nil
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: audit.Actor{Kind: "console_session", UserID: s.UserID, CredentialID: s.ID},
			Action: "user.authenticated", SubjectID: s.UserID})
	}, store.Instance)
	return s, err
}

// Sessions lists a person's open sessions, the one seen last first.
func (p *People) Sessions(ctx context.Context, userID string) ([]Session, error) {
	now := p.Now()
	found, err := selectSessions(ctx, p.DB,
		`user_id = $1 AND expires_at > $2 AND (kind = 'token' OR seen_at >= $3) ORDER BY seen_at DESC, session_id DESC`,
		userID, store.Micros(now), store.Micros(now.Add(-BrowserIdle)))
	out := make([]Session, len(found))
	for i, s := range found {
		out[i] = s.Session
	}
	return out, err
}

// EndSessionOf ends one of a person's sessions; console_session_not_found when there is none.
func (p *People) EndSessionOf(ctx context.Context, userID, id string, by audit.Actor) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if gone, err := deleteSession(ctx, tx, userID, id); err != nil {
			return err
		} else if !gone {
			return fault.Missing(fault.ConsoleSessionNotFound)
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.session_ended", SubjectID: userID,
			Detail: map[string]any{"console_session_id": id}})
	}, store.Instance)
}

// EndOtherSessions ends all of a person's sessions but one.
func (p *People) EndOtherSessions(ctx context.Context, userID, except string, by audit.Actor) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if err := deleteSessions(ctx, tx, userID, except); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "user.sessions_ended", SubjectID: userID})
	}, store.Instance)
}

// EndSession signs out.
func (p *People) EndSession(ctx context.Context, s Session) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := deleteSession(ctx, tx, s.UserID, s.ID); err != nil {
			return err
		}
		return p.Audit.Add(ctx, tx, audit.Entry{Actor: audit.Actor{Kind: "console_session", UserID: s.UserID, CredentialID: s.ID},
			Action: "user.signed_out", SubjectID: s.UserID})
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
	return sessionFacts(ctx, p.DB, id, workspaceID)
}
