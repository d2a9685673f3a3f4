package accesscode

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"keyway/internal/provider"
)

// ask has the lock do what was planned: first what frees space, then the rest.
func (v *visit) ask(ctx context.Context) {
	lock := v.device.Session.(provider.CodeProgrammer)
	if v.readCodes(ctx, lock); v.readErr != nil {
		return
	}
	v.adopt(v.rows)
	asked := false
	for _, r := range v.rows {
		if v.steps[r.id] == erase && r.Held != nil {
			asked = true
			if v.erase(ctx, lock, r) {
				v.held = slices.DeleteFunc(v.held, func(h held) bool { return h.Slot == r.Held.Slot })
			}
		}
	}
	if v.writeAll(ctx, lock) || asked {
		v.readCodes(ctx, lock)
	}
}

// writeAll writes the codes in an order in which each finds its PIN free, whatever they had before. Where
// they wait for each other in a circle, one is taken off the lock until the others are written.
func (v *visit) writeAll(ctx context.Context, lock provider.CodeProgrammer) (asked bool) {
	var pending []*row
	for _, r := range v.rows {
		if v.steps[r.id] == write {
			pending = append(pending, r)
		}
	}
	for len(pending) > 0 {
		i := slices.IndexFunc(pending, func(r *row) bool { return v.blockedBy(r) == "" })
		if i < 0 {
			if i = v.circle(pending); i < 0 {
				for _, r := range pending {
					v.results[r.id] = provider.ErrDuplicate
				}
				return asked
			}
			r := pending[i]
			asked = true
			if !v.erase(ctx, lock, r) {
				pending = slices.Delete(pending, i, i+1)
				continue
			}
			v.erased[r.id] = true
			v.held = slices.DeleteFunc(v.held, func(h held) bool { return h.Slot == r.Held.Slot })
			continue
		}
		r, w := pending[i], v.target(pending[i])
		pending = slices.Delete(pending, i, i+1)
		if slices.ContainsFunc(v.held, func(h held) bool { return h.Slot == w.Slot && h.same(w) }) {
			v.results[r.id] = nil // it contains it already: a try before this came late, or its answer was lost
			continue
		}
		asked = true
		if v.put(ctx, lock, r, w) {
			v.held = append(slices.DeleteFunc(v.held, func(h held) bool { return h.Slot == w.Slot }), w)
		}
	}
	return asked
}

// put asks the lock to store a code. It reports whether the lock accepted the request.
func (v *visit) put(ctx context.Context, lock provider.CodeProgrammer, r *row, w held) bool {
	asked, err := lock.PutCode(ctx, v.device.Ref, w.public(), r.id)
	v.results[r.id] = err
	v.expect(r, asked.Until)
	if v.slots[r.id] = cmp.Or(asked.Slot, w.Slot); v.slots[r.id] == "" {
		v.all = true // it may be anywhere now
	} else {
		v.touched[v.slots[r.id]] = true
	}
	return err == nil
}

// erase asks the lock to delete what it stores for a code. It reports whether the lock accepted the request.
func (v *visit) erase(ctx context.Context, lock provider.CodeProgrammer, r *row) bool {
	asked, err := lock.DeleteCode(ctx, v.device.Ref, r.Held.Slot, r.id)
	v.results[r.id] = err
	v.expect(r, asked.Until)
	return err == nil
}

// expect notes until when the outcome of what a lock has taken for a code is expected; the zero time: it is
// known at once.
func (v *visit) expect(r *row, until time.Time) {
	if !until.IsZero() {
		v.until[r.id] = until.Add(v.device.Ahead)
	}
}

// target is what is to be written for a code, with its slot on the lock.
func (v *visit) target(r *row) held {
	w := v.wants[r.id]
	if r.Held != nil {
		w.Slot = r.Held.Slot
	}
	return w
}

// blockedBy is the slot of another code that has the PIN which is to be written; empty: none.
func (v *visit) blockedBy(r *row) string {
	w := v.target(r)
	for _, h := range v.held {
		if w.PIN != "" && h.PIN == w.PIN && h.Slot != w.Slot {
			return h.Slot
		}
	}
	return ""
}

// circle finds one of the codes that wait for each other's PINs; negative: there is none.
func (v *visit) circle(pending []*row) int {
	for start := range pending {
		at, seen := start, map[int]bool{}
		for at >= 0 && !seen[at] {
			seen[at] = true
			slot := v.blockedBy(pending[at])
			at = slices.IndexFunc(pending, func(r *row) bool { return r.Held != nil && r.Held.Slot == slot && !v.erased[r.id] })
		}
		if at >= 0 && pending[at].Held != nil {
			return at
		}
	}
	return -1
}

// adopt recognises codes that the lock was asked to write: by the slot that it named, otherwise by their PINs, or by
// their names where the lock chose the PIN.
func (v *visit) adopt(rows []*row) {
	claimed := map[string]bool{}
	for _, r := range rows {
		if r.Held != nil {
			claimed[r.Held.Slot] = true
		}
	}
	for _, r := range rows {
		if r.Held != nil || r.Sent == nil {
			continue
		}
		r.SentSlot = cmp.Or(v.slots[r.id], r.SentSlot)
		for _, h := range v.held {
			named := r.SentSlot == h.Slot
			if !claimed[h.Slot] && (h.PIN == r.Sent.PIN || r.Sent.PIN == "" && (named || h.Name != "" && h.Name == r.Sent.Name)) {
				claimed[h.Slot], r.Held = true, &h
				break
			}
		}
	}
}

// unreachable reports whether the lock did not answer in the visit.
func (v *visit) unreachable() bool {
	for _, err := range slices.AppendSeq([]error{v.readErr}, maps.Values(v.results)) {
		if errors.Is(err, provider.ErrOffline) {
			return true
		}
	}
	return false
}
