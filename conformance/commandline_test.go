package conformance

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The command line of the published SDK, as it is installed, reads the server's own OpenAPI document in place of the published
// one: it knows every endpoint of it as a command, and a person signs in, chooses a workspace, and works with devices and codes.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	w := start(t)
	installed, home := peer(t, "KEYWAY_TEST_JS"), t.TempDir()
	seam := func(args ...string) answer {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), nodePath(installed), append([]string{
			filepath.Join(installed, "node_modules", "seam", "bin", "seam.js"), "--remote-schema", "--json", "--non-interactive"}, args...)...)
		cmd.Env = append(environment(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home, "XDG_CACHE_HOME="+home,
			"SEAM_CLI_ENDPOINT="+w.URL)
		var said strings.Builder
		cmd.Stderr, cmd.WaitDelay = &said, 5*time.Second
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("seam %s: %v\n%s%s", strings.Join(args, " "), err, out, said.String())
		}
		printed := answer{raw: string(out)}
		if len(out) > 0 {
			if err := json.Unmarshal(out, &printed.body); err != nil {
				t.Fatalf("seam %s prints no JSON: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
		return printed
	}

	seam("login", "--token", w.PAT)
	seam("select", "workspace", w.Harbour.WorkspaceID)
	var ids []string
	for _, d := range seam("devices", "list").objects(t, "devices") {
		ids = append(ids, text(t, d, "device_id"))
	}
	for _, d := range w.Harbour.Devices {
		if !slices.Contains(ids, d.DeviceID) {
			t.Errorf("devices list lacks %s: %v", d.Name, ids)
		}
	}
	lock := w.Harbour.Devices[0].DeviceID
	if d := seam("devices", "get", "--device-id", lock).object(t, "device"); d["device_id"] != lock {
		t.Errorf("devices get gives %v", d)
	}
	attempt := seam("locks", "unlock-door", "--device-id", lock).object(t, "action_attempt")
	if attempt["action_type"] != "UNLOCK_DOOR" {
		t.Errorf("locks unlock-door gives %v", attempt)
	}
	seam("action-attempts", "get", "--action-attempt-id", text(t, attempt, "action_attempt_id"))
	ends := time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339)
	// A PIN with a zero in front is a text, which the document has to say.
	code := seam("access-codes", "create", "--device-id", lock, "--name", "Guest", "--code", "0471",
		"--starts-at", time.Now().UTC().Format(time.RFC3339), "--ends-at", ends).object(t, "access_code")
	if code["code"] != "0471" || code["name"] != "Guest" {
		t.Errorf("access-codes create gives %v", code)
	}
	seam("access-codes", "update", "--access-code-id", text(t, code, "access_code_id"), "--name", "Guests")
	seam("workspaces", "find-anything", "--search", "august")
	if len(seam("events", "list").objects(t, "events")) == 0 {
		t.Error("events list gives none")
	}
	token := seam("keyway", "v1", "personal-access-tokens", "get-current").object(t, "personal_access_token")
	if token["name"] != "first" {
		t.Errorf("personal-access-tokens get-current gives %v", token)
	}
}
