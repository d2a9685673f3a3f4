package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"keyway/internal/platform/clock"
	"keyway/internal/platform/store"
)

// ErrTooFar is returned by Advance when the clock would get further ahead than it may.
var ErrTooFar = errors.New("the clock would be too far ahead")

// step is how long to wait for a job that another worker is running.
const step = 2 * time.Millisecond

// Advance moves the clock of a workspace forward, from one due job to the next in the order of
// their times, and runs each. When it returns, everything that was due has happened. It gives the
// time that the clock then shows, or ErrTooFar when it would be ahead by more than most.
func (r *Runner) Advance(ctx context.Context, workspaceID string, by, most time.Duration) (time.Time, error) {
	offset, err := clock.Offset(ctx, r.db, workspaceID)
	if err != nil {
		return time.Time{}, err
	}
	if offset+by > most {
		return time.Time{}, ErrTooFar
	}
	target := r.now().Add(offset + by)
	for {
		var j *Job
		var done bool
		err := r.db.Update(ctx, func(tx *store.Tx) (err error) {
			j, done, err = r.advanceOnce(ctx, tx, workspaceID, target)
			return err
		}, store.Workspace(workspaceID))
		switch {
		case err != nil:
			return time.Time{}, err
		case done:
			return target, nil
		case j != nil:
			r.run(context.Background(), *j) // for itself, not for whoever waits
			continue
		}
		if err := wait(ctx); err != nil {
			return time.Time{}, err
		}
	}
}

// Rewind has the clock of a workspace show the real time again. What is due by it stays due at the
// same time of that clock.
func (r *Runner) Rewind(ctx context.Context, tx *store.Tx, workspaceID string) error {
	return r.setClock(ctx, tx, workspaceID, 0)
}

// setClock moves the clock of a workspace to be ahead by d, and the real times of its jobs with it.
func (r *Runner) setClock(ctx context.Context, tx *store.Tx, workspaceID string, d time.Duration) error {
	if err := clock.Set(ctx, tx, workspaceID, d); err != nil {
		return err
	}
	tx.AfterCommit(r.Wake)
	_, err := tx.Exec(ctx, `UPDATE jobs SET run_at = due_at - $2 WHERE workspace_id = $1 AND due_at IS NOT NULL AND lease_until IS NULL`, workspaceID, d.Microseconds())
	return err
}

// advanceOnce moves the clock to the next due job and claims it; to the target when there is none.
// Neither happens while a job before the target is running elsewhere.
func (r *Runner) advanceOnce(ctx context.Context, tx *store.Tx, workspaceID string, target time.Time) (j *Job, done bool, err error) {
	now := r.now()
	offset, err := clock.Offset(ctx, tx, workspaceID)
	if err != nil {
		return nil, false, err
	}
	var running bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM jobs WHERE workspace_id = $1 AND due_at <= $2 AND lease_until > $3)`,
		workspaceID, store.Micros(target), store.Micros(now)).Scan(&running); err != nil || running {
		return nil, false, err
	}
	var id string
	var due int64
	err = tx.QueryRow(ctx, `SELECT job_id, due_at FROM jobs WHERE workspace_id = $1 AND due_at <= $2 ORDER BY due_at, job_id LIMIT 1`,
		workspaceID, store.Micros(target)).Scan(&id, &due)
	if done = errors.Is(err, sql.ErrNoRows); err != nil && !done {
		return nil, false, err
	}
	at := target
	if !done {
		at = store.Time(due)
	}
	if ahead := at.Sub(now); ahead > offset {
		if err := r.setClock(ctx, tx, workspaceID, ahead); err != nil {
			return nil, false, err
		}
	}
	if done {
		return nil, true, nil
	}
	j, err = r.claimOne(ctx, tx, id, now)
	return j, false, err
}

// claimOne leases one job; nil when another worker has it.
func (r *Runner) claimOne(ctx context.Context, tx *store.Tx, id string, now time.Time) (*Job, error) {
	j := Job{finished: new(bool)}
	var payload string
	err := tx.QueryRow(ctx, `UPDATE jobs SET attempts = attempts + 1, lease_until = $2, run_at = $2
		WHERE job_id = $1 AND (lease_until IS NULL OR lease_until <= $3) RETURNING job_id, kind, workspace_id, payload, attempts`,
		id, store.Micros(now.Add(lease)), store.Micros(now)).Scan(&j.ID, &j.Kind, &j.WorkspaceID, &payload, &j.Attempts)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	j.Payload = json.RawMessage(payload)
	return &j, err
}

// RunNow runs the job with the key, or waits for the worker that runs it, until it has nothing more
// to do now.
func (r *Runner) RunNow(ctx context.Context, key string) error {
	for {
		var j *Job
		var idle bool
		err := r.db.Update(ctx, func(tx *store.Tx) error {
			now := r.now()
			j, idle = nil, false
			var runAt int64
			var leased sql.NullInt64
			err := tx.QueryRow(ctx, `SELECT run_at, lease_until FROM jobs WHERE job_id = $1`, key).Scan(&runAt, &leased)
			switch {
			case errors.Is(err, sql.ErrNoRows), err == nil && !leased.Valid && runAt > store.Micros(now):
				idle = true
				return nil
			case err != nil:
				return err
			}
			j, err = r.claimOne(ctx, tx, key, now)
			return err
		})
		switch {
		case err != nil:
			return fmt.Errorf("running a job at once: %w", err)
		case idle:
			return nil
		case j != nil:
			r.run(context.Background(), *j) // for itself, not for whoever waits
			continue
		}
		if err := wait(ctx); err != nil {
			return err
		}
	}
}

func wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(step):
		return nil
	}
}
