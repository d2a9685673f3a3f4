// Package job runs work later: durably, in order of its time, more than once if need be. A job is
// written in the transaction of the change that needs it, claimed with a lease, retried with
// backoff, and taken over by another process when its own dies.
package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"keyway/internal/platform/clock"
	"keyway/internal/platform/store"
)

// Job is one piece of work.
type Job struct {
	ID          string
	Kind        string
	WorkspaceID string // empty: about the instance
	Payload     json.RawMessage
	Attempts    int // this one included
	finished    *bool
}

// errTaken is returned by Finish when another worker has taken the job over, or finished it, meanwhile.
var errTaken = errors.New("the job has been taken over")

// Finish takes the job off the list inside the handler's own transaction, so that its effect
// happens exactly once: it fails, and the transaction with it, when another worker has taken the
// job over. A handler that does not call it must be safe to run again. A job that
// was scheduled once more while it ran stays, to run again.
func (j Job) Finish(ctx context.Context, tx *store.Tx) error {
	tx.AfterCommit(func() { *j.finished = true })
	r, err := tx.Exec(ctx, `DELETE FROM jobs WHERE job_id = $1 AND attempts = $2 AND again_at IS NULL`, j.ID, j.Attempts)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n > 0 {
		return err
	}
	offset, err := clock.Offset(ctx, tx, j.WorkspaceID)
	if err != nil {
		return err
	}
	r, err = tx.Exec(ctx, `UPDATE jobs SET run_at = CASE WHEN due_at IS NULL THEN again_at ELSE again_at - $2 END,
		due_at = CASE WHEN due_at IS NULL THEN NULL ELSE again_at END, again_at = NULL, lease_until = NULL, attempts = 0 WHERE job_id = $1 AND attempts = $3`, j.ID, offset.Microseconds(), j.Attempts)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errTaken)
	}
	return nil
}

// Again is Finish for a job of Schedule that is to run once more, at a time of its workspace's clock or
// earlier if that was asked for meanwhile; its attempts are counted on.
func (j Job) Again(ctx context.Context, tx *store.Tx, at time.Time) error {
	tx.AfterCommit(func() { *j.finished = true })
	offset, err := clock.Offset(ctx, tx, j.WorkspaceID)
	if err != nil {
		return err
	}
	r, err := tx.Exec(ctx, `UPDATE jobs SET
		run_at = CASE WHEN again_at < CAST($2 AS BIGINT) THEN again_at ELSE CAST($2 AS BIGINT) END - $3,
		due_at = CASE WHEN again_at < CAST($2 AS BIGINT) THEN again_at ELSE CAST($2 AS BIGINT) END,
		again_at = NULL, lease_until = NULL WHERE job_id = $1 AND attempts = $4`, j.ID, store.Micros(at), offset.Microseconds(), j.Attempts)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errTaken)
	}
	return nil
}

// Handler does the work of one kind of jobs. An error has it tried again later.
type Handler func(ctx context.Context, j Job) error

const (
	lease   = 20 * time.Second // after which another worker takes over
	workers = 16               // jobs run at once
	busy    = math.MinInt64    // when the next look is while every worker works: when one of them ends
	pause   = time.Second      // before the database is asked again that has just failed
)

// Runner runs jobs. Register all handlers before Run.
type Runner struct {
	db       *store.DB
	log      *slog.Logger
	now      func() time.Time
	handlers map[string]Handler
	wake     chan struct{}
	looks    atomic.Int64 // when it looks by itself, in microseconds; the end of time while it is looking
}

// NewRunner makes a Runner.
func NewRunner(db *store.DB, log *slog.Logger, now func() time.Time) *Runner {
	r := &Runner{db: db, log: log, now: now, handlers: map[string]Handler{}, wake: make(chan struct{}, 1)}
	r.looks.Store(math.MaxInt64)
	return r
}

// Handle registers the handler of a kind.
func (r *Runner) Handle(kind string, h Handler) { r.handlers[kind] = h }

// Enqueue writes a job; it runs at runAt or soon after the transaction is on disk.
func (r *Runner) Enqueue(ctx context.Context, tx *store.Tx, kind, workspaceID string, payload any, runAt time.Time) (string, error) {
	text, err := json.Marshal(payload)
	if err != nil {
		return "", err
	}
	id := store.NewID()
	_, err = tx.Exec(ctx, `INSERT INTO jobs (job_id, kind, workspace_id, payload, run_at, attempts, last_error, created_at)
		VALUES ($1, $2, $3, $4, $5, 0, '', $6)`, id, kind, workspaceID, string(text), store.Micros(runAt), store.Micros(r.now()))
	tx.AfterCommit(func() { r.wakeFor(runAt) })
	return id, err
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
func (r *Runner) ScheduleAhead(ctx context.Context, tx *store.Tx, key, kind, workspaceID string, payload any, at time.Time, offset time.Duration) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO jobs (job_id, kind, workspace_id, payload, run_at, due_at, attempts, last_error, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 0, '', $7)
		ON CONFLICT (job_id) DO UPDATE SET
			run_at = CASE WHEN jobs.lease_until IS NULL AND excluded.due_at < jobs.due_at THEN excluded.run_at ELSE jobs.run_at END,
			due_at = CASE WHEN jobs.lease_until IS NULL AND excluded.due_at < jobs.due_at THEN excluded.due_at ELSE jobs.due_at END,
			again_at = CASE WHEN jobs.lease_until IS NULL THEN NULL
				WHEN jobs.again_at IS NULL OR excluded.due_at < jobs.again_at THEN excluded.due_at ELSE jobs.again_at END`,
		key, kind, workspaceID, string(text), store.Micros(at.Add(-offset)), store.Micros(at), store.Micros(r.now()))
	tx.AfterCommit(func() { r.wakeFor(at.Add(-offset)) })
	return err
}

// wakeFor has the runner look when something is due earlier than it would look by itself, or when the
// clock was put past the time of its next look while it slept.
func (r *Runner) wakeFor(at time.Time) {
	looks := r.looks.Load()
	if at.UnixMicro() < looks || looks != busy && r.now().UnixMicro() > looks {
		r.Wake()
	}
}

// Wake has the runner look for due jobs now.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// TakeOver has the jobs run at once that a process has left behind which died, where no other process
// can have them: whatever their leases say, by a clock that may have been put back since. Call it before
// anything here runs jobs.
func (r *Runner) TakeOver(ctx context.Context) error {
	if r.db.Shared() {
		return nil
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE jobs SET run_at = $1, lease_until = $1 WHERE lease_until > $1`, store.Micros(r.now()))
		return err
	})
}

// Run runs due jobs until ctx ends, then waits for those that are running. It claims no more than
// it can run at once: a job that waits for its turn would lose its lease.
func (r *Runner) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, workers)
	for {
		r.looks.Store(math.MaxInt64)
		wait, looks := time.Minute, int64(busy)
		if free := workers - len(slots); free > 0 {
			jobs, err := r.claim(ctx, free)
			if err != nil && ctx.Err() == nil {
				r.log.Error("claiming jobs failed", "error", err)
			}
			for _, j := range jobs {
				slots <- struct{}{}
				running.Go(func() {
					r.run(context.WithoutCancel(ctx), j)
					<-slots
					r.Wake() // there is a slot, and a failed job has a new time
				})
			}
			if wait = pause; err == nil && len(jobs) < free {
				wait = r.untilNext(ctx)
			} else if err == nil {
				continue
			}
			looks = r.now().Add(wait).UnixMicro()
		}
		r.looks.Store(looks)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// claim leases up to most jobs that are due: by UPDATE … RETURNING, so that two processes never get the same.
func (r *Runner) claim(ctx context.Context, most int) (jobs []Job, err error) {
	now := r.now()
	var due bool
	if err := r.db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM jobs WHERE run_at <= $1)`, store.Micros(now)).Scan(&due); err != nil || !due {
		return nil, err
	}
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		// A claimed job's run_at is when its lease ends: so that one index finds both what is due
		// and what was left behind.
		rows, err := tx.Query(ctx, `UPDATE jobs SET attempts = attempts + 1, lease_until = $2, run_at = $2
			WHERE job_id IN (SELECT job_id FROM jobs WHERE run_at <= $1 ORDER BY run_at, job_id LIMIT $3 `+r.db.SkipLocked()+`)
			RETURNING job_id, kind, workspace_id, payload, attempts`, store.Micros(now), store.Micros(now.Add(lease)), most)
		jobs, err = store.All(rows, err, func(rows *sql.Rows) (j Job, err error) {
			var payload string
			err = rows.Scan(&j.ID, &j.Kind, &j.WorkspaceID, &payload, &j.Attempts)
			j.Payload, j.finished = json.RawMessage(payload), new(bool)
			return j, err
		})
		return err
	})
	return jobs, err
}

// untilNext is how long nothing will be due. Jobs of other processes are found by looking once a
// second; alone on the database, a job of one's own wakes the runner, and only a machine that slept, or
// whose clock was put forward, makes others due earlier than a timer can know.
func (r *Runner) untilNext(ctx context.Context) time.Duration {
	most := time.Second
	if !r.db.Shared() {
		most = 5 * time.Second
	}
	var at sql.NullInt64
	if err := r.db.QueryRow(ctx, `SELECT min(run_at) FROM jobs`).Scan(&at); err != nil || !at.Valid {
		return most
	}
	return max(min(store.Time(at.Int64).Sub(r.now()), most), time.Millisecond)
}

func (r *Runner) run(ctx context.Context, j Job) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go r.keep(ctx, j)
	err := r.handle(ctx, j)
	cancel()
	ctx = context.WithoutCancel(ctx)
	if err == nil && !*j.finished {
		err = r.db.Update(ctx, func(tx *store.Tx) error { return j.Finish(ctx, tx) })
	}
	if err == nil || errors.Is(err, errTaken) {
		return
	}
	r.log.Error("job failed", "kind", j.Kind, "job_id", j.ID, "workspace_id", j.WorkspaceID, "attempt", j.Attempts, "error", err)
	next, failure := r.now().Add(backoff(j.Attempts)), err
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		offset, e := clock.Offset(ctx, tx, j.WorkspaceID)
		if e != nil {
			return e
		}
		_, e = tx.Exec(ctx, `UPDATE jobs SET run_at = $2, due_at = CASE WHEN due_at IS NULL THEN NULL ELSE CAST($4 AS BIGINT) END, lease_until = NULL, last_error = $3
			WHERE job_id = $1 AND attempts = $5`, j.ID, store.Micros(next), failure.Error(), store.Micros(next.Add(offset)), j.Attempts)
		return e
	})
	if err != nil {
		r.log.Error("putting a failed job back failed; its lease will run out", "job_id", j.ID, "error", err)
	}
}

func (r *Runner) handle(ctx context.Context, j Job) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	h := r.handlers[j.Kind]
	if h == nil {
		return fmt.Errorf("no handler for jobs of kind %q", j.Kind)
	}
	return h(ctx, j)
}

// keep renews the lease of a job that takes long.
func (r *Runner) keep(ctx context.Context, j Job) {
	t := time.NewTicker(lease / 2)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		until := store.Micros(r.now().Add(lease))
		err := r.db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE jobs SET run_at = $2, lease_until = $2 WHERE job_id = $1 AND attempts = $3`, j.ID, until, j.Attempts)
			return err
		})
		if err != nil && ctx.Err() == nil {
			r.log.Error("renewing a job's lease failed", "job_id", j.ID, "error", err)
		}
	}
}

// backoff grows from a second to ten minutes, with jitter so that many failures do not come back
// as one.
func backoff(attempts int) time.Duration {
	d := min(time.Second<<min(attempts-1, 20), 10*time.Minute)
	return d/2 + rand.N(d/2+1)
}
