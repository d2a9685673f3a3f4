package accesscode

import (
	"testing"
	"time"

	"keyway/internal/provider"
)

// awaiting is a visit to a lock that takes requests and does them later.
type awaiting struct {
	*changeset
	r *row
	v *visit
}

func await1(t *testing.T) *awaiting {
	t.Helper()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	a := &awaiting{changeset: &changeset{now: now}, r: &row{id: "0123456789", managed: true, state: state{PIN: "1234", Name: "Guest"}}}
	a.r.Reported = a.r.asReported()
	return a
}

// visit lets time pass and visits the lock: it accepts every request, and contains onLock.
func (a *awaiting) visit(after time.Duration, onLock ...held) step {
	a.now = a.now.Add(after)
	s := a.r.next(a.now, provider.CodeTraits{})
	if a.r.Asked != nil {
		s = await
	}
	if a.now.Before(a.r.RetryAt) && s != await {
		s = nothing
	}
	a.v = &visit{steps: map[string]step{a.r.id: s}, wants: map[string]held{}, results: map[string]error{}, until: map[string]time.Time{},
		erased: map[string]bool{},
		read:   true, held: onLock}
	if s == write || s == erase {
		if s == write {
			w := a.r.wanted(provider.CodeTraits{})
			a.v.wants[a.r.id], a.r.Sent = w, &w
		}
		a.v.results[a.r.id] = nil
		a.v.expect(a.r, a.now.Add(10*time.Second))
	}
	a.v.adopt([]*row{a.r})
	a.observe(a.r, []*row{a.r}, a.v)
	return s
}

// Guards against taking a lock that answers later for one that failed: what it took is awaited until the
// time that its driver named, nothing is written meanwhile, and only what it contains confirms.
func TestWhatALockTookIsAwaited(t *testing.T) {
	t.Parallel()
	a := await1(t)
	on := held{Slot: "7", PIN: "1234", Name: "Guest"}
	if s := a.visit(0); s != write || a.r.Asked == nil || a.r.Tries != 0 {
		t.Fatal(s, a.r.state)
	}
	if due := a.r.due(a.now, provider.CodeTraits{}, false); !due.Equal(a.r.Asked.Until) {
		t.Error("the next visit is due", due)
	}
	for range 3 {
		if s := a.visit(2 * time.Second); s != await || a.r.Tries != 0 || len(a.r.Errors) != 0 {
			t.Fatal(s, a.r.state)
		}
	}
	if s := a.visit(2*time.Second, on); s != await || a.r.Asked != nil || !a.r.Held.same(on) ||
		a.r.next(a.now, provider.CodeTraits{}) != nothing {
		t.Fatal(s, a.r.state)
	}
	a.r.Deleting = true
	if s := a.visit(0, on); s != erase || a.r.Asked == nil || !a.r.Asked.Erase {
		t.Fatal(s, a.r.state)
	}
	if s := a.visit(time.Second, on); s != await || a.r.Held == nil {
		t.Fatal(s, a.r.state)
	}
	if s := a.visit(time.Second); s != await || a.r.Held != nil || a.r.Asked != nil {
		t.Fatal(s, a.r.state)
	}
}

// When the time is over and the lock does not contain it, that is one failed try, and then it is asked again;
// what is wanted since is asked only then, too.
func TestTheWaitForALockEnds(t *testing.T) {
	t.Parallel()
	a := await1(t)
	a.visit(0)
	if s := a.visit(10 * time.Second); s != await || a.r.Asked != nil || a.r.Tries != 1 || a.r.RetryAt.IsZero() {
		t.Fatal(s, a.r.state)
	}
	if s := a.visit(time.Second); s != nothing {
		t.Fatal("it is asked again at once", s)
	}
	if s := a.visit(5 * time.Second); s != write || a.r.Asked == nil {
		t.Fatal(s, a.r.state)
	}
	a.r.PIN = "5678"
	if s := a.visit(time.Second); s != await || a.r.Asked.Code.PIN != "1234" {
		t.Fatal(s, a.r.state)
	}
	old := held{Slot: "7", PIN: "1234", Name: "Guest"}
	if s := a.visit(time.Second, old); s != await || a.r.Asked != nil || a.r.next(a.now, provider.CodeTraits{}) != write {
		t.Fatal(s, a.r.state)
	}
}
