package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// testClock is a clock that advances by itself, and faster on request.
type testClock struct{ ahead atomic.Int64 }

func (c *testClock) now() time.Time       { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *testClock) pass(d time.Duration) { c.ahead.Add(int64(d)) }

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type world struct {
	db *store.DB
	*Runner
	clock *testClock
	log   *logBuffer
}

func each(t *testing.T, test func(t *testing.T, w world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c, l := new(testClock), new(logBuffer)
		test(t, world{db, NewRunner(db, slog.New(slog.NewTextHandler(l, nil)), c.now), c, l})
	})
}

// start runs a runner until the test ends.
func start(t *testing.T, r *Runner) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
}

func (w world) enqueue(t *testing.T, kind string, payload any, at time.Time) (id string) {
	t.Helper()
	err := w.db.Update(t.Context(), func(tx *store.Tx) (err error) {
		id, err = w.Enqueue(t.Context(), tx, kind, "w", payload, at)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// claimRest claims what is due in the lane for the rest, as a process that dies right after.
func (w world) claimRest(t *testing.T) ([]Job, error) {
	t.Helper()
	jobs, _, err := w.claim(t.Context(), w.lanes[Rest])
	for _, j := range jobs {
		w.drop(j)
	}
	return jobs, err
}

func (w world) left(t *testing.T) (n int) {
	t.Helper()
	if err := w.db.QueryRow(t.Context(), `SELECT count(*) FROM jobs`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestDueJobsRunAndOthersWait(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		var mu sync.Mutex
		var ran []string
		w.Handle("say", func(_ context.Context, j Job) error {
			var text string
			err := json.Unmarshal(j.Payload, &text)
			mu.Lock()
			defer mu.Unlock()
			ran = append(ran, fmt.Sprint(text, " ", j.Kind, " ", j.WorkspaceID, " ", j.Attempts))
			return err
		})
		start(t, w.Runner)
		w.enqueue(t, "say", "later", w.clock.now().Add(time.Hour))
		queued := time.Now()
		w.enqueue(t, "say", "now", w.clock.now())
		count := func() int { mu.Lock(); defer mu.Unlock(); return len(ran) }
		until(t, "the due job ran", func() bool { return count() == 1 && w.left(t) == 1 })
		if late := time.Since(queued); late > time.Second {
			t.Errorf("%s late", late)
		}
		w.clock.pass(time.Hour)
		w.Wake() // the timer sleeps by the real clock
		until(t, "the later job ran", func() bool { return count() == 2 && w.left(t) == 0 })
		if ran[0] != "now say w 1" || ran[1] != "later say w 1" {
			t.Error(ran)
		}
	})
}

// A job that is not committed does not exist.
func TestAJobGoesWithItsTransaction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		oops := errors.New("oops")
		err := w.db.Update(t.Context(), func(tx *store.Tx) error {
			if _, err := w.Enqueue(t.Context(), tx, "say", "", nil, w.clock.now()); err != nil {
				return err
			}
			return oops
		})
		if !errors.Is(err, oops) || w.left(t) != 0 {
			t.Errorf("%v, %d left", err, w.left(t))
		}
	})
}

func TestFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		var tries atomic.Int64
		w.Handle("flaky", func(_ context.Context, j Job) error {
			if int64(j.Attempts) != tries.Add(1) {
				t.Errorf("attempt %d is counted as %d", tries.Load(), j.Attempts)
			}
			switch j.Attempts {
			case 1:
				return errors.New("hunter2")
			case 2:
				panic("hunter3")
			}
			return nil
		})
		w.enqueue(t, "flaky", nil, w.clock.now())
		w.enqueue(t, "nobody knows", nil, w.clock.now())
		start(t, w.Runner)
		// It runs automatically when it is due: the old lease, far longer, delays nothing.
		until(t, "the third attempt succeeded", func() bool { return tries.Load() == 3 && w.left(t) == 1 })
		for _, want := range []string{"hunter2", "panic: hunter3", "no handler"} {
			if !strings.Contains(w.log.String(), want) {
				t.Errorf("%q is not in the log", want)
			}
		}
		var lastError string
		var lease *int64
		if err := w.db.QueryRow(t.Context(), `SELECT last_error, lease_until FROM jobs`).Scan(&lastError, &lease); err != nil ||
			!strings.Contains(lastError, "no handler") {
			t.Errorf("%q %v", lastError, err)
		}
	})
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for attempts, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 11: 10 * time.Minute,
		1000: 10 * time.Minute} {
		for range 100 {
			if d := backoff(attempts); d < most/2 || d > most {
				t.Fatalf("attempt %d waits %s", attempts, d)
			}
		}
	}
}

func TestAnAbandonedJobIsTakenOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.enqueue(t, "x", nil, w.clock.now())
		dead, err := w.claimRest(t)
		if err != nil || len(dead) != 1 {
			t.Fatal(dead, err)
		}
		w.clock.pass(lease - time.Second)
		if again, err := w.claimRest(t); err != nil || len(again) != 0 {
			t.Fatalf("claimed under a lease: %v %v", again, err)
		}
		w.clock.pass(2 * time.Second)
		if again, err := w.claimRest(t); err != nil || len(again) != 1 || again[0].ID != dead[0].ID || again[0].Attempts != 2 {
			t.Fatalf("not taken over: %v %v", again, err)
		}
	})
}

// A process that alone has its database takes over at its start what was left behind, also when the
// clock was put back meanwhile.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.enqueue(t, "x", nil, w.clock.now())
		if dead, err := w.claimRest(t); err != nil || len(dead) != 1 {
			t.Fatal(dead, err)
		}
		w.clock.pass(-time.Hour)
		if err := w.TakeOver(t.Context()); err != nil {
			t.Fatal(err)
		}
		again, err := w.claimRest(t)
		if taken := err == nil && len(again) == 1 && again[0].Attempts == 2; err != nil || taken == w.db.Shared() {
			t.Errorf("claimed: %v %v", again, err)
		}
	})
}

// Nothing wakes the runner when the machine has slept, or its clock was put forward.
func TestTheRunnerNeverSleepsLong(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.enqueue(t, "x", nil, w.clock.now().Add(time.Hour))
		if wait := w.untilNext(t.Context(), Rest); wait > 5*time.Second {
			t.Errorf("it sleeps for %v", wait)
		}
	})
}

// Two workers that both believe a job is theirs have its effect once: the later one rolls back.
func TestFinishHappensOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.enqueue(t, "x", nil, w.clock.now())
		claim := func() Job {
			jobs, err := w.claimRest(t)
			if err != nil || len(jobs) != 1 {
				t.Fatal(jobs, err)
			}
			w.clock.pass(lease + time.Second)
			return jobs[0]
		}
		both := []Job{claim(), claim()}
		var running sync.WaitGroup
		errs := make([]error, len(both))
		for i, j := range both {
			running.Go(func() {
				errs[i] = w.db.Update(t.Context(), func(tx *store.Tx) error {
					if _, err := tx.Exec(t.Context(), `INSERT INTO settings (name, value) VALUES ($1, 'x')`, fmt.Sprint("effect ", i)); err != nil {
						return err
					}
					return j.Finish(t.Context(), tx)
				})
			})
		}
		running.Wait()
		var effects int
		if err := w.db.QueryRow(t.Context(), `SELECT count(*) FROM settings`).Scan(&effects); err != nil || effects != 1 {
			t.Errorf("%d effects (%v)", effects, err)
		}
		if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), errTaken) {
			t.Error(errs)
		}
	})
}

// A handler that has finished its job itself is no failure, and many jobs run once each, whichever
// runner claims them.
func TestManyJobsOnSeveralRunners(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		const n = 200
		var mu sync.Mutex
		ran := map[string]int{}
		var atOnce, most atomic.Int64
		handler := func(ctx context.Context, j Job) error {
			if now := atOnce.Add(1); now > most.Load() {
				most.Store(now)
			}
			defer atOnce.Add(-1)
			mu.Lock()
			ran[j.ID]++
			mu.Unlock()
			return w.db.Update(ctx, func(tx *store.Tx) error { return j.Finish(ctx, tx) })
		}
		other := NewRunner(w.db, slog.New(slog.NewTextHandler(w.log, nil)), w.clock.now)
		for _, r := range []*Runner{w.Runner, other} {
			r.Handle("x", handler)
		}
		err := w.db.Update(t.Context(), func(tx *store.Tx) error {
			for range n {
				if _, err := w.Enqueue(t.Context(), tx, "x", "", nil, w.clock.now()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		start(t, w.Runner)
		start(t, other)
		until(t, "all ran", func() bool { return w.left(t) == 0 })
		mu.Lock()
		defer mu.Unlock()
		if len(ran) != n {
			t.Errorf("%d of %d ran", len(ran), n)
		}
		for id, times := range ran {
			if times != 1 {
				t.Errorf("%s ran %d times", id, times)
			}
		}
		if strings.Contains(w.log.String(), "ERROR") {
			t.Error(w.log.String())
		}
		if most.Load() > 2*int64(Rest.workers()) {
			t.Errorf("%d at once", most.Load())
		}
	})
}

// Run ends when the jobs that run have ended, and no sooner.
func TestRunFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		began, release := make(chan struct{}), make(chan struct{})
		w.Handle("slow", func(ctx context.Context, _ Job) error {
			close(began)
			<-release
			return ctx.Err() // stopping does not reach into a running job
		})
		w.enqueue(t, "slow", nil, w.clock.now())
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		<-began
		cancel()
		select {
		case <-ended:
			t.Error("ended under a running job")
		case <-time.After(30 * time.Millisecond):
		}
		close(release)
		<-ended
		if w.left(t) != 0 {
			t.Error("the job is still there")
		}
	})
}
