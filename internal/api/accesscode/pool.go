package accesscode

import (
	"context"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
)

// keepPool keeps as many spare codes on a device as it should have. rows are those that are active.
func (c *Codes) keepPool(ctx context.Context, tx *store.Tx, d device.Reached, rows []*row, now time.Time) ([]*row, error) {
	enabled := string(d.Properties["backup_access_code_pool_enabled"]) == "true" && d.IsManaged
	have := 0
	for _, r := range rows {
		if r.spare && !enabled {
			r.Deleting = true
		} else if r.spare && !r.Deleting {
			have++
		}
	}
	if !enabled || have >= spares {
		return rows, nil
	}
	rule, err := rulesOf(d.Device)
	if err != nil {
		return nil, err
	}
	all, err := c.ofDevice(ctx, tx, d.WorkspaceID, d.ID)
	if err != nil {
		return nil, err
	}
	for ; have < spares; have++ {
		rule.existing, rule.digests = c.neighbours(all, ""), c.digestsOn(d.ID)
		r := newRow(d, now, true)
		r.spare, r.Backup = true, true
		if !rule.lockChooses() {
			pin, ok := generate(0, rule)
			if !ok {
				break
			}
			r.PIN = pin
		}
		r.call("", rule)
		r.Reported = r.asReported()
		all, rows = append(all, r), append(rows, r)
	}
	return rows, nil
}

// spaceProblems are the kinds of problems that a device has because of how full it is, and its pool.
var spaceProblems = []string{"empty_backup_access_code_pool", "partial_backup_access_code_pool", "many_active_backup_codes",
	"max_access_codes_reached"}

// spaceProblems finds what is wrong with the space on a lock and with its pool of backup codes.
func (t *changeset) spaceProblems(rows []*row) (errs []device.Error, warnings []device.Warning) {
	ready, pulled, on := 0, 0, 0
	for _, r := range rows {
		switch {
		case r.vanished || r.ended(t.now):
		case r.spare && r.Shown == set:
			ready++
		case r.Backup && !r.spare:
			pulled++
		}
		if r.Held != nil && !r.Offline && !r.vanished {
			on++
		}
	}
	at := rpc.Time{Time: t.now.Truncate(time.Millisecond)}
	switch enabled := t.device.IsManaged && string(t.device.Properties["backup_access_code_pool_enabled"]) == "true"; {
	case enabled && ready == 0:
		errs = append(errs, device.Error{Code: spaceProblems[0], Message: "No backup access code is ready on the device.", IsDeviceError: true,
			CreatedAt: at})
	case enabled && ready < spares:
		warnings = append(warnings, device.Warning{Code: spaceProblems[1],
			Message: "Fewer backup access codes than usual are ready on the device.", CreatedAt: at})
	}
	if pulled > spares {
		warnings = append(warnings, device.Warning{Code: spaceProblems[2], Message: "Many backup access codes are in use on the device.",
			CreatedAt: at})
	}
	if most := capacity(t.device); most > 0 && on >= most {
		warnings = append(warnings, device.Warning{Code: spaceProblems[3], Message: "The device has no space for another code.", CreatedAt: at,
			ActiveCodes: on, MaxCodes: most})
	}
	return errs, warnings
}

// enablePool has spare codes kept on a device from now on.
func (c *Codes) enablePool(ctx context.Context, tx *store.Tx, t *changeset) error {
	if string(t.device.Properties["supports_backup_access_code_pool"]) != "true" {
		return fault.Invalid("use_backup_access_code_pool", "This device does not support a backup access code pool")
	}
	if string(t.device.Properties["backup_access_code_pool_enabled"]) == "true" {
		return nil
	}
	return c.Devices.SetProperties(ctx, tx, t.device.WorkspaceID, t.device.ID, map[string]any{"backup_access_code_pool_enabled": true})
}
