// Package clock provides the time in a workspace. A sandbox workspace's clock can be moved forward;
// codes, schedules and their events go by it. Credentials, limits, leases, sessions and the audit
// log never do.
package clock

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"keyway/internal/platform/store"
)

// Offset is how far the clock of a workspace is ahead; zero also for one that is gone.
func Offset(ctx context.Context, q store.Querier, workspaceID string) (time.Duration, error) {
	var us int64
	err := q.QueryRow(ctx, `SELECT clock_offset FROM workspaces WHERE workspace_id = $1`, workspaceID).Scan(&us)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return time.Duration(us) * time.Microsecond, err
}

// Set moves the clock of a workspace to be ahead by d.
func Set(ctx context.Context, tx *store.Tx, workspaceID string, d time.Duration) error {
	_, err := tx.Exec(ctx, `UPDATE workspaces SET clock_offset = $2 WHERE workspace_id = $1`, workspaceID, d.Microseconds())
	return err
}

// Clock reads the clocks of workspaces.
type Clock struct {
	Real func() time.Time
}

// Now is what the clock of a workspace shows.
func (c Clock) Now(ctx context.Context, q store.Querier, workspaceID string) (time.Time, error) {
	d, err := Offset(ctx, q, workspaceID)
	return c.Real().Add(d), err
}

// Ahead is what a clock shows that is ahead by d.
func (c Clock) Ahead(d time.Duration) time.Time { return c.Real().Add(d) }
