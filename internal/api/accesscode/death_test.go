package accesscode_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"keyway/internal/platform/job"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/provider"
	"keyway/internal/provider/sandbox"
)

// mortal is a driver in a process that dies at one of the steps between which it asks locks.
type mortal struct {
	*sandbox.Driver
	in    int // so many steps from now
	steps int // taken
}

// mortalSession is a session of a mortal.
type mortalSession struct {
	*sandbox.Session
	m *mortal
}

func (m *mortal) Open(ctx context.Context, a provider.Account, sink provider.Sink) (provider.Session, error) {
	s, err := m.Driver.Open(ctx, a, sink)
	if err != nil {
		return nil, err
	}
	return &mortalSession{s.(*sandbox.Session), m}, nil
}

// step is where the process may die: nothing that it was doing goes on.
func (m *mortal) step() {
	if m.steps++; m.steps == m.in {
		runtime.Goexit()
	}
}

func (s *mortalSession) ReadCodes(ctx context.Context, r provider.Ref, slots ...string) ([]provider.Code, error) {
	s.m.step()
	defer s.m.step()
	return s.Session.ReadCodes(ctx, r, slots...)
}

func (s *mortalSession) PutCode(ctx context.Context, r provider.Ref, c provider.Code, opID string) (provider.Asked, error) {
	s.m.step()
	defer s.m.step()
	return s.Session.PutCode(ctx, r, c, opID)
}

func (s *mortalSession) DeleteCode(ctx context.Context, r provider.Ref, slot, opID string) (provider.Asked, error) {
	s.m.step()
	defer s.m.step()
	return s.Session.DeleteCode(ctx, r, slot, opID)
}

const never = -1

// Wherever in a visit to a lock the process dies, before it plans, between two requests to the lock, or
// with everything done and nothing written: the next process completes it, and codes, attempts and events
// show no difference.
func TestDyingAtEachStep(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		steps := w.dieAt(never)
		if steps != 10 {
			t.Fatalf("a visit that reads, erases one, writes two and reads again has %d steps", steps)
		}
		for in := range steps + 1 {
			w.dieAt(in)
		}
	})
}

// dieAt has the process die at a step of a visit, or before it with 0, starts another, and gives the number
// of steps that were taken.
func (w *world) dieAt(in int) int {
	w.t.Helper()
	lock := w.connect("august")
	w.settle()
	create := func(pin string) object {
		return w.call("/access_codes/create", object{"device_id": lock, "name": pin, "code": pin})
	}
	id := func(made object) string { return made.obj("access_code").str("access_code_id") }
	changed, removed := create("1111"), create("2222")
	w.settle()
	update := w.call("/access_codes/update", object{"access_code_id": id(changed), "code": "3333"})
	remove := w.call("/access_codes/delete", object{"access_code_id": id(removed)})
	made := create("4444")

	m := &mortal{Driver: w.virtual, in: in}
	w.use(m)
	if in == 0 {
		w.jobs.Handle("access_code.sync", func(context.Context, job.Job) error { runtime.Goexit(); return nil })
	}
	dead := make(chan struct{})
	go func() {
		defer close(dead)
		w.settle()
	}()
	<-dead
	if m.steps < in {
		w.t.Fatalf("it has not died in %d steps", m.steps)
	}

	w.start() // what is known to the new process is what is in the database
	w.mu.Lock()
	w.now = w.now.Add(30 * time.Second)
	w.mu.Unlock()
	w.settle()
	if on := w.onLock(lock); len(on) != 2 || on["3333"].Name != "1111" || on["4444"].Slot == "" {
		w.t.Fatalf("died at step %d: on the lock %v", in, on)
	}
	for _, a := range []object{changed, removed, update, remove, made} {
		w.wantAttempt(a, "success", "")
	}
	w.wantStatus(id(changed), "set")
	w.wantStatus(id(made), "set")
	w.wantEvents(id(changed), "created", "mutations_requested", "set_on_device", "mutations_requested", "changed", "code_changed",
		"set_on_device")
	w.wantEvents(id(removed), "created", "mutations_requested", "set_on_device", "mutations_requested", "removed_from_device", "deleted")
	w.wantEvents(id(made), "created", "mutations_requested", "set_on_device")
	if l := w.call("/access_codes/unmanaged/list", object{"device_id": lock}).list("access_codes"); len(l) != 0 {
		w.t.Fatalf("died at step %d: unmanaged codes from nowhere: %v", in, l)
	}
	for _, c := range []string{id(changed), id(made)} {
		w.call("/access_codes/delete", object{"access_code_id": c})
	}
	w.settle()
	return m.steps
}

func (s *mortalSession) Unlock(ctx context.Context, r provider.Ref, commandID string) (provider.Asked, error) {
	s.m.step()
	defer s.m.step()
	return s.Session.Unlock(ctx, r, commandID)
}

// A bolt is turned once, whenever the process dies: the outcome is unknown, and the attempt says so.
func TestDyingWhileABoltTurns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		ctx := context.Background()
		for in := range 3 { // before anything, before the bolt turns, after it has
			asked := w.call("/locks/unlock_door", object{"device_id": lock})
			m := &mortal{Driver: w.virtual, in: in}
			w.use(m)
			if in == 0 {
				w.jobs.Handle("lock.turn", func(context.Context, job.Job) error { runtime.Goexit(); return nil })
			}
			var id string
			w.must(db.QueryRow(ctx, `SELECT job_id FROM jobs WHERE kind = 'lock.turn'`).Scan(&id))
			dead := make(chan struct{})
			go func() {
				defer close(dead)
				_ = w.jobs.RunNow(ctx, id)
			}()
			<-dead
			w.wantAttempt(asked, "pending", "")

			w.start()
			w.use(m)
			w.mu.Lock()
			w.now = w.now.Add(30 * time.Second)
			w.mu.Unlock()
			w.must(w.jobs.RunNow(ctx, id))
			if in == 0 { // it was not asked, and its minute is not over
				w.wantAttempt(asked, "success", "")
				if m.steps != 2 {
					t.Fatalf("%d steps", m.steps)
				}
				continue
			}
			w.wantAttempt(asked, "error", "action_attempt_interrupted")
			if m.steps != in {
				t.Fatalf("died at step %d, and the lock was asked again: %d steps", in, m.steps)
			}
		}
	})
}

// No one is still at the door when a server comes back long after it was asked to open it.
func TestABoltTurnsNotLongAfterItWasAsked(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		m := &mortal{Driver: w.virtual, in: -1}
		w.use(m)
		asked := w.call("/locks/unlock_door", object{"device_id": lock})
		w.mu.Lock()
		w.now = w.now.Add(2 * time.Minute)
		w.mu.Unlock()
		var id string
		w.must(db.QueryRow(t.Context(), `SELECT job_id FROM jobs WHERE kind = 'lock.turn'`).Scan(&id))
		w.must(w.jobs.RunNow(t.Context(), id))
		w.wantAttempt(asked, "error", "action_attempt_interrupted")
		if m.steps != 0 {
			t.Error("the lock was asked all the same")
		}
	})
}
