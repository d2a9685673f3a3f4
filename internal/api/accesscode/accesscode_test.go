package accesscode_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/provider"
	"keyway/internal/provider/sandbox"
)

func iso(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z07:00") }

func TestOngoingCode(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		made := w.call("/access_codes/create", object{"device_id": lock, "name": "Cleaner", "code": "0123"})
		if made.obj("action_attempt").str("status") != "pending" {
			t.Fatal(made)
		}
		id := made.obj("access_code").str("access_code_id")
		if s := made.obj("access_code").str("status"); s != "setting" {
			t.Fatal(s)
		}
		w.settle()
		w.wantStatus(id, "set")
		if w.onLock(lock)["0123"].Name != "Cleaner" {
			t.Fatal(w.onLock(lock))
		}
		if a := w.call("/action_attempts/get",
			object{"action_attempt_id": made.obj("action_attempt").str("action_attempt_id")}); a.obj("action_attempt").str("status") != "success" {
			t.Fatal(a)
		}
		w.call("/access_codes/update", object{"access_code_id": id, "code": "4567", "name": "Cleaning"})
		if c := w.get(id); len(c.list("pending_mutations")) != 2 || c.str("status") != "setting" {
			t.Fatal(c)
		}
		w.settle()
		w.wantStatus(id, "set")
		if on := w.onLock(lock); len(on) != 1 || on["4567"].Name != "Cleaning" {
			t.Fatal(on)
		}
		w.call("/access_codes/delete", object{"access_code_id": id})
		w.wantStatus(id, "removing")
		w.settle()
		w.refused("/access_codes/get", object{"access_code_id": id}, "access_code_not_found")
		if on := w.onLock(lock); len(on) != 0 {
			t.Fatal(on)
		}
		w.wantEvents(id, "created", "mutations_requested", "set_on_device", "mutations_requested", "changed", "code_changed", "name_changed",
			"set_on_device",
			"mutations_requested", "removed_from_device", "deleted")
	})
}

func TestTimeBoundCodeIsPreloadedAndRemovedOnTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		for _, c := range []struct {
			brand string
			lead  time.Duration
			early string
		}{{"schlage", 72 * time.Hour, "unset"}, {"lockly", time.Hour, "set"}} {
			lock := w.connect(c.brand)
			w.settle()
			now := w.clock()
			starts, ends := now.Add(96*time.Hour), now.Add(120*time.Hour)
			id := w.call("/access_codes/create", object{"device_id": lock, "name": "Guest", "starts_at": iso(starts),
				"ends_at": iso(ends)}).obj("access_code").str("access_code_id")
			w.settle()
			w.wantStatus(id, "unset")
			if len(w.onLock(lock)) != 0 {
				t.Fatal("too early on the lock")
			}
			w.advance(starts.Add(-c.lead).Sub(now) - time.Second)
			if len(w.onLock(lock)) != 0 {
				t.Fatal("too early on the lock")
			}
			w.advance(2 * time.Second)
			if len(w.onLock(lock)) != 1 {
				t.Fatal("not on the lock in time")
			}
			w.wantStatus(id, c.early)
			w.advance(c.lead)
			w.wantStatus(id, "set")
			w.advance(24 * time.Hour)
			w.refused("/access_codes/get", object{"access_code_id": id}, "access_code_not_found")
			if len(w.onLock(lock)) != 0 {
				t.Fatal("still on the lock")
			}
			want := []string{"created", "mutations_requested", "scheduled_on_device", "set_on_device", "removed_from_device", "deleted"}
			if c.early == "set" {
				want = append(want[:2:2], want[3:]...)
			}
			w.wantEvents(id, want...)
			for _, e := range w.call("/access_codes/get_timeline", object{"access_code_id": id}).list("timeline_events") {
				due := map[string]time.Time{"access_code.scheduled_on_device": starts.Add(-c.lead), "access_code.removed_from_device": ends,
					"access_code.deleted": ends}
				due["access_code.set_on_device"] = starts
				if c.early == "set" {
					due["access_code.set_on_device"] = starts.Add(-c.lead)
				}
				if at, ok := due[e.str("event_type")]; ok && e.str("occurred_at") != at.Format("2006-01-02T15:04:05.000Z") {
					t.Errorf("%s occurred at %s, was due at %s", e.str("event_type"), e.str("occurred_at"), at)
				}
			}
		}
	})
}

// clock is what the workspace's clock shows.
func (w *world) clock() time.Time {
	var us int64
	w.must(w.db.QueryRow(context.Background(), `SELECT clock_offset FROM workspaces WHERE workspace_id = $1`, ws).Scan(&us))
	return w.now.Add(time.Duration(us) * time.Microsecond)
}

func TestOfflineDevice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		w.call("/devices/simulate/disconnect", object{"device_id": lock})
		w.refused("/access_codes/create", object{"device_id": lock, "attempt_for_offline_device": false}, "device_offline")
		made := w.call("/access_codes/create", object{"device_id": lock, "code": "1357"})
		id := made.obj("access_code").str("access_code_id")
		w.advance(10 * time.Minute)
		w.wantStatus(id, "setting")
		c := w.get(id)
		if len(c.list("errors")) != 1 || c.list("errors")[0].str("error_code") != "device_disconnected" || len(c.list("warnings")) != 1 {
			t.Fatal(c)
		}
		w.call("/devices/simulate/connect", object{"device_id": lock})
		w.settle()
		w.wantStatus(id, "set")
		if c := w.get(id); len(c.list("errors")) != 0 || len(c.list("warnings")) != 0 {
			t.Fatal(c)
		}
		w.wantEvents(id, "created", "mutations_requested", "delay_in_setting_on_device", "set_on_device")
	})
}

func TestChangedAtTheLock(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		strict := w.call("/access_codes/create", object{"device_id": lock, "name": "a", "code": "1111",
			"sync": true}).obj("access_code").str("access_code_id")
		loose := w.call("/access_codes/create", object{"device_id": lock, "name": "b", "code": "2222", "sync": true,
			"allow_external_modification": true}).obj("access_code").str("access_code_id")
		ctx := context.Background()
		on := w.onLock(lock)
		for pin, to := range map[string]string{"1111": "3333", "2222": "4444"} {
			c := on[pin]
			c.PIN = pinOf(to)
			w.must(w.virtual.PutByHand(ctx, w.ref(lock), c))
		}
		w.kick(lock)
		if on := w.onLock(lock); on["1111"].Name != "a" || on["4444"].Name != "b" {
			t.Fatal(on)
		}
		if c := w.get(strict); c.str("status") != "set" || c.list("errors")[0].str("error_code") != "conflicting_external_modification" {
			t.Fatal(c)
		}
		if c := w.get(loose); c.str("code") != "4444" || c.list("warnings")[0].str("warning_code") != "external_modification_in_effect" {
			t.Fatal(c)
		}
		for _, c := range w.onLock(lock) {
			w.must(w.virtual.DeleteByHand(ctx, w.ref(lock), c.Slot))
		}
		w.kick(lock)
		w.wantStatus(strict, "set")
		w.wantStatus(loose, "unset")
		if on := w.onLock(lock); len(on) != 1 || on["1111"].Name != "a" {
			t.Fatal(on)
		}
		w.wantEvents(strict, "created", "mutations_requested", "set_on_device", "modified_external_to_seam", "set_on_device",
			"deleted_external_to_seam", "set_on_device")
		w.advance(25 * time.Hour)
		if c := w.get(strict); len(c.list("errors")) != 0 {
			t.Fatal(c)
		}
	})
}

// A code keeps the name that a person gave it, whatever its lock can take of that.
func TestNamesThatLocksDoNotTake(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("schlage") // up to 12 characters, no name twice
		const name = "Anna Smith, Reservation-12345"
		of := func(pin string) string {
			return w.call("/access_codes/create", object{"device_id": lock, "name": name, "code": pin, "allow_external_modification": true,
				"sync": true}).
				obj("access_code").str("access_code_id")
		}
		want := func(id, name, pin, onLock string) {
			t.Helper()
			w.kick(lock)
			if c := w.get(id); c.str("name") != name || c.str("status") != "set" || len(c.list("pending_mutations")) != 0 ||
				w.onLock(lock)[pin].Name != onLock {
				t.Fatal(c, w.onLock(lock))
			}
		}
		first, second := of("2711"), of("2812")
		end := second[len(second)-6:]
		want(first, name, "2711", "Anna Smith,")
		want(second, name, "2812", "Anna "+end)

		// Someone who changes the PIN at the lock has not changed the name; someone who changes the name has.
		w.call("/keyway/v1/sandbox/change_code_on_lock", object{"access_code_id": first, "code": "2913"})
		want(first, name, "2913", "Anna Smith,")
		named := w.onLock(lock)["2913"]
		named.Name = "Anna"
		w.must(w.virtual.PutByHand(context.Background(), w.ref(lock), named))
		want(first, "Anna", "2913", "Anna")

		w.call("/access_codes/update", object{"access_code_id": second, "name": "Bob Miller, Reservation-12346"})
		want(second, "Bob Miller, Reservation-12346", "2812", "Bob Miller,")
		w.wantEvents(second, "created", "mutations_requested", "set_on_device", "mutations_requested", "changed", "name_changed", "set_on_device")
	})
}

// kick has a lock read again, as its provider's notice would.
func (w *world) kick(deviceID string) {
	ctx := context.Background()
	w.must(w.db.Update(ctx, func(tx *store.Tx) error { return w.codes.Kick(ctx, tx, ws, deviceID, w.clock()) }, store.Workspace(ws)))
	w.settle()
}

func TestDuplicateFullAndRefusals(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("keynest") // stores ten codes and chooses them
		w.settle()
		var ids []string
		for range 11 {
			ids = append(ids, w.call("/access_codes/create", object{"device_id": lock}).obj("access_code").str("access_code_id"))
		}
		w.settle()
		if c := w.get(ids[10]); c.list("errors")[0].str("error_code") != "no_space_for_access_code_on_device" ||
			c["is_waiting_for_code_assignment"] != true {
			t.Fatal(c)
		}
		if c := w.get(ids[0]); len(c.str("code")) != 6 {
			t.Fatal(c)
		}
		w.call("/access_codes/delete", object{"access_code_id": ids[3]})
		w.settle()
		w.wantStatus(ids[10], "set")

		august := w.connect("august")
		w.settle()
		a := w.call("/access_codes/create", object{"device_id": august, "code": "1234", "name": "a",
			"sync": true}).obj("access_code").str("access_code_id")
		w.refused("/access_codes/create", object{"device_id": august, "code": "1234", "name": "b"}, "duplicate_access_code")
		b := w.call("/access_codes/create", object{"device_id": august, "code": "4321", "name": "b", "sync": true}).obj("access_code")
		w.call("/access_codes/update", object{"access_code_id": b.str("access_code_id"), "code": "1234", "sync": true})
		b = w.get(b.str("access_code_id"))
		if e := b.list("errors")[0]; e.str("error_code") != "duplicate_code_on_device" || e.str("managed_access_code_id") != a {
			t.Fatal(b)
		}
		w.call("/access_codes/delete", object{"access_code_id": a})
		w.settle()
		w.wantStatus(b.str("access_code_id"), "set")

		w.must(w.virtual.FailNext(context.Background(), w.ref(august), sandbox.FaultRefused, sandbox.FaultSilent, sandbox.FaultRefused))
		c := w.call("/access_codes/create", object{"device_id": august, "code": "9876", "name": "c"}).obj("access_code").str("access_code_id")
		w.advance(20 * time.Second)
		w.wantStatus(c, "set")
		w.wantEvents(c, "created", "mutations_requested", "failed_to_set_on_device", "set_on_device")
	})
}

func TestBackupPool(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("schlage")
		w.settle()
		ends := w.clock().Add(time.Hour)
		id := w.call("/access_codes/create", object{"device_id": lock, "name": "Guest", "starts_at": iso(w.clock()), "ends_at": iso(ends),
			"use_backup_access_code_pool": true}).obj("access_code").str("access_code_id")
		w.settle()
		if c := w.get(id); c["is_backup_access_code_available"] != true || len(w.onLock(lock)) != 4 {
			t.Fatal(c, w.onLock(lock))
		}
		first := w.call("/access_codes/pull_backup_access_code", object{"access_code_id": id}).obj("backup_access_code")
		again := w.call("/access_codes/pull_backup_access_code", object{"access_code_id": id}).obj("access_code")
		if first.str("access_code_id") != again.str("access_code_id") || first["is_backup"] != true || first.str("status") != "set" ||
			first.str("name") != "Guest" || first.str("ends_at") != ends.Format("2006-01-02T15:04:05.000Z") {
			t.Fatal(first, again)
		}
		w.settle()
		if len(w.onLock(lock)) != 5 {
			t.Fatal("the pool was not refilled", w.onLock(lock))
		}
		ongoing := w.call("/access_codes/create", object{"device_id": lock, "name": "Owner",
			"sync": true}).obj("access_code").str("access_code_id")
		w.refused("/access_codes/pull_backup_access_code", object{"access_code_id": ongoing}, "access_code_not_time_bound")
		w.advance(2 * time.Hour)
		w.refused("/access_codes/get", object{"access_code_id": first.str("access_code_id")}, "access_code_not_found")
		if len(w.onLock(lock)) != 4 {
			t.Fatal(w.onLock(lock))
		}
	})
}

func TestLinkedCodes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		six, four := w.connect("nuki"), w.connect("august") // 6 digits; 4 to 6
		w.settle()
		made := w.call("/access_codes/create_multiple", object{"device_ids": []string{six, four}, "name": "Guest"}).list("access_codes")
		key := made[0].str("common_code_key")
		if key == "" || key != made[1].str("common_code_key") || made[0].str("code") != made[1].str("code") {
			t.Fatal(made)
		}
		w.call("/access_codes/update_multiple", object{"common_code_key": key, "name": "Guests"})
		w.settle()
		for _, m := range made {
			if c := w.get(m.str("access_code_id")); c.str("name") != "Guests" || c.str("status") != "set" {
				t.Fatal(c)
			}
		}
		more := w.call("/access_codes/create", object{"device_id": w.connect("yale"), "common_code_key": key}).obj("access_code")
		if more.str("code") != made[0].str("code") {
			t.Fatal(more)
		}
		chooses := w.connect("salto_ks")
		w.refused("/access_codes/create_multiple", object{"device_ids": []string{six, chooses}}, "invalid_input")
		random := w.call("/access_codes/create_multiple",
			object{"device_ids": []string{six, chooses}, "behavior_when_code_cannot_be_shared": "create_random_code"}).list("access_codes")
		if random[0].str("common_code_key") != "" || random[0].str("code") == "" {
			t.Fatal(random)
		}
	})
}

func TestUnmanagedCodes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		made := w.call("/access_codes/simulate/create_unmanaged_access_code",
			object{"device_id": lock, "name": "Neighbor", "code": "0042"}).obj("access_code")
		if made.str("code") != "0042" || made.str("status") != "set" {
			t.Fatal(made)
		}
		id := made.str("access_code_id")
		w.refused("/access_codes/get", object{"access_code_id": id}, "access_code_not_found")
		w.call("/access_codes/unmanaged/convert_to_managed", object{"access_code_id": id})
		w.settle()
		w.wantStatus(id, "set")
		w.call("/access_codes/update", object{"access_code_id": id, "is_managed": false})
		w.settle()
		if l := w.call("/access_codes/unmanaged/list", object{"device_id": lock}).list("access_codes"); len(l) != 1 ||
			l[0].str("access_code_id") != id {
			t.Fatal(l)
		}
		w.call("/access_codes/unmanaged/delete", object{"access_code_id": id})
		w.settle()
		w.refused("/access_codes/unmanaged/get", object{"access_code_id": id}, "access_code_not_found")
		w.wantEvents(id, "unmanaged.created", "unmanaged.converted_to_managed", "unmanaged.removed")

		fixed := w.connect("kwikset")
		w.settle()
		stuck := w.call("/access_codes/simulate/create_unmanaged_access_code",
			object{"device_id": fixed, "name": "Neighbor", "code": "5724"}).obj("access_code")
		if stuck["cannot_be_managed"] != true {
			t.Fatal(stuck)
		}
		w.refused("/access_codes/unmanaged/convert_to_managed", object{"access_code_id": stuck.str("access_code_id")}, "not_supported")
	})
}

// Two workspaces can manage one code only in turn: one takes it over with force, and the other is notified.
func TestManagedByAnotherWorkspace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		elsewhere := func(id string, is bool) object {
			return w.call("/keyway/v1/sandbox/manage_code_elsewhere", object{"access_code_id": id, "is_managed_elsewhere": is})
		}
		unmanaged := func(id string) object {
			return w.call("/access_codes/unmanaged/get", object{"access_code_id": id}).obj("access_code")
		}
		theirs := w.call("/access_codes/simulate/create_unmanaged_access_code",
			object{"device_id": lock, "name": "Neighbor", "code": "0042"}).obj("access_code").str("access_code_id")
		elsewhere(theirs, true)
		for _, path := range []string{"convert_to_managed", "update"} {
			w.refused("/access_codes/unmanaged/"+path, object{"access_code_id": theirs, "is_managed": true},
				"access_code_managed_by_another_workspace")
		}
		w.call("/access_codes/unmanaged/update", object{"access_code_id": theirs, "is_managed": true, "force": true})
		w.wantStatus(theirs, "set")
		w.wantEvents(theirs, "unmanaged.created", "unmanaged.failed_to_convert_to_managed", "unmanaged.failed_to_convert_to_managed",
			"unmanaged.converted_to_managed")

		made := w.call("/access_codes/create", object{"device_id": lock, "name": "Guest", "code": "4821"})
		ours := made.obj("access_code").str("access_code_id")
		// not on its lock yet
		w.refused("/keyway/v1/sandbox/manage_code_elsewhere", object{"access_code_id": ours, "is_managed_elsewhere": true}, "not_supported")
		w.settle()
		elsewhere(ours, false) // as it is
		w.wantStatus(ours, "set")
		elsewhere(ours, true)
		w.refused("/access_codes/get", object{"access_code_id": ours}, "access_code_not_found")
		if c := unmanaged(ours); len(c.list("warnings")) != 1 || c.list("warnings")[0].str("warning_code") != "management_transferred" {
			t.Fatal(c)
		}
		w.kick(lock)
		if on := w.onLock(lock); on["4821"].Name != "Guest" || len(on) != 2 {
			t.Fatal("the lock was changed", on)
		}
		w.wantEvents(ours, "created", "mutations_requested", "set_on_device", "changed")
		timeline := w.call("/access_codes/get_timeline",
			object{"access_code_id": ours, "event_types": []string{"access_code.changed"}}).list("timeline_events")
		if len(timeline) != 1 || timeline[0].str("actor_type") == "api_key" {
			t.Fatal(timeline)
		}
		abroad := w.ref(lock)
		abroad.WorkspaceID = "workspace-2"
		w.connectIn("workspace-2", "august", "john")
		if on, err := w.virtual.CodesOn(context.Background(), abroad); err != nil || len(on) != 0 {
			t.Fatal("the same login in another workspace finds what was done in this one", on, err)
		}
		w.refused("/access_codes/unmanaged/convert_to_managed", object{"access_code_id": ours}, "access_code_managed_by_another_workspace")
		elsewhere(ours, false)
		if c := unmanaged(ours); len(c.list("warnings")) != 0 {
			t.Fatal(c)
		}
		w.call("/access_codes/unmanaged/convert_to_managed", object{"access_code_id": ours})
		w.wantStatus(ours, "set")

		fixed := w.connect("kwikset")
		w.settle()
		stuck := w.call("/access_codes/create", object{"device_id": fixed, "code": "5724", "sync": true}).obj("access_code").str("access_code_id")
		w.refused("/keyway/v1/sandbox/manage_code_elsewhere", object{"access_code_id": stuck, "is_managed_elsewhere": true}, "not_supported")
	})
}

func TestOfflineCode(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("igloohome")
		w.settle()
		w.call("/devices/simulate/disconnect", object{"device_id": lock})
		c := w.call("/access_codes/create", object{"device_id": lock, "name": "x", "is_offline_access_code": true, "is_one_time_use": true,
			"starts_at": iso(w.clock()), "ends_at": iso(w.clock().Add(24 * time.Hour))}).obj("access_code")
		w.settle()
		w.wantStatus(c.str("access_code_id"), "set")
		if c.str("code") == "" || c["is_one_time_use"] != true {
			t.Fatal(c)
		}
		w.refused("/access_codes/update", object{"access_code_id": c.str("access_code_id"), "name": "y"}, "not_supported")
		w.refused("/access_codes/delete", object{"access_code_id": c.str("access_code_id")}, "not_supported")
		w.advance(25 * time.Hour)
		w.refused("/access_codes/get", object{"access_code_id": c.str("access_code_id")}, "access_code_not_found")
	})
}

func TestAccountDisconnected(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		c := w.call("/access_codes/create", object{"device_id": lock, "name": "x", "sync": true}).obj("access_code")
		d, err := w.devices.Reach(context.Background(), db, ws, lock)
		w.must(err)
		for _, state := range []provider.Status{provider.Refused, provider.Connected} {
			w.must(db.Update(context.Background(), func(tx *store.Tx) error {
				return w.devices.SetAccountState(context.Background(), tx, &d, state)
			}, store.Workspace(ws)))
			w.settle()
			w.wantStatus(c.str("access_code_id"), map[provider.Status]string{provider.Refused: "unknown", provider.Connected: "set"}[state])
		}
	})
}

func TestKeypadAndBolt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		c := w.call("/access_codes/create", object{"device_id": lock, "name": "x", "code": "0420", "sync": true}).obj("access_code")
		for _, step := range []struct {
			path   string
			in     object
			status string
			locked bool
		}{
			{"/locks/unlock_door", object{"sync": true}, "success", false},
			{"/locks/lock_door", object{"sync": true}, "success", true},
			{"/locks/simulate/keypad_code_entry", object{"code": "9999"}, "error", true},
			{"/locks/simulate/keypad_code_entry", object{"code": "0420"}, "success", false},
			{"/locks/simulate/manual_lock_via_keypad", object{}, "success", true},
		} {
			step.in["device_id"] = lock
			a := w.call(step.path, step.in).obj("action_attempt")
			if a.str("status") != step.status {
				t.Fatal(step.path, a)
			}
			if d := w.call("/locks/get", object{"device_id": lock}).obj("lock"); d.obj("properties")["locked"] != step.locked {
				t.Fatal(step.path, d.obj("properties")["locked"])
			}
		}
		events := w.call("/events/list", object{"since": "2000-01-01T00:00:00Z",
			"event_types": []string{"lock.locked", "lock.unlocked", "lock.access_denied"}, "device_id": lock}).list("events")
		want := []string{"remote", "remote", "", "keycode", "manual"}
		for i, e := range events {
			if e.str("method") != want[i] {
				t.Fatal(i, e)
			}
		}
		if e := events[3]; len(events) != 5 || e.str("access_code_id") != c.str("access_code_id") || e.str("code") != "0420" {
			t.Fatal(e)
		}
		w.must(w.virtual.FailNext(context.Background(), w.ref(lock), sandbox.FaultJammed))
		if a := w.call("/locks/lock_door", object{"device_id": lock,
			"sync": true}).obj("action_attempt"); a.obj("error").str("type") != "lock_jammed" {
			t.Fatal(a)
		}
		w.call("/devices/simulate/disconnect", object{"device_id": lock})
		if a := w.call("/locks/lock_door", object{"device_id": lock,
			"sync": true}).obj("action_attempt"); a.obj("error").str("type") != "device_disconnected" {
			t.Fatal(a)
		}
	})
}

// Privacy mode keeps all codes out, and uses none up; without its keypad no one enters one.
func TestWhatKeepsCodesOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("yale")
		w.settle()
		w.call("/access_codes/create", object{"device_id": lock, "name": "x", "code": "0420", "sync": true})
		tell := func(lock, what string, is bool) {
			w.call("/keyway/v1/sandbox/simulate_device", object{"device_id": lock, what: is})
		}
		for _, c := range []struct {
			private                     bool
			pin, unlock, keypad, reason string
		}{{true, "0420", "not_supported", "access_denied", "blocked_by_privacy_mode"}, {false, "9999", "", "access_denied", "unknown_code"},
			{false, "0420", "", "", ""}} {
			tell(lock, "privacy_mode", c.private)
			w.settle()
			if a := w.call("/locks/unlock_door", object{"device_id": lock,
				"sync": true}).obj("action_attempt"); a.obj("error").str("type") != c.unlock {
				t.Fatal(c, a)
			}
			if a := w.call("/locks/simulate/keypad_code_entry",
				object{"device_id": lock, "code": c.pin}).obj("action_attempt"); a.obj("error").str("type") != c.keypad {
				t.Fatal(c, a)
			}
			if c.reason == "" {
				continue
			}
			denied := w.call("/events/list", object{"since": "2000-01-01T00:00:00Z", "event_type": "lock.access_denied"}).list("events")
			if e := denied[len(denied)-1]; e.obj("reason").str("reason_code") != c.reason {
				t.Fatal(c, e)
			}
		}
		bare := w.connect("august")
		w.settle()
		tell(bare, "accessory_keypad_connected", false)
		for _, path := range []string{"keypad_code_entry", "manual_lock_via_keypad"} {
			w.refused("/locks/simulate/"+path, object{"device_id": bare, "code": "0420"}, "not_supported")
		}
		// A code that is asked for meanwhile goes onto the lock when the keypad is back.
		id := w.call("/access_codes/create", object{"device_id": bare, "name": "x", "code": "0420"}).obj("access_code").str("access_code_id")
		w.settle()
		w.wantStatus(id, "setting")
		tell(bare, "accessory_keypad_connected", true)
		w.settle()
		w.wantStatus(id, "set")
	})
}

// A lock that was forgotten while it was offline is found again as it was found first, but for the codes on it.
func TestForgottenWhileOffline(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		w.call("/access_codes/create", object{"device_id": lock, "name": "x", "code": "0420", "sync": true})
		w.call("/devices/simulate/disconnect", object{"device_id": lock})
		w.call("/devices/delete", object{"device_id": lock})
		again := w.connect("august") // the others of the account come first now
		for _, d := range w.call("/devices/list", object{}).list("devices") {
			if d.str("device_id") > again {
				again = d.str("device_id")
			}
		}
		w.settle()
		if a := w.call("/locks/lock_door", object{"device_id": again, "sync": true}).obj("action_attempt"); again == lock ||
			a.str("status") != "success" {
			t.Fatal(again, a)
		}
		if l := w.call("/access_codes/unmanaged/list", object{"device_id": again}).list("access_codes"); len(l) != 1 ||
			l[0].str("code") != "0420" {
			t.Fatal(l)
		}
		w.call("/devices/simulate/disconnect", object{"device_id": again})
		w.connect("august")
		w.settle()
		if a := w.call("/locks/lock_door", object{"device_id": again,
			"sync": true}).obj("action_attempt"); a.obj("error").str("type") != "device_disconnected" {
			t.Fatal("connecting again has brought a device online that was known to be offline", a)
		}
	})
}

func TestCodesGoWithTheirDevice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		id := w.call("/access_codes/create", object{"device_id": lock, "name": "x", "sync": true}).obj("access_code").str("access_code_id")
		w.call("/devices/delete", object{"device_id": lock})
		w.refused("/access_codes/get", object{"access_code_id": id}, "access_code_not_found")
		w.settle()
		w.wantEvents(id, "created", "mutations_requested", "set_on_device", "deleted")
	})
}

// A PIN is nowhere in the database as it is.
func TestPINsAreSealed(t *testing.T) {
	w := setup(t, storetest.SQLite(t))
	lock := w.connect("nuki")
	w.settle()
	const pin, other = "573957", "684684"
	id := w.call("/access_codes/create", object{"device_id": lock, "name": "x", "code": pin,
		"sync": true}).obj("access_code").str("access_code_id")
	w.call("/access_codes/update", object{"access_code_id": id, "code": other})
	w.settle()
	c := w.onLock(lock)[other]
	c.PIN = pinOf("795795")
	w.must(w.virtual.PutByHand(context.Background(), w.ref(lock), c))
	w.kick(lock)
	for _, table := range []string{"events", "access_codes", "device_memory", "jobs", "action_attempts", "devices"} {
		rows, err := w.db.Query(context.Background(), `SELECT * FROM `+table)
		_, err = store.All(rows, err, func(rows *sql.Rows) (none struct{}, err error) {
			columns, err := rows.Columns()
			w.must(err)
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			w.must(rows.Scan(into...))
			for i, v := range values {
				text := toText(v)
				for _, secret := range []string{pin, other, "795795"} {
					if strings.Contains(text, secret) {
						t.Errorf("%s.%s holds a PIN", table, columns[i])
					}
				}
			}
			return none, nil
		})
		w.must(err)
	}
}

func toText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}
