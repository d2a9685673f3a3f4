package device

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
)

const (
	probeJob     = "device.probe"
	firstProbe   = 5 * time.Second // after a device did not answer
	lastProbe    = 6 * time.Hour   // the longest time between two probes: each costs battery
	probeTimeout = 25 * time.Second
)

// RegisterJobs registers the handlers of this package's jobs.
func (d *Devices) RegisterJobs() { d.Jobs.Handle(probeJob, d.runProbe) }

// Unreachable records that a device did not answer: it is offline until it is heard again, by a report of
// its session or by a probe.
func (d *Devices) Unreachable(ctx context.Context, tx *store.Tx, r *Reached) error {
	if slices.ContainsFunc(r.problems(), isOfflineCode) {
		return nil
	}
	e := deviceError(codeOffline, messageUnreachable, d.Now().Truncate(time.Millisecond))
	if err := d.trouble(ctx, tx, r, &e); err != nil {
		return err
	}
	return d.Jobs.ScheduleAhead(ctx, tx, probeJob+"/"+r.WorkspaceID+"/"+r.ID, probeJob, r.WorkspaceID, r.ID,
		d.Clock.Ahead(r.Ahead).Add(firstProbe), r.Ahead)
}

// runProbe asks a device that did not answer for a sign of life, ever more seldom until there is one.
func (d *Devices) runProbe(ctx context.Context, j job.Job) error {
	var id string
	if err := json.Unmarshal(j.Payload, &id); err != nil {
		return err
	}
	r, err := d.Reach(ctx, d.DB, j.WorkspaceID, id)
	if err != nil && !fault.Is(err, fault.DeviceNotFound) {
		return err
	}
	prober, can := r.Session.(provider.Prober)
	answered := false
	if can && r.isUnreachable() {
		within, cancel := context.WithTimeout(ctx, probeTimeout)
		answered = prober.Probe(within, r.Ref) == nil
		cancel()
	}
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := d.Reach(ctx, tx, j.WorkspaceID, id)
		switch {
		case fault.Is(err, fault.DeviceNotFound):
			return j.Finish(ctx, tx)
		case err != nil:
			return err
		case !can || !r.isUnreachable():
			return j.Finish(ctx, tx)
		case !answered:
			return j.Again(ctx, tx, d.Clock.Ahead(r.Ahead).Add(min(firstProbe<<min(j.Attempts, 20), lastProbe)))
		}
		if err := d.trouble(ctx, tx, &r, nil, codeOffline); err != nil {
			return err
		}
		return j.Finish(ctx, tx)
	}, store.Workspace(j.WorkspaceID))
}

// isUnreachable reports whether the device is offline because it did not answer.
func (d *Device) isUnreachable() bool {
	return slices.ContainsFunc(d.Errors, func(e Error) bool { return e.Code == codeOffline })
}
