package accesscode

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/job"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

// providerIssue is device.Failure's kind of whatever a provider does not explain.
const providerIssue = "provider_issue"

// visitTimeout is how long a lock may take to answer in one visit.
const visitTimeout = 2 * time.Minute

func syncKey(workspaceID, deviceID string) string {
	return syncJob + "/" + workspaceID + "/" + deviceID
}

// Kick has the codes of a device looked at, at a time of its workspace's clock, and all slots of its lock read.
func (c *Codes) Kick(ctx context.Context, tx *store.Tx, workspaceID, deviceID string, at time.Time) error {
	if err := noteChanged(ctx, tx, workspaceID, deviceID); err != nil {
		return err
	}
	return c.schedule(ctx, tx, workspaceID, deviceID, at)
}

// schedule is Kick for slots that are known to be read.
func (c *Codes) schedule(ctx context.Context, tx *store.Tx, workspaceID, deviceID string, at time.Time) error {
	return c.Jobs.Schedule(ctx, tx, syncKey(workspaceID, deviceID), syncJob, workspaceID, deviceID, at)
}

// visitAt is Kick for a device that has just been read.
func (c *Codes) visitAt(ctx context.Context, tx *store.Tx, d device.Reached, at time.Time) error {
	return c.Jobs.ScheduleAhead(ctx, tx, syncKey(d.WorkspaceID, d.ID), syncJob, d.WorkspaceID, d.ID, at, d.Ahead)
}

var _ device.Subscriber = (*Codes)(nil)

// DeviceChanged shows on the codes of a device what has changed about it: what is wrong with a device shows on its codes, and
// one that is back is asked for what it missed.
func (c *Codes) DeviceChanged(ctx context.Context, tx *store.Tx, d *device.Device) error {
	if d.CanProgramOnlineAccessCodes == nil && d.CanProgramOfflineAccessCodes == nil {
		return nil
	}
	now, err := c.Clock.Now(ctx, tx, d.WorkspaceID)
	if err != nil {
		return err
	}
	return c.Kick(ctx, tx, d.WorkspaceID, d.ID, now)
}

var _ device.Observer = (*Codes)(nil)

// DeviceReported checks the codes of a lock when it has reported the outcome of one of them. What it then contains
// counts, except for digits that cannot be read: for them only the report does.
func (c *Codes) DeviceReported(ctx context.Context, tx *store.Tx, r *device.Reached, is provider.Report) error {
	if is.For == "" || is.Failed == nil && !is.Evidence.FromDevice() {
		return nil
	}
	rows, err := c.ofDevice(ctx, tx, r.WorkspaceID, r.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(rows, func(r *row) bool { return r.id == is.For && r.Asked != nil })
	if i < 0 {
		return nil
	}
	now := c.Clock.Ahead(r.Ahead)
	rows[i].Asked.Done, rows[i].Asked.Refused = is.Failed == nil, is.Failed != nil
	if err := c.save(ctx, tx, rows[i], now, environmentOf(*r, rows)); err != nil {
		return err
	}
	return c.schedule(ctx, tx, r.WorkspaceID, r.ID, now)
}

// DeviceOccurred is of no concern to codes.
func (c *Codes) DeviceOccurred(context.Context, *store.Tx, *device.Reached, provider.Occurrence, string) error {
	return nil
}

// CodesChanged has the codes of a lock looked at, because those in some slots have changed on it; no slots: any.
func (c *Codes) CodesChanged(ctx context.Context, tx *store.Tx, r *device.Reached, slots []string) error {
	if err := noteChanged(ctx, tx, r.WorkspaceID, r.ID, slots...); err != nil {
		return err
	}
	return c.schedule(ctx, tx, r.WorkspaceID, r.ID, c.Clock.Ahead(r.Ahead))
}

// DeviceDeleted deletes the codes of a device with it. What is on the lock
// stays there, out of reach.
func (c *Codes) DeviceDeleted(ctx context.Context, tx *store.Tx, dev *device.Reached) error {
	rows, err := c.ofDevice(ctx, tx, dev.WorkspaceID, dev.ID)
	if err == nil {
		err = forgetReads(ctx, tx, dev.WorkspaceID, dev.ID)
	}
	if err != nil || len(rows) == 0 {
		return err
	}
	d, err := c.Devices.Reach(ctx, tx, dev.WorkspaceID, dev.ID)
	if err != nil {
		return err
	}
	now, err := c.Clock.Now(ctx, tx, dev.WorkspaceID)
	if err != nil {
		return err
	}
	t := c.changeset(d, now)
	for _, r := range rows {
		r.vanished = true
		kind := "access_code.deleted"
		if !r.managed {
			kind = "access_code.unmanaged.removed"
		}
		t.add(r, kind, now, nil, deletedCode(r), actorOf(credential.From(ctx)))
		if err := c.settle(ctx, tx, r, &deviceGone, nil); err != nil {
			return err
		}
		if err := c.save(ctx, tx, r, now, t.environment); err != nil {
			return err
		}
	}
	return c.appendEvents(ctx, tx, t)
}

// deletedCode is what the event of a deleted code says of its PIN.
func deletedCode(r *row) map[string]any {
	if !r.managed {
		return nil
	}
	return map[string]any{"code": rpc.OrNull(r.PIN)}
}

// visit is one round with a lock: what was planned, what the lock answered, what it then contained.
type visit struct {
	environment
	rows    []*row
	blocked bool
	steps   map[string]step
	wants   map[string]held
	results map[string]error     // of the steps that were tried
	until   map[string]time.Time // of steps whose outcome the lock gives later: until when, by the clock of the workspace
	erased  map[string]bool      // codes that were taken off the lock so that others can have their PINs
	slots   map[string]string    // where new codes were put, as far as the lock says so
	reading reading              // what was known of the lock before
	all     bool                 // all slots are read, otherwise those that are touched
	touched map[string]bool
	held    []held
	readErr error
	read    bool      // held is what the lock contains
	at      time.Time // when it was planned, by the clock of the workspace
}

func newVisit(a environment, rows []*row, at time.Time) *visit {
	return &visit{environment: a, rows: rows, at: at, steps: map[string]step{}, wants: map[string]held{}, results: map[string]error{},
		until: map[string]time.Time{}, erased: map[string]bool{}, slots: map[string]string{}, touched: map[string]bool{}}
}

// runSync brings a lock to the desired state: it plans in one transaction, asks the lock outside of
// any, and writes down in another what the lock then contains. Whatever changes or dies in between, the
// next round begins with the desired and the observed state.
func (c *Codes) runSync(ctx context.Context, j job.Job) error {
	var deviceID string
	if err := json.Unmarshal(j.Payload, &deviceID); err != nil {
		return err
	}
	v, err := c.plan(ctx, j, deviceID)
	if err != nil || v == nil {
		return err
	}
	if !v.blocked {
		within, cancel := context.WithTimeout(ctx, visitTimeout)
		v.ask(within)
		cancel()
	}
	return c.conclude(ctx, j, deviceID, v)
}

// quietUnless keeps what was read of the workspace good after a transaction that changed nothing of it.
func quietUnless(tx *store.Tx, changed bool, rows []*row) {
	if !changed && !slices.ContainsFunc(rows, func(r *row) bool { return r.wrote }) {
		tx.Quiet()
	}
	for _, r := range rows {
		r.wrote = false
	}
}

// forget ends the visits to a device that is gone: its codes went with it.
func forget(ctx context.Context, tx *store.Tx, j job.Job, deviceID string) error {
	if err := deleteOfDevice(ctx, tx, j.WorkspaceID, deviceID); err != nil {
		return err
	}
	return j.Finish(ctx, tx)
}

// IsBlocked reports whether the lock need not be asked, because it is known not to answer.
func IsBlocked(d device.Reached) bool {
	_, programmer := d.Session.(provider.CodeProgrammer)
	_, broken := d.Blocking()
	return broken || !programmer || d.CanProgramOnlineAccessCodes == nil || !*d.CanProgramOnlineAccessCodes
}
