package accesscode

import (
	"context"
	"database/sql"
	"hash/fnv"
	"math"
	"time"

	json "github.com/go-json-experiment/json/v1" // encoding/json as Go 1.27 has it: the same, and much faster

	"keyway/internal/api/device"
	"keyway/internal/platform/store"
)

// sleep says until when a visit to the lock need not look at a code, as long as what surrounds it stays
// as it is in. An invalid until is that of a code which is awake.
type sleep struct{ until, in sql.NullInt64 }

// asleep tells whether nothing is to be done for a code by itself: most are for stays that are far away,
// and have nothing to do with what their lock holds now.
func (r *row) asleep(now time.Time, a around) (s sleep, err error) {
	switch {
	case !r.managed || r.spare || r.Backup, r.ended(now), r.Held != nil && !r.Offline, r.Sent != nil, len(r.Attempts) > 0,
		!r.HeldBack.IsZero(), r.Asked != nil,
		r.Tries > 0 || !r.RetryAt.IsZero() || !r.Waiting.IsZero(), r.next(now, a.traits) != nothing, r.Shown != r.stage(now, a.traits),
		r.Told == nil || *r.Told != *r.asTold():
		return s, nil
	}
	s.until = sql.NullInt64{Int64: math.MaxInt64, Valid: true}
	if due := r.due(now, a.traits, false); !due.IsZero() {
		s.until.Int64 = store.Micros(due)
	}
	s.in, err = a.mark()
	return s, err
}

// mark is a digest of all that shows on a code of what surrounds it, or that decides what is to be done
// for it.
func (a around) mark() (n sql.NullInt64, err error) {
	errs, warnings := deviceProblems(a.device)
	text, err := json.Marshal([]any{a.device.IsManaged, a.traits, a.hasSpare, a.accountDown, errs, warnings})
	if err != nil {
		return n, err
	}
	h := fnv.New64a()
	_, _ = h.Write(text) // a hash takes everything
	return sql.NullInt64{Int64: int64(h.Sum64()), Valid: true}, nil
}

// awake reads the codes of a device that a visit has to look at, oldest first.
func (c *Codes) awake(ctx context.Context, q store.Querier, d device.Reached, now time.Time) ([]*row, error) {
	return c.those(ctx, q, ` AND (asleep_until IS NULL OR asleep_until <= $3)`, d.WorkspaceID, d.ID, store.Micros(now))
}

// disturbed reads the codes that are asleep although what surrounds them has changed.
func (c *Codes) disturbed(ctx context.Context, q store.Querier, a around, now time.Time) ([]*row, error) {
	mark, err := a.mark()
	if err != nil {
		return nil, err
	}
	return c.those(ctx, q, ` AND asleep_until > $3 AND asleep_in <> $4`, a.device.WorkspaceID, a.device.ID, store.Micros(now), mark)
}

// wakes is when the first code of a device that is asleep has to be looked at; zero: none ever.
func (c *Codes) wakes(ctx context.Context, q store.Querier, d device.Reached, now time.Time) (at time.Time, err error) {
	var first sql.NullInt64
	err = q.QueryRow(ctx,
		`SELECT MIN(asleep_until) FROM access_codes WHERE workspace_id = $1 AND device_id = $2 AND asleep_until > $3 AND asleep_until < $4`,
		d.WorkspaceID, d.ID, store.Micros(now), int64(math.MaxInt64)).Scan(&first)
	return store.TimeOrZero(first), err
}

// earlier is the earlier of two times, of which the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
