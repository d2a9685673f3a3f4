package job

import (
	"context"
	"fmt"
	"time"

	"keyway/internal/platform/store"
)

const (
	// MaxWait is how long a request waits for a job at most: less than the timeouts of proxies and clients.
	MaxWait = 25 * time.Second
	// maxWaits is how many requests of one workspace may wait at once.
	maxWaits = 256
	// lookEvery is how often a wait looks on its own, for what other processes do.
	lookEvery = 200 * time.Millisecond
)

// notify wakes those who wait for a job.
func (r *Runner) notify(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ch := range r.waiters[id] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// Wait waits until done, which it checks at once and after every change to a job. It gives up
// without an error after MaxWait, when the server stops, and at once when too many requests of the
// workspace wait already: the answer is then what exists. It returns errors of done and of ctx. Where
// nothing runs jobs, in a command beside no server, it runs the job itself, if it is due.
func (r *Runner) Wait(ctx context.Context, workspaceID, id string, done func(context.Context) (bool, error)) error {
	changed, leave := r.await(workspaceID, id)
	if changed == nil {
		return nil
	}
	defer leave()
	r.mu.Lock()
	active, stopped := r.active > 0, r.stopped
	r.mu.Unlock()
	end := time.NewTimer(r.maxWait)
	defer end.Stop()
	poll := time.NewTicker(lookEvery)
	defer poll.Stop()
	if !r.db.Shared() && active {
		poll.Reset(5 * lookEvery) // nothing happens but here
	}
	for {
		if ok, err := done(ctx); ok || err != nil {
			return err
		}
		if !active {
			if ran, err := r.runHere(ctx, id); err != nil || !ran && !r.db.Shared() {
				return err
			} else if ran {
				continue
			}
		}
		select {
		case <-changed:
		case <-poll.C:
		case <-end.C:
			return nil
		case <-stopped:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// await has changed receive a value after every change to a job; nil when too many of the workspace wait.
func (r *Runner) await(workspaceID, id string) (changed chan struct{}, leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting[workspaceID] >= maxWaits {
		return nil, nil
	}
	r.waiting[workspaceID]++
	changed = make(chan struct{}, 1)
	if r.waiters[id] == nil {
		r.waiters[id] = map[chan struct{}]bool{}
	}
	r.waiters[id][changed] = true
	return changed, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if delete(r.waiters[id], changed); len(r.waiters[id]) == 0 {
			delete(r.waiters, id)
		}
		if r.waiting[workspaceID]--; r.waiting[workspaceID] <= 0 {
			delete(r.waiting, workspaceID)
		}
	}
}

// Idle reports whether a job has nothing to do now: it has finished, or its next time is still to come.
func (r *Runner) Idle(ctx context.Context, id string) (bool, error) {
	s, err := r.status(ctx, id)
	return err == nil && s.idle(r.now()), err
}

// RunNow waits like Wait until a job has nothing more to do now.
func (r *Runner) RunNow(ctx context.Context, id string) error {
	s, err := r.status(ctx, id)
	if err != nil || s.idle(r.now()) {
		return err
	}
	return r.Wait(ctx, s.workspaceID, id, func(ctx context.Context) (bool, error) { return r.Idle(ctx, id) })
}

// runHere runs a job in this goroutine if it is due; ran is false when it is not, or another process runs it.
func (r *Runner) runHere(ctx context.Context, id string) (ran bool, err error) {
	s, err := r.status(ctx, id)
	if err != nil || s.idle(r.now()) || s.runAt.After(r.now()) {
		return false, err
	}
	var j *Job
	err = r.db.Update(ctx, func(tx *store.Tx) error {
		j, err = r.claimOne(ctx, tx, id)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("running a job at once: %w", err)
	}
	if j == nil {
		return false, nil
	}
	r.run(context.WithoutCancel(ctx), *j) // for itself, not for the request that waits
	return true, nil
}
