package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// The published page's own example, word for word but for the address and the secrets.
func TestCurl(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, ws := range []workspace{w.Harbour, w.Hill} {
		out, err := exec.Command("curl", "--silent", "--show-error", "--fail", "-X", "POST",
			w.URL+"/devices/list",
			"-H", "Authorization: Bearer "+w.PAT,
			"-H", "seam-workspace: "+ws.WorkspaceID,
			"-H", "Content-Type: application/json",
			"-d", "{}").CombinedOutput()
		if err != nil {
			t.Fatalf("curl: %v\n%s", err, out)
		}
		var got struct {
			OK      bool
			Devices []struct {
				DeviceID    string `json:"device_id"`
				DeviceType  string `json:"device_type"`
				WorkspaceID string `json:"workspace_id"`
				Properties  struct{ Name string }
			}
		}
		if err := json.Unmarshal(out, &got); err != nil || !got.OK {
			t.Fatalf("curl got no devices (%v): %s", err, short(string(out)))
		}
		var devices []device
		for _, d := range got.Devices {
			if d.WorkspaceID != ws.WorkspaceID {
				t.Errorf("%s: a device of workspace %s", ws.Name, d.WorkspaceID)
			}
			devices = append(devices, device{d.DeviceID, d.DeviceType, d.Properties.Name})
		}
		if !slices.Equal(devices, ws.Devices) {
			t.Errorf("%s: curl got %v, want %v", ws.Name, devices, ws.Devices)
		}
	}
}

// The newest JavaScript client, on the Node.js it asks for.
func TestJavaScript(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.fill(t, 120)
	javaScript(t, w, "seam.js")
}

// The legacy JavaScript client, in the form that the published page shows.
func TestJavaScriptLegacy(t *testing.T) {
	t.Parallel()
	javaScript(t, start(t), "seamapi.js")
}

// What an app does with locks, in each client: connect an account, lock and unlock, the life of codes,
// a client session and webhooks, under a personal access token, an API key and a workspace key.
func TestLocksJavaScript(t *testing.T) {
	t.Parallel()
	javaScript(t, startWithKey(t), "locks.js")
}

func TestLocksPython(t *testing.T) {
	t.Parallel()
	startWithKey(t).client(t, "python", filepath.Join(peer(t, "KEYWAY_TEST_PYTHON"), "bin", "python"), "-B", "locks.py")
}

func TestLocksGo(t *testing.T) {
	t.Parallel()
	startWithKey(t).client(t, "go", "go", "test", "-count=1", "-run", "TestLocks", "./...")
}

// startWithKey makes a world with an API key in its first workspace.
func startWithKey(t *testing.T) *world {
	t.Helper()
	w := start(t)
	w.APIKey = text(t, w.command(t, "", "api-key", "create", "--workspace", w.Harbour.WorkspaceID, "--name", "app"), "api_key")
	return w
}

// javaScript runs a test program of the js folder beside the installed packages, where Node.js
// looks for them.
func javaScript(t *testing.T, w *world, program string) {
	t.Helper()
	installed := peer(t, "KEYWAY_TEST_JS")
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(installed, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"package.json", "world.js", program} {
		source, err := os.ReadFile(filepath.Join("js", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), source, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.client(t, dir, nodePath(installed), "--test-reporter=spec", program)
}

// The newest Python client.
func TestPython(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.fill(t, 120)
	w.client(t, "python", filepath.Join(peer(t, "KEYWAY_TEST_PYTHON"), "bin", "python"), "-B", "current.py")
}

// The last Python client that takes a personal access token as api_key, as the published page does.
func TestPythonPublished(t *testing.T) {
	t.Parallel()
	start(t).client(t, "python", filepath.Join(peer(t, "KEYWAY_TEST_PYTHON_PUBLISHED"), "bin", "python"), "-B", "published.py")
}

// The Go client lives in a module of its own, so that this one stays free of it.
func TestGo(t *testing.T) {
	t.Parallel()
	start(t).client(t, "go", "go", "test", "-count=1", "-skip", "TestLocks", "./...")
}
