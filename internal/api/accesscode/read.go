package accesscode

import (
	"context"
	"slices"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// OnDevice gives the codes of a device as they are served, oldest first: those that are managed, and
// those that others put on it. Spare codes are not among them. The caller is taken from ctx.
func (c *Codes) OnDevice(ctx context.Context, deviceID string) (managed []rpc.Doc[Code], others []rpc.Doc[Unmanaged], err error) {
	in := listInput{DeviceID: deviceID}
	own, err := page[Code](ctx, c, in, true, rpc.Position{}, maxCodes)
	if err != nil {
		return nil, nil, err
	}
	foreign, err := page[Unmanaged](ctx, c, in, false, rpc.Position{}, maxUnmanaged)
	return own.Items, foreign.Items, err
}

// Names gives what codes of the caller's workspace are called, managed or not; one that is gone is not in the
// map, and neither is a spare one.
func (c *Codes) Names(ctx context.Context, ids []string) (map[string]string, error) {
	w := c.DB.Where()
	w.Add("workspace_id = ?", credential.From(ctx).WorkspaceID)
	w.Add("is_spare = ?", false)
	w.AddIn("access_code_id", ids)
	return w.Names(ctx, c.DB, "access_codes", "access_code_id", "name")
}

// Timeline lists what happened to a code, oldest first. It returns access_code_not_found.
func (c *Codes) Timeline(ctx context.Context, id string) ([]TimelineEvent, error) {
	out, err := c.getTimeline(ctx, timelineInput{ID: id, Limit: rpc.Opt[int]{Set: true, Value: maxTimeline}})
	return out.Events, err
}

// Now is the time of the caller's workspace, which a sandbox may have moved forward.
func (c *Codes) Now(ctx context.Context) (time.Time, error) {
	return c.Clock.Now(ctx, c.DB, credential.From(ctx).WorkspaceID)
}

// Constraints are what a device requires of its codes.
type Constraints struct {
	Lengths     []int    // numbers of digits; empty: from 4 to 12
	NameMax     int      // how many characters of a name the lock shows; 0: any number
	Rules       []string // others, each in a sentence without its end
	LockChooses bool     // the lock generates PINs automatically
}

// ConstraintsOf reads what a device requires of its codes.
func ConstraintsOf(d device.Device) (Constraints, error) {
	r, err := rulesOf(d)
	if err != nil {
		return Constraints{}, err
	}
	out := Constraints{Lengths: r.lengths, NameMax: r.nameMax, LockChooses: r.lockChooses()}
	slices.Sort(out.Lengths)
	for _, kind := range r.kinds {
		_, why := r.breaks(kind, "")
		if kind == "start_date_in_future" {
			why = "A code with times must begin in the future"
		}
		if why != "" {
			out.Rules = append(out.Rules, why)
		}
	}
	return out, nil
}

// Used is a code that was used at a lock.
type Used struct {
	ID        string
	IsManaged bool
	PIN       string // empty: unknown
}

// InSlot finds the code that a lock held in a slot at a time of the workspace's clock. ok is false where the slot is
// empty or unknown, and where another code, which is gone, was in it then.
func (c *Codes) InSlot(ctx context.Context, q store.Querier, r *device.Reached, slot string, at time.Time) (u Used, ok bool, err error) {
	if slot == "" {
		return u, false, nil
	}
	rows, err := c.ofDevice(ctx, q, r.WorkspaceID, r.ID)
	if err != nil {
		return u, false, err
	}
	for _, row := range rows {
		if row.Held != nil && row.Held.Slot == slot && !row.spare && !at.Before(row.since().Add(-justNow)) {
			return Used{row.id, row.managed, row.Held.PIN}, true, nil
		}
	}
	return u, false, nil
}

// since is when the code may first have been on its lock.
func (r *row) since() time.Time {
	if r.SentAt.IsZero() {
		return r.createdAt
	}
	return r.SentAt
}

// HasPool reports whether spare codes can be kept on a device, and whether they are.
func HasPool(d device.Device) (supported, enabled bool) {
	return string(d.Properties["supports_backup_access_code_pool"]) == "true",
		string(d.Properties["backup_access_code_pool_enabled"]) == "true"
}

// Find gives the first codes that the caller reaches whose name, PIN or id contains a text.
func (c *Codes) Find(ctx context.Context, text string, limit int) ([]rpc.Doc[Code], error) {
	p, err := page[Code](ctx, c, listInput{Search: text}, true, rpc.Position{}, limit)
	return p.Items, err
}

// FindUnmanaged is Find for the codes of others.
func (c *Codes) FindUnmanaged(ctx context.Context, text string, limit int) ([]rpc.Doc[Unmanaged], error) {
	p, err := page[Unmanaged](ctx, c, listInput{Search: text}, false, rpc.Position{}, limit)
	return p.Items, err
}
