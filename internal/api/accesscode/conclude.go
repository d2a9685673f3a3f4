package accesscode

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
)

// conclude writes what the lock answered and contains, and when it is to be visited next.
func (c *Codes) conclude(ctx context.Context, j job.Job, deviceID string, v *visit) error {
	for _, err := range slices.AppendSeq([]error{v.readErr}, maps.Values(v.results)) {
		if kind, _ := device.Failure(err); err != nil && kind == providerIssue {
			c.Log.Error("a lock's provider failed", "workspace_id", j.WorkspaceID, "device_id", deviceID, "error", err)
		}
	}
	return c.DB.Update(ctx, func(tx *store.Tx) error {
		d, err := c.Devices.Reach(ctx, tx, j.WorkspaceID, deviceID)
		if fault.Is(err, fault.DeviceNotFound) {
			return forget(ctx, tx, j, deviceID) // deleted while it was asked
		} else if err != nil {
			return err
		}
		if v.unreachable() {
			if err := c.Devices.Unreachable(ctx, tx, &d); err != nil {
				return err
			}
		}
		t := c.changeset(d, c.Clock.Ahead(d.Ahead))
		rows, err := c.compare(ctx, tx, t, v)
		if err != nil {
			return err
		}
		errs, warnings := t.spaceProblems(rows)
		was := d.Device
		if err := c.Devices.SetProblems(ctx, tx, &d, spaceProblems, errs, warnings); err != nil {
			return err
		}
		changed := !reflect.DeepEqual(was.Errors, d.Errors) || !reflect.DeepEqual(was.Warnings, d.Warnings)
		t.environment = environmentOf(d, rows) // a spare may be set now
		woken, err := c.affected(ctx, tx, t.environment, t.now)
		if err != nil {
			return err
		}
		rows = append(rows, woken...)
		if err := c.noteVisit(ctx, tx, d, v, IsBlocked(d)); err != nil {
			return err
		}
		again, err := c.saveAll(ctx, tx, t, rows)
		if err != nil {
			return err
		}
		changed = changed || slices.ContainsFunc(rows, func(r *row) bool { return r.vanished })
		quietUnless(tx, changed || len(t.events) > 0, rows)
		if err := c.appendEvents(ctx, tx, t); err != nil {
			return err
		}
		if v.readErr != nil && !IsBlocked(d) {
			retry := t.now.Add(min(firstRetry<<min(j.Attempts-1, 14), lastRetry))
			return j.Again(ctx, tx, earlier(again, retry))
		}
		if err := j.Finish(ctx, tx); err != nil || again.IsZero() {
			return err
		}
		return c.visitAt(ctx, tx, d, again)
	}, store.Workspace(j.WorkspaceID))
}

// compare compares the desired state of the codes on a lock with what it contains after a visit.
func (c *Codes) compare(ctx context.Context, tx *store.Tx, t *changeset, v *visit) ([]*row, error) {
	rows, err := c.active(ctx, tx, t.device, t.now)
	if err != nil {
		return nil, err
	}
	t.environment = environmentOf(t.device, rows)
	if v.read {
		v.adopt(rows)
	}
	for _, r := range rows {
		if r.managed || r.Deleting {
			t.observe(r, rows, v)
		}
	}
	if v.read {
		rows = t.others(rows, v.held)
	}
	giveWay(rows, t.now, t.traits, capacity(t.device))
	for _, r := range rows {
		t.progress(r)
	}
	return rows, nil
}

// saveAll writes the codes that a visit looked at, and ends the attempts that are over. It returns when the lock is to be
// visited next; zero: when something changes.
func (c *Codes) saveAll(ctx context.Context, tx *store.Tx, t *changeset, rows []*row) (again time.Time, err error) {
	blocked := IsBlocked(t.device)
	freed := slices.ContainsFunc(rows, func(r *row) bool { return r.vanished })
	if again, err = c.nextDue(ctx, tx, t.device, t.now); err != nil {
		return again, err
	}
	again = earlier(again, c.readAgain(t.device, t.traits, t.now))
	for _, r := range rows {
		if freed && r.stuck() {
			r.RetryAt = time.Time{}
		}
		if failure, known := r.outcome(t.now, t.traits, blocked); known {
			if err := c.settle(ctx, tx, r, failure, t); err != nil {
				return again, err
			}
		}
		if err := c.save(ctx, tx, r, t.now, t.environment); err != nil {
			return again, err
		}
		if r.vanished {
			continue
		}
		due := r.due(t.now, t.traits, blocked)
		if !blocked && r.Asked == nil && r.next(t.now, t.traits) != nothing && !t.now.Before(r.RetryAt) {
			due = t.now
		}
		again = earlier(again, due)
	}
	return again, nil
}

// readAgain is when a lock is to be read although nothing is due, because its driver does not report
// what is done at it; zero: never. Locks that were connected together drift apart.
func (c *Codes) readAgain(d device.Reached, t provider.CodeTraits, now time.Time) time.Time {
	if c.ReadEvery <= 0 || t.Notifies || !d.IsManaged || IsBlocked(d) {
		return time.Time{}
	}
	return now.Add(c.ReadEvery - rand.N(c.ReadEvery/5+1))
}

// stuck reports whether a code waits for space or for its PIN to become free.
func (r *row) stuck() bool {
	return slices.ContainsFunc(r.Errors, func(p Problem) bool {
		return p.ErrorCode == "duplicate_code_on_device" || p.ErrorCode == "no_space_for_access_code_on_device"
	})
}

// duplicate reports whether another code on the lock has its PIN.
func (r *row) duplicate() bool {
	return slices.ContainsFunc(r.Errors, func(p Problem) bool { return p.ErrorCode == "duplicate_code_on_device" })
}

// observe compares what was planned for a code with what its lock now contains.
func (t *changeset) observe(r *row, rows []*row, v *visit) {
	step, planned := v.steps[r.id]
	if !planned || v.blocked || r.Offline {
		return
	}
	// Asked for something else meanwhile: how the old wish went is no news of the new one, and the
	// next visit follows at once.
	wanted := v.wants[r.id]
	outdated := step != r.next(t.now, v.traits) || step == write && !wanted.same(r.wanted(v.traits))
	err, tried := v.results[r.id]
	if !v.read {
		if step != nothing && !outdated {
			t.failed(r, rows, step, v.readErr)
		}
		return
	}
	var now *held
	if r.Held != nil {
		if i := slices.IndexFunc(v.held, func(h held) bool { return h.Slot == r.Held.Slot }); i >= 0 {
			now = &v.held[i]
		}
	}
	if now == nil && v.erased[r.id] { // so that it can be rewritten
		r.Held, r.Shown = nil, ""
	}
	if step == await && r.Asked != nil {
		t.awaited(r, rows, now)
		return
	}
	switch {
	// also when someone else was quicker
	case now == nil && r.next(t.now, v.traits) == erase && !(step == write && t.now.Before(v.until[r.id])):
		t.erased(r)
	case step == write && now.same(wanted): // whatever it said
		t.written(r, now)
	case step != nothing:
		if now != nil {
			r.Held = now
		}
		if until := v.until[r.id]; tried && err == nil && t.now.Before(until) {
			r.Asked = &asked{Erase: step == erase, Code: wanted, Until: until}
			return
		}
		if !tried || err == nil {
			err = errUnconfirmed
		}
		if !outdated {
			t.failed(r, rows, step, err)
		}
	case r.Held != nil && now == nil:
		t.takenOff(r)
	case r.Held != nil && *now != *r.Held:
		t.altered(r, *now)
	}
}

// awaited looks whether a lock has done what it was asked before. Only what it contains counts; when its time
// is over and it has not, that is a failure, and the next try begins with a read again.
func (t *changeset) awaited(r *row, rows []*row, now *held) {
	a := *r.Asked
	switch {
	case a.Erase && now == nil:
		t.erased(r)
	case !a.Erase && now.same(a.Code):
		t.written(r, now)
	case t.now.Before(a.Until) && !a.Refused:
	default:
		r.Asked = nil
		wanted := write
		if a.Erase {
			wanted = erase
		}
		if r.next(t.now, t.traits) == wanted { // otherwise something else is wanted since
			t.failed(r, rows, wanted, errUnconfirmed)
		}
	}
}

// written notes that a lock contains what was requested.
func (t *changeset) written(r *row, now *held) {
	if r.PIN == "" {
		r.PIN = now.PIN
		r.Reported.PIN = now.PIN
	}
	r.Held, r.Sent, r.SentSlot = now, nil, ""
	r.well()
}

// erased notes that a lock no longer contains a code.
func (t *changeset) erased(r *row) {
	if r.Held != nil {
		t.removed(r)
	}
	r.Held, r.Sent, r.SentSlot = nil, nil, ""
	r.well()
}

// errUnconfirmed says that the lock took a request and did not do it.
var errUnconfirmed = errors.New("the lock did not do what it said")

// well forgets the failures of a step that succeeded.
func (r *row) well() {
	r.Asked, r.Tries, r.RetryAt, r.Waiting = nil, 0, time.Time{}, time.Time{}
	r.Errors = slices.DeleteFunc(r.Errors, func(p Problem) bool { return p.ErrorCode != "conflicting_external_modification" })
	for i := range r.Errors {
		r.Errors[i].Until = r.Errors[i].CreatedAt.Add(keepConflict)
	}
}

// failed notes that a step did not succeed: when to try again, and what to report.
func (t *changeset) failed(r *row, rows []*row, s step, err error) {
	if errors.Is(err, provider.ErrDuplicate) && r.duplicate() && t.now.Before(r.RetryAt) {
		return // as before
	}
	r.Tries++
	r.RetryAt = t.now.Add(min(firstRetry<<min(r.Tries-1, 14), lastRetry))
	code, events := "failed_to_set_on_device", []string{"access_code.failed_to_set_on_device"}
	if s == erase {
		code, events = "failed_to_remove_from_device", []string{"access_code.failed_to_remove_from_device", "access_code.failed_to_delete"}
	}
	kind, message := device.Failure(err)
	if kind == providerIssue && !errors.Is(err, errUnconfirmed) {
		code = providerIssue
	}
	p := Problem{ErrorCode: code, Message: message, CreatedAt: rpc.Time{Time: t.now}, IsCodeError: true}
	switch {
	case errors.Is(err, provider.ErrDuplicate):
		p.ErrorCode = "duplicate_code_on_device"
		for _, o := range rows {
			if o != r && o.Held != nil && o.Held.PIN == r.PIN {
				if o.managed {
					p.ManagedID = o.id
				} else {
					p.UnmanagedID = o.id
				}
			}
		}
		r.RetryAt = t.now.Add(lastRetry)
	case errors.Is(err, provider.ErrFull):
		p.ErrorCode = "no_space_for_access_code_on_device"
		r.RetryAt = t.now.Add(lastRetry)
	case errors.Is(err, provider.ErrUnsupported):
		r.RetryAt = t.now.Add(lastRetry)
	case errors.Is(err, provider.ErrOffline), errors.Is(err, context.DeadlineExceeded):
		return // it is late, which progress reports
	case r.Tries < maxTries:
		return
	}
	if errors.Is(err, errUnconfirmed) {
		p.Message = "The lock did not do what it was asked, and did not say why."
	}
	if slices.ContainsFunc(r.Errors, func(o Problem) bool { return o.ErrorCode == p.ErrorCode }) {
		return
	}
	r.Errors = append(slices.DeleteFunc(r.Errors, func(o Problem) bool { return o.ErrorCode != "conflicting_external_modification" }), p)
	for _, e := range events {
		t.problem(r, e, t.now)
	}
}

// takenOff deals with a code that someone removed at the lock.
func (t *changeset) takenOff(r *row) {
	r.Held, r.Shown = nil, ""
	t.outside(r, "access_code.deleted_external_to_seam", "removed", nil)
	r.LetGo = r.AllowExternal
}

// altered deals with a code that someone changed at the lock.
func (t *changeset) altered(r *row, now held) {
	was := *r.Held
	r.Held = &now
	var fields []change
	for _, f := range []struct{ name, from, to string }{
		{"code", was.PIN, now.PIN}, {"starts_at", timeText(was.StartsAt), timeText(now.StartsAt)},
		{"ends_at", timeText(was.EndsAt), timeText(now.EndsAt)},
	} {
		if f.from != f.to {
			fields = append(fields, change{f.name, rpc.OrNull(f.from), rpc.OrNull(f.to)})
		}
	}
	if len(fields) == 0 { // only its name: no access changed
		if r.AllowExternal {
			r.Name, r.OnLock = now.Name, ""
		}
		return
	}
	r.Shown = ""
	t.outside(r, "access_code.modified_external_to_seam", "modified", fields)
	if r.AllowExternal {
		if r.PIN != now.PIN {
			r.PIN, r.common = now.PIN, "" // it no longer shares its PIN
		}
		if t.traits.Native && !r.Unscheduled {
			r.StartsAt, r.EndsAt = now.StartsAt, now.EndsAt
		}
		if was.Name != now.Name {
			r.Name, r.OnLock = now.Name, ""
		}
		r.Reported = r.asReported()
		r.Shown = r.stage(t.now, t.traits)
	}
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(rpc.TimeForm)
}

// outside reports a change that someone made at the lock: a warning where that is allowed, otherwise
// an error, and the code is put back.
func (t *changeset) outside(r *row, event, kind string, fields []change) {
	p := Problem{Message: "Someone changed the code at the lock.", CreatedAt: rpc.Time{Time: t.now}, ChangeType: kind, Modified: fields}
	if kind == "removed" {
		p.Message = "Someone removed the code at the lock."
	}
	same := func(o Problem) bool {
		return o.ErrorCode == "conflicting_external_modification" || o.WarningCode == "external_modification_in_effect"
	}
	r.Errors, r.Warnings = slices.DeleteFunc(r.Errors, same), slices.DeleteFunc(r.Warnings, same)
	if r.AllowExternal {
		p.WarningCode = "external_modification_in_effect"
		r.Warnings = append(r.Warnings, p)
	} else {
		p.ErrorCode, p.IsCodeError = "conflicting_external_modification", true
		p.Message += " It is being put back."
		r.Errors = append(r.Errors, p)
	}
	t.add(r, event, t.now, nil, nil, actor{Type: "external"})
}

// others keeps the unmanaged codes of a device as the lock has them.
func (t *changeset) others(rows []*row, on []held) []*row {
	claimed, known := map[string]bool{}, map[string]*row{}
	for _, r := range rows {
		switch {
		case r.Held == nil:
		case r.managed:
			claimed[r.Held.Slot] = true
		default:
			known[r.Held.Slot] = r
		}
	}
	for _, h := range on {
		if claimed[h.Slot] {
			continue
		}
		r := known[h.Slot]
		if delete(known, h.Slot); r == nil {
			r = newRow(t.device, t.now, false)
			rows = append(rows, r)
			t.add(r, "access_code.unmanaged.created", t.now, nil, nil, actor{Type: "external"})
		}
		r.Held, r.PIN, r.Name, r.StartsAt, r.EndsAt = &h, h.PIN, h.Name, h.StartsAt, h.EndsAt
	}
	for _, r := range rows {
		switch {
		case r.managed:
		case r.Deleting && r.Held == nil:
			r.vanished = true
			t.add(r, "access_code.unmanaged.removed", t.now, nil, nil, r.Actor)
		case known[r.Held.Slot] == r:
			r.vanished = true
			t.add(r, "access_code.unmanaged.removed", t.now, nil, nil, actor{Type: "external"})
		}
	}
	return rows
}
