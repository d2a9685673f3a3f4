package accesscode_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// wrong is refused with invalid_input for what is said of one parameter.
func (w *world) wrong(path string, in object, param string) {
	w.t.Helper()
	if e := w.refused(path, in, "invalid_input").obj("error").obj("validation_errors"); e[param] == nil {
		w.t.Fatalf("%s %v: %v, want it to be about %s", path, in, e, param)
	}
}

// with is parameters and others, which win.
func (o object) with(more object) object {
	out := object{}
	for _, from := range []object{o, more} {
		for k, v := range from {
			out[k] = v
		}
	}
	return out
}

// Each parameter of creating a code does what it says or is refused by its name, for one code and for
// several alike.
func TestParametersOfCreating(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		august, schlage, salto, igloohome := w.connect("august"), w.connect("schlage"), w.connect("salto_ks"), w.connect("igloohome")
		w.settle()
		starts, ends := w.clock().Add(24*time.Hour), w.clock().Add(48*time.Hour)
		frame := object{"starts_at": iso(starts), "ends_at": iso(ends)}
		paths := map[string]func(lock string, in object) (string, object, func(object) object){
			"one": func(lock string, in object) (string, object, func(object) object) {
				return "/access_codes/create", in.with(object{"device_id": lock}), func(o object) object { return o.obj("access_code") }
			},
			"several": func(lock string, in object) (string, object, func(object) object) {
				return "/access_codes/create_multiple", in.with(object{"device_ids": []string{lock}}), func(o object) object {
					return o.list("access_codes")[0]
				}
			},
		}
		for name, of := range paths {
			create := func(lock string, in object) object {
				path, in, one := of(lock, in)
				return one(w.call(path, in))
			}
			gone := func(c object) {
				w.call("/access_codes/delete", object{"access_code_id": c.str("access_code_id"), "sync": true})
			}
			for _, c := range []struct {
				lock  string
				in    object
				field string
				want  any // of the field, or of the number of digits
			}{
				{august, object{}, "digits", 4},
				{august, object{"preferred_code_length": 6}, "digits", 6},
				{august, object{"preferred_code_length": 9}, "digits", 4}, // not supported: the shortest
				{august, object{"preferred_code_length": 6, "code": "13579"}, "code", "13579"},
				{august, object{"code": nil}, "digits", 4},
				{august, object{"name": "Guest"}, "name", "Guest"},
				{august, object{"name": nil}, "name", nil},
				{august, object{}, "is_external_modification_allowed", false},
				{august, object{"allow_external_modification": true}, "is_external_modification_allowed", true},
				{august, object{"is_external_modification_allowed": true}, "is_external_modification_allowed", true},
				{august, object{}, "type", "ongoing"},
				{august, frame, "type", "time_bound"},
				{august, frame, "starts_at", wire(starts)},
				{august, frame, "ends_at", wire(ends)},
				{salto, object{"behavior_when_code_cannot_be_shared": "create_random_code"}, "is_waiting_for_code_assignment", true},
			} {
				made := create(c.lock, c.in)
				got := made[c.field]
				if c.field == "digits" {
					got = len(made.str("code"))
				}
				if got != c.want {
					t.Errorf("%s: %v gives %s %v, want %v", name, c.in, c.field, got, c.want)
				}
				gone(made)
			}
			for _, c := range []struct {
				lock  string
				in    object
				param string
			}{
				{august, object{"code": "123"}, "code"},
				{august, object{"code": "1234567"}, "code"},
				{august, object{"code": "12a4"}, "code"},
				{salto, object{"code": "123456"}, "code"},
				{august, object{"starts_at": iso(starts)}, "ends_at"},
				{august, object{"starts_at": iso(ends), "ends_at": iso(starts)}, "ends_at"},
				{august, object{"ends_at": iso(w.clock().Add(-time.Second))}, "ends_at"},
				{w.connect("igloo"), object{"use_backup_access_code_pool": true}, "use_backup_access_code_pool"},
			} {
				path, in, _ := of(c.lock, c.in)
				w.wrong(path, in, c.param)
			}

			// Before its time a code is on a lock that keeps schedules, unless that is not wanted.
			for _, native := range []bool{true, false} {
				made := create(schlage, frame.with(object{"prefer_native_scheduling": native}))
				w.settle()
				if on := w.onLock(schlage)[made.str("code")].Slot != ""; on != native ||
					w.get(made.str("access_code_id"))["is_scheduled_on_device"] != native {
					t.Errorf("%s: with prefer_native_scheduling %t it is on the lock: %t", name, native, on)
				}
				gone(made)
			}
			w.call("/devices/simulate/disconnect", object{"device_id": august})
			path, in, _ := of(august, object{"attempt_for_offline_device": false})
			w.refused(path, in, "device_offline")
			later := create(august, object{"attempt_for_offline_device": true})
			w.call("/devices/simulate/connect", object{"device_id": august})
			gone(later)
		}

		if made := w.call("/access_codes/create", object{"device_id": august, "sync": true}); made.obj("access_code").str("status") != "set" ||
			made.obj("action_attempt").str("status") != "success" {
			t.Error("sync has not waited:", made)
		}
		for param, in := range map[string]object{
			"is_one_time_use":   {"device_id": august, "is_one_time_use": true},
			"code":              {"device_id": igloohome, "is_offline_access_code": true, "code": "123456", "ends_at": iso(ends)},
			"ends_at":           {"device_id": igloohome, "use_offline_access_code": true},
			"max_time_rounding": {"device_id": igloohome, "max_time_rounding": "2d"},
		} {
			w.wrong("/access_codes/create", in, param)
		}
		w.refused("/access_codes/create", frame.with(object{"device_id": august, "is_offline_access_code": true}), "not_supported")
		for _, flag := range []string{"is_offline_access_code", "use_offline_access_code"} {
			if c := w.call("/access_codes/create", frame.with(object{"device_id": igloohome, "name": flag,
				flag: true})).obj("access_code"); c["is_offline_access_code"] != true || c["is_one_time_use"] != false {
				t.Error(flag, c)
			}
		}
		w.wrong("/access_codes/create_multiple", object{"device_ids": []string{}}, "device_ids")
	})
}

// Each parameter of changing a code does what it says or is refused by its name.
func TestParametersOfUpdating(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock, igloohome := w.connect("schlage"), w.connect("igloohome")
		w.settle()
		starts, ends := w.clock().Add(24*time.Hour), w.clock().Add(48*time.Hour)
		id := w.call("/access_codes/create", object{"device_id": lock, "name": "Guest", "code": "13570", "starts_at": iso(starts),
			"ends_at": iso(ends), "sync": true}).obj("access_code").str("access_code_id")
		update := func(in object) object {
			return w.call("/access_codes/update", in.with(object{"access_code_id": id}))
		}
		onLock := func() bool { return len(w.onLock(lock)) == 1 }
		for _, c := range []struct {
			in    object
			field string
			want  any
		}{
			{object{}, "name", "Guest"},
			{object{"device_id": lock, "name": "Cleaner"}, "name", "Cleaner"},
			{object{"name": nil}, "name", nil},
			{object{"code": "24681"}, "code", "24681"},
			{object{"code": nil, "preferred_code_length": 4}, "code", "24681"}, // nothing is made up
			{object{"starts_at": iso(starts.Add(time.Hour))}, "starts_at", wire(starts.Add(time.Hour))},
			{object{"ends_at": iso(ends.Add(time.Hour))}, "ends_at", wire(ends.Add(time.Hour))},
			{object{"allow_external_modification": true}, "is_external_modification_allowed", true},
			{object{"name": "Guest"}, "is_external_modification_allowed", true}, // absent is not false
			{object{"is_external_modification_allowed": false}, "is_external_modification_allowed", false},
			{object{"prefer_native_scheduling": false}, "is_scheduled_on_device", false},
			{object{"prefer_native_scheduling": true}, "is_scheduled_on_device", true},
			{object{"is_managed": true}, "is_managed", true},
			{object{"use_backup_access_code_pool": false, "max_time_rounding": "1d", "is_offline_access_code": false, "is_one_time_use": false},
				"is_offline_access_code", false},
			{object{"type": "time_bound"}, "type", "time_bound"},
			{object{"type": "ongoing"}, "starts_at", nil},
			{object{"ends_at": iso(ends)}, "type", "time_bound"},
			{object{"starts_at": nil, "ends_at": nil}, "type", "ongoing"},
		} {
			update(c.in)
			w.settle()
			if got := w.get(id)[c.field]; got != c.want {
				t.Errorf("%v gives %s %v, want %v", c.in, c.field, got, c.want)
			}
			if native, set := c.in["prefer_native_scheduling"]; set && onLock() != native {
				t.Errorf("%v: on the lock %t", c.in, onLock())
			}
		}
		if a := update(object{"name": "Waited", "sync": true}).obj("action_attempt"); a.str("status") != "success" ||
			w.onLock(lock)["24681"].Name != "Waited" {
			t.Error("sync has not waited:", a)
		}
		for param, in := range map[string]object{
			"code":                   {"code": "123"},
			"name":                   {"name": strings.Repeat("x", 201)},
			"starts_at":              {"starts_at": "soon"},
			"ends_at":                {"type": "time_bound"},
			"type":                   {"type": "ongoing", "ends_at": iso(ends)},
			"device_id":              {"device_id": igloohome},
			"is_offline_access_code": {"use_offline_access_code": true},
			"is_one_time_use":        {"is_one_time_use": true},
			"is_managed":             {"is_managed": false, "name": "Lost"},
		} {
			w.wrong("/access_codes/update", in.with(object{"access_code_id": id}), param)
		}
		update(object{"use_backup_access_code_pool": true})
		w.settle()
		if n := len(w.onLock(lock)); n != 4 {
			t.Errorf("%d codes on the lock with a pool", n)
		}
		w.call("/devices/update", object{"device_id": lock, "backup_access_code_pool_enabled": false})
		w.settle()
		if n := len(w.onLock(lock)); n != 1 {
			t.Errorf("%d codes on the lock without a pool", n)
		}
		w.call("/devices/simulate/disconnect", object{"device_id": lock})
		w.refused("/access_codes/update", object{"access_code_id": id, "name": "x", "attempt_for_offline_device": false}, "device_offline")
		update(object{"name": "Later", "attempt_for_offline_device": true})
		w.call("/devices/simulate/connect", object{"device_id": lock})
		w.settle()
		if w.onLock(lock)["24681"].Name != "Later" {
			t.Error(w.onLock(lock))
		}
	})
}

// Codes with one key have one PIN, whatever is done to one of them; those that are linked change together
// or not at all.
func TestOneKeyIsOnePIN(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		august, yale, salto := w.connect("august"), w.connect("yale"), w.connect("salto_ks")
		w.settle()
		create := func(lock string, in object) object {
			return w.call("/access_codes/create", in.with(object{"device_id": lock, "common_code_key": "family", "sync": true})).obj("access_code")
		}
		first, second := create(august, object{"code": "4821"}), create(yale, object{"allow_external_modification": true})
		if second.str("code") != "4821" {
			t.Fatal(second)
		}
		w.wrong("/access_codes/create", object{"device_id": august, "common_code_key": "family", "code": "5555"}, "code")
		w.wrong("/access_codes/create", object{"device_id": salto, "common_code_key": "family"}, "code")
		w.call("/access_codes/create", object{"device_id": salto, "common_code_key": "chosen"})
		w.wrong("/access_codes/create", object{"device_id": august, "common_code_key": "chosen"}, "common_code_key")
		linked := func() (out []string) {
			for _, c := range w.call("/access_codes/list", object{}).list("access_codes") {
				if c.str("common_code_key") == "family" {
					out = append(out, c.str("access_code_id"))
				}
			}
			return out
		}

		ends := w.clock().Add(48 * time.Hour)
		w.call("/access_codes/update_multiple", object{"common_code_key": "family", "name": "Family", "starts_at": iso(w.clock().Add(time.Hour)),
			"ends_at": iso(ends)})
		w.settle()
		for _, id := range linked() {
			if c := w.get(id); c.str("name") != "Family" || c.str("ends_at") != wire(ends) || c.str("starts_at") == "" {
				t.Error(c)
			}
		}
		w.wrong("/access_codes/update_multiple", object{"common_code_key": "family", "ends_at": iso(w.clock())}, "ends_at")
		w.wrong("/access_codes/update_multiple", object{"common_code_key": ""}, "common_code_key")
		w.refused("/access_codes/update_multiple", object{"common_code_key": "nobody's"}, "access_code_not_found")
		w.call("/access_codes/update", object{"access_code_id": second.str("access_code_id"), "starts_at": iso(w.clock().Add(2 * time.Hour))})
		w.settle()
		w.wrong("/access_codes/update_multiple", object{"common_code_key": "family", "name": "Other",
			"ends_at": iso(w.clock().Add(90 * time.Minute))}, "ends_at")
		if c := w.get(first.str("access_code_id")); c.str("name") != "Family" {
			t.Error("one was changed, the other could not be:", c)
		}

		changed := w.onLock(yale)["4821"]
		changed.PIN = pinOf("9753")
		w.must(w.virtual.PutByHand(context.Background(), w.ref(yale), changed))
		w.kick(yale)
		if c := w.get(second.str("access_code_id")); c.str("code") != "9753" || !slices.Equal(linked(), []string{first.str("access_code_id")}) {
			t.Error(c, linked())
		}
		w.call("/access_codes/update", object{"access_code_id": first.str("access_code_id"), "code": "1357"})
		if len(linked()) != 0 {
			t.Error(linked())
		}
		gone := w.call("/access_codes/create", object{"device_id": august, "common_code_key": "gone"}).obj("access_code").str("access_code_id")
		w.call("/access_codes/delete", object{"access_code_id": gone})
		w.refused("/access_codes/update_multiple", object{"common_code_key": "gone", "name": "x"}, "access_code_not_found")
	})
}

// As many devices as can have one PIN share it; what is made for the others is not linked.
func TestSharingWhereItIsPossible(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		short, long, also, salto := w.connect("august"), w.connect("igloo"), w.connect("nuki"), w.connect("salto_ks")
		w.settle()
		w.call("/access_codes/report_device_constraints", object{"device_id": short, "supported_code_lengths": []int{4}})
		w.wrong("/access_codes/create_multiple", object{"device_ids": []string{short, long, also}}, "device_ids")
		if l := w.call("/access_codes/list", object{}).list("access_codes"); len(l) != 0 {
			t.Fatal("codes were made although they could not be shared", l)
		}
		made := w.call("/access_codes/create_multiple",
			object{"device_ids": []string{short, long, also, salto}, "behavior_when_code_cannot_be_shared": "create_random_code",
				"preferred_code_length": 4}).list("access_codes")
		key := made[1].str("common_code_key")
		if key == "" || made[2].str("common_code_key") != key || made[1].str("code") != made[2].str("code") || len(made[1].str("code")) != 6 {
			t.Error("two that can do not share", made[1:3])
		}
		if made[0].str("common_code_key") != "" || len(made[0].str("code")) != 4 || made[3].str("common_code_key") != "" {
			t.Error("one that cannot is linked", made[0], made[3])
		}
		chosen := w.call("/access_codes/create_multiple",
			object{"device_ids": []string{long, also}, "code": "358358", "preferred_code_length": 7}).list("access_codes")
		for _, c := range chosen {
			if c.str("code") != "358358" || c.str("common_code_key") != "" {
				t.Error(c)
			}
		}
	})
}

// What a lock still had to do for a code that changes hands is no longer done, and its attempts say so;
// what was done has succeeded.
func TestAttemptsWhenACodeChangesHands(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		for _, c := range []struct{ path, failure string }{
			{"/keyway/v1/sandbox/manage_code_elsewhere", "access_code_managed_by_another_workspace"},
			{"/access_codes/update", "access_code_unmanaged"},
			{"/devices/update", "device_unmanaged"},
		} {
			lock := w.connect("august")
			w.settle()
			var ids []string
			for _, pin := range []string{"1357", "2468", "3579"} {
				ids = append(ids, w.call("/access_codes/create",
					object{"device_id": lock, "code": pin, "sync": true}).obj("access_code").str("access_code_id"))
			}
			changed := w.call("/access_codes/update", object{"access_code_id": ids[0], "code": "5555"})
			same := w.call("/access_codes/update", object{"access_code_id": ids[1], "allow_external_modification": true})
			removed := w.call("/access_codes/delete", object{"access_code_id": ids[2]})
			for _, id := range ids[:2] {
				w.call(c.path, object{"access_code_id": id, "device_id": lock, "is_managed_elsewhere": true, "is_managed": false})
				if c.path == "/devices/update" {
					break
				}
			}
			w.settle()
			w.wantAttempt(changed, "error", c.failure)
			w.wantAttempt(same, "success", "")
			on, left := w.onLock(lock), c.path == "/devices/update"
			if left {
				w.wantAttempt(removed, "error", c.failure)
			} else {
				w.wantAttempt(removed, "success", "")
			}
			if on["1357"].Slot == "" || on["5555"].Slot != "" || (on["3579"].Slot != "") != left {
				t.Errorf("%s: on the lock %v", c.path, on)
			}
			for _, u := range w.call("/access_codes/unmanaged/list", object{"device_id": lock}).list("access_codes") {
				if u.str("access_code_id") == ids[0] && u.str("code") != "1357" {
					t.Error(u)
				}
				if left { // nothing more is requested of the lock
					w.refused("/access_codes/unmanaged/delete", object{"access_code_id": u.str("access_code_id")}, "device_unmanaged")
				} else {
					w.call("/access_codes/unmanaged/delete", object{"access_code_id": u.str("access_code_id")})
					w.refused("/access_codes/unmanaged/convert_to_managed", object{"access_code_id": u.str("access_code_id")}, "access_code_not_found")
				}
			}
			w.settle()
		}
	})
}

// What was asked of a code that is deleted before its lock has done it was not done.
func TestAttemptsOfADeletedCode(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		made := w.call("/access_codes/create", object{"device_id": lock, "code": "1357", "sync": true})
		id := made.obj("access_code").str("access_code_id")
		same := w.call("/access_codes/update", object{"access_code_id": id, "allow_external_modification": true})
		w.settle()
		changed := w.call("/access_codes/update", object{"access_code_id": id, "code": "2468"})
		removed := w.call("/access_codes/delete", object{"access_code_id": id})
		again := w.call("/access_codes/delete", object{"access_code_id": id})
		never := w.call("/access_codes/create", object{"device_id": lock, "code": "3579"})
		w.call("/access_codes/delete", object{"access_code_id": never.obj("access_code").str("access_code_id")})
		w.wantAttempt(removed, "pending", "")
		w.settle()
		for _, a := range []object{made, same, removed, again} {
			w.wantAttempt(a, "success", "")
		}
		for _, a := range []object{changed, never} {
			w.wantAttempt(a, "error", "access_code_deleted")
		}
	})
}

// A code whose lock is no longer to keep its schedule has its times as before, and nothing says otherwise.
func TestScheduleIsTakenFromTheLock(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("schlage")
		w.settle()
		starts, ends := w.clock().Add(24*time.Hour), w.clock().Add(48*time.Hour)
		id := w.call("/access_codes/create", object{"device_id": lock, "code": "1357", "starts_at": iso(starts), "ends_at": iso(ends),
			"sync": true}).obj("access_code").str("access_code_id")
		prefer := func(native bool, want ...string) {
			t.Helper()
			w.call("/access_codes/update", object{"access_code_id": id, "prefer_native_scheduling": native})
			code := w.get(id)
			var pending []string
			for _, m := range code.list("pending_mutations") {
				if pending = append(pending, m.str("mutation_code")); m.obj("to") != nil && m.obj("to").str("ends_at") != wire(ends) {
					t.Error(m)
				}
			}
			if !slices.Equal(pending, want) || code.str("starts_at") != wire(starts) || code.str("ends_at") != wire(ends) {
				t.Errorf("%v, want %v: %v", pending, want, code)
			}
			w.settle()
			if on := w.onLock(lock)["1357"]; on.Slot != "" && on.EndsAt.IsZero() == native {
				t.Errorf("on the lock: %v", on)
			}
		}
		prefer(false, "deferring_creation")
		if on := w.onLock(lock); len(on) != 0 {
			t.Error("it is still on the lock", on)
		}
		w.advance(25 * time.Hour)
		w.wantStatus(id, "set")
		prefer(true, "updating_time_frame")
		w.wantStatus(id, "set")
		prefer(false, "updating_time_frame")
		w.wantStatus(id, "set")
		w.advance(24 * time.Hour)
		w.wantEvents(id, "created", "mutations_requested", "scheduled_on_device", "mutations_requested", "removed_from_device", "set_on_device",
			"mutations_requested", "set_on_device", "mutations_requested", "set_on_device", "removed_from_device", "deleted")
	})
}

// Reported constraints of a device apply to the codes that are made from then on.
func TestParametersOfConstraints(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("smartthings")
		w.settle()
		const path = "/access_codes/report_device_constraints"
		for _, c := range []struct {
			in   object
			want []any
		}{
			{object{"supported_code_lengths": []int{6, 8}}, []any{6.0, 8.0}},
			{object{"min_code_length": 5, "max_code_length": 7}, []any{5.0, 6.0, 7.0}},
			{object{"max_code_length": 5}, []any{4.0, 5.0}},
			{object{"min_code_length": 19}, []any{19.0, 20.0}},
			{object{"supported_code_lengths": []int{7}}, []any{7.0}},
		} {
			w.call(path, c.in.with(object{"device_id": lock}))
			if got := w.call("/devices/get",
				object{"device_id": lock}).obj("device").obj("properties")["supported_code_lengths"]; !slices.Equal(got.([]any), c.want) {
				t.Errorf("%v: %v, want %v", c.in, got, c.want)
			}
		}
		if code := w.call("/access_codes/generate_code", object{"device_id": lock}).obj("generated_code").str("code"); len(code) != 7 {
			t.Error(code)
		}
		w.wrong("/access_codes/create", object{"device_id": lock, "code": "123456"}, "code")
		for param, in := range map[string]object{
			"supported_code_lengths": {"supported_code_lengths": []int{3}}, "min_code_length": {"min_code_length": 6, "max_code_length": 5},
			"max_code_length": {"max_code_length": 21},
		} {
			w.wrong(path, in.with(object{"device_id": lock}), param)
		}
		w.wrong(path, object{"device_id": lock}, "supported_code_lengths")
		w.wrong(path, object{"device_id": lock, "supported_code_lengths": []int{5}, "min_code_length": 4}, "supported_code_lengths")
	})
}

// A code that was others' is managed as it is said, under either name.
func TestParametersOfConverting(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		const simulate = "/access_codes/simulate/create_unmanaged_access_code"
		pin := 2000
		found := func() object {
			pin++
			c := w.call(simulate, object{"device_id": lock, "name": "Neighbor", "code": strconv.Itoa(pin)}).obj("access_code")
			if c.str("name") != "Neighbor" || c.str("code") != strconv.Itoa(pin) || c["is_managed"] != false {
				t.Error(c)
			}
			return object{"access_code_id": c.str("access_code_id"), "is_managed": true}
		}
		for _, path := range []string{"/access_codes/unmanaged/convert_to_managed", "/access_codes/unmanaged/update"} {
			for param, allowed := range map[string]bool{"": false, "allow_external_modification": true, "is_external_modification_allowed": true} {
				in := found()
				w.call(path, in.with(object{param: true}))
				if c := w.get(in.str("access_code_id")); c["is_external_modification_allowed"] != allowed || c.str("status") != "set" {
					t.Errorf("%s with %s: %v", path, param, c)
				}
			}
		}
		stays := found().with(object{"is_managed": false})
		w.call("/access_codes/unmanaged/update", stays)
		w.refused("/access_codes/get", object{"access_code_id": stays.str("access_code_id")}, "access_code_not_found")
		w.wrong("/access_codes/unmanaged/update", object{"access_code_id": stays.str("access_code_id")}, "is_managed")
		for param, in := range map[string]object{
			"name": {"code": "5678"}, "code": {"name": "x"},
		} {
			w.wrong(simulate, in.with(object{"device_id": lock}), param)
		}
		for _, code := range []string{"123", "123456789", strconv.Itoa(pin)} { // too short, too long, taken
			w.wrong(simulate, object{"device_id": lock, "name": "x", "code": code}, "code")
		}
		if a := w.call("/access_codes/unmanaged/delete",
			object{"access_code_id": stays.str("access_code_id"), "sync": true}).obj("action_attempt"); a.str("status") != "success" {
			t.Error("sync has not waited:", a)
		}
	})
}

// How a lock locks itself is as it was last asked for.
func TestParametersOfAutoLock(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock, kisi := w.connect("august"), w.connect("kisi")
		w.settle()
		ctx := context.Background()
		for _, c := range []struct {
			in      object
			enabled bool
			delay   float64
		}{
			{object{"auto_lock_enabled": true, "auto_lock_delay_seconds": 45}, true, 45},
			{object{"auto_lock_enabled": false}, false, 45},
			{object{"auto_lock_enabled": false, "auto_lock_delay_seconds": 1}, false, 1},
			{object{"auto_lock_enabled": true, "auto_lock_delay_seconds": 60}, true, 60},
		} {
			asked := w.call("/locks/configure_auto_lock", c.in.with(object{"device_id": lock}))
			var id string
			w.must(db.QueryRow(ctx, `SELECT job_id FROM jobs WHERE kind = 'lock.turn'`).Scan(&id))
			w.must(w.jobs.RunNow(ctx, id))
			w.wantAttempt(asked, "success", "")
			if p := w.call("/locks/get", object{"device_id": lock}).obj("lock").obj("properties"); p["auto_lock_enabled"] != c.enabled ||
				p["auto_lock_delay_seconds"] != c.delay {
				t.Errorf("%v: %v after %v", c.in, p["auto_lock_enabled"], p["auto_lock_delay_seconds"])
			}
		}
		w.wrong("/locks/configure_auto_lock", object{"device_id": lock, "auto_lock_enabled": true}, "auto_lock_delay_seconds")
		w.wrong("/locks/configure_auto_lock", object{"device_id": lock, "auto_lock_enabled": true, "auto_lock_delay_seconds": 61},
			"auto_lock_delay_seconds")
		w.wrong("/locks/configure_auto_lock", object{"device_id": lock}, "auto_lock_enabled")
		w.refused("/locks/configure_auto_lock", object{"device_id": kisi, "auto_lock_enabled": false}, "not_supported")
	})
}
