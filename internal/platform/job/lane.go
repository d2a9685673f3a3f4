package job

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"keyway/internal/platform/store"
)

// Lane is a group of kinds of jobs with workers of its own: what waits in one lane does not delay another.
type Lane string

// The lanes.
const (
	Bolts      Lane = "bolts"      // someone stands at a door
	Visits     Lane = "visits"     // rounds with devices, which may wait for slow ones
	Deliveries Lane = "deliveries" // to peers outside
	Rest       Lane = "rest"
)

// workers is how many jobs of a lane run at once. Nearly all of a job's time is waiting, and a worker
// that waits costs some kilobytes; those that work are bounded by the processor and the database anyway.
func (l Lane) workers() int {
	switch l {
	case Bolts:
		return 1024
	case Visits:
		return 64
	}
	return 16
}

// windowSize is how many due jobs a look at a lane reads.
const windowSize = 64

// lane is what runs in a lane here and now.
type lane struct {
	name  Lane
	wake  chan struct{}
	looks atomic.Int64 // when it looks on its own, in microseconds; the end of time while it is looking

	mu      sync.Mutex
	total   int
	running map[string]int // by workspace
	passed  []string       // the last look found due jobs at most of these workspaces, which had their full share
}

func newLane(name Lane) *lane {
	l := &lane{name: name, wake: make(chan struct{}, 1), running: map[string]int{}}
	l.looks.Store(math.MaxInt64)
	return l
}

// room is how many more jobs of a workspace may run: as many as would leave the others as many free
// workers as it occupies. So one workspace gets at most half of a lane, two get a third each, and however
// many occupy workers that do not return, a new one finds some free. The caller holds l.mu.
func (l *lane) room(workspaceID string) int {
	free := l.name.workers() - l.total
	return min(free, (free-l.running[workspaceID]+1)/2)
}

// full are the workspaces that may run no more jobs now. worthwhile is false when no worker is free, or
// when the last look found that none but these have due jobs and nothing has come since.
func (l *lane) full() (out []string, worthwhile bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.running {
		if l.room(id) <= 0 {
			out = append(out, id)
		}
	}
	nothing := len(l.passed) > 0 && !slices.ContainsFunc(l.passed, func(id string) bool { return !slices.Contains(out, id) })
	return out, l.total < l.name.workers() && !nothing
}

// reserve takes workers for as many of the candidates as may run, in their order.
func (l *lane) reserve(found []candidate) (due, early []string, of map[string]int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of = map[string]int{}
	for _, c := range found {
		switch {
		case !c.due:
			early = append(early, c.id)
		case l.room(c.workspaceID) > 0:
			due = append(due, c.id)
			l.running[c.workspaceID]++
			of[c.workspaceID]++
			l.total++
		}
	}
	return due, early, of
}

// release frees workers.
func (l *lane) release(workspaceID string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total -= n
	if l.running[workspaceID] -= n; l.running[workspaceID] <= 0 {
		delete(l.running, workspaceID)
	}
}

// look has the lane's loop look for due jobs now.
func (l *lane) look() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// wakeFor has a lane look when something is due earlier than it would look on its own, or when the
// clock was put past the time of its next look while it slept.
func (r *Runner) wakeFor(in Lane, at time.Time) {
	l := r.lanes[in]
	looks := l.looks.Load()
	if at.UnixMicro() < looks || r.now().UnixMicro() > looks {
		l.forget()
		l.look()
	}
}

// forget has the next look read the list whatever the one before found.
func (l *lane) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.passed = nil
}

// Wake has all lanes look for due jobs now.
func (r *Runner) Wake() {
	for name := range r.lanes {
		r.wakeFor(name, time.Time{})
	}
}

// Run runs due jobs until ctx ends, or Stop is called. Those that run then have some seconds to end on
// their own, some more when their ctx has ended, and are left behind after ten seconds: the next start
// takes them up. It claims no more than it can run at once: a job that waits for its turn would lose its
// lease.
func (r *Runner) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	stopped := make(chan struct{})
	r.mu.Lock()
	r.active++
	r.stop, r.stopped = cancel, stopped
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.active--
		r.mu.Unlock()
	}()
	var running, loops sync.WaitGroup
	for _, l := range r.lanes {
		loops.Go(func() { r.loop(ctx, work, l, &running) })
	}
	<-ctx.Done()
	close(stopped)
	ended := make(chan struct{})
	go func() { loops.Wait(); running.Wait(); close(ended) }()
	cut, leave := time.NewTimer(r.stopAfter), time.NewTimer(r.leaveAfter)
	defer cut.Stop()
	defer leave.Stop()
	for {
		select {
		case <-ended:
			return
		case <-cut.C:
			end()
		case <-leave.C:
			r.log.Error("jobs do not come to an end; the next start takes them up")
			return
		}
	}
}

// Stop ends Run and all waits.
func (r *Runner) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		r.stop()
	}
}

// loop runs the due jobs of a lane until ctx ends; their own ctx is work.
func (r *Runner) loop(ctx, work context.Context, l *lane, running *sync.WaitGroup) {
	busy := r.busy.WithLabelValues(string(l.name))
	for ctx.Err() == nil {
		l.looks.Store(math.MaxInt64)
		jobs, more, err := r.claim(ctx, l)
		for _, j := range jobs {
			busy.Inc()
			running.Go(func() {
				defer func() {
					busy.Dec()
					l.release(j.WorkspaceID, 1)
					l.look() // there is a worker, and a failed job has a new time
				}()
				r.run(work, j)
			})
		}
		if more && err == nil {
			continue
		}
		wait := pause
		if err == nil {
			wait = r.untilNext(ctx, l.name)
		} else if ctx.Err() == nil {
			r.log.Error("claiming jobs failed", "lane", l.name, "error", err)
		}
		l.looks.Store(r.now().Add(wait).UnixMicro())
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-timer.C:
			l.forget()
		}
		timer.Stop()
	}
}

// claim leases due jobs of a lane for its free workers, each workspace no more than its share. more says
// that another look may find others at once.
func (r *Runner) claim(ctx context.Context, l *lane) (jobs []Job, more bool, err error) {
	full, worthwhile := l.full()
	if !worthwhile {
		return nil, false, nil
	}
	found, err := r.candidates(ctx, l.name, full, windowSize)
	if err != nil {
		return nil, false, err
	}
	if len(found) == 0 {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.passed = full
		return nil, false, nil
	}
	due, early, reserved := l.reserve(found)
	err = r.db.Update(ctx, func(tx *store.Tx) (err error) {
		jobs, err = r.claimAll(ctx, tx, due, early)
		return err
	})
	if err != nil {
		jobs = nil
	}
	for _, j := range jobs {
		reserved[j.WorkspaceID]--
		r.hold(j)
	}
	for id, n := range reserved { // those that another process was quicker to claim
		l.release(id, n)
	}
	return jobs, err == nil, err
}

// untilNext is how long nothing will be due in a lane. Jobs of other processes are found by looking once
// a second; alone on the database, a job of one's own wakes the runner, and only a machine that slept, or
// whose clock was put forward, makes others due earlier than a timer can know.
func (r *Runner) untilNext(ctx context.Context, in Lane) time.Duration {
	longest := time.Second
	if !r.db.Shared() {
		longest = 5 * time.Second
	}
	at, ok, err := r.next(ctx, in)
	if err != nil || !ok {
		return longest
	}
	return max(min(at.Sub(r.now()), longest), time.Millisecond)
}

// run runs a claimed job, and releases it if it did not finish.
func (r *Runner) run(work context.Context, j Job) {
	err := r.handle(work, j)
	ctx := context.WithoutCancel(work)
	if err == nil && !*j.finished {
		err = r.db.Update(ctx, func(tx *store.Tx) error { return j.Finish(ctx, tx) })
	}
	if err == nil || errors.Is(err, errTaken) {
		return
	}
	defer r.notify(j.ID)
	if work.Err() != nil {
		err = r.db.Update(ctx, func(tx *store.Tx) error { return putBack(ctx, tx, j, r.now(), j.failures, "") })
	} else {
		err = r.failed(ctx, j, err)
	}
	if err != nil {
		r.log.Error("putting a job back failed; its lease will run out", "job_id", j.ID, "error", err)
	}
}

// failed releases a job that failed, or keeps it aside when it has failed too often.
func (r *Runner) failed(ctx context.Context, j Job, failure error) error {
	r.failures.WithLabelValues(j.Kind).Inc()
	failures, k := j.failures+1, r.kinds[j.Kind]
	r.log.Error("job failed", "kind", j.Kind, "job_id", j.ID, "workspace_id", j.WorkspaceID, "attempt", failures, "error", failure)
	now := r.now()
	if failures < maxFailures || k.recurs && failures%maxFailures != 0 {
		return r.db.Update(ctx, func(tx *store.Tx) error {
			return putBack(ctx, tx, j, now.Add(backoff(failures%maxFailures)), failures, failure.Error())
		})
	}
	r.givenUp.WithLabelValues(j.Kind).Inc()
	r.log.Error("job given up", "kind", j.Kind, "job_id", j.ID, "workspace_id", j.WorkspaceID, "failures", failures, "recurs", k.recurs)
	return r.db.Update(ctx, func(tx *store.Tx) error {
		if err := keepAside(ctx, tx, j, failures, failure.Error(), now); err != nil {
			return err
		}
		if k.recurs {
			return putBack(ctx, tx, j, now.Add(k.retryIn), failures, failure.Error())
		}
		done, err := deleteHeld(ctx, tx, j)
		if err == nil && !done { // scheduled again meanwhile
			err = putBack(ctx, tx, j, now.Add(backoff(maxFailures)), 0, failure.Error())
		}
		return err
	})
}

func (r *Runner) handle(ctx context.Context, j Job) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	r.hold(j)
	defer r.drop(j)
	k, ok := r.kinds[j.Kind]
	switch {
	case !ok:
		return fmt.Errorf("no handler for jobs of kind %q", j.Kind)
	case !k.recurs && j.failures >= maxFailures:
		return errors.New("it failed, or the process died with it, too often")
	}
	return k.handle(ctx, j)
}

// hold has the lease of a job renewed until drop.
func (r *Runner) hold(j Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held[j.ID] = j.holder
	if !r.renews {
		r.renews = true
		go r.keep()
	}
}

func (r *Runner) drop(j Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held[j.ID] == j.holder {
		delete(r.held, j.ID)
	}
}

// keep renews the leases of all jobs that run here, in one statement each time, while there are any.
func (r *Runner) keep() {
	t := time.NewTicker(lease / 2)
	defer t.Stop()
	for range t.C {
		r.mu.Lock()
		held := make(map[string]string, len(r.held))
		for id, holder := range r.held {
			held[id] = holder
		}
		r.renews = len(held) > 0
		r.mu.Unlock()
		if len(held) == 0 {
			return
		}
		if err := r.renew(context.Background(), held); errors.Is(err, store.ErrClosed) {
			return
		} else if err != nil {
			r.log.Error("renewing the leases of jobs failed", "error", err)
		}
	}
}

// backoff grows from a second to ten minutes, with jitter so that many failures are not retried
// all at once.
func backoff(failures int) time.Duration {
	d := min(time.Second<<min(max(failures, 1)-1, 20), 10*time.Minute)
	return d/2 + rand.N(d/2+1)
}
