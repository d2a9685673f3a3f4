package job

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"keyway/internal/platform/clock"
	"keyway/internal/platform/store"
)

// ErrTooFar is returned by Advance when the clock would be further ahead than allowed.
var ErrTooFar = errors.New("the clock would be too far ahead")

// Advance moves the clock of a workspace forward, from one due job to the next in the order of
// their times, and runs each. When it returns, everything that was due has happened. It returns the
// time that the clock then shows, or ErrTooFar when it would be ahead by more than maxAhead.
//
// The real times of the jobs that are not due yet are corrected once, at the end, in small batches.
// Until then they are later than they should be, and a job does this if the process dies meanwhile.
func (r *Runner) Advance(ctx context.Context, workspaceID string, by, maxAhead time.Duration) (time.Time, error) {
	offset, err := clock.Offset(ctx, r.db, workspaceID)
	if err != nil {
		return time.Time{}, err
	}
	if offset+by > maxAhead {
		return time.Time{}, ErrTooFar
	}
	target := r.now().Add(offset + by)
	if err := r.db.Update(ctx, func(tx *store.Tx) error { return r.retimeAt(ctx, tx, workspaceID, r.now().Add(lease)) }); err != nil {
		return time.Time{}, err
	}
	for {
		if err := r.awaitRunning(ctx, workspaceID, target); err != nil {
			return time.Time{}, err
		}
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
			return target, r.retime(ctx, workspaceID)
		case j != nil:
			r.run(context.WithoutCancel(ctx), *j) // for itself, not for the request that waits
		}
	}
}

// awaitRunning waits for the jobs of a workspace that are due at a time of its clock and that run elsewhere.
func (r *Runner) awaitRunning(ctx context.Context, workspaceID string, at time.Time) error {
	for {
		id, err := r.runningBefore(ctx, r.db, workspaceID, at)
		if err != nil || id == "" {
			return err
		}
		changed, leave := r.await("", id)
		if changed != nil {
			defer leave()
		}
		select {
		case <-changed:
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// advanceOnce moves the clock to the next due job and claims it; to the target when there is none.
// Neither happens while a job before the target is running elsewhere.
func (r *Runner) advanceOnce(ctx context.Context, tx *store.Tx, workspaceID string, target time.Time) (j *Job, done bool, err error) {
	offset, err := clock.Offset(ctx, tx, workspaceID)
	if err != nil {
		return nil, false, err
	}
	if running, err := r.runningBefore(ctx, tx, workspaceID, target); err != nil || running != "" {
		return nil, false, err
	}
	id, due, found, err := firstDue(ctx, tx, workspaceID, target)
	if err != nil {
		return nil, false, err
	}
	at := target
	if found {
		at = due
	}
	if ahead := at.Sub(r.now()); ahead > offset {
		if err := clock.Set(ctx, tx, workspaceID, ahead); err != nil {
			return nil, false, err
		}
	}
	if !found {
		return nil, true, nil
	}
	j, err = r.claimOne(ctx, tx, id)
	return j, false, err
}

// Rewind has the clock of a workspace show the real time again. What is due by it stays due at the
// same time of that clock.
func (r *Runner) Rewind(ctx context.Context, tx *store.Tx, workspaceID string) error {
	if err := clock.Set(ctx, tx, workspaceID, 0); err != nil {
		return err
	}
	return r.retimeAt(ctx, tx, workspaceID, r.now())
}

// retimeJob is the kind of job that corrects the real times of a workspace's jobs after its clock was moved.
const retimeJob = "job.retime"

func retimeKey(workspaceID string) string { return retimeJob + "/" + workspaceID }

// retimeAt has the real times of a workspace's jobs corrected at a real time. Its own job belongs to no
// workspace, so that it goes by the real clock.
func (r *Runner) retimeAt(ctx context.Context, tx *store.Tx, workspaceID string, at time.Time) error {
	return r.ScheduleAhead(ctx, tx, retimeKey(workspaceID), retimeJob, "", workspaceID, at, 0)
}

func (r *Runner) runRetime(ctx context.Context, j Job) error {
	var workspaceID string
	if err := json.Unmarshal(j.Payload, &workspaceID); err != nil {
		return err
	}
	return r.retimeAll(ctx, workspaceID)
}

// retime is runRetime at once.
func (r *Runner) retime(ctx context.Context, workspaceID string) error {
	if err := r.retimeAll(ctx, workspaceID); err != nil {
		return err
	}
	return r.db.Update(ctx, func(tx *store.Tx) error { return deleteIdle(ctx, tx, retimeKey(workspaceID)) })
}

func (r *Runner) retimeAll(ctx context.Context, workspaceID string) error {
	var at place
	for {
		last, ok, err := r.retimeSome(ctx, workspaceID, at)
		if err != nil {
			return err
		}
		if !ok {
			r.Wake()
			return nil
		}
		at = last
	}
}
