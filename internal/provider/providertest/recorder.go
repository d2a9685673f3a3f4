package providertest

import (
	"slices"
	"sync"

	"keyway/internal/provider"
)

// recorder is a sink that keeps everything.
type recorder struct {
	mu          sync.Mutex
	list        []provider.Device
	lists       int
	reports     map[string][]provider.Report // by device
	occurrences map[string][]provider.Occurrence
	changed     map[string]int // how often codes of a lock changed
	gone        map[string]bool
	calls       int
}

var _ provider.Sink = (*recorder)(nil)

func newRecorder() *recorder {
	return &recorder{reports: map[string][]provider.Report{}, occurrences: map[string][]provider.Occurrence{}, changed: map[string]int{},
		gone: map[string]bool{}}
}

func (r *recorder) record(fn func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	fn()
}

func (r *recorder) Snapshot(devices []provider.Device) {
	r.record(func() {
		r.list, r.lists = slices.Clone(devices), r.lists+1
		for _, d := range devices {
			delete(r.gone, d.ExternalID)
		}
	})
}

func (r *recorder) Found(d provider.Device) {
	r.record(func() {
		r.list = slices.DeleteFunc(r.list, func(o provider.Device) bool { return o.ExternalID == d.ExternalID })
		r.list = append(r.list, d)
		delete(r.gone, d.ExternalID)
	})
}

func (r *recorder) Gone(externalID string) { r.record(func() { r.gone[externalID] = true }) }

func (r *recorder) Report(ref provider.Ref, is provider.Report) {
	r.record(func() { r.reports[ref.Device] = append(r.reports[ref.Device], is) })
}

func (r *recorder) Occurred(ref provider.Ref, what provider.Occurrence) {
	r.record(func() { r.occurrences[ref.Device] = append(r.occurrences[ref.Device], what) })
}

func (r *recorder) CodesChanged(ref provider.Ref, _ ...string) {
	r.record(func() { r.changed[ref.Device]++ })
}

func (r *recorder) State(provider.AccountState) { r.record(func() {}) }

// snapshot is the newest list of devices.
func (r *recorder) snapshot() []provider.Device {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

// read returns something of what was recorded.
func read[T any](r *recorder, fn func() T) T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fn()
}

// outcome is the report that confirms a command or says why it failed; a zero one when there is none yet.
func (r *recorder) outcome(id string) provider.Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, all := range r.reports {
		for _, is := range all {
			if is.For == id && (is.Evidence.FromDevice() || is.Failed != nil) {
				return is
			}
		}
	}
	return provider.Report{}
}

// claims are the states of its bolt that a device itself has reported.
func (r *recorder) claims(device string) (locked []bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, is := range r.reports[device] {
		if is.Locked != nil && is.Evidence.FromDevice() {
			locked = append(locked, *is.Locked)
		}
	}
	return locked
}

// offline reports whether a device is offline by what was reported of it.
func (r *recorder) offline(device string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	down := map[string]bool{}
	for _, is := range r.reports[device] {
		for _, code := range is.Over {
			delete(down, code)
		}
		for _, p := range is.Errors {
			if off, _ := provider.Impact(p.Code); off {
				down[p.Code] = true
			}
		}
		switch {
		case is.Online == nil:
		case *is.Online:
			clear(down)
		default:
			down["reported"] = true
		}
	}
	return len(down) > 0
}
