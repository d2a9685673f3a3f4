package accesscode

import (
	"context"
	"slices"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

// load is what every change to the codes of a device begins with.
func (c *Codes) load(ctx context.Context, tx *store.Tx, workspaceID, deviceID string) (t *changeset, rows []*row, rule rules, err error) {
	if t, rule, err = c.reach(ctx, tx, workspaceID, deviceID); err != nil {
		return nil, nil, rule, err
	}
	rows, err = c.ofDevice(ctx, tx, workspaceID, deviceID)
	t.environment = environmentOf(t.device, rows)
	return t, rows, rule, err
}

// loadForNew is load for a code that is new: the others are not opened.
func (c *Codes) loadForNew(ctx context.Context, tx *store.Tx, workspaceID, deviceID string) (t *changeset, rule rules, err error) {
	if t, rule, err = c.reach(ctx, tx, workspaceID, deviceID); err != nil {
		return nil, rule, err
	}
	err = c.loadNeighbours(ctx, tx, t, &rule)
	return t, rule, err
}

func (c *Codes) reach(ctx context.Context, tx *store.Tx, workspaceID, deviceID string) (t *changeset, rule rules, err error) {
	d, err := c.Devices.Reach(ctx, tx, workspaceID, deviceID)
	if err != nil {
		return nil, rule, err
	}
	if !d.IsManaged {
		return nil, rule, fault.New(fault.DeviceUnmanaged, "The device is not managed")
	}
	rule, err = rulesOf(d.Device)
	rule.digests = c.digestsOn(d.ID)
	return c.changeset(d, c.Clock.Ahead(d.Ahead)), rule, err
}

// finish writes the codes and their events, and has the lock visited, which is a physical action of the
// caller.
func (c *Codes) finish(ctx context.Context, tx *store.Tx, t *changeset, changed ...*row) error {
	return c.finishAt(ctx, tx, t, t.now, changed...)
}

// finishAt is finish with the time of the visit.
func (c *Codes) finishAt(ctx context.Context, tx *store.Tx, t *changeset, visit time.Time, changed ...*row) error {
	if err := credential.SpendAction(ctx, tx, c.Clock.Real(), 1); err != nil {
		return err
	}
	for _, r := range changed {
		if err := c.save(ctx, tx, r, t.now, t.environment); err != nil {
			return err
		}
	}
	if err := c.appendEvents(ctx, tx, t); err != nil {
		return err
	}
	return c.visitAt(ctx, tx, t.device, visit)
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
		t := c.changeset(d, now)
		switch {
		case !d.IsManaged:
			return fault.New(fault.DeviceUnmanaged, "The device is not managed")
		case found.Offline:
			return fault.New(fault.NotSupported, "An offline access code cannot be deleted: its lock is not reached from here")
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
			found.restart(now, actorOf(p))
			if managed {
				t.requested(found)
			}
		}
		found.Attempts = append(found.Attempts, at.ID)
		return c.finish(ctx, tx, t, found)
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
		t, _, _, err := c.load(ctx, tx, p.WorkspaceID, found.deviceID)
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
			return c.appendEvents(ctx, tx, t)
		}
		found.managed, found.AllowExternal, found.ChangedAt, found.Actor = true, allowExternal, t.now, actorOf(p)
		found.Elsewhere, found.Warnings = false, nil
		found.Unscheduled = found.Held.StartsAt.IsZero() && found.Held.EndsAt.IsZero() && !found.EndsAt.IsZero()
		found.Reported = found.asReported()
		found.Shown = found.stage(t.now, t.traits)
		t.add(found, "access_code.unmanaged.converted_to_managed", t.now, nil, nil, found.Actor)
		return c.finish(ctx, tx, t, found)
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
		t, rows, _, err := c.load(ctx, tx, p.WorkspaceID, found.deviceID)
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
		b.Reported = b.asReported()
		t.environment = environmentOf(t.device, rows)
		t.add(b, "access_code.created", t.now, nil, nil, b.Actor) // until now it was a spare
		found.Pulled = b.id
		found.Warnings = append(found.Warnings, Problem{WarningCode: "using_backup_access_code",
			Message: "A backup access code stands in for this one.", CreatedAt: rpc.Time{Time: t.now}})
		backupID = b.id
		t.add(found, "access_code.backup_access_code_pulled", t.now, map[string]any{"backup_access_code_id": b.id}, nil, actorOf(p))
		return c.finish(ctx, tx, t, found, b)
	}, store.Workspace(p.WorkspaceID))
	return backupID, err
}

// Generate makes up a PIN that a device takes and that is not in use on it. It returns
// device_not_found, not_supported, or invalid_input when none is free.
func (c *Codes) Generate(ctx context.Context, deviceID string) (pin string, t *changeset, err error) { //nolint:revive // endpoints hand it on as it is; no other caller needs its name
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
		t = c.changeset(d, now)
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

// OnLock finds the device of a managed code, and the code as its lock stores it. It returns
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
		t, _, _, err := c.load(ctx, tx, ws, deviceID)
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
		if err := c.save(ctx, tx, found, t.now, t.environment); err != nil {
			return err
		}
		return c.appendEvents(ctx, tx, t)
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
