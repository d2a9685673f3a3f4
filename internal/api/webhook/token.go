package webhook

import (
	"context"
	"errors"
	"slices"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// A webhook that a token made which has limits or an end is that token's: it is sent what the token may
// see, for as long as the token, or the one that took its place, could make it again. All others are the
// workspace's.

// maxOfDevices bounds the webhooks of a token that is limited to devices.
const maxOfDevices = 10

// The scopes without which a token has no webhooks of its own.
const (
	writeScope  = "webhooks:write"
	eventsScope = "events:read"
)

// familyOf is the family of the caller's token, where that has limits or an end; empty elsewhere.
func familyOf(p credential.Principal) string {
	if p.EndsByItself() {
		return p.Maker().FamilyID
	}
	return ""
}

// isLimitedToDevices reports whether the caller sees no webhooks but its own.
func isLimitedToDevices(p credential.Principal) bool {
	return p.Reach != nil && p.Reach.DeviceIDs != nil
}

// mine reports whether the webhook is there for the caller.
func mine(ctx context.Context, r row) bool {
	p := credential.From(ctx)
	return !isLimitedToDevices(p) || r.familyID == p.Maker().FamilyID
}

// shows reports whether the caller sees the webhook's secret: who could make it. With it one can forge
// events.
func (w *Webhooks) shows(p credential.Principal, r row) bool {
	if p.WorkspaceID != "" && p.Role < rpc.Admin {
		return false
	}
	return p.May(writeScope) && p.Covers(credential.Maker{FamilyID: r.familyID}, w.Now())
}

// admit returns forbidden with the reason scope, or invalid_request, where the caller's token may have
// no further webhook of its own.
func (w *Webhooks) admit(ctx context.Context, tx *store.Tx, workspaceID, family string) error {
	if family == "" {
		return nil
	}
	p := credential.From(ctx)
	if !p.MayRead("events") {
		err := fault.Reason(fault.Forbidden, "scope", "The token lacks the scope %s, without which it is sent no events", eventsScope)
		err.Data["scope"] = eventsScope
		return err
	}
	if !isLimitedToDevices(p) {
		return nil
	}
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM webhooks WHERE workspace_id = $1 AND family_id = $2`, workspaceID,
		family).Scan(&n); err != nil {
		return err
	}
	if n >= maxOfDevices {
		return fault.New(fault.InvalidRequest, "A token that is limited to devices has at most %d webhooks", maxOfDevices)
	}
	return nil
}

// seen reports whether events of a device are seen; its id is empty for those that are about none.
type seen func(deviceID string) bool

func everything(string) bool { return true }

// sees returns what a family of tokens may be sent, and an error if it must not be sent now.
func (w *Webhooks) sees(ctx context.Context, q store.Querier, workspaceID, family string) (seen, error) {
	reach, err := (credential.Maker{FamilyID: family}).Standing(ctx, q, w.Now(),
		credential.Question{WorkspaceID: workspaceID, Role: rpc.Admin, Scopes: []string{writeScope, eventsScope}})
	if reach == nil {
		return everything, err
	}
	return func(deviceID string) bool { return slices.Contains(reach.DeviceIDs, deviceID) }, err
}

// nap is how long a webhook rests whose token may not be used at this time of day.
const nap = 5 * time.Minute

// The verdicts on a delivery of a token's webhook.
type verdict int

const (
	deliver verdict = iota
	skip            // the token must not see it
	rest            // not at this time of day
	end             // the token has ended, and its webhooks with it
)

// judge decides what happens to a delivery, by what its token currently permits.
func (d *deliverer) judge(ctx context.Context, k *work, m message) (verdict, error) {
	if m.hook.familyID == "" {
		return deliver, nil
	}
	sees, err := d.sees(ctx, d.DB, k.workspaceID, m.hook.familyID)
	switch {
	case errors.Is(err, credential.ErrEnded):
		return end, nil
	case credential.IsOutOfHours(err):
		return rest, nil
	case isRefused(err):
		return skip, nil
	case err != nil:
		return skip, err
	case !m.payload.Valid && !sees(m.deviceID): // a test's payload reveals nothing
		return skip, nil
	}
	return deliver, nil
}

func isRefused(err error) bool {
	var refused *fault.Error
	return errors.As(err, &refused)
}

// end takes a webhook away whose token has ended.
func (w *Webhooks) end(ctx context.Context, tx *store.Tx, workspaceID, id string) error {
	return w.delete(ctx, tx, workspaceID, id, audit.Server, map[string]any{"reason": "token_ended"})
}
