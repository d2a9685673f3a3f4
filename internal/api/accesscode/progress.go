package accesscode

import (
	"slices"
	"time"

	"keyway/internal/api/action"
	"keyway/internal/platform/rpc"
	"keyway/internal/provider"
)

// progress reports how far a code has come since the last report, and what keeps it waiting.
func (t *changeset) progress(r *row) {
	if !r.managed || r.vanished {
		return
	}
	r.Errors = slices.DeleteFunc(r.Errors, func(p Problem) bool { return !p.Until.IsZero() && !t.now.Before(p.Until) })
	if r.ended(t.now) && r.Held == nil && r.Sent == nil || r.ended(t.now) && r.Offline {
		r.vanished = true
		t.add(r, "access_code.deleted", t.moment(r, r.EndsAt), nil, map[string]any{"code": rpc.OrNull(r.PIN)}, r.Actor)
		return
	}
	next := r.next(t.now, t.traits)
	if next == nothing {
		t.changed(r) // there is nothing left to wait for
	}
	if s := r.stage(t.now, t.traits); s != r.Shown {
		r.Shown = s
		at := t.moment(r, r.StartsAt)
		if at.Equal(t.now) {
			at = t.moment(r, r.programAt(t.traits))
		}
		if s != "" {
			t.add(r, "access_code."+s+"_on_device", at, nil, map[string]any{"code": r.PIN}, actor{Type: "system"})
		}
	}
	kind, message := delayInSetting, "The lock has not taken the code yet."
	if next == erase {
		kind, message = delayInRemoving, "The lock has not removed the code yet."
	}
	r.Warnings = slices.DeleteFunc(r.Warnings, func(p Problem) bool { return isDelay(p) && (next == nothing || p.WarningCode != kind) })
	switch {
	case next == nothing:
		r.Waiting = time.Time{}
	case r.Waiting.IsZero():
		r.Waiting = t.now
	case !t.now.Before(r.Waiting.Add(delayAfter)):
		if !slices.ContainsFunc(r.Warnings, isDelay) {
			r.Warnings = append(r.Warnings, Problem{WarningCode: kind, Message: message, CreatedAt: rpc.Time{Time: t.now}})
			t.problem(r, "access_code."+kind, t.moment(r, r.Waiting.Add(delayAfter)))
		}
	}
}

// The warnings about a lock that is late.
const (
	delayInSetting  = "delay_in_setting_on_device"
	delayInRemoving = "delay_in_removing_from_device"
)

func isDelay(p Problem) bool {
	return p.WarningCode == delayInSetting || p.WarningCode == delayInRemoving
}

// outcome is how the attempts of a code ended: the lock has done it, or will when it can (no failure),
// or has refused. known is false while it has still to be asked.
func (r *row) outcome(now time.Time, t provider.CodeTraits, blocked bool) (failure *action.Failure, known bool) {
	if r.vanished {
		return nil, true
	}
	for _, p := range r.Errors {
		if p.ErrorCode != "conflicting_external_modification" && p.ErrorCode != usedUp {
			return &action.Failure{Type: p.ErrorCode, Message: p.Message}, true
		}
	}
	return nil, blocked || r.Tries >= maxTries || r.next(now, t) == nothing
}
