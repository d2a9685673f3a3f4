package accesscode_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		flag.Set("rapid.checks", "20") // each is a whole life of a lock; -rapid.checks runs more
	}
	os.Exit(m.Run())
}

// A time is a moment, however it is written: across changes of daylight saving a code is on its lock
// from its start to its end, to the second.
func TestTimesWithOffsets(t *testing.T) {
	t.Parallel()
	zones := []string{"America/New_York", "Europe/London", "Australia/Sydney", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia"}
	changes := []time.Time{ // around here clocks are turned
		time.Date(2026, 3, 8, 7, 0, 0, 0, time.UTC), time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 4, 4, 16, 0, 0, 0, time.UTC),
		time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC),
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := setup(t, storetest.SQLite(t))
		w.t = rt
		lock := w.connect("schlage")
		w.settle()
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(rt, "zone"))
		w.must(err)
		change := rapid.SampledFrom(changes).Draw(rt, "change")
		starts := change.Add(time.Duration(rapid.IntRange(-7200, 7200).Draw(rt, "starts")) * time.Second)
		ends := starts.Add(time.Duration(rapid.IntRange(1, 14400).Draw(rt, "lasts")) * time.Second)
		c := w.call("/access_codes/create", object{"device_id": lock, "starts_at": iso(starts.In(zone)),
			"ends_at": iso(ends.In(zone))}).obj("access_code")
		if c.str("starts_at") != starts.Format("2006-01-02T15:04:05.000Z") || c.str("ends_at") != ends.Format("2006-01-02T15:04:05.000Z") {
			rt.Fatalf("served as %s to %s", c.str("starts_at"), c.str("ends_at"))
		}
		id, pin := c.str("access_code_id"), c.str("code")
		w.advance(starts.Add(-time.Second).Sub(w.clock()))
		w.wantStatus(id, "unset")
		if on := w.onLock(lock)[pin]; !on.StartsAt.Equal(starts) || !on.EndsAt.Equal(ends) {
			rt.Fatalf("the lock holds %v to %v", on.StartsAt, on.EndsAt)
		}
		w.advance(time.Second)
		w.wantStatus(id, "set")
		w.advance(ends.Sub(starts))
		if len(w.onLock(lock)) != 0 {
			rt.Fatalf("still on the lock at its end")
		}
	})
}

// Ids of another workspace, of what a client session does not reach, and of nothing answer alike and
// change nothing.
func TestTenants(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		mine, theirs := w.connect("august"), w.connectIn("workspace-2", "august", "jane")
		other := w.connect("yale")
		w.settle()
		code := func(c caller, device string) string {
			status, out := w.request(c, "/access_codes/create", object{"device_id": device, "name": "x", "sync": true})
			if status != 200 {
				t.Fatal(out)
			}
			return out.obj("access_code").str("access_code_id")
		}
		unmanaged := func(c caller, device string) string {
			status, out := w.request(c, "/access_codes/simulate/create_unmanaged_access_code",
				object{"device_id": device, "name": "y", "code": "5724"})
			if status != 200 {
				t.Fatal(out)
			}
			return out.obj("access_code").str("access_code_id")
		}
		second := caller{workspace: "workspace-2"}
		foreign, foreignUnmanaged := code(second, theirs), unmanaged(second, theirs)
		beyond, beyondUnmanaged := code(caller{}, other), unmanaged(caller{}, other)
		d, err := w.devices.Reach(context.Background(), db, ws, mine)
		w.must(err)
		session := caller{reach: &credential.Reach{AccountIDs: []string{d.ConnectedAccountID}}}
		within := code(session, mine)
		if status, out := w.request(session, "/access_codes/list", object{}); status != 200 || len(out.list("access_codes")) != 1 ||
			out.list("access_codes")[0].str("access_code_id") != within {
			t.Fatal("a session lists what it does not reach", out)
		}
		before := w.dump()
		const nobody = "00000000-0000-7000-8000-000000000000"
		for _, c := range []struct {
			path, param      string
			more             object
			foreign, outside string
		}{
			{"/access_codes/create", "device_id", nil, theirs, other},
			{"/access_codes/generate_code", "device_id", nil, theirs, other},
			{"/access_codes/report_device_constraints", "device_id", object{"min_code_length": 5}, theirs, other},
			{"/access_codes/simulate/create_unmanaged_access_code", "device_id", object{"name": "z", "code": "7531"}, theirs, other},
			{"/access_codes/get", "access_code_id", nil, foreign, beyond},
			{"/access_codes/get_timeline", "access_code_id", nil, foreign, beyond},
			{"/access_codes/update", "access_code_id", object{"name": "z"}, foreign, beyond},
			{"/access_codes/delete", "access_code_id", nil, foreign, beyond},
			{"/access_codes/pull_backup_access_code", "access_code_id", nil, foreign, beyond},
			{"/access_codes/unmanaged/get", "access_code_id", nil, foreignUnmanaged, beyondUnmanaged},
			{"/access_codes/unmanaged/delete", "access_code_id", nil, foreignUnmanaged, beyondUnmanaged},
			{"/access_codes/unmanaged/convert_to_managed", "access_code_id", nil, foreignUnmanaged, beyondUnmanaged},
			{"/keyway/v1/sandbox/manage_code_elsewhere", "access_code_id", object{"is_managed_elsewhere": true}, foreign, beyond},
			{"/access_codes/unmanaged/update", "access_code_id", object{"is_managed": true}, foreignUnmanaged, beyondUnmanaged},
			{"/access_codes/unmanaged/list", "device_id", nil, theirs, other},
			{"/access_codes/list", "device_id", nil, theirs, other},
			{"/access_codes/update_multiple", "common_code_key", object{"name": "z"}, foreign, beyond},
			{"/locks/get", "device_id", nil, theirs, other},
			{"/locks/lock_door", "device_id", nil, theirs, other},
			{"/locks/unlock_door", "device_id", nil, theirs, other},
			{"/locks/configure_auto_lock", "device_id", object{"auto_lock_enabled": false}, theirs, other},
			{"/keyway/v1/sandbox/simulate_device", "device_id", object{"tampered": true}, theirs, other},
			{"/locks/simulate/keypad_code_entry", "device_id", object{"code": "5724"}, theirs, other},
			{"/locks/simulate/manual_lock_via_keypad", "device_id", nil, theirs, other},
		} {
			answer := func(by caller, id string) string {
				in := object{c.param: id}
				for k, v := range c.more {
					in[k] = v
				}
				status, out := w.request(by, c.path, in)
				return text(status, out)
			}
			want := answer(session, nobody)
			if got := answer(session, c.foreign); got != want {
				t.Errorf("%s: an id of another workspace answers %s, a random one %s", c.path, got, want)
			}
			if got := answer(session, c.outside); got != want {
				t.Errorf("%s: an id beyond the session answers %s, a random one %s", c.path, got, want)
			}
			if got := answer(caller{}, c.foreign); got != answer(caller{}, nobody) {
				t.Errorf("%s: an id of another workspace answers %s to a key", c.path, got)
			}
		}
		if after := w.dump(); after != before {
			t.Error("something was changed")
		}
	})
}

func text(status int, out object) string { return fmt.Sprint(status, out) }

// Everything in the database that these rooms write.
func (w *world) dump() string {
	w.t.Helper()
	out := ""
	for _, q := range []string{
		`SELECT access_code_id || doc FROM access_codes ORDER BY 1`, `SELECT device_id || doc FROM devices ORDER BY 1`,
		`SELECT event_id || doc FROM events ORDER BY 1`, `SELECT action_attempt_id || doc FROM action_attempts ORDER BY 1`,
		`SELECT job_id || kind FROM jobs ORDER BY 1`,
	} {
		rows, err := w.db.Query(context.Background(), q)
		lines, err := store.All(rows, err, store.One[string])
		w.must(err)
		for _, l := range lines {
			out += l + "\n"
		}
	}
	return out
}

// A lock that waits out a server's death continues from what it contains.
func TestDiesInTheMiddle(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		id := w.call("/access_codes/create", object{"device_id": lock, "name": "x", "code": "2468"}).obj("access_code").str("access_code_id")
		w.memory.in = 1
		w.settle()
		w.start()
		w.advance(time.Minute)
		w.wantStatus(id, "set")
		if on := w.onLock(lock); len(on) != 1 || on["2468"] == (provider.Code{}) {
			t.Fatal(on)
		}
		w.memory.in = 1
		made := w.call("/locks/unlock_door", object{"device_id": lock, "sync": true}).obj("action_attempt")
		w.now = w.now.Add(time.Minute)
		w.must(w.jobs.RunNow(context.Background(), w.jobOf(t)))
		a := w.call("/action_attempts/get", object{"action_attempt_id": made.str("action_attempt_id")}).obj("action_attempt")
		if a.str("status") != "error" || a.obj("error").str("type") != "action_attempt_interrupted" {
			t.Fatal(a)
		}
	})
}

// jobOf is the job of the lock that is left behind.
func (w *world) jobOf(t *testing.T) (id string) {
	t.Helper()
	w.must(w.db.QueryRow(context.Background(), `SELECT job_id FROM jobs WHERE kind = 'lock.turn'`).Scan(&id))
	return id
}
