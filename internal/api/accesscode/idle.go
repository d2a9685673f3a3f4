package accesscode

import (
	"database/sql"
	"hash/fnv"
	"math"
	"time"

	json "github.com/go-json-experiment/json/v1" // encoding/json as Go 1.27 has it: the same, and much faster

	"keyway/internal/platform/store"
)

// idleSpan says until when a visit to the lock need not look at a code, as long as what surrounds it stays
// as it is in. An invalid until is that of a code which is active.
type idleSpan struct{ until, in sql.NullInt64 }

// idle reports whether nothing is to be done for a code automatically: most are for stays that are far away,
// and have nothing to do with what their lock contains now.
func (r *row) idle(now time.Time, a environment) (s idleSpan, err error) {
	switch {
	case !r.managed || r.spare || r.Backup, r.ended(now), r.Held != nil && !r.Offline, r.Sent != nil, len(r.Attempts) > 0,
		!r.HeldBack.IsZero(), r.Asked != nil,
		r.Tries > 0 || !r.RetryAt.IsZero() || !r.Waiting.IsZero(), r.next(now, a.traits) != nothing, r.Shown != r.stage(now, a.traits),
		r.Reported == nil || *r.Reported != *r.asReported():
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
func (a environment) mark() (n sql.NullInt64, err error) {
	errs, warnings := deviceProblems(a.device)
	text, err := json.Marshal([]any{a.device.IsManaged, a.traits, a.hasSpare, a.accountDown, errs, warnings})
	if err != nil {
		return n, err
	}
	h := fnv.New64a()
	_, _ = h.Write(text) // a hash takes everything
	return sql.NullInt64{Int64: int64(h.Sum64()), Valid: true}, nil
}

// earlier is the earlier of two times, of which the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
