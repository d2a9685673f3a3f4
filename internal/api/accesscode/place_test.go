package accesscode_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// opens has someone enter a PIN at the lock.
func (w *world) opens(lock, pin string) bool {
	w.t.Helper()
	_, out := w.request(caller{}, "/locks/simulate/keypad_code_entry", object{"device_id": lock, "code": pin})
	status, _ := w.attempt(out)
	return status == "success"
}

func codeID(made object) string { return made.obj("access_code").str("access_code_id") }

// Guards against a code that was put on its lock ahead of its time keeping the PIN from one that is needed
// sooner: what begins first is on the lock, the other comes back, and each opens in its own time.
func TestWhatBeginsFirstIsOnTheLock(t *testing.T) {
	t.Parallel()
	for brand, far := range map[string]time.Duration{"august": 50 * time.Hour, "lockly": 50 * time.Minute} {
		t.Run(brand, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				w := setup(t, db)
				lock := w.connect(brand)
				w.settle()
				pin := w.call("/access_codes/generate_code", object{"device_id": lock}).obj("generated_code").str("code")
				begin := w.clock()
				later := codeID(w.call("/access_codes/create", object{"device_id": lock, "code": pin, "name": "later",
					"starts_at": iso(begin.Add(far)), "ends_at": iso(begin.Add(2 * far))}))
				w.settle()
				if w.onLock(lock)[pin].Name != "later" {
					t.Fatal("it is not on the lock ahead of its time", w.onLock(lock))
				}
				sooner := w.call("/access_codes/create", object{"device_id": lock, "code": pin, "name": "sooner",
					"starts_at": iso(begin), "ends_at": iso(begin.Add(far / 2))})
				w.settle()
				w.wantAttempt(sooner, "success", "")
				if on := w.onLock(lock); len(on) != 1 || on[pin].Name != "sooner" || !w.opens(lock, pin) {
					t.Fatal("on the lock", on)
				}
				if c := w.get(later); c.str("status") != "unset" || len(c.list("errors")) != 0 {
					t.Fatal(c)
				}
				w.advance(far/2 + time.Second)
				if brand == "august" && w.opens(lock, pin) { // the other lock keeps no times
					t.Error("it opens after its end and before the other's start")
				}
				if on := w.onLock(lock); len(on) != 1 || on[pin].Name != "later" {
					t.Fatal("the other has not come back", on)
				}
				w.advance(far / 2)
				w.wantStatus(later, "set")
				if !w.opens(lock, pin) {
					t.Error("it does not open in its time")
				}
			})
		})
	}
}

// limit has a device say how many codes it can store.
func (w *world) limit(deviceID string, n int) {
	w.t.Helper()
	w.must(w.db.Update(context.Background(), func(tx *store.Tx) error {
		return w.devices.SetProperties(context.Background(), tx, ws, deviceID, map[string]any{"max_active_codes_supported": n})
	}, store.Workspace(ws)))
}

// The same for the places on a lock: one that is kept for later is given to what is needed now.
func TestWhatBeginsFirstHasThePlace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		w.limit(lock, 2)
		begin := w.clock()
		at := func(name string, from, to time.Duration) string {
			id := codeID(w.call("/access_codes/create", object{"device_id": lock, "name": name, "starts_at": iso(begin.Add(from)),
				"ends_at": iso(begin.Add(to))}))
			w.settle()
			return id
		}
		names := func() string {
			var out []string
			for _, c := range w.onLock(lock) {
				out = append(out, c.Name)
			}
			return fmt.Sprint(slices.Sorted(slices.Values(out)))
		}
		at("third", 30*time.Hour, 40*time.Hour)
		at("second", 20*time.Hour, 25*time.Hour)
		if got := names(); got != "[second third]" {
			t.Fatal(got)
		}
		first := at("first", 0, 10*time.Hour)
		if got := names(); got != "[first second]" {
			t.Fatal(got)
		}
		w.wantStatus(first, "set")
		w.advance(10*time.Hour + time.Second)
		if got := names(); got != "[second third]" {
			t.Fatal(got)
		}
	})
}

// Guards against changes that wait for each other: whatever PINs the codes of a lock exchange, in whatever
// order and with visits in between or none, all end with what is wanted, and no code of others appears.
func TestExchangedPINs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := setup(t, storetest.SQLite(t))
		w.t = rt
		lock := w.connect("august")
		w.settle()
		n := rapid.IntRange(2, 6).Draw(rt, "codes")
		pins, ids := make([]string, n), make([]string, n)
		for i := range n {
			pins[i] = fmt.Sprint(1111 * (i + 1))
			ids[i] = codeID(w.call("/access_codes/create", object{"device_id": lock, "code": pins[i]}))
		}
		w.settle()
		for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			pins = rapid.Permutation(pins).Draw(rt, "pins")
			order := make([]int, n)
			for i := range order {
				order[i] = i
			}
			for _, i := range rapid.Permutation(order).Draw(rt, "order") {
				w.call("/access_codes/update", object{"access_code_id": ids[i], "code": pins[i]})
				if rapid.Bool().Draw(rt, "settle") {
					w.settle()
				}
			}
		}
		w.advance(time.Minute)
		for i, id := range ids {
			if c := w.get(id); c.str("status") != "set" || c.str("code") != pins[i] || len(c.list("errors")) != 0 {
				rt.Fatalf("code %d should have %s: %v", i, pins[i], c)
			}
		}
		if on := w.onLock(lock); len(on) != n {
			rt.Fatalf("on the lock %v", on)
		}
		if l := w.call("/access_codes/unmanaged/list", object{"device_id": lock}).list("access_codes"); len(l) != 0 {
			rt.Fatalf("unmanaged codes from nowhere: %v", l)
		}
	})
}

// Guards the refusal of a second code with a PIN that is taken: at the same time only, by codes of others
// too, and by nothing that is going.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		begin := w.clock()
		in := func(pin string, from, to time.Duration) object {
			return object{"device_id": lock, "code": pin, "starts_at": iso(begin.Add(from)), "ends_at": iso(begin.Add(to))}
		}
		first := codeID(w.call("/access_codes/create", in("1234", time.Hour, 3*time.Hour)))
		for _, taken := range []object{in("1234", 0, 2*time.Hour), in("1234", 2*time.Hour, 4*time.Hour), {"device_id": lock, "code": "1234"}} {
			w.refused("/access_codes/create", taken, "duplicate_access_code")
		}
		w.call("/access_codes/create", in("1234", 3*time.Hour, 4*time.Hour)) // the one ends as the other begins
		w.call("/access_codes/create", in("1235", time.Hour, 3*time.Hour))
		w.call("/access_codes/delete", object{"access_code_id": first})
		w.call("/access_codes/create", in("1234", time.Hour, 3*time.Hour)) // that one is going
		w.call("/access_codes/simulate/create_unmanaged_access_code", object{"device_id": lock, "name": "Cleaner", "code": "8642"})
		w.refused("/access_codes/create", object{"device_id": lock, "code": "8642"}, "duplicate_access_code")
	})
}

// Guards constraints between codes against codes of other times: only what opens at the same time clashes.
func TestFirstDigitsClashOnlyAtTheSameTime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("schlage")
		w.settle()
		begin := w.clock()
		in := func(pin string, from, to time.Duration) object {
			return object{"device_id": lock, "code": pin, "starts_at": iso(begin.Add(from)), "ends_at": iso(begin.Add(to))}
		}
		length := len(w.call("/access_codes/generate_code", object{"device_id": lock}).obj("generated_code").str("code"))
		pin := func(end int) string { return fmt.Sprintf("1357%0*d", length-4, end) }
		if length == 4 {
			pin = func(int) string { return "1357" }
		}
		w.call("/access_codes/create", in(pin(1), time.Hour, 2*time.Hour))
		if length > 4 {
			w.refused("/access_codes/create", in(pin(2), time.Hour, 2*time.Hour), "invalid_input")
		}
		w.call("/access_codes/create", in(pin(3), 7*24*time.Hour, 8*24*time.Hour))
	})
}

// A start a moment ago means now, also for a lock that takes only codes which begin in the future.
func TestAMomentAgoIsNow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("dormakaba_oracode")
		w.settle()
		in := object{"device_id": lock, "starts_at": iso(w.clock().Add(-2 * time.Second)), "ends_at": iso(w.clock().Add(24 * time.Hour))}
		w.call("/access_codes/create", in)
		in["starts_at"] = iso(w.clock().Add(-time.Hour))
		w.refused("/access_codes/create", in, "invalid_input")
	})
}
