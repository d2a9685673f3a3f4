// Package job runs work later: durably, in order of its time, more than once if need be. A job is
// written in the transaction of the change that needs it, claimed with a lease, retried with
// backoff, and taken over by another process when its own dies. What fails too often is kept aside.
package job

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/platform/clock"
	"keyway/internal/platform/store"
)

// Job is one piece of work.
type Job struct {
	ID          string
	Kind        string
	WorkspaceID string // empty: about the instance
	Payload     json.RawMessage
	Attempts    int // claims since it last finished, this one included
	failures    int // before this attempt, in a row
	holder      string
	finished    *bool
	runner      *Runner
}

// errTaken is returned by Finish when another worker has taken the job over, or finished it, meanwhile.
var errTaken = errors.New("the job has been taken over")

// Finish takes the job off the list inside the handler's own transaction, so that its effect
// happens exactly once: it fails, and the transaction with it, when another worker has taken the
// job over. A handler that does not call it must be safe to run again. A job that
// was scheduled once more while it ran stays, to run again.
func (j Job) Finish(ctx context.Context, tx *store.Tx) error {
	done, err := deleteHeld(ctx, tx, j)
	if err == nil && !done {
		var offset time.Duration
		if offset, err = clock.Offset(ctx, tx, j.WorkspaceID); err == nil {
			done, err = releaseAgain(ctx, tx, j, offset)
		}
	}
	return j.ended(ctx, tx, done, err)
}

// Again is Finish for a job of Schedule that is to run once more, at a time of its workspace's clock or
// earlier if that was requested meanwhile; its attempts keep counting.
func (j Job) Again(ctx context.Context, tx *store.Tx, at time.Time) error {
	offset, err := clock.Offset(ctx, tx, j.WorkspaceID)
	if err != nil {
		return err
	}
	done, err := releaseAt(ctx, tx, j, at, offset)
	return j.ended(ctx, tx, done, err)
}

// Later releases the job to run again at a real time. That is not a failure: it waits for something.
func (j Job) Later(ctx context.Context, tx *store.Tx, at time.Time) error {
	in := j.runner.laneOf(j.Kind)
	tx.AfterCommit(func() { j.runner.wakeFor(in, at) })
	done, err := releaseLater(ctx, tx, j, at)
	return j.ended(ctx, tx, done, err)
}

// ended is how Finish and Again end.
func (j Job) ended(ctx context.Context, tx *store.Tx, done bool, err error) error {
	tx.AfterCommit(func() { *j.finished = true; j.runner.notify(j.ID) })
	if err == nil && !done {
		err = errTaken
	}
	if err == nil && j.failures >= maxFailures {
		err = deleteFailed(ctx, tx, j)
	}
	return err
}

// Handler does the work of one kind of jobs. An error has it retried later. Its ctx ends when the
// server has been stopping for some seconds: then the job is taken up at the next start.
type Handler func(ctx context.Context, j Job) error

// kind is what the Runner knows of a kind of jobs.
type kind struct {
	lane    Lane
	handle  Handler
	recurs  bool
	retryIn time.Duration // where it recurs: how long after the last failure it is retried
}

// Option configures a kind of jobs.
type Option func(*kind)

// In sets the lane in which the jobs of a kind run.
func In(l Lane) Option { return func(k *kind) { k.lane = l } }

// Recurring is for work that must continue however often it failed, because nothing else would schedule it again:
// after the last try it is kept aside like any other, and retried when retryIn has passed.
func Recurring(retryIn time.Duration) Option {
	return func(k *kind) { k.recurs, k.retryIn = true, retryIn }
}

const (
	lease       = 20 * time.Second        // after which another worker takes over
	pause       = time.Second             // before a database that has just failed is asked again
	maxFailures = 15                      // after which a job is kept aside: about an hour with backoff
	stopAfter   = 8 * time.Second         // what a handler has from the end of Run's ctx to the end of its own
	leaveAfter  = 9500 * time.Millisecond // after which Run ends without those that still continue
)

// Runner runs jobs. Register all handlers before Run.
type Runner struct {
	db    *store.DB
	log   *slog.Logger
	now   func() time.Time
	kinds map[string]kind
	lanes map[Lane]*lane

	mu      sync.Mutex
	held    map[string]string                 // job id -> holder of the jobs that run here
	renews  bool                              // a goroutine renews their leases
	waiters map[string]map[chan struct{}]bool // by job id
	waiting map[string]int                    // by workspace
	active  int                               // how many Run there are
	stopped chan struct{}                     // closed when Run stops; nil before the first
	stop    context.CancelFunc                // of Run

	failures, givenUp *prometheus.CounterVec
	busy              *prometheus.GaugeVec

	stopAfter, leaveAfter, maxWait time.Duration // shorter in tests
}

// NewRunner makes a Runner.
func NewRunner(db *store.DB, log *slog.Logger, now func() time.Time) *Runner {
	r := &Runner{db: db, log: log, now: now, kinds: map[string]kind{}, lanes: map[Lane]*lane{},
		held: map[string]string{}, waiters: map[string]map[chan struct{}]bool{}, waiting: map[string]int{},
		stopAfter: stopAfter, leaveAfter: leaveAfter, maxWait: MaxWait}
	for _, name := range []Lane{Bolts, Visits, Deliveries, Rest} {
		r.lanes[name] = newLane(name)
	}
	r.failures = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keyway_job_failures_total",
		Help: "Attempts of jobs that failed, by kind."}, []string{"kind"})
	r.givenUp = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keyway_jobs_given_up_total",
		Help: "Jobs that were kept aside because they failed too often, by kind."}, []string{"kind"})
	r.busy = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "keyway_job_workers_busy", Help: "Jobs that run now, by lane."},
		[]string{"lane"})
	r.Handle(retimeJob, r.runRetime, Recurring(10*time.Minute))
	return r
}

// Collectors are the metrics of the jobs.
func (r *Runner) Collectors() []prometheus.Collector {
	return []prometheus.Collector{r.failures, r.givenUp, r.busy}
}

// Handle registers the handler of a kind. Its jobs run in the lane Rest unless an option says another.
func (r *Runner) Handle(name string, h Handler, options ...Option) {
	k := kind{lane: Rest, handle: h}
	for _, o := range options {
		o(&k)
	}
	r.kinds[name] = k
	r.failures.WithLabelValues(name) // there from the first: an alert on a rate needs the zero
	r.givenUp.WithLabelValues(name)
}

// laneOf is the lane of a kind; an unknown kind fails in the lane for the rest.
func (r *Runner) laneOf(kind string) Lane {
	if k, ok := r.kinds[kind]; ok {
		return k.lane
	}
	return Rest
}

// Enqueue writes a job; it runs at runAt or soon after the transaction is on disk.
func (r *Runner) Enqueue(ctx context.Context, tx *store.Tx, kind, workspaceID string, payload any, runAt time.Time) (string, error) {
	text, err := json.Marshal(payload)
	if err != nil {
		return "", err
	}
	id := store.NewID()
	return id, r.insert(ctx, tx, id, kind, workspaceID, text, runAt)
}

// EnqueueAs is Enqueue for a job with an id that is known otherwise. No other job may have it.
func (r *Runner) EnqueueAs(ctx context.Context, tx *store.Tx, id, kind, workspaceID string, payload any, runAt time.Time) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	return r.insert(ctx, tx, id, kind, workspaceID, text, runAt)
}

func (r *Runner) insert(ctx context.Context, tx *store.Tx, id, kind, workspaceID string, payload []byte, runAt time.Time) error {
	in := r.laneOf(kind)
	tx.AfterCommit(func() { r.wakeFor(in, runAt) })
	return insertJob(ctx, tx, id, kind, workspaceID, in, string(payload), runAt, r.now())
}

// Payload reads the payload of a job that is not finished; ok is false when there is none with the id.
func (r *Runner) Payload(ctx context.Context, q store.Querier, id string) (payload json.RawMessage, ok bool, err error) {
	return payloadOf(ctx, q, id)
}

// Schedule has the job with the key run at a time of its workspace's clock. There is one job with a
// key: asked for again, it runs at the earlier of the two times, and once more if it is running.
func (r *Runner) Schedule(ctx context.Context, tx *store.Tx, key, kind, workspaceID string, payload any, at time.Time) error {
	offset, err := clock.Offset(ctx, tx, workspaceID)
	if err != nil {
		return err
	}
	return r.ScheduleAhead(ctx, tx, key, kind, workspaceID, payload, at, offset)
}

// ScheduleAhead is Schedule where it is known how far the clock of the workspace is ahead.
func (r *Runner) ScheduleAhead(ctx context.Context, tx *store.Tx, key, kind, workspaceID string, payload any, at time.Time,
	offset time.Duration) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	in := r.laneOf(kind)
	tx.AfterCommit(func() { r.wakeFor(in, at.Add(-offset)) })
	return upsertJob(ctx, tx, key, kind, workspaceID, in, string(text), at, offset, r.now())
}

// Cancel takes a job off the list, also while it runs: its handler's Finish then fails, and what is in
// the same transaction does not happen.
func (r *Runner) Cancel(ctx context.Context, tx *store.Tx, id string) error {
	tx.AfterCommit(func() { r.notify(id) })
	return deleteJob(ctx, tx, id)
}

// TakeOver runs at once the jobs that a process left behind when it died, where no other process
// can have them: whatever their leases say, by a clock that may have been put back since. Call it before
// anything here runs jobs.
func (r *Runner) TakeOver(ctx context.Context) error {
	if r.db.Shared() {
		return nil
	}
	return r.db.Update(ctx, func(tx *store.Tx) error { return endLeases(ctx, tx, r.now()) })
}
