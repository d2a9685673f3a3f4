package accesscode_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/provider"
	"keyway/internal/provider/sandbox"
)

// visits counts the visits to locks that are to come.
func (w *world) visits() (n, attempts int) {
	w.t.Helper()
	w.must(w.db.QueryRow(context.Background(),
		`SELECT count(*), COALESCE(max(attempts), 0) FROM jobs WHERE kind = 'access_code.sync'`).Scan(&n, &attempts))
	return n, attempts
}

// What a lock has and cannot do now is not asked of it.
func TestFlagsThatAreFalse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		w.connectIn(ws, "ttlock", "jane")
		all := w.call("/locks/list", object{}).list("locks")
		i := slices.IndexFunc(all, func(d object) bool { return d["can_remotely_unlock"] == false && len(d.list("errors")) == 0 })
		if i < 0 {
			t.Fatal("no lock that cannot be unlocked from afar now")
		}
		lock := all[i].str("device_id")
		w.wantAttempt(w.call("/locks/unlock_door", object{"device_id": lock, "sync": true}), "error", "not_supported")
		w.wantAttempt(w.call("/locks/lock_door", object{"device_id": lock, "sync": true}), "success", "")
	})
}

// A code for one use opens its lock once, also when it is entered twice at the same moment.
func TestCodeForOneUse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("igloohome")
		w.settle()
		made := w.call("/access_codes/create", object{"device_id": lock, "is_offline_access_code": true, "is_one_time_use": true,
			"starts_at": iso(w.clock()), "ends_at": iso(w.clock().Add(24 * time.Hour))})
		code := made.obj("access_code")
		opened := make([]object, 4)
		var entering sync.WaitGroup
		for i := range opened {
			entering.Go(func() {
				_, opened[i] = w.request(caller{}, "/locks/simulate/keypad_code_entry", object{"device_id": lock, "code": code.str("code")})
			})
		}
		entering.Wait()
		n := 0
		for _, a := range opened {
			if status, failure := w.attempt(a); status == "success" {
				n++
			} else if failure != "access_denied" {
				t.Error(failure)
			}
		}
		if n != 1 {
			t.Fatalf("it opened the lock %d times", n)
		}
		w.settle()
		w.wantAttempt(made, "success", "")
		if errs := w.get(code.str("access_code_id")).list("errors"); len(errs) != 1 || errs[0].str("error_code") != "access_code_inactive" {
			t.Fatal(errs)
		}
		w.advance(25 * time.Hour)
		w.refused("/access_codes/get", object{"access_code_id": code.str("access_code_id")}, "access_code_not_found")
	})
}

// unreadable is a driver whose locks cannot be read for a while.
type unreadable struct {
	*sandbox.Driver
	fails atomic.Bool
}

type unreadableSession struct {
	*sandbox.Session
	of *unreadable
}

func (u *unreadable) Open(ctx context.Context, a provider.Account, sink provider.Sink) (provider.Session, error) {
	s, err := u.Driver.Open(ctx, a, sink)
	if err != nil {
		return nil, err
	}
	return unreadableSession{s.(*sandbox.Session), u}, nil
}

func (s unreadableSession) ReadCodes(ctx context.Context, r provider.Ref, slots ...string) ([]provider.Code, error) {
	if s.of.fails.Load() {
		return nil, errors.New("the hub is confused")
	}
	return s.Session.ReadCodes(ctx, r, slots...)
}

// A lock that could not be read is read again, ever more seldom, although nothing else is due.
func TestFailedReadIsTriedAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		ctx := context.Background()
		ref := w.ref(lock)
		w.must(w.virtual.PutByHand(ctx, ref, provider.Code{PIN: pinOf("2468"), Name: "Cleaner"}))
		silent := &unreadable{Driver: w.virtual}
		silent.fails.Store(true)
		w.use(silent)
		w.kick(lock)
		if n, attempts := w.visits(); n != 1 || attempts != 1 {
			t.Fatalf("%d visits to come, %d tried", n, attempts)
		}
		w.advance(time.Hour)
		if _, attempts := w.visits(); attempts < 8 || attempts > 12 {
			t.Fatalf("tried %d times in an hour", attempts)
		}
		silent.fails.Store(false)
		w.advance(2 * time.Hour)
		if others := w.call("/access_codes/unmanaged/list", object{"device_id": lock}).list("access_codes"); len(others) != 1 {
			t.Fatal(others)
		}
		if n, _ := w.visits(); n != 0 {
			t.Fatalf("%d visits to come", n)
		}
	})
}

// A device that is deleted while its lock is asked is not visited again, and its visit did not fail.
func TestDeletedWhileTheLockIsAsked(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		made := w.call("/access_codes/create", object{"device_id": lock})
		w.memory.before = func() { w.call("/devices/delete", object{"device_id": lock}) }
		w.settle()
		if n, _ := w.visits(); n != 0 || w.memory.before != nil {
			t.Fatalf("%d visits to come", n)
		}
		w.wantAttempt(made, "error", "device_not_found")
	})
}

// quiet is a driver that does not notify of what is done at its locks.
type quiet struct{ *sandbox.Driver }

// quietSession is a session of a quiet driver.
type quietSession struct{ *sandbox.Session }

func (q quiet) Open(ctx context.Context, a provider.Account, sink provider.Sink) (provider.Session, error) {
	s, err := q.Driver.Open(ctx, a, sink)
	if err != nil {
		return nil, err
	}
	return quietSession{s.(*sandbox.Session)}, nil
}

func (q quietSession) CodeTraits(r provider.Ref) provider.CodeTraits {
	t := q.Session.CodeTraits(r)
	t.Notifies = false
	return t
}

// A change at a lock whose provider does not report it is seen when the lock is read again, and reverted;
// a lock that reports changes is not read unnecessarily.
func TestLocksAreReadBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		w.codes.ReadEvery = 15 * time.Minute
		w.connect("yale")
		w.settle()
		if n, _ := w.visits(); n != 0 {
			t.Fatalf("%d visits to locks that tell", n)
		}
		w.use(quiet{w.virtual})
		lock := w.connect("august")
		w.settle()
		id := w.call("/access_codes/create", object{"device_id": lock, "code": "1357", "sync": true}).obj("access_code").str("access_code_id")
		for range 2 { // it goes on
			changed := w.onLock(lock)["1357"]
			changed.PIN = pinOf("8642")
			w.must(w.virtual.PutByHand(context.Background(), w.ref(lock), changed))
			w.advance(10 * time.Minute)
			w.wantStatus(id, "set") // not yet
			w.advance(6 * time.Minute)
			if on := w.onLock(lock); len(on) != 1 || on["1357"].Slot == "" {
				t.Fatal(on)
			}
		}
		w.wantEvents(id, "created", "mutations_requested", "set_on_device", "modified_external_to_seam", "set_on_device",
			"modified_external_to_seam", "set_on_device")
		w.call("/devices/update", object{"device_id": lock, "is_managed": false})
		w.settle()
		w.advance(time.Hour)
	})
}

// The times of an offline code are widened to what its lock can compute, as far as that is allowed.
func TestTimeRounding(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("igloohome")
		w.settle()
		from := time.Date(2026, 3, 5, 9, 20, 0, 0, time.UTC)
		for _, c := range []struct {
			name     string
			lasts    time.Duration
			rounding string
			want     time.Time // zero: refused
			wrong    string
		}{
			{"by the hour", 190 * time.Minute, "", time.Date(2026, 3, 5, 13, 0, 0, 0, time.UTC), ""},
			{"by the hour although a day is allowed", 190 * time.Minute, "1day", time.Date(2026, 3, 5, 13, 0, 0, 0, time.UTC), ""},
			{"long", 965 * time.Hour, "", time.Time{}, "max_time_rounding"},
			{"long, by the hour", 965 * time.Hour, "1hour", time.Time{}, "max_time_rounding"},
			{"long, by the day", 965 * time.Hour, "1d", time.Date(2026, 4, 15, 9, 0, 0, 0, time.UTC), ""},
			{"too long", 500 * 24 * time.Hour, "1d", time.Time{}, "ends_at"},
			{"absurd", 280 * 365 * 24 * time.Hour, "1d", time.Time{}, "ends_at"},
		} {
			in := object{"device_id": lock, "name": c.name, "is_offline_access_code": true, "starts_at": iso(from),
				"ends_at": iso(from.Add(c.lasts))}
			if c.rounding != "" {
				in["max_time_rounding"] = c.rounding
			}
			if c.want.IsZero() {
				if e := w.refused("/access_codes/create", in, "invalid_input").obj("error").obj("validation_errors"); e[c.wrong] == nil {
					t.Errorf("%s: %v", c.name, e)
				}
				continue
			}
			code := w.call("/access_codes/create", in).obj("access_code")
			start, err := time.Parse(time.RFC3339, code.str("starts_at"))
			w.must(err)
			end, err := time.Parse(time.RFC3339, code.str("ends_at"))
			w.must(err)
			if lead := from.Sub(start); lead < 0 || lead > time.Hour || end.Sub(c.want).Abs() > time.Hour {
				t.Errorf("%s: %s to %s", c.name, start, end)
			}
		}
	})
}
