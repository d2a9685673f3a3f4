package conformance

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"
)

// Every answer of every endpoint that the contract describes and Keyway has, through each verb,
// for every brand of device. The recorder compares; this test only has to ask.
func TestAnswersMatchTheContract(t *testing.T) {
	t.Parallel()
	w := start(t)
	// The filled workspace contains devices of every brand and kind.
	w.fill(t, 200)
	recorder := w.http.Transport.(*recorder)
	both := func(workspaceID, path string, parameters fields) answer {
		t.Helper()
		query := url.Values{}
		for name, value := range parameters {
			if s, isText := value.(string); isText {
				query.Set(name, s)
			}
		}
		header := http.Header{"Authorization": {"Bearer " + w.PAT}, "Seam-Workspace": {workspaceID}}
		got := w.send(t, http.MethodGet, path+"?"+query.Encode(), header, "")
		if got.status != http.StatusOK {
			t.Errorf("GET %s: %v", path, got)
		}
		return w.ok(t, w.PAT, workspaceID, path, parameters)
	}
	w.ok(t, w.PAT, "", "/workspaces/list", nil)
	both(w.Hill.WorkspaceID, "/workspaces/list", nil)
	both(w.Hill.WorkspaceID, "/workspaces/get", nil)
	made := w.ok(t, w.PAT, "", "/workspaces/create", fields{
		"name": "Quay", "company_name": "Quay and Sons", "is_sandbox": true,
		"connect_webview_customization": fields{"logo_shape": "circle", "primary_button_color": "#102030"},
	}).object(t, "workspace")
	quay := text(t, made, "workspace_id")
	w.ok(t, w.PAT, quay, "/workspaces/update", fields{"name": "Old quay", "is_publishable_key_auth_enabled": true})
	if got := both(quay, "/workspaces/get", nil).object(t, "workspace"); got["name"] != "Old quay" ||
		got["company_name"] != "Quay and Sons" || got["is_publishable_key_auth_enabled"] != true {
		t.Errorf("the updated workspace is %v", got)
	}

	var brands []string
	for _, provider := range both(quay, "/devices/list_device_providers", nil).objects(t, "device_providers") {
		brands = append(brands, text(t, provider, "device_provider_name"))
	}
	for _, brand := range []string{"august", "yale", "schlage", "kwikset", "nuki", "ttlock", "igloohome", "salto_ks",
		"ecobee", "nest", "honeywell_resideo", "minut", "noiseaware"} {
		if !slices.Contains(brands, brand) {
			t.Errorf("/devices/list_device_providers lacks %s", brand)
		}
	}
	types := map[string]bool{}
	for _, brand := range brands {
		w.connect(t, quay, brand)
	}
	for _, id := range []string{quay, w.Many} {
		for _, d := range both(id, "/devices/list", nil).objects(t, "devices") {
			if kind := text(t, d, "device_type"); !types[kind] {
				types[kind] = true
				both(id, "/devices/get", fields{"device_id": d["device_id"]})
			}
		}
	}
	if len(types) < len(brands)/2 {
		t.Errorf("%d brands gave only %d types of device", len(brands), len(types))
	}
	first := both(quay, "/devices/list", nil).objects(t, "devices")[0]
	w.ok(t, w.PAT, quay, "/devices/update", fields{"device_id": first["device_id"], "name": "Door",
		"custom_metadata": fields{"floor": "1", "open": true}})
	both(quay, "/devices/get", fields{"device_id": first["device_id"]})
	both(quay, "/devices/list_device_providers", fields{"provider_category": "stable"})

	accounts := both(quay, "/connected_accounts/list", nil).objects(t, "connected_accounts")
	if len(accounts) != len(brands) {
		t.Errorf("%d logins gave %d accounts", len(brands), len(accounts))
	}
	both(quay, "/connected_accounts/get", fields{"connected_account_id": accounts[0]["connected_account_id"]})

	attempt := w.ok(t, w.PAT, quay, "/workspaces/reset_sandbox", nil).object(t, "action_attempt")
	id := text(t, attempt, "action_attempt_id")
	deadline := time.Now().Add(time.Minute)
	for attempt["status"] == "pending" && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
		attempt = both(quay, "/action_attempts/get", fields{"action_attempt_id": id}).object(t, "action_attempt")
	}
	if attempt["status"] != "success" {
		t.Errorf("the reset ended as %v", attempt)
	}
	both(quay, "/action_attempts/get", fields{"action_attempt_id": id})
	w.ok(t, w.PAT, quay, "/action_attempts/list", fields{"action_attempt_ids": []string{id}})

	events := both(w.Harbour.WorkspaceID, "/events/list", fields{"since": "2020-01-01T00:00:00.000Z"}).objects(t, "events")
	if len(events) == 0 {
		t.Error("connecting devices left no event")
	}
	for _, e := range events {
		both(w.Harbour.WorkspaceID, "/events/get", fields{"event_id": e["event_id"]})
	}

	both(w.Harbour.WorkspaceID, "/workspaces/find_anything", fields{"search": "august"})
	recorder.sawAll(t, "/workspaces/", "/action_attempts/", "/events/")
}
