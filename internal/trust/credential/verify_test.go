package credential_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/api/workspace"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
	"keyway/internal/wiring/apitest"
)

// home is a person with a token, their workspace, and another person's workspace.
type home struct {
	*apitest.World
	jane, john  identity.User
	mine, other workspace.Workspace
	pat, patID  string
}

func setup(w *apitest.World) home {
	h := home{World: w, jane: w.Person("jane"), john: w.Person("john")}
	h.mine, h.other = w.Workspace(h.jane, "Mine", true), w.Workspace(h.john, "Other", true)
	h.pat, h.patID = w.PAT(h.jane)
	return h
}

// forge makes a token with a right checksum that was never issued.
func forge(k credential.Kind) string { return credential.Mint(k, false).Reveal() }

// wrongSecret keeps a token's visible part and puts another secret behind it.
func wrongSecret(token string) string {
	body := token[:strings.LastIndexByte(token, '_')+1] + credential.RandomText(30)
	return body + sum(body)
}

// A caller who has not proved possession, and one who names a workspace that the token does not open,
// get the same answer, byte for byte.
func TestRefusalsAreAlike(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		key, _ := w.Key(h.mine, h.jane)
		wsKey, _ := w.WorkspaceKey(h.jane, h.patID, h.mine)
		deleted := w.Workspace(h.jane, "Gone", true)
		if err := w.Workspaces.Delete(context.Background(), deleted.ID, "Gone", apitest.By); err != nil {
			t.Fatal(err)
		}
		broken := []byte(h.pat)
		if broken[len(broken)-1] = '1'; h.pat[len(h.pat)-1] == '1' {
			broken[len(broken)-1] = '2'
		}
		ws := h.mine.ID
		for _, path := range []string{"/devices/list", "/devices/update", "/workspaces/get"} {
			alike := map[string]string{}
			for name, r := range map[string]apitest.Request{
				"malformed":                      {Token: "hello", Workspace: ws},
				"bad checksum":                   {Token: string(broken), Workspace: ws},
				"unknown token":                  {Token: forge(credential.PersonalAccessToken), Workspace: ws},
				"unknown key":                    {Token: forge(credential.APIKey)},
				"wrong secret":                   {Token: wrongSecret(h.pat), Workspace: ws},
				"wrong secret of a key":          {Token: wrongSecret(key)},
				"wrong secret, workspace key":    {Token: wrongSecret(wsKey)},
				"unknown workspace":              {Token: h.pat, Workspace: store.NewID()},
				"workspace that is no id":        {Token: h.pat, Workspace: "' OR 1=1 --"},
				"workspace that is no UTF-8":     {Token: h.pat, Workspace: "\xff\xfe"},
				"deleted workspace":              {Token: h.pat, Workspace: deleted.ID},
				"foreign workspace":              {Token: h.pat, Workspace: h.other.ID},
				"workspace key elsewhere":        {Token: wsKey, Workspace: h.other.ID},
				"unsigned JWT":                   {Token: "eyJhbGciOiJub25lIn0.eyJqdGkiOiJ4In0.", Workspace: ws},
				"unknown token, other workspace": {Token: forge(credential.PersonalAccessToken), Workspace: h.other.ID},
			} {
				r.Path = path
				r.Body = "{" // must not be read
				a := w.Do(r)
				alike[a.Body] += name + ", "
				if a.Status != http.StatusUnauthorized || a.Failure(t).Type != "unauthorized" || a.Failure(t).Data != nil {
					t.Errorf("%s, %s: %d %s", path, name, a.Status, a.Body)
				}
			}
			if len(alike) != 1 {
				t.Errorf("%s: the answers differ: %v", path, alike)
			}
			// Without a workspace, a good token and an unknown one get the same answer as well.
			alike = map[string]string{}
			for name, r := range map[string]apitest.Request{
				"no header":                {Token: h.pat},
				"empty header":             {Token: h.pat, Header: http.Header{"Seam-Workspace": {""}}},
				"unknown token, no header": {Token: forge(credential.PersonalAccessToken)},
				"wrong secret, no header":  {Token: wrongSecret(h.pat)},
			} {
				r.Path = path
				a := w.Do(r)
				alike[a.Body] += name + ", "
				if a.Status != http.StatusUnauthorized || !strings.Contains(a.Failure(t).Message, "seam-workspace") {
					t.Errorf("%s, %s: %d %s", path, name, a.Status, a.Body)
				}
			}
			if len(alike) != 1 {
				t.Errorf("%s: the answers differ: %v", path, alike)
			}
		}
		for _, secret := range []string{h.pat, key, wsKey} {
			if strings.Contains(w.Log.String(), secret[len(secret)-36:]) {
				t.Error("a secret is in the log")
			}
		}
	})
}

func TestNoCredential(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		key, _ := w.Key(h.mine, h.jane)
		form := "token=" + h.pat + "&access_token=" + h.pat + "&api_key=" + key
		for name, r := range map[string]apitest.Request{
			"nothing":      {},
			"empty":        {Header: http.Header{"Authorization": {""}}},
			"bare token":   {Header: http.Header{"Authorization": {h.pat}}},
			"basic":        {Header: http.Header{"Authorization": {"Basic " + h.pat}}},
			"bearer alone": {Header: http.Header{"Authorization": {"Bearer "}}},
			"in the query": {Method: "GET", Path: "?" + form},
			"in a form":    {Body: form, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}},
			"in the body":  {Body: map[string]string{"token": h.pat, "api_key": key}},
			"in a cookie": {Header: http.Header{"Cookie": {"token=" + h.pat + "; Authorization=Bearer " + h.pat + "; session=" +
				w.Session(h.jane)}}},
			"in seam-api-key": {Header: http.Header{"Seam-Api-Key": {key}}},
		} {
			r.Path = "/devices/list" + r.Path
			r.Workspace = h.mine.ID
			if a := w.Do(r); a.Status != http.StatusUnauthorized || a.Failure(t).Type != "unauthorized" {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
		// Before anybody is set up it is no different, on every endpoint.
		empty := apitest.New(t, storetest.SQLite(t))
		for _, e := range empty.RPC.Endpoints() {
			if e.Streams() {
				continue // it ends only with its credential
			}
			if e.Allow == rpc.Public {
				continue
			}
			for _, method := range e.Methods() {
				if a := empty.Do(apitest.Request{Method: method, Path: e.Path}); a.Status != http.StatusUnauthorized {
					t.Errorf("%s %s: %d", method, e.Path, a.Status)
				}
			}
		}
	})
}

func TestAmbiguousRequests(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		key, _ := w.Key(h.mine, h.jane)
		bearer := "Bearer " + h.pat
		for name, header := range map[string]http.Header{
			"repeated Authorization":     {"Authorization": {bearer, "Bearer " + key}},
			"the same Authorization":     {"Authorization": {bearer, bearer}},
			"repeated seam-workspace":    {"Authorization": {bearer}, "Seam-Workspace": {h.mine.ID, h.other.ID}},
			"two credentials":            {"Authorization": {bearer}, "Seam-Api-Key": {key}},
			"bearer and client session":  {"Authorization": {bearer}, "Client-Session-Token": {"seam_cst1abc"}},
			"bearer and publishable key": {"Authorization": {bearer}, "Seam-Publishable-Key": {"seam_pk1abc"}},
			"repeated, unknown":          {"Authorization": {"Bearer x", "Bearer y"}},
		} {
			if a := w.Do(apitest.Request{Path: "/devices/list", Header: header}); a.Status != 400 || a.Failure(t).Type != "invalid_request" {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
		// What SDKs always send, empty or twice the same, is no ambiguity.
		w.Call(apitest.Request{Path: "/devices/list",
			Header: http.Header{"Authorization": {"bearer " + h.pat}, "Seam-Workspace": {"", h.mine.ID}, "Client-Session-Token": {""},
				"Seam-Client-Session-Token": {""}, "Seam-Api-Key": {h.pat}}}, nil)
	})
}

func TestWorkspaceHeader(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		key, _ := w.Key(h.mine, h.jane)
		session := w.Session(h.jane)
		second := w.Workspace(h.jane, "Second", true)
		type list struct {
			Workspaces []workspace.Workspace `json:"workspaces"`
		}
		for _, token := range []string{h.pat, session} {
			var all, one list
			w.Call(apitest.Request{Path: "/workspaces/list", Token: token}, &all)
			w.Call(apitest.Request{Path: "/workspaces/list", Token: token, Workspace: second.ID}, &one)
			if len(all.Workspaces) != 2 || len(one.Workspaces) != 1 || one.Workspaces[0].ID != second.ID {
				t.Errorf("without the header %d, with it %v", len(all.Workspaces), one)
			}
			w.Refused(apitest.Request{Path: "/workspaces/list", Token: token, Workspace: h.other.ID}, 401, "unauthorized")
			for _, id := range []string{h.mine.ID, h.other.ID, "nonsense"} {
				f := w.Refused(apitest.Request{Path: "/workspaces/create", Token: token, Workspace: id, Body: map[string]any{"name": "x"}}, 400,
					"invalid_request")
				if !strings.Contains(f.Message, "seam-workspace") {
					t.Errorf("the message does not name the header: %s", f.Message)
				}
			}
			// On a person's own endpoints the header changes nothing.
			for _, id := range []string{"", h.mine.ID, h.other.ID, "nonsense"} {
				w.Call(apitest.Request{Path: "/keyway/v1/users/get_current", Token: token, Workspace: id}, nil)
				w.Call(apitest.Request{Path: "/keyway/v1/personal_access_tokens/get", Token: token, Workspace: id,
					Body: map[string]any{"personal_access_token_id": h.patID}}, nil)
			}
		}
		var got struct {
			Workspace workspace.Workspace `json:"workspace"`
		}
		for _, id := range []string{"", h.mine.ID, h.other.ID, "nonsense"} {
			if w.Call(apitest.Request{Path: "/workspaces/get", Token: key, Workspace: id}, &got); got.Workspace.ID != h.mine.ID {
				t.Errorf("an API key with the header %q opened %s", id, got.Workspace.ID)
			}
		}
		w.Refused(apitest.Request{Path: "/workspaces/create", Token: key, Body: map[string]any{"name": "x"}}, 401, "unauthorized")
		w.Call(apitest.Request{Path: "/workspaces/create", Token: h.pat, Header: http.Header{"Seam-Workspace": {""}},
			Body: map[string]any{"name": "x"}}, nil)
	})
}

func TestTokensInBrowsers(t *testing.T) {
	t.Parallel()
	from := func(origin string) http.Header { return http.Header{"Origin": {origin}} }
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		key, _ := w.Key(h.mine, h.jane)
		wsKey, _ := w.WorkspaceKey(h.jane, h.patID, h.mine)
		for _, token := range []string{h.pat, key, wsKey} {
			for _, origin := range []string{"https://page.example", "null", "https://keyway.test.evil.example", "http://keyway.test",
				"https://keyway.test:444"} {
				f := w.Refused(apitest.Request{Path: "/devices/list", Token: token, Workspace: h.mine.ID, Header: from(origin)}, 403, "forbidden")
				if f.Data["reason"] != "browser" {
					t.Errorf("reason %v", f.Data["reason"])
				}
			}
			w.Call(apitest.Request{Path: "/devices/list", Token: token, Workspace: h.mine.ID, Header: from(apitest.PublicURL)}, nil)
			// Node's fetch sends this header from servers.
			w.Call(apitest.Request{Path: "/devices/list", Token: token, Workspace: h.mine.ID, Header: http.Header{"Sec-Fetch-Mode": {"cors"}}}, nil)
		}
		// After possession, before membership.
		w.Refused(apitest.Request{Path: "/devices/list", Token: wrongSecret(h.pat), Workspace: h.mine.ID, Header: from("https://page.example")},
			401, "unauthorized")
		w.Refused(apitest.Request{Path: "/devices/list", Token: h.pat, Workspace: h.other.ID, Header: from("https://page.example")}, 403,
			"forbidden")
		w.Call(apitest.Request{Path: "/devices/list", Token: w.Session(h.jane), Workspace: h.mine.ID, Header: from("https://page.example")}, nil)
		if a := w.Do(apitest.Request{Path: "/devices/list", Token: h.pat, Workspace: h.mine.ID,
			Header: from("https://page.example")}); a.Header.Get("Access-Control-Allow-Origin") != "https://page.example" {
			t.Error("the page cannot read why")
		}
	})
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		production := w.Workspace(h.jane, "Production", false)
		page := from("https://page.example")
		w.Call(apitest.Request{Path: "/devices/list", Token: h.pat, Workspace: h.mine.ID, Header: page}, nil)
		for _, id := range []string{production.ID, h.other.ID, ""} {
			w.Refused(apitest.Request{Path: "/devices/list", Token: h.pat, Workspace: id, Header: page}, 403, "forbidden")
		}
		key, _ := w.Key(production, h.jane)
		w.Refused(apitest.Request{Path: "/devices/list", Token: key, Header: page}, 403, "forbidden")
	}, func(v *credential.Verifier) { v.BrowserInSandbox = true })
}

func TestWorkspaceKeys(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		second := w.Workspace(h.jane, "Second", true)
		key, id := w.WorkspaceKey(h.jane, h.patID, h.mine)
		if !strings.HasPrefix(key, "seam_test") {
			t.Errorf("the key begins with %s", key[:9])
		}
		for _, header := range []string{"", h.mine.ID} {
			w.Call(apitest.Request{Path: "/devices/list", Token: key, Workspace: header}, nil)
		}
		for _, header := range []string{second.ID, h.other.ID, "nonsense"} {
			w.Refused(apitest.Request{Path: "/devices/list", Token: key, Workspace: header}, 401, "unauthorized")
		}
		var current struct {
			Token struct {
				ID string `json:"personal_access_token_id"`
			} `json:"personal_access_token"`
		}
		if w.Call(apitest.Request{Path: "/keyway/v1/personal_access_tokens/get_current", Token: key}, &current); current.Token.ID != h.patID {
			t.Errorf("acts as %s", current.Token.ID)
		}
		for _, e := range w.RPC.Endpoints() {
			if e.Streams() {
				continue // it ends only with its credential
			}
			if strings.HasPrefix(e.Path, "/keyway/v1/") && e.Allow&(rpc.Public|rpc.APIKey) == 0 && !strings.HasSuffix(e.Path, "/get_current") &&
				!strings.HasSuffix(e.Path, "personal_access_tokens/revoke") {
				w.Refused(apitest.Request{Path: e.Path, Token: key}, 401, "unauthorized")
			}
		}
		w.Refused(apitest.Request{Path: "/keyway/v1/users/get_current", Token: key}, 401, "unauthorized")
		_, sibling := w.WorkspaceKey(h.jane, h.patID, h.mine)
		const revoke = "/keyway/v1/personal_access_tokens/revoke"
		w.Refused(apitest.Request{Path: revoke, Token: key, Body: map[string]any{"personal_access_token_id": h.patID}}, 404,
			"workspace_key_not_found")
		w.Refused(apitest.Request{Path: revoke, Token: key, Body: map[string]any{"workspace_key_id": sibling}}, 404, "workspace_key_not_found")
		w.Call(apitest.Request{Path: revoke, Token: key, Body: map[string]any{"workspace_key_id": id}}, nil)
		w.Refused(apitest.Request{Path: "/devices/list", Token: key}, 401, "unauthorized")
		w.Call(apitest.Request{Path: "/devices/list", Token: h.pat, Workspace: h.mine.ID}, nil)

		// It ends with the token, the person and the membership.
		ctx := context.Background()
		member := w.Person("mary")
		for name, end := range map[string]func(patID string) error{
			"token":      func(patID string) error { return w.Tokens.Revoke(ctx, member.ID, patID, apitest.By) },
			"expiry":     func(string) error { w.Pass(366 * 24 * time.Hour); return nil },
			"person":     func(string) error { _, err := w.People.SetDisabled(ctx, member.ID, true, apitest.By); return err },
			"membership": func(string) error { return w.Members.Remove(ctx, h.mine.ID, member.ID, rpc.Owner, "", apitest.By) },
			"workspace key of the membership, after coming back": func(string) error {
				err := w.Members.Remove(ctx, h.mine.ID, member.ID, rpc.Owner, "", apitest.By)
				w.Join(h.mine, member, rpc.Member)
				return err
			},
		} {
			if _, err := w.People.SetDisabled(ctx, member.ID, false, apitest.By); err != nil {
				t.Fatal(err)
			}
			w.Join(h.mine, member, rpc.Member)
			_, patID := w.PAT(member)
			k, _ := w.WorkspaceKey(member, patID, h.mine)
			w.Call(apitest.Request{Path: "/devices/list", Token: k}, nil)
			if err := end(patID); err != nil {
				t.Fatal(name, err)
			}
			if a := w.Do(apitest.Request{Path: "/devices/list", Token: k}); a.Status != 401 {
				t.Errorf("after the end of its %s: %d", name, a.Status)
			}
		}
	})
}

// What changes is true at the next request, and a good secret that is dead learns why.
func TestStates(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := context.Background()
		h := setup(w)
		second := w.Workspace(h.john, "Second", true)
		w.Join(second, h.jane, rpc.Member)
		call := func(token, ws string) (int, any) {
			t.Helper()
			a := w.Do(apitest.Request{Path: "/devices/list", Token: token, Workspace: ws})
			if a.Status == 200 {
				return 200, nil
			}
			return a.Status, a.Failure(t).Data["reason"]
		}
		expect := func(when, token, ws string, status int, reason any) {
			t.Helper()
			if s, r := call(token, ws); s != status || r != reason {
				t.Errorf("%s: %d %v, want %d %v", when, s, r, status, reason)
			}
		}
		session := w.Session(h.jane)
		for _, token := range []string{h.pat, session} {
			expect("member", token, h.mine.ID, 200, nil)
			expect("member", token, second.ID, 200, nil)
		}
		w.Must(w.Members.Remove(ctx, second.ID, h.jane.ID, rpc.Owner, "", apitest.By))
		for _, token := range []string{h.pat, session} {
			expect("removed", token, second.ID, 401, nil)
			expect("the other workspace", token, h.mine.ID, 200, nil)
		}
		_, err := w.People.SetDisabled(ctx, h.jane.ID, true, apitest.By)
		w.Must(err)
		expect("disabled", h.pat, h.mine.ID, 401, "user_disabled")
		expect("session of the disabled", session, h.mine.ID, 401, nil)
		_, err = w.People.SetDisabled(ctx, h.jane.ID, false, apitest.By)
		w.Must(err)
		expect("enabled", h.pat, h.mine.ID, 401, "revoked")
		h.pat, h.patID = w.PAT(h.jane)
		expect("a new one", h.pat, h.mine.ID, 200, nil)
		expect("the session stays dead", session, h.mine.ID, 401, nil)

		key, keyID := w.Key(h.mine, h.jane)
		expect("key", key, "", 200, nil)
		w.Must(w.Keys.Revoke(ctx, h.mine.ID, keyID, apitest.By))
		expect("revoked key", key, "", 401, "revoked")

		if a := w.Do(apitest.Request{Path: "/devices/list", Token: h.pat, Workspace: h.mine.ID}); a.Header.Get("Seam-Token-Expires-At") == "" {
			t.Error("a token with an end does not tell it")
		}
		w.Must(w.Tokens.Revoke(ctx, h.jane.ID, h.patID, apitest.By))
		expect("revoked", h.pat, h.mine.ID, 401, "revoked")
		expect("revoked, foreign workspace", h.pat, h.other.ID, 401, "revoked")

		pat, _ := w.PAT(h.jane)
		session = w.Session(h.jane)
		w.Pass(59 * time.Minute)
		expect("session, nearly an hour", session, h.mine.ID, 200, nil)
		w.Pass(2 * time.Minute)
		expect("session, an hour", session, h.mine.ID, 401, "expired")
		w.Pass(364 * 24 * time.Hour)
		expect("nearly expired", pat, h.mine.ID, 200, nil)
		w.Pass(24 * time.Hour)
		expect("expired", pat, h.mine.ID, 401, "expired")

		// Suspended: closed but for what lifts it.
		pat, _ = w.PAT(h.jane)
		yes := true
		w.Must(w.Workspaces.Update(ctx, h.mine.ID, workspace.Change{IsSuspended: &yes}, apitest.By))
		expect("suspended", pat, h.mine.ID, 403, "workspace_suspended")
		w.Call(apitest.Request{Path: "/workspaces/update", Token: pat, Workspace: h.mine.ID, Body: map[string]any{"is_suspended": false}}, nil)
		expect("lifted", pat, h.mine.ID, 200, nil)
		key, _ = w.Key(h.mine, h.jane)
		w.Must(w.Workspaces.Delete(ctx, h.mine.ID, "Mine", apitest.By))
		expect("deleted", pat, h.mine.ID, 401, nil)
		expect("key of the deleted", key, "", 401, "revoked")
	})
}

func TestRoles(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w) // jane, the first, is the operator
		people := map[rpc.Role]string{}
		for _, r := range []rpc.Role{rpc.Member, rpc.Admin, rpc.Owner} {
			u := w.Person(r.String())
			w.Join(h.other, u, r)
			people[r] = w.Session(u)
		}
		people[rpc.NoRole] = w.Session(h.jane)
		for _, e := range w.RPC.Endpoints() {
			if e.Streams() {
				continue // it ends only with its credential
			}
			if e.Allow&rpc.ConsoleSession == 0 || e.Workspace != rpc.Required || e.Path == "/keyway/v1/workspaces/delete" {
				continue
			}
			for role, token := range people {
				a := w.Do(apitest.Request{Path: e.Path, Token: token, Workspace: h.other.ID, Body: "["}) // nothing is done: it is not JSON
				want := 400
				switch {
				case role == rpc.NoRole:
					want = 401
				case role < e.Role:
					want = 403
				}
				if a.Status != want || want == 403 && a.Failure(t).Data["reason"] != "role" {
					t.Errorf("%s as %s: %d %s, want %d", e.Path, role, a.Status, a.Body, want)
				}
			}
		}
		w.Refused(apitest.Request{Path: "/keyway/v1/workspaces/delete", Token: people[rpc.Admin], Workspace: h.other.ID,
			Body: map[string]any{"name": "Other"}}, 403, "forbidden")
		// Owning a workspace makes no one an operator.
		for _, path := range []string{"/keyway/v1/users/disable", "/keyway/v1/users/enable"} {
			w.Refused(apitest.Request{Path: path, Token: people[rpc.Owner], Workspace: h.other.ID, Body: map[string]any{"user_id": h.jane.ID}}, 403,
				"forbidden")
			w.Call(apitest.Request{Path: path, Token: people[rpc.NoRole], Body: map[string]any{"user_id": h.john.ID}}, nil)
			w.Refused(apitest.Request{Path: path, Token: h.pat, Body: map[string]any{"user_id": h.john.ID}}, 401, "unauthorized")
		}
		// An API key is an admin of its workspace, and no person.
		key, _ := w.Key(h.other, h.john)
		w.Call(apitest.Request{Path: "/workspaces/update", Token: key, Body: map[string]any{"name": "Renamed"}}, nil)
		for _, path := range []string{"/keyway/v1/api_keys/create", "/keyway/v1/members/list", "/keyway/v1/users/get_current",
			"/keyway/v1/personal_access_tokens/create"} {
			w.Refused(apitest.Request{Path: path, Token: key}, 401, "unauthorized")
			w.Refused(apitest.Request{Path: "/keyway/v1/personal_access_tokens/create", Token: h.pat, Workspace: h.mine.ID}, 403, "forbidden")
		}
	})
}

// Once the end of a token has been answered, nothing succeeds with it that is sent later.
func TestNothingIsCachedAcrossAnEnd(t *testing.T) {
	t.Parallel()
	type round struct {
		token     string
		ended     atomic.Bool
		succeeded atomic.Int64
	}
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := context.Background()
		h := setup(w)
		mary := w.Person("mary")
		w.Join(h.mine, mary, rpc.Member)
		var current atomic.Pointer[round]
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
						continue
					}
					ended := r.ended.Load()
					a, err := w.Send(apitest.Request{Path: "/workspaces/get", Token: r.token, Workspace: h.mine.ID})
					if err != nil {
						t.Error(err)
						return
					}
					answered.Add(1)
					if a.Status == 200 && ended {
						late.Add(1)
					} else if a.Status == 200 {
						r.succeeded.Add(1)
					}
				}
			})
		}
		for i := range 200 {
			token, id := w.PAT(mary)
			r := &round{token: token}
			current.Store(r)
			for r.succeeded.Load() == 0 && !t.Failed() {
				time.Sleep(100 * time.Microsecond) // until a caller has got in, so that there is something to be cached
			}
			var err error
			switch i % 3 {
			case 0:
				err = w.Tokens.Revoke(ctx, mary.ID, id, apitest.By)
			case 1:
				_, err = w.People.SetDisabled(ctx, mary.ID, true, apitest.By)
			case 2:
				err = w.Members.Remove(ctx, h.mine.ID, mary.ID, rpc.Owner, "", apitest.By)
			}
			w.Must(err)
			r.ended.Store(true)
			for n := answered.Load(); answered.Load() < n+4 && !t.Failed(); {
				time.Sleep(100 * time.Microsecond) // at least one of four was sent later
			}
			if i%3 != 0 { // the token stays revoked when the person comes back for the next round
				w.Must(w.Tokens.Revoke(ctx, mary.ID, id, apitest.By))
			}
			switch i % 3 {
			case 1:
				_, err = w.People.SetDisabled(ctx, mary.ID, false, apitest.By)
				w.Must(err)
			case 2:
				w.Join(h.mine, mary, rpc.Member)
			}
		}
		if late.Load() != 0 {
			t.Errorf("%d requests succeeded that were sent after the end was answered", late.Load())
		}
	})
}

// Garbage never reaches the database: here the database is closed, so that a query would fail.
func TestGarbageCausesNoQuery(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]func() store.Options{
		"sqlite":   func() store.Options { return store.Options{Folder: t.TempDir()} },
		"postgres": func() store.Options { return store.Options{DatabaseURL: storetest.PostgresURL(t)} },
	} {
		db, err := store.Open(context.Background(), options())
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		v, err := vault.Create(filepath.Join(t.TempDir(), "keys"))
		if err != nil {
			t.Fatal(err)
		}
		people := &identity.People{DB: db, Vault: v, Audit: &audit.Log{DB: db, Vault: v, Now: time.Now}, Now: time.Now}
		log := new(bytes.Buffer)
		s, err := rpc.New(rpc.Config{
			Authenticator: credential.NewVerifier(credential.Verifier{DB: db, Vault: v, Sessions: people, Usage: credential.NewUsage(db),
				Now: time.Now}),
			Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError})), Metrics: prometheus.NewRegistry(),
			Client: func(*http.Request) string { return "" },
		}, []rpc.Endpoint{{Path: "/x/get", Summary: "s", Allow: rpc.Backend, Role: rpc.Member,
			Handle: rpc.Func(func(context.Context, rpc.None) (rpc.OK, error) {
				return rpc.OK{}, nil
			})}})
		if err != nil {
			t.Fatal(err)
		}
		status := func(token string) int {
			r := httptest.NewRequest(http.MethodPost, "/x/get", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Seam-Workspace", "w")
			rec := httptest.NewRecorder()
			s.ServeHTTP(rec, r)
			return rec.Code
		}
		if got := status(forge(credential.PersonalAccessToken)); got != 500 {
			t.Fatalf("%s: a well-formed token asks the database, which is closed: %d", name, got)
		}
		log.Reset()
		for i := range 10_000 {
			token := fmt.Sprintf([]string{"seam_at1abcdefgh_%036d", "seam_abcdefgh_%036d", "%d",
				"eyJhbGciOiJIUzI1NiIsImtpZCI6ImsifQ.e30.%d"}[i%4], i)
			if i%8 == 0 {
				token = wrongSecret(forge(credential.PersonalAccessToken))[:52] + "1"
				if sum(token[:len(token)-6]) == token[len(token)-6:] {
					continue
				}
			}
			if got := status(token); got != 401 {
				t.Fatalf("%s: %d for %q", name, got, token)
			}
		}
		if log.Len() != 0 {
			t.Errorf("%s: %s", name, log)
		}
	}
}

func TestLastUse(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := context.Background()
		h := setup(w)
		used := func() *credential.Use {
			tok, err := w.Tokens.Get(ctx, h.jane.ID, h.patID)
			if err != nil {
				t.Fatal(err)
			}
			return tok.LastUsed
		}
		stored := func() *credential.Use {
			c, err := credential.Get(ctx, w.DB, credential.PersonalAccessToken, h.patID)
			if err != nil {
				t.Fatal(err)
			}
			return c.LastUsed
		}
		if used() != nil {
			t.Error("used before any use")
		}
		w.Refused(apitest.Request{Path: "/devices/list", Token: wrongSecret(h.pat), Workspace: h.mine.ID}, 401, "unauthorized")
		w.Refused(apitest.Request{Path: "/devices/list", Token: h.pat, Workspace: h.other.ID}, 401, "unauthorized")
		if used() != nil {
			t.Error("a refused request is no use")
		}
		agent := strings.Repeat("é", 150) // its cut falls into a character
		w.Call(apitest.Request{Path: "/devices/list", Token: h.pat, Workspace: h.mine.ID, Header: http.Header{"User-Agent": {agent}}}, nil)
		u := used()
		if u == nil || u.Address != "127.0.0.1" || u.Endpoint != "/devices/list" || u.WorkspaceID == nil || *u.WorkspaceID != h.mine.ID {
			t.Fatalf("shown before it is stored: %+v", u)
		}
		if stored() != nil {
			t.Error("stored before the flush")
		}
		if err := w.Usage.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if s := stored(); s == nil || !s.At.Time.Equal(u.At.Time.Truncate(time.Millisecond)) {
			t.Errorf("stored %+v of %+v", s, u)
		}
		w.Pass(time.Hour)
		w.Call(apitest.Request{Path: "/workspaces/list", Token: h.pat}, nil)
		if now := used(); now.Endpoint != "/workspaces/list" || now.WorkspaceID != nil || now.At.Sub(u.At.Time) < time.Hour {
			t.Errorf("the later use is not laid over the stored one: %+v", now)
		}
		if stored().Endpoint != "/devices/list" {
			t.Error("stored without a flush")
		}
	})
}

// A kind of fault: what a proxy in front of the server sends for itself is taken for the caller's credential, or keeps theirs from
// being read. Basic credentials are the proxy's; the header seam-api-key is not read, and the answer says so.
func TestBasicCredentialsAreTheProxys(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		key, _ := w.Key(h.mine, h.jane)
		var made struct {
			Session struct{ Token string } `json:"client_session"`
		}
		w.Call(apitest.Request{Path: "/client_sessions/create", Token: key, Body: map[string]any{}}, &made)
		for _, basic := range []string{"", "Basic cHJveHk6c2VjcmV0", "basic cHJveHk6c2VjcmV0"} {
			ask := func(header, value string) apitest.Answer {
				r := apitest.Request{Path: "/devices/list", Workspace: h.mine.ID, Header: http.Header{header: {value}}}
				if basic != "" {
					r.Header.Set("Authorization", basic)
				}
				return w.Do(r)
			}
			for _, secret := range []string{h.pat, key} {
				a := ask("Seam-Api-Key", secret)
				if a.Status != http.StatusUnauthorized || !strings.Contains(a.Failure(t).Message, "the seam-api-key header is not read") {
					t.Errorf("%q beside seam-api-key: %d %s", basic, a.Status, a.Body)
				}
			}
			for _, header := range []string{"Client-Session-Token", "Seam-Client-Session-Token"} {
				if a := ask(header, made.Session.Token); a.Status != http.StatusOK {
					t.Errorf("%q beside %s: %d %s", basic, header, a.Status, a.Body)
				}
			}
			if basic == "" {
				continue
			}
			a := ask("X-Other", "x")
			if a.Status != http.StatusUnauthorized || !strings.HasPrefix(a.Failure(t).Message, "No credential") {
				t.Errorf("%q alone: %d %s", basic, a.Status, a.Body)
			}
		}
	})
}

// A kind of fault: what is kept in memory until it is written is lost when the write fails. A flush that fails puts everything back,
// and the next one writes it once.
func TestAFlushThatFailsLosesNothing(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		use := func() {
			w.Call(apitest.Request{Path: "/devices/list", Token: h.pat, Workspace: h.mine.ID}, nil)
		}
		stored := func() credential.Credential {
			c, err := credential.Get(w.Context(), w.DB, credential.PersonalAccessToken, h.patID)
			w.Must(err)
			return c
		}
		use()
		w.Usage.Digested(h.patID, "another key", [32]byte{7})
		ended, cancel := context.WithCancel(w.Context())
		cancel()
		if err := w.Usage.Flush(ended); err == nil {
			t.Fatal("a flush without a database succeeds")
		}
		use()
		if c := stored(); c.UseCount != 0 || c.LastUsed != nil {
			t.Errorf("a flush that failed wrote %d uses", c.UseCount)
		}
		w.Must(w.Usage.Flush(w.Context()))
		if c := stored(); c.UseCount != 2 || c.LastUsed == nil || len(c.RecentAddresses) != 1 {
			t.Errorf("%d uses, the last %+v, from %v", c.UseCount, c.LastUsed, c.RecentAddresses)
		}
		var keyID string
		w.Must(w.DB.QueryRow(w.Context(), `SELECT key_id FROM credentials WHERE credential_id = $1`, h.patID).Scan(&keyID))
		if keyID != "another key" {
			t.Errorf("the digest is under the key %q", keyID)
		}
		w.Must(w.Usage.Flush(w.Context()))
		if c := stored(); c.UseCount != 2 {
			t.Errorf("%d uses after a flush of nothing", c.UseCount)
		}
	})
}
