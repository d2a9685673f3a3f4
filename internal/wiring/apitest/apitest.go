// Package apitest provides tests with the whole API over a fresh database: the rooms wired as the program
// wires them, behind a real listener, with a clock that the test sets.
package apitest

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/api/account"
	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
	"keyway/internal/wiring"
)

// World is a running server and the rules behind it.
type World struct {
	*wiring.Rooms
	RPC *rpc.Server
	URL string // of the listener; the public URL is PublicURL

	Document *Document
	Log      *Log
	Metrics  *prometheus.Registry

	t     testing.TB
	clock *clock
}

// PublicURL is where the server says it is.
const PublicURL = "https://keyway.test"

// By is who does what the tests do directly.
var By = audit.Actor{Kind: "command", OSUser: "test"}

// Option changes how a World is wired.
type Option func(*credential.Verifier)

// Each runs a test in a new World on each kind of database.
func Each(t *testing.T, test func(t *testing.T, w *World), options ...Option) {
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(t, New(t, db, options...)) })
}

// New wires a World over a database.
func New(t testing.TB, db *store.DB, options ...Option) *World {
	t.Helper()
	v, err := vault.Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	w := &World{Log: new(Log), Metrics: prometheus.NewRegistry(), t: t, clock: &clock{}}
	log := slog.New(slog.NewJSONHandler(w.Log, nil))
	w.Rooms = wiring.Wire(wiring.Outside{DB: db, Vault: v, Log: log, Now: w.Now, PublicURL: PublicURL})
	verifier := credential.Verifier{DB: db, Vault: v, Sessions: w.People, Usage: w.Usage, Now: w.Now, PublicURL: PublicURL, Watcher: w.Tokens}
	for _, o := range options {
		o(&verifier)
	}
	w.RPC, err = rpc.New(rpc.Config{
		Authenticator: credential.NewVerifier(verifier), Log: log, Metrics: w.Metrics, PublicURL: PublicURL, CacheBytes: 16 << 20,
		Refused:     w.Tokens.Refused,
		Unavailable: store.Unavailable, Track: store.Track,
		Client: func(r *http.Request) string {
			return strings.Trim(r.RemoteAddr[:strings.LastIndexByte(r.RemoteAddr, ':')], "[]")
		},
	}, w.Endpoints()...)
	if err != nil {
		t.Fatal(err)
	}
	w.Document = NewDocument(w.RPC)
	s := httptest.NewServer(w.RPC)
	t.Cleanup(s.Close)
	w.URL = s.URL
	t.Cleanup(func() { // before the database is closed
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		w.Must(w.Accounts.Close(ctx))
	})
	return w
}

// Rewrite changes the rows of a signed table that a condition chooses, as Keyway itself would.
func (w *World) Rewrite(t *signed.Table, set signed.Set, condition string, args ...any) {
	w.t.Helper()
	where := &store.Where{}
	where.Add(condition, args...)
	w.Must(w.DB.Update(w.Context(), func(tx *store.Tx) error {
		_, err := t.Update(w.Context(), tx, set, where)
		return err
	}, store.Instance))
}

// Context ends with the test.
func (w *World) Context() context.Context { return w.t.Context() }

// Mail is a mail that waits to be sent.
type Mail struct{ Kind, To, Subject, Text string }

// Mails are the mails that wait, oldest first. None do before w.Mail has a Server.
func (w *World) Mails() []Mail {
	w.t.Helper()
	rows, err := w.DB.Query(w.Context(), `SELECT mail_id, kind, sealed FROM mails ORDER BY mail_id`)
	all, err := store.All(rows, err, func(r *sql.Rows) (m Mail, err error) {
		var id string
		var sealed []byte
		if err = r.Scan(&id, &m.Kind, &sealed); err != nil {
			return m, err
		}
		text, err := w.Vault.Open("mails/"+id, sealed)
		w.Must(err)
		return m, json.Unmarshal(text, &m)
	})
	w.Must(err)
	return all
}

// RunJobs runs jobs until the test ends.
func (w *World) RunJobs() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.Jobs.Run(ctx) })
	w.t.Cleanup(func() { cancel(); running.Wait() })
}

type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

// Now is the World's time.
func (w *World) Now() time.Time {
	w.clock.mu.Lock()
	defer w.clock.mu.Unlock()
	return time.Now().Add(w.clock.ahead)
}

// Pass lets time pass.
func (w *World) Pass(d time.Duration) {
	w.clock.mu.Lock()
	w.clock.ahead += d
	w.clock.mu.Unlock()
}

// Log is what the server has logged.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Person adds a person with the email address name@example.com who cannot sign in by password:
// hashing one takes long.
func (w *World) Person(name string) identity.User {
	w.t.Helper()
	var u identity.User
	err := w.DB.Update(context.Background(), func(tx *store.Tx) (err error) {
		u, err = w.People.Create(context.Background(), tx, identity.NewUser{Email: name + "@example.com", Name: name}, By)
		return err
	}, store.Instance)
	w.Must(err)
	return u
}

// Workspace makes a workspace.
func (w *World) Workspace(owner identity.User, name string, sandbox bool) workspace.Workspace {
	w.t.Helper()
	var ws workspace.Workspace
	err := w.DB.Update(context.Background(), func(tx *store.Tx) (err error) {
		ws, err = w.Workspaces.Create(context.Background(), tx, workspace.New{Name: name, IsSandbox: sandbox}, owner.ID, By)
		return err
	}, store.Instance)
	w.Must(err)
	return ws
}

// Join makes a person a member.
func (w *World) Join(ws workspace.Workspace, u identity.User, role rpc.Role) {
	w.t.Helper()
	w.Must(w.Members.Add(context.Background(), ws.ID, u.ID, role, By))
}

// Session signs a script in as a person.
func (w *World) Session(u identity.User) string {
	w.t.Helper()
	_, token, err := w.People.StartToken(context.Background(), u, identity.ByPassword, "192.0.2.1", "test")
	w.Must(err)
	return token
}

// PAT makes a personal access token and returns its secret and its id.
func (w *World) PAT(u identity.User) (token, id string) {
	w.t.Helper()
	tok, secret, err := w.Tokens.Create(context.Background(), u.ID, personalaccesstoken.New{Name: "test", From: "command"}, By)
	w.Must(err)
	return secret.Reveal(), tok.ID
}

// Key makes an API key and returns its secret and its id.
func (w *World) Key(ws workspace.Workspace, u identity.User) (token, id string) {
	w.t.Helper()
	k, secret, err := w.Keys.Create(context.Background(), ws.ID, ws.IsSandbox, "test", u.ID, "command", By)
	w.Must(err)
	return secret.Reveal(), k.ID
}

// Token makes a personal access token with limits and returns its secret and its id.
func (w *World) Token(u identity.User, n personalaccesstoken.New) (token, id string) {
	w.t.Helper()
	if n.Name == "" {
		n.Name, n.From = "test", "command"
	}
	tok, secret, err := w.Tokens.Create(context.Background(), u.ID, n, By)
	w.Must(err)
	return secret.Reveal(), tok.ID
}

// WorkspaceKey mints a workspace key and returns its secret and its id.
func (w *World) WorkspaceKey(u identity.User, patID string, ws workspace.Workspace) (token, id string) {
	w.t.Helper()
	k, secret, err := w.Tokens.CreateWorkspaceKey(context.Background(), u.ID, patID, ws.ID, By)
	w.Must(err)
	return secret.Reveal(), k.ID
}

// Connect connects the standard account of a sandbox brand.
func (w *World) Connect(ws workspace.Workspace, brand string) account.Account {
	w.t.Helper()
	acc, err := w.Simulate.ConnectStandard(context.Background(), ws.ID, true, brand, "jane")
	w.Must(err)
	return acc
}

// Must ends the test on an error.
func (w *World) Must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// Request is what a client sends. Only Path is needed.
type Request struct {
	Method    string // POST unless given
	Path      string
	Token     string // as bearer
	Workspace string // as seam-workspace
	Body      any    // JSON; a string is sent as it stands
	Header    http.Header
	Raw       bool // the answer is taken as it comes, and not checked against the document
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Do sends a request.
func (w *World) Do(r Request) Answer {
	w.t.Helper()
	a, err := w.Send(r)
	w.Must(err)
	return a
}

// Send is Do for goroutines, which must not end the test.
func (w *World) Send(r Request) (Answer, error) {
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	var body io.Reader
	switch b := r.Body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return Answer{}, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(context.Background(), r.Method, w.URL+r.Path, body)
	if err != nil {
		return Answer{}, err
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	if r.Token != "" {
		req.Header.Set("Authorization", "Bearer "+r.Token)
	}
	if r.Workspace != "" {
		req.Header.Set("Seam-Workspace", r.Workspace)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil && !r.Raw {
		if err := w.Document.Check(r.Path, resp.StatusCode, text); err != nil {
			w.t.Error(err)
		}
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(text)}, err
}

// Call sends a request that must succeed, and reads the answer into out, unless that is nil.
func (w *World) Call(r Request, out any) {
	w.t.Helper()
	a := w.Do(r)
	if a.Status != http.StatusOK {
		w.t.Fatalf("%s: %d %s", r.Path, a.Status, a.Body)
	}
	if out != nil {
		w.Must(json.Unmarshal([]byte(a.Body), out))
	}
}

// Refused sends a request that must be refused with the status and the error type, and returns the
// error.
func (w *World) Refused(r Request, status int, code string) Failure {
	w.t.Helper()
	a := w.Do(r)
	f := a.Failure(w.t)
	if a.Status != status || f.Type != code {
		w.t.Errorf("%s %s: %d %s, want %d %s", r.Method, r.Path, a.Status, a.Body, status, code)
	}
	return f
}

// Failure is the error of an answer.
type Failure struct {
	Type    string         `json:"type"`
	Message string         `json:"message"`
	Data    map[string]any `json:"data"`
	Issues  map[string]any `json:"validation_errors"`
}

// Failure reads an answer's error.
func (a Answer) Failure(t testing.TB) Failure {
	t.Helper()
	var envelope struct {
		OK    *bool    `json:"ok"`
		Error *Failure `json:"error"`
	}
	if err := json.Unmarshal([]byte(a.Body), &envelope); err != nil || envelope.Error == nil || envelope.OK == nil || *envelope.OK {
		t.Fatalf("not an error in the envelope: %d %s", a.Status, a.Body)
	}
	return *envelope.Error
}
