package event

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"keyway/internal/platform/job"
	"keyway/internal/platform/store"
)

const (
	purgeJob   = "event.purge" // also the key: there is one
	purgeEvery = time.Hour
	purgeBatch = 500 // with one commit, so that other writers are not held up
)

// RegisterJobs tells the runner how to do this package's jobs.
func (l *Log) RegisterJobs() { l.Jobs.Handle(purgeJob, l.runPurge) }

// StartRetention has events that are older than the retention taken away, now and from then on.
func (l *Log) StartRetention(ctx context.Context) error {
	if l.Retention == 0 {
		return nil
	}
	return l.DB.Update(ctx, func(tx *store.Tx) error {
		return l.Jobs.Schedule(ctx, tx, purgeJob, purgeJob, "", struct{}{}, l.Now())
	})
}

func (l *Log) runPurge(ctx context.Context, j job.Job) error {
	if l.Retention > 0 {
		if err := l.Purge(ctx, l.Now().Add(-l.Retention)); err != nil {
			return err
		}
	}
	return l.DB.Update(ctx, func(tx *store.Tx) error {
		if l.Retention > 0 {
			if err := l.Jobs.Schedule(ctx, tx, purgeJob, purgeJob, "", struct{}{}, l.Now().Add(purgeEvery)); err != nil {
				return err
			}
		}
		return j.Finish(ctx, tx)
	})
}

// Purge takes away the events that were made before a time.
func (l *Log) Purge(ctx context.Context, before time.Time) error {
	rows, err := l.DB.Query(ctx, `SELECT workspace_id FROM event_heads`)
	workspaces, err := store.All(rows, err, store.One[string])
	if err != nil {
		return err
	}
	for _, id := range workspaces {
		for more := true; more; {
			err := l.DB.Update(ctx, func(tx *store.Tx) error {
				more, err = l.purgeSome(ctx, tx, id, before)
				return err
			}, store.Workspace(id))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// purgeSome takes away the oldest events of a workspace; more is true when there may be others.
func (l *Log) purgeSome(ctx context.Context, tx *store.Tx, workspaceID string, before time.Time) (more bool, err error) {
	type old struct {
		seq, occurred, created int64
		id                     string
		doc                    []byte
	}
	rows, err := tx.Query(ctx, `SELECT seq, occurred_at, created_at, event_id, doc FROM events WHERE workspace_id = $1 ORDER BY seq LIMIT $2`, workspaceID, purgeBatch)
	events, err := store.All(rows, err, func(rows *sql.Rows) (o old, err error) {
		err = rows.Scan(&o.seq, &o.occurred, &o.created, &o.id, &o.doc)
		return o, err
	})
	if err != nil {
		return false, err
	}
	for _, o := range events {
		if o.created >= store.Micros(before) {
			return false, nil
		}
		var doc map[string]any
		if err := json.Unmarshal(o.doc, &doc); err != nil {
			return false, err
		}
		for _, r := range refsOf(doc) {
			if _, err := tx.Exec(ctx, `DELETE FROM event_refs WHERE workspace_id = $1 AND name = $2 AND resource_id = $3 AND occurred_at = $4 AND event_id = $5`,
				workspaceID, r.name, r.id, o.occurred, o.id); err != nil {
				return false, err
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM events WHERE workspace_id = $1 AND seq = $2`, workspaceID, o.seq); err != nil {
			return false, err
		}
	}
	return len(events) == purgeBatch, nil
}
