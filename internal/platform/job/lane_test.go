package job

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/platform/store"
)

// counted reads a counter of a kind.
func counted(t *testing.T, of *prometheus.CounterVec, kind string) float64 {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(of)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == kind {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("nothing is counted for %s", kind)
	return 0
}

func (w world) enqueueIn(t *testing.T, kind, workspaceID string, n int) {
	t.Helper()
	err := w.db.Update(t.Context(), func(tx *store.Tx) error {
		for range n {
			if _, err := w.Enqueue(t.Context(), tx, kind, workspaceID, nil, w.clock.now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Guards against one workspace, or several, whose jobs hang taking all workers of a lane: the next workspace
// finds one, and so does every other lane.
func TestHangingJobsLeaveWorkersForOthers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		release := make(chan struct{})
		var hung atomic.Int64
		w.Handle("hangs", func(context.Context, Job) error { hung.Add(1); <-release; return nil })
		var done sync.Map
		w.Handle("quick", func(_ context.Context, j Job) error { done.Store(j.WorkspaceID, true); return nil })
		w.Handle("bolt", func(_ context.Context, j Job) error { done.Store("bolt", true); return nil }, In(Bolts))
		start(t, w.Runner)
		t.Cleanup(func() { close(release) }) // before the runner's end, which waits for them
		ran := func(name string) func() bool { return func() bool { _, ok := done.Load(name); return ok } }
		w.enqueueIn(t, "hangs", "a", 100)
		until(t, "half of the workers hang", func() bool { return hung.Load() == int64(Rest.workers())/2 })
		for i := range 3 {
			w.enqueueIn(t, "hangs", fmt.Sprint("more ", i), 100)
		}
		w.enqueueIn(t, "quick", "b", 1)
		until(t, "another workspace's job ran", ran("b"))
		w.enqueueIn(t, "quick", "c", 1)
		until(t, "a third one's, too", ran("c"))
		w.enqueueIn(t, "bolt", "a", 1)
		until(t, "the same workspace's in another lane", ran("bolt"))
		if n := hung.Load(); n >= int64(Rest.workers()) {
			t.Errorf("%d of %d workers hang", n, Rest.workers())
		}
	})
}

// Guards the arithmetic of the shares: the sum is never more than there is, one that comes late is never
// left with nothing while any worker is free, and none gets more than half.
func TestShares(t *testing.T) {
	t.Parallel()
	l := newLane(Visits)
	for i := range 7 {
		var found []candidate
		for n := range 500 {
			found = append(found, candidate{id: fmt.Sprint(i, " ", n), workspaceID: fmt.Sprint(i), due: true})
		}
		free := Visits.workers() - l.total
		due, _, _ := l.reserve(found)
		if got, want := len(due), (free+1)/2; got != want {
			t.Errorf("workspace %d gets %d of %d free workers, want %d", i, got, free, want)
		}
	}
	for i := range 7 {
		id := fmt.Sprint(i)
		l.release(id, l.running[id])
	}
	if l.total != 0 || len(l.running) != 0 {
		t.Errorf("%d workers are not given back: %v", l.total, l.running)
	}
}

// Guards against work that fails being retried endlessly, unseen: it is tried a bounded number of times, kept
// aside with its reason and counted by kind; what must go on is retried later, and is no longer
// reported once it has succeeded.
func TestWhatKeepsFailingIsKeptAndCounted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		var broken atomic.Bool
		broken.Store(true)
		var tries atomic.Int64
		fails := func(context.Context, Job) error {
			if broken.Load() {
				return errors.New("out of order")
			}
			return nil
		}
		w.Handle("once", func(ctx context.Context, j Job) error { tries.Add(1); return fails(ctx, j) })
		w.Handle("recurs", fails, Recurring(6*time.Hour))
		w.enqueue(t, "once", nil, w.clock.now())
		w.schedule(t, "r", "recurs", w.clock.now())
		for range 20 {
			jobs, err := w.claimRest(t)
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range jobs {
				w.run(t.Context(), j)
				w.lanes[Rest].release(j.WorkspaceID, 1)
			}
			w.clock.pass(10 * time.Minute)
		}
		if n := tries.Load(); n != maxFailures || w.left(t) != 1 {
			t.Errorf("tried %d times, %d jobs left", n, w.left(t))
		}
		failed, err := w.Failed(t.Context(), 10)
		if err != nil || len(failed) != 2 || failed[0].LastError != "out of order" || failed[0].Failures != maxFailures {
			t.Errorf("%+v %v", failed, err)
		}
		for _, kind := range []string{"once", "recurs"} {
			if got := counted(t, w.givenUp, kind); got != 1 {
				t.Errorf("%s: given up %v times", kind, got)
			}
			if got := counted(t, w.failures, kind); got != maxFailures {
				t.Errorf("%s: %v failures counted", kind, got)
			}
		}
		broken.Store(false)
		w.clock.pass(6 * time.Hour)
		jobs, err := w.claimRest(t)
		if err != nil || len(jobs) != 1 {
			t.Fatal(jobs, err)
		}
		w.run(t.Context(), jobs[0])
		if failed, err := w.Failed(t.Context(), 10); err != nil || len(failed) != 1 || failed[0].Kind != "once" {
			t.Errorf("%+v %v", failed, err)
		}
	})
}

// Guards against a job that kills its process doing so at every start.
func TestAJobThatKillsItsProcessIsGivenUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		ran := 0
		w.Handle("deadly", func(context.Context, Job) error { ran++; return nil })
		w.enqueue(t, "deadly", nil, w.clock.now())
		for range maxFailures + 1 {
			jobs, err := w.claimRest(t)
			if err != nil || len(jobs) != 1 {
				t.Fatal(jobs, err)
			}
			w.lanes[Rest].release("w", 1)
			w.clock.pass(lease + time.Second)
			if jobs[0].failures >= maxFailures {
				w.run(t.Context(), jobs[0])
			}
		}
		if failed, err := w.Failed(t.Context(), 10); err != nil || len(failed) != 1 || ran != 0 || w.left(t) != 0 {
			t.Error(failed, err, ran, w.left(t))
		}
	})
}

// Guards the fencing of claims: a worker that lost its job can neither finish, renew nor put back a later
// claim of a job with the same key, whatever their attempts were counted as.
func TestALostClaimNeverFitsALaterOne(t *testing.T) {
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
		lost := claim() // its first attempt
		w.clock.pass(lease + time.Second)
		second := claim()
		w.update(t, func(tx *store.Tx) error { return second.Finish(t.Context(), tx) })
		w.schedule(t, "a", "due", w.clock.now())
		third := claim() // also a first attempt
		if err := w.db.Update(t.Context(), func(tx *store.Tx) error { return lost.Finish(t.Context(), tx) }); !errors.Is(err, errTaken) {
			t.Error("the lost claim finished a later one:", err)
		}
		again := w.clock.now()
		w.update(t, func(tx *store.Tx) error { return third.Again(t.Context(), tx, again) })
		if err := w.renew(t.Context(), map[string]string{"a": third.holder}); err != nil { // on its way when the job was given back
			t.Fatal(err)
		}
		if s, err := w.status(t.Context(), "a"); err != nil || s.leased {
			t.Error("leased again by a renewal that came late", err)
		}
	})
}

// Guards against a stop that takes as long as the slowest device: handlers have a while to end, then their
// context ends, then they are left behind; their jobs are there for the next start, at once, and no
// failure is counted.
func TestStopEndsHandlers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.stopAfter, w.leaveAfter = 30*time.Millisecond, time.Minute
		began := make(chan struct{}, 1)
		w.Handle("slow", func(ctx context.Context, _ Job) error {
			began <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		})
		w.enqueue(t, "slow", nil, w.clock.now())
		ended := make(chan struct{})
		go func() { w.Run(context.Background()); close(ended) }()
		<-began
		w.Stop()
		<-ended
		if got := counted(t, w.failures, "slow"); got != 0 {
			t.Errorf("%v failures counted", got)
		}
		jobs, err := w.claimRest(t)
		if err != nil || len(jobs) != 1 || jobs[0].failures != 0 {
			t.Errorf("not there for the next start: %+v %v", jobs, err)
		}
	})
}

func TestStopLeavesStuckHandlersBehind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.stopAfter, w.leaveAfter = time.Millisecond, 30*time.Millisecond
		began, release := make(chan struct{}), make(chan struct{})
		t.Cleanup(func() { close(release) })
		w.Handle("stuck", func(context.Context, Job) error { close(began); <-release; return nil })
		w.enqueue(t, "stuck", nil, w.clock.now())
		ended := make(chan struct{})
		go func() { w.Run(context.Background()); close(ended) }()
		<-began
		w.Stop()
		<-ended // otherwise the test never ends
		if !strings.Contains(w.log.String(), "do not come to an end") {
			t.Error(w.log.String())
		}
	})
}

// Guards the claim against its plan: what is due is found in an index of its lane, in order, and nothing
// is sorted.
func TestClaimsReadAnIndex(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		if w.db.Shared() {
			return // PostgreSQL chooses by what is in the table
		}
		for _, query := range []string{
			`SELECT job_id FROM jobs WHERE lane = 'x' AND run_at <= 1 AND workspace_id NOT IN (SELECT value FROM json_each('[]'))
				ORDER BY run_at LIMIT 1`,
			`SELECT MIN(run_at) FROM jobs WHERE lane = 'x' AND run_at > 1`,
			`SELECT job_id, due_at FROM jobs WHERE workspace_id = 'x' AND due_at <= 1 ORDER BY due_at LIMIT 1`,
		} {
			rows, err := w.db.Query(t.Context(), `EXPLAIN QUERY PLAN `+query)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for rows.Next() {
				var a, b, c int
				var detail string
				if err := rows.Scan(&a, &b, &c, &detail); err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(detail, "SCAN jobs") || strings.Contains(detail, "TEMP B-TREE") {
					t.Errorf("%s: %s", query, detail)
				}
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
