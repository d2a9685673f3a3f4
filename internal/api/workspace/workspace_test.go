package workspace_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/wiring/apitest"
)

type answer struct {
	Workspace  workspace.Workspace   `json:"workspace"`
	Workspaces []workspace.Workspace `json:"workspaces"`
}

func TestCreate(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane := w.Person("jane")
		pat, _ := w.PAT(jane)
		create := func(token string, in map[string]any) workspace.Workspace {
			t.Helper()
			var out answer
			w.Call(apitest.Request{Path: "/workspaces/create", Token: token, Body: in}, &out)
			return out.Workspace
		}
		plain := create(pat, map[string]any{"name": " Hotel "})
		if plain.Name != "Hotel" || plain.CompanyName != "Hotel" || plain.IsSandbox || plain.IsSuspended ||
			!strings.HasPrefix(plain.PublishableKey, "seam_pk1") {
			t.Errorf("%+v", plain)
		}
		full := create(w.Session(jane), map[string]any{"name": "Full", "company_name": "Acme", "connect_partner_name": "Other",
			"is_sandbox":         true,
			"webview_logo_shape": "circle", "webview_primary_button_color": "#123", "webview_success_message": "older",
			"connect_webview_customization": map[string]any{"primary_button_color": "#1a2b3c", "success_message": nil}})
		if c := full.Customization; full.CompanyName != "Acme" || !full.IsSandbox || c.LogoShape != "circle" ||
			c.PrimaryButtonColor != "#1a2b3c" || c.SuccessMessage != "" {
			t.Errorf("%+v", full)
		}
		if ws := create(pat, map[string]any{"name": "x", "connect_partner_name": "Partner", "organization_id": nil,
			"webview_primary_button_text_color": "#fed"}); ws.CompanyName != "Partner" ||
			*ws.ConnectPartnerName != "Partner" || ws.Customization.PrimaryButtonTextColor != "#fed" {
			t.Errorf("%+v", ws)
		}
		// Who makes it is its owner, and the token opens it at once.
		var got answer
		if w.Call(apitest.Request{Path: "/workspaces/get", Token: pat, Workspace: plain.ID}, &got); got.Workspace.ID != plain.ID {
			t.Errorf("%+v", got.Workspace)
		}
		if w.Call(apitest.Request{Method: "GET", Path: "/workspaces/list", Token: pat}, &got); len(got.Workspaces) != 3 ||
			got.Workspaces[0].ID != plain.ID {
			t.Errorf("%+v", got.Workspaces)
		}
		if all, err := w.Workspaces.OfUser(t.Context(), jane.ID); err != nil || all[0].Role != rpc.Owner {
			t.Errorf("%+v %v", all, err)
		}
		for param, in := range map[string]map[string]any{
			"name": {}, "is_sandbox": {"name": "x", "is_sandbox": "yes"}, "webview_logo_shape": {"name": "x", "webview_logo_shape": "star"},
			"connect_webview_customization": {"name": "x", "connect_webview_customization": map[string]any{"primary_button_color": "red;}"}},
			"organization_id":               {"name": "x", "organization_id": store.NewID()},
		} {
			if f := w.Refused(apitest.Request{Path: "/workspaces/create", Token: pat, Body: in}, 400, "invalid_input"); f.Issues[param] == nil {
				t.Errorf("%s: %v", param, f.Issues)
			}
		}
		for _, name := range []string{"", "   ", strings.Repeat("é", 201)} {
			w.Refused(apitest.Request{Path: "/workspaces/create", Token: pat, Body: map[string]any{"name": name}}, 400, "invalid_input")
		}
		if all, err := w.Workspaces.All(t.Context()); err != nil || len(all) != 3 {
			t.Errorf("%d are there (%v)", len(all), err)
		}
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane := w.Person("jane")
		ws := w.Workspace(jane, "Hotel", true)
		pat, _ := w.PAT(jane)
		key, _ := w.Key(ws, jane)
		update := func(in map[string]any) workspace.Workspace {
			t.Helper()
			w.Call(apitest.Request{Method: "PATCH", Path: "/workspaces/update", Token: pat, Workspace: ws.ID, Body: in}, nil)
			var out answer
			w.Call(apitest.Request{Path: "/workspaces/get", Token: key}, &out)
			return out.Workspace
		}
		want := ws
		same := func(got workspace.Workspace) {
			t.Helper()
			a, err := json.Marshal(got)
			w.Must(err)
			b, err := json.Marshal(want)
			w.Must(err)
			if string(a) != string(b) {
				t.Errorf("%s\nwant %s", a, b)
			}
		}
		same(update(map[string]any{}))
		want.Name = "Motel"
		same(update(map[string]any{"name": " Motel "}))
		partner := "Acme"
		want.CompanyName, want.ConnectPartnerName = partner, &partner
		same(update(map[string]any{"connect_partner_name": "Acme", "organization_id": nil}))
		want.Customization = workspace.Customization{LogoShape: "square", PrimaryButtonColor: "#fff"}
		same(update(map[string]any{"connect_webview_customization": map[string]any{"logo_shape": "square", "primary_button_color": "#fff"}}))
		want.Customization.LogoShape, want.Customization.SuccessMessage = "", "Done <3"
		same(update(map[string]any{"connect_webview_customization": map[string]any{"logo_shape": nil, "success_message": "Done <3"}}))
		want.IsPublishableKeyAuthEnabled = false
		same(update(map[string]any{"is_publishable_key_auth_enabled": false}))
		for _, in := range []map[string]any{
			{"name": " "}, {"name": nil}, {"name": strings.Repeat("x", 201)}, {"organization_id": store.NewID()},
			{"name": "Changed", "connect_webview_customization": map[string]any{"primary_button_text_color": "url(x)",
				"primary_button_color": "red"}},
		} {
			w.Refused(apitest.Request{Path: "/workspaces/update", Token: pat, Workspace: ws.ID, Body: in}, 400, "invalid_input")
		}
		same(update(nil))
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		jane, john := w.Person("jane"), w.Person("john")
		ws, other := w.Workspace(jane, "Hotel", true), w.Workspace(jane, "Stays", true)
		w.Join(ws, john, rpc.Member)
		session := w.Session(jane)
		pat, patID := w.PAT(jane)
		key, _ := w.Key(ws, jane)
		wsKey, _ := w.WorkspaceKey(jane, patID, ws)
		otherKey, _ := w.Key(other, jane)
		for _, x := range []workspace.Workspace{ws, other} {
			w.Connect(x, "august")
			w.Call(apitest.Request{Path: "/devices/update", Token: pat, Workspace: x.ID,
				Body: map[string]any{"device_id": firstDevice(t, w, x), "custom_metadata": map[string]any{"k": "v"}}}, nil)
			_, err := w.Workspaces.ResetSandbox(ctx, x.ID, apitest.By)
			w.Must(err)
			_, err = w.Members.Invite(ctx, x.ID, "mary@example.com", rpc.Member, rpc.Owner, apitest.By)
			w.Must(err)
		}
		w.Must(w.Simulate.Fill(ctx, ws.ID, true, 1100, nil)) // more than one commit of the purge
		const path = "/keyway/v1/workspaces/delete"
		for _, in := range []map[string]any{{"name": "hotel"}, {"name": ""}, {}} {
			w.Refused(apitest.Request{Path: path, Token: session, Workspace: ws.ID, Body: in}, 400, "invalid_input")
		}
		w.Refused(apitest.Request{Path: path, Token: session, Workspace: ws.ID, Body: map[string]any{"name": "Hotel", "workspace_id": other.ID}},
			404, "workspace_not_found")
		w.Refused(apitest.Request{Path: path, Token: pat, Workspace: ws.ID, Body: map[string]any{"name": "Hotel"}}, 401, "unauthorized")
		w.Call(apitest.Request{Path: path, Token: session, Workspace: ws.ID, Body: map[string]any{"name": "Hotel"}}, nil)

		// At once, before any job has run.
		for name, r := range map[string]apitest.Request{"PAT": {Token: pat, Workspace: ws.ID}, "session": {Token: session, Workspace: ws.ID},
			"key": {Token: key}, "workspace key": {Token: wsKey}} {
			r.Path = "/devices/list"
			if a := w.Do(r); a.Status != 401 {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
		w.Call(apitest.Request{Path: "/devices/list", Token: pat, Workspace: other.ID}, nil)
		w.Call(apitest.Request{Path: "/devices/list", Token: otherKey}, nil)
		if err := w.Workspaces.Delete(ctx, ws.ID, "Hotel", apitest.By); !fault.Is(err, fault.WorkspaceNotFound) {
			t.Errorf("deleted again: %v", err)
		}

		left := func(id string) map[string]int {
			out := map[string]int{}
			for _, table := range []string{"devices", "connected_accounts", "metadata", "events", "action_attempts", "credentials", "links",
				"memberships", "workspaces", "jobs"} {
				var n int
				w.Must(w.DB.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM %s WHERE workspace_id = $1`, table), id).Scan(&n))
				if n > 0 {
					out[table] = n
				}
			}
			return out
		}
		before := left(other.ID)
		if before["devices"] == 0 || before["metadata"] == 0 || before["links"] == 0 {
			t.Fatalf("too little to compare: %v", before)
		}
		began := time.Now()
		w.RunJobs()
		for end := time.Now().Add(time.Minute); len(left(ws.ID)) > 0 && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		t.Logf("purged in %s", time.Since(began))
		if l := left(ws.ID); len(l) > 0 {
			t.Errorf("never purged: %v\n%s", l, w.Log)
		}
		after := left(other.ID)
		if after["events"] < before["events"] {
			t.Errorf("the other workspace has lost events: %v, before %v", after, before)
		}
		for _, m := range []map[string]int{before, after} {
			delete(m, "jobs") // the reset has run
			delete(m, "metadata")
			delete(m, "events") // its locks were visited
		}
		if !maps.Equal(before, after) {
			t.Errorf("the other workspace: %v, before %v", after, before)
		}
		var audited int
		w.Must(w.DB.QueryRow(ctx, `SELECT count(*) FROM audit_entries WHERE workspace_id = $1`, ws.ID).Scan(&audited))
		if audited == 0 {
			t.Error("the audit log went with the workspace")
		}
	})
}

func firstDevice(t *testing.T, w *apitest.World, ws workspace.Workspace) (id string) {
	t.Helper()
	w.Must(w.DB.QueryRow(t.Context(), `SELECT min(device_id) FROM devices WHERE workspace_id = $1`, ws.ID).Scan(&id))
	return id
}

func TestListIsOnesOwn(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane, john := w.Person("jane"), w.Person("john")
		a, b := w.Workspace(jane, "A", true), w.Workspace(john, "B", false)
		w.Workspace(john, "C", false)
		w.Join(b, jane, rpc.Member)
		pat, _ := w.PAT(jane)
		var out answer
		w.Call(apitest.Request{Path: "/workspaces/list", Token: pat}, &out)
		var ids []string
		for _, ws := range out.Workspaces {
			ids = append(ids, ws.ID)
		}
		if !slices.Equal(ids, []string{a.ID, b.ID}) {
			t.Errorf("%v", ids)
		}
		lonely, _ := w.PAT(w.Person("lonely"))
		if r := w.Do(apitest.Request{Path: "/workspaces/list", Token: lonely}); r.Body != `{"workspaces":[],"ok":true}` {
			t.Error(r.Body)
		}
		if err := w.Workspaces.Update(t.Context(), store.NewID(), workspace.Change{}, apitest.By); !fault.Is(err, fault.WorkspaceNotFound) {
			t.Error(err)
		}
	})
}
