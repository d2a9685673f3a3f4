package accesscode_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/api/accesscode"
	"keyway/internal/api/account"
	"keyway/internal/api/action"
	"keyway/internal/api/device"
	"keyway/internal/api/event"
	"keyway/internal/api/lock"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/clock"
	"keyway/internal/platform/job"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/provider"
	"keyway/internal/provider/sandbox"
	"keyway/internal/provider/sandbox/memory"
	"keyway/internal/simulate"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
	"keyway/internal/wiring/apitest"
)

// world is the rooms around access codes over one database, behind the real router.
type world struct {
	t        failer
	db       *store.DB
	vault    *vault.Vault
	virtual  *sandbox.Driver
	devices  *device.Devices
	accounts *account.Accounts
	codes    *accesscode.Codes
	jobs     *job.Runner
	log      *event.Log
	server   *rpc.Server
	now      time.Time
	mu       sync.Mutex
	memory   *crashing
}

// failer is what testing and rapid have in common.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// crashing is a memory that can have its process die right after a virtual lock has changed.
type crashing struct {
	memory.Memory
	in int // so many changes from now; 0: never
	// before is called before the next change: while a lock is being asked.
	before func()
	fail   error // changes end in it, and change nothing
}

func (c *crashing) Change(ctx context.Context, r provider.Ref, fn func([]byte) ([]byte, error)) error {
	if before := c.before; before != nil {
		c.before = nil
		before()
	}
	if err := c.fail; err != nil {
		return err
	}
	err := c.Memory.Change(ctx, r, fn)
	if c.in > 0 {
		if c.in--; c.in == 0 {
			panic("the process dies")
		}
	}
	return err
}

// caller is who a request acts for; its zero value is an API key of the first workspace.
type caller struct {
	workspace string
	reach     *credential.Reach
}

type callerKey struct{}

// allow takes the caller from the context: who is allowed what is proved elsewhere.
type allow struct{}

func (allow) Authenticate(ctx context.Context, r *http.Request, _ *rpc.Endpoint) (context.Context, rpc.Caller, error) {
	c := r.Context().Value(callerKey{}).(caller)
	p := credential.Principal{Kind: rpc.APIKey, CredentialID: "key", WorkspaceID: c.workspace, Role: rpc.Admin, IsSandbox: true,
		Reach: c.reach}
	return credential.With(ctx, p), rpc.Caller{WorkspaceID: c.workspace}, nil
}

const ws = "workspace-1"

func setup(t testing.TB, db *store.DB) *world {
	t.Helper()
	v, err := vault.Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, vault: v, now: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)}
	w.start()
	for _, id := range []string{ws, "workspace-2"} {
		doc := `{"workspace_id":"` + id + `","name":"Test","is_sandbox":true}`
		w.must(db.Update(context.Background(), func(tx *store.Tx) error {
			return grant.Workspaces.Insert(context.Background(), tx, signed.Set{"workspace_id": id, "name": "Test", "is_sandbox": true,
				"is_suspended": false, "publishable_key": id, "doc": doc, "created_at": 0})
		}, store.Instance))
	}
	return w
}

// start makes the rooms; again, it is what a restart does.
func (w *world) start() {
	now := func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.now
	}
	log := slog.New(slog.DiscardHandler)
	ck := clock.Clock{Real: now}
	w.memory = &crashing{Memory: memory.Memory{DB: w.db, Vault: w.vault}}
	w.virtual = sandbox.New(w.memory, now)
	events := &event.Log{DB: w.db, Vault: w.vault, Now: now}
	attempts := &action.Attempts{DB: w.db, Vault: w.vault, Now: now}
	w.jobs = job.NewRunner(w.db, log, now)
	registry := provider.NewRegistry(w.virtual)
	w.devices = &device.Devices{DB: w.db, Events: events, Providers: registry, Jobs: w.jobs, Clock: ck, Now: now}
	w.accounts = &account.Accounts{DB: w.db, Vault: w.vault, Events: events, Devices: w.devices, Providers: registry, Log: log, Now: now}
	w.devices.Sessions = w.accounts
	w.devices.RegisterJobs()
	w.codes = &accesscode.Codes{DB: w.db, Vault: w.vault, Devices: w.devices, Attempts: attempts, Jobs: w.jobs, Events: events, Clock: ck,
		Log: log}
	w.codes.RegisterJobs()
	w.log = events
	locks := &lock.Locks{DB: w.db, Devices: w.devices, Attempts: attempts, Jobs: w.jobs, Events: events, Clock: ck, Codes: w.codes, Log: log}
	locks.RegisterJobs()
	spaces := &workspace.Workspaces{DB: w.db, Attempts: attempts, Jobs: w.jobs, Audit: &audit.Log{DB: w.db, Vault: w.vault, Now: now},
		Now: now}
	hand := &simulate.Simulator{DB: w.db, Virtual: w.virtual, Memory: &w.memory.Memory, Devices: w.devices, Accounts: w.accounts,
		Codes: w.codes, Locks: locks,
		Workspaces: spaces, Jobs: w.jobs, Audit: spaces.Audit, Clock: ck, Now: now}
	w.devices.Subscribers = []device.Subscriber{w.codes, hand}
	server, err := rpc.New(rpc.Config{Authenticator: allow{}, Log: log, Metrics: prometheus.NewRegistry(), PublicURL: "http://test",
		Client: func(*http.Request) string {
			return ""
		}},
		w.codes.Endpoints(), locks.Endpoints(), spaces.Endpoints(), events.Endpoints(), w.devices.Endpoints(), attempts.Endpoints(),
		hand.Endpoints())
	w.must(err)
	w.server = server
	documented.Do(func() { document = apitest.NewDocument(server) })
}

// document is what every server that start makes says of itself.
var (
	document   *apitest.Document
	documented sync.Once
)

// pinOf is a PIN as it is written onto a lock.
func pinOf(digits string) *string { return &digits }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// object is a decoded JSON object.
type object map[string]any

func (o object) str(name string) string { s, _ := o[name].(string); return s }
func (o object) obj(name string) object { m, _ := o[name].(map[string]any); return m }
func (o object) list(name string) (out []object) {
	l, _ := o[name].([]any)
	for _, e := range l {
		out = append(out, e.(map[string]any))
	}
	return out
}

func (w *world) request(c caller, path string, in object) (int, object) {
	w.t.Helper()
	if c.workspace == "" {
		c.workspace = ws
	}
	body, err := json.Marshal(in)
	w.must(err)
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body)).WithContext(context.WithValue(context.Background(), callerKey{}, c))
	rec := httptest.NewRecorder()
	w.server.ServeHTTP(rec, r)
	var out object
	w.must(json.Unmarshal(rec.Body.Bytes(), &out))
	w.must(document.Check(path, rec.Code, rec.Body.Bytes()))
	return rec.Code, out
}

// call is a request that must succeed.
func (w *world) call(path string, in object) object {
	w.t.Helper()
	status, out := w.request(caller{}, path, in)
	if status != 200 {
		w.t.Fatalf("%s: %d %v", path, status, out)
	}
	return out
}

// refused is a request that must fail with the type of error.
func (w *world) refused(path string, in object, kind string) object {
	w.t.Helper()
	status, out := w.request(caller{}, path, in)
	if status == 200 || out.obj("error").str("type") != kind {
		w.t.Fatalf("%s: %d %v, want %s", path, status, out, kind)
	}
	return out
}

// advance moves the clock of the workspace.
func (w *world) advance(d time.Duration) {
	w.t.Helper()
	w.call("/keyway/v1/sandbox/advance_time", object{"seconds": d.Seconds()})
}

// settle lets everything that is due happen.
func (w *world) settle() { w.t.Helper(); w.advance(0) }

// connect signs in to a brand and gives its first lock, which is always well.
func (w *world) connect(brand string) string { return w.connectIn(ws, brand, "john") }

func (w *world) connectIn(workspaceID, brand, login string) string {
	w.t.Helper()
	answers, err := w.virtual.StandardAnswers(brand, login)
	w.must(err)
	acc, err := w.accounts.Connect(context.Background(), workspaceID, true, brand, answers, account.Terms{})
	w.must(err)
	var id string
	w.must(w.db.QueryRow(context.Background(),
		`SELECT device_id FROM devices WHERE workspace_id = $1 AND connected_account_id = $2 ORDER BY created_at, device_id LIMIT 1`,
		workspaceID, acc.ID).Scan(&id))
	return id
}

// use has another driver open the sessions with accounts from now on.
func (w *world) use(d provider.Driver) {
	registry := provider.NewRegistry(d)
	sessions := &account.Accounts{DB: w.db, Vault: w.vault, Events: w.log, Devices: w.devices, Providers: registry, Log: w.accounts.Log,
		Now: w.accounts.Now}
	w.devices.Providers, w.devices.Sessions = registry, sessions
}

func (w *world) ref(deviceID string) provider.Ref {
	w.t.Helper()
	r, err := w.devices.Reach(context.Background(), w.db, ws, deviceID)
	w.must(err)
	return r.Ref
}

// onLock is what the virtual lock contains.
func (w *world) onLock(deviceID string) map[string]provider.Code {
	w.t.Helper()
	codes, err := w.virtual.CodesOn(context.Background(), w.ref(deviceID))
	w.must(err)
	out := map[string]provider.Code{}
	for _, c := range codes {
		out[*c.PIN] = c
	}
	return out
}

func (w *world) get(id string) object {
	w.t.Helper()
	return w.call("/access_codes/get", object{"access_code_id": id}).obj("access_code")
}

// events are the types of the events of a code in order, with those that it ignores left out.
func (w *world) events(id string) []string {
	w.t.Helper()
	var out []string
	for _, e := range w.call("/access_codes/get_timeline", object{"access_code_id": id, "limit": 200}).list("timeline_events") {
		out = append(out, e.str("event_type")[len("access_code."):])
	}
	return out
}

func (w *world) wantStatus(id, status string) {
	w.t.Helper()
	if c := w.get(id); c.str("status") != status {
		w.t.Fatalf("status %s, want %s: %v", c.str("status"), status, c)
	}
}

func (w *world) wantEvents(id string, want ...string) {
	w.t.Helper()
	if got := w.events(id); fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Fatalf("events\n got %v\nwant %v", got, want)
	}
}
