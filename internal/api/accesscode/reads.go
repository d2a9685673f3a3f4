package accesscode

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
)

// Reading a whole lock takes seconds and battery. So where single slots can be read, a visit reads only those that may
// have changed: the ones that its driver names, and the ones that it is about to write. All are read when that is not
// enough: the first time, when a driver does not say which slots have changed, when the lock was out of reach, and from
// time to time where a driver does not notify.

// reading is what is known of the codes on a lock.
type reading struct {
	known   bool // all slots were read once
	at      time.Time
	any     bool     // any slot may have changed since
	slots   []string // these may have
	changes int64
}

// pending is what may have changed as it is stored.
func (r reading) pending() (string, error) {
	if r.any {
		return "null", nil
	}
	text, err := json.Marshal(append([]string{}, r.slots...))
	return string(text), err
}

// noteVisit notes what a visit has read, or that a lock could not be asked, so that its state is no longer known.
func (c *Codes) noteVisit(ctx context.Context, tx *store.Tx, d device.Reached, v *visit, blocked bool) error {
	if blocked || v.blocked {
		return forgetReads(ctx, tx, d.WorkspaceID, d.ID)
	}
	return noteRead(ctx, tx, d.WorkspaceID, d.ID, v)
}

// planRead decides which slots a visit reads first.
func (v *visit) planRead(known reading, every time.Duration) {
	v.reading = known
	overdue := every > 0 && !v.traits.Notifies && v.at.Sub(known.at) >= every-every/5
	v.all = !v.traits.Single || !known.known || known.any || overdue
	v.touched = map[string]bool{}
	for _, slot := range known.slots {
		v.touched[slot] = true
	}
}

// touch has the slots of a code read that a visit is about to change, or has changed. unknown: it may be in any slot.
func (v *visit) touch(r *row, unknown bool) {
	switch {
	case r.Held != nil:
		v.touched[r.Held.Slot] = true
	case r.SentSlot != "":
		v.touched[r.SentSlot] = true
	case unknown:
		v.all = true
	}
}

// readCodes reads the slots that may have changed, or all. Of the others it takes what is known.
func (v *visit) readCodes(ctx context.Context, lock provider.CodeProgrammer) {
	var slots []string
	if !v.all {
		for slot := range v.touched {
			slots = append(slots, slot)
		}
		slices.Sort(slots)
	}
	var codes []provider.Code
	var err error
	if v.all || len(slots) > 0 {
		codes, err = lock.ReadCodes(ctx, v.device.Ref, slots...)
	}
	v.held, v.readErr, v.read = nil, err, err == nil
	if err != nil {
		return
	}
	seen := map[string]bool{}
	for _, c := range codes {
		seen[c.Slot] = true
		v.held = append(v.held, v.completed(c))
	}
	if v.all {
		return
	}
	for _, r := range v.rows {
		if r.Held != nil && !r.Offline && !r.vanished && !v.touched[r.Held.Slot] && !seen[r.Held.Slot] {
			v.held = append(v.held, *r.Held)
		}
	}
}

// completed is a code as it was read, with what cannot be read of it as it is believed to be.
func (v *visit) completed(c provider.Code) held {
	h := heldOf(c)
	if v.traits.Nameless {
		h.Name = ""
	}
	if c.PIN == nil {
		h.PIN = v.believed(c.Slot)
	}
	return h
}

// believed is the PIN that a slot should have whose digits cannot be read, but which is not empty: what was written
// there last, once the lock took it.
func (v *visit) believed(slot string) string {
	for _, r := range v.rows {
		switch {
		case r.vanished || r.Offline:
		case r.Held != nil && r.Held.Slot == slot:
			return v.believedOf(r)
		case r.Held == nil && r.Sent != nil && slot == cmp.Or(v.slots[r.id], r.SentSlot):
			return r.Sent.PIN
		}
	}
	return ""
}

// believedOf is the PIN of a code that is on the lock and may just have got another.
func (v *visit) believedOf(r *row) string {
	if a := r.Asked; v.steps[r.id] == await && a != nil {
		if !a.Erase && !a.Refused && (a.Done || !v.at.Before(a.Until)) {
			return a.Code.PIN
		}
		return r.Held.PIN
	}
	if err, tried := v.results[r.id]; v.steps[r.id] == write && tried && err == nil && v.until[r.id].IsZero() {
		return v.wants[r.id].PIN
	}
	return r.Held.PIN
}
