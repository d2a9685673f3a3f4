package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"keyway/internal/platform/clock"
	"keyway/internal/platform/store"
)

// A claimed job's run_at is when its lease ends: so that one index finds both what is due and what was
// left behind. due_at is when a job is due by the clock of its workspace, NULL where it goes by the real
// one. run_at follows from it, and may lag while that clock is moved; it is never trusted for being due.

func insertJob(ctx context.Context, tx *store.Tx, id, kind, workspaceID string, in Lane, payload string, runAt, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO jobs (job_id, kind, workspace_id, lane, payload, run_at, attempts, last_error, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 0, '', $7)`, id, kind, workspaceID, string(in), payload, store.Micros(runAt), store.Micros(now))
	return err
}

func upsertJob(ctx context.Context, tx *store.Tx, key, kind, workspaceID string, in Lane, payload string, at time.Time,
	offset time.Duration, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO jobs (job_id, kind, workspace_id, lane, payload, run_at, due_at, attempts, last_error, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, '', $8)
		ON CONFLICT (job_id) DO UPDATE SET
			run_at = CASE WHEN jobs.lease_until IS NULL AND excluded.due_at < jobs.due_at THEN excluded.run_at ELSE jobs.run_at END,
			due_at = CASE WHEN jobs.lease_until IS NULL AND excluded.due_at < jobs.due_at THEN excluded.due_at ELSE jobs.due_at END,
			again_at = CASE WHEN jobs.lease_until IS NULL THEN NULL
				WHEN jobs.again_at IS NULL OR excluded.due_at < jobs.again_at THEN excluded.due_at ELSE jobs.again_at END`,
		key, kind, workspaceID, string(in), payload, store.Micros(at.Add(-offset)), store.Micros(at), store.Micros(now))
	return err
}

func deleteJob(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Exec(ctx, `DELETE FROM jobs WHERE job_id = $1`, id)
	return err
}

// deleteIdle deletes a job that does not run.
func deleteIdle(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Exec(ctx, `DELETE FROM jobs WHERE job_id = $1 AND lease_until IS NULL`, id)
	return err
}

// changed reports whether a statement found its row.
func changed(r sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// deleteHeld deletes a job that its claim still holds and that was not scheduled again.
func deleteHeld(ctx context.Context, tx *store.Tx, j Job) (bool, error) {
	return changed(tx.Exec(ctx, `DELETE FROM jobs WHERE job_id = $1 AND holder = $2 AND again_at IS NULL`, j.ID, j.holder))
}

// releaseAgain releases a job that was scheduled again while it ran.
func releaseAgain(ctx context.Context, tx *store.Tx, j Job, offset time.Duration) (bool, error) {
	return changed(tx.Exec(ctx, `UPDATE jobs SET run_at = CASE WHEN due_at IS NULL THEN again_at ELSE again_at - $2 END,
		due_at = CASE WHEN due_at IS NULL THEN NULL ELSE again_at END, again_at = NULL, lease_until = NULL, holder = NULL, attempts = 0,
		failures = 0
		WHERE job_id = $1 AND holder = $3 AND again_at IS NOT NULL`, j.ID, offset.Microseconds(), j.holder))
}

// releaseAt releases a job that is to run again at a time of its workspace's clock, or when it was
// scheduled for meanwhile if that is earlier.
func releaseAt(ctx context.Context, tx *store.Tx, j Job, at time.Time, offset time.Duration) (bool, error) {
	return changed(tx.Exec(ctx, `UPDATE jobs SET
		run_at = CASE WHEN again_at < CAST($2 AS BIGINT) THEN again_at ELSE CAST($2 AS BIGINT) END - $3,
		due_at = CASE WHEN again_at < CAST($2 AS BIGINT) THEN again_at ELSE CAST($2 AS BIGINT) END,
		again_at = NULL, lease_until = NULL, holder = NULL, failures = 0 WHERE job_id = $1
		AND holder = $4`, j.ID, store.Micros(at), offset.Microseconds(), j.holder))
}

// releaseLater releases a job that is to run again at a real time.
func releaseLater(ctx context.Context, tx *store.Tx, j Job, at time.Time) (bool, error) {
	return changed(tx.Exec(ctx,
		`UPDATE jobs SET run_at = $2, lease_until = NULL, holder = NULL, failures = 0 WHERE job_id = $1 AND holder = $3`,
		j.ID, store.Micros(at), j.holder))
}

func payloadOf(ctx context.Context, q store.Querier, id string) (json.RawMessage, bool, error) {
	var text string
	err := q.QueryRow(ctx, `SELECT payload FROM jobs WHERE job_id = $1`, id).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return json.RawMessage(text), err == nil, err
}

// putBack releases a job that did not finish, to run at a real time.
func putBack(ctx context.Context, tx *store.Tx, j Job, at time.Time, failures int, lastError string) error {
	offset, err := clock.Offset(ctx, tx, j.WorkspaceID)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE jobs SET run_at = $2, due_at = CASE WHEN due_at IS NULL THEN NULL ELSE CAST($3 AS BIGINT) END,
		lease_until = NULL, holder = NULL, failures = $4, last_error = $5 WHERE job_id = $1 AND holder = $6`,
		j.ID, store.Micros(at), store.Micros(at.Add(offset)), failures, lastError, j.holder)
	return err
}

// keepAside records a job that has used up its attempts.
func keepAside(ctx context.Context, tx *store.Tx, j Job, failures int, lastError string, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO failed_jobs (workspace_id, job_id, kind, payload, failures, last_error, created_at, failed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
		ON CONFLICT (workspace_id, job_id) DO UPDATE SET failures = excluded.failures, last_error = excluded.last_error,
		failed_at = excluded.failed_at`,
		j.WorkspaceID, j.ID, j.Kind, string(j.Payload), failures, lastError, store.Micros(now))
	return err
}

func deleteFailed(ctx context.Context, tx *store.Tx, j Job) error {
	_, err := tx.Exec(ctx, `DELETE FROM failed_jobs WHERE workspace_id = $1 AND job_id = $2`, j.WorkspaceID, j.ID)
	return err
}

func endLeases(ctx context.Context, tx *store.Tx, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE jobs SET run_at = $1, lease_until = $1 WHERE lease_until > $1`, store.Micros(now))
	return err
}

// Failed is a job that was kept aside because it failed too often.
type Failed struct {
	ID          string
	Kind        string
	WorkspaceID string // empty: about the instance
	Failures    int
	LastError   string
	At          time.Time // of the last failure
}

// Failed lists the jobs that were kept aside, the latest first.
func (r *Runner) Failed(ctx context.Context, limit int) ([]Failed, error) {
	rows, err := r.db.Query(ctx,
		`SELECT job_id, kind, workspace_id, failures, last_error, failed_at FROM failed_jobs ORDER BY failed_at DESC LIMIT $1`, limit)
	return store.All(rows, err, func(rows *sql.Rows) (f Failed, err error) {
		var at int64
		err = rows.Scan(&f.ID, &f.Kind, &f.WorkspaceID, &f.Failures, &f.LastError, &at)
		f.At = store.Time(at)
		return f, err
	})
}

// candidate is a job whose time seems to have come.
type candidate struct {
	id, workspaceID string
	due             bool // by the clock of its workspace too
}

// candidates finds the first jobs of a lane whose time has come, but for those of some workspaces.
func (r *Runner) candidates(ctx context.Context, in Lane, but []string, limit int) ([]candidate, error) {
	now := store.Micros(r.now())
	w := r.db.Where()
	w.Add("lane = ?", string(in))
	w.Add("run_at <= ?", now)
	if len(but) > 0 {
		w.AddNotIn("workspace_id", but)
	}
	w.Args = append(w.Args, now, limit)
	rows, err := r.db.Query(ctx, `SELECT job_id, workspace_id, due_at IS NULL OR due_at <= `+store.Mark(len(w.Args)-1)+` +
		COALESCE((SELECT clock_offset FROM workspaces w WHERE w.workspace_id = jobs.workspace_id), 0)
		FROM jobs`+w.String()+` ORDER BY run_at LIMIT `+store.Mark(len(w.Args)), w.Args...)
	return store.All(rows, err, func(rows *sql.Rows) (c candidate, err error) {
		err = rows.Scan(&c.id, &c.workspaceID, &c.due)
		return c, err
	})
}

// next is when a job of a lane runs first after now; ok is false when there is none.
func (r *Runner) next(ctx context.Context, in Lane) (at time.Time, ok bool, err error) {
	var us sql.NullInt64
	err = r.db.QueryRow(ctx, `SELECT MIN(run_at) FROM jobs WHERE lane = $1 AND run_at > $2`, string(in), store.Micros(r.now())).Scan(&us)
	return store.Time(us.Int64), us.Valid, err
}

// claimAll leases those of some jobs that are due and that no other process is claiming. Those that are
// not due by the clock of their workspace get their time right.
func (r *Runner) claimAll(ctx context.Context, tx *store.Tx, due, early []string) ([]Job, error) {
	now, holder := r.now(), store.NewID()
	if len(early) > 0 {
		w := r.db.Where()
		w.AddIn("job_id", early)
		w.Add("run_at <= ?", store.Micros(now))
		if _, err := tx.Exec(ctx, `UPDATE jobs SET lease_until = NULL, holder = NULL, run_at = due_at -
			COALESCE((SELECT clock_offset FROM workspaces w WHERE w.workspace_id = jobs.workspace_id), 0)`+w.String(), w.Args...); err != nil {
			return nil, err
		}
	}
	if len(due) == 0 {
		return nil, nil
	}
	w := r.db.Where()
	w.AddIn("job_id", due)
	w.Add("run_at <= ?", store.Micros(now))
	n := len(w.Args)
	w.Args = append(w.Args, holder, store.Micros(now.Add(lease)))
	rows, err := tx.Query(ctx, `WITH picked AS MATERIALIZED (SELECT job_id FROM jobs`+w.String()+` `+r.db.SkipLocked()+`)
		UPDATE jobs SET attempts = attempts + 1, failures = failures + CASE WHEN holder IS NULL THEN 0 ELSE 1 END,
			holder = `+store.Mark(n+1)+`, lease_until = `+store.Mark(n+2)+`, run_at = `+store.Mark(n+2)+`
		WHERE job_id IN (SELECT job_id FROM picked) RETURNING job_id, kind, workspace_id, payload, attempts, failures`, w.Args...)
	return store.All(rows, err, func(rows *sql.Rows) (Job, error) { return r.scan(rows, holder) })
}

func (r *Runner) scan(row interface{ Scan(...any) error }, holder string) (Job, error) {
	j := Job{holder: holder, finished: new(bool), runner: r}
	var payload string
	err := row.Scan(&j.ID, &j.Kind, &j.WorkspaceID, &payload, &j.Attempts, &j.failures)
	j.Payload = json.RawMessage(payload)
	return j, err
}

// claimOne leases one job, whatever its time; nil when another worker has it.
func (r *Runner) claimOne(ctx context.Context, tx *store.Tx, id string) (*Job, error) {
	now, holder := r.now(), store.NewID()
	j, err := r.scan(tx.QueryRow(ctx,
		`UPDATE jobs SET attempts = attempts + 1, failures = failures + CASE WHEN holder IS NULL THEN 0 ELSE 1 END,
		holder = $2, lease_until = $3, run_at = $3 WHERE job_id = $1 AND (lease_until IS NULL OR lease_until <= $4)
		RETURNING job_id, kind, workspace_id, payload, attempts, failures`, id, holder, store.Micros(now.Add(lease)), store.Micros(now)), holder)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &j, err
}

// renew lengthens the leases of jobs that run here.
func (r *Runner) renew(ctx context.Context, held map[string]string) error {
	ids, holders := make([]string, 0, len(held)), make([]string, 0, len(held))
	for id, holder := range held {
		ids, holders = append(ids, id), append(holders, holder)
	}
	slices.Sort(holders)
	w := r.db.Where()
	w.AddIn("job_id", ids)
	w.AddIn("holder", slices.Compact(holders))
	w.Args = append(w.Args, store.Micros(r.now().Add(lease)))
	return r.db.Update(ctx, func(tx *store.Tx) error {
		until := store.Mark(len(w.Args))
		_, err := tx.Exec(ctx, `UPDATE jobs SET run_at = `+until+`, lease_until = `+until+w.String(), w.Args...)
		return err
	})
}

// status is what the list says of one job.
type status struct {
	workspaceID string
	runAt       time.Time
	leased      bool // until runAt
	exists      bool
}

func (r *Runner) status(ctx context.Context, id string) (s status, err error) {
	var runAt int64
	err = r.db.QueryRow(ctx, `SELECT workspace_id, run_at, lease_until IS NOT NULL FROM jobs WHERE job_id = $1`, id).Scan(&s.workspaceID,
		&runAt, &s.leased)
	if errors.Is(err, sql.ErrNoRows) {
		return s, nil
	} else if err != nil {
		return s, fmt.Errorf("looking at a job: %w", err)
	}
	s.exists, s.runAt = true, store.Time(runAt)
	return s, nil
}

// idle reports whether a job has nothing to do now.
func (s status) idle(now time.Time) bool { return !s.exists || !s.leased && s.runAt.After(now) }

// runningBefore finds a job of a workspace that is due at a time of its clock and that runs now.
func (r *Runner) runningBefore(ctx context.Context, q store.Querier, workspaceID string, at time.Time) (id string, err error) {
	err = q.QueryRow(ctx, `SELECT job_id FROM jobs WHERE workspace_id = $1 AND due_at <= $2 AND lease_until > $3 LIMIT 1`,
		workspaceID, store.Micros(at), store.Micros(r.now())).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// firstDue finds the job of a workspace that is due first, up to a time of its clock.
func firstDue(ctx context.Context, q store.Querier, workspaceID string, until time.Time) (id string, at time.Time, ok bool, err error) {
	var us int64
	err = q.QueryRow(ctx, `SELECT job_id, due_at FROM jobs WHERE workspace_id = $1 AND due_at <= $2 ORDER BY due_at LIMIT 1`,
		workspaceID, store.Micros(until)).Scan(&id, &us)
	if errors.Is(err, sql.ErrNoRows) {
		return "", at, false, nil
	}
	return id, store.Time(us), err == nil, err
}

// retimeBatch is how many jobs get their real time right in one transaction.
const retimeBatch = 500

// retimeSome sets the real times of the jobs of a workspace that come after a place in the order of their
// times, as its clock implies. It returns the place of the last one, or ok false at the end.
func (r *Runner) retimeSome(ctx context.Context, workspaceID string, after place) (last place, ok bool, err error) {
	rows, err := r.db.Query(ctx,
		`SELECT job_id, due_at FROM jobs WHERE workspace_id = $1 AND (due_at, job_id) > ($2, $3) ORDER BY due_at, job_id LIMIT $4`,
		workspaceID, after.due, after.id, retimeBatch)
	places, err := store.All(rows, err, func(rows *sql.Rows) (p place, err error) {
		err = rows.Scan(&p.id, &p.due)
		return p, err
	})
	if err != nil || len(places) == 0 {
		return after, false, err
	}
	ids := make([]string, len(places))
	for i, p := range places {
		ids[i] = p.id
	}
	return places[len(places)-1], true, r.db.Update(ctx, func(tx *store.Tx) error {
		offset, err := clock.Offset(ctx, tx, workspaceID)
		if err != nil {
			return err
		}
		w := r.db.Where()
		w.AddIn("job_id", ids)
		w.Add("lease_until IS NULL")
		w.Add("run_at <> due_at - CAST(? AS BIGINT)", offset.Microseconds())
		_, err = tx.Exec(ctx, `UPDATE jobs SET run_at = due_at - CAST(`+store.Mark(len(w.Args))+` AS BIGINT)`+w.String(), w.Args...)
		return err
	})
}

// place is where a job stands in the order of its workspace's times.
type place struct {
	id  string
	due int64
}
