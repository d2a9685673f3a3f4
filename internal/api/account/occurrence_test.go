package account_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/api/accesscode"
	"keyway/internal/platform/rpc"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
	"keyway/internal/wiring/apitest"
)

// keypad is what the hub's locks contain, by slot, and how it may be read and written.
type keypad struct {
	pins   map[string]string
	hidden bool // PINs cannot be read
	later  bool // what is asked for is done when the test says so
	writes int
	reads  []string // the slots of each read; "all"
}

var _ provider.CodeProgrammer = (*hubSession)(nil)

func (*hubSession) CodeTraits(provider.Ref) provider.CodeTraits {
	return provider.CodeTraits{Notifies: true, Single: true, Nameless: true}
}

func (s *hubSession) ReadCodes(_ context.Context, _ provider.Ref, slots ...string) (out []provider.Code, err error) {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	k := &s.h.keypad
	k.reads = append(k.reads, strings.Join(slots, " "))
	if len(slots) == 0 {
		k.reads[len(k.reads)-1] = "all"
		slots = slices.Sorted(maps.Keys(k.pins))
	}
	for _, slot := range slots {
		if pin, ok := k.pins[slot]; ok {
			c := provider.Code{Slot: slot, PIN: &pin}
			if k.hidden {
				c.PIN = nil
			}
			out = append(out, c)
		}
	}
	return out, nil
}

func (s *hubSession) PutCode(_ context.Context, _ provider.Ref, c provider.Code, _ string) (provider.Asked, error) {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	k := &s.h.keypad
	k.writes++
	for n := 1; c.Slot == ""; n++ {
		if _, taken := k.pins[fmt.Sprint(n)]; !taken {
			c.Slot = fmt.Sprint(n)
		}
	}
	if k.later {
		return provider.Asked{Slot: c.Slot, Until: time.Now().Add(time.Hour)}, nil
	}
	k.pins[c.Slot] = *c.PIN
	return provider.Asked{Slot: c.Slot}, nil
}

func (s *hubSession) DeleteCode(_ context.Context, _ provider.Ref, slot, _ string) (provider.Asked, error) {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	delete(s.h.keypad.pins, slot)
	return provider.Asked{}, nil
}

// set changes a slot past the driver.
func (h *house) set(slot, pin string) {
	h.hub.mu.Lock()
	defer h.hub.mu.Unlock()
	if pin == "" {
		delete(h.hub.keypad.pins, slot)
	} else {
		h.hub.keypad.pins[slot] = pin
	}
}

// reads gives the reads since it was last called.
func (h *house) reads() (out []string) {
	h.hub.mu.Lock()
	defer h.hub.mu.Unlock()
	out, h.hub.keypad.reads = h.hub.keypad.reads, nil
	return out
}

// as is a request in the house.
func (h *house) as() context.Context {
	return credential.With(context.Background(),
		credential.Principal{Kind: rpc.APIKey, CredentialID: "key", WorkspaceID: h.ws.ID, Role: rpc.Admin})
}

// lock lists a lock that accepts codes, with the slots that it contains, and waits until they are known.
func (h *house) lock(pins map[string]string) (id string) {
	h.t.Helper()
	h.hub.keypad.pins = pins
	d := door("a")
	d.Flags["can_program_online_access_codes"], d.Flags["can_unlock_with_code"] = true, true
	h.hub.sink.Snapshot([]provider.Device{d})
	h.flush()
	h.visit()
	return h.device("a").ID
}

// visit runs the visit to the lock that is due.
func (h *house) visit() {
	h.t.Helper()
	h.flush()
	h.Must(h.Codes.Settle(h.as(), h.ws.ID, h.device("a").ID))
}

// code makes an access code and waits until its lock was asked.
func (h *house) code(pin string) accesscode.Code {
	h.t.Helper()
	made, err := h.Codes.Create(h.as(), accesscode.New{DeviceID: h.device("a").ID, PIN: pin}, true)
	h.Must(err)
	return h.read(made.CodeID)
}

func (h *house) read(id string) (c accesscode.Code) {
	h.t.Helper()
	managed, _, err := h.Codes.OnDevice(h.as(), h.device("a").ID)
	h.Must(err)
	for _, doc := range managed {
		h.Must(json.Unmarshal(doc, &c))
		if c.ID == id {
			return c
		}
	}
	h.t.Fatal("there is no such code")
	return c
}

// last is the last event, with its secret fields.
func (h *house) last() (out map[string]any) {
	h.t.Helper()
	var id string
	var doc, secret []byte
	h.Must(h.DB.QueryRow(h.t.Context(), `SELECT event_id, doc, secret FROM events WHERE workspace_id = $1 ORDER BY seq DESC LIMIT 1`, h.ws.ID).
		Scan(&id, &doc, &secret))
	served, err := h.Events.Serve(h.ws.ID, id, doc, secret)
	h.Must(err)
	h.Must(json.Unmarshal(served, &out))
	return out
}

// Guards what happens at a lock against getting lost or being reported wrongly on its way from a session: who opened it and
// how, once however often it is reported, and never as another device's, workspace's or guest's.
func TestOccurrencesAtALock(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := newHouse(t, w)
		id := h.lock(map[string]string{"1": "1111"})
		c := h.code("2468")
		at := len(h.events(0))
		locked := func() string { return string(h.device("a").Properties["locked"]) }

		occurs := func(o provider.Occurrence) { h.hub.sink.Occurred(h.ref("a"), o); h.flush() }
		when := w.Now().Add(time.Second)
		w.Pass(2 * time.Second)
		for range 2 {
			occurs(provider.Occurrence{Kind: provider.Unlocked, ID: "7", At: when, Method: provider.ByKeycode, Slot: "2"})
		}
		at = h.wantEvents(at, "lock.unlocked")
		if e := h.last(); e["method"] != "keycode" || e["access_code_id"] != c.ID || e["access_code_is_managed"] != true || e["code"] != "2468" ||
			e["device_id"] != id || locked() != "false" {
			t.Errorf("%v, locked %s", e, locked())
		}
		occurs(provider.Occurrence{Kind: provider.Locked, Method: provider.ByManual})
		at = h.wantEvents(at, "lock.locked")
		if e := h.last(); e["method"] != "manual" || e["access_code_id"] != nil || locked() != "true" {
			t.Errorf("%v, locked %s", e, locked())
		}
		occurs(provider.Occurrence{Kind: provider.Unlocked, Method: provider.ByKeycode, Slot: "1", ID: "8"})
		at = h.wantEvents(at, "lock.unlocked")
		if e := h.last(); e["access_code_is_managed"] != false || e["access_code_id"] == c.ID || e["access_code_id"] == nil {
			t.Error("by the code of somebody else:", e)
		}
		occurs(provider.Occurrence{Kind: provider.Unlocked, Slot: "99", ID: "9"})
		at = h.wantEvents(at, "lock.unlocked")
		if e := h.last(); e["method"] != "unknown" || e["access_code_id"] != nil {
			t.Error("by a code that is not known:", e)
		}
		occurs(provider.Occurrence{Kind: provider.Denied, Reason: provider.UnknownCode, ID: "10"})
		at = h.wantEvents(at, "lock.access_denied")
		if reason, ok := h.last()["reason"].(map[string]any); !ok || reason["reason_code"] != "unknown_code" || reason["message"] == "" {
			t.Error(h.last())
		}
		occurs(provider.Occurrence{Kind: provider.Denied, ID: "11"})
		at = h.wantEvents(at, "lock.access_denied")
		if e := h.last(); e["reason"] != nil {
			t.Error("a reason that is not known:", e)
		}

		// Jammed is not locked, whatever moved last, and the contract has no event for it.
		occurs(provider.Occurrence{Kind: provider.Locked, ID: "12"})
		yes := true
		h.hub.sink.Report(h.ref("a"), provider.Report{Evidence: provider.Sent, Jammed: &yes, Locked: &yes})
		h.flush()
		at = h.wantEvents(at, "lock.locked")
		if locked() != "false" {
			t.Error("a door with a jammed bolt counts as locked")
		}

		// What a hub reports of the past is an event of the past; it does not change the state of the bolt, and is no use of a
		// code that came into the slot later.
		long := w.Now().Add(-time.Hour)
		occurs(provider.Occurrence{Kind: provider.Locked, At: long, Slot: "2", ID: "13"})
		at = h.wantEvents(at, "lock.locked")
		if e := h.last(); locked() != "false" || e["access_code_id"] != nil ||
			!strings.HasPrefix(e["occurred_at"].(string), long.UTC().Format("2006-01-02T15:04:05")) {
			t.Errorf("%v, locked %s", e, locked())
		}
		occurs(provider.Occurrence{Kind: provider.Unlocked, At: w.Now().Add(time.Hour), ID: "14"})
		at = h.wantEvents(at, "lock.unlocked")
		if e := h.last(); e["occurred_at"].(string) > w.Now().UTC().Format(time.RFC3339) {
			t.Error("in the future:", e)
		}

		// Of other devices, accounts and workspaces the session knows nothing.
		for _, r := range []provider.Ref{h.ref("unknown"), {WorkspaceID: "another", Account: "serial-1", Device: "a"},
			{WorkspaceID: h.ws.ID, Account: "serial-2", Device: "a"}} {
			h.hub.sink.Occurred(r, provider.Occurrence{Kind: provider.Locked, ID: "15 " + r.WorkspaceID + r.Account})
			h.hub.sink.Report(r, provider.Report{Evidence: provider.Read, Locked: &yes})
			h.hub.sink.CodesChanged(r)
		}
		h.flush()
		h.wantEvents(at)
		if locked() != "false" {
			t.Error("a report about another account's device counts")
		}
	})
}

// Guards against states that arrive late: what was observed before the latest report of the same state is left out, state
// by state, and clocks that are set back stop nothing.
func TestStaleReports(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := newHouse(t, w)
		h.hub.sink.Snapshot([]provider.Device{door("a")})
		h.flush()
		yes, no, half, low := true, false, 0.5, 0.2
		start := w.Now()
		w.Pass(time.Minute)
		report := func(after time.Duration, is provider.Report) {
			is.Evidence = provider.Sent
			if after > 0 {
				is.At = start.Add(after)
			}
			h.hub.sink.Report(h.ref("a"), is)
			h.flush()
		}
		shows := func(locked, battery string) {
			t.Helper()
			if d := h.device("a"); string(d.Properties["locked"]) != locked || string(d.Properties["battery_level"]) != battery {
				t.Errorf("locked %s, battery %s; want %s %s", d.Properties["locked"], d.Properties["battery_level"], locked, battery)
			}
		}
		report(20*time.Second, provider.Report{Locked: &no})
		report(10*time.Second, provider.Report{Locked: &yes, Battery: &half})
		shows("false", "0.5")
		report(30*time.Second, provider.Report{Locked: &no}) // as before: nothing is written, but it is later
		report(25*time.Second, provider.Report{Locked: &yes})
		shows("false", "0.5")
		report(31*time.Second, provider.Report{Locked: &yes})
		report(5*time.Second, provider.Report{Battery: &low})
		shows("true", "0.5")
		report(time.Hour, provider.Report{Locked: &no}) // by a clock that is ahead: it is of now
		report(0, provider.Report{Locked: &yes, Battery: &low})
		shows("true", "0.2")
		report(59*time.Second, provider.Report{Errors: []provider.Problem{{Code: "subscription_required"}}})
		report(58*time.Second, provider.Report{Over: []string{"subscription_required"}})
		if got := codes(h.device("a")); !slices.Equal(got, []string{"subscription_required"}) {
			t.Error(got)
		}
	})
}

// Guards against reading whole locks, which takes seconds and battery: where single slots can be read, a visit reads those
// that its driver names and those that it writes, and all only when it does not know which.
func TestOnlySlotsThatChangedAreRead(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := newHouse(t, w)
		h.lock(map[string]string{"1": "1111", "5": "5555"})
		h.reads()
		want := func(what string, reads ...string) {
			t.Helper()
			if got := h.reads(); !slices.Equal(got, reads) {
				t.Errorf("%s: reads %q, want %q", what, got, reads)
			}
		}
		unmanaged := func(n int) {
			t.Helper()
			if _, others, err := h.Codes.OnDevice(h.as(), h.device("a").ID); err != nil || len(others) != n {
				t.Errorf("%d codes of others, want %d (%v)", len(others), n, err)
			}
		}
		unmanaged(2)
		c := h.code("2468")
		want("a new code", "2")
		if c.Status != "set" {
			t.Error(c.Status, c.Errors)
		}
		h.hub.sink.CodesChanged(h.ref("a"), "2")
		h.visit()
		want("a slot is named", "2")
		h.set("5", "")
		h.set("6", "6666")
		h.hub.sink.CodesChanged(h.ref("a"), "5")
		h.hub.sink.CodesChanged(h.ref("a"), "6")
		h.visit()
		want("two slots are named", "5 6")
		unmanaged(2)
		h.set("2", "0000") // our code is changed, and put back
		h.hub.sink.CodesChanged(h.ref("a"), "2")
		h.visit()
		if got := h.reads(); slices.Contains(got, "all") || len(got) == 0 || h.hub.keypad.pins["2"] != "2468" {
			t.Errorf("reads %q, the lock holds %v", got, h.hub.keypad.pins)
		}
		h.visit()
		h.reads()
		h.set("7", "7777")
		h.hub.sink.CodesChanged(h.ref("a"))
		h.visit()
		want("no slot is named", "all")
		unmanaged(3)
		_, err := h.Codes.Delete(h.as(), c.ID, "", true, true)
		w.Must(err)
		want("a code is deleted", "2", "2")
		no, yes := false, true
		h.hub.sink.Report(h.ref("a"), provider.Report{Evidence: provider.Cached, Online: &no})
		h.visit()
		h.set("7", "")
		h.hub.sink.Report(h.ref("a"), provider.Report{Evidence: provider.Sent, Online: &yes})
		h.visit()
		want("it was out of reach", "all")
		unmanaged(2)
	})
}

// Guards codes on locks that show neither digits nor names: what the lock took is on it as soon as its slot is filled or
// its driver says so, is not written again, and what was refused is not believed.
func TestCodesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := newHouse(t, w)
		h.hub.keypad.hidden = true
		h.lock(map[string]string{"1": "1111"})
		c := h.code("2468")
		if c.Status != "set" || c.PIN == nil || *c.PIN != "2468" || h.hub.keypad.writes != 1 {
			t.Errorf("%s after %d writes: %+v", c.Status, h.hub.keypad.writes, c.Errors)
		}
		h.hub.sink.CodesChanged(h.ref("a"))
		h.visit()
		if c = h.read(c.ID); c.Status != "set" || h.hub.keypad.writes != 1 {
			t.Errorf("read again it is %s after %d writes", c.Status, h.hub.keypad.writes)
		}
		h.hub.keypad.later = true
		change := func(pin string) {
			t.Helper()
			_, err := h.Codes.Update(h.as(), c.ID, accesscode.Change{PIN: pin}, true)
			w.Must(err)
			if c = h.read(c.ID); c.Status != "setting" {
				t.Errorf("the lock has only been asked, and the code is %s", c.Status)
			}
		}
		change("1357")
		h.hub.sink.Report(h.ref("a"), provider.Report{Evidence: provider.Sent, For: c.ID})
		h.visit()
		if c = h.read(c.ID); c.Status != "set" || h.hub.keypad.writes != 2 {
			t.Errorf("confirmed it is %s after %d writes", c.Status, h.hub.keypad.writes)
		}
		change("9753")
		h.hub.sink.Report(h.ref("a"), provider.Report{Evidence: provider.Sent, For: c.ID, Failed: provider.ErrRefused})
		h.visit()
		if c = h.read(c.ID); c.Status == "set" {
			t.Error("what the lock refused counts as set")
		}
	})
}
