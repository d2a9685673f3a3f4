package policy_test

import (
	"net/http"
	"testing"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/policy"
	"keyway/internal/wiring/apitest"
)

const (
	path   = "/keyway/v1/policies/"
	tokens = "/keyway/v1/personal_access_tokens/"
)

func update(w *apitest.World, session string, in map[string]any) policy.Served {
	var out struct {
		Policy policy.Served `json:"policy"`
	}
	w.Call(apitest.Request{Path: path + "update", Token: session, Body: in}, &out)
	return out.Policy
}

func TestWhoSetsPolicies(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		root, jane, bob, eve := w.Person("root"), w.Person("jane"), w.Person("bob"), w.Person("eve")
		ws := w.Workspace(jane, "Flat", true)
		w.Join(ws, bob, rpc.Member)
		in := map[string]any{"workspace_id": ws.ID, "never_forbidden": true}
		w.Refused(apitest.Request{Path: path + "update", Token: w.Session(bob), Body: in}, 403, "forbidden")
		w.Refused(apitest.Request{Path: path + "update", Token: w.Session(eve), Body: in}, 404, "workspace_not_found")
		w.Refused(apitest.Request{Path: path + "get", Token: w.Session(eve), Body: map[string]any{"workspace_id": ws.ID}}, 404,
			"workspace_not_found")
		w.Refused(apitest.Request{Path: path + "update", Token: w.Session(root), Body: map[string]any{"workspace_id": "none"}}, 404,
			"workspace_not_found")
		w.Refused(apitest.Request{Path: path + "update", Token: w.Session(jane), Body: map[string]any{"never_forbidden": true}}, 403, "forbidden")
		pat, _ := w.PAT(jane)
		w.Refused(apitest.Request{Path: path + "update", Token: pat, Body: in}, 401, "unauthorized")
		stale := w.Session(jane)
		w.Pass(11 * time.Minute)
		if f := w.Refused(apitest.Request{Path: path + "update", Token: stale, Body: in}, 403,
			"forbidden"); f.Data["reason"] != "fresh_authentication" {
			t.Errorf("%+v", f)
		}
		if p := update(w, w.Session(jane), in); !p.NeverForbidden || *p.WorkspaceID != ws.ID || p.MaximumAgeDays != nil {
			t.Errorf("%+v", p)
		}
		if p := update(w, w.Session(root), map[string]any{"workspace_id": ws.ID, "maximum_age_days": 5}); !p.NeverForbidden ||
			*p.MaximumAgeDays != 5 {
			t.Errorf("what was not given has changed: %+v", p)
		}
		if p := update(w, w.Session(root), map[string]any{"maximum_age_days": 30, "default_age_days": 20}); p.WorkspaceID != nil ||
			*p.DefaultAgeDays != 20 {
			t.Errorf("%+v", p)
		}
		var got struct {
			Policy policy.Served `json:"policy"`
		}
		w.Call(apitest.Request{Method: http.MethodGet, Path: path + "get?workspace_id=" + ws.ID, Token: w.Session(bob)}, &got)
		if *got.Policy.MaximumAgeDays != 5 {
			t.Errorf("%+v", got)
		}
		for param, value := range map[string]any{"maximum_age_days": 0, "inactive_days": -1, "allowed_scopes": []string{"doors:open"},
			"allowed_cidrs": []string{"::ffff:10.0.0.0/90"}, "default_age_days": 31} {
			if f := w.Refused(apitest.Request{Path: path + "update", Token: w.Session(root), Body: map[string]any{param: value}}, 400,
				"invalid_input"); f.Issues[param] == nil {
				t.Errorf("%s: %+v", param, f)
			}
		}
		w.Refused(apitest.Request{Path: path + "update", Token: w.Session(root),
			Body: map[string]any{"workspace_id": ws.ID, "default_age_days": 3}}, 400, "invalid_input")
	})
}

// A workspace refuses tokens that do not satisfy its policy, in it only, and takes them again when
// the policy does.
func TestWorkspacePolicy(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane := w.Person("jane")
		strict, other := w.Workspace(jane, "Strict", true), w.Workspace(jane, "Other", true)
		pat, id := w.PAT(jane)
		var key struct {
			Key personalaccesstoken.WorkspaceKey `json:"workspace_key"`
		}
		w.Call(apitest.Request{Path: tokens + "create_workspace_key", Token: pat, Body: map[string]any{"workspace_id": strict.ID}}, &key)
		for rule, in := range map[string]struct{ breaks, holds any }{
			"maximum_age_days": {364, 366},
			"allowed_scopes":   {[]string{"devices:read", "*:read"}, []string{"*"}},
			"allowed_cidrs":    {[]string{"10.0.0.0/8"}, []string{"127.0.0.0/8", "::1/128"}},
		} {
			update(w, w.Session(jane), map[string]any{"workspace_id": strict.ID, rule: in.breaks})
			for _, r := range []apitest.Request{{Token: pat, Workspace: strict.ID}, {Token: key.Key.Secret}} {
				r.Path = "/devices/list"
				if f := w.Refused(r, 403, "forbidden"); f.Data["reason"] != "policy" || f.Data["rule"] != rule {
					t.Errorf("%s: %+v", rule, f)
				}
			}
			w.Call(apitest.Request{Path: "/devices/list", Token: pat, Workspace: other.ID}, nil)
			update(w, w.Session(jane), map[string]any{"workspace_id": strict.ID, rule: in.holds})
			w.Call(apitest.Request{Path: "/devices/list", Token: pat, Workspace: strict.ID}, nil)
			w.Call(apitest.Request{Path: "/devices/list", Token: key.Key.Secret}, nil)
			update(w, w.Session(jane), map[string]any{"workspace_id": strict.ID, rule: nil})
		}
		update(w, w.Session(jane), map[string]any{"workspace_id": strict.ID, "inactive_days": 10})
		w.Pass(9 * 24 * time.Hour)
		w.Call(apitest.Request{Path: "/devices/list", Token: pat, Workspace: strict.ID}, nil)
		w.Must(w.Usage.Flush(w.Context()))
		w.Pass(9 * 24 * time.Hour)
		w.Call(apitest.Request{Path: "/devices/list", Token: pat, Workspace: strict.ID}, nil)
		w.Pass(11 * 24 * time.Hour)
		if f := w.Refused(apitest.Request{Path: "/devices/list", Token: pat, Workspace: strict.ID}, 403,
			"forbidden"); f.Data["rule"] != "inactive_days" {
			t.Errorf("%+v", f)
		}
		// It is not revoked, and its successor is new.
		var next struct {
			Token personalaccesstoken.Token `json:"personal_access_token"`
		}
		w.Call(apitest.Request{Path: tokens + "rotate", Token: w.Session(jane), Body: map[string]any{"personal_access_token_id": id}}, &next)
		w.Call(apitest.Request{Path: "/devices/list", Token: next.Token.Secret, Workspace: strict.ID}, nil)
	})
}

// The instance's policy applies everywhere, and to everything that makes a token.
func TestInstancePolicy(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		root := w.Person("root")
		ws := w.Workspace(root, "Flat", true)
		pat, id := w.PAT(root)
		session := w.Session(root)
		update(w, session, map[string]any{"maximum_age_days": 30, "default_age_days": 10, "never_forbidden": true})
		for _, r := range []apitest.Request{{Path: "/devices/list", Workspace: ws.ID}, {Path: "/workspaces/list"}} {
			r.Token = pat
			if f := w.Refused(r, 403, "forbidden"); f.Data["reason"] != "policy" || f.Data["rule"] != "maximum_age_days" {
				t.Errorf("%+v", f)
			}
		}
		// It may still say what it is, and cannot get around the policy by rotating itself.
		w.Call(apitest.Request{Path: tokens + "get_current", Token: pat}, nil)
		w.Refused(apitest.Request{Path: tokens + "rotate", Token: pat}, 400, "invalid_input")
		for _, expires := range []any{nil, w.Now().AddDate(0, 0, 31)} {
			for _, r := range []apitest.Request{
				{Path: tokens + "create", Body: map[string]any{"name": "x", "expires_at": expires}},
				{Path: tokens + "rotate", Body: map[string]any{"personal_access_token_id": id, "expires_at": expires}},
				{Path: tokens + "rotate", Body: map[string]any{"personal_access_token_id": id}},
			} {
				r.Token = session
				if f := w.Refused(r, 400, "invalid_input"); f.Issues["expires_at"] == nil {
					t.Errorf("%s: %+v", r.Path, f)
				}
			}
		}
		var made struct {
			Token personalaccesstoken.Token `json:"personal_access_token"`
		}
		w.Call(apitest.Request{Path: tokens + "create", Token: session, Body: map[string]any{"name": "x"}}, &made)
		if days := made.Token.ExpiresAt.Sub(made.Token.CreatedAt.Time).Hours() / 24; days < 9.9 || days > 10.1 {
			t.Errorf("it lives %v days", days)
		}
		w.Call(apitest.Request{Path: "/devices/list", Token: made.Token.Secret, Workspace: ws.ID}, nil)
		w.Call(apitest.Request{Path: tokens + "rotate", Token: session,
			Body: map[string]any{"personal_access_token_id": id, "expires_at": w.Now().AddDate(0, 0, 29)}}, &made)
		w.Call(apitest.Request{Path: "/devices/list", Token: made.Token.Secret, Workspace: ws.ID}, nil)
	})
}
