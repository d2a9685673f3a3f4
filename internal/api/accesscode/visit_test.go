package accesscode_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/provider"
	"keyway/internal/provider/sandbox"
)

// attempt is the status and the error of an action attempt in an answer.
func (w *world) attempt(answer object) (status, failure string) {
	w.t.Helper()
	id := answer.obj("action_attempt").str("action_attempt_id")
	a := w.call("/action_attempts/get", object{"action_attempt_id": id}).obj("action_attempt")
	return a.str("status"), a.obj("error").str("type")
}

func (w *world) wantAttempt(answer object, status, failure string) {
	w.t.Helper()
	if s, f := w.attempt(answer); s != status || f != failure {
		w.t.Fatalf("the attempt is %s %q, want %s %q", s, f, status, failure)
	}
}

// A code that its lock has not got yet must not get there after its device was given up.
func TestNothingIsPutOnADeviceThatWasGivenUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		made := w.call("/access_codes/create", object{"device_id": lock, "code": "1357"})
		w.call("/devices/update", object{"device_id": lock, "is_managed": false})
		w.settle()
		if on := w.onLock(lock); len(on) != 0 {
			t.Fatal(on)
		}
		w.wantAttempt(made, "error", "device_unmanaged")
		w.wantEvents(made.obj("access_code").str("access_code_id"), "created", "mutations_requested", "deleted")

		w.call("/devices/update", object{"device_id": lock, "is_managed": true})
		found := w.call("/access_codes/simulate/create_unmanaged_access_code",
			object{"device_id": lock, "name": "Neighbor", "code": "0042"}).obj("access_code").str("access_code_id")
		removed := w.call("/access_codes/unmanaged/delete", object{"access_code_id": found})
		w.call("/devices/update", object{"device_id": lock, "is_managed": false})
		w.settle()
		w.wantAttempt(removed, "error", "device_unmanaged")
		if on := w.onLock(lock); on["0042"].Slot == "" {
			t.Fatal("it was taken off", on)
		}
	})
}

// What was kept on a device as a spare is visible to everyone once the device is given up; a code that
// was never sent to its lock is not.
func TestSparesOfADeviceThatWasGivenUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("schlage")
		w.call("/devices/update", object{"device_id": lock, "backup_access_code_pool_enabled": true})
		w.settle()
		w.call("/devices/update", object{"device_id": lock, "is_managed": false})
		w.settle()
		left := w.call("/access_codes/unmanaged/list", object{"device_id": lock}).list("access_codes")
		if len(left) != 3 || len(w.onLock(lock)) != 3 {
			t.Fatal(left, w.onLock(lock))
		}
		for _, c := range left {
			w.wantEvents(c.str("access_code_id"), "unmanaged.created")
		}
		igloohome := w.connect("igloohome")
		computed := w.call("/access_codes/create", object{"device_id": igloohome, "is_offline_access_code": true,
			"ends_at": iso(w.clock().Add(24 * time.Hour))}).obj("access_code").str("access_code_id")
		w.settle()
		w.call("/devices/update", object{"device_id": igloohome, "is_managed": false})
		w.settle()
		w.wantEvents(computed, "created", "set_on_device", "deleted")
	})
}

// Guards against visits that empty the caches and wake the streams of a workspace without a reason: one that
// finds everything as it was leaves its generation as it is.
func TestAVisitThatChangesNothingIsQuiet(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.call("/access_codes/create", object{"device_id": lock, "code": "1357"})
		w.settle()
		generation := func() uint64 {
			n, err := db.Latest(context.Background(), store.Workspace(ws))
			w.must(err)
			return n
		}
		w.must(db.Update(context.Background(), func(tx *store.Tx) error { return w.codes.Kick(context.Background(), tx, ws, lock, w.clock()) }))
		before := generation()
		var id string
		w.must(db.QueryRow(context.Background(), `SELECT job_id FROM jobs WHERE kind = 'access_code.sync'`).Scan(&id))
		w.must(w.jobs.RunNow(context.Background(), id))
		if n, _ := w.visits(); n != 0 || generation() != before {
			t.Errorf("%d visits to come; the generation went from %d to %d", n, before, generation())
		}
	})
}

// A bolt does not turn for someone who has given its device up meanwhile.
func TestNoBoltTurnsOnADeviceThatWasGivenUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		w.call("/locks/lock_door", object{"device_id": lock, "sync": true})
		asked := w.call("/locks/unlock_door", object{"device_id": lock})
		w.call("/devices/update", object{"device_id": lock, "is_managed": false})
		var job string
		w.must(db.QueryRow(context.Background(), `SELECT job_id FROM jobs WHERE kind = 'lock.turn'`).Scan(&job))
		w.must(w.jobs.RunNow(context.Background(), job))
		w.wantAttempt(asked, "error", "device_unmanaged")
		w.refused("/locks/unlock_door", object{"device_id": lock}, "device_unmanaged")
		w.call("/devices/update", object{"device_id": lock, "is_managed": true})
		if d := w.call("/locks/get", object{"device_id": lock}).obj("lock"); d.obj("properties")["locked"] != true {
			t.Fatal(d)
		}
	})
}

func TestAttemptsEndWithTheirDevice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		made := w.call("/access_codes/create", object{"device_id": lock})
		w.call("/devices/delete", object{"device_id": lock})
		w.settle()
		w.wantAttempt(made, "error", "device_not_found")

		other := w.connect("yale")
		w.settle()
		made = w.call("/access_codes/create", object{"device_id": other})
		ctx := context.Background()
		w.must(db.Update(ctx, func(tx *store.Tx) error { return w.codes.Reset(ctx, tx, ws) }, store.Workspace(ws)))
		w.wantAttempt(made, "error", "workspace_reset")
	})
}

// How a lock took what was wanted before says nothing of what is wanted now.
func TestChangeWhileTheLockIsAsked(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		ref := w.ref(lock)
		id := w.call("/access_codes/create", object{"device_id": lock, "name": "Guest", "code": "1111"}).obj("access_code").str("access_code_id")
		var changed object
		w.memory.before = func() {
			w.must(w.virtual.PutByHand(context.Background(), ref, provider.Code{PIN: pinOf("1111"), Name: "Family"})) // so the lock refuses
			changed = w.call("/access_codes/update", object{"access_code_id": id, "code": "2222"})
			w.memory.before = func() { w.wantAttempt(changed, "pending", "") } // when it is asked for this
		}
		w.settle()
		w.wantStatus(id, "set")
		w.wantAttempt(changed, "success", "")
		if c := w.get(id); len(c.list("errors")) != 0 {
			t.Fatal(c)
		}
		if events := w.events(id); slices.Contains(events, "failed_to_set_on_device") {
			t.Fatal(events)
		}
		var gone object
		w.call("/access_codes/update", object{"access_code_id": id, "code": "3333"})
		w.must(w.virtual.FailNext(context.Background(), ref, sandbox.FaultRefused, sandbox.FaultRefused))
		w.memory.before = func() { gone = w.call("/access_codes/delete", object{"access_code_id": id}) }
		w.settle()
		w.wantAttempt(gone, "pending", "") // refused once: it is tried again
		w.advance(time.Minute)
		w.wantAttempt(gone, "success", "")
	})
}

// A code that is being removed and that someone removes by hand is removed, and nothing else.
func TestRemovedByHandWhileRemoving(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		id := w.call("/access_codes/create", object{"device_id": lock, "code": "1357"}).obj("access_code").str("access_code_id")
		w.settle()
		ctx := context.Background()
		w.must(w.virtual.FailNext(ctx, w.ref(lock), sandbox.FaultSilent))
		w.call("/access_codes/delete", object{"access_code_id": id})
		w.settle()
		w.wantStatus(id, "removing")
		w.must(w.virtual.DeleteByHand(ctx, w.ref(lock), w.onLock(lock)["1357"].Slot))
		w.kick(lock)
		w.wantEvents(id, "created", "mutations_requested", "set_on_device", "mutations_requested", "removed_from_device", "deleted")
	})
}

// What is simulated shows on the codes of a device when the simulation has answered.
func TestSimulationsShowOnCodes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		id := w.call("/access_codes/create", object{"device_id": lock, "code": "1357", "sync": true}).obj("access_code").str("access_code_id")
		is := func(status string, want ...string) {
			t.Helper()
			c := w.get(id)
			if c.str("status") != status || !slices.Equal(problems(c), want) {
				t.Fatalf("%s %v, want %s %v", c.str("status"), problems(c), status, want)
			}
		}
		for path, problem := range map[string]string{"disconnect": "device_disconnected", "disconnect_from_hub": "hub_disconnected",
			"remove": "device_removed"} {
			w.call("/devices/simulate/"+path, object{"device_id": lock})
			is("set", problem)
			later := w.call("/access_codes/create", object{"device_id": lock, "code": "2468"}).obj("access_code").str("access_code_id")
			back := "connect"
			if path == "disconnect_from_hub" {
				back = "connect_to_hub"
			}
			w.call("/devices/simulate/"+back, object{"device_id": lock})
			is("set")
			w.wantStatus(later, "set")
			w.call("/access_codes/delete", object{"access_code_id": later, "sync": true})
		}
		w.call("/keyway/v1/sandbox/simulate_device", object{"device_id": lock, "third_party_integration": true})
		is("set", "third_party_integration_detected")
		w.call("/keyway/v1/sandbox/simulate_device", object{"device_id": lock, "third_party_integration": false})
		d, err := w.devices.Reach(context.Background(), db, ws, lock)
		w.must(err)
		w.call("/connected_accounts/simulate/disconnect", object{"connected_account_id": d.ConnectedAccountID})
		is("unknown", "account_disconnected")
	})
}

func TestWarningsGoWithTheirReason(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		w.call("/devices/simulate/disconnect", object{"device_id": lock})
		id := w.call("/access_codes/create", object{"device_id": lock}).obj("access_code").str("access_code_id")
		w.advance(10 * time.Minute)
		if c := w.get(id); len(c.list("warnings")) != 1 {
			t.Fatal(c)
		}
		w.call("/access_codes/update", object{"access_code_id": id, "starts_at": iso(w.clock().Add(200 * time.Hour)),
			"ends_at": iso(w.clock().Add(201 * time.Hour))})
		if c := w.get(id); len(c.list("warnings")) != 0 {
			t.Fatal(c)
		}
		w.call("/devices/simulate/connect", object{"device_id": lock})
		loose := w.call("/access_codes/create", object{"device_id": lock, "code": "2222", "allow_external_modification": true,
			"sync": true}).obj("access_code").str("access_code_id")
		w.must(w.virtual.DeleteByHand(context.Background(), w.ref(lock), w.onLock(lock)["2222"].Slot))
		w.kick(lock)
		if c := w.get(loose); len(c.list("warnings")) != 1 {
			t.Fatal(c)
		}
		w.call("/access_codes/update", object{"access_code_id": loose, "code": "3333"})
		w.settle()
		w.wantStatus(loose, "set")
		if c := w.get(loose); len(c.list("warnings")) != 0 {
			t.Fatal(c)
		}
	})
}

func TestBackupsBeginWhenTheyArePulled(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("schlage")
		w.settle()
		in := object{"device_id": lock, "ends_at": iso(w.clock().Add(time.Hour)), "use_backup_access_code_pool": true, "code": "1357"}
		id := w.call("/access_codes/create", in).obj("access_code").str("access_code_id")
		w.settle()
		for pin := range w.onLock(lock) {
			if pin != "1357" {
				w.refused("/access_codes/get", object{"device_id": lock, "code": pin}, "access_code_not_found")
			}
		}
		backup := w.call("/access_codes/pull_backup_access_code", object{"access_code_id": id}).obj("access_code").str("access_code_id")
		w.refused("/access_codes/pull_backup_access_code", object{"access_code_id": backup}, "not_supported")
		w.settle()
		w.wantEvents(backup, "created", "set_on_device")
		w.call("/keyway/v1/sandbox/manage_code_elsewhere", object{"access_code_id": backup, "is_managed_elsewhere": true})
		if next := w.call("/access_codes/pull_backup_access_code",
			object{"access_code_id": id}).obj("access_code").str("access_code_id"); next == backup {
			t.Error("a backup that another workspace has taken over is handed out again")
		}
		w.call("/access_codes/delete", object{"access_code_id": id})
		other := w.call("/access_codes/create", object{"device_id": lock, "ends_at": in["ends_at"]}).obj("access_code").str("access_code_id")
		w.call("/access_codes/delete", object{"access_code_id": other})
		w.refused("/access_codes/pull_backup_access_code", object{"access_code_id": other}, "access_code_not_found")
		w.refused("/access_codes/create_multiple", object{"device_ids": []string{lock, lock}}, "invalid_input")
	})
}
