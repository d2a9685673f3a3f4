package account

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"keyway/internal/provider"
)

// stalled is the link of a session whose reports are not written.
func stalled() *link {
	l := newLink(&Accounts{Log: slog.New(slog.DiscardHandler), Now: time.Now}, sessionKey{"w", "a"}, provider.Account{})
	l.working = true
	return l
}

// States of a device are merged while they wait, but never across an occurrence, an outcome of a command or a
// list of devices, and never with another kind of evidence.
func TestStatesAreMerged(t *testing.T) {
	t.Parallel()
	l := stalled()
	a, b := provider.Ref{Device: "a"}, provider.Ref{Device: "b"}
	yes, no, level := true, false, 0.3
	for range 1000 {
		l.Report(a, provider.Report{Evidence: provider.Sent, Locked: &yes})
		l.Report(b, provider.Report{Evidence: provider.Sent, Battery: &level})
		l.Report(a, provider.Report{Evidence: provider.Sent, Locked: &no, Over: []string{"x"}})
	}
	if len(l.queue) != 2 || *l.queue[0].report.Locked || len(l.queue[0].report.Over) != 1 || *l.queue[1].report.Battery != level {
		t.Fatalf("%d reports wait, first %+v", len(l.queue), l.queue[0].report)
	}
	for _, push := range []func(){
		func() { l.Occurred(a, provider.Occurrence{Kind: provider.Tampered, ID: "1"}) },
		func() { l.Report(a, provider.Report{Evidence: provider.Sent, For: "command", Locked: &yes}) },
		func() { l.Report(a, provider.Report{Evidence: provider.Sent, Locked: &no}) },
		func() { l.Report(a, provider.Report{Evidence: provider.Cached, Locked: &yes}) },
		func() { l.CodesChanged(a, "1") },
		func() { l.Snapshot(nil) },
		func() { l.CodesChanged(a, "1") },
	} {
		n := len(l.queue)
		if push(); len(l.queue) != n+1 {
			t.Errorf("%d wait after %d", len(l.queue), n)
		}
	}
	l.CodesChanged(a, "2", "1")
	if last := l.queue[len(l.queue)-1]; len(last.codes.slots) != 2 {
		t.Errorf("%v", last.codes)
	}
	l.CodesChanged(a)
	if last := l.queue[len(l.queue)-1]; len(last.codes.slots) != 0 {
		t.Errorf("%v", last.codes)
	}
}

// An occurrence that is reported twice in a row, without a time or an id, is one.
func TestRepeatedOccurrences(t *testing.T) {
	t.Parallel()
	l, now := stalled(), time.Now()
	l.accounts.Now = func() time.Time { return now }
	entry := provider.Occurrence{Kind: provider.Unlocked, Method: provider.ByKeycode, Slot: "4"}
	for _, pause := range []time.Duration{0, time.Second, 3 * time.Second} {
		now = now.Add(pause)
		l.Occurred(provider.Ref{Device: "a"}, entry)
	}
	l.Occurred(provider.Ref{Device: "b"}, entry)
	occurrences := slices.DeleteFunc(l.queue, func(it *item) bool { return it.occurrence == nil }) // a bolt that moves is a state too
	if len(occurrences) != 3 {
		t.Errorf("%d occurrences", len(occurrences))
	}
}

// A session that reports more than is kept is reopened, is counted, and reports nothing more by its old link.
func TestOverflow(t *testing.T) {
	t.Parallel()
	l := stalled()
	for i := range maxQueued + 1 {
		l.Occurred(provider.Ref{Device: "a"}, provider.Occurrence{Kind: provider.Tampered, At: time.Unix(int64(i), 0)})
	}
	for end := time.Now().Add(10 * time.Second); l.accounts.Overflows() == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	l.Gone("a")
	if l.accounts.Overflows() != 1 || len(l.queue) != 0 || l.life.Err() == nil {
		t.Errorf("%d overflows, %d wait", l.accounts.Overflows(), len(l.queue))
	}
}
