// Package retention removes rows that have been kept long enough, and the rows of deleted workspaces. What that means for
// a table is declared by the package that owns it.
package retention

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"keyway/internal/platform/job"
	"keyway/internal/platform/store"
)

const (
	purgeJob   = "retention.purge" // also the key: there is one
	purgeEvery = time.Hour

	// A batch is removed in one transaction. Its size adapts so that other writers wait about batchTime for it.
	batchTime = 20 * time.Millisecond
	minBatch  = 10
	maxBatch  = 1000
)

// Purger removes rows as their tables declare it.
type Purger struct {
	DB     *store.DB
	Jobs   *job.Runner
	Log    *slog.Logger
	Now    func() time.Time
	Tables []store.Table
}

// RegisterJobs registers the job that applies the rules.
func (p *Purger) RegisterJobs() { p.Jobs.Handle(purgeJob, p.runPurge, job.Recurring(purgeEvery)) }

// Start schedules the job: now, and every hour from then on.
func (p *Purger) Start(ctx context.Context) error {
	return p.DB.Update(ctx, func(tx *store.Tx) error { return p.schedule(ctx, tx, p.Now()) })
}

func (p *Purger) schedule(ctx context.Context, tx *store.Tx, at time.Time) error {
	return p.Jobs.Schedule(ctx, tx, purgeJob, purgeJob, "", struct{}{}, at)
}

func (p *Purger) runPurge(ctx context.Context, j job.Job) error {
	if err := p.Apply(ctx); err != nil {
		return err
	}
	return p.DB.Update(ctx, func(tx *store.Tx) error {
		if err := p.schedule(ctx, tx, p.Now().Add(purgeEvery)); err != nil {
			return err
		}
		return j.Finish(ctx, tx)
	})
}

// Apply applies every rule once. A rule that fails does not keep the others from being applied.
func (p *Purger) Apply(ctx context.Context) error {
	var errs []error
	for _, t := range p.Tables {
		for _, r := range t.Rules {
			if r.Keep > 0 {
				errs = append(errs, p.apply(ctx, t, r))
			}
		}
	}
	return errors.Join(errs...)
}

func (p *Purger) apply(ctx context.Context, t store.Table, r store.Rule) error {
	var before any = store.Micros(p.Now().Add(-r.Keep))
	if r.As != nil {
		before = r.As(p.Now().Add(-r.Keep))
	}
	old := r.Age + " < $1"
	if r.Where != "" {
		old += " AND (" + r.Where + ")"
	}
	if t.Workspace == "" || t.Mixed {
		return p.remove(ctx, t, selection{old, []any{before}, store.Instance, r.Before})
	}
	workspaces, err := p.workspaces(ctx, t)
	if err != nil {
		return err
	}
	for _, id := range workspaces {
		if err := p.remove(ctx, t, selection{old + " AND " + t.Workspace + " = $2", []any{before, id}, store.Workspace(id),
			r.Before}); err != nil {
			return err
		}
	}
	return nil
}

// workspaces lists the workspaces that a table has rows of. Each step is one search of an index that begins with the
// workspace; SELECT DISTINCT would read every row.
func (p *Purger) workspaces(ctx context.Context, t store.Table) (ids []string, err error) {
	for last := ""; ; {
		var next sql.NullString
		err := p.DB.QueryRow(ctx, `SELECT min(`+t.Workspace+`) FROM `+t.Name+` WHERE `+t.Workspace+` > $1`, last).Scan(&next)
		if err != nil || !next.Valid {
			return ids, err
		}
		last = next.String
		ids = append(ids, last)
	}
}

// RemoveWorkspace removes the rows of a deleted workspace from all tables but those that outlive it.
func (p *Purger) RemoveWorkspace(ctx context.Context, workspaceID string) error {
	for _, t := range p.Tables {
		if t.Workspace == "" || t.Survives {
			continue
		}
		if err := p.remove(ctx, t, selection{t.Workspace + " = $1", []any{workspaceID}, store.Workspace(workspaceID), nil}); err != nil {
			return err
		}
	}
	return nil
}

// selection is which rows to remove.
type selection struct {
	condition string
	args      []any
	scope     store.Scope
	before    func(ctx context.Context, tx *store.Tx, key []any) error
}

// remove removes the selected rows in batches. The rows of a batch are found without the database's writer, and removed
// by their keys if the condition still applies to them, so the writer's time does not depend on the size of the table.
func (p *Purger) remove(ctx context.Context, t store.Table, s selection) error {
	total := int64(0)
	for batch := maxBatch; ; {
		keys, err := p.find(ctx, t, s, batch)
		if err != nil {
			return err
		}
		var removed int64
		var took time.Duration
		if len(keys) > 0 {
			err = p.DB.Update(ctx, func(tx *store.Tx) (err error) {
				start := time.Now()
				removed, err = removeKeys(ctx, tx, t, s, keys)
				took = time.Since(start)
				return err
			}, s.scope)
		}
		total += removed
		if err != nil || removed == 0 {
			if total > 0 {
				p.Log.Info("removed rows that were kept long enough", "table", t.Name, "rows", total)
			}
			return err
		}
		switch {
		case took > batchTime:
			batch = max(batch/2, minBatch)
		case took < batchTime/4:
			batch = min(batch*2, maxBatch)
		}
	}
}

// find returns the primary keys of some of the selected rows.
func (p *Purger) find(ctx context.Context, t store.Table, s selection, limit int) ([][]any, error) {
	rows, err := p.DB.Query(ctx, `SELECT `+strings.Join(t.Key, ", ")+` FROM `+t.Name+` WHERE `+s.condition+` LIMIT `+strconv.Itoa(limit),
		s.args...)
	return store.All(rows, err, func(rows *sql.Rows) ([]any, error) {
		key, into := make([]any, len(t.Key)), make([]any, len(t.Key))
		for i := range key {
			into[i] = &key[i]
		}
		err := rows.Scan(into...)
		return key, err
	})
}

func removeKeys(ctx context.Context, tx *store.Tx, t store.Table, s selection, keys [][]any) (removed int64, err error) {
	// The condition's parameters come first, as they are numbered.
	query := `DELETE FROM ` + t.Name + ` WHERE ` + s.condition
	for i, column := range t.Key {
		query += ` AND ` + column + ` = ` + store.Mark(len(s.args)+i+1)
	}
	for _, key := range keys {
		if s.before != nil {
			if err := s.before(ctx, tx, key); err != nil {
				return removed, err
			}
		}
		r, err := tx.Exec(ctx, query, append(append([]any{}, s.args...), key...)...)
		if err != nil {
			return removed, err
		}
		n, err := r.RowsAffected()
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}
