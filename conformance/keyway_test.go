package conformance

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"
)

// The life of a personal access token over Keyway's own endpoints, with a console session.
func TestTokensOverHTTP(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, tokensOverHTTP)
}

func tokensOverHTTP(t *testing.T, w *world) {
	session := w.signIn(t)

	made := w.ok(t, session, "", "/keyway/v1/personal_access_tokens/create", fields{"name": "deploy"}).
		object(t, "personal_access_token")
	token, id := text(t, made, "token"), text(t, made, "personal_access_token_id")
	if !regexp.MustCompile(`^seam_at1[1-9A-HJ-NP-Za-km-z]{8}_[1-9A-HJ-NP-Za-km-z]{36}$`).MatchString(token) {
		t.Errorf("a token of another form: %q", token[:14])
	}
	if made["name"] != "deploy" || made["user_id"] != w.UserID || made["expires_at"] == nil {
		t.Errorf("the new token is %v", made)
	}
	if got := w.ok(t, token, w.Hill.WorkspaceID, "/devices/list", nil).objects(t, "devices"); len(got) != len(w.Hill.Devices) {
		t.Errorf("the new token lists %d devices, want %d", len(got), len(w.Hill.Devices))
	}
	names := map[any]bool{}
	for _, object := range w.ok(t, session, "", "/keyway/v1/personal_access_tokens/list", nil).objects(t, "personal_access_tokens") {
		names[object["name"]] = true
		if _, shown := object["token"]; shown {
			t.Error("the list shows a secret")
		}
	}
	if !names["first"] || !names["deploy"] {
		t.Errorf("the list holds %v", names)
	}
	for _, workspaceID := range []string{"", w.Hill.WorkspaceID, w.Abroad} {
		current := w.ok(t, token, workspaceID, "/keyway/v1/personal_access_tokens/get_current", nil).object(t, "personal_access_token")
		if _, shown := current["token"]; shown || current["personal_access_token_id"] != id {
			t.Errorf("get_current with workspace %q: %v", workspaceID, current)
		}
	}
	if user := w.ok(t, token, "", "/keyway/v1/users/get_current", nil).object(t, "user"); user["user_id"] != w.UserID {
		t.Errorf("users/get_current is %v", user)
	}

	key := text(t, w.ok(t, token, "", "/keyway/v1/personal_access_tokens/create_workspace_key",
		fields{"workspace_id": w.Hill.WorkspaceID}).object(t, "workspace_key"), "token")
	w.ok(t, key, "", "/devices/list", nil)
	w.refused(t, http.StatusUnauthorized, "unauthorized", token, w.Abroad, "/devices/list", nil)

	// Without an id a token revokes itself, and its workspace keys die with it.
	w.ok(t, token, "", "/keyway/v1/personal_access_tokens/revoke", nil)
	for _, dead := range []string{token, key} {
		w.refused(t, http.StatusUnauthorized, "unauthorized", dead, "", "/devices/list", nil)
	}
	w.refused(t, http.StatusUnauthorized, "unauthorized", token, w.Hill.WorkspaceID, "/devices/list", nil)
	w.ok(t, w.PAT, w.Hill.WorkspaceID, "/devices/list", nil)
}

// What no one may learn or do without the right credential.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := start(t)
	wrong := w.PAT[:len(w.PAT)-1] + map[bool]string{true: "2", false: "1"}[w.PAT[len(w.PAT)-1] == '1']
	bodies := map[string]string{}
	for _, c := range []struct{ name, token, workspace string }{
		{"no credential", "", w.Harbour.WorkspaceID},
		{"not a token", "hello", w.Harbour.WorkspaceID},
		{"a typing error", wrong, w.Harbour.WorkspaceID},
		{"an unknown workspace", w.PAT, "00000000-0000-4000-8000-000000000000"},
		{"a workspace id of another form", w.PAT, "nonsense"},
		{"somebody else's workspace", w.PAT, w.Abroad},
		{"a stranger", w.StrangerPAT, w.Harbour.WorkspaceID},
	} {
		for _, path := range []string{"/devices/list", "/workspaces/get", "/events/list"} {
			a := w.call(t, c.token, c.workspace, path, fields{})
			if a.status != http.StatusUnauthorized || a.errorType() != "unauthorized" {
				t.Errorf("%s at %s: %v", c.name, path, a)
			}
		}
		// A wrong id of a workspace and the right id of a foreign one must look alike.
		if c.token == w.PAT {
			bodies[w.call(t, c.token, c.workspace, "/devices/list", fields{}).raw] = c.name
		}
	}
	if len(bodies) != 1 {
		t.Errorf("the answers tell whether a workspace exists: %v", bodies)
	}
	w.refused(t, http.StatusUnauthorized, "unauthorized", "", "", "/keyway/v1/users/get_current", fields{})
	a := w.call(t, "", "", "/keyway/v1/console_sessions/create", fields{"email": ownerEmail, "password": "wrong horse"})
	if a.status != http.StatusUnauthorized {
		t.Errorf("signing in with a wrong password: %v", a)
	}
}

// The story of an agency: one token, a workspace a customer, and a customer who leaves.
func TestPerCustomerWorkspaces(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, perCustomerWorkspaces)
}

func perCustomerWorkspaces(t *testing.T, w *world) {
	const customers = 20
	brands := []string{"august", "schlage", "yale", "nuki", "ttlock"}
	byID := map[string]string{}
	var ids []string
	for i := range customers {
		name := fmt.Sprintf("Customer %02d", i+1)
		made := w.ok(t, w.PAT, "", "/workspaces/create", fields{"name": name, "company_name": name, "is_sandbox": true}).object(t, "workspace")
		if made["name"] != name || made["is_sandbox"] != true {
			t.Errorf("made %v, want %s", made, name)
		}
		id := text(t, made, "workspace_id")
		w.connect(t, id, brands[i%len(brands)])
		ids, byID[id] = append(ids, id), name
	}
	listed := map[string]string{}
	for _, ws := range w.ok(t, w.PAT, "", "/workspaces/list", fields{}).objects(t, "workspaces") {
		listed[text(t, ws, "workspace_id")] = text(t, ws, "name")
	}
	for id, name := range byID {
		if listed[id] != name {
			t.Errorf("/workspaces/list has %q for %s", listed[id], name)
		}
	}
	if len(listed) != customers+2 {
		t.Errorf("/workspaces/list has %d workspaces, want %d", len(listed), customers+2)
	}
	seen := map[string]string{}
	for _, id := range ids {
		for _, d := range w.devices(t, id) {
			if other, twice := seen[d.DeviceID]; twice {
				t.Errorf("%s and %s share device %s", byID[id], byID[other], d.DeviceID)
			}
			seen[d.DeviceID] = id
		}
	}
	if _, shared := w.ok(t, w.StrangerPAT, "", "/workspaces/list", fields{}).body["workspaces"].([]any); !shared {
		t.Error("the stranger gets no list")
	}
	w.refused(t, http.StatusUnauthorized, "unauthorized", w.StrangerPAT, ids[0], "/devices/list", fields{})

	// A customer leaves: the name is typed to confirm.
	gone, session := ids[7], w.signIn(t)
	key := text(t, w.ok(t, w.PAT, "", "/keyway/v1/personal_access_tokens/create_workspace_key",
		fields{"workspace_id": gone}).object(t, "workspace_key"), "token")
	w.ok(t, key, "", "/devices/list", fields{})
	if a := w.call(t, session, gone, "/keyway/v1/workspaces/delete",
		fields{"workspace_id": gone, "name": "Customer 09"}); a.status != http.StatusBadRequest {
		t.Errorf("deleting with another name: %v", a)
	}
	w.ok(t, session, gone, "/keyway/v1/workspaces/delete", fields{"workspace_id": gone, "name": byID[gone]})
	w.refused(t, http.StatusUnauthorized, "unauthorized", w.PAT, gone, "/devices/list", fields{})
	w.refused(t, http.StatusUnauthorized, "unauthorized", key, "", "/devices/list", fields{})
	for _, ws := range w.ok(t, w.PAT, "", "/workspaces/list", fields{}).objects(t, "workspaces") {
		if ws["workspace_id"] == gone {
			t.Error("the departed customer's workspace is still listed")
		}
	}
	for _, id := range ids {
		if id != gone {
			w.devices(t, id)
		}
	}
}

// Several servers on one PostgreSQL: what one of them takes away, the others refuse at once.
func TestTwoServersOnOnePostgreSQL(t *testing.T) {
	t.Parallel()
	one := startOnPostgres(t)
	other := *one
	other.serve(t)
	session := one.signIn(t)
	for round := range 20 {
		made := one.ok(t, session, "", "/keyway/v1/personal_access_tokens/create",
			fields{"name": fmt.Sprint("round ", round)}).object(t, "personal_access_token")
		token := text(t, made, "token")
		// Used on both, so that both have it in whatever cache they keep.
		for _, w := range []*world{one, &other} {
			w.ok(t, token, w.Harbour.WorkspaceID, "/devices/list", fields{})
		}
		one.ok(t, token, "", "/keyway/v1/personal_access_tokens/revoke", fields{})
		other.refused(t, http.StatusUnauthorized, "unauthorized", token, other.Harbour.WorkspaceID, "/devices/list", fields{})

		name := fmt.Sprint("Gate ", round)
		one.ok(t, one.PAT, one.Harbour.WorkspaceID, "/devices/update",
			fields{"device_id": one.Harbour.Devices[0].DeviceID, "name": name})
		device := other.ok(t, one.PAT, one.Harbour.WorkspaceID, "/devices/get",
			fields{"device_id": one.Harbour.Devices[0].DeviceID}).object(t, "device")
		if got := device["properties"].(fields)["name"]; got != name {
			t.Errorf("one server wrote %q, the other then reads %q", name, got)
		}
	}
}

// onBothDatabases runs a test on SQLite and on PostgreSQL.
func onBothDatabases(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, start(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, startOnPostgres(t))
	})
}

// signIn opens a console session as the owner.
func (w *world) signIn(t *testing.T) string {
	t.Helper()
	session := w.ok(t, "", "", "/keyway/v1/console_sessions/create",
		fields{"email": ownerEmail, "password": ownerPassword}).object(t, "console_session")
	expires, err := time.Parse(time.RFC3339, text(t, session, "expires_at"))
	if left := time.Until(expires); err != nil || left < 50*time.Minute || left > 70*time.Minute {
		t.Errorf("a console session that ends in %v (%v), want an hour", left, err)
	}
	token := text(t, session, "token")
	if token[:2] != "ey" {
		t.Errorf("a console session that is no JWT: %q", token[:2])
	}
	return token
}
