// Package conformance contains the proof from outside: real, unmodified Seam clients against the
// built binary. It knows the command line and the HTTP interface and nothing behind them, so it
// imports no other package of this module.
package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	ownerEmail    = "owner@example.org"
	ownerPassword = "correct horse battery"
)

// binary is the server under test, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "keyway-conformance-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "keyway")
		// Without cgo, as it is released.
		build := exec.Command("go", "build", "-o", binary, "./cmd/keyway")
		build.Dir = ".."
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build ./cmd/keyway: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// A device as far as a client's answer is compared with it.
type device struct {
	DeviceID   string `json:"device_id"`
	DeviceType string `json:"device_type"`
	Name       string `json:"name"`
}

// A workspace with the devices that are known to be in it.
type workspace struct {
	WorkspaceID string   `json:"workspace_id"`
	Name        string   `json:"name"`
	Devices     []device `json:"devices"`
}

// world is a running server on a fresh folder: a person with two sandbox workspaces of different
// devices and a personal access token (PAT), and a stranger with a workspace of her own. Clients
// in other languages get it as JSON in KEYWAY_WORLD.
type world struct {
	URL          string    `json:"url"`
	UserID       string    `json:"user_id"`
	PAT          string    `json:"personal_access_token"`
	Harbour      workspace `json:"harbour"`
	Hill         workspace `json:"hill"`
	Abroad       string    `json:"abroad_workspace_id"`
	StrangerPAT  string    `json:"stranger_personal_access_token"`
	WorkspaceKey string    `json:"harbour_workspace_key"`
	APIKey       string    `json:"harbour_api_key,omitempty"`
	Many         string    `json:"many_workspace_id,omitempty"`
	Received     *received `json:"received,omitempty"`

	// folder says which data the commands and the server work on.
	folder  []string
	flags   []string // of serve, besides those
	logPath string
	http    *http.Client
	secrets *secrets
}

// start makes a world on SQLite and serves it until the test ends.
func start(t *testing.T) *world {
	t.Helper()
	return startIn(t, "--data", t.TempDir())
}

// startOnPostgres does the same on a new PostgreSQL database.
func startOnPostgres(t *testing.T) *world {
	t.Helper()
	return startIn(t, postgresFolder(t)...)
}

// postgresFolder makes a new PostgreSQL database and says where it is.
func postgresFolder(t *testing.T) []string {
	t.Helper()
	server, err := url.Parse(peer(t, "KEYWAY_TEST_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("conformance_%d_%d", os.Getpid(), databases.Add(1))
	// psql, because a driver would be the server's own.
	if out, err := exec.Command("psql", server.String(), "--quiet", "--command", "CREATE DATABASE "+name).CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	server.Path = "/" + name
	return []string{"--data", t.TempDir(), "--database-url", server.String()}
}

var databases atomic.Int32

func startIn(t *testing.T, folder ...string) *world {
	t.Helper()
	w := &world{folder: folder, secrets: &secrets{}}
	w.begin(t)
	return w
}

// begin fills the world's folder and serves it.
func (w *world) begin(t *testing.T) {
	t.Helper()
	me := w.command(t, ownerPassword, "init", "--email", ownerEmail, "--password-stdin",
		"--workspace", "Harbour", "--sandbox", "--pat", "first")
	w.UserID, w.PAT = text(t, me, "user_id"), text(t, me, "personal_access_token")
	w.Harbour = workspace{WorkspaceID: text(t, me, "workspace_id"), Name: "Harbour"}
	hill := w.command(t, "", "workspace", "create", "--name", "Hill", "--sandbox", "--owner", ownerEmail)
	w.Hill = workspace{WorkspaceID: text(t, hill, "workspace_id"), Name: "Hill"}
	w.command(t, "another horse battery", "user", "add", "--email", "stranger@example.org", "--password-stdin")
	abroad := w.command(t, "", "workspace", "create", "--name", "Abroad", "--sandbox", "--owner", "stranger@example.org")
	w.Abroad = text(t, abroad, "workspace_id")
	w.StrangerPAT = text(t, w.command(t, "", "pat", "create", "--user", "stranger@example.org", "--name", "hers"),
		"personal_access_token")
	w.connect(t, w.Harbour.WorkspaceID, "august")
	w.connect(t, w.Hill.WorkspaceID, "schlage")
	w.connect(t, w.Abroad, "yale")

	w.serve(t)
	recorder := newRecorder(t)
	recorder.secrets = w.secrets
	w.http = &http.Client{Timeout: 30 * time.Second, Transport: recorder}
	w.Harbour.Devices = w.devices(t, w.Harbour.WorkspaceID)
	w.Hill.Devices = w.devices(t, w.Hill.WorkspaceID)
	key := w.ok(t, w.PAT, "", "/keyway/v1/personal_access_tokens/create_workspace_key",
		fields{"workspace_id": w.Harbour.WorkspaceID})
	w.WorkspaceKey = text(t, key.object(t, "workspace_key"), "token")
}

// connect adds the standard sandbox account of a brand.
func (w *world) connect(t *testing.T, workspaceID, provider string) {
	t.Helper()
	w.command(t, "", "sandbox", "connect", "--workspace", workspaceID, "--provider", provider, "--login", "jane")
}

// fill makes a workspace of n devices and remembers it as Many.
func (w *world) fill(t *testing.T, n int) {
	t.Helper()
	many := w.command(t, "", "workspace", "create", "--name", "Many", "--sandbox", "--owner", ownerEmail)
	w.Many = text(t, many, "workspace_id")
	w.command(t, "", "sandbox", "fill", "--workspace", w.Many, "--devices", fmt.Sprint(n))
}

// devices reads a workspace's devices over plain HTTP; what clients return is compared with it.
func (w *world) devices(t *testing.T, workspaceID string) []device {
	t.Helper()
	var devices []device
	for _, d := range w.ok(t, w.PAT, workspaceID, "/devices/list", fields{}).objects(t, "devices") {
		if got := text(t, d, "workspace_id"); got != workspaceID {
			t.Fatalf("/devices/list of workspace %s holds a device of workspace %s", workspaceID, got)
		}
		properties, _ := d["properties"].(map[string]any)
		devices = append(devices, device{text(t, d, "device_id"), text(t, d, "device_type"), text(t, properties, "name")})
	}
	if len(devices) == 0 {
		t.Fatalf("/devices/list of workspace %s is empty", workspaceID)
	}
	return devices
}

// serve starts the server and waits until it answers.
func (w *world) serve(t *testing.T) {
	t.Helper()
	if w.secrets == nil {
		w.secrets = &secrets{}
	}
	var tail string
	// Between finding a free port and using it another process may take it.
	for range 3 {
		port := freePort(t)
		w.URL = "http://127.0.0.1:" + port
		logPath := filepath.Join(t.TempDir(), "server.log")
		log, err := os.Create(logPath)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:" + port, "--public-url", w.URL},
			slices.Concat(w.folder, w.flags)...)...)
		cmd.Env, cmd.Stdout, cmd.Stderr = environment(), log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		exited := make(chan error, 1)
		go func() { exited <- cmd.Wait() }()
		if w.healthy(exited) {
			w.logPath = logPath
			t.Cleanup(func() {
				stop(t, cmd, exited, logPath)
				w.searchSecrets(t, logPath)
			})
			_ = log.Close()
			return
		}
		_ = cmd.Process.Kill()
		_ = log.Close()
		tail = lastLines(logPath)
	}
	t.Fatalf("keyway serve did not start:\n%s", tail)
}

// log is what the server has printed so far.
func (w *world) log(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(w.logPath)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// healthy waits for an answer of /health, or for the server's end.
func (w *world) healthy(exited <-chan error) bool {
	deadline := time.After(time.Minute)
	for {
		select {
		case <-exited:
			return false
		case <-deadline:
			return false
		case <-time.After(10 * time.Millisecond):
		}
		res, err := http.Get(w.URL + "/health")
		if err != nil {
			continue
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	}
}

// stop ends the server as an operator would and shows its log when the test has failed.
func stop(t *testing.T, cmd *exec.Cmd, exited <-chan error, logPath string) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-exited:
		if err != nil {
			t.Errorf("keyway serve after SIGTERM: %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("keyway serve ignores SIGTERM")
		_ = cmd.Process.Kill()
	}
	if t.Failed() {
		t.Logf("end of the server's log:\n%s", lastLines(logPath))
	}
}

// command runs keyway with --json on the world's data and returns its object.
func (w *world) command(t *testing.T, stdin string, args ...string) fields {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args = append(append(args, w.folder...), "--json")
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = environment()
	if stdin != "" {
		cmd.Stdin = strings.NewReader(stdin + "\n")
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("keyway %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	var object fields
	if err := json.Unmarshal(out, &object); err != nil {
		t.Fatalf("keyway %s printed no JSON object: %v\n%s", strings.Join(args, " "), err, out)
	}
	w.secrets.listen(out)
	return object
}

// fields is a JSON object.
type fields = map[string]any

// answer is what came back for a request.
type answer struct {
	status int
	header http.Header
	body   fields
	raw    string
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, short(a.raw)) }

// object returns the object under a key.
func (a answer) object(t *testing.T, key string) fields {
	t.Helper()
	object, ok := a.body[key].(fields)
	if !ok {
		t.Fatalf("no object %q in %v", key, a)
	}
	return object
}

// objects returns the list of objects under a key.
func (a answer) objects(t *testing.T, key string) []fields {
	t.Helper()
	list, ok := a.body[key].([]any)
	if !ok {
		t.Fatalf("no list %q in %v", key, a)
	}
	objects := make([]fields, len(list))
	for i, item := range list {
		if objects[i], ok = item.(fields); !ok {
			t.Fatalf("%s[%d] is no object in %v", key, i, a)
		}
	}
	return objects
}

// errorType returns the type in the error envelope.
func (a answer) errorType() string {
	e, _ := a.body["error"].(fields)
	s, _ := e["type"].(string)
	return s
}

// reason returns why a good token was refused.
func (a answer) reason() string {
	e, _ := a.body["error"].(fields)
	data, _ := e["data"].(fields)
	s, _ := data["reason"].(string)
	return s
}

// call posts JSON as the API's reference shows it. An empty token or workspace is left out.
func (w *world) call(t *testing.T, token, workspaceID, path string, body any) answer {
	t.Helper()
	header := http.Header{"Content-Type": {"application/json"}}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	if workspaceID != "" {
		header.Set("Seam-Workspace", workspaceID)
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return w.send(t, http.MethodPost, path, header, string(encoded))
}

// send puts exactly this request on the wire.
func (w *world) send(t *testing.T, method, path string, header http.Header, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		req.Body = http.NoBody
	}
	req.Header = header
	res, err := w.http.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	a := answer{status: res.StatusCode, header: res.Header, raw: string(raw)}
	if err := json.Unmarshal(raw, &a.body); err != nil && strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		t.Errorf("%s %s: %v: %s", method, path, err, short(a.raw))
	}
	return a
}

// ok is call for requests that must succeed.
func (w *world) ok(t *testing.T, token, workspaceID, path string, body any) answer {
	t.Helper()
	a := w.call(t, token, workspaceID, path, body)
	if a.status != http.StatusOK || a.body["ok"] != true {
		t.Fatalf("%s: %v", path, a)
	}
	return a
}

// refused is call for requests that must fail in a certain way.
func (w *world) refused(t *testing.T, status int, errorType, token, workspaceID, path string, body any) {
	t.Helper()
	a := w.call(t, token, workspaceID, path, body)
	if a.status != status || a.errorType() != errorType {
		t.Errorf("%s: got %v, want %d %s", path, a, status, errorType)
	}
}

// client runs a real client's own test program with the world in its environment and fails with
// everything it printed.
func (w *world) client(t *testing.T, dir string, name string, args ...string) {
	t.Helper()
	described, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(environment(), "KEYWAY_WORLD="+string(described))
	// A client that leaves children behind must not block the test.
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
}

// environment is this process's, without anything that steers Keyway or a Seam client.
func environment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "KEYWAY_") && !strings.HasPrefix(e, "SEAM_") {
			env = append(env, e)
		}
	}
	return env
}

// peer returns the path that scripts/with-peers put into a variable.
func peer(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: run the tests by `make test`, or by scripts/with-postgres scripts/with-peers go test ./conformance", variable)
	}
	return path
}

// text returns a string that must be in an object.
func text(t *testing.T, object fields, key string) string {
	t.Helper()
	s, ok := object[key].(string)
	if !ok || s == "" {
		t.Fatalf("no text %q in %v", key, object)
	}
	return s
}

// taken contains the ports handed out, because a parallel test's server may not listen on its yet.
var taken sync.Map

func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, err := net.SplitHostPort(l.Addr().String())
		_ = l.Close()
		if err != nil {
			t.Fatal(err)
		}
		if _, again := taken.LoadOrStore(port, true); !again {
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

// lastLines returns the end of a server's log, without the requests that went well.
func lastLines(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := slices.DeleteFunc(strings.Split(string(b), "\n"), func(line string) bool {
		return strings.Contains(line, `"status":2`)
	})
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// short keeps a failure message readable.
func short(s string) string {
	if len(s) > 600 {
		return s[:600] + "…"
	}
	return s
}
