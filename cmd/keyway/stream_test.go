package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/api/event"
	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/platform/retention"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/grant"
	"keyway/internal/trust/identity"
)

// reader reads a stream of events.
type reader struct {
	status int
	ids    chan string
	ended  chan struct{}
	close  func()
	mu     sync.Mutex
	last   string // the data of its last word
}

func (r *reader) lastWord() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// read opens a stream; when it returns, the server has read where it begins.
func (w *world) read(t *testing.T, url, token string, body fields, lastID string) *reader {
	t.Helper()
	return w.readIn(t, url, token, "", body, lastID)
}

func (w *world) readIn(t *testing.T, url, token, workspaceID string, body fields, lastID string) *reader {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/keyway/v1/events/stream", strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Seam-Workspace", workspaceID)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{status: res.StatusCode, ids: make(chan string, 10_000), ended: make(chan struct{}), close: cancel}
	t.Cleanup(cancel)
	if res.StatusCode == http.StatusOK && res.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Errorf("a stream of %s", res.Header.Get("Content-Type"))
	}
	go func() {
		defer res.Body.Close()
		defer close(r.ended)
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		end := false
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case name == "id":
				r.ids <- value
			case name == "event" && value == "end":
				end = true
			case name == "data" && end:
				r.mu.Lock()
				r.last = value
				r.mu.Unlock()
			}
		}
	}()
	return r
}

func (r *reader) take(t *testing.T, n int) (out []string) {
	t.Helper()
	for len(out) < n {
		select {
		case id := <-r.ids:
			out = append(out, id)
		case <-time.After(time.Minute):
			t.Fatalf("%d of %d events", len(out), n)
		}
	}
	return out
}

// ends waits until the stream is over, which on a busy machine takes longer than it should: what counts is
// that nothing more arrives.
func (r *reader) ends(t *testing.T, why string) {
	t.Helper()
	const within = 5 * time.Second
	select {
	case <-r.ended:
	case <-time.After(within):
		t.Errorf("%s: the stream is open after %v", why, within)
	}
}

// happen appends events and gives their ids.
func (w *world) happen(t *testing.T, ws string, events ...event.Event) (ids []string) {
	t.Helper()
	for i := range events {
		events[i].ID = store.NewID()
		ids = append(ids, events[i].ID)
	}
	if err := w.DB.Update(t.Context(), func(tx *store.Tx) error {
		return w.Events.Append(t.Context(), tx, ws, events...)
	}, store.Workspace(ws)); err != nil {
		t.Error(err)
	}
	return ids
}

func TestStreamOrderAndResume(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		before := w.happen(t, w.here.id, event.Event{Type: "lock.locked"})[0]
		r := w.read(t, w.URL, w.here.key, nil, "")
		// Many at once: whatever order they commit in, none is missing and resuming at any of them
		// gives exactly the rest.
		var writers sync.WaitGroup
		for range 8 {
			writers.Go(func() {
				for range 25 {
					w.happen(t, w.here.id, event.Event{Type: "lock.locked"}, event.Event{Type: "lock.unlocked"})
					w.happen(t, w.abroad.id, event.Event{Type: "lock.locked"})
				}
			})
		}
		all := r.take(t, 400)
		writers.Wait()
		if sorted := slices.Sorted(slices.Values(all)); len(slices.Compact(sorted)) != 400 || slices.Contains(all, before) {
			t.Fatal("an event came twice, or one from before")
		}
		for _, at := range []int{0, 199, 398} {
			again := w.read(t, w.URL, w.here.key, nil, all[at])
			if got := again.take(t, 399-at); !slices.Equal(got, all[at+1:]) {
				t.Errorf("resumed behind event %d: another order", at)
			}
		}
		if got := w.read(t, w.URL, w.here.key, fields{"last_event_id": before}, "").take(t, 400); !slices.Equal(got, all) {
			t.Error("begun behind an earlier event: another order")
		}
		locked := w.read(t, w.URL, w.here.key, fields{"last_event_id": before, "event_types": []string{"lock.unlocked"}}, "")
		if got := locked.take(t, 200); len(got) != 200 {
			t.Error(len(got))
		}
		abroad := w.happen(t, w.abroad.id, event.Event{Type: "lock.locked"})[0]
		for _, unknown := range []string{store.NewID(), abroad, "nonsense"} {
			if got := w.read(t, w.URL, w.here.key, nil, unknown).status; got != 404 {
				t.Errorf("resumed behind an event that is not there: %d", got)
			}
		}
	})
}

func TestStreamDiesWithItsCredential(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		account := w.connect(t, w.here, "august", "jane")
		for name, kill := range map[string]func() (string, func()){
			"a revoked key": func() (string, func()) {
				k, secret, err := w.Keys.Create(t.Context(), w.here.id, true, "short-lived", "", "command", audit.Server)
				if err != nil {
					t.Fatal(err)
				}
				return secret.Reveal(), func() {
					if err := w.Keys.Revoke(t.Context(), w.here.id, k.ID, audit.Server); err != nil {
						t.Error(err)
					}
				}
			},
			"a revoked client session": func() (string, func()) {
				id, token := w.session(t, w.here, fields{"connected_account_ids": []string{account}})
				return token, func() { w.ok(t, w.here.key, "/client_sessions/revoke", fields{"client_session_id": id}) }
			},
			"a deleted client session": func() (string, func()) {
				id, token := w.session(t, w.here, fields{"connected_account_ids": []string{account}})
				return token, func() { w.ok(t, w.here.key, "/client_sessions/delete", fields{"client_session_id": id}) }
			},
			"an expired client session": func() (string, func()) {
				expires := time.Now().Add(10 * time.Second) // until then the stream is open, however slow the machine
				_, token := w.session(t, w.here, fields{"connected_account_ids": []string{account}, "expires_at": expires})
				return token, func() { time.Sleep(time.Until(expires)) }
			},
		} {
			token, end := kill()
			r := w.read(t, w.URL, token, nil, "")
			if r.status != 200 {
				t.Fatalf("%s: %d", name, r.status)
			}
			end()
			if name != "an expired client session" {
				// Written after the end: it must not arrive, however soon.
				w.happen(t, w.here.id, event.Event{Type: "lock.locked", ConnectedAccountID: account})
			}
			r.ends(t, name)
			for len(r.ids) > 0 {
				var e fields
				id := <-r.ids
				if a := w.ok(t, w.here.key, "/events/get", fields{"event_id": id}); true {
					e = a.object(t, "event")
				}
				if e["event_type"] == "lock.locked" {
					t.Errorf("%s: an event from after its end arrived", name)
				}
			}
			if !strings.Contains(r.lastWord(), `"type"`) {
				t.Errorf("%s: its last word is %q", name, r.lastWord())
			}
		}
	})
}

// A person's token: the person is disabled, leaves the workspace, or revokes it.
func TestStreamDiesWithItsPerson(t *testing.T) {
	t.Parallel()
	w := setup(t, storetest.SQLite(t))
	ctx := t.Context()
	for name, kill := range map[string]func(userID, tokenID string) error{
		"a disabled person": func(userID, _ string) error {
			_, err := w.People.SetDisabled(ctx, userID, true, audit.Server)
			return err
		},
		"a person who left the workspace": func(userID, _ string) error {
			return w.Members.Remove(ctx, w.here.id, userID, rpc.Owner, "", audit.Server)
		},
		"a revoked token": func(userID, tokenID string) error {
			return w.Tokens.Revoke(ctx, userID, tokenID, audit.Server)
		},
		"a disabled token": func(userID, tokenID string) error {
			return w.Tokens.SetDisabled(ctx, userID, tokenID, true, audit.Server)
		},
		"a token cut to other scopes": func(userID, tokenID string) error {
			return w.Tokens.Update(ctx, userID, tokenID,
				personalaccesstoken.Change{Narrow: personalaccesstoken.Narrow{Scopes: rpc.Opt[[]string]{Set: true, Value: []string{"devices:read"}}}},
				nil, audit.Server)
		},
		"a token cut to another workspace": func(userID, tokenID string) error {
			w.join(t, w.abroad, identity.User{ID: userID}, rpc.Member)
			return w.Tokens.Update(ctx, userID, tokenID,
				personalaccesstoken.Change{Narrow: personalaccesstoken.Narrow{WorkspaceIDs: rpc.Opt[[]string]{Set: true,
					Value: []string{w.abroad.id}}}}, nil, audit.Server)
		},
		"an expired token": func(userID, tokenID string) error {
			return w.Tokens.Update(ctx, userID, tokenID, personalaccesstoken.Change{ExpiresAt: rpc.Opt[time.Time]{Set: true, Value: time.Now()}},
				nil, audit.Server)
		},
		"a rotated token": func(userID, tokenID string) error {
			_, _, err := w.Tokens.Rotate(ctx, personalaccesstoken.Manager{UserID: userID}, tokenID, personalaccesstoken.Rotation{From: "command"},
				audit.Server)
			return err
		},
	} {
		n, err := w.People.Prepare(ctx, store.NewID()+"@example.com", "Sam", "correct horse battery")
		if err != nil {
			t.Fatal(err)
		}
		var u identity.User
		if err := w.DB.Update(ctx, func(tx *store.Tx) error {
			if u, err = w.People.Create(ctx, tx, n, audit.Server); err != nil {
				return err
			}
			return grant.SetRole(ctx, tx, time.Now(), w.here.id, u.ID, rpc.Member)
		}, store.Instance); err != nil {
			t.Fatal(err)
		}
		tok, secret, err := w.Tokens.Create(ctx, u.ID, personalaccesstoken.New{Name: "stream", From: "command"}, audit.Server)
		if err != nil {
			t.Fatal(err)
		}
		r := w.readIn(t, w.URL, secret.Reveal(), w.here.id, nil, "")
		if r.status != 200 {
			t.Fatalf("%s: %d", name, r.status)
		}
		if err := kill(u.ID, tok.ID); err != nil {
			t.Fatal(err)
		}
		r.ends(t, name)
	}
}

func TestStreamReach(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		own, other := w.connect(t, w.here, "august", "jane"), w.connect(t, w.here, "schlage", "jane")
		_, token := w.session(t, w.here, fields{"connected_account_ids": []string{own}})
		r := w.read(t, w.URL, token, nil, "")
		var want []string
		for range 20 {
			w.happen(t, w.here.id, event.Event{Type: "lock.locked", ConnectedAccountID: other}, event.Event{Type: "device.added"})
			want = append(want, w.happen(t, w.here.id, event.Event{Type: "lock.locked", ConnectedAccountID: own})...)
			w.happen(t, w.abroad.id, event.Event{Type: "lock.locked", ConnectedAccountID: own})
		}
		if got := r.take(t, 20); !slices.Equal(got, want) {
			t.Error("a client session's stream has others than its events")
		}
		hidden := w.happen(t, w.here.id, event.Event{Type: "lock.locked", ConnectedAccountID: other})[0]
		if got := w.read(t, w.URL, token, nil, hidden).status; got != 404 {
			t.Errorf("resumed behind an event out of reach: %d", got)
		}
	})
}

// Two processes on one PostgreSQL: what one writes and revokes, the other's streams show at once.
func TestStreamAcrossProcesses(t *testing.T) {
	t.Parallel()
	url := storetest.PostgresURL(t)
	open := func() *store.DB {
		db, err := store.Open(t.Context(), store.Options{DatabaseURL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	w := setup(t, open())
	other := wire(open(), w.Vault, appOptions{log: w.Log, publicURL: "http://keyway.test"})
	otherRPC, err := other.newRPC(prometheus.NewRegistry(), serveOptions{}, func(*http.Request) string { return "192.0.2.1" })
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(otherRPC)
	t.Cleanup(server.Close)
	k, secret, err := w.Keys.Create(t.Context(), w.here.id, true, "short-lived", "", "command", audit.Server)
	if err != nil {
		t.Fatal(err)
	}
	r := w.read(t, server.URL, secret.Reveal(), nil, "")
	for range 5 {
		start := time.Now()
		id := w.happen(t, w.here.id, event.Event{Type: "lock.locked"})[0]
		if got := r.take(t, 1)[0]; got != id || time.Since(start) > 5*time.Second {
			t.Errorf("%s after %v", got, time.Since(start))
		}
	}
	if err := w.Keys.Revoke(t.Context(), w.here.id, k.ID, audit.Server); err != nil {
		t.Fatal(err)
	}
	w.happen(t, w.here.id, event.Event{Type: "lock.locked"})
	r.ends(t, "revoked by another process")
	if len(r.ids) > 0 {
		t.Error("an event from after the end arrived")
	}
}

// Guards against streams that each ask the database whether something has happened: however many are idle, the process asks
// for all of them.
func TestIdleStreamsAskTogether(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t) // SQLite is not asked at all
	w := setup(t, db)
	for range 10 {
		for _, ws := range []place{w.here, w.abroad} {
			_, token := w.session(t, ws, fields{"user_identifier_key": store.NewID()})
			for range 10 {
				if r := w.read(t, w.URL, token, nil, ""); r.status != 200 {
					t.Fatal(r.status)
				}
			}
		}
	}
	asked := func() (n int) {
		err := db.QueryRow(t.Context(), `SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	const quiet = 6 * time.Second // so that this ends before each looks once to be sure
	time.Sleep(11 * time.Second)  // PostgreSQL counts what an idle connection was asked ten seconds late
	before := asked()
	time.Sleep(quiet)
	if n := asked() - before; n > 100 {
		t.Errorf("200 idle streams asked the database %d times in %v", n, quiet)
	}
}

// A reader that takes nothing is cut off, and delays no other meanwhile.
func TestStreamSlowReader(t *testing.T) {
	t.Parallel()
	w := setup(t, storetest.SQLite(t))
	conn, err := net.Dial("tcp", w.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /keyway/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", w.here.key)
	first := make([]byte, 12)
	if _, err := io.ReadFull(conn, first); err != nil || string(first) != "HTTP/1.1 200" {
		t.Fatalf("%q, %v", first, err)
	}
	r := w.read(t, w.URL, w.here.key, nil, "")
	large := event.Event{Type: "lock.locked", Fields: map[string]any{"event_description": strings.Repeat("x", 100_000)}}
	const events = 300
	for range events {
		w.happen(t, w.here.id, large)
	}
	r.take(t, events)
	time.Sleep(12 * time.Second) // longer than the server's timeout
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, conn)
	if os.IsTimeout(err) || n > events*100_000 {
		t.Errorf("%d bytes were kept for a reader that took nothing (%v)", n, err)
	}
}

// However many streams frontends open, the workspace's own programs have theirs, and so has each further frontend: who has
// the most gives way.
func TestStreamsOfFrontends(t *testing.T) {
	t.Parallel()
	w := setup(t, storetest.SQLite(t))
	opened := 0
	for range 11 {
		_, token := w.session(t, w.here, fields{"user_identifier_key": store.NewID()})
		for of := 1; of <= 11; of++ {
			status := w.read(t, w.URL, token, nil, "").status
			// The last session gets nine: with ten it would have as many as those that gave way to it.
			if opened++; (status == 200) != (of <= 10 && opened <= 109) || status != 200 && status != 429 {
				t.Errorf("stream %d of a session, %d of all: %d", of, opened, status)
			}
			if status != 200 {
				opened--
			}
		}
	}
	if got := w.read(t, w.URL, w.here.key, nil, "").status; got != 200 {
		t.Errorf("the workspace's own stream: %d", got)
	}
}

// A stream is one request of its token's rate, however much it sends and however long it lasts.
func TestStreamIsOneRequest(t *testing.T) {
	t.Parallel()
	w := setup(t, storetest.SQLite(t))
	limited, err := w.newRPC(prometheus.NewRegistry(), serveOptions{requestsPerMinute: 3}, func(*http.Request) string { return "192.0.2.1" })
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(limited)
	t.Cleanup(server.Close)
	r := w.read(t, server.URL, w.here.key, nil, "")
	for range 10 {
		w.happen(t, w.here.id, event.Event{Type: "lock.locked"})
		select {
		case <-r.ids:
		case <-r.ended:
			t.Fatalf("the stream ended: %s", r.lastWord())
		}
	}
}

func TestStreamEndsWithTheServer(t *testing.T) {
	t.Parallel()
	w := setup(t, storetest.SQLite(t))
	r := w.read(t, w.URL, w.here.key, nil, "")
	w.rpc.Streams().End()
	r.ends(t, "a stopping server")
	if got := w.read(t, w.URL, w.here.key, nil, "").status; got != 503 && got != 200 {
		t.Errorf("a new stream while the server stops: %d", got)
	}
}

func TestEventFilters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		w.document = nil // the events here are made up, and have not what events of their type have
		names := map[string]bool{"access_code": true, "access_grant": true, "access_method": true, "acs_access_group": false,
			"acs_credential": false,
			"acs_encoder":    false, "acs_entrance": false, "acs_system": true, "acs_user": false, "connect_webview": false, "space": true,
			"user_identity": false}
		for name, plural := range names {
			id, other := store.NewID(), store.NewID()
			want := w.happen(t, w.here.id, event.Event{Type: "lock.locked", Fields: map[string]any{name + "_id": id}})
			w.happen(t, w.here.id, event.Event{Type: "lock.locked", Fields: map[string]any{name + "_id": other}})
			w.happen(t, w.abroad.id, event.Event{Type: "lock.locked", Fields: map[string]any{name + "_id": id}})
			filters := map[string]any{name + "_id": id}
			if plural {
				filters[name+"_ids"] = []string{id, store.NewID()}
			}
			for filter, value := range filters {
				got := w.ok(t, w.here.key, "/events/list", fields{"since": "2020-01-01T00:00:00Z", filter: value}).ids("events", "event_id")
				if !slices.Equal(got, want) {
					t.Errorf("%s: %v, want %v", filter, got, want)
				}
				stream := w.read(t, w.URL, w.here.key, fields{filter: value}, "")
				next := w.happen(t, w.here.id, event.Event{Type: "lock.locked", Fields: map[string]any{name + "_id": other}},
					event.Event{Type: "lock.locked", Fields: map[string]any{name + "_id": id}})
				want = append(want, next[1])
				if got := stream.take(t, 1); got[0] != next[1] {
					t.Errorf("%s: streamed %v, want %v", filter, got, next[1])
				}
				stream.close()
			}
		}
		customer := w.happen(t, w.here.id, event.Event{Type: "device.added", CustomerKey: "c-1"},
			event.Event{Type: "device.added", CustomerKey: "c-2"})
		if got := w.ok(t, w.here.key, "/events/list", fields{"since": "2020-01-01T00:00:00Z", "customer_key": "c-1"}).ids("events",
			"event_id"); !slices.Equal(got, customer[:1]) {
			t.Errorf("customer_key: %v", got)
		}
		space := store.NewID()
		many := w.happen(t, w.here.id, event.Event{Type: "access_method.issued",
			Fields: map[string]any{"access_grant_ids": []string{space, store.NewID()}}})
		if got := w.ok(t, w.here.key, "/events/list", fields{"since": "2020-01-01T00:00:00Z", "access_grant_id": space}).ids("events",
			"event_id"); !slices.Equal(got, many) {
			t.Errorf("access_grant_id of a list: %v", got)
		}
		if a := w.call(t, w.here.key, "/events/list", fields{"since": "2020-01-01T00:00:00Z", "event_type": "lock.exploded"}); a.status != 400 ||
			a.kind() != "invalid_input" {
			t.Errorf("an unknown type: %d %s", a.status, a.raw)
		}
	})
}

func TestEventRetention(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		code := store.NewID()
		var old []event.Event
		for i := range 1200 {
			old = append(old, event.Event{Type: "lock.locked", Fields: map[string]any{"access_code_id": code, "action_attempt_id": fmt.Sprint(i)}})
		}
		w.happen(t, w.here.id, old...)
		cut := time.Now().Add(time.Millisecond)
		time.Sleep(5 * time.Millisecond)
		kept := w.happen(t, w.here.id, event.Event{Type: "lock.unlocked", Fields: map[string]any{"access_code_id": code}})
		w.Events.Retention = time.Hour
		purger := retention.Purger{DB: db, Log: slog.New(slog.DiscardHandler), Now: func() time.Time {
			return cut.Add(time.Hour)
		}, Tables: w.Events.Tables()}
		if err := purger.Apply(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"events", "event_refs"} {
			var n int
			if err := db.QueryRow(t.Context(), `SELECT count(*) FROM `+table+` WHERE workspace_id = $1`, w.here.id).Scan(&n); err != nil || n != 1 {
				t.Errorf("%d left in %s (%v)", n, table, err)
			}
		}
		// Numbers continue where they were, so that no client that resumes is misled.
		r := w.read(t, w.URL, w.here.key, nil, kept[0])
		if next := w.happen(t, w.here.id, event.Event{Type: "lock.locked"}); r.take(t, 1)[0] != next[0] {
			t.Error("resumed elsewhere after a purge")
		}
		// What is taken away before it was sent is missed aloud.
		w.happen(t, w.here.id, event.Event{Type: "lock.locked"})
		r.take(t, 1)
		err := w.DB.Update(t.Context(), func(tx *store.Tx) error {
			if err := w.Events.Append(t.Context(), tx, w.here.id, event.Event{Type: "lock.locked"},
				event.Event{ID: "kept", Type: "lock.locked"}); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), `DELETE FROM events WHERE workspace_id = $1 AND event_id <> 'kept'`, w.here.id)
			return err
		}, store.Workspace(w.here.id))
		if err != nil {
			t.Fatal(err)
		}
		if r.ends(t, "events taken away"); !strings.Contains(r.lastWord(), "event_not_found") {
			t.Errorf("the last word was %q", r.lastWord())
		}
	})
}
