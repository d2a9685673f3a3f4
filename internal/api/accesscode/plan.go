package accesscode

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
)

// plan decides what the lock has to do. It writes down what the lock will be asked before it is, so
// that a code is recognised even if this process dies right after asking.
func (c *Codes) plan(ctx context.Context, j job.Job, deviceID string) (v *visit, err error) {
	err = c.DB.Update(ctx, func(tx *store.Tx) error {
		v = nil
		d, err := c.Devices.Reach(ctx, tx, j.WorkspaceID, deviceID)
		if fault.Is(err, fault.DeviceNotFound) {
			return forget(ctx, tx, j, deviceID)
		} else if err != nil {
			return err
		}
		now := c.Clock.Ahead(d.Ahead)
		rows, err := c.active(ctx, tx, d, now)
		if err != nil {
			return err
		}
		woken, err := c.affected(ctx, tx, environmentOf(d, rows), now)
		if err != nil {
			return err
		}
		rows = append(rows, woken...)
		t := c.changeset(d, now)
		before := make([]planned, len(rows))
		for i, r := range rows {
			before[i] = r.planned()
		}
		if rows, err = c.keepPool(ctx, tx, d, rows, now); err != nil {
			return err
		}
		known, err := readingOf(ctx, tx, d.WorkspaceID, d.ID)
		if err != nil {
			return err
		}
		v = newVisit(environmentOf(d, rows), rows, now)
		v.planRead(known, c.ReadEvery)
		giveWay(rows, now, v.traits, capacity(d))
		v.blocked = IsBlocked(d)
		for i, r := range rows {
			if !d.IsManaged {
				if err := c.release(ctx, tx, t, r); err != nil {
					return err
				}
			}
			if r.vanished { // nothing is asked of the lock for it
				err := c.settle(ctx, tx, r, &deviceLeft, nil)
				if err == nil {
					err = c.save(ctx, tx, r, now, v.environment)
				}
				if err != nil {
					return err
				}
				continue
			}
			v.planCode(r)
			if i < len(before) && r.planned() == before[i] {
				continue // whatever else is new about it is written when the visit is over
			}
			if err := c.save(ctx, tx, r, now, v.environment); err != nil {
				return err
			}
		}
		quietUnless(tx, len(t.events) > 0, rows)
		return c.appendEvents(ctx, tx, t)
	}, store.Workspace(j.WorkspaceID))
	return v, err
}

// planCode decides what the lock has to do for one code.
func (v *visit) planCode(r *row) {
	if r.Blocked && !v.blocked {
		r.Tries, r.RetryAt = 0, time.Time{}
	}
	r.Blocked = v.blocked
	next := r.next(v.at, v.traits)
	later := v.at.Before(r.RetryAt) && !r.duplicate() // whether a PIN is free costs nothing to see
	switch {
	case r.Asked != nil:
		next = await
	case later:
		next = nothing
	}
	v.steps[r.id] = next
	switch {
	case next == erase || next == await:
		v.touch(r, true)
	case next == write && !v.blocked:
		w := r.wanted(v.traits)
		v.wants[r.id] = w
		v.touch(r, r.Sent != nil)
		if r.Held != nil {
			return
		}
		r.Sent = &w
		if r.SentAt.IsZero() {
			r.SentAt = v.at
		}
	}
}

// planned is what a plan may change of a code that was there before.
type planned struct {
	managed, deleting, blocked bool
	tries                      int
	retryAt                    time.Time
	sent                       *held
	heldBack                   time.Time
}

func (r *row) planned() planned {
	return planned{r.managed, r.Deleting, r.Blocked, r.Tries, r.RetryAt, r.Sent, r.HeldBack}
}

// capacity is how many codes a lock can store; 0: it does not say.
func capacity(d device.Reached) int {
	var n float64
	_ = json.Unmarshal(d.Properties["max_active_codes_supported"], &n) // absent: 0
	return int(n)
}

// giveWay keeps codes whose time has not come off the lock while codes that begin before them need their
// PIN or their place. Whatever has begun has a claim to its place, in the order of the beginnings.
func giveWay(rows []*row, now time.Time, t provider.CodeTraits, capacity int) {
	var due []*row
	onLock := 0
	for _, r := range rows {
		r.HeldBack = time.Time{}
		switch {
		case r.vanished || r.Offline:
		case !r.managed && r.Held != nil && !r.Deleting:
			onLock++
		case r.managed && !r.ended(now) && !r.LetGo && !now.Before(r.scheduledAt(t)):
			due = append(due, r)
		}
	}
	slices.SortStableFunc(due, func(a, b *row) int { return a.StartsAt.Compare(b.StartsAt) })
	for i, r := range due {
		if now.Before(r.StartsAt) {
			if capacity > 0 && onLock >= capacity {
				r.HeldBack = r.StartsAt
			}
			for _, first := range due[:i] {
				if r.PIN == "" || first.PIN != r.PIN || !first.HeldBack.IsZero() {
					continue
				}
				if r.HeldBack = r.StartsAt; !first.EndsAt.IsZero() && first.EndsAt.Before(r.StartsAt) {
					r.HeldBack = first.EndsAt
				}
			}
		}
		if r.HeldBack.IsZero() {
			onLock++
		}
	}
}
