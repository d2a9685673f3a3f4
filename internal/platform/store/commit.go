package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// outcome decides what became of a transaction whose COMMIT failed. It returns nil when the transaction is
// stored, an error that may be retried when it is not and never will be, and ErrOutcomeUnknown when the
// database cannot be asked.
//
// It asks by writing the row of the transaction's id itself. The database then waits for a commit that is
// still running, finds the row of one that is stored, and otherwise keeps a row that a late commit would
// collide with: so each answer is final.
func (p *postgresDB) outcome(ctx context.Context, id string, cause error) error {
	var e *pgconn.PgError
	if errors.Is(cause, pgx.ErrTxCommitRollback) || errors.As(cause, &e) && e.Severity == "ERROR" {
		return cause // the server's own answer: rolled back
	}
	p.deadlines.note(cause)
	ctx = p.deadlines.bound(context.WithoutCancel(ctx))
	for {
		var stored bool
		err := p.pool.QueryRowContext(ctx, `INSERT INTO commits (commit_id, is_stored) VALUES ($1, FALSE)
			ON CONFLICT (commit_id) DO UPDATE SET is_stored = commits.is_stored RETURNING is_stored`, id).Scan(&stored)
		p.deadlines.note(err)
		switch {
		case err == nil && stored:
			return nil
		case err == nil:
			return fmt.Errorf("%w: during the commit, which did not happen: %w", errLost, cause)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w; asking for it: %w", ErrOutcomeUnknown, cause, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// commitsKept is for how long the ids of transactions are kept: much longer than outcome waits, and than
// the clocks of servers differ.
const commitsKept = 15 * time.Minute

// purgeCommits deletes old ids until ctx ends. Every server on the database does so.
func (p *postgresDB) purgeCommits(ctx context.Context) {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		for more := true; more; {
			n, err := deleteCommits(ctx, p.pool, time.Now().Add(-commitsKept))
			more = err == nil && n > 0 // after an error the next tick tries again
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// deleteCommits deletes a batch of ids that were made before a time, which is in the id itself.
func deleteCommits(ctx context.Context, db *sql.DB, before time.Time) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	r, err := db.ExecContext(ctx,
		`DELETE FROM commits WHERE commit_id IN (SELECT commit_id FROM commits WHERE commit_id < $1 ORDER BY commit_id LIMIT 1000)`,
		AsID(before))
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}
