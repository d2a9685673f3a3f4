package clientsession_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"keyway/internal/api/connectwebview"
	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
	"keyway/internal/trust/policy"
	"keyway/internal/wiring/apitest"
)

type in = map[string]any

// maker is a member of a workspace with a token, beside the workspace's owner.
type maker struct {
	*apitest.World
	t                  *testing.T
	page               *connectwebview.Page
	ws                 workspace.Workspace
	owner, jane        identity.User
	key                string // an API key of the owner's
	token, id          string // jane's
	devices, elsewhere string // of the workspace's devices, the first and another
}

func setup(t *testing.T, w *apitest.World, name string, narrow personalaccesstoken.Narrow) *maker {
	t.Helper()
	m := &maker{World: w, t: t, owner: w.Person(name + "-owner"), jane: w.Person(name + "-jane")}
	m.ws = w.Workspace(m.owner, name, true)
	m.Join(m.ws, m.jane, rpc.Admin)
	w.Connect(m.ws, "schlage")
	m.key, _ = w.Key(m.ws, m.owner)
	var found struct {
		Devices []struct {
			ID string `json:"device_id"`
		}
	}
	m.Call(apitest.Request{Path: "/devices/list", Token: m.key}, &found)
	m.devices, m.elsewhere = found.Devices[0].ID, found.Devices[1].ID
	m.token, m.id = w.Token(m.jane, personalaccesstoken.New{Name: name, From: "command", Never: true, Narrow: narrow})
	var err error
	m.page, err = connectwebview.NewPage(w.Webviews)
	w.Must(err)
	return m
}

// ask sends a request in the workspace.
func (m *maker) ask(token, path string, body in) apitest.Answer {
	m.t.Helper()
	r := apitest.Request{Path: path, Token: token, Body: body}
	if strings.HasPrefix(token, "seam_at") || strings.HasPrefix(token, "ey") {
		r.Workspace = m.ws.ID
	}
	return m.Do(r)
}

// object asks, which must succeed, and gives an object of the answer.
func (m *maker) object(token, path string, body in, name string) in {
	m.t.Helper()
	a := m.ask(token, path, body)
	if a.Status != http.StatusOK {
		m.t.Fatalf("%s: %d %s", path, a.Status, a.Body)
	}
	var out in
	m.Must(json.Unmarshal([]byte(a.Body), &out))
	of, _ := out[name].(in)
	return of
}

func (m *maker) session(token string, body in) (secret, id string) {
	m.t.Helper()
	s := m.object(token, "/client_sessions/create", body, "client_session")
	return s["token"].(string), s["client_session_id"].(string)
}

// everything is what a session is given so that it reaches the workspace's devices.
func (m *maker) everything() in {
	m.t.Helper()
	var found struct {
		Accounts []struct {
			ID string `json:"connected_account_id"`
		} `json:"connected_accounts"`
	}
	m.Call(apitest.Request{Path: "/connected_accounts/list", Token: m.key}, &found)
	return in{"connected_account_ids": []string{found.Accounts[0].ID}}
}

var stateField = regexp.MustCompile(`name="state" value="([^"]+)"`)

// begins reports whether a person gets beyond the first screen of a webview's page.
func (m *maker) begins(address string) bool {
	show := func(r *http.Request) (int, string) {
		r.RemoteAddr = "127.0.0.1:1234"
		rec := httptest.NewRecorder()
		m.page.ServeHTTP(rec, r)
		return rec.Code, rec.Body.String()
	}
	_, screen := show(httptest.NewRequest(http.MethodGet, strings.TrimPrefix(address, apitest.PublicURL), nil))
	found := stateField.FindStringSubmatch(screen)
	if found == nil {
		return false
	}
	r := httptest.NewRequest(http.MethodPost, "/connect_webviews/view",
		strings.NewReader(url.Values{"step": {"brands"}, "state": {html.UnescapeString(found[1])}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, _ := show(r)
	return status == http.StatusOK
}

// child is something that a token made, and how it is used.
type child struct {
	name string
	// works reports whether it still does what it was made for, in full.
	works func() bool
}

// children makes one of each kind of credential with the maker's token.
func (m *maker) children() []child {
	m.t.Helper()
	session := func(name, secret string) child {
		return child{name, func() bool {
			a := m.ask(secret, "/devices/list", nil)
			return a.Status == http.StatusOK && strings.Contains(a.Body, m.devices) &&
				m.ask(secret, "/connect_webviews/list", nil).Status == http.StatusOK
		}}
	}
	created, _ := m.session(m.token, m.everything())
	found := m.object(m.token, "/client_sessions/get_or_create",
		in{"user_identifier_key": "ada", "connected_account_ids": m.everything()["connected_account_ids"]}, "client_session")["token"].(string)
	key, _ := m.WorkspaceKey(m.jane, m.id, m.ws)
	byKey, _ := m.session(key, m.everything())
	webview := func(token string) string {
		return m.object(token, "/connect_webviews/create", in{"accepted_providers": []string{"schlage"}}, "connect_webview")["url"].(string)
	}
	own, ofSession := webview(m.token), webview(created)
	hook := m.object(m.token, "/webhooks/create", in{"url": "https://example.com/hook"}, "webhook")["webhook_id"].(string)
	_, tokenOfChild := "", ""
	if c, _ := m.Token(m.jane, personalaccesstoken.New{Name: "child", From: "token", ParentID: m.id}); c != "" {
		tokenOfChild, _ = m.session(c, m.everything())
	}
	names := 0
	return []child{
		session("client session", created), session("client session of a user", found), session("client session by a workspace key", byKey),
		session("client session by a child token", tokenOfChild),
		{"connect webview", func() bool {
			ok := m.begins(own)
			own = m.refill(own, ok, func() string { return webview(m.token) })
			return ok
		}},
		{"connect webview of a client session", func() bool {
			ok := m.begins(ofSession)
			ofSession = m.refill(ofSession, ok, func() string { return webview(created) })
			return ok
		}},
		{"webhook", func() bool {
			names++
			before := m.pending(hook)
			m.object(m.key, "/devices/update", in{"device_id": m.elsewhere, "name": fmt.Sprint("name ", names)}, "")
			return m.pending(hook) > before
		}},
	}
}

// refill gives another address for one that was used up.
func (m *maker) refill(address string, used bool, another func() string) string {
	if used {
		return another()
	}
	return address
}

func (m *maker) pending(hook string) (n int) {
	m.t.Helper()
	m.Must(m.DB.QueryRow(m.Context(), `SELECT count(*) FROM webhook_deliveries WHERE webhook_id = $1`, hook).Scan(&n))
	return n
}

func (m *maker) narrow(n personalaccesstoken.Narrow) {
	m.t.Helper()
	m.Must(m.Tokens.Update(m.Context(), m.jane.ID, m.id, personalaccesstoken.Change{Narrow: n}, nil, apitest.By))
}

func given[T any](v T) rpc.Opt[T] { return rpc.Opt[T]{Set: true, Value: v} }

func tomorrow(m *maker) credential.Hours {
	day := strings.ToLower(m.Now().UTC().AddDate(0, 0, 1).Weekday().String()[:3])
	return credential.Hours{Weekdays: []string{day}, From: "00:00", To: "24:00", TimeZone: "UTC"}
}

// Guards a kind of fault: a limit of a token is left behind in what the token makes. Every kind of limit,
// and every way in which a token ends, is tried on every kind of thing that a token makes: it works
// before, and not after.
func TestWhatATokenMakesIsAsNarrowAsTheToken(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		const webhook = "webhook"
		for _, c := range []struct {
			name string
			bite func(m *maker)
			not  string // what it is not about
		}{
			{"scopes", func(m *maker) {
				m.narrow(personalaccesstoken.Narrow{Scopes: given([]string{"client_sessions:write", "devices:read"})})
			}, ""},
			{"workspaces", func(m *maker) {
				m.narrow(personalaccesstoken.Narrow{WorkspaceIDs: given([]string{m.Workspace(m.jane, "other", true).ID})})
			}, ""},
			{"networks", func(m *maker) { m.narrow(personalaccesstoken.Narrow{AllowedCIDRs: given([]string{"10.0.0.0/8"})}) }, webhook},
			{"hours", func(m *maker) { m.narrow(personalaccesstoken.Narrow{AllowedHours: given(tomorrow(m))}) }, webhook}, // its events wait
			{"devices", func(m *maker) { m.narrow(personalaccesstoken.Narrow{DeviceIDs: given([]string{m.elsewhere})}) }, webhook},
			{"devices of a webhook", func(m *maker) {
				m.narrow(personalaccesstoken.Narrow{DeviceIDs: given([]string{m.devices})})
			}, "client session"},
			{"uses", func(m *maker) {
				m.narrow(personalaccesstoken.Narrow{MaxUses: given(int64(1))})
				m.ask(m.token, "/devices/list", nil)
			}, ""},
			{"not before", func(m *maker) {
				m.Must(m.Tokens.Update(m.Context(), m.jane.ID, m.id, personalaccesstoken.Change{NotBefore: given(m.Now().Add(time.Hour))}, nil,
					apitest.By))
			}, ""},
			{"disabled", func(m *maker) { m.Must(m.Tokens.SetDisabled(m.Context(), m.jane.ID, m.id, true, apitest.By)) }, ""},
			{"revoked", func(m *maker) { m.Must(m.Tokens.Revoke(m.Context(), m.jane.ID, m.id, apitest.By)) }, ""},
			{"revoked after a rotation", func(m *maker) {
				next, _, err := m.Tokens.Rotate(m.Context(), personalaccesstoken.Manager{UserID: m.jane.ID}, m.id,
					personalaccesstoken.Rotation{From: "console"}, apitest.By)
				m.Must(err)
				m.Must(m.Tokens.Revoke(m.Context(), m.jane.ID, next.ID, apitest.By))
			}, ""},
			{"reported as leaked", func(m *maker) {
				m.Do(apitest.Request{Path: "/keyway/v1/credentials/revoke", Body: in{"credentials": []string{m.token}}})
			}, ""},
			{"refused by an owner", func(m *maker) {
				m.Must(m.Tokens.SetRefused(m.Context(), m.owner.ID, m.ws.ID, m.id, true, apitest.By))
			}, ""},
			{"a policy of the workspace", func(m *maker) {
				_, err := m.Policies.Update(m.Context(), m.ws.ID, policy.Change{NeverForbidden: given(true)}, apitest.By)
				m.Must(err)
			}, ""},
			{"the membership", func(m *maker) { m.Must(m.Members.Remove(m.Context(), m.ws.ID, m.jane.ID, rpc.Owner, "", apitest.By)) }, ""},
			{"the membership, which comes back", func(m *maker) {
				m.Must(m.Members.Remove(m.Context(), m.ws.ID, m.jane.ID, rpc.Owner, "", apitest.By))
				m.Join(m.ws, m.jane, rpc.Admin)
			}, webhook}, // the token is as good as before, and its webhook with it
			{"the person", func(m *maker) {
				_, err := m.People.SetDisabled(m.Context(), m.jane.ID, true, apitest.By)
				m.Must(err)
			}, ""},
			{"the person, who comes back", func(m *maker) {
				for _, disabled := range []bool{true, false} {
					_, err := m.People.SetDisabled(m.Context(), m.jane.ID, disabled, apitest.By)
					m.Must(err)
				}
			}, ""},
			{"expiry", func(m *maker) { // the last: it lets time pass
				m.Must(m.Tokens.Update(m.Context(), m.jane.ID, m.id, personalaccesstoken.Change{ExpiresAt: given(m.Now().Add(time.Minute))}, nil,
					apitest.By))
				m.Pass(time.Minute)
			}, ""},
		} {
			m := setup(t, w, c.name, personalaccesstoken.Narrow{DailyActionLimit: given(int64(1000))})
			made := m.children()
			for _, x := range made {
				if !x.works() {
					t.Errorf("%s: the %s does not work from the beginning", c.name, x.name)
				}
			}
			c.bite(m)
			for _, x := range made {
				if c.not != "" && strings.HasPrefix(x.name, c.not) {
					continue
				}
				if x.works() {
					t.Errorf("%s: the %s goes on", c.name, x.name)
				}
			}
		}
	})
}

// Guards a kind of fault: what is counted of a token restarts in what the token makes.
func TestUsesAndActionsAreCountedTogether(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		m := setup(t, w, "uses", personalaccesstoken.Narrow{MaxUses: given(int64(5))})
		// 1
		session, _ := m.session(m.token, m.everything())
		// 2
		webview := m.object(m.token, "/connect_webviews/create", in{"accepted_providers": []string{"schlage"}}, "connect_webview")["url"].(string)
		for range 2 { // 3, 4
			if a := m.ask(session, "/devices/list", nil); a.Status != http.StatusOK {
				t.Fatal(a.Body)
			}
		}
		if !m.begins(webview) {
			t.Error("a webview's page does not begin while a use is left")
		}
		m.object(m.token, "/devices/list", nil, "") // 5
		for _, token := range []string{session, m.token} {
			if f := m.ask(token, "/devices/list", nil).Failure(t); f.Data["reason"] != "uses" {
				t.Errorf("a request too many: %v", f)
			}
		}

		m = setup(t, w, "actions", personalaccesstoken.Narrow{DailyActionLimit: given(int64(2))})
		session, _ = m.session(m.token, m.everything())
		unlock := func(token string) apitest.Answer {
			return m.ask(token, "/locks/unlock_door", in{"device_id": m.devices})
		}
		for _, token := range []string{session, m.token} {
			if a := unlock(token); a.Status != http.StatusOK {
				t.Fatal(a.Body)
			}
		}
		for _, token := range []string{session, m.token} {
			if f := unlock(token).Failure(t); f.Data["reason"] != "daily_limit" {
				t.Errorf("an action too many: %v", f)
			}
		}
	})
}

// Who has a client session learns nothing of the limits of the token that it was made with.
func TestASessionTellsNothingOfItsToken(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		m := setup(t, w, "quiet", personalaccesstoken.Narrow{})
		session, _ := m.session(m.token, m.everything())
		m.narrow(personalaccesstoken.Narrow{AllowedCIDRs: given([]string{"10.9.8.0/24"})})
		a := m.ask(session, "/devices/list", nil)
		if f := a.Failure(t); a.Status != http.StatusForbidden || f.Data["reason"] != "address" || strings.Contains(a.Body, "10.9.8") {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	})
}

// Guards a kind of fault: a secret is shown to a caller that could not make what it opens. Lists, gets,
// searches and the answers of changes are tried with every kind of caller.
func TestSecretsAreShownToWhoCouldMakeThem(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		m := setup(t, w, "shown", personalaccesstoken.Narrow{})
		var secrets, ids [3]string // of what an API key made
		s := m.object(m.key, "/client_sessions/create", in{"user_identifier_key": "ada"}, "client_session")
		v := m.object(m.key, "/connect_webviews/create", in{}, "connect_webview")
		h := m.object(m.key, "/webhooks/create", in{"url": "https://example.com/hook"}, "webhook")
		address, err := url.Parse(v["url"].(string))
		m.Must(err)
		secrets = [3]string{s["token"].(string), address.Query().Get("auth_token"), h["secret"].(string)}
		ids = [3]string{s["client_session_id"].(string), v["connect_webview_id"].(string), h["webhook_id"].(string)}
		reads := [3][]apitest.Request{
			{{Path: "/client_sessions/list"}, {Path: "/client_sessions/get", Body: in{"client_session_id": ids[0]}},
				{Path: "/client_sessions/get", Body: in{"user_identifier_key": "ada"}},
				{Path: "/workspaces/find_anything", Body: in{"search": ids[0]}}},
			{{Path: "/connect_webviews/list"}, {Path: "/connect_webviews/get", Body: in{"connect_webview_id": ids[1]}}},
			{{Path: "/webhooks/list"}, {Path: "/webhooks/get", Body: in{"webhook_id": ids[2]}}},
		}
		stale := m.Session(m.jane)
		m.Pass(credential.FreshFor + time.Minute)
		token := func(n personalaccesstoken.Narrow) string {
			secret, _ := m.Token(m.jane, personalaccesstoken.New{Name: "x", From: "command", Never: true, Narrow: n})
			return secret
		}
		short, _ := m.Token(m.jane, personalaccesstoken.New{Name: "x", From: "command", ExpiresAt: m.Now().Add(time.Hour)})
		for name, c := range map[string]struct {
			token string
			sees  [3]bool
		}{
			"an API key":                   {m.key, [3]bool{true, true, true}},
			"a token without limits":       {m.token, [3]bool{true, true, true}},
			"a console session, fresh":     {m.World.Session(m.jane), [3]bool{true, true, true}},
			"a console session, not fresh": {stale, [3]bool{}},
			"a token that may read":        {token(personalaccesstoken.Narrow{Scopes: given([]string{"*:read"})}), [3]bool{}},
			"a token with scopes of reading": {token(personalaccesstoken.Narrow{Scopes: given([]string{"client_sessions:read",
				"connect_webviews:read", "webhooks:read"})}), [3]bool{}},
			"a token with scopes of writing": {token(personalaccesstoken.Narrow{Scopes: given([]string{"*:read", "client_sessions:write",
				"connect_webviews:write", "webhooks:write"})}), [3]bool{}},
			"a token with a daily limit": {token(personalaccesstoken.Narrow{DailyActionLimit: given(int64(0))}), [3]bool{}},
			"a token with networks": {token(personalaccesstoken.Narrow{AllowedCIDRs: given([]string{"127.0.0.0/8", "::1/128"})}),
				[3]bool{}},
			"a token with uses":                {token(personalaccesstoken.Narrow{MaxUses: given(int64(50))}), [3]bool{}},
			"a token that ends before it does": {short, [3]bool{false, true, true}},
		} {
			for kind, requests := range reads {
				for _, r := range requests {
					r.Token = c.token
					if strings.HasPrefix(r.Token, "seam_at") || strings.HasPrefix(r.Token, "ey") {
						r.Workspace = m.ws.ID
					}
					a := m.Do(r)
					if a.Status != http.StatusOK {
						if !strings.Contains(r.Path, "find_anything") {
							t.Errorf("%s, %s: %d %s", name, r.Path, a.Status, a.Body)
						}
						continue
					}
					if shown := strings.Contains(a.Body, secrets[kind]); shown != c.sees[kind] {
						t.Errorf("%s, %s: the secret is shown: %v", name, r.Path, shown)
					}
				}
			}
		}

		// Nor is what a limited token did not make given more, or its secret rotated, through that token.
		limited := token(personalaccesstoken.Narrow{DailyActionLimit: given(int64(0))})
		a := m.ask(limited, "/client_sessions/grant_access",
			in{"client_session_id": ids[0], "connected_account_ids": m.everything()["connected_account_ids"]})
		if f := a.Failure(t); a.Status != http.StatusForbidden || f.Data["reason"] != "client_session" {
			t.Errorf("granting: %d %s", a.Status, a.Body)
		}
		if a := m.ask(limited, "/keyway/v1/webhooks/rotate_secret", in{"webhook_id": ids[2]}); a.Status != http.StatusForbidden {
			t.Errorf("rotating: %d %s", a.Status, a.Body)
		}
		if got := m.object(limited, "/client_sessions/get_or_create", in{"user_identifier_key": "ada"},
			"client_session"); got["client_session_id"] == ids[0] || got["token"] == nil {
			t.Errorf("a limited token is given the user's session, or none: %v", got)
		}
		for _, path := range []string{"/client_sessions/create", "/client_sessions/get_or_create", "/webhooks/create",
			"/keyway/v1/webhooks/rotate_secret"} {
			a := m.ask(stale, path, in{"user_identifier_key": "eve", "url": "https://example.com", "webhook_id": ids[2]})
			if f := a.Failure(t); f.Data["reason"] != "fresh_authentication" {
				t.Errorf("%s with an old sign-in: %d %s", path, a.Status, a.Body)
			}
		}
	})
}

// A session is its token's family's: a rotation keeps it, and one that another token would give is not
// taken for the user's where it would end otherwise.
func TestSessionsOutliveARotation(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		m := setup(t, w, "rotated", personalaccesstoken.Narrow{})
		secret, id := m.session(m.token, in{"user_identifier_key": "ada"})
		next, successor, err := m.Tokens.Rotate(m.Context(), personalaccesstoken.Manager{UserID: m.jane.ID}, m.id,
			personalaccesstoken.Rotation{From: "console"}, apitest.By)
		m.Must(err)
		if a := m.ask(secret, "/devices/list", nil); a.Status != http.StatusOK {
			t.Errorf("after a rotation: %d %s", a.Status, a.Body)
		}
		again := m.object(successor.Reveal(), "/client_sessions/get_or_create", in{"user_identifier_key": "ada"}, "client_session")
		if again["client_session_id"] != id || again["token"] != secret {
			t.Errorf("the token's successor is given another session: %v", again)
		}
		// It ends with the token, and says so.
		end := m.Now().Add(time.Hour)
		m.Must(m.Tokens.Update(m.Context(), m.jane.ID, next.ID, personalaccesstoken.Change{ExpiresAt: given(end)}, nil, apitest.By))
		if s := m.object(m.key, "/client_sessions/get", in{"client_session_id": id},
			"client_session"); s["expires_at"] != end.UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z") {
			t.Errorf("a session of a token that ends at %s ends at %v", end.UTC(), s["expires_at"])
		}
		m.Pass(2 * time.Hour)
		if other := m.object(m.key, "/client_sessions/get_or_create", in{"user_identifier_key": "ada"},
			"client_session"); other["client_session_id"] == id {
			t.Error("a user is given a session that has ended with its token")
		}
	})
}
