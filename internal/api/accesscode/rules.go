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

// begin is what every change to the codes of a device begins with.
func (c *Codes) begin(ctx context.Context, tx *store.Tx, workspaceID, deviceID string) (t *telling, rows []*row, rule rules, err error) {
	if t, rule, err = c.reach(ctx, tx, workspaceID, deviceID); err != nil {
		return nil, nil, rule, err
	}
	rows, err = c.ofDevice(ctx, tx, workspaceID, deviceID)
	t.around = surround(t.device, rows)
	return t, rows, rule, err
}

// beginNew is begin for a code that is new: the others are not opened.
func (c *Codes) beginNew(ctx context.Context, tx *store.Tx, workspaceID, deviceID string) (t *telling, rule rules, err error) {
	if t, rule, err = c.reach(ctx, tx, workspaceID, deviceID); err != nil {
		return nil, rule, err
	}
	err = c.surroundings(ctx, tx, t, &rule)
	return t, rule, err
}

func (c *Codes) reach(ctx context.Context, tx *store.Tx, workspaceID, deviceID string) (t *telling, rule rules, err error) {
	d, err := c.Devices.Reach(ctx, tx, workspaceID, deviceID)
	if err != nil {
		return nil, rule, err
	}
	if !d.IsManaged {
		return nil, rule, fault.New(fault.DeviceUnmanaged, "The device is not managed")
	}
	rule, err = rulesOf(d.Device)
	rule.digests = c.digestsOn(d.ID)
	return c.telling(d, c.Clock.Ahead(d.Ahead)), rule, err
}

// end writes the codes and their events, and has the lock visited, which is a physical action of the
// caller.
func (c *Codes) end(ctx context.Context, tx *store.Tx, t *telling, changed ...*row) error {
	return c.endAt(ctx, tx, t, t.now, changed...)
}

// endAt is end with the time of the visit.
func (c *Codes) endAt(ctx context.Context, tx *store.Tx, t *telling, visit time.Time, changed ...*row) error {
	if err := credential.SpendAction(ctx, tx, c.Clock.Real(), 1); err != nil {
		return err
	}
	for _, r := range changed {
		if err := c.save(ctx, tx, r, t.now, t.around); err != nil {
			return err
		}
	}
	if err := c.tell(ctx, tx, t); err != nil {
		return err
	}
	return c.visitAt(ctx, tx, t.device, visit)
}

// create makes a code on one device, if count lets it.
func (c *Codes) create(ctx context.Context, tx *store.Tx, n New, count func(deviceID string) error) (out created, err error) {
	p := credential.From(ctx)
	t, rule, err := c.beginNew(ctx, tx, p.WorkspaceID, n.DeviceID)
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
	r.Told = r.asTold()
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
	err = c.endAt(ctx, tx, t, visit, r)
	return created{r.id, at.ID, r.doc, attempt}, err
}

// able returns why a device cannot have a code of the kind: not_supported, invalid_input or
// device_offline.
func (t *telling) able(n New) error {
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
func (c *Codes) choosePIN(ctx context.Context, t *telling, r *row, n New, rule rules) error {
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

// enablePool has spare codes kept on a device from now on.
func (c *Codes) enablePool(ctx context.Context, tx *store.Tx, t *telling) error {
	if string(t.device.Properties["supports_backup_access_code_pool"]) != "true" {
		return fault.Invalid("use_backup_access_code_pool", "This device does not support a backup access code pool")
	}
	if string(t.device.Properties["backup_access_code_pool_enabled"]) == "true" {
		return nil
	}
	return c.Devices.SetProperties(ctx, tx, t.device.WorkspaceID, t.device.ID, map[string]any{"backup_access_code_pool_enabled": true})
}

// Create makes a code. With wait it returns when the lock was asked. It returns device_not_found,
// device_unmanaged, not_supported, device_offline, duplicate_access_code, too_many_requests, or invalid_input.
func (c *Codes) Create(ctx context.Context, n New, wait bool) (out created, err error) { //nolint:revive // endpoints hand it on as it is; nobody else needs its name
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
					return fault.Invalid("common_code_key", "A device that chooses its codes by itself has a code with this key, so nothing can share it")
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

// group reads the codes that share a key and that the caller reaches.
func (c *Codes) group(ctx context.Context, q store.Querier, key string) ([]*row, error) {
	p := credential.From(ctx)
	w := c.DB.Where()
	w.Add("workspace_id = ?", p.WorkspaceID)
	w.Add("common_code_key = ?", key)
	p.Limit(w, "device_id", "connected_account_id", "")
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM access_codes`+w.String()+` ORDER BY device_id`, w.Args...)
	return store.All(rows, err, c.scan)
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
			_, rule, err := c.beginNew(ctx, tx, ws, id)
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
		t, rows, rule, err := c.begin(ctx, tx, p.WorkspaceID, deviceID)
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
		return c.end(ctx, tx, t, r)
	}, store.Workspace(p.WorkspaceID))
	if err == nil && wait {
		err = c.Jobs.RunNow(ctx, syncKey(p.WorkspaceID, deviceID))
	}
	return attemptID, err
}

// changeable returns why a code cannot be changed: access_code_not_found, not_supported or
// device_offline.
func (t *telling) changeable(r *row, ch Change) error {
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
func (c *Codes) giveUp(ctx context.Context, tx *store.Tx, t *telling, r *row, ch Change) error {
	switch {
	case r.Held == nil:
		return fault.New(fault.NotSupported, "The code is not on its lock, so there is nothing to leave to others")
	case ch.Name.Set || ch.PIN != "" || ch.StartsAt.Set || ch.EndsAt.Set || ch.Type != "":
		return fault.Invalid("is_managed", "A code that is left to others cannot be changed at the same time")
	}
	return c.handOver(ctx, tx, t, r, &codeLeft)
}

// handOver leaves a code on its lock to others.
func (c *Codes) handOver(ctx context.Context, tx *store.Tx, t *telling, r *row, why *action.Failure) error {
	if err := c.cutShort(ctx, tx, t, r, why); err != nil {
		return err
	}
	r.unmanage()
	return nil
}

// cutShort ends the attempts of a code: what its lock has still to do for it is not done any more, which
// they say; what it has done has succeeded.
func (c *Codes) cutShort(ctx context.Context, tx *store.Tx, t *telling, r *row, why *action.Failure) error {
	if r.next(t.now, t.traits) == nothing {
		why = nil
	}
	return c.settle(ctx, tx, r, why, t)
}

// update changes one code in memory.
func (t *telling) update(r *row, ch Change, rule rules, by actor) error {
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
		r.PIN, r.common = ch.PIN, "" // it does not share its PIN any more
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
	r.begin(t.now, by)
	t.requested(r)
	if r.Held == nil && r.Sent == nil || r.Held.same(r.wanted(t.traits)) {
		t.changed(r) // there is nothing to wait for
	} else {
		r.Shown = ""
	}
	return nil
}

// begin forgets how the lock took what was wanted before: something else is wanted now.
func (r *row) begin(now time.Time, by actor) {
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
			t, rows, rule, err := c.begin(ctx, tx, p.WorkspaceID, g.deviceID)
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
			if err := c.end(ctx, tx, t, r); err != nil {
				return err
			}
		}
		return nil
	}, store.Workspace(p.WorkspaceID))
}

// Delete has a code taken off its lock, managed or not. With wait it returns when the lock was asked.
// It returns access_code_not_found, device_unmanaged, too_many_requests, or not_supported for an offline
// code.
func (c *Codes) Delete(ctx context.Context, id, deviceID string, managed, wait bool) (attemptID string, err error) {
	p, count := credential.From(ctx), c.Devices.Limits.Count(device.DeleteCode)
	var on string
	err = c.DB.Update(ctx, func(tx *store.Tx) error {
		found, err := c.find(ctx, tx, id, managed)
		if err != nil {
			return err
		}
		if deviceID != "" && deviceID != found.deviceID {
			return fault.Missing(fault.AccessCodeNotFound)
		}
		on = found.deviceID
		if err := count(on); err != nil {
			return err
		}
		d, err := c.Devices.Reach(ctx, tx, p.WorkspaceID, on)
		if err != nil {
			return err
		}
		now := c.Clock.Ahead(d.Ahead)
		t := c.telling(d, now)
		switch {
		case !d.IsManaged:
			return fault.New(fault.DeviceUnmanaged, "The device is not managed")
		case found.Offline:
			return fault.New(fault.NotSupported, "An offline access code cannot be deleted: its lock cannot be told")
		}
		at, _, err := c.Attempts.Start(ctx, tx, p.WorkspaceID, "DELETE_ACCESS_CODE", on)
		if err != nil {
			return err
		}
		attemptID = at.ID
		if !found.Deleting {
			if err := c.cutShort(ctx, tx, t, found, &codeDeleted); err != nil {
				return err
			}
			found.Deleting = true
			found.begin(now, actorOf(p))
			if managed {
				t.requested(found)
			}
		}
		found.Attempts = append(found.Attempts, at.ID)
		return c.end(ctx, tx, t, found)
	}, store.Workspace(p.WorkspaceID))
	if err == nil && wait {
		err = c.Jobs.RunNow(ctx, syncKey(p.WorkspaceID, on))
	}
	return attemptID, err
}

// Convert makes a code that others put on a lock a managed one; one that another workspace manages only
// by force. It returns access_code_not_found, access_code_managed_by_another_workspace, or not_supported
// for a brand whose codes cannot change hands.
func (c *Codes) Convert(ctx context.Context, id string, allowExternal, force bool) error {
	p := credential.From(ctx)
	var refused error
	err := c.DB.Update(ctx, func(tx *store.Tx) error {
		refused = nil
		found, err := c.find(ctx, tx, id, false)
		if err != nil {
			return err
		}
		t, _, _, err := c.begin(ctx, tx, p.WorkspaceID, found.deviceID)
		if err != nil {
			return err
		}
		switch {
		case found.Deleting:
			return fault.Missing(fault.AccessCodeNotFound)
		case t.traits.FixedCodes:
			refused = fault.New(fault.NotSupported, "The codes that others put on a lock of this brand cannot become managed")
		case found.Elsewhere && !force:
			refused = fault.New(fault.ManagedElsewhere, "Another workspace manages this access code. Pass force to take it over")
		}
		if refused != nil {
			t.problem(found, "access_code.unmanaged.failed_to_convert_to_managed", t.now)
			return c.tell(ctx, tx, t)
		}
		found.managed, found.AllowExternal, found.ChangedAt, found.Actor = true, allowExternal, t.now, actorOf(p)
		found.Elsewhere, found.Warnings = false, nil
		found.Unscheduled = found.Held.StartsAt.IsZero() && found.Held.EndsAt.IsZero() && !found.EndsAt.IsZero()
		found.Told = found.asTold()
		found.Shown = found.stage(t.now, t.traits)
		t.add(found, "access_code.unmanaged.converted_to_managed", t.now, nil, nil, found.Actor)
		return c.end(ctx, tx, t, found)
	}, store.Workspace(p.WorkspaceID))
	if err == nil {
		err = refused
	}
	return err
}

// PullBackup gives the spare code that stands in for a code: the same one each time. It returns
// access_code_not_found, access_code_not_time_bound, not_supported for an offline code and for one that
// is a backup itself, or no_backup_access_code_available.
func (c *Codes) PullBackup(ctx context.Context, id string) (backupID string, err error) {
	p := credential.From(ctx)
	err = c.DB.Update(ctx, func(tx *store.Tx) error {
		found, err := c.find(ctx, tx, id, true)
		if err != nil {
			return err
		}
		t, rows, _, err := c.begin(ctx, tx, p.WorkspaceID, found.deviceID)
		if err != nil {
			return err
		}
		if found.Pulled != "" && slices.ContainsFunc(rows, func(r *row) bool { return r.managed && r.id == found.Pulled }) {
			backupID = found.Pulled
			return nil
		}
		switch {
		case found.Deleting:
			return fault.Missing(fault.AccessCodeNotFound)
		case found.ongoing():
			return fault.New(fault.AccessCodeNotTimeBound, "Only a time-bound access code has a backup")
		case found.Offline || found.Backup:
			return fault.New(fault.NotSupported, "Offline access codes and backup access codes have no backup")
		}
		i := slices.IndexFunc(rows, func(r *row) bool { return r.spare && r.Shown == set && !r.Deleting })
		if i < 0 {
			return fault.New(fault.NoBackupAccessCode, "No backup access code is ready on the device")
		}
		b := rows[i]
		b.spare, b.EndsAt, b.ChangedAt, b.Actor = false, found.EndsAt, t.now, actorOf(p)
		b.Unscheduled, b.Shown = true, "" // it is on the lock already, and works at once
		b.Name, b.OnLock = found.Name, b.lockName()
		b.Told = b.asTold()
		t.around = surround(t.device, rows)
		t.add(b, "access_code.created", t.now, nil, nil, b.Actor) // until now it was nobody's
		found.Pulled = b.id
		found.Warnings = append(found.Warnings, Problem{WarningCode: "using_backup_access_code",
			Message: "A backup access code stands in for this one.", CreatedAt: rpc.Time{Time: t.now}})
		backupID = b.id
		t.add(found, "access_code.backup_access_code_pulled", t.now, map[string]any{"backup_access_code_id": b.id}, nil, actorOf(p))
		return c.end(ctx, tx, t, found, b)
	}, store.Workspace(p.WorkspaceID))
	return backupID, err
}

// Generate makes up a PIN that a device takes and that is not in use on it. It returns
// device_not_found, not_supported, or invalid_input when none is free.
func (c *Codes) Generate(ctx context.Context, deviceID string) (pin string, t *telling, err error) { //nolint:revive // endpoints hand it on as it is; nobody else needs its name
	err = c.DB.View(ctx, func(q store.Querier) error {
		ws := credential.From(ctx).WorkspaceID
		d, err := c.Devices.Reach(ctx, q, ws, deviceID)
		if err != nil {
			return err
		}
		now := c.Clock.Ahead(d.Ahead)
		rows, err := c.ofDevice(ctx, q, ws, deviceID)
		if err != nil {
			return err
		}
		rule, err := rulesOf(d.Device)
		if err != nil {
			return err
		}
		if d.CanProgramOnlineAccessCodes == nil || rule.lockChooses() {
			return fault.New(fault.NotSupported, "PINs can’t be chosen on this device")
		}
		t = c.telling(d, now)
		rule.existing, rule.digests = c.neighbours(rows, ""), c.digestsOn(d.ID)
		var ok bool
		if pin, ok = generate(0, rule); !ok {
			return fault.Invalid("device_id", "No code that the device takes is free")
		}
		return nil
	})
	return pin, t, err
}

// ReportConstraints notes what lengths of codes a device takes. It returns device_not_found, or
// invalid_input.
func (c *Codes) ReportConstraints(ctx context.Context, deviceID string, lengths []int, low, high int) error {
	switch {
	case len(lengths) == 0 && low == 0 && high == 0:
		return fault.Invalid("supported_code_lengths", "Required, or min_code_length and max_code_length")
	case len(lengths) > 0 && (low != 0 || high != 0):
		return fault.Invalid("supported_code_lengths", "Send either this or min_code_length and max_code_length")
	case len(lengths) == 0:
		if low == 0 {
			low = shortest
		}
		if high == 0 {
			high = 20
		}
		if low > high {
			return fault.Invalid("min_code_length", "Must not be more than max_code_length")
		}
		for n := low; n <= high; n++ {
			lengths = append(lengths, n)
		}
	}
	ws := credential.From(ctx).WorkspaceID
	return c.DB.Update(ctx, func(tx *store.Tx) error {
		d, err := c.Devices.Reach(ctx, tx, ws, deviceID)
		if err != nil {
			return err
		}
		return c.Devices.SetProperties(ctx, tx, ws, d.ID, map[string]any{"supported_code_lengths": lengths})
	}, store.Workspace(ws))
}

// OnLock finds the device of a managed code, and the code as its lock holds it. It returns
// access_code_not_found, and not_supported for a code that is not on its lock.
func (c *Codes) OnLock(ctx context.Context, id string) (deviceID string, code provider.Code, err error) {
	r, err := c.find(ctx, c.DB, id, true)
	if err != nil {
		return "", code, err
	}
	if r.Held == nil {
		return "", code, fault.New(fault.NotSupported, "The access code is not on its lock")
	}
	return r.deviceID, r.Held.public(), nil
}

// UnmanagedByPIN finds the code with a PIN that others have put on a device; access_code_not_found when
// there is none.
func (c *Codes) UnmanagedByPIN(ctx context.Context, workspaceID, deviceID, pin string) (id string, err error) {
	rows, err := c.ofDevice(ctx, c.DB, workspaceID, deviceID)
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		if !r.managed && r.PIN == pin {
			return r.id, nil
		}
	}
	return "", fault.Missing(fault.AccessCodeNotFound)
}

// Transfer records that another workspace has taken over the management of a code on its lock, or has let
// go of it. A managed code stops being managed here. It returns the code's device, access_code_not_found,
// device_unmanaged, or not_supported for a code that cannot change hands.
func (c *Codes) Transfer(ctx context.Context, id string, elsewhere bool) (deviceID string, err error) {
	ws := credential.From(ctx).WorkspaceID
	err = c.DB.Update(ctx, func(tx *store.Tx) error {
		found, err := c.find(ctx, tx, id, true)
		if fault.Is(err, fault.AccessCodeNotFound) {
			found, err = c.find(ctx, tx, id, false)
		}
		if err != nil {
			return err
		}
		deviceID = found.deviceID
		t, _, _, err := c.begin(ctx, tx, ws, deviceID)
		if err != nil {
			return err
		}
		switch {
		case found.managed && !elsewhere:
			return nil
		case t.traits.FixedCodes || found.Offline || found.Held == nil || found.Deleting:
			return fault.New(fault.NotSupported, "Only a code that is on its lock, and that its brand lets change hands, can be managed by "+
				"another workspace")
		case found.managed:
			if err := c.handOver(ctx, tx, t, found, &takenOver); err != nil {
				return err
			}
			found.ChangedAt = t.now
			found.Warnings = []Problem{{WarningCode: "management_transferred", Message: transferred, CreatedAt: rpc.Time{Time: t.now}}}
			t.add(found, "access_code.changed", t.now, map[string]any{"change_reason": transferred},
				map[string]any{"changed_properties": []map[string]any{
					{"property": "is_managed", "from": "true", "to": "false"}}}, actor{Type: "external"})
		case !elsewhere:
			found.Warnings = nil
		}
		found.Elsewhere = elsewhere
		if err := c.save(ctx, tx, found, t.now, t.around); err != nil {
			return err
		}
		return c.tell(ctx, tx, t)
	}, store.Workspace(ws))
	return deviceID, err
}

const transferred = "Management was transferred to another workspace."

// Settle runs the visit to a lock that is due, and returns when it is over.
func (c *Codes) Settle(ctx context.Context, workspaceID, deviceID string) error {
	return c.Jobs.RunNow(ctx, syncKey(workspaceID, deviceID))
}

// Visit visits a lock at once, and returns when the visit is over.
func (c *Codes) Visit(ctx context.Context, workspaceID, deviceID string) error {
	err := c.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := c.Clock.Now(ctx, tx, workspaceID)
		if err != nil {
			return err
		}
		return c.Kick(ctx, tx, workspaceID, deviceID, now)
	}, store.Workspace(workspaceID))
	if err != nil {
		return err
	}
	return c.Jobs.RunNow(ctx, syncKey(workspaceID, deviceID))
}
