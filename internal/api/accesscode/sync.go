package accesscode

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"keyway/internal/api/action"
	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

// providerIssue is device.Failure's kind of whatever a provider does not explain.
const providerIssue = "provider_issue"

// patience is how long a lock may take to answer in one visit.
const patience = 2 * time.Minute

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

// DeviceReported looks at the codes of a lock when it has said what became of one of them. What it then holds
// tells, but for digits that cannot be read: of them only the report does.
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
	if err := c.save(ctx, tx, rows[i], now, surround(*r, rows)); err != nil {
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

// visit is one round with a lock: what was planned, what the lock answered, what it then held.
type visit struct {
	around
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
	read    bool      // held is what the lock holds
	at      time.Time // when it was planned, by the clock of the workspace
}

func newVisit(a around, rows []*row, at time.Time) *visit {
	return &visit{around: a, rows: rows, at: at, steps: map[string]step{}, wants: map[string]held{}, results: map[string]error{},
		until: map[string]time.Time{}, erased: map[string]bool{}, slots: map[string]string{}, touched: map[string]bool{}}
}

// runSync brings a lock to hold what is wanted: it plans in one transaction, asks the lock outside of
// any, and writes down in another what the lock then holds. Whatever changes or dies in between, the
// next round begins with what is wanted and what is held.
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
		within, cancel := context.WithTimeout(ctx, patience)
		v.ask(within)
		cancel()
	}
	return c.conclude(ctx, j, deviceID, v)
}

// plan decides what the lock has to do. It writes down what the lock will be asked before it is, so
// that a code is recognised even if this process dies right after asking.
func (c *Codes) plan(ctx context.Context, j job.Job, deviceID string) (v *visit, err error) {
	err = c.DB.Update(ctx, func(tx *store.Tx) error {
		v = nil
		d, err := c.Devices.Reach(ctx, tx, j.WorkspaceID, deviceID)
		if fault.Is(err, fault.DeviceNotFound) {
			return forget(ctx, tx, j, deviceID)
		} else if err != nil {
			return err
		}
		now := c.Clock.Ahead(d.Ahead)
		rows, err := c.awake(ctx, tx, d, now)
		if err != nil {
			return err
		}
		woken, err := c.disturbed(ctx, tx, surround(d, rows), now)
		if err != nil {
			return err
		}
		rows = append(rows, woken...)
		t := c.telling(d, now)
		before := make([]planned, len(rows))
		for i, r := range rows {
			before[i] = r.planned()
		}
		if rows, err = c.keepPool(ctx, tx, d, rows, now); err != nil {
			return err
		}
		known, err := readingOf(ctx, tx, d.WorkspaceID, d.ID)
		if err != nil {
			return err
		}
		v = newVisit(surround(d, rows), rows, now)
		v.planRead(known, c.ReadEvery)
		giveWay(rows, now, v.traits, capacity(d))
		v.blocked = IsBlocked(d)
		for i, r := range rows {
			if !d.IsManaged {
				if err := c.release(ctx, tx, t, r); err != nil {
					return err
				}
			}
			if r.vanished {
				if err := c.settle(ctx, tx, r, &deviceLeft, nil); err != nil {
					return err
				}
				if err := c.save(ctx, tx, r, now, v.around); err != nil {
					return err
				}
				continue // nothing is asked of the lock for it
			}
			if r.Blocked && !v.blocked {
				r.Tries, r.RetryAt = 0, time.Time{}
			}
			r.Blocked = v.blocked
			v.steps[r.id] = r.next(now, v.traits)
			if r.Asked != nil {
				v.steps[r.id] = await
			}
			later := now.Before(r.RetryAt) && !r.duplicate() // whether a PIN is free costs nothing to see
			if v.steps[r.id] == write && !v.blocked && !later {
				w := r.wanted(v.traits)
				v.wants[r.id] = w
				v.touch(r, r.Sent != nil)
				if r.Held == nil {
					r.Sent = &w
					if r.SentAt.IsZero() {
						r.SentAt = now
					}
				}
			}
			if later && v.steps[r.id] != await {
				v.steps[r.id] = nothing
			}
			if v.steps[r.id] == erase || v.steps[r.id] == await {
				v.touch(r, true)
			}
			if i < len(before) && r.planned() == before[i] {
				continue // whatever else is new about it is written when the visit is over
			}
			if err := c.save(ctx, tx, r, now, v.around); err != nil {
				return err
			}
		}
		quietUnless(tx, len(t.events) > 0, rows)
		return c.tell(ctx, tx, t)
	}, store.Workspace(j.WorkspaceID))
	return v, err
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

// planned is what a plan may change of a code that was there before.
type planned struct {
	managed, deleting, blocked bool
	tries                      int
	retryAt                    time.Time
	sent                       *held
	heldBack                   time.Time
}

func (r *row) planned() planned {
	return planned{r.managed, r.Deleting, r.Blocked, r.Tries, r.RetryAt, r.Sent, r.HeldBack}
}

// forget ends the visits to a device that is gone: its codes went with it.
func forget(ctx context.Context, tx *store.Tx, j job.Job, deviceID string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM access_codes WHERE workspace_id = $1 AND device_id = $2`, j.WorkspaceID, deviceID); err != nil {
		return err
	}
	if err := forgetReads(ctx, tx, j.WorkspaceID, deviceID); err != nil {
		return err
	}
	return j.Finish(ctx, tx)
}

// IsBlocked tells whether the lock need not be asked, because it is known not to answer.
func IsBlocked(d device.Reached) bool {
	_, programmer := d.Session.(provider.CodeProgrammer)
	_, broken := d.Blocking()
	return broken || !programmer || d.CanProgramOnlineAccessCodes == nil || !*d.CanProgramOnlineAccessCodes
}

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
			v.results[r.id] = nil // it holds it already: a try before this came late, or its answer was lost
			continue
		}
		asked = true
		if v.put(ctx, lock, r, w) {
			v.held = append(slices.DeleteFunc(v.held, func(h held) bool { return h.Slot == w.Slot }), w)
		}
	}
	return asked
}

// put asks the lock to hold a code. It tells whether the lock took the request.
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

// erase asks the lock to give up what it holds for a code. It tells whether the lock took the request.
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

// capacity is how many codes a lock holds; 0: it does not say.
func capacity(d device.Reached) int {
	var n float64
	_ = json.Unmarshal(d.Properties["max_active_codes_supported"], &n) // absent: 0
	return int(n)
}

// giveWay keeps codes whose time has not come off the lock while codes that begin before them need their
// PIN or their place. Whatever has begun has a claim to its place, in the order of the beginnings.
func giveWay(rows []*row, now time.Time, t provider.CodeTraits, capacity int) {
	var due []*row
	onLock := 0
	for _, r := range rows {
		r.HeldBack = time.Time{}
		switch {
		case r.vanished || r.Offline:
		case !r.managed && r.Held != nil && !r.Deleting:
			onLock++
		case r.managed && !r.ended(now) && !r.LetGo && !now.Before(r.scheduledAt(t)):
			due = append(due, r)
		}
	}
	slices.SortStableFunc(due, func(a, b *row) int { return a.StartsAt.Compare(b.StartsAt) })
	for i, r := range due {
		if now.Before(r.StartsAt) {
			if capacity > 0 && onLock >= capacity {
				r.HeldBack = r.StartsAt
			}
			for _, first := range due[:i] {
				if r.PIN == "" || first.PIN != r.PIN || !first.HeldBack.IsZero() {
					continue
				}
				if r.HeldBack = r.StartsAt; !first.EndsAt.IsZero() && first.EndsAt.Before(r.StartsAt) {
					r.HeldBack = first.EndsAt
				}
			}
		}
		if r.HeldBack.IsZero() {
			onLock++
		}
	}
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

// unreachable tells whether the lock did not answer in the visit.
func (v *visit) unreachable() bool {
	for _, err := range slices.AppendSeq([]error{v.readErr}, maps.Values(v.results)) {
		if errors.Is(err, provider.ErrOffline) {
			return true
		}
	}
	return false
}

// conclude writes down what the lock answered and holds, and when it is to be visited next.
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
		now := c.Clock.Ahead(d.Ahead)
		rows, err := c.awake(ctx, tx, d, now)
		if err != nil {
			return err
		}
		t := c.telling(d, now)
		t.around = surround(d, rows)
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
		giveWay(rows, now, t.traits, capacity(d))
		for _, r := range rows {
			t.progress(r)
		}
		errs, warnings := t.spaceProblems(rows)
		was := d.Device
		if err := c.Devices.SetProblems(ctx, tx, &d, spaceProblems, errs, warnings); err != nil {
			return err
		}
		changed := !reflect.DeepEqual(was.Errors, d.Errors) || !reflect.DeepEqual(was.Warnings, d.Warnings)
		t.around = surround(d, rows) // a spare may be set now
		woken, err := c.disturbed(ctx, tx, t.around, now)
		if err != nil {
			return err
		}
		rows = append(rows, woken...)
		blocked := IsBlocked(d)
		if err := c.noteVisit(ctx, tx, d, v, blocked); err != nil {
			return err
		}
		freed := slices.ContainsFunc(rows, func(r *row) bool { return r.vanished })
		again, err := c.wakes(ctx, tx, d, now)
		if err != nil {
			return err
		}
		again = earlier(again, c.readAgain(d, t.traits, now))
		for _, r := range rows {
			if freed && r.stuck() {
				r.RetryAt = time.Time{}
			}
			if failure, known := r.outcome(now, t.traits, blocked); known {
				if err := c.settle(ctx, tx, r, failure, t); err != nil {
					return err
				}
			}
			if err := c.save(ctx, tx, r, now, t.around); err != nil {
				return err
			}
			changed = changed || r.vanished
			due := r.due(now, t.traits, blocked)
			if !r.vanished && !blocked && r.Asked == nil && r.next(now, t.traits) != nothing && !now.Before(r.RetryAt) {
				due = now
			}
			if !r.vanished {
				again = earlier(again, due)
			}
		}
		quietUnless(tx, changed || len(t.events) > 0, rows)
		if err := c.tell(ctx, tx, t); err != nil {
			return err
		}
		if v.readErr != nil && !blocked {
			retry := now.Add(min(firstRetry<<min(j.Attempts-1, 14), lastRetry))
			return j.Again(ctx, tx, earlier(again, retry))
		}
		if err := j.Finish(ctx, tx); err != nil || again.IsZero() {
			return err
		}
		return c.visitAt(ctx, tx, d, again)
	}, store.Workspace(j.WorkspaceID))
}

// readAgain is when a lock is to be read although nothing is due, because its provider does not tell of
// what is done at it; zero: never. Locks that were connected together drift apart.
func (c *Codes) readAgain(d device.Reached, t provider.CodeTraits, now time.Time) time.Time {
	if c.ReadEvery <= 0 || t.Notifies || !d.IsManaged || IsBlocked(d) {
		return time.Time{}
	}
	return now.Add(c.ReadEvery - rand.N(c.ReadEvery/5+1))
}

// stuck tells whether a code waits for space or for its PIN to become free.
func (r *row) stuck() bool {
	return slices.ContainsFunc(r.Errors, func(p Problem) bool {
		return p.ErrorCode == "duplicate_code_on_device" || p.ErrorCode == "no_space_for_access_code_on_device"
	})
}

// duplicate tells whether another code on the lock has its PIN.
func (r *row) duplicate() bool {
	return slices.ContainsFunc(r.Errors, func(p Problem) bool { return p.ErrorCode == "duplicate_code_on_device" })
}

// observe compares what was planned for a code with what its lock now holds.
func (t *telling) observe(r *row, rows []*row, v *visit) {
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
	if now == nil && v.erased[r.id] { // so that it can be written anew
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

// awaited looks whether a lock has done what it was asked before. Only what it holds tells; when its time
// is over and it has not, that is a failure, and the next try begins with a read again.
func (t *telling) awaited(r *row, rows []*row, now *held) {
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

// written notes that a lock holds what was asked of it.
func (t *telling) written(r *row, now *held) {
	if r.PIN == "" {
		r.PIN = now.PIN
		r.Told.PIN = now.PIN
	}
	r.Held, r.Sent, r.SentSlot = now, nil, ""
	r.well()
}

// erased notes that a lock does not hold a code any more.
func (t *telling) erased(r *row) {
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
		r.Errors[i].Until = r.Errors[i].CreatedAt.Add(remember)
	}
}

// failed notes that a step did not succeed: when to try again, and what to tell.
func (t *telling) failed(r *row, rows []*row, s step, err error) {
	if errors.Is(err, provider.ErrDuplicate) && r.duplicate() && t.now.Before(r.RetryAt) {
		return // as before
	}
	r.Tries++
	r.RetryAt = t.now.Add(min(firstRetry<<min(r.Tries-1, 14), lastRetry))
	code, event := "failed_to_set_on_device", "access_code.failed_to_set_on_device"
	if s == erase {
		code, event = "failed_to_remove_from_device", "access_code.failed_to_remove_from_device"
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
		return // it is late, which progress tells
	case r.Tries < stubborn:
		return
	}
	if errors.Is(err, errUnconfirmed) {
		p.Message = "The lock did not do what it was asked, and did not say why."
	}
	if slices.ContainsFunc(r.Errors, func(o Problem) bool { return o.ErrorCode == p.ErrorCode }) {
		return
	}
	r.Errors = append(slices.DeleteFunc(r.Errors, func(o Problem) bool { return o.ErrorCode != "conflicting_external_modification" }), p)
	t.problem(r, event, t.now)
}

// takenOff deals with a code that someone removed at the lock.
func (t *telling) takenOff(r *row) {
	r.Held, r.Shown = nil, ""
	t.outside(r, "access_code.deleted_external_to_seam", "removed", nil)
	r.LetGo = r.AllowExternal
}

// altered deals with a code that someone changed at the lock.
func (t *telling) altered(r *row, now held) {
	was := *r.Held
	r.Held = &now
	var fields []change
	for _, f := range []struct{ name, from, to string }{
		{"code", was.PIN, now.PIN}, {"starts_at", timeText(was.StartsAt), timeText(now.StartsAt)},
		{"ends_at", timeText(was.EndsAt), timeText(now.EndsAt)},
	} {
		if f.from != f.to {
			fields = append(fields, change{f.name, textOrNil(f.from), textOrNil(f.to)})
		}
	}
	if len(fields) == 0 { // only its name: nobody's access changed
		if r.AllowExternal {
			r.Name, r.OnLock = now.Name, ""
		}
		return
	}
	r.Shown = ""
	t.outside(r, "access_code.modified_external_to_seam", "modified", fields)
	if r.AllowExternal {
		if r.PIN != now.PIN {
			r.PIN, r.common = now.PIN, "" // it does not share its PIN any more
		}
		if t.traits.Native && !r.Unscheduled {
			r.StartsAt, r.EndsAt = now.StartsAt, now.EndsAt
		}
		if was.Name != now.Name {
			r.Name, r.OnLock = now.Name, ""
		}
		r.Told = r.asTold()
		r.Shown = r.stage(t.now, t.traits)
	}
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(rpc.TimeForm)
}

// outside tells of a change that someone made at the lock: a warning where that is allowed, otherwise
// an error, and the code is put back.
func (t *telling) outside(r *row, event, kind string, fields []change) {
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
func (t *telling) others(rows []*row, on []held) []*row {
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

// progress tells how far a code has come since it was last told, and what keeps it waiting.
func (t *telling) progress(r *row) {
	if !r.managed || r.vanished {
		return
	}
	r.Errors = slices.DeleteFunc(r.Errors, func(p Problem) bool { return !p.Until.IsZero() && !t.now.Before(p.Until) })
	if r.ended(t.now) && r.Held == nil && r.Sent == nil || r.ended(t.now) && r.Offline {
		r.vanished = true
		t.add(r, "access_code.deleted", t.moment(r, r.EndsAt), nil, map[string]any{"code": textOrNil(r.PIN)}, r.Actor)
		return
	}
	next := r.next(t.now, t.traits)
	if next == nothing {
		t.changed(r) // there is nothing to wait for any more
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
	return nil, blocked || r.Tries >= stubborn || r.next(now, t) == nothing
}

// Why an attempt ends when its code does.
var (
	codeDeleted = action.Failure{Type: "access_code_deleted", Message: "The access code was deleted before the lock had done it"}
	codeLeft    = action.Failure{Type: "access_code_unmanaged", Message: "The access code is not managed any more"}
	takenOver   = action.Failure{Type: "access_code_managed_by_another_workspace", Message: "Another workspace manages the access code now"}
	deviceLeft  = action.Failure{Type: "device_unmanaged", Message: "The device is not managed any more"}
	deviceGone  = action.Failure{Type: "device_not_found", Message: "The device is gone"}
	wasReset    = action.Failure{Type: "workspace_reset", Message: "The sandbox was reset"}
)

// settle ends the attempts of a code: with t, which is needed where there is no failure, those that made or
// changed it result in the code as it is now.
func (c *Codes) settle(ctx context.Context, tx *store.Tx, r *row, failure *action.Failure, t *telling) error {
	for _, id := range r.Attempts {
		if failure == nil && !r.Deleting {
			if err := c.sealResult(ctx, tx, r, id, t); err != nil {
				return err
			}
		}
		if _, err := c.Attempts.Settle(ctx, tx, r.workspaceID, id, struct{}{}, failure); err != nil &&
			!fault.Is(err, fault.ActionAttemptNotFound) {
			return err
		}
	}
	r.Attempts = nil
	return nil
}

// sealResult has an attempt result in a code as it is now.
func (c *Codes) sealResult(ctx context.Context, tx *store.Tx, r *row, attemptID string, t *telling) error {
	doc, fields, err := r.serve(t.now, t.around)
	if err != nil {
		return err
	}
	return c.Attempts.SealResult(ctx, tx, r.workspaceID, attemptID,
		map[string]json.RawMessage{"access_code": json.RawMessage(rpc.Splice[Code](doc, fields))})
}

// keepPool keeps as many spare codes on a device as it should have. rows are those that are awake.
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
		r.Told = r.asTold()
		all, rows = append(all, r), append(rows, r)
	}
	return rows, nil
}

// spaceProblems are the kinds of problems that a device has because of how full it is, and its pool.
var spaceProblems = []string{"empty_backup_access_code_pool", "partial_backup_access_code_pool", "many_active_backup_codes",
	"max_access_codes_reached"}

// spaceProblems finds what is wrong with the space on a lock and with its pool of backup codes.
func (t *telling) spaceProblems(rows []*row) (errs []device.Error, warnings []device.Warning) {
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

// DeviceDeleted deletes the codes of a device with it. What is on the lock
// stays there, out of reach.
func (c *Codes) DeviceDeleted(ctx context.Context, tx *store.Tx, dev *device.Reached) error {
	rows, err := c.ofDevice(ctx, tx, dev.WorkspaceID, dev.ID)
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
	t := c.telling(d, now)
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
		if err := c.save(ctx, tx, r, now, t.around); err != nil {
			return err
		}
	}
	return c.tell(ctx, tx, t)
}

// deletedCode is what the event of a deleted code tells of its PIN.
func deletedCode(r *row) map[string]any {
	if !r.managed {
		return nil
	}
	return map[string]any{"code": textOrNil(r.PIN)}
}
