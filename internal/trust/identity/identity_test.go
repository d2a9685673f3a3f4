package identity_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
	"keyway/internal/trust/identity"
	"keyway/internal/wiring/apitest"
)

const password = "correct horse battery"

// create adds a person with the password.
func create(t *testing.T, w *apitest.World, email string) identity.User {
	t.Helper()
	n, err := w.People.Prepare(t.Context(), email, "", password)
	w.Must(err)
	var u identity.User
	w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) (err error) {
		u, err = w.People.Create(t.Context(), tx, n, apitest.By)
		return err
	}, store.Instance))
	return u
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		jane := create(t, w, " Jane@Example.com ")
		w.Person("silent") // has no password
		if jane.Email != "jane@example.com" || jane.Name != "jane" || !jane.IsOperator {
			t.Errorf("%+v", jane)
		}
		var hash string
		w.Must(w.DB.QueryRow(ctx, `SELECT password_hash FROM users WHERE user_id = $1`, jane.ID).Scan(&hash))
		if !regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`).MatchString(hash) {
			t.Errorf("stored as %s", hash)
		}
		if u, err := w.People.SignIn(ctx, "JANE@example.com", password, identity.SecondFactor{}, "192.0.2.1"); err != nil || u.ID != jane.ID {
			t.Errorf("%+v %v", u, err)
		}
		_, err := w.People.SetDisabled(ctx, jane.ID, true, apitest.By)
		w.Must(err)
		messages := map[string]bool{}
		for name, in := range map[string][2]string{
			"unknown": {"nobody@example.com", password}, "wrong": {"jane@example.com", password + "!"}, "disabled": {"jane@example.com", password},
			"without a password": {"silent@example.com", ""}, "odd": {"\x00\xff", "\x00"},
		} {
			_, err := w.People.SignIn(ctx, in[0], in[1], identity.SecondFactor{}, "192.0.2.1")
			if !fault.Is(err, fault.Unauthorized) {
				t.Errorf("%s: %v", name, err)
			} else {
				messages[err.Error()] = true
			}
		}
		if len(messages) != 1 {
			t.Errorf("the answers differ: %v", messages)
		}
	})
}

func TestWhoMayBeAdded(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		for name, in := range map[string][3]string{
			"email": {"nobody", "", password}, "email with a space": {"a b@example.com", "", password}, "two @": {"a@b@c", "", password},
			"no domain": {"a@", "", password},
			"password":  {"a@example.com", "", "elevenchars"}, "name": {"a@example.com", strings.Repeat("x", 201), password},
		} {
			_, err := w.People.Prepare(ctx, in[0], in[1], in[2])
			var f *fault.Error
			if param, _, _ := strings.Cut(name, " "); !errors.As(err, &f) || f.Code != fault.InvalidInput || param != "two" && param != "no" &&
				f.Issues[0].Path[0] != param {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.Person("jane")
		second := w.Person("john")
		if second.IsOperator {
			t.Error("only the first is an operator")
		}
		err := w.DB.Update(ctx, func(tx *store.Tx) error {
			_, err := w.People.Create(ctx, tx, identity.NewUser{Email: "jane@example.com"}, apitest.By)
			return err
		}, store.Instance)
		if !fault.Is(err, fault.InvalidInput) {
			t.Errorf("a taken address: %v", err)
		}
	})
}

func TestTheLastOperator(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		jane, john := w.Person("jane"), w.Person("john")
		if err := w.People.SetOperator(ctx, jane.ID, false, apitest.By); !fault.Is(err, fault.InvalidRequest) {
			t.Errorf("the only operator: %v", err)
		}
		if none, err := w.People.SetDisabled(ctx, jane.ID, true, apitest.By); err != nil || !none {
			t.Errorf("disabled without a warning: %v %v", none, err)
		}
		_, err := w.People.SetDisabled(ctx, jane.ID, false, apitest.By)
		w.Must(err)
		w.Must(w.People.SetOperator(ctx, john.ID, true, apitest.By))
		if none, err := w.People.SetDisabled(ctx, jane.ID, true, apitest.By); err != nil || none {
			t.Errorf("%v %v", none, err)
		}
		if err := w.People.SetOperator(ctx, john.ID, false, apitest.By); !fault.Is(err, fault.InvalidRequest) {
			t.Errorf("the other one is disabled: %v", err)
		}
		if _, err := w.People.SetDisabled(ctx, "nobody", true, apitest.By); !fault.Is(err, fault.UserNotFound) {
			t.Errorf("nobody: %v", err)
		}
	})
}

func TestLinks(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		mint := func(kind identity.LinkKind, life time.Duration) (l identity.Link, secret vault.Secret) {
			w.Must(w.DB.Update(ctx, func(tx *store.Tx) (err error) {
				l, secret, err = w.People.CreateLink(ctx, tx, identity.Link{Kind: kind, WorkspaceID: "w", Email: "a@example.com"}, life)
				return err
			}, store.Instance))
			return l, secret
		}
		use := func(kind identity.LinkKind, secret vault.Secret) error {
			return w.DB.Update(ctx, func(tx *store.Tx) error {
				_, err := w.People.UseLink(ctx, tx, kind, secret)
				return err
			}, store.Instance)
		}
		dead := func(why string, err error) {
			t.Helper()
			if !fault.Is(err, fault.Unauthorized) {
				t.Errorf("%s: %v", why, err)
			}
		}
		l, secret := mint(identity.InvitationLink, time.Hour)
		dead("another kind", use(identity.SetupLink, secret))
		dead("another secret", use(identity.InvitationLink, vault.Hide(l.ID+"_"+credential.RandomText(32))))
		for _, garbage := range []string{"", "_", l.ID, "\x00_\xff", l.ID + "_"} {
			dead("garbage", use(identity.InvitationLink, vault.Hide(garbage)))
		}
		w.Must(use(identity.InvitationLink, secret))
		dead("used", use(identity.InvitationLink, secret))

		_, secret = mint(identity.InvitationLink, time.Hour)
		w.Pass(time.Hour - time.Second)
		_, err := w.People.FindLink(ctx, w.DB, identity.InvitationLink, secret)
		w.Must(err)
		w.Pass(time.Second)
		dead("expired", use(identity.InvitationLink, secret))

		l, secret = mint(identity.InvitationLink, time.Hour)
		withdraw := func(workspace string) error {
			return w.DB.Update(ctx, func(tx *store.Tx) error { return w.People.WithdrawInvitation(ctx, tx, workspace, l.ID) }, store.Instance)
		}
		if err := withdraw("another"); !fault.Is(err, fault.InvitationNotFound) {
			t.Errorf("withdrawn from another workspace: %v", err)
		}
		w.Must(withdraw("w"))
		dead("withdrawn", use(identity.InvitationLink, secret))

		first, err := w.People.StartSetup(ctx)
		w.Must(err)
		_, err = w.People.StartSetup(ctx)
		w.Must(err)
		dead("an earlier set-up link", use(identity.SetupLink, first))
		var text string
		w.Must(w.DB.QueryRow(ctx, `SELECT max(link_id) FROM links`).Scan(&text))
		if strings.Contains(first.String(), first.Reveal()) || !strings.HasPrefix(first.Reveal(), first.Hint()) {
			t.Error("a link's secret prints")
		}
	})
}

func TestOneSetupLinkMakesOnePerson(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		secret, err := w.People.StartSetup(ctx)
		w.Must(err)
		var running sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			running.Go(func() {
				errs[i] = w.DB.Update(ctx, func(tx *store.Tx) error {
					if _, err := w.People.UseLink(ctx, tx, identity.SetupLink, secret); err != nil {
						return err
					}
					_, err := w.People.Create(ctx, tx, identity.NewUser{Email: string(rune('a'+i)) + "@example.com"}, audit.Actor{Kind: "setup"})
					return err
				}, store.Instance)
			})
		}
		running.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !fault.Is(err, fault.Unauthorized) {
				t.Error(err)
			}
		}
		if people, err := w.People.List(ctx); err != nil || len(people) != 1 || won != 1 || !people[0].IsOperator {
			t.Errorf("%d came in, %d are there (%v)", won, len(people), err)
		}
	})
}

func TestBrowserSessions(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		jane := w.Person("jane")
		start := func() (identity.Session, vault.Secret) {
			s, cookie, err := w.People.StartBrowser(ctx, jane, identity.ByPassword, "192.0.2.1", strings.Repeat("é", 150))
			w.Must(err)
			return s, cookie
		}
		open := func(s identity.Session, cookie vault.Secret) bool {
			t.Helper()
			_, u, ok, err := w.People.Browser(ctx, s.ID, cookie)
			w.Must(err)
			if ok && u.ID != jane.ID {
				t.Errorf("opened for %s", u.ID)
			}
			return ok
		}
		s, cookie := start()
		other, otherCookie := start()
		if !open(s, cookie) || open(s, otherCookie) || open(s, vault.Secret{}) || open(identity.Session{ID: "\x00"}, cookie) {
			t.Error("a session opens for its own cookie only")
		}
		w.Must(w.People.EndSession(ctx, s))
		if open(s, cookie) || !open(other, otherCookie) {
			t.Error("signing out ends this session and no other")
		}
		s, cookie = start()
		for range 3 {
			w.Pass(identity.BrowserIdle - time.Minute)
			if !open(s, cookie) {
				t.Fatal("idle for less than it may be")
			}
		}
		w.Pass(identity.BrowserIdle + time.Minute)
		if open(s, cookie) {
			t.Error("idle for too long")
		}
		s, cookie = start()
		for range 80 {
			if w.Pass(identity.BrowserIdle - time.Hour); !open(s, cookie) {
				break
			}
		}
		if lasted := w.Now().Sub(s.CreatedAt); lasted < identity.BrowserMost || lasted > identity.BrowserMost+identity.BrowserIdle {
			t.Errorf("in use it lasts %s", lasted)
		}
		s, cookie = start()
		other, otherCookie = start()
		w.Must(w.People.SetPassword(ctx, jane.ID, password, s.ID, false, apitest.By))
		if !open(s, cookie) || open(other, otherCookie) {
			t.Error("a new password ends all sessions but the one it was changed in")
		}
		_, err := w.People.SetDisabled(ctx, jane.ID, true, apitest.By)
		w.Must(err)
		if open(s, cookie) {
			t.Error("disabled")
		}
		_, err = w.People.SetDisabled(ctx, jane.ID, false, apitest.By)
		w.Must(err)
		if open(s, cookie) {
			t.Error("letting a person in again revives no session")
		}
		// A session that must be renewed asks for its cookie like any other, and is as mortal.
		s, cookie = start()
		w.Must(w.DB.Update(ctx, func(tx *store.Tx) error { return grant.SetOperator(ctx, tx, jane.ID, false) }, store.Instance))
		if open(s, otherCookie) || open(s, vault.Secret{}) || !open(s, cookie) {
			t.Error("after a change of rights the id of a session opens it")
		}
		if w.Pass(identity.BrowserIdle + time.Minute); open(s, cookie) {
			t.Error("a change of rights keeps a session from being idle")
		}
		// What has expired is cleared away.
		w.Pass(identity.BrowserMost)
		start()
		var n int
		w.Must(w.DB.QueryRow(ctx, `SELECT count(*) FROM sessions`).Scan(&n))
		if n != 1 {
			t.Errorf("%d sessions are stored", n)
		}
	})
}

// A console token is good for the session it names, and for nothing once it was changed.
func TestConsoleTokens(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		jane := w.Person("jane")
		token := w.Session(jane)
		if !strings.HasPrefix(token, "ey") {
			t.Errorf("begins with %s", token[:4])
		}
		id, ok := w.People.SessionID(token)
		if !ok {
			t.Fatal("its own token is not known")
		}
		key := w.Vault.Derive(w.Vault.KeyID(), "console session")
		sign := func(method jwt.SigningMethod, kid any, key any, id string) string {
			tok := jwt.NewWithClaims(method, jwt.RegisteredClaims{ID: id})
			if kid != nil {
				tok.Header["kid"] = kid
			}
			text, err := tok.SignedString(key)
			w.Must(err)
			return text
		}
		kid := w.Vault.KeyID()
		if _, ok := w.People.SessionID(sign(jwt.SigningMethodHS256, kid, key, id)); !ok {
			t.Fatal("the forger's tools do not work")
		}
		parts := strings.Split(token, ".")
		payload, err := json.Marshal(map[string]any{"jti": store.NewID()})
		w.Must(err)
		for name, forged := range map[string]string{
			"other claims":   parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2],
			"no signature":   parts[0] + "." + parts[1] + ".",
			"alg none":       sign(jwt.SigningMethodNone, kid, jwt.UnsafeAllowNoneSignatureType, id),
			"another method": sign(jwt.SigningMethodHS512, kid, key, id),
			"another key":    sign(jwt.SigningMethodHS256, kid, []byte(strings.Repeat("k", 32)), id),
			"empty key":      sign(jwt.SigningMethodHS256, kid, []byte{}, id),
			"unknown key id": sign(jwt.SigningMethodHS256, "k2", key, id),
			"no key id":      sign(jwt.SigningMethodHS256, nil, key, id),
			"odd key id":     sign(jwt.SigningMethodHS256, 7, key, id),
			"no session":     sign(jwt.SigningMethodHS256, kid, key, ""),
			"two parts":      parts[0] + "." + parts[1],
			"garbage":        "eyJ",
		} {
			if _, ok := w.People.SessionID(forged); ok {
				t.Errorf("%s: taken", name)
			}
			w.Refused(apitest.Request{Path: "/keyway/v1/users/get_current", Token: forged}, 401, "unauthorized")
		}
		w.Call(apitest.Request{Path: "/keyway/v1/users/get_current", Token: token}, nil)
		w.Must(w.People.EndSession(ctx, identity.Session{ID: id, UserID: jane.ID}))
		w.Refused(apitest.Request{Path: "/keyway/v1/users/get_current", Token: token}, 401, "unauthorized")
		// A browser's session is not one for scripts.
		s, _, err := w.People.StartBrowser(context.Background(), jane, identity.ByPassword, "", "")
		w.Must(err)
		w.Refused(apitest.Request{Path: "/keyway/v1/users/get_current", Token: sign(jwt.SigningMethodHS256, kid, key, s.ID)}, 401, "unauthorized")
	})
}
