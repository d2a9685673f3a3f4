package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
	"keyway/internal/trust/identity"
	"keyway/internal/trust/policy"
)

// in asks with a token in a workspace.
func (w *world) in(t *testing.T, token, workspaceID, path string, body fields) answer {
	t.Helper()
	return w.send(t, http.MethodPost, path, http.Header{"Authorization": {"Bearer " + token}, "Seam-Workspace": {workspaceID}}, body)
}

func (w *world) consoleSession(t *testing.T, u identity.User) string {
	t.Helper()
	_, token, err := w.People.StartToken(t.Context(), u, identity.ByPassword, "192.0.2.1", "test")
	if err != nil {
		t.Fatal(err)
	}
	return token
}

const tokensPath = "/keyway/v1/personal_access_tokens/"

// TestIncidentForeignHandles: in OpenBao an administrator of one tenant revoked and renewed tokens of
// another by their handles (CVE-2026-40264). Here every endpoint about tokens answers to another person's
// ids exactly as to unknown ids, and changes nothing.
func TestIncidentForeignHandles(t *testing.T) {
	t.Parallel()
	w := setup(t, storetest.SQLite(t))
	w.person(t, "root") // the first is an operator, who manages everyone's
	jane, bob := w.person(t, "jane"), w.person(t, "bob")
	w.join(t, w.here, jane, rpc.Owner)
	w.join(t, w.abroad, bob, rpc.Owner)
	pat, patID := w.pat(t, jane.ID, credential.Credential{})
	_, child := w.pat(t, jane.ID, credential.Credential{ParentID: patID})
	theirs, theirsID := w.pat(t, bob.ID, credential.Credential{})
	_, theirChild := w.pat(t, bob.ID, credential.Credential{ParentID: theirsID})
	key, _, err := w.Tokens.CreateWorkspaceKey(t.Context(), bob.ID, theirsID, w.abroad.id, audit.Server)
	if err != nil {
		t.Fatal(err)
	}
	refused := w.send(t, http.MethodPost, "/devices/list", http.Header{"Authorization": {"Bearer " + theirs}, "Seam-Workspace": {w.here.id}},
		fields{})
	if refused.status != http.StatusUnauthorized {
		t.Fatal(refused.raw)
	}
	foreign := map[string][]string{"personal_access_token_id": {theirsID, theirChild}, "workspace_key_id": {key.ID},
		"workspace_id": {w.abroad.id}, "user_id": {bob.ID}, "request_id": {w.requestID(t, theirs)}}
	mine := part{"personal_access_token_id": child, "workspace_id": w.here.id, "request_id": "request_0", "user_id": jane.ID}
	session := w.consoleSession(t, jane)
	tried := 0
	was := w.digest(t)
	for _, e := range w.rpc.Endpoints() {
		if !strings.HasPrefix(e.Path, tokensPath) && !strings.HasPrefix(e.Path, "/keyway/v1/policies/") {
			continue
		}
		for _, p := range e.Parameters() {
			for _, id := range foreign[p.Name] {
				for _, caller := range []string{session, pat} {
					if caller == pat && e.Path == tokensPath+"list" {
						if a := w.call(t, pat, e.Path, fields{p.Name: id}); strings.Contains(a.raw, theirsID) {
							t.Errorf("a token lists what is not its own: %s", a.raw)
						}
						continue // it lists itself, whatever is named, and with its last use
					}
					with := func(id string) answer {
						body := example(t, e, mine)
						body[p.Name] = id
						if e.Path == tokensPath+"revoke" && p.Name == "workspace_key_id" {
							delete(body, "personal_access_token_id")
						}
						return w.call(t, caller, e.Path, body)
					}
					random := store.NewID()
					if got, want := with(id), with(random); got.status != want.status || strings.ReplaceAll(got.raw, id, random) != want.raw {
						t.Errorf("%s with somebody else's %s: %d %s, with a random one %d %s", e.Path, p.Name, got.status, got.raw, want.status, want.raw)
					}
					tried++
				}
			}
		}
	}
	if now := w.digest(t); now != was {
		t.Error("something was changed by the ids of somebody else")
	}
	if tried < 40 {
		t.Errorf("only %d requests were tried", tried)
	}
}

// requestID is that of a request which is refused to a token.
func (w *world) requestID(t *testing.T, token string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/devices/list", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + token}, "Seam-Workspace": {store.NewID()}}
	res, err := w.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.Header.Get("Seam-Request-Id")
}

// hammered is a token that callers use all the while, until after its end was answered.
type hammered struct {
	token     string
	ended     atomic.Bool
	succeeded atomic.Int64
}

// TestIncidentStaleCache: with NocoDB deleted tokens worked for up to three days (CVE-2026-46554).
// Here several connections ask all the while a token is being ended, a thousand times by revoking it
// and many times in every other way that there is, in one process and across two on one database:
// nothing that is sent after the end was answered succeeds.
func TestIncidentStaleCache(t *testing.T) {
	t.Parallel()
	t.Run("one process", func(t *testing.T) {
		t.Parallel()
		w := setup(t, storetest.SQLite(t))
		w.hammer(t, staleRevoked, staleOthers, w.URL)
	})
	t.Run("two processes", func(t *testing.T) {
		t.Parallel()
		address := storetest.PostgresURL(t)
		open := func() *store.DB {
			db, err := store.Open(t.Context(), store.Options{DatabaseURL: address})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			return db
		}
		w := setup(t, open())
		second := wire(open(), w.Vault, appOptions{log: slog.New(slog.DiscardHandler), publicURL: "http://keyway.test"})
		machine, err := second.newRPC(prometheus.NewRegistry(), serveOptions{}, func(*http.Request) string { return "192.0.2.1" })
		if err != nil {
			t.Fatal(err)
		}
		other := httptest.NewServer(machine)
		t.Cleanup(other.Close)
		w.hammer(t, staleRevokedAcross, staleOthersAcross, other.URL)
	})
}

// hammer ends tokens by w while callers use them, or what was made with them, at an address: so often
// by revoking, and so often in each other way.
func (w *world) hammer(t *testing.T, revoked, others int, address string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	w.Tokens.MaxLive = 1 << 20
	owner, mary := w.person(t, "owner"), w.person(t, "mary")
	w.join(t, w.here, owner, rpc.Owner)
	w.join(t, w.here, mary, rpc.Member)
	w.join(t, w.abroad, mary, rpc.Member)
	var current atomic.Pointer[hammered]
	var late, answered atomic.Int64
	var callers sync.WaitGroup
	stop := make(chan struct{})
	defer func() { close(stop); callers.Wait() }()
	for range 3 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r := current.Load()
				if r == nil {
					time.Sleep(100 * time.Microsecond)
					continue
				}
				ended := r.ended.Load()
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/workspaces/get", nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header = http.Header{"Authorization": {"Bearer " + r.token}, "Seam-Workspace": {w.here.id}}
				res, err := w.Client().Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				answered.Add(1)
				if res.StatusCode == http.StatusOK && ended {
					late.Add(1)
				} else if res.StatusCode == http.StatusOK {
					r.succeeded.Add(1)
				}
			}
		})
	}
	// mint makes tokens and gives them, or what was made with them, to be used.
	type used struct{ token, id string }
	mint := func(from, n int) (out []used) {
		if err := w.DB.Update(ctx, func(tx *store.Tx) error {
			out = nil
			for i := from; i < from+n; i++ {
				c := credential.Credential{Kind: credential.PersonalAccessToken, UserID: mary.ID, Name: "test", CreatedFrom: "command",
					CreatedAt: time.Now(), Limits: credential.Unlimited()}
				secret, err := credential.Insert(ctx, tx, w.Vault, &c, false)
				if err != nil {
					return err
				}
				u := used{secret.Reveal(), c.ID}
				if c.ParentID, c.FamilyID = c.ID, ""; i%3 == 1 {
					c.Kind, c.UserID, c.WorkspaceID = credential.WorkspaceKey, "", w.here.id
				}
				if i%3 > 0 {
					if secret, err = credential.Insert(ctx, tx, w.Vault, &c, false); err != nil {
						return err
					}
					u.token = secret.Reveal()
				}
				out = append(out, u)
			}
			return nil
		}, store.Instance); err != nil {
			t.Fatal(err)
		}
		return out
	}
	change := func(id string, ch personalaccesstoken.Change) error {
		return w.Tokens.Update(ctx, mary.ID, id, ch, nil, audit.Server)
	}
	ends := []struct {
		name      string
		end, mend func(id, token string) error
	}{
		{name: "revoked", end: func(id, _ string) error { return w.Tokens.Revoke(ctx, mary.ID, id, audit.Server) }},
		{name: "disabled", end: func(id, _ string) error { return w.Tokens.SetDisabled(ctx, mary.ID, id, true, audit.Server) }},
		{name: "cut to other scopes", end: func(id, _ string) error {
			return change(id, personalaccesstoken.Change{Narrow: personalaccesstoken.Narrow{Scopes: rpc.Opt[[]string]{Set: true,
				Value: []string{"devices:read"}}}})
		}},
		{name: "cut to another workspace", end: func(id, _ string) error {
			return change(id, personalaccesstoken.Change{Narrow: personalaccesstoken.Narrow{WorkspaceIDs: rpc.Opt[[]string]{Set: true,
				Value: []string{w.abroad.id}}}})
		}},
		{name: "expired", end: func(id, _ string) error {
			at := time.Now().Add(10 * time.Millisecond)
			err := change(id, personalaccesstoken.Change{ExpiresAt: rpc.Opt[time.Time]{Set: true, Value: at}})
			time.Sleep(time.Until(at) + time.Millisecond)
			return err
		}},
		{name: "found by somebody", end: func(id, token string) error {
			_, err := w.Leaks.Revoke(ctx, []string{token}, audit.Server)
			return err
		}},
		{name: "refused by an owner", end: func(id, _ string) error {
			return w.Tokens.SetRefused(ctx, owner.ID, w.here.id, id, true, audit.Server)
		}},
		{name: "against the policy", end: func(string, string) error {
			_, err := w.Policies.Update(ctx, w.here.id, policy.Change{AllowedScopes: rpc.Opt[[]string]{Set: true, Value: []string{"devices:read"}}},
				audit.Server)
			return err
		}, mend: func(string, string) error {
			_, err := w.Policies.Update(ctx, w.here.id, policy.Change{AllowedScopes: rpc.Opt[[]string]{Set: true}}, audit.Server)
			return err
		}},
		{name: "no member", end: func(string, string) error {
			return w.Members.Remove(ctx, w.here.id, mary.ID, rpc.Owner, "", audit.Server)
		},
			mend: func(string, string) error { return w.Members.Add(ctx, w.here.id, mary.ID, rpc.Member, audit.Server) }},
		{name: "user disabled", end: func(string, string) error {
			_, err := w.People.SetDisabled(ctx, mary.ID, true, audit.Server)
			return err
		},
			mend: func(string, string) error {
				_, err := w.People.SetDisabled(ctx, mary.ID, false, audit.Server)
				return err
			}},
	}
	wait := func(enough func() bool) {
		for deadline := time.Now().Add(time.Minute); !enough() && !t.Failed(); time.Sleep(50 * time.Microsecond) {
			if time.Now().After(deadline) {
				t.Error("no answer")
			}
		}
	}
	rounds := mint(0, revoked)
	for i := range revoked + others*(len(ends)-1) {
		way := ends[0]
		if i >= revoked {
			way = ends[1+(i-revoked)%(len(ends)-1)]
			rounds = append(rounds, mint(i, 1)...)
		}
		token, id := rounds[i].token, rounds[i].id
		r := &hammered{token: token}
		current.Store(r)
		wait(func() bool { return r.succeeded.Load() > 0 }) // so that there is something to be cached
		if err := way.end(id, token); err != nil {
			t.Fatal(way.name, err)
		}
		r.ended.Store(true)
		n := answered.Load()
		wait(func() bool { return answered.Load() >= n+4 }) // one of four of three callers was sent later
		if late.Load() != 0 {
			t.Fatalf("%s: a request succeeded that was sent after the end was answered, in round %d", way.name, i)
		}
		if way.mend != nil {
			current.Store(nil)
			if err := w.Tokens.Revoke(ctx, mary.ID, id, audit.Server); err != nil {
				t.Fatal(err)
			}
			if err := way.mend(id, token); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestIncidentTokenInURL: Gogs took tokens from the query (CVE-2026-26196), Grafana a JWT that it then
// sent on (CVE-2023-1387). Here only headers carry credentials, on every endpoint and by every verb.
func TestIncidentTokenInURL(t *testing.T) {
	t.Parallel()
	w := setup(t, storetest.SQLite(t))
	jane := w.person(t, "jane")
	w.join(t, w.here, jane, rpc.Owner)
	pat, _ := w.pat(t, jane.ID, credential.Credential{})
	was := w.digest(t)
	form := url.Values{}
	for _, name := range []string{"token", "access_token", "api_key", "apikey", "key", "authorization", "Authorization", "bearer", "auth",
		"seam_api_key"} {
		form.Set(name, pat)
	}
	for _, e := range w.rpc.Endpoints() {
		if e.Allow == rpc.Public {
			continue
		}
		for _, method := range e.Methods() {
			for name, try := range map[string]struct{ query, kind, body, cookie string }{
				"query":  {query: "?" + form.Encode()},
				"form":   {kind: "application/x-www-form-urlencoded", body: form.Encode()},
				"body":   {kind: "application/json", body: `{"token":"` + pat + `","api_key":"` + pat + `"}`},
				"cookie": {cookie: "token=" + pat + "; session=" + pat + "; __Host-keyway=" + pat},
			} {
				req, err := http.NewRequestWithContext(t.Context(), method, w.URL+e.Path+try.query, strings.NewReader(try.body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Seam-Workspace", w.here.id)
				req.Header.Set("Content-Type", try.kind)
				req.Header.Set("Cookie", try.cookie)
				res, err := w.Client().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s %s with the token in the %s: %d", method, e.Path, name, res.StatusCode)
				}
			}
		}
	}
	if w.digest(t) != was {
		t.Error("something was changed")
	}
}

// TestIncidentDeactivatedUser: disabled accounts went on being usable through their tokens
// (grafana#47688, marmot#252, opencve#741), and bringing a person back revived them (gocd#5818).
func TestIncidentDeactivatedUser(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		anna, root := w.person(t, "anna"), w.person(t, "root")
		for _, p := range []place{w.here, w.abroad} {
			w.join(t, p, anna, rpc.Owner)
			w.join(t, p, root, rpc.Owner)
		}
		pat, id := w.pat(t, anna.ID, credential.Credential{})
		child, _ := w.pat(t, anna.ID, credential.Credential{ParentID: id})
		_, key, err := w.Tokens.CreateWorkspaceKey(t.Context(), anna.ID, id, w.here.id, audit.Server)
		if err != nil {
			t.Fatal(err)
		}
		session := w.consoleSession(t, anna)
		all := map[string]string{"token": pat, "child": child, "workspace key": key.Reveal(), "session": session}
		each := func(when string, want int) {
			t.Helper()
			for name, token := range all {
				if a := w.in(t, token, w.here.id, "/devices/list", fields{}); a.status != want {
					t.Errorf("%s, %s: %d %s", when, name, a.status, a.raw)
				}
			}
		}
		each("before", 200)

		// Out of one workspace: the others stay open.
		if err := w.Members.Remove(t.Context(), w.here.id, anna.ID, rpc.Owner, "", audit.Server); err != nil {
			t.Fatal(err)
		}
		each("removed from the workspace", 401)
		if a := w.in(t, pat, w.abroad.id, "/devices/list", fields{}); a.status != 200 {
			t.Errorf("the other workspace: %d", a.status)
		}
		w.join(t, w.here, anna, rpc.Owner)

		if _, err := w.People.SetDisabled(t.Context(), anna.ID, true, audit.Server); err != nil {
			t.Fatal(err)
		}
		each("disabled", 401)
		if a := w.in(t, pat, w.here.id, "/devices/list", fields{}); a.refusal() != "401 user_disabled" {
			t.Errorf("the reason is %s", a.raw)
		}
		if _, err := w.People.SetDisabled(t.Context(), anna.ID, false, audit.Server); err != nil {
			t.Fatal(err)
		}
		each("enabled again", 401)

		// A workspace that is deleted is gone for every credential that opened it.
		rooted, _ := w.pat(t, root.ID, credential.Credential{})
		if a := w.in(t, w.consoleSession(t, root), w.abroad.id, "/keyway/v1/workspaces/delete", fields{"name": "Abroad"}); a.status != 200 {
			t.Fatal(a.raw)
		}
		if a := w.in(t, rooted, w.abroad.id, "/devices/list", fields{}); a.status != 401 {
			t.Errorf("a deleted workspace: %d", a.status)
		}
		if a := w.call(t, w.abroad.key, "/devices/list", fields{}); a.status != 401 {
			t.Errorf("an API key of a deleted workspace: %d", a.status)
		}
	})
}

// TestIncidentWideningOnUpgrade: after an upgrade of Codeberg existing tokens might have got more
// permissions than before (Forgejo 1.20). Here a database that the first version left is opened by this
// one: its tokens may do nothing that needs a scope by name, its keys open their workspace and no
// other, dead ones stay dead, and a scope that this version does not know grants nothing.
func TestIncidentWideningOnUpgrade(t *testing.T) {
	t.Parallel()
	folder := storetest.FixtureFolder(t, storetest.Version01)
	secrets := map[string]string{}
	if err := json.Unmarshal(storetest.Fixture(t, storetest.Version01, "tokens.json"), &secrets); err != nil {
		t.Fatal(err)
	}
	workspaceID, elsewhere := secrets["workspace_id"], secrets["other_workspace_id"]
	delete(secrets, "workspace_id")
	delete(secrets, "other_workspace_id")

	a, err := openApp(t.Context(), appOptions{globals: globals{data: folder}, publicURL: "http://keyway.test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.close() })
	w := &world{app: a}
	if w.rpc, err = a.newRPC(prometheus.NewRegistry(), serveOptions{}, func(*http.Request) string { return "192.0.2.1" }); err != nil {
		t.Fatal(err)
	}
	w.Server = httptest.NewServer(w.rpc)
	t.Cleanup(w.Server.Close)
	if err := a.DB.Update(t.Context(), func(tx *store.Tx) error {
		where := &store.Where{}
		where.Add(`name = 'unknown scope'`)
		_, err := grant.Credentials.Update(t.Context(), tx,
			signed.Set{"limits": `{"scopes":["everything:all","*:write","devices","read"]}`}, where)
		return err
	}, store.Instance); err != nil {
		t.Fatal(err)
	}
	dead := map[string]string{"expired": "401 expired", "revoked": "401 revoked", "workspace key of the revoked": "401 revoked",
		"revoked API key": "401 revoked"}
	kinds := map[string]rpc.Allow{"API key": rpc.APIKey, "revoked API key": rpc.APIKey, "workspace key": rpc.WorkspaceKey,
		"workspace key of the revoked": rpc.WorkspaceKey}
	passed := map[string]int{}
	for name, secret := range secrets {
		kind, isKey := kinds[name]
		if !isKey {
			kind = rpc.PersonalAccessToken
		}
		for _, e := range w.rpc.Endpoints() {
			if e.Allow == rpc.Public || e.Streams() {
				continue
			}
			h := http.Header{"Authorization": {"Bearer " + secret}}
			if !isKey && (e.Workspace == rpc.Required || e.Workspace == rpc.Optional) {
				h.Set("Seam-Workspace", workspaceID)
			}
			got, want := w.send(t, http.MethodPost, e.Path, h, []string{"no object"}), dead[name]
			switch {
			case want != "":
			case e.Allow&kind == 0:
				want = "401"
			case !e.Self && name == "unknown scope", !e.Self && kind != rpc.APIKey && slices.Contains(never, e.Scope()):
				want = "403 scope"
			case got.status == http.StatusBadRequest:
				passed[name]++ // let through, as before
				continue
			case kind == rpc.APIKey:
				want = "403 role" // an owner's or an operator's
			}
			if got.refusal() != want {
				t.Errorf("%s with a token of the first version (%s): %d %s, want %s", e.Path, name, got.status, got.raw, want)
			}
		}
		if a := w.in(t, secret, elsewhere, "/devices/list", fields{}); (a.status == http.StatusOK) != (name == "live") && name != "API key" {
			t.Errorf("%s in another workspace: %d %s", name, a.status, a.raw)
		}
	}
	if passed["live"] < 50 || passed["API key"] < 50 || passed["workspace key"] < 50 {
		t.Errorf("what the old tokens may still do is less than it was: %v", passed)
	}
	if list := w.ok(t, secrets["workspace key"], "/workspaces/list", fields{}).ids("workspaces", "workspace_id"); !slices.Equal(list,
		[]string{workspaceID}) {
		t.Errorf("the workspace key sees %v", list)
	}
	if list := w.ok(t, secrets["live"], "/workspaces/list", fields{}).ids("workspaces", "workspace_id"); len(list) != 2 {
		t.Errorf("the token sees %v", list)
	}
}

// TestIncidentBorrowedIdentity: a request with a token of Grafana's could act as another user
// (CVE-2022-21673). Here two people ask at once with credentials of every kind, each request over
// connections that both share; every answer is about who asked, and so is what is written down of it.
// `make soak` asks a hundred thousand times.
func TestIncidentBorrowedIdentity(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		users, places, patIDs := []identity.User{w.person(t, "user0"), w.person(t, "user1")}, []place{w.here, w.abroad}, [2]string{}
		var wg sync.WaitGroup
		for i, p := range places {
			u, other := users[i], 1-i
			w.join(t, p, u, rpc.Owner)
			pat, patID := w.pat(t, u.ID, credential.Credential{})
			patIDs[i] = patID
			child, childID := w.pat(t, u.ID, credential.Credential{ParentID: patID})
			_, key, err := w.Tokens.CreateWorkspaceKey(t.Context(), u.ID, patID, p.id, audit.Server)
			if err != nil {
				t.Fatal(err)
			}
			session := w.consoleSession(t, u)
			own := w.part(t, p, []string{"sam", "john"}[i], "mine")["device_id"]
			asks := []struct{ token, workspaceID, path, want string }{
				{pat, "", "/keyway/v1/users/get_current", `"user_id":"` + u.ID + `"`},
				{session, "", "/keyway/v1/users/get_current", `"user_id":"` + u.ID + `"`},
				{pat, "", "/workspaces/list", `"workspace_id":"` + p.id + `"`},
				{session, p.id, "/workspaces/get", `"workspace_id":"` + p.id + `"`},
				{key.Reveal(), "", "/workspaces/get", `"workspace_id":"` + p.id + `"`},
				{p.key, "", "/devices/list", `"device_id":"` + own + `"`},
				{child, p.id, "/devices/list", `"device_id":"` + own + `"`},
				{pat, places[other].id, "/devices/list", `"type":"unauthorized"`},
				{session, "", tokensPath + "list", patID},
				{child, "", tokensPath + "get_current", childID},
			}
			for n := range 3 {
				wg.Go(func() {
					for round := range borrowedRounds {
						ask := asks[(n+round)%len(asks)]
						a := w.in(t, ask.token, ask.workspaceID, ask.path, fields{})
						if !strings.Contains(a.raw, ask.want) || strings.Contains(a.raw, places[other].id) || strings.Contains(a.raw, users[other].ID) {
							t.Errorf("%s: %d %s, want %s", ask.path, a.status, a.raw, ask.want)
							return
						}
						if round%50 > 0 {
							continue
						}
						w.in(t, pat, "", tokensPath+"update", fields{"personal_access_token_id": childID, "name": fmt.Sprint("of ", u.ID)})
					}
				})
			}
		}
		wg.Wait()
		rows, err := w.DB.Query(t.Context(), `SELECT actor FROM audit_entries WHERE action = 'personal_access_token.updated'`)
		actors, err := store.All(rows, err, store.One[string])
		if err != nil || len(actors) < 6 {
			t.Fatal(len(actors), err)
		}
		for _, actor := range actors {
			if i := slices.IndexFunc(patIDs[:], func(id string) bool {
				return strings.Contains(actor, id)
			}); i < 0 || !strings.Contains(actor, users[i].ID) {
				t.Errorf("a change is told of %s", actor)
			}
		}
	})
}

// raw sends a request as it stands and gives the answer's status and its error's type.
func raw(t *testing.T, address, request string) (status int, kind string) {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	go func() { _, _ = io.WriteString(c, request) }() // a header that is too large is not read to its end
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body struct{ Error struct{ Type string } }
	_ = json.NewDecoder(res.Body).Decode(&body) // what net/http itself refuses is no JSON
	return res.StatusCode, body.Error.Type
}

// TestIncidentHeaderConfusion: a request that says two things must not be settled by order, and what
// is nearly a header has one documented answer (docs/security.md).
func TestIncidentHeaderConfusion(t *testing.T) {
	t.Parallel()
	s, err := startServer(t.Context(), globals{data: t.TempDir()}, serveOptions{listen: "127.0.0.1:0", quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	w := &world{app: s.app}
	w.here, w.abroad = w.place(t, "Here", true), w.place(t, "Abroad", true)
	jane := w.person(t, "jane")
	for _, p := range []place{w.here, w.abroad} {
		w.join(t, p, jane, rpc.Owner)
	}
	pat, _ := w.pat(t, jane.ID, credential.Credential{})
	second, _ := w.pat(t, jane.ID, credential.Credential{})
	signedIn, cookie, err := s.app.People.StartBrowser(t.Context(), jane, identity.ByPassword, "127.0.0.1", "test")
	if err != nil {
		t.Fatal(err)
	}
	browser := "Cookie: __Host-keyway=" + signedIn.ID + "." + cookie.Reveal()
	if status, _ := raw(t, strings.TrimPrefix(s.url, "http://"),
		"GET /console/settings/profile HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"+browser+"\r\n\r\n"); status != 200 {
		t.Fatalf("the Console's cookie does not open the Console: %d", status)
	}
	here, abroad := "Seam-Workspace: "+w.here.id, "Seam-Workspace: "+w.abroad.id
	auth := "Authorization: Bearer " + pat
	for name, c := range map[string]struct {
		lines  []string
		status int
		kind   string
	}{
		"plain":                         {[]string{auth, here}, 200, ""},
		"two different Authorization":   {[]string{auth, "Authorization: Bearer " + second, here}, 400, "invalid_request"},
		"the same Authorization twice":  {[]string{auth, auth, here}, 400, "invalid_request"},
		"one Authorization empty":       {[]string{auth, "Authorization:", here}, 200, ""},
		"the Console's cookie":          {[]string{browser, here}, 401, "unauthorized"},
		"two workspaces":                {[]string{auth, here, abroad}, 400, "invalid_request"},
		"the same workspace twice":      {[]string{auth, here, here}, 400, "invalid_request"},
		"two workspaces in one header":  {[]string{auth, here + ", " + w.abroad.id}, 401, "unauthorized"},
		"two tokens in one header":      {[]string{auth + ", Bearer " + second, here}, 401, "unauthorized"},
		"a token and an API key":        {[]string{auth, "Seam-Api-Key: " + w.here.key, here}, 400, "invalid_request"},
		"a token and a client session":  {[]string{auth, "Client-Session-Token: seam_cst1x", here}, 400, "invalid_request"},
		"a token and a publishable key": {[]string{auth, "Seam-Publishable-Key: " + w.here.publishable, here}, 400, "invalid_request"},
		"the same token in two headers": {[]string{auth, "Seam-Api-Key: " + pat, here}, 200, ""},
		"bearer in small letters":       {[]string{"authorization: bearer " + pat, here}, 200, ""},
		"BEARER in capitals":            {[]string{"AUTHORIZATION: BEARER " + pat, here}, 200, ""},
		"spaces behind the token":       {[]string{auth + "  \t", here}, 200, ""},
		"two spaces before the token":   {[]string{"Authorization: Bearer  " + pat, here}, 401, "unauthorized"},
		"a tab before the token":        {[]string{"Authorization: Bearer\t" + pat, here}, 401, "unauthorized"},
		"Basic":                         {[]string{"Authorization: Basic " + pat, here}, 401, "unauthorized"},
		"the token without Bearer":      {[]string{"Authorization: " + pat, here}, 401, "unauthorized"},
		"a character behind the token":  {[]string{auth + "x", here}, 401, "unauthorized"},
		"a quoted token":                {[]string{`Authorization: Bearer "` + pat + `"`, here}, 401, "unauthorized"},
		"NUL behind the token":          {[]string{auth + "\x00", here}, 400, ""},
		"NUL in a name":                 {[]string{auth, here, "X\x00: y"}, 400, ""},
		"a space before the colon":      {[]string{"Authorization : Bearer " + pat, here}, 400, ""},
		"a folded header":               {[]string{"Authorization: Bearer", " " + pat, here}, 200, ""},
		"1 MB of a token":               {[]string{"Authorization: Bearer " + strings.Repeat("a", 1<<20), here}, 431, ""},
		"1 MB beside the token":         {[]string{auth, here, "X-Large: " + strings.Repeat("a", 1<<20)}, 431, ""},
		"an underscore for a dash":      {[]string{auth, "Seam_Workspace: " + w.here.id}, 401, "unauthorized"},
		"a forwarded identity of no meaning": {[]string{"X-Forwarded-User: jane", "X-Original-Authorization: Bearer " + pat, here}, 401,
			"unauthorized"},
	} {
		request := "POST /workspaces/get HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n" +
			strings.Join(c.lines, "\r\n") + "\r\n\r\n{}"
		if status, kind := raw(t, strings.TrimPrefix(s.url, "http://"), request); status != c.status || kind != c.kind {
			t.Errorf("%s: %d %s, want %d %s", name, status, kind, c.status, c.kind)
		}
	}
}
