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
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

// New is what a new code is made of.
type New struct {
	DeviceID       string
	Name           string
	PIN            string // empty: one is made up
	Length         int    // preferred, where one is made up
	StartsAt       time.Time
	EndsAt         time.Time
	CommonKey      string
	AllowExternal  bool
	Unscheduled    bool
	Offline        bool
	OneTime        bool
	Rounding       time.Duration // the most that the times of an offline code may be rounded by; 0: an hour
	EnablePool     bool
	OnlyWhenOnline bool
}

// created is a code that was just made, with the attempt that puts it on its lock.
type created struct {
	CodeID, attemptID string
	code              rpc.Doc[Code]
	attempt           rpc.Doc[action.Attempt]
}

// create makes a code on one device, if count lets it.
func (c *Codes) create(ctx context.Context, tx *store.Tx, n New, count func(deviceID string) error) (out created, err error) {
	p := credential.From(ctx)
	t, rule, err := c.loadForNew(ctx, tx, p.WorkspaceID, n.DeviceID)
	if err == nil {
		err = count(n.DeviceID)
	}
	if err != nil {
		return out, err
	}
	if err := checkTimes(n.StartsAt, n.EndsAt, t.now, rule); err != nil {
		return out, err
	}
	rule.frame = span{n.StartsAt, n.EndsAt}
	if err := t.able(n); err != nil {
		return out, err
	}
	r := newRow(t.device, t.now, true)
	r.PIN, r.StartsAt, r.EndsAt, r.common, r.Actor = n.PIN, n.StartsAt, n.EndsAt, n.CommonKey, actorOf(p)
	r.call(n.Name, rule)
	r.AllowExternal, r.Unscheduled, r.Offline, r.OneTime = n.AllowExternal, n.Unscheduled, n.Offline, n.OneTime
	if err := c.choosePIN(ctx, t, r, n, rule); err != nil {
		return out, err
	}
	if n.EnablePool {
		if err := c.enablePool(ctx, tx, t); err != nil {
			return out, err
		}
	}
	r.Reported = r.asReported()
	start, visit := c.Attempts.Start, t.now
	if !r.Offline && !n.EnablePool && r.next(t.now, t.traits) == nothing { // not yet: the lock need not be asked
		start, visit = c.Attempts.Succeed, r.due(t.now, t.traits, false)
	}
	at, attempt, err := start(ctx, tx, p.WorkspaceID, "CREATE_ACCESS_CODE", n.DeviceID)
	if err != nil {
		return out, err
	}
	if at.Status == "pending" {
		r.Attempts = []string{at.ID}
	} else {
		if err := c.sealResult(ctx, tx, r, at.ID, t); err != nil {
			return out, err
		}
		if attempt, err = c.Attempts.Get(ctx, tx, p.WorkspaceID, at.ID); err != nil {
			return out, err
		}
	}
	t.add(r, "access_code.created", t.now, nil, nil, r.Actor)
	t.requested(r)
	err = c.finishAt(ctx, tx, t, visit, r)
	return created{r.id, at.ID, r.doc, attempt}, err
}

// able returns why a device cannot have a code of the kind: not_supported, invalid_input or
// device_offline.
func (t *changeset) able(n New) error {
	d := t.device
	switch {
	case n.OneTime && !n.Offline:
		return fault.Invalid("is_one_time_use", "Only an offline access code can be for one use")
	case n.Offline && d.CanProgramOfflineAccessCodes == nil:
		return fault.New(fault.NotSupported, "This device does not support offline access codes")
	case n.Offline && n.PIN != "":
		return fault.Invalid("code", "The code of an offline access code cannot be chosen")
	case n.Offline && n.EndsAt.IsZero():
		return fault.Invalid("ends_at", "Required")
	case !n.Offline && d.CanProgramOnlineAccessCodes == nil:
		return fault.New(fault.NotSupported, "This device does not support access codes that are programmed from afar")
	}
	if e, blocked := d.Blocking(); blocked && n.OnlyWhenOnline && !n.Offline {
		return fault.New(fault.DeviceOffline, "%s", e.Message)
	}
	return nil
}

// justNow is how long ago a start still means now: a clock that differs, or a request that took its time.
const justNow = time.Minute

// checkTimes returns invalid_input for a time frame that cannot be.
func checkTimes(starts, ends, now time.Time, rule rules) error {
	switch {
	case starts.IsZero() && ends.IsZero():
		return nil
	case ends.IsZero():
		return fault.Invalid("ends_at", "Required with starts_at")
	case !ends.After(now):
		return fault.Invalid("ends_at", "The time must be in the future")
	case !starts.IsZero() && !ends.After(starts):
		return fault.Invalid("ends_at", "The time must be after starts_at")
	case rule.has("start_date_in_future") && !starts.After(now.Add(-justNow)):
		return fault.Invalid("starts_at", "The device takes only codes that begin in the future")
	}
	return nil
}

// choosePIN settles a new code's PIN: the one that was asked for, one that is made up, or none where
// the lock chooses. It returns invalid_input or duplicate_access_code.
func (c *Codes) choosePIN(ctx context.Context, t *changeset, r *row, n New, rule rules) error {
	switch {
	case n.Offline:
		coder, ok := t.device.Session.(provider.OfflineCoder)
		if !ok {
			return fault.New(fault.NotSupported, "This device does not support offline access codes")
		}
		if r.StartsAt.IsZero() {
			r.StartsAt = t.now.Truncate(time.Millisecond)
		}
		frames, err := framesOf(t.device.Device)
		if err != nil {
			return err
		}
		if r.StartsAt, r.EndsAt, err = frames.fit(r.StartsAt, r.EndsAt, max(n.Rounding, time.Hour)); err != nil {
			return err
		}
		// It is computed from what is here, without asking anything over a network.
		code, err := coder.OfflineCode(ctx, t.device.Ref, provider.Code{Slot: r.id, Name: r.Name, StartsAt: r.StartsAt, EndsAt: r.EndsAt},
			n.OneTime)
		if err != nil || code.PIN == nil {
			return fault.New(fault.NotSupported, "The device computes no code for this time frame")
		}
		r.PIN = *code.PIN
		r.Held = &held{Slot: "offline " + r.id, PIN: r.PIN, Name: r.lockName(), StartsAt: r.StartsAt, EndsAt: r.EndsAt}
		if n.OneTime && t.device.Ref.Brand == "igloohome" {
			r.Warnings = append(r.Warnings, Problem{WarningCode: "igloo_algopin_must_be_used_within_24_hours",
				Message: "The code must be used within 24 hours of its start.", CreatedAt: rpc.Time{Time: t.now}})
		}
		return nil
	case n.PIN != "":
		if err := rule.checkPIN(n.PIN); err != nil {
			return err
		}
		return rule.checkFree(n.PIN)
	case rule.lockChooses():
		return nil
	}
	pin, ok := generate(n.Length, rule)
	if !ok {
		return fault.Invalid("device_id", "No code that the device takes is free")
	}
	r.PIN = pin
	return nil
}

// Create makes a code. With wait it returns when the lock was asked. It returns device_not_found,
// device_unmanaged, not_supported, device_offline, duplicate_access_code, too_many_requests, or invalid_input.
func (c *Codes) Create(ctx context.Context, n New, wait bool) (out created, err error) { //nolint:revive // endpoints hand it on as it is; no other caller needs its name
	ws, count := credential.From(ctx).WorkspaceID, c.Devices.Limits.Count(device.CreateCode)
	err = c.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if n.CommonKey != "" {
			group, err := c.group(ctx, tx, n.CommonKey)
			if err != nil {
				return err
			}
			for _, r := range group {
				switch {
				case r.PIN == "":
					return fault.Invalid("common_code_key", "A device that chooses its own codes has a code with this key, so nothing can share it")
				case n.PIN != "" && n.PIN != r.PIN:
					return fault.Invalid("code", "The codes with this common_code_key have another code")
				}
				n.PIN = r.PIN
			}
		}
		out, err = c.create(ctx, tx, n, count)
		return err
	}, store.Workspace(ws))
	if err == nil && wait {
		err = c.Jobs.RunNow(ctx, syncKey(ws, n.DeviceID))
	}
	return out, err
}

// CreateMultiple makes codes on several devices, with one PIN for all where no PIN is given and that
// is possible; otherwise, when random is set, with one for as many as can share it and another for each
// of the rest.
func (c *Codes) CreateMultiple(ctx context.Context, deviceIDs []string, n New, random bool) (codes []rpc.Doc[Code], err error) {
	ws, count := credential.From(ctx).WorkspaceID, c.Devices.Limits.Count(device.CreateCode)
	err = c.DB.Update(ctx, func(tx *store.Tx) error {
		codes = make([]rpc.Doc[Code], 0, len(deviceIDs))
		var all []rules
		for i, id := range deviceIDs {
			if slices.Contains(deviceIDs[:i], id) {
				return fault.Invalid("device_ids", "A device is named more than once")
			}
			_, rule, err := c.loadForNew(ctx, tx, ws, id)
			if err != nil {
				return err
			}
			rule.frame = span{n.StartsAt, n.EndsAt}
			all = append(all, rule)
		}
		shared, sharing := n, make([]bool, len(deviceIDs))
		if n.PIN == "" {
			shared.PIN, sharing = share(n.Length, all)
			shared.CommonKey = store.NewID()
			if slices.Contains(sharing, false) && !random {
				return fault.Invalid("device_ids", "These devices cannot share a code")
			}
		}
		for i, id := range deviceIDs {
			each := n
			if sharing[i] {
				each = shared
			}
			each.DeviceID = id
			one, err := c.create(ctx, tx, each, count)
			if err != nil {
				return err
			}
			codes = append(codes, one.code)
		}
		return nil
	}, store.Workspace(ws))
	return codes, err
}
