package lock_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyway/internal/api/account"
	"keyway/internal/api/action"
	"keyway/internal/api/device"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/provider/sandbox"
	"keyway/internal/trust/credential"
	"keyway/internal/wiring/apitest"
)

// slow is a driver some of whose locks do not answer before they are released.
type slow struct {
	*sandbox.Driver
	release chan struct{}
	fails   error         // what they say then
	takes   time.Duration // or they accept the request and have so long to report the outcome

	mu    sync.Mutex
	hangs map[string]bool // by external id
	hung  atomic.Int64
}

// slowSession is a session of a slow.
type slowSession struct {
	*sandbox.Session
	s *slow
}

func (s *slow) Open(ctx context.Context, a provider.Account, sink provider.Sink) (provider.Session, error) {
	opened, err := s.Driver.Open(ctx, a, sink)
	if err != nil {
		return nil, err
	}
	return &slowSession{opened.(*sandbox.Session), s}, nil
}

func (o *slowSession) Unlock(ctx context.Context, r provider.Ref, commandID string) (provider.Asked, error) {
	s := o.s
	s.mu.Lock()
	hangs := s.hangs[r.WorkspaceID+r.Device]
	s.mu.Unlock()
	if !hangs {
		return o.Session.Unlock(ctx, r, commandID)
	}
	s.hung.Add(1)
	if s.takes > 0 {
		return provider.Asked{Until: time.Now().Add(s.takes)}, nil
	}
	select {
	case <-s.release:
		return provider.Asked{}, s.fails
	case <-ctx.Done():
		return provider.Asked{}, ctx.Err()
	}
}

type world struct {
	*apitest.World
	*slow
	t  *testing.T
	ws workspace.Workspace
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	apitest.Each(t, func(t *testing.T, a *apitest.World) {
		w := &world{World: a, t: t, slow: &slow{Driver: a.Virtual, release: make(chan struct{}), hangs: map[string]bool{}}}
		w.ws = w.Workspace(w.Person("ann"), "A", true)
		test(t, w)
	})
}

// as is a request in a workspace.
func as(ws workspace.Workspace) context.Context {
	return credential.With(context.Background(), credential.Principal{Kind: rpc.APIKey, CredentialID: "key", WorkspaceID: ws.ID,
		Role: rpc.Admin, IsSandbox: true})
}

// locks connects an account and gives the locks of it that can be turned now.
func (w *world) locks(ws workspace.Workspace) (ids []string) {
	w.t.Helper()
	w.Connect(ws, "august")
	rows, err := w.DB.Query(w.t.Context(), `SELECT device_id FROM devices WHERE workspace_id = $1 ORDER BY created_at, device_id`, ws.ID)
	all, err := store.All(rows, err, store.One[string])
	w.Must(err)
	for _, id := range all {
		if r := w.reach(ws, id); r.CanRemotelyUnlock != nil && *r.CanRemotelyUnlock && len(r.Errors) == 0 {
			ids = append(ids, id)
		}
	}
	if len(ids) < 2 {
		w.t.Fatal("too few locks", len(ids))
	}
	return ids
}

func (w *world) reach(ws workspace.Workspace, id string) device.Reached {
	w.t.Helper()
	r, err := w.Devices.Reach(w.t.Context(), w.DB, ws.ID, id)
	w.Must(err)
	return r
}

// hang has locks not answer from now on.
func (w *world) hang(ws workspace.Workspace, ids ...string) {
	w.t.Helper()
	registry := provider.NewRegistry(w.slow)
	w.Devices.Providers = registry
	w.Devices.Sessions = &account.Accounts{DB: w.DB, Vault: w.Vault, Events: w.Events, Devices: w.Devices, Providers: registry,
		Log: w.Accounts.Log, Now: w.Now}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		w.hangs[ws.ID+w.reach(ws, id).Ref.Device] = true
	}
}

// turn asks a lock to unlock or lock.
func (w *world) turn(ws workspace.Workspace, id string, locked bool) action.Attempt {
	w.t.Helper()
	doc, err := w.Locks.Turn(as(ws), id, locked)
	w.Must(err)
	return w.decode(doc)
}

func (w *world) decode(doc []byte) (a action.Attempt) {
	w.t.Helper()
	w.Must(json.Unmarshal(doc, &a))
	return a
}

func (w *world) attempt(ws workspace.Workspace, id string) action.Attempt {
	w.t.Helper()
	doc, err := w.Attempts.Get(w.t.Context(), w.DB, ws.ID, id)
	w.Must(err)
	return w.decode(doc)
}

func (w *world) until(what string, done func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("never: %s", what)
		}
	}
}

func (w *world) settled(ws workspace.Workspace, id string) action.Attempt {
	w.t.Helper()
	var a action.Attempt
	w.until("the attempt is settled", func() bool { a = w.attempt(ws, id); return a.Status != "pending" })
	return a
}

func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	w.Must(w.DB.QueryRow(w.t.Context(), query, args...).Scan(&n))
	return n
}

// Guards against locks that hang delaying any other: two hundred of one workspace, and the other locks
// of the same and of other workspaces are turned meanwhile.
func TestHangingLocksLeaveOthersAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		other := w.Workspace(w.Person("bob"), "B", true)
		mine, theirs := w.locks(w.ws), w.locks(other)
		w.hang(w.ws, mine[0])
		w.fails = provider.ErrRefused
		w.RunJobs()
		var hanging []string
		for range 200 {
			hanging = append(hanging, w.turn(w.ws, mine[0], false).ID)
		}
		w.until("all hang", func() bool { return w.hung.Load() == 200 })
		for range 20 {
			for _, a := range []action.Attempt{w.settled(other, w.turn(other, theirs[0], false).ID),
				w.settled(w.ws, w.turn(w.ws, mine[1], false).ID)} {
				if a.Status != "success" {
					t.Fatalf("%+v", a)
				}
			}
		}
		if a := w.attempt(w.ws, hanging[0]); a.Status != "pending" {
			t.Fatalf("it did not hang: %+v", a)
		}
		close(w.release)
		for _, id := range hanging {
			if a := w.settled(w.ws, id); a.Status != "error" || a.Error.Type != "device_refused" {
				t.Fatalf("%+v", a)
			}
		}
	})
}

// Guards the order of writing and asking: anyone who looks while the device is asked sees when that was
// and until when the outcome is expected, so that no one asks again.
func TestAnAttemptSaysThatItIsSentBeforeItIs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		lock := w.locks(w.ws)[0]
		w.hang(w.ws, lock)
		w.RunJobs()
		a := w.turn(w.ws, lock, false)
		w.until("it is asked", func() bool { return w.hung.Load() == 1 })
		p, err := w.Attempts.Progress(t.Context(), w.DB, w.ws.ID, a.ID)
		if err != nil || p.Settled || p.SentAt.IsZero() || !p.Deadline.After(p.SentAt) || p.Deadline.Sub(p.SentAt) > time.Minute {
			t.Errorf("%+v %v", p, err)
		}
		close(w.release)
		if a = w.settled(w.ws, a.ID); a.Status != "success" {
			t.Errorf("%+v", a)
		}
	})
}

// Evidence of a command ends its attempt, whatever the call that asked says afterwards, and once: one
// outcome, one pair of events.
func TestEvidenceConfirms(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]*action.Failure{"done": nil, "failed": {Type: "lock_jammed", Message: "The bolt is jammed."}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				lock := w.locks(w.ws)[0]
				w.hang(w.ws, lock)
				w.fails = errors.New("too late to matter")
				w.RunJobs()
				a := w.turn(w.ws, lock, false)
				w.until("it is asked", func() bool { return w.hung.Load() == 1 })
				confirm := func(id string) {
					w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) error {
						return w.Locks.Confirm(t.Context(), tx, w.ws.ID, id, failure)
					}, store.Workspace(w.ws.ID)))
				}
				confirm("another command")
				if w.attempt(w.ws, a.ID).Status != "pending" {
					t.Error("confirmed by evidence of another command")
				}
				confirm(a.ID)
				close(w.release)
				confirm(a.ID)
				a = w.settled(w.ws, a.ID)
				if failure == nil && a.Status != "success" || failure != nil && (a.Error == nil || *a.Error != *failure) {
					t.Errorf("%+v", a)
				}
				w.until("the job has ended", func() bool { return w.count(`SELECT count(*) FROM jobs WHERE kind = 'lock.turn'`) == 0 })
				if n := w.count(`SELECT count(*) FROM events WHERE workspace_id = $1 AND doc LIKE '%action_attempt.unlock_door.%'`, w.ws.ID); n != 1 {
					t.Errorf("%d events tell the outcome", n)
				}
			})
		})
	}
}

// Guards against taking a request for its outcome: a lock that took one is pending until its device itself has
// said what became of it, or its time is over; what the peer only assumes confirms nothing.
func TestWhatALockTookIsPending(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		report *provider.Report
		want   string // status, with the type of the error
	}{
		"sent by the device":   {&provider.Report{Evidence: provider.Sent}, "success"},
		"assumed by the peer":  {&provider.Report{Evidence: provider.Optimistic}, "error device_timeout"},
		"it failed":            {&provider.Report{Failed: provider.ErrJammed}, "error lock_jammed"},
		"nothing more is said": {nil, "error device_timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				lock := w.locks(w.ws)[0]
				w.takes = 3 * time.Second
				w.hang(w.ws, lock)
				w.RunJobs()
				a := w.turn(w.ws, lock, false)
				w.until("it is asked", func() bool {
					return w.hung.Load() == 1 && w.count(`SELECT count(*) FROM jobs WHERE kind = 'lock.turn' AND lease_until IS NULL`) == 1
				})
				if a := w.attempt(w.ws, a.ID); a.Status != "pending" {
					t.Errorf("%+v", a)
				}
				if c.report != nil {
					c.report.For = a.ID
					r := w.reach(w.ws, lock)
					w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) error {
						return w.Devices.Observe(t.Context(), tx, &r, *c.report)
					}, store.Workspace(w.ws.ID)))
				}
				a = w.settled(w.ws, a.ID)
				got := a.Status
				if a.Error != nil {
					got += " " + a.Error.Type
				}
				if got != c.want || w.hung.Load() != 1 {
					t.Errorf("%s, want %s; asked %d times", got, c.want, w.hung.Load())
				}
			})
		})
	}
}

// What cannot be requested is refused at once, and what can no longer be done ends with its reason.
func TestReasons(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		locks, other := w.locks(w.ws), w.Workspace(w.Person("bob"), "B", true)
		if _, err := w.Locks.Turn(as(other), locks[0], false); !fault.Is(err, fault.DeviceNotFound) {
			t.Error("another workspace's lock:", err)
		}
		if _, err := w.Locks.Turn(as(w.ws), "unknown", false); !fault.Is(err, fault.DeviceNotFound) {
			t.Error(err)
		}
		old := w.turn(w.ws, locks[0], false)
		w.Pass(2 * time.Minute)
		w.RunJobs()
		if a := w.settled(w.ws, old.ID); a.Error == nil || a.Error.Type != "action_attempt_interrupted" {
			t.Errorf("two minutes later: %+v", a)
		}
		if p, err := w.Attempts.Progress(t.Context(), w.DB, w.ws.ID, old.ID); err != nil || !p.SentAt.IsZero() {
			t.Error("it says that it was sent", err)
		}
		done := w.settled(w.ws, w.turn(w.ws, locks[0], false).ID)
		var result struct {
			Confirmed bool `json:"was_confirmed_by_device"`
		}
		if err := json.Unmarshal(done.Result, &result); err != nil || !result.Confirmed {
			t.Errorf("%+v %v", done, err)
		}
		if locked := string(w.reach(w.ws, locks[0]).Properties["locked"]); locked != "false" {
			t.Errorf("locked: %s", locked)
		}
		w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `DELETE FROM action_attempts WHERE action_attempt_id = $1`, done.ID)
			return err
		}))
		if _, err := w.Attempts.Progress(t.Context(), w.DB, w.ws.ID, done.ID); !fault.Is(err, fault.ActionAttemptNotFound) ||
			errors.Is(err, sql.ErrNoRows) {
			t.Error(err)
		}
	})
}
