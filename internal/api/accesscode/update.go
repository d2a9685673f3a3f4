package accesscode

import (
	"context"
	"slices"
	"time"

	"keyway/internal/api/action"
	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// Change is an update of a code; what is not set stays.
type Change struct {
	DeviceID      string
	Name          rpc.Opt[string]
	PIN           string
	StartsAt      rpc.Opt[time.Time]
	EndsAt        rpc.Opt[time.Time]
	Type          string
	AllowExternal rpc.Opt[bool]
	Native        rpc.Opt[bool] // whether the lock's own schedules are to be used
	IsManaged     rpc.Opt[bool]
	OnlyOnline    bool
	EnablePool    bool
}

// Update changes what is wanted of a code. With wait it returns when the lock was asked. It returns
// access_code_not_found, device_offline, not_supported, too_many_requests, or invalid_input.
func (c *Codes) Update(ctx context.Context, id string, ch Change, wait bool) (attemptID string, err error) {
	p, count := credential.From(ctx), c.Devices.Limits.Count(device.UpdateCode)
	var deviceID string
	err = c.DB.Update(ctx, func(tx *store.Tx) error {
		found, err := c.find(ctx, tx, id, true)
		if err != nil {
			return err
		}
		if ch.DeviceID != "" && ch.DeviceID != found.deviceID {
			return fault.Invalid("device_id", "A code cannot move to another device")
		}
		deviceID = found.deviceID
		if err := count(deviceID); err != nil {
			return err
		}
		t, rows, rule, err := c.load(ctx, tx, p.WorkspaceID, deviceID)
		if err != nil {
			return err
		}
		r := rows[slices.IndexFunc(rows, func(r *row) bool { return r.id == id })]
		rule.existing = c.neighbours(rows, id)
		if err := t.changeable(r, ch); err != nil {
			return err
		}
		if ch.IsManaged.Set && !ch.IsManaged.Value {
			err = c.giveUp(ctx, tx, t, r, ch)
		} else {
			err = t.update(r, ch, rule, actorOf(p))
		}
		if err != nil {
			return err
		}
		if ch.EnablePool {
			if err := c.enablePool(ctx, tx, t); err != nil {
				return err
			}
		}
		at, _, err := c.Attempts.Start(ctx, tx, p.WorkspaceID, "UPDATE_ACCESS_CODE", deviceID)
		if err != nil {
			return err
		}
		attemptID = at.ID
		r.Attempts = append(r.Attempts, at.ID)
		return c.finish(ctx, tx, t, r)
	}, store.Workspace(p.WorkspaceID))
	if err == nil && wait {
		err = c.Jobs.RunNow(ctx, syncKey(p.WorkspaceID, deviceID))
	}
	return attemptID, err
}

// changeable returns why a code cannot be changed: access_code_not_found, not_supported or
// device_offline.
func (t *changeset) changeable(r *row, ch Change) error {
	switch {
	case r.Deleting:
		return fault.Missing(fault.AccessCodeNotFound)
	case r.Offline:
		return fault.New(fault.NotSupported, "An offline access code cannot be changed")
	}
	if e, blocked := t.device.Blocking(); blocked && ch.OnlyOnline {
		return fault.New(fault.DeviceOffline, "%s", e.Message)
	}
	return nil
}

// giveUp leaves a code on its lock to others because its owner says so. It returns not_supported, or
// invalid_input for a change that would be lost.
func (c *Codes) giveUp(ctx context.Context, tx *store.Tx, t *changeset, r *row, ch Change) error {
	switch {
	case r.Held == nil:
		return fault.New(fault.NotSupported, "The code is not on its lock, so there is nothing to leave to others")
	case ch.Name.Set || ch.PIN != "" || ch.StartsAt.Set || ch.EndsAt.Set || ch.Type != "":
		return fault.Invalid("is_managed", "A code that is left to others cannot be changed at the same time")
	}
	return c.handOver(ctx, tx, t, r, &codeLeft)
}

// handOver leaves a code on its lock to others.
func (c *Codes) handOver(ctx context.Context, tx *store.Tx, t *changeset, r *row, why *action.Failure) error {
	if err := c.cutShort(ctx, tx, t, r, why); err != nil {
		return err
	}
	r.unmanage()
	return nil
}

// update changes one code in memory.
func (t *changeset) update(r *row, ch Change, rule rules, by actor) error {
	starts, ends := r.StartsAt, r.EndsAt
	if ch.StartsAt.Set {
		starts = ch.StartsAt.Or(time.Time{})
	}
	if ch.EndsAt.Set {
		ends = ch.EndsAt.Or(time.Time{})
	}
	switch ch.Type {
	case "ongoing":
		if ch.StartsAt.Or(time.Time{}) != (time.Time{}) || ch.EndsAt.Or(time.Time{}) != (time.Time{}) {
			return fault.Invalid("type", "An ongoing code has neither starts_at nor ends_at")
		}
		starts, ends = time.Time{}, time.Time{}
	case "time_bound":
		if ends.IsZero() {
			return fault.Invalid("ends_at", "Required")
		}
	}
	if !starts.Equal(r.StartsAt) || !ends.Equal(r.EndsAt) {
		if starts.Equal(r.StartsAt) {
			rule.kinds = slices.DeleteFunc(slices.Clone(rule.kinds), func(k string) bool { return k == "start_date_in_future" })
		}
		if err := checkTimes(starts, ends, t.now, rule); err != nil {
			return err
		}
	}
	rule.frame = span{starts, ends}
	if ch.PIN != "" && ch.PIN != r.PIN {
		if err := rule.checkPIN(ch.PIN); err != nil {
			return err
		}
		r.PIN, r.common = ch.PIN, "" // it no longer shares its PIN
	}
	if ch.AllowExternal.Set {
		r.AllowExternal = ch.AllowExternal.Value
	}
	if ch.Native.Set {
		r.Unscheduled = !ch.Native.Value
	}
	if ch.Name.Set && ch.Name.Or("") != r.Name {
		r.call(ch.Name.Or(""), rule)
	}
	r.StartsAt, r.EndsAt = starts, ends
	r.restart(t.now, by)
	t.requested(r)
	if r.Held == nil && r.Sent == nil || r.Held.same(r.wanted(t.traits)) {
		t.changed(r) // there is nothing to wait for
	} else {
		r.Shown = ""
	}
	return nil
}

// restart forgets how the lock took what was wanted before: something else is wanted now.
func (r *row) restart(now time.Time, by actor) {
	r.ChangedAt, r.Actor, r.LetGo = now, by, false
	r.Tries, r.RetryAt, r.Waiting, r.Errors = 0, time.Time{}, time.Time{}, nil
	r.Warnings = slices.DeleteFunc(r.Warnings, func(p Problem) bool {
		return isDelay(p) || p.WarningCode == "external_modification_in_effect"
	})
}

// UpdateMultiple changes all codes that share a key, or none. It returns access_code_not_found when
// the caller reaches none.
func (c *Codes) UpdateMultiple(ctx context.Context, key string, ch Change) error {
	p, count := credential.From(ctx), c.Devices.Limits.Count(device.UpdateCode)
	return c.DB.Update(ctx, func(tx *store.Tx) error {
		group, err := c.group(ctx, tx, key)
		group = slices.DeleteFunc(group, func(r *row) bool { return r.Deleting })
		if err == nil && len(group) == 0 {
			err = fault.Missing(fault.AccessCodeNotFound)
		}
		if err != nil {
			return err
		}
		for _, g := range group {
			if err := count(g.deviceID); err != nil {
				return err
			}
			t, rows, rule, err := c.load(ctx, tx, p.WorkspaceID, g.deviceID)
			if err != nil {
				return err
			}
			r := rows[slices.IndexFunc(rows, func(r *row) bool { return r.id == g.id })]
			rule.existing = c.neighbours(rows, r.id)
			if err := t.changeable(r, ch); err != nil {
				return err
			}
			if err := t.update(r, ch, rule, actorOf(p)); err != nil {
				return err
			}
			if err := c.finish(ctx, tx, t, r); err != nil {
				return err
			}
		}
		return nil
	}, store.Workspace(p.WorkspaceID))
}
