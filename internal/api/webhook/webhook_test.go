package webhook

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/mail"
	"keyway/internal/platform/outbound"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/grant"
)

// bench is webhooks that are being delivered by a clock that a test moves.
type bench struct {
	*Webhooks
	ws   string
	mu   sync.Mutex
	time time.Time
	log  *strings.Builder
}

type lockedWriter struct{ b *bench }

func (w lockedWriter) Write(p []byte) (int, error) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	return w.b.log.Write(p)
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.time
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	b.time = b.time.Add(d)
	b.mu.Unlock()
	b.Wake()
}

func (b *bench) logged() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.String()
}

func setup(t *testing.T, db *store.DB) *bench {
	t.Helper()
	v, err := vault.Create(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{ws: store.NewID(), time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), log: &strings.Builder{}}
	log := slog.New(slog.NewTextHandler(lockedWriter{b}, nil))
	jobs := job.NewRunner(db, log, b.now)
	events := &event.Log{DB: db, Vault: v, Now: b.now}
	b.Webhooks = New(Webhooks{DB: db, Vault: v, Events: events, Jobs: jobs, Guard: &outbound.Guard{Local: true},
		Audit: &audit.Log{DB: db, Vault: v, Now: b.now}, Log: log, Now: b.now, UserAgent: "test"})
	b.workspace(t, b.ws)
	return b
}

func (b *bench) workspace(t *testing.T, id string) {
	t.Helper()
	err := b.DB.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(),
			`INSERT INTO workspaces (workspace_id, name, is_sandbox, is_suspended, publishable_key, doc, created_at) VALUES ($1, 'w', TRUE, FALSE,
				$1, '{}', 0)`, id)
		return err
	}, store.Instance)
	if err != nil {
		t.Fatal(err)
	}
}

// member adds a person to the workspace.
func (b *bench) member(t *testing.T, n int, role string, disabled bool) {
	t.Helper()
	id, at := store.NewID(), sql.NullInt64{Int64: 1, Valid: disabled}
	err := b.DB.Update(t.Context(), func(tx *store.Tx) error {
		return errors.Join(
			grant.Users.Insert(t.Context(), tx, signed.Set{"user_id": id, "email": fmt.Sprintf("person%d@example.com", n), "name": "",
				"password_hash": "",
				"is_operator":   false, "disabled_at": at, "created_at": 0}),
			grant.Memberships.Insert(t.Context(), tx, signed.Set{"workspace_id": b.ws, "user_id": id, "role": role, "created_at": 0}))
	}, store.Instance)
	if err != nil {
		t.Fatal(err)
	}
}

// run delivers until the test ends.
func (b *bench) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); b.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func (b *bench) create(t *testing.T, url string, types ...string) Webhook {
	t.Helper()
	if len(types) == 0 {
		types = []string{"*"}
	}
	h, err := b.Create(t.Context(), b.ws, true, url, types, audit.Server)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// happen appends events and gives their ids.
func (b *bench) happen(t *testing.T, ws string, types ...string) (ids []string) {
	t.Helper()
	var events []event.Event
	for _, kind := range types {
		ids = append(ids, store.NewID())
		events = append(events, event.Event{ID: ids[len(ids)-1], Type: kind, DeviceID: "d", Secret: map[string]any{"code": "9371"}})
	}
	if err := b.DB.Update(t.Context(), func(tx *store.Tx) error {
		return b.Events.Append(t.Context(), tx, ws, events...)
	}, store.Workspace(ws)); err != nil {
		t.Fatal(err)
	}
	return ids
}

func repeat(kind string, n int) []string { return slices.Repeat([]string{kind}, n) }

// receiver records what it gets and answers as configured.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []*http.Request
	bodies [][]byte
	answer func(w http.ResponseWriter, r *http.Request, body []byte)
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		r.mu.Lock()
		answer := r.answer
		r.got, r.bodies = append(r.got, req), append(r.bodies, body)
		r.mu.Unlock()
		if answer != nil {
			answer(w, req, body)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) respond(f func(w http.ResponseWriter, r *http.Request, body []byte)) {
	r.mu.Lock()
	r.answer = f
	r.mu.Unlock()
}

func status(code int) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(code) }
}

func (r *receiver) ids() (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.got {
		ids = append(ids, q.Header.Get("svix-id"))
	}
	return ids
}

// body is what the first request carried.
func (r *receiver) body() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.bodies[0])
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("%s did not happen", what)
}

func (b *bench) attempts(t *testing.T, h Webhook) (out []Attempt) {
	t.Helper()
	p, err := b.Attempts(t.Context(), b.ws, h.ID, "", rpc.Position{}, 500)
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range p.Items {
		var a Attempt
		if err := json.Unmarshal(doc, &a); err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

func (b *bench) status(t *testing.T, h Webhook) Status {
	t.Helper()
	s, err := b.GetStatus(t.Context(), b.ws, h.ID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDeliveriesAreInOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, r, some := setup(t, db), receive(t), receive(t)
		h := b.create(t, r.URL)
		b.create(t, some.URL, "lock.locked", "device.added")
		b.run(t)
		var all, locked []string
		for i := range 60 {
			ids := b.happen(t, b.ws, "device.connected", "lock.locked")
			all, locked = append(all, ids...), append(locked, ids[1])
			if i%10 == 0 {
				b.advance(time.Second)
			}
		}
		eventually(t, "every delivery", func() bool { return len(r.ids()) >= len(all) && len(some.ids()) >= len(locked) })
		if got := r.ids(); !slices.Equal(got, all) {
			t.Errorf("%d deliveries in another order than the events", len(got))
		}
		if got := some.ids(); !slices.Equal(got, locked) {
			t.Errorf("the filter let through %d of %d", len(got), len(locked))
		}
		eventually(t, "an empty queue", func() bool { return b.status(t, h).PendingDeliveries == 0 })
		r.mu.Lock()
		defer r.mu.Unlock()
		var e map[string]any
		if err := json.Unmarshal(r.bodies[1], &e); err != nil || e["event_id"] != all[1] || e["event_type"] != "lock.locked" ||
			e["code"] != "9371" || e["workspace_id"] != b.ws {
			t.Errorf("delivered %s (%v)", r.bodies[1], err)
		}
		if r.got[1].Header.Get("Content-Type") != "application/json" || r.got[1].Method != http.MethodPost {
			t.Errorf("sent %s with %v", r.got[1].Method, r.got[1].Header)
		}
	})
}

func TestRetriesFollowTheSchedule(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, r := setup(t, db), receive(t)
		h := b.create(t, r.URL, "lock.locked")
		r.respond(func(w http.ResponseWriter, _ *http.Request, body []byte) {
			w.WriteHeader(http.StatusInternalServerError)
			w.Write(body) // PINs and all
		})
		b.run(t)
		id := b.happen(t, b.ws, "lock.locked")[0]
		for n, wait := range schedule {
			if n > 0 {
				b.advance(wait - time.Second)
				time.Sleep(30 * time.Millisecond)
				if got := len(r.ids()); got != n {
					t.Fatalf("attempt %d came too early: %d", n+1, got)
				}
				b.advance(time.Second + wait/10 + time.Second)
			}
			eventually(t, fmt.Sprint("attempt ", n+1), func() bool { return len(b.attempts(t, h)) == n+1 })
		}
		b.advance(100 * time.Hour)
		time.Sleep(50 * time.Millisecond)
		list := b.attempts(t, h)
		if len(list) != len(schedule) || b.status(t, h).PendingDeliveries != 0 {
			t.Fatalf("%d attempts, and %d still to come", len(list), b.status(t, h).PendingDeliveries)
		}
		for i, a := range list {
			n := len(list) - i
			if a.EventID != id || a.Number != n || a.Status != "error" || *a.StatusCode != 500 || a.NextAttemptAt.IsZero() != (n == len(schedule)) ||
				!strings.Contains(a.Response, "9371") {
				t.Errorf("attempt %d: %+v", n, a)
			}
		}
		// What a receiver repeated is kept, but not readable in the database.
		var found int
		if err := db.QueryRow(t.Context(), `SELECT count(*) FROM webhook_attempts WHERE doc LIKE '%9371%'`).Scan(&found); err != nil ||
			found != 0 {
			t.Errorf("PINs in %d stored attempts (%v)", found, err)
		}
		if b.status(t, h).Status != "enabled" {
			t.Error("disabled after a day")
		}
	})
}

func TestSuccessAfterFailure(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, r := setup(t, db), receive(t)
		h := b.create(t, r.URL)
		var broken sync.Map
		ids := b.happen(t, b.ws, repeat("lock.locked", 3)...)
		broken.Store(ids[1], true)
		r.respond(func(w http.ResponseWriter, q *http.Request, _ []byte) {
			if _, bad := broken.Load(q.Header.Get("svix-id")); bad {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
		b.run(t)
		eventually(t, "three attempts", func() bool { return len(b.attempts(t, h)) == 3 })
		if got := r.ids(); !slices.Equal(got, ids) {
			t.Errorf("one failure held up the others: %v, want %v", got, ids)
		}
		broken.Delete(ids[1])
		b.advance(6 * time.Second)
		eventually(t, "the retry", func() bool { return b.status(t, h).PendingDeliveries == 0 })
		if s := b.status(t, h); !s.FailingSince.IsZero() || s.LatestAttemptStatus != "success" || len(r.ids()) != 4 {
			t.Errorf("%+v after %d attempts", s, len(r.ids()))
		}
	})
}

func TestHangingReceiverHarmsNoOther(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, good := setup(t, db), receive(t)
		end := make(chan struct{})
		hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-end:
			case <-r.Context().Done():
			}
		}))
		t.Cleanup(func() { close(end); hanging.Close() })
		for range 20 {
			b.create(t, hanging.URL)
		}
		b.create(t, good.URL)
		b.run(t)
		start := time.Now()
		ids := b.happen(t, b.ws, repeat("lock.locked", 5)...)
		eventually(t, "five deliveries beside 20 receivers that hang", func() bool { return len(good.ids()) == 5 })
		if took := time.Since(start); took > 12*time.Second || !slices.Equal(good.ids(), ids) {
			t.Errorf("after %v: %v", took, good.ids())
		}
	})
}

// More slow receivers than there are workers, each with more to come: all have their turn.
func TestSlowReceiversTakeTurns(t *testing.T) {
	t.Parallel()
	b, slow, good := setup(t, storetest.SQLite(t)), receive(t), receive(t)
	arrived, answer, end := make(chan struct{}, 2*slots), make(chan struct{}), make(chan struct{})
	slow.respond(func(http.ResponseWriter, *http.Request, []byte) {
		arrived <- struct{}{}
		select {
		case <-answer:
		case <-end:
		}
	})
	other := store.NewID()
	b.workspace(t, other)
	for i := range slots {
		if _, err := b.Create(t.Context(), []string{b.ws, other}[i%2], true, slow.URL, []string{"lock.locked"}, audit.Server); err != nil {
			t.Fatal(err)
		}
	}
	b.create(t, good.URL, "lock.unlocked")
	b.run(t)
	t.Cleanup(func() { close(end) })
	b.happen(t, b.ws, repeat("lock.locked", 2)...)
	b.happen(t, other, repeat("lock.locked", 2)...)
	for range slots {
		<-arrived
	}
	b.advance(time.Second)
	b.happen(t, b.ws, "lock.unlocked")
	b.advance(time.Second)
	for range slots {
		answer <- struct{}{}
	}
	for again := 0; len(good.ids()) == 0; {
		select {
		case <-arrived:
			if again++; again == slots && len(good.ids()) == 0 {
				t.Fatal("each slow receiver had a second turn before another had its first")
			}
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func TestDisabledAfterFiveDays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, r, other := setup(t, db), receive(t), receive(t)
		h := b.create(t, r.URL, "lock.locked")
		b.create(t, other.URL, "webhook.disabled")
		b.Mail = mail.New(mail.Outbox{DB: db, Vault: b.Vault, Jobs: b.Jobs, Log: b.Log, Now: b.now, PublicURL: "https://keyway.test",
			Server: &mail.Server{}})
		for n, role := range []string{"owner", "owner", "owner", "admin"} {
			b.member(t, n, role, n == 2)
		}
		r.respond(status(404))
		b.run(t)
		for day := range 6 {
			if got := b.status(t, h).Status; got != "enabled" {
				t.Fatalf("%s on day %d", got, day)
			}
			b.happen(t, b.ws, "lock.locked")
			eventually(t, "the day's first attempt", func() bool {
				list := b.attempts(t, h)
				return len(list) > day && list[0].CreatedAt.Equal(b.now())
			})
			b.advance(24 * time.Hour)
		}
		eventually(t, "giving up", func() bool { return b.status(t, h).Status == "disabled" })
		eventually(t, "an event about it", func() bool { return len(other.ids()) == 1 })
		if !strings.Contains(b.logged(), "webhook disabled") {
			t.Error("no notice in the log")
		}
		rows, err := db.Query(t.Context(), `SELECT mail_id, sealed FROM mails`)
		all, err := store.All(rows, err, func(r *sql.Rows) (string, error) {
			var id string
			var sealed []byte
			if err := r.Scan(&id, &sealed); err != nil {
				return "", err
			}
			text, err := b.Vault.Open("mails/"+id, sealed)
			return string(text), err
		})
		told := strings.Join(all, "\n")
		if err != nil || len(all) != 2 || !strings.Contains(told, "person0@example.com") || !strings.Contains(told, "person1@example.com") ||
			!strings.Contains(told, "https://keyway.test/console/workspaces/"+b.ws+"/developer/webhooks/"+h.ID) {
			t.Errorf("%v %s", err, told)
		}
		n := len(r.ids())
		b.happen(t, b.ws, "lock.locked")
		if _, err := b.SendTest(t.Context(), b.ws, h.ID, event.WebhookTest); !fault.Is(err, fault.WebhookDisabled) {
			t.Errorf("a test to a disabled webhook: %v", err)
		}
		b.advance(24 * time.Hour)
		time.Sleep(50 * time.Millisecond)
		if got := len(r.ids()); got != n {
			t.Errorf("%d more after it was disabled", got-n)
		}
		r.respond(nil)
		pending := b.status(t, h).PendingDeliveries
		if err := b.Enable(t.Context(), b.ws, h.ID, audit.Server); err != nil {
			t.Fatal(err)
		}
		eventually(t, "what was pending", func() bool { return b.status(t, h).PendingDeliveries == 0 })
		if got := len(r.ids()); got != n+pending || pending == 0 {
			t.Errorf("%d of %d pending deliveries", got-n, pending)
		}
	})
}

// A receiver that says it is gone is not asked again: the webhook is disabled at once, with every notice that there is
// for one that failed for days.
func TestGoneReceiver(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, r, other := setup(t, db), receive(t), receive(t)
		h := b.create(t, r.URL, "lock.locked")
		b.create(t, other.URL, "webhook.disabled")
		b.Mail = mail.New(mail.Outbox{DB: db, Vault: b.Vault, Jobs: b.Jobs, Log: b.Log, Now: b.now, PublicURL: "https://keyway.test",
			Server: &mail.Server{}})
		b.member(t, 0, "owner", false)
		r.respond(status(http.StatusGone))
		b.run(t)
		b.happen(t, b.ws, "lock.locked", "lock.locked")
		eventually(t, "giving up", func() bool { return b.status(t, h).Status == "disabled" })
		eventually(t, "an event about it", func() bool { return len(other.ids()) == 1 })
		if n := len(r.ids()); n != 1 {
			t.Errorf("asked %d times", n)
		}
		if body := other.body(); !strings.Contains(body, "gone (410)") {
			t.Errorf("the event says %s", body)
		}
		var mails, entries int
		if err := db.QueryRow(t.Context(),
			`SELECT (SELECT count(*) FROM mails), (SELECT count(*) FROM audit_entries WHERE action = 'webhook.disabled')`).Scan(&mails,
			&entries); err != nil || mails != 1 || entries != 1 {
			t.Errorf("%d mails, %d audit entries, %v", mails, entries, err)
		}
		// Enabled again it begins with what was pending.
		r.respond(nil)
		if err := b.Enable(t.Context(), b.ws, h.ID, audit.Server); err != nil {
			t.Fatal(err)
		}
		b.advance(time.Minute)
		eventually(t, "what was pending", func() bool { return b.status(t, h).PendingDeliveries == 0 })
	})
}

// A receiver that asks for a pause gets it, from all deliveries of its webhook: retries, events that happen meanwhile,
// and what was asked for by hand. Success ends it.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, r := setup(t, db), receive(t)
		h := b.create(t, r.URL, "lock.locked")
		r.respond(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		b.run(t)
		b.happen(t, b.ws, "lock.locked")
		eventually(t, "the first attempt", func() bool { return len(b.attempts(t, h)) == 1 })
		until := b.status(t, h).PausedUntil.Time
		if want := b.attempts(t, h)[0].CreatedAt.Add(10 * time.Minute); !until.Equal(want) || b.attempts(t, h)[0].NextAttemptAt.Before(want) {
			t.Errorf("paused until %v, next attempt at %v, want %v", until, b.attempts(t, h)[0].NextAttemptAt, want)
		}
		r.respond(nil)
		b.happen(t, b.ws, "lock.locked")
		if _, err := b.SendTest(t.Context(), b.ws, h.ID, event.WebhookTest); err != nil {
			t.Fatal(err)
		}
		b.advance(9 * time.Minute)
		b.happen(t, b.ws, "lock.locked")
		time.Sleep(50 * time.Millisecond)
		if n := len(r.ids()); n != 1 {
			t.Errorf("%d deliveries in the pause", n-1)
		}
		b.advance(time.Minute + time.Second)
		eventually(t, "all that waited", func() bool { return len(r.ids()) == 5 })
		eventually(t, "the end of the pause", func() bool { return b.status(t, h).PausedUntil.IsZero() && b.status(t, h).PendingDeliveries == 0 })
	})
}

func TestReadRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		text, date string
		want       time.Duration
	}{
		{"", "", 0}, {"120", "", 2 * time.Minute}, {" 120 ", "", 2 * time.Minute}, {"0", "", 0}, {"-5", "", 0}, {"soon", "", 0}, {"1.5", "", 0},
		{"999999", "", maxPause}, {"99999999999999999999", "", maxPause},
		{"Sun, 01 Mar 2026 12:01:00 GMT", "", time.Minute}, {"Sun, 01 Mar 2026 11:00:00 GMT", "", 0},
		{"Sun, 01 Mar 2026 11:01:00 GMT", "Sun, 01 Mar 2026 11:00:00 GMT", time.Minute}, // a clock that is an hour behind
	} {
		h := http.Header{"Retry-After": {c.text}, "Date": {c.date}}
		if got := retryAfter(h, now); got != c.want {
			t.Errorf("%q %q: %v, not %v", c.text, c.date, got, c.want)
		}
	}
}

// The leases of a killed process are taken over: at once if no other process can be running, and
// after they have expired if one can.
func TestTakeover(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, r := setup(t, db), receive(t)
		h := b.create(t, r.URL)
		b.happen(t, b.ws, "lock.locked")
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE webhooks SET lease_by = 'dead', due_at = $1`, store.Micros(b.now().Add(lease)))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		b.happen(t, b.ws, "lock.unlocked")
		b.run(t)
		if db.Shared() {
			time.Sleep(50 * time.Millisecond)
			if n := len(r.ids()); n > 0 {
				t.Errorf("%d deliveries under another's lease", n)
			}
			b.advance(lease)
		}
		eventually(t, "both deliveries", func() bool { return len(r.ids()) == 2 && b.status(t, h).PendingDeliveries == 0 })
	})
}

// A webhook that is deleted while a message is on its way leaves no attempt behind.
func TestDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, r := setup(t, db), receive(t)
		arrived, goOn := make(chan struct{}), make(chan struct{})
		r.respond(func(http.ResponseWriter, *http.Request, []byte) { arrived <- struct{}{}; <-goOn })
		h := b.create(t, r.URL)
		b.happen(t, b.ws, "lock.locked")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); b.Run(ctx) }()
		<-arrived
		if err := b.Delete(t.Context(), b.ws, h.ID, audit.Server); err != nil {
			t.Fatal(err)
		}
		if err := b.runPurge(t.Context(), job.Job{WorkspaceID: b.ws, Payload: []byte(`"` + h.ID + `"`)}); err != nil {
			t.Fatal(err)
		}
		stop()
		close(goOn)
		<-done
		if left := b.attempts(t, h); len(left) > 0 {
			t.Errorf("%+v", left)
		}
	})
}

// A receiver that closes each connection, kept open after the first message, as the second arrives.
func TestConnectionClosedMeanwhile(t *testing.T) {
	t.Parallel()
	b, r := setup(t, storetest.SQLite(t)), receive(t)
	var known sync.Map
	var closed atomic.Int32
	r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, again := known.LoadOrStore(req.RemoteAddr, true); again {
			closed.Add(1)
			panic(http.ErrAbortHandler)
		}
		if _, sent := req.Header["Idempotency-Key"]; sent {
			t.Error("a header of ours was sent")
		}
	})
	h := b.create(t, r.URL)
	b.happen(t, b.ws, repeat("lock.locked", 3)...)
	b.run(t)
	eventually(t, "three deliveries", func() bool { return b.status(t, h).PendingDeliveries == 0 })
	for _, a := range b.attempts(t, h) {
		if a.Status != "success" {
			t.Errorf("%s", *a.Error)
		}
	}
	if closed.Load() == 0 {
		t.Error("no connection was used twice")
	}
}

// Two processes on one database deliver each event once and in order, as long as neither dies.
func TestTwoDeliverers(t *testing.T) {
	t.Parallel()
	b, r := setup(t, storetest.Postgres(t)), receive(t)
	b.create(t, r.URL)
	other := *b.Webhooks
	other.wake = make(chan struct{}, 1)
	b.run(t)
	(&bench{Webhooks: &other}).run(t)
	var ids []string
	for range 100 {
		ids = append(ids, b.happen(t, b.ws, "lock.locked")...)
		other.Wake()
	}
	eventually(t, "every delivery", func() bool { return len(r.ids()) >= 100 })
	if got := r.ids(); !slices.Equal(got, ids) {
		t.Errorf("%d deliveries in another order, or some twice", len(got))
	}
}

func TestTestAndResend(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, r := setup(t, db), receive(t)
		h := b.create(t, r.URL, "lock.locked")
		b.run(t)
		id := b.happen(t, b.ws, "lock.locked", "lock.unlocked")[0]
		d, err := b.SendTest(t.Context(), b.ws, h.ID, event.WebhookTest)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "two attempts", func() bool { return len(b.attempts(t, h)) == 2 })
		for _, a := range b.attempts(t, h) {
			again, err := b.Resend(t.Context(), b.ws, a.ID)
			if err != nil || again.EventID != a.EventID || again.WebhookID != h.ID || again.EventType != a.EventType {
				t.Errorf("%+v, %v", again, err)
			}
		}
		eventually(t, "both again", func() bool { return len(b.attempts(t, h)) == 4 })
		count := map[string]int{}
		for _, got := range r.ids() {
			count[got]++
		}
		if count[id] != 2 || count[d.EventID] != 2 {
			t.Errorf("delivered %v", count)
		}
		r.mu.Lock()
		if !slices.EqualFunc(r.bodies[:2], r.bodies[2:], func(a, b []byte) bool {
			return string(a) == string(b)
		}) && string(r.bodies[0]) != string(r.bodies[3]) {
			t.Error("sent again with another body")
		}
		r.mu.Unlock()
		other := store.NewID()
		b.workspace(t, other)
		attempt := b.attempts(t, h)[0].ID
		for name, err := range map[string]error{
			"resend": second(b.Resend(t.Context(), other, attempt)), "get": second(b.Get(t.Context(), other, h.ID)),
			"test":   second(b.SendTest(t.Context(), other, h.ID, event.WebhookTest)),
			"rotate": second(b.RotateSecret(t.Context(), other, h.ID, audit.Server)),
			"update": b.Update(t.Context(), other, h.ID, []string{"*"}, audit.Server), "delete": b.Delete(t.Context(), other, h.ID, audit.Server),
			"enable": b.Enable(t.Context(), other, h.ID, audit.Server), "status": second(b.GetStatus(t.Context(), other, h.ID)),
		} {
			if !fault.Is(err, fault.WebhookNotFound) && !fault.Is(err, fault.WebhookAttemptNotFound) {
				t.Errorf("%s from another workspace: %v", name, err)
			}
		}
		if err := b.Delete(t.Context(), b.ws, h.ID, audit.Server); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Resend(t.Context(), b.ws, attempt); !fault.Is(err, fault.WebhookAttemptNotFound) {
			t.Errorf("an attempt of a deleted webhook: %v", err)
		}
		b.happen(t, b.ws, "lock.locked")
		time.Sleep(50 * time.Millisecond)
		if got := len(r.ids()); got != 4 {
			t.Errorf("%d deliveries after the webhook was deleted", got-4)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestRotation(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	first := []secret{newSecret()}
	second := rotate(first, now)
	third := rotate(second, now.Add(time.Hour))
	signatures := func(secrets []secret, at time.Time) []string {
		h := http.Header{}
		if err := sign(h, secrets, "id", at, []byte("body")); err != nil {
			t.Fatal(err)
		}
		return strings.Fields(h.Get("svix-signature"))
	}
	alone := signatures(first, now)
	if got := signatures(second, now); len(got) != 2 || got[1] != alone[0] {
		t.Errorf("%v does not hold %v", got, alone)
	}
	if n := len(signatures(third, now.Add(time.Hour))); n != 3 {
		t.Errorf("%d signatures after two rotations", n)
	}
	if n := len(signatures(third, now.Add(24*time.Hour))); n != 2 {
		t.Errorf("%d signatures a day after the first rotation", n)
	}
	if n := len(signatures(third, now.Add(26*time.Hour))); n != 1 {
		t.Errorf("%d signatures a day after both", n)
	}
	for i := range 10 {
		third = rotate(third, now.Add(time.Duration(i)*time.Minute))
	}
	if len(third) > mostSecrets {
		t.Errorf("%d secrets sign", len(third))
	}
}

// The example of the scheme's specification.
func TestSignature(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	err := sign(h, []secret{{Text: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0),
		[]byte(`{"test": 2432232314}`))
	if got := h.Get("svix-signature"); err != nil || got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	for _, url := range []string{"http://10.0.0.1/", "http://169.254.169.254/latest", "ftp://example.com", "nonsense",
		"http://2130706433:9000/", "http://[::ffff:10.0.0.1]/"} {
		if _, err := b.Create(t.Context(), b.ws, true, url, []string{"*"}, audit.Server); !fault.Is(err, fault.InvalidInput) ||
			strings.Contains(err.Error(), url) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := b.Create(t.Context(), b.ws, false, "http://127.0.0.1:9000/", []string{"*"}, audit.Server); !fault.Is(err,
		fault.InvalidInput) {
		t.Errorf("loopback for a production workspace: %v", err)
	}
	for _, types := range [][]string{nil, {}, {"lock.exploded"}, {"*", "nonsense"}} {
		if _, err := b.Create(t.Context(), b.ws, true, "https://example.com", types, audit.Server); !fault.Is(err, fault.InvalidEventTypes) {
			t.Errorf("%v: %v", types, err)
		}
	}
	h := b.create(t, "https://example.com/?token=hidden", "lock.locked", "lock.locked")
	if len(h.EventTypes) != 1 || !strings.HasPrefix(h.Secret, "whsec_") {
		t.Errorf("%+v", h)
	}
	again, err := b.Get(t.Context(), b.ws, h.ID)
	if err != nil || again.Secret != h.Secret || again.URL != h.URL {
		t.Errorf("%+v, %v", again, err)
	}
	for _, table := range []struct{ name, column string }{{"webhooks", "doc"}, {"audit_entries", "detail"}} {
		var n int
		if err := b.DB.QueryRow(t.Context(), `SELECT count(*) FROM `+table.name+` WHERE `+table.column+` LIKE '%whsec_%' OR '`+table.name+
			`' = 'audit_entries' AND `+table.column+` LIKE '%hidden%'`).Scan(&n); err != nil || n > 0 {
			t.Errorf("%d secrets in %s (%v)", n, table.name, err)
		}
	}
	for i := 1; i < most; i++ {
		b.create(t, "https://example.com")
	}
	if _, err := b.Create(t.Context(), b.ws, true, "https://example.com", []string{"*"}, audit.Server); !fault.Is(err, fault.InvalidRequest) {
		t.Errorf("one more than there may be: %v", err)
	}
}

// A receiver whose name leads inside, a redirect that would, and an answer without end.
func TestOutbound(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	inside, outside := receive(t), receive(t)
	h := b.create(t, outside.URL+"/secret-path")
	outside.respond(func(w http.ResponseWriter, r *http.Request, _ []byte) {
		http.Redirect(w, r, inside.URL, http.StatusTemporaryRedirect)
	})
	b.run(t)
	b.happen(t, b.ws, "lock.locked")
	eventually(t, "an attempt", func() bool { return len(b.attempts(t, h)) == 1 })
	if a := b.attempts(t, h)[0]; a.Status != "error" || *a.StatusCode != 307 || len(inside.ids()) != 0 {
		t.Errorf("%+v, %d requests inside", a, len(inside.ids()))
	}
	outside.respond(func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		for range 10_000 {
			if _, err := w.Write([]byte(strings.Repeat("x\x00\xff", 1000))); err != nil {
				return
			}
		}
	})
	b.advance(6 * time.Second)
	eventually(t, "the second attempt", func() bool { return len(b.attempts(t, h)) == 2 })
	if a := b.attempts(t, h)[0]; a.Status != "success" || len(a.Response) > 4*mostResponse {
		t.Errorf("%s with %d bytes kept", a.Status, len(a.Response))
	}
	// The operator's rules of now count, not those of when the webhook was made.
	b.Guard.Local = false
	b.happen(t, b.ws, "lock.locked")
	eventually(t, "a refusal", func() bool { return len(b.attempts(t, h)) == 3 })
	if a := b.attempts(t, h)[0]; a.Error == nil || !strings.Contains(*a.Error, "not on the public internet") || a.StatusCode != nil ||
		strings.Contains(*a.Error, "127.0.0.1") {
		t.Errorf("%+v", a)
	}
	if strings.Contains(b.logged(), "secret-path") {
		t.Error("an address in the log")
	}
}
