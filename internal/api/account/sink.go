package account

import (
	"context"
	"slices"
	"sync"
	"time"

	"keyway/internal/provider"
)

const (
	// maxQueued is how many reports of one session wait to be written. States of one device count once.
	maxQueued = 10_000
	// maxObserved is of how many devices of one session it is remembered when their states were observed.
	maxObserved = 50_000
	// flapping is how long a connection may be down before it is recorded.
	flapping = 5 * time.Second
	// sameOccurrence is how long after an occurrence without a time or an id the same one is taken for a
	// repetition.
	sameOccurrence = 2 * time.Second
	// stateFor is how long after it a movement of the bolt still says how the bolt is: what a hub reports of the past
	// does not.
	stateFor = time.Minute
)

// link is the sink of an account's session: it queues what the session reports, and one goroutine, which
// exists only while something is queued, writes it down in order.
type link struct {
	accounts *Accounts
	key      sessionKey
	account  provider.Account
	session  provider.Session
	life     context.Context // ends with the session
	end      context.CancelFunc

	mu       sync.Mutex
	queue    []*item
	last     map[string]*item // by device: its last item in the queue
	working  bool
	dropped  bool
	idle     []chan struct{} // closed once nothing is queued and nothing is being written
	recent   map[occurrenceKey]time.Time
	observed map[string]map[string]time.Time // by device and state: when the latest report of it was observed
	missing  map[string]time.Time            // by device: since when complete lists lack it
	status   provider.Status
	flap     *time.Timer // while a connection that was lost may only flap
	relisted *time.Timer // until the next list is asked for because of missing devices
}

var _ provider.Sink = (*link)(nil)

// item is one call of the sink. One of the fields beside the device is set.
type item struct {
	device     string // external id; empty: about the account
	ref        provider.Ref
	report     *provider.Report
	occurrence *provider.Occurrence
	codes      *codesChanged
	found      *provider.Device
	gone       bool
	list       *[]provider.Device
	state      *provider.AccountState
}

// codesChanged are slots whose codes may have changed; none: any.
type codesChanged struct{ slots []string }

type occurrenceKey struct {
	device string
	kind   provider.Kind
	method provider.Method
	slot   string
}

func newLink(a *Accounts, key sessionKey, acc provider.Account) *link {
	l := &link{accounts: a, key: key, account: acc, last: map[string]*item{}, recent: map[occurrenceKey]time.Time{},
		observed: map[string]map[string]time.Time{}, missing: map[string]time.Time{}}
	l.life, l.end = context.WithCancel(context.Background())
	return l
}

// push queues an item.
func (l *link) push(it *item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dropped {
		return
	}
	if len(l.queue) >= maxQueued {
		l.dropLocked()
		go l.accounts.overflow(l)
		return
	}
	l.queue = append(l.queue, it)
	if it.device != "" {
		l.last[it.device] = it
	} else {
		clear(l.last) // nothing may be merged across it
	}
	l.startLocked()
}

func (l *link) startLocked() {
	if !l.working {
		l.working = true
		go l.work()
	}
}

// merge lets change alter the last queued item of a device; false when there is none, or change refuses.
func (l *link) merge(device string, change func(*item) bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := l.last[device]
	return it != nil && !l.dropped && change(it)
}

// take gives the next items, all of one kind: either up to n about devices, or one about the account.
func (l *link) take(n int) []*item {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := 0
	for k < len(l.queue) && k < n && l.queue[k].isState() {
		k++
	}
	if k == 0 && len(l.queue) > 0 {
		k = 1
	}
	if k == 0 {
		l.working = false
		for _, ch := range l.idle {
			close(ch)
		}
		l.idle = nil
		return nil
	}
	items := slices.Clone(l.queue[:k])
	clear(l.queue[:k])
	l.queue = l.queue[k:]
	for _, it := range items {
		if l.last[it.device] == it {
			delete(l.last, it.device)
		}
	}
	return items
}

// isState reports whether an item is about a device that is known: such items are written together.
func (it *item) isState() bool { return it.report != nil || it.occurrence != nil || it.codes != nil }

// drop forgets what is queued, and takes nothing more.
func (l *link) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropLocked()
}

func (l *link) dropLocked() {
	l.dropped, l.queue = true, nil
	clear(l.last)
	for _, t := range []*time.Timer{l.flap, l.relisted} {
		if t != nil {
			t.Stop()
		}
	}
}

// wait returns when nothing is queued and nothing is being written, or when ctx ends.
func (l *link) wait(ctx context.Context) error {
	l.mu.Lock()
	if !l.working {
		l.mu.Unlock()
		return nil
	}
	idle := make(chan struct{})
	l.idle = append(l.idle, idle)
	l.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Report queues states of a device, merged into those that are still queued where nothing else about the
// device has been queued since. States that were observed before what was reported of them last are left out.
func (l *link) Report(r provider.Ref, is provider.Report) {
	if l.isForeign(r, "report") {
		return
	}
	current := is.At.IsZero()
	is.At = l.past(is.At)
	if !l.isLatest(r.Device, &is, current) {
		return
	}
	merged := l.merge(r.Device, func(it *item) bool {
		if it.report == nil {
			return false
		}
		m, ok := it.report.Merge(is)
		if ok {
			it.report = &m
		}
		return ok
	})
	if !merged {
		l.push(&item{device: r.Device, ref: r, report: &is})
	}
}

// isForeign reports whether a device is not one of the link's account: a driver that has mistaken one session for
// another must not change devices of another workspace.
func (l *link) isForeign(r provider.Ref, what string) bool {
	is := r.WorkspaceID != "" && r.WorkspaceID != l.key.workspaceID || r.Account != "" && r.Account != l.account.ExternalID
	if is {
		l.accounts.Log.Error("a session reports a device of another account; the report is dropped", "workspace_id", l.key.workspaceID,
			"connected_account_id", l.key.accountID, "report", what)
	}
	return is
}

// past is when something was observed: now where no time, or one that is still to come, is given.
func (l *link) past(at time.Time) time.Time {
	if now := l.accounts.Now(); at.IsZero() || at.After(now) {
		return now
	}
	return at
}

// isLatest leaves out of a report what was observed before the latest report of the same, and notes when the
// rest was observed. It returns false when nothing is left.
func (l *link) isLatest(device string, is *provider.Report, current bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.observed[device]
	if known == nil {
		if len(l.observed) >= maxObserved {
			clear(l.observed) // more devices than an account has: some were never listed
		}
		known = map[string]time.Time{}
		l.observed[device] = known
	}
	return is.LeaveLatest(known, current)
}

// Occurred queues something that happened at a device. A bolt that moved a moment ago is a state as well.
func (l *link) Occurred(r provider.Ref, what provider.Occurrence) {
	if l.isForeign(r, "occurrence") {
		return
	}
	now := l.accounts.Now()
	if what.ID == "" && what.At.IsZero() && l.repeated(occurrenceKey{r.Device, what.Kind, what.Method, what.Slot}, now) {
		return
	}
	what.At = l.past(what.At)
	if locked, moved := what.Kind.Locked(); moved && now.Sub(what.At) < stateFor {
		l.Report(r, provider.Report{At: what.At, Evidence: provider.Sent, Locked: &locked})
	}
	l.push(&item{device: r.Device, ref: r, occurrence: &what})
}

// repeated notes an occurrence and reports whether the same one was noted a moment ago.
func (l *link) repeated(key occurrenceKey, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, at := range l.recent {
		if now.Sub(at) >= sameOccurrence {
			delete(l.recent, k)
		}
	}
	_, again := l.recent[key]
	if !again {
		l.recent[key] = now
	}
	return again
}

// CodesChanged queues that codes on a lock may have changed.
func (l *link) CodesChanged(r provider.Ref, slots ...string) {
	if l.isForeign(r, "change of codes") {
		return
	}
	merged := l.merge(r.Device, func(it *item) bool {
		if it.codes == nil {
			return false
		}
		if len(slots) == 0 || len(it.codes.slots) == 0 {
			it.codes = &codesChanged{}
			return true
		}
		all := slices.Concat(it.codes.slots, slots)
		slices.Sort(all)
		it.codes = &codesChanged{slices.Compact(all)}
		return true
	})
	if !merged {
		l.push(&item{device: r.Device, ref: r, codes: &codesChanged{slices.Clone(slots)}})
	}
}

// Found queues a device that is new or whose description has changed.
func (l *link) Found(d provider.Device) { l.push(&item{device: d.ExternalID, found: &d}) }

// Gone queues that a device was removed.
func (l *link) Gone(externalID string) { l.push(&item{device: externalID, gone: true}) }

// Snapshot queues a complete list of devices.
func (l *link) Snapshot(devices []provider.Device) {
	devices = slices.Clone(devices)
	l.push(&item{list: &devices})
}

// State queues how the connection is. That it was lost is recorded only when it is not back at once.
func (l *link) State(s provider.AccountState) {
	if s.Since.IsZero() {
		s.Since = l.accounts.Now()
	}
	l.mu.Lock()
	l.status = s.Status
	if l.flap != nil {
		l.flap.Stop()
		l.flap = nil
	}
	if s.Status == provider.Reconnecting && !l.dropped {
		l.flap = time.AfterFunc(flapping, func() { l.stillDown(s) })
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	l.push(&item{state: &s})
}

func (l *link) stillDown(s provider.AccountState) {
	l.mu.Lock()
	down := l.status == provider.Reconnecting
	l.mu.Unlock()
	if down {
		l.push(&item{state: &s})
	}
}
