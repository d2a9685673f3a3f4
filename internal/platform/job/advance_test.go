package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"keyway/internal/platform/clock"
	"keyway/internal/platform/store"
)

const most = 400 * 24 * time.Hour

// withWorkspace adds the workspace that the jobs belong to.
func (w world) withWorkspace(t *testing.T) {
	t.Helper()
	w.update(t, func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO workspaces (workspace_id, name, is_sandbox, is_suspended, publishable_key, doc, created_at)
			VALUES ('w', 'Test', $1, $2, 'key', '{}', 0)`, true, false)
		return err
	})
}

func (w world) update(t *testing.T, fn func(*store.Tx) error) {
	t.Helper()
	if err := w.db.Update(t.Context(), fn, store.Workspace("w")); err != nil {
		t.Fatal(err)
	}
}

func (w world) schedule(t *testing.T, key, kind string, at time.Time) {
	t.Helper()
	w.update(t, func(tx *store.Tx) error { return w.Schedule(t.Context(), tx, key, kind, "w", key, at) })
}

func (w world) shows(t *testing.T) time.Time {
	t.Helper()
	now, err := clock.Clock{Real: w.clock.now}.Now(t.Context(), w.db, "w")
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// What is due happens in order, each at its own time, and what follows from it too; what goes by the
// real clock does not.
func TestAdvanceGoesFromOneDueJobToTheNext(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.withWorkspace(t)
		start := w.clock.now()
		var mu sync.Mutex
		var ran []string
		w.Handle("due", func(ctx context.Context, j Job) error {
			now := w.shows(t)
			mu.Lock()
			ran = append(ran, fmt.Sprintf("%s at %dh", j.ID, int(now.Sub(start).Hours())))
			mu.Unlock()
			if j.ID == "c" && j.Attempts == 1 {
				return errors.New("once more")
			}
			return w.db.Update(ctx, func(tx *store.Tx) error {
				if j.ID == "a" && len(ran) == 1 {
					if err := w.Schedule(ctx, tx, "d", "due", "w", "d", now.Add(2*time.Hour)); err != nil {
						return err
					}
				}
				return j.Finish(ctx, tx)
			})
		})
		w.Handle("real", func(context.Context, Job) error { t.Error("a job that goes by the real clock ran"); return nil })
		w.enqueue(t, "real", nil, start.Add(time.Minute))
		w.schedule(t, "c", "due", start.Add(5*time.Hour))
		w.schedule(t, "a", "due", start.Add(time.Hour))
		w.schedule(t, "b", "due", start.Add(48*time.Hour))
		now, err := w.Advance(t.Context(), "w", 24*time.Hour, most)
		if err != nil || now.Sub(start) < 24*time.Hour || w.shows(t).Before(now) {
			t.Fatal(now, err)
		}
		if got, want := fmt.Sprint(ran), "[a at 1h d at 3h c at 5h c at 5h]"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if w.left(t) != 2 {
			t.Errorf("%d jobs left", w.left(t))
		}
		if _, err := w.Advance(t.Context(), "w", most, most); !errors.Is(err, ErrTooFar) {
			t.Error(err)
		}
	})
}

// A clock that is put back delays nothing: what was due stays due at its time.
func TestRewind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.withWorkspace(t)
		start := w.clock.now()
		if _, err := w.Advance(t.Context(), "w", 10*time.Hour, most); err != nil {
			t.Fatal(err)
		}
		w.schedule(t, "a", "due", start.Add(11*time.Hour))
		w.update(t, func(tx *store.Tx) error { return w.Rewind(t.Context(), tx, "w") })
		if ahead := w.shows(t).Sub(w.clock.now()); ahead > 0 {
			t.Errorf("still %s ahead", ahead)
		}
		ran := make(chan struct{}, 1)
		w.Handle("due", func(context.Context, Job) error { ran <- struct{}{}; return nil })
		if _, err := w.Advance(t.Context(), "w", 10*time.Hour, most); err != nil || len(ran) != 0 {
			t.Fatal("ran before its time", err)
		}
		if _, err := w.Advance(t.Context(), "w", 2*time.Hour, most); err != nil || len(ran) != 1 {
			t.Fatal("did not run at its time", err)
		}
	})
}

// A worker that has lost its job, because it was silent for too long, changes nothing about the job of
// the one who took over, and cannot take away what was scheduled since.
func TestAWorkerThatLostItsJobChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.withWorkspace(t)
		claim := func() Job {
			jobs, err := w.claimRest(t)
			if err != nil || len(jobs) != 1 {
				t.Fatal(jobs, err)
			}
			return jobs[0]
		}
		w.schedule(t, "a", "due", w.clock.now())
		lost := claim()
		w.clock.pass(lease + time.Second)
		held := claim()
		w.Handle("due", func(context.Context, Job) error { return errors.New("too late") })
		w.run(t.Context(), lost)
		if again, err := w.claimRest(t); err != nil || len(again) != 0 {
			t.Fatal("the failure of the one ended the lease of the other", again, err)
		}
		w.update(t, func(tx *store.Tx) error { return held.Finish(t.Context(), tx) })
		w.schedule(t, "a", "due", w.clock.now().Add(time.Hour))
		err := w.db.Update(t.Context(), func(tx *store.Tx) error { return lost.Finish(t.Context(), tx) })
		if !errors.Is(err, errTaken) || w.left(t) != 1 {
			t.Error(err, w.left(t))
		}
	})
}

func TestRunNow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.withWorkspace(t)
		ran := 0
		w.Handle("due", func(context.Context, Job) error { ran++; return nil })
		w.schedule(t, "later", "due", w.clock.now().Add(time.Hour))
		w.schedule(t, "now", "due", w.clock.now())
		for _, key := range []string{"later", "now", "unknown"} {
			if err := w.RunNow(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		if ran != 1 || w.left(t) != 1 {
			t.Error(ran, w.left(t))
		}
	})
}

// Guards against moving a clock at a cost of all jobs for each job that becomes due: with many jobs, every
// row is written a bounded number of times, however many steps the clock takes.
func TestAdvanceWritesEachRowAFewTimes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.withWorkspace(t)
		later, due := 20_000, 300
		if w.db.Shared() {
			later = 2000 // the same statements, and PostgreSQL does not count the rows for us
		}
		begin := w.clock.now()
		w.update(t, func(tx *store.Tx) error {
			for i := range later + due {
				at := begin.Add(time.Duration(i) * time.Second)
				if i >= due {
					at = at.Add(48 * time.Hour)
				}
				if err := w.Schedule(t.Context(), tx, fmt.Sprint("job ", i), "due", "w", i, at); err != nil {
					return err
				}
			}
			return nil
		})
		ran := 0
		w.Handle("due", func(context.Context, Job) error { ran++; return nil })
		before := totalChanges(t, w)
		if _, err := w.Advance(t.Context(), "w", 24*time.Hour, most); err != nil || ran != due {
			t.Fatal(ran, err)
		}
		if n := totalChanges(t, w) - before; n > int64(later+10*due) {
			t.Errorf("%d rows written for %d jobs that ran and %d that did not", n, due, later)
		}
		var late int // by the clock as it is now
		if err := w.db.QueryRow(t.Context(), `SELECT count(*) FROM jobs WHERE due_at IS NOT NULL AND run_at <> due_at -
			(SELECT clock_offset FROM workspaces WHERE workspace_id = 'w')`).Scan(&late); err != nil || late != 0 || w.left(t) != later {
			t.Errorf("%d of %d jobs have a wrong time (%v)", late, w.left(t), err)
		}
	})
}

// Guards against jobs that come too late because a process died while it moved a clock: the next one
// corrects their times.
func TestTimesAreCorrectedAfterADeath(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.withWorkspace(t)
		w.schedule(t, "a", "due", w.clock.now().Add(25*time.Hour))
		w.update(t, func(tx *store.Tx) error { // as far as Advance gets
			if err := w.retimeAt(t.Context(), tx, "w", w.clock.now()); err != nil {
				return err
			}
			return clock.Set(t.Context(), tx, "w", 26*time.Hour)
		})
		ran := make(chan struct{}, 1)
		w.Handle("due", func(context.Context, Job) error { ran <- struct{}{}; return nil })
		start(t, w.Runner)
		<-ran // otherwise the test never ends
	})
}

// A job never runs before its time by its workspace's clock, also right after that was put back.
func TestNothingRunsEarly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.withWorkspace(t)
		w.update(t, func(tx *store.Tx) error { return clock.Set(t.Context(), tx, "w", 10*time.Hour) })
		w.schedule(t, "a", "due", w.clock.now().Add(10*time.Hour)) // now
		w.update(t, func(tx *store.Tx) error { return clock.Set(t.Context(), tx, "w", 0) })
		if jobs, err := w.claimRest(t); err != nil || len(jobs) != 0 {
			t.Fatal(jobs, err)
		}
		w.clock.pass(10 * time.Hour)
		if jobs, err := w.claimRest(t); err != nil || len(jobs) != 1 {
			t.Fatal("its time was not corrected", jobs, err)
		}
	})
}
