package personalaccesstoken_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
	"keyway/internal/trust/identity"
	"keyway/internal/wiring/apitest"
)

type in = map[string]any

// home is a person with a sandbox and a production workspace, and an operator beside them.
type home struct {
	*apitest.World
	operator, jane      identity.User
	sandbox, production workspace.Workspace
	session             string
}

func people(w *apitest.World) home {
	h := home{World: w, operator: w.Person("operator"), jane: w.Person("jane")}
	h.sandbox, h.production = w.Workspace(h.jane, "Sandbox", true), w.Workspace(h.jane, "Production", false)
	h.session = w.Session(h.jane)
	return h
}

// exec changes the database behind everyone's back.
func (h home) exec(query string, args ...any) error {
	return h.DB.Update(h.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(h.Context(), query, args...)
		return err
	})
}

// make makes a token with the session, or as a child of a token.
func (h home) make(with string, limits in) personalaccesstoken.Token {
	body := in{"name": "limited"}
	for k, v := range limits {
		body[k] = v
	}
	return call(h.World, with, "create", body).Token
}

// refused asks for something that must be refused with a reason.
func (h home) refused(token, path, workspaceID string, body in, status int, reason string) apitest.Failure {
	code := map[int]string{401: "unauthorized", 403: "forbidden"}[status]
	f := h.Refused(apitest.Request{Path: path, Token: token, Workspace: workspaceID, Body: body}, status, code)
	if f.Data["reason"] != reason {
		panic(fmt.Sprintf("%s: %v, want %s", path, f.Data, reason))
	}
	return f
}

func TestLimitsRefuse(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := people(w)
		ok := func(token, path, ws string) {
			t.Helper()
			w.Call(apitest.Request{Path: path, Token: token, Workspace: ws}, nil)
		}
		reads := h.make(h.session, in{"scopes": []string{"devices:read"}}).Secret
		ok(reads, "/devices/list", h.sandbox.ID)
		if f := h.refused(reads, "/devices/update", h.sandbox.ID, nil, 403, "scope"); f.Data["scope"] != "devices:write" {
			t.Errorf("%v", f.Data)
		}
		h.refused(reads, "/connected_accounts/list", h.sandbox.ID, nil, 403, "scope")
		ok(reads, path+"get_current", "")
		ok(reads, "/keyway/v1/users/get_current", "")

		all := h.make(h.session, in{"scopes": []string{"*:read"}}).Secret
		ok(all, "/connected_accounts/list", h.sandbox.ID)
		h.refused(all, "/devices/update", h.sandbox.ID, nil, 403, "scope")

		one := h.make(h.session, in{"workspace_ids": []string{h.sandbox.ID}}).Secret
		ok(one, "/devices/list", h.sandbox.ID)
		h.refused(one, "/devices/list", h.production.ID, nil, 403, "workspace_not_allowed")
		h.refused(one, "/workspaces/create", "", in{"name": "x"}, 403, "workspace_not_allowed")
		h.refused(one, path+"create_workspace_key", "", in{"workspace_id": h.production.ID}, 403, "workspace_not_allowed")
		safe := h.make(h.session, in{"sandbox_only": true}).Secret
		h.refused(safe, "/devices/list", h.production.ID, nil, 403, "workspace_not_allowed")
		for _, token := range []string{one, safe} {
			var out struct{ Workspaces []workspace.Workspace }
			w.Call(apitest.Request{Path: "/workspaces/list", Token: token}, &out)
			if len(out.Workspaces) != 1 || out.Workspaces[0].ID != h.sandbox.ID {
				t.Errorf("%+v", out.Workspaces)
			}
		}

		ok(h.make(h.session, in{"allowed_cidrs": []string{"10.0.0.0/8", "127.0.0.0/8"}}).Secret, "/devices/list", h.sandbox.ID)
		h.refused(h.make(h.session, in{"allowed_cidrs": []string{"10.0.0.0/8"}}).Secret, "/devices/list", h.sandbox.ID, nil, 403, "address")

		now := w.Now().UTC()
		today := strings.ToLower(now.Weekday().String()[:3])
		tomorrow := strings.ToLower(now.AddDate(0, 0, 1).Weekday().String()[:3])
		hours := func(day string) in {
			return in{"weekdays": []string{day}, "from": "00:00", "to": "24:00", "time_zone": "UTC"}
		}
		ok(h.make(h.session, in{"allowed_hours": hours(today)}).Secret, "/devices/list", h.sandbox.ID)
		h.refused(h.make(h.session, in{"allowed_hours": hours(tomorrow)}).Secret, "/devices/list", h.sandbox.ID, nil, 403, "hours")

		h.refused(h.make(h.session, in{"not_before": now.Add(time.Hour)}).Secret, "/devices/list", h.sandbox.ID, nil, 401, "not_yet_valid")
		decoy := h.make(h.session, in{"is_decoy": true}).Secret
		a := w.Do(apitest.Request{Path: "/devices/list", Token: decoy, Workspace: h.sandbox.ID})
		b := w.Do(apitest.Request{Path: "/devices/list", Token: credential.Mint(credential.PersonalAccessToken, false).Reveal(),
			Workspace: h.sandbox.ID})
		if a.Status != 401 || a.Body != b.Body || a.Header.Get("Seam-Token-Expires-At") != "" {
			t.Errorf("a decoy can be told from an unknown token: %s %v", a.Body, a.Header)
		}
		for param, bad := range map[string]any{
			"scopes": []string{"doors:open"}, "workspace_ids": []string{store.NewID()}, "device_ids": []string{"x"},
			"allowed_cidrs":      []string{"here"},
			"daily_action_limit": -1, "max_uses": 0, "allowed_hours": in{"weekdays": []string{"mon"}, "from": "08:00", "to": "08:00",
				"time_zone": "UTC"},
		} {
			if f := w.Refused(apitest.Request{Path: path + "create", Token: h.session, Body: in{"name": "x", param: bad}}, 400,
				"invalid_input"); f.Issues[param] == nil {
				t.Errorf("%s: %v", param, f.Issues)
			}
		}
	})
}

// Whatever an older or broken row says, it grants nothing more than what can be read, and is no error 500.
func TestUnreadableLimitsGrantNothing(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := people(w)
		token, id := w.PAT(h.jane)
		for _, limits := range []string{`not JSON`, `{}`, `null`, `{"scopes":["everything","devices"]}`,
			`{"scopes":["*"],"allowed_cidrs":["nowhere"]}`,
			`{"scopes":["*"],"allowed_hours":{"weekdays":["someday"],"from":"00:00","to":"24:00","time_zone":"UTC"}}`,
			`{"scopes":["*"],"workspace_ids":[]}`,
			`{"scopes":["*"],"allowed_hours":{"weekdays":["mon","tue","wed","thu","fri","sat","sun"],
				"from":"00:00","to":"24:00","time_zone":"Moon/Base"}}`,
			`{"scopes":["*"],"max_uses":0}`, `{"scopes":["*"],"workspace_ids":"all"}`} {
			w.Rewrite(grant.Credentials, signed.Set{"limits": limits}, `credential_id = ?`, id)
			if a := w.Do(apitest.Request{Path: "/devices/list", Token: token, Workspace: h.sandbox.ID}); a.Status != 403 && a.Status != 401 {
				t.Errorf("%s: %d %s", limits, a.Status, a.Body)
			}
			// A broken row is shown as it is, outside of what the document allows.
			if a := w.Do(apitest.Request{Path: path + "list", Token: h.session, Raw: true}); a.Status != 200 {
				t.Errorf("%s: %d %s", limits, a.Status, a.Body)
			}
		}
	})
}

// Many requests at once never spend more than there is, whatever of the family they are made with.
func TestMaxUsesAreNeverExceeded(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := people(w)
		parent := h.make(h.session, in{"max_uses": 9, "scopes": []string{"*", "personal_access_tokens:write"}})
		child := h.make(parent.Secret, in{"max_uses": 5}) // the first use
		var granted, of atomic.Int64
		var wg sync.WaitGroup
		for i := range 24 {
			wg.Go(func() {
				token := parent.Secret
				if i%2 == 0 {
					token = child.Secret
				}
				a, err := w.Send(apitest.Request{Path: "/devices/list", Token: token, Workspace: h.sandbox.ID})
				switch {
				case err != nil:
					t.Error(err)
				case a.Status == 200:
					granted.Add(1)
					if i%2 == 0 {
						of.Add(1)
					}
				case a.Status != 401 || !strings.Contains(a.Body, `"reason":"uses"`):
					t.Errorf("%d %s", a.Status, a.Body)
				}
			})
		}
		wg.Wait()
		if granted.Load() != 8 || of.Load() > 5 {
			t.Errorf("%d requests, %d with the child; want 8, at most 5", granted.Load(), of.Load())
		}
		if got := call(w, h.session, "get", in{"personal_access_token_id": parent.ID}).Token; got.Status != personalaccesstoken.Expired {
			t.Errorf("%s", got.Status)
		}
	})
}

func TestChildren(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := people(w)
		write := "personal_access_tokens:write"
		parent := h.make(h.session, in{"scopes": []string{"devices:read", "devices:write", write}, "workspace_ids": []string{h.sandbox.ID},
			"daily_action_limit": 5,
			"allowed_cidrs":      []string{"127.0.0.0/8"}, "expires_at": w.Now().Add(24 * time.Hour)})
		child := h.make(parent.Secret, nil)
		if *child.ParentID != parent.ID || child.CreatedFrom != "token" || !slices.Equal(child.Scopes, parent.Scopes) ||
			*child.DailyActionLimit != 5 ||
			!slices.Equal(child.WorkspaceIDs, parent.WorkspaceIDs) || !child.ExpiresAt.Equal(parent.ExpiresAt.Time) {
			t.Errorf("%+v", child)
		}
		for param, wide := range map[string]any{
			"scopes": []string{"*"}, "workspace_ids": nil, "daily_action_limit": 6, "allowed_cidrs": []string{"0.0.0.0/0"},
			"expires_at": w.Now().Add(48 * time.Hour),
		} {
			if f := w.Refused(apitest.Request{Path: path + "create", Token: parent.Secret, Body: in{"name": "x", param: wide}}, 400,
				"invalid_input"); f.Issues[param] == nil {
				t.Errorf("%s: %v", param, f.Issues)
			}
		}
		grand := h.make(child.Secret, in{"scopes": []string{"devices:read"}})
		list := func() error {
			a, err := w.Send(apitest.Request{Path: "/devices/list", Token: grand.Secret, Workspace: h.sandbox.ID})
			if err == nil && a.Status != 200 {
				err = fmt.Errorf("%d %s", a.Status, a.Body)
			}
			return err
		}
		w.Must(list())
		// Narrowing the parent afterwards narrows them all, at once.
		call(w, h.session, "update", in{"personal_access_token_id": parent.ID, "scopes": []string{"devices:write", write}})
		h.refused(grand.Secret, "/devices/list", h.sandbox.ID, nil, 403, "scope")
		call(w, h.session, "update", in{"personal_access_token_id": parent.ID, "scopes": parent.Scopes})
		w.Must(list())
		call(w, h.session, "disable", in{"personal_access_token_id": child.ID})
		h.refused(grand.Secret, "/devices/list", h.sandbox.ID, nil, 401, "disabled")
		if got := call(w, h.session, "get", in{"personal_access_token_id": grand.ID}).Token; got.Status != personalaccesstoken.Disabled {
			t.Errorf("%s", got.Status)
		}
		call(w, parent.Secret, "enable", in{"personal_access_token_id": child.ID})
		w.Must(list())
		// Its own descendants, and no one else's, not even a parent's.
		_, other := w.PAT(h.jane)
		for _, what := range []string{"get", "update", "disable", "enable", "revoke"} {
			for _, id := range []string{other, parent.ID, store.NewID()} {
				w.Refused(apitest.Request{Path: path + what, Token: child.Secret, Body: in{"personal_access_token_id": id}}, 404,
					"personal_access_token_not_found")
			}
		}
		if got := call(w, parent.Secret, "list", nil).Tokens; len(got) != 3 {
			t.Errorf("%+v", got)
		}
		narrower := call(w, parent.Secret, "update", in{"personal_access_token_id": child.ID, "daily_action_limit": 4}).Token
		if *narrower.DailyActionLimit != 4 {
			t.Errorf("%+v", narrower)
		}
		h.refused(parent.Secret, path+"update", "", in{"personal_access_token_id": child.ID, "daily_action_limit": 5}, 403, "scope")
		call(w, h.session, "revoke", in{"personal_access_token_id": parent.ID})
		for _, token := range []string{parent.Secret, child.Secret, grand.Secret} {
			h.refused(token, "/devices/list", h.sandbox.ID, nil, 401, "revoked")
		}
	})
}

// What a session that is not fresh may do to a token is to narrow it.
func TestWideningNeedsFreshSignIn(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := people(w)
		tok := h.make(h.session, in{"scopes": []string{"devices:read", "locks:read"}, "max_uses": 10})
		id := tok.ID
		w.Pass(credential.FreshFor + time.Minute)
		call(w, h.session, "update", in{"personal_access_token_id": id, "scopes": []string{"devices:read"}, "name": "Narrow"})
		call(w, h.session, "disable", in{"personal_access_token_id": id})
		for _, wide := range []in{{"scopes": []string{"*"}}, {"max_uses": nil}, {"expires_at": nil},
			{"scopes": []string{"devices:read", "locks:read"}}} {
			wide["personal_access_token_id"] = id
			h.refused(h.session, path+"update", "", wide, 403, "fresh_authentication")
		}
		h.refused(h.session, path+"enable", "", in{"personal_access_token_id": id}, 403, "fresh_authentication")
		h.refused(h.session, path+"create", "", in{"name": "x"}, 403, "fresh_authentication")
		call(w, w.Session(h.jane), "enable", in{"personal_access_token_id": id})
	})
}

func TestOwnersRefuseTokens(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := people(w)
		john := w.Person("john")
		w.Join(h.sandbox, john, rpc.Member)
		own := w.Workspace(john, "Own", true)
		token, id := w.Token(john, personalaccesstoken.New{Name: "John's", Description: "private", From: "command"})
		key, _ := w.WorkspaceKey(john, id, h.sandbox)
		w.Call(apitest.Request{Path: "/devices/list", Token: token, Workspace: own.ID}, nil)
		seen := call(w, h.session, "list", in{"workspace_id": h.sandbox.ID}).Tokens
		if len(seen) != 1 || seen[0].ID != id || seen[0].UserID != john.ID || seen[0].Description != "" || seen[0].LastUsed != nil {
			t.Errorf("%+v", seen)
		}
		in := in{"personal_access_token_id": id, "workspace_id": h.sandbox.ID}
		w.Refused(apitest.Request{Path: path + "refuse", Token: w.Session(john), Body: in}, 404, "workspace_not_found")
		w.Refused(apitest.Request{Path: path + "list", Token: w.Session(john), Body: in}, 404, "workspace_not_found")
		call(w, h.session, "refuse", in)
		h.refused(token, "/devices/list", h.sandbox.ID, nil, 403, "workspace_not_allowed")
		h.refused(key, "/devices/list", "", nil, 403, "workspace_not_allowed")
		w.Call(apitest.Request{Path: "/devices/list", Token: token, Workspace: own.ID}, nil)
		var out struct{ Workspaces []workspace.Workspace }
		if w.Call(apitest.Request{Path: "/workspaces/list", Token: token}, &out); len(out.Workspaces) != 1 || out.Workspaces[0].ID != own.ID {
			t.Errorf("%+v", out.Workspaces)
		}
		call(w, h.session, "admit", in)
		w.Call(apitest.Request{Path: "/devices/list", Token: token, Workspace: h.sandbox.ID}, nil)
	})
}

func TestRevokeAll(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := people(w)
		_, mine := w.PAT(h.operator)
		old, _ := w.PAT(h.jane)
		w.Pass(40 * 24 * time.Hour)
		operator := w.Session(h.operator)
		h.session = w.Session(h.jane)
		used, _ := w.PAT(h.jane)
		h.refused(h.session, path+"revoke_all", "", in{"user_id": h.operator.ID}, 403, "role")
		if got := call(w, operator, "revoke_all", in{"user_id": h.jane.ID, "unused_days": 30}).Tokens; len(got) != 1 ||
			got[0].Status != personalaccesstoken.Revoked {
			t.Errorf("%+v", got)
		}
		h.refused(old, "/devices/list", h.sandbox.ID, nil, 401, "revoked")
		w.Call(apitest.Request{Path: "/devices/list", Token: used, Workspace: h.sandbox.ID}, nil)
		call(w, h.session, "revoke_all", nil)
		h.refused(used, "/devices/list", h.sandbox.ID, nil, 401, "revoked")
		if got := call(w, operator, "get", in{"personal_access_token_id": mine}).Token; got.Status != personalaccesstoken.Active {
			t.Errorf("%s", got.Status)
		}
	})
}

func TestAHundredTokensAPerson(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := people(w)
		w.Tokens.MaxLive = 2
		first := h.make(h.session, nil)
		h.make(h.session, nil)
		if f := w.Refused(apitest.Request{Path: path + "create", Token: h.session, Body: in{"name": "x"}}, 400,
			"invalid_request"); f.Data["reason"] != "too_many_tokens" {
			t.Errorf("%v", f.Data)
		}
		call(w, h.session, "revoke", in{"personal_access_token_id": first.ID})
		h.make(h.session, nil)
	})
}

// Whatever children are made and however tokens are changed, in whatever order, no token is ever good
// for anything that one of its ancestors is not good for.
func TestAChildIsNeverWiderThanItsAncestors(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		h := people(apitest.New(t, db))
		h.Tokens.MaxLive = 1 << 20
		scopes := []string{"*", "*:read", "devices:read", "devices:write", "workspaces:read", "personal_access_tokens:write"}
		asks := []struct{ path, ws string }{{"/devices/list", h.sandbox.ID}, {"/devices/list", h.production.ID},
			{"/workspaces/get", h.sandbox.ID}, {"/devices/update", h.sandbox.ID}}
		rapid.Check(t, func(rt *rapid.T) {
			narrow := func(label string) (n personalaccesstoken.Narrow) {
				if rapid.Bool().Draw(rt, label+" scopes given") {
					n.Scopes = rpc.Opt[[]string]{Set: true, Value: rapid.SliceOfNDistinct(rapid.SampledFrom(scopes), 1, 3, rapid.ID).Draw(rt,
						label+" scopes")}
				}
				switch rapid.IntRange(0, 3).Draw(rt, label+" workspaces") {
				case 0:
					n.WorkspaceIDs = rpc.Opt[[]string]{Set: true, Value: []string{h.sandbox.ID}}
				case 1:
					n.WorkspaceIDs = rpc.Opt[[]string]{Set: true, Null: true}
				case 2:
					n.SandboxOnly = rpc.Opt[bool]{Set: true, Value: rapid.Bool().Draw(rt, label+" sandbox only")}
				}
				return n
			}
			type made struct {
				id, secret string
				parent     int
			}
			var line []made
			ctx := context.Background()
			for step := range rapid.IntRange(2, 6).Draw(rt, "steps") {
				label := fmt.Sprint(step)
				if len(line) > 1 && rapid.Bool().Draw(rt, label+" update") {
					which := rapid.SampledFrom(line).Draw(rt, label+" which")
					// Refusals are as good as changes.
					_ = h.Tokens.Update(ctx, h.jane.ID, which.id, personalaccesstoken.Change{Narrow: narrow(label)}, nil, apitest.By)
					continue
				}
				m := made{parent: len(line) - 1}
				n := personalaccesstoken.New{Name: "x", From: "command", Narrow: narrow(label)}
				if m.parent >= 0 {
					n.ParentID = line[m.parent].id
				}
				tok, secret, err := h.Tokens.Create(ctx, h.jane.ID, n, apitest.By)
				if err != nil {
					continue
				}
				m.id, m.secret = tok.ID, secret.Reveal()
				line = append(line, m)
			}
			for _, ask := range asks {
				may := func(m made) bool {
					a, err := h.Send(apitest.Request{Path: ask.path, Token: m.secret, Workspace: ask.ws})
					if err != nil {
						rt.Fatal(err)
					}
					return a.Status == 200 || a.Status == 400 // let through, and found wanting only then
				}
				for _, m := range line {
					if m.parent >= 0 && may(m) && !may(line[m.parent]) {
						rt.Fatalf("%s is open to a child and not to its parent", ask.path)
					}
				}
			}
		})
	})
}
