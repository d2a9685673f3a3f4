package accesscode

import (
	"context"
	"encoding/json"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/api/event"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// changeset collects the events of one transaction about the codes of one device.
type changeset struct {
	environment
	now    time.Time
	events []event.Event
}

func (c *Codes) changeset(d device.Reached, now time.Time) *changeset {
	return &changeset{environment: environmentOf(d, nil), now: now}
}

// add adds an event about a code. Spare codes do not belong to a caller yet, and have none.
func (t *changeset) add(r *row, kind string, at time.Time, fields, secret map[string]any, by actor) {
	if r.spare {
		return
	}
	if fields == nil {
		fields = map[string]any{}
	}
	fields["access_code_id"] = r.id
	e := t.device.Event(kind, at, fields)
	e.Secret = secret
	if by.Type == "" {
		by.Type = "system"
	}
	e.Actor = &event.Actor{Type: by.Type, ID: by.ID}
	t.events = append(t.events, e)
}

// problem reports trouble with a code, with all that is wrong with its device and account.
func (t *changeset) problem(r *row, kind string, at time.Time) {
	list := func(p []json.RawMessage) []json.RawMessage {
		if p == nil {
			return []json.RawMessage{}
		}
		return p
	}
	t.add(r, kind, at, map[string]any{
		"device_errors": t.device.Errors, "device_warnings": t.device.Warnings,
		"connected_account_errors": list(t.device.AccountProblems.Errors), "connected_account_warnings": list(t.device.AccountProblems.Warnings),
	}, map[string]any{"access_code_errors": listOf(r.Errors), "access_code_warnings": listOf(r.Warnings)}, actor{Type: "system"})
}

// removed reports that a code is off its lock.
func (t *changeset) removed(r *row) {
	if r.managed {
		at := t.now
		if !r.Deleting {
			at = t.moment(r, r.EndsAt)
		}
		t.add(r, "access_code.removed_from_device", at, nil, nil, actor{Type: "system"})
	}
}

// onTime is how late something may be done and still count as done when it was due.
const onTime = 5 * time.Second

// moment is when something that was due happened: at its time, unless it came late.
func (t *changeset) moment(r *row, due time.Time) time.Time {
	if due.IsZero() || due.After(t.now) || t.now.Sub(due) > onTime || due.Before(r.ChangedAt) {
		return t.now
	}
	return due
}

// asReported is the code as a person knows it.
func (r *row) asReported() *held {
	return &held{PIN: r.PIN, Name: r.Name, StartsAt: r.StartsAt, EndsAt: r.EndsAt}
}

// changed reports what differs from what was reported of a code before.
func (t *changeset) changed(r *row) {
	was, is := r.Reported, r.asReported()
	if r.Reported = is; was == nil || *was == *is {
		return
	}
	var all []map[string]any
	property := func(name, from, to string) {
		if from != to {
			all = append(all, map[string]any{"property": name, "from": rpc.OrNull(from), "to": rpc.OrNull(to)})
		}
	}
	property("code", was.PIN, is.PIN)
	property("name", was.Name, is.Name)
	property("starts_at", timeText(was.StartsAt), timeText(is.StartsAt))
	property("ends_at", timeText(was.EndsAt), timeText(is.EndsAt))
	t.add(r, "access_code.changed", t.now, nil, map[string]any{"changed_properties": all}, r.Actor)
	if was.PIN != is.PIN {
		t.add(r, "access_code.code_changed", t.now, map[string]any{"description": "The code's PIN was changed."},
			map[string]any{"from": map[string]any{"code": rpc.OrNull(was.PIN)}, "to": map[string]any{"code": rpc.OrNull(is.PIN)}}, r.Actor)
	}
	if was.Name != is.Name {
		t.add(r, "access_code.name_changed", t.now, map[string]any{"description": "The code's name was changed.",
			"from": map[string]any{"name": rpc.OrNull(was.Name)}, "to": map[string]any{"name": rpc.OrNull(is.Name)}}, nil, r.Actor)
	}
	if !was.StartsAt.Equal(is.StartsAt) || !was.EndsAt.Equal(is.EndsAt) {
		t.add(r, "access_code.time_frame_changed", t.now, map[string]any{"description": "The code's times were changed.",
			"from": frame(was.StartsAt, was.EndsAt), "to": frame(is.StartsAt, is.EndsAt)}, nil, r.Actor)
	}
}

// requested reports the desired state of a code from now on.
func (t *changeset) requested(r *row) {
	var all []map[string]any
	for _, m := range r.mutations(t.now, t.traits) {
		one := map[string]any{"mutation_code": m.Code}
		if m.From != nil {
			one["from"], one["to"] = m.From, m.To
		}
		all = append(all, one)
	}
	if all != nil {
		t.add(r, "access_code.mutations_requested", t.now, nil, map[string]any{"requested_mutations": all}, r.Actor)
	}
}

// release gives up managing a code of a device that is no longer managed, without a request to the lock.
func (c *Codes) release(ctx context.Context, tx *store.Tx, t *changeset, r *row) error {
	switch {
	case !r.managed && r.Deleting:
		err := c.cutShort(ctx, tx, t, r, &deviceLeft)
		r.Deleting = false
		return err
	case !r.managed:
	case r.Held == nil || r.Offline: // it is not on the lock
		r.vanished = true
		t.add(r, "access_code.deleted", t.now, nil, map[string]any{"code": rpc.OrNull(r.PIN)}, actor{Type: "system"})
	default:
		spare := r.spare
		if err := c.handOver(ctx, tx, t, r, &deviceLeft); err != nil {
			return err
		}
		if spare { // until now it was a spare
			t.add(r, "access_code.unmanaged.created", t.now, nil, nil, actor{Type: "system"})
		}
	}
	return nil
}

// unmanage leaves a code on its lock to others.
func (r *row) unmanage() {
	h := r.Held
	r.managed, r.spare, r.common = false, false, ""
	r.state = state{PIN: h.PIN, Name: h.Name, StartsAt: h.StartsAt, EndsAt: h.EndsAt, Held: h, ChangedAt: r.ChangedAt, SentAt: r.SentAt,
		Attempts: r.Attempts, Actor: r.Actor}
}

// appendEvents writes the events.
func (c *Codes) appendEvents(ctx context.Context, tx *store.Tx, t *changeset) error {
	return c.Events.Append(ctx, tx, t.device.WorkspaceID, t.events...)
}

// actorOf is the person or key that the request acts for, as a timeline shows it.
func actorOf(p credential.Principal) actor {
	if p.UserID != "" {
		return actor{"console_user", p.UserID}
	}
	return actor{"api_key", p.CredentialID}
}
