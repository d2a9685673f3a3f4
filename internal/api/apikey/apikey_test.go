package apikey_test

import (
	"strings"
	"testing"

	"keyway/internal/api/apikey"
	"keyway/internal/platform/rpc"
	"keyway/internal/wiring/apitest"
)

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane, john := w.Person("jane"), w.Person("john")
		ws, production := w.Workspace(jane, "Mine", true), w.Workspace(jane, "Production", false)
		other := w.Workspace(john, "Other", true)
		w.Join(ws, john, rpc.Member)
		session := w.Session(jane)
		type answer struct {
			Key  apikey.APIKey   `json:"api_key"`
			Keys []apikey.APIKey `json:"api_keys"`
		}
		call := func(what, workspace string, in map[string]any) (out answer) {
			t.Helper()
			w.Call(apitest.Request{Path: "/keyway/v1/api_keys/" + what, Token: session, Workspace: workspace, Body: in}, &out)
			return out
		}
		made := call("create", ws.ID, map[string]any{"name": " Backend "}).Key
		if made.Name != "Backend" || made.WorkspaceID != ws.ID || made.CreatedBy != jane.ID || !strings.HasPrefix(made.Token, "seam_test") ||
			!strings.HasPrefix(made.Token, made.Hint+"_") {
			t.Errorf("%+v", made)
		}
		if k := call("create", production.ID, map[string]any{"name": "x"}).Key; strings.HasPrefix(k.Token, "seam_test") {
			t.Errorf("%s in production", k.Hint)
		}
		for _, in := range []map[string]any{{}, {"name": ""}, {"name": "  "}, {"name": strings.Repeat("x", 101)}} {
			w.Refused(apitest.Request{Path: "/keyway/v1/api_keys/create", Token: session, Workspace: ws.ID, Body: in}, 400, "invalid_input")
		}
		w.Call(apitest.Request{Path: "/devices/list", Token: made.Token}, nil)
		list := call("list", ws.ID, nil).Keys
		if len(list) != 1 || list[0].ID != made.ID || list[0].Token != "" || list[0].LastUsed == nil ||
			list[0].LastUsed.Endpoint != "/devices/list" {
			t.Errorf("%+v", list)
		}
		// A member sees them, and neither makes nor ends any.
		johns := w.Session(john)
		w.Call(apitest.Request{Path: "/keyway/v1/api_keys/list", Token: johns, Workspace: ws.ID}, nil)
		for _, what := range []string{"create", "revoke"} {
			w.Refused(apitest.Request{Path: "/keyway/v1/api_keys/" + what, Token: johns, Workspace: ws.ID,
				Body: map[string]any{"name": "x", "api_key_id": made.ID}}, 403, "forbidden")
		}
		// From another workspace it is not there, not even for its owner.
		for _, id := range []string{made.ID, "nonsense"} {
			w.Refused(apitest.Request{Path: "/keyway/v1/api_keys/revoke", Token: johns, Workspace: other.ID, Body: map[string]any{"api_key_id": id}},
				404, "api_key_not_found")
		}
		w.Call(apitest.Request{Path: "/devices/list", Token: made.Token}, nil)
		call("revoke", ws.ID, map[string]any{"api_key_id": made.ID})
		w.Refused(apitest.Request{Path: "/devices/list", Token: made.Token}, 401, "unauthorized")
		if r := w.Do(apitest.Request{Path: "/keyway/v1/api_keys/list", Token: session, Workspace: ws.ID}); r.Body != `{"api_keys":[],"ok":true}` {
			t.Error(r.Body)
		}
		// No token makes another.
		pat, _ := w.PAT(jane)
		w.Refused(apitest.Request{Path: "/keyway/v1/api_keys/create", Token: pat, Workspace: ws.ID, Body: map[string]any{"name": "x"}}, 401,
			"unauthorized")
	})
}
