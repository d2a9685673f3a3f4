package main

import (
	"slices"
	"strings"
	"testing"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// wrong is refused with invalid_input for what is said of one parameter.
func (w *world) wrong(t *testing.T, path string, in fields, param string) {
	t.Helper()
	a := w.call(t, w.here.key, path, in)
	if a.kind() != "invalid_input" || a.body["error"].(fields)["validation_errors"].(fields)[param] == nil {
		t.Errorf("%s %v: %d %s, want it to be about %s", path, in, a.status, a.raw, param)
	}
}

// What is changed about an account applies to what is found in it from then on.
func TestAccountUpdates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		id := w.connect(t, w.here, "smartthings", "jane")
		update := func(in fields) fields {
			in["connected_account_id"] = id
			return w.ok(t, w.here.key, "/connected_accounts/update", in).object(t, "connected_account")
		}
		// found forgets all devices, looks for them again, and gives the types of those that are managed or not.
		found := func() (managed, unmanaged []string) {
			for _, path := range []string{"/devices/list", "/devices/unmanaged/list"} {
				for _, device := range w.ok(t, w.here.key, path, fields{}).ids("devices", "device_id") {
					w.ok(t, w.here.key, "/devices/delete", fields{"device_id": device})
				}
			}
			w.ok(t, w.here.key, "/connected_accounts/sync", fields{"connected_account_id": id})
			types := func(path string) (out []string) {
				for _, device := range w.ok(t, w.here.key, path, fields{}).body["devices"].([]any) {
					out = append(out, device.(fields)["device_type"].(string))
				}
				slices.Sort(out)
				return slices.Compact(out)
			}
			return types("/devices/list"), types("/devices/unmanaged/list")
		}
		both := []string{"smartthings_lock", "smartthings_thermostat"}
		if managed, unmanaged := found(); !slices.Equal(managed, both) || unmanaged != nil {
			t.Fatal(managed, unmanaged)
		}
		if acc := update(fields{"accepted_capabilities": []string{"lock"}}); len(acc["accepted_capabilities"].([]any)) != 1 {
			t.Error(acc)
		}
		if managed, unmanaged := found(); !slices.Equal(managed, both[:1]) || unmanaged != nil {
			t.Error("only locks are accepted:", managed, unmanaged)
		}
		if acc := update(fields{"automatically_manage_new_devices": false}); acc["automatically_manage_new_devices"] != false ||
			len(acc["accepted_capabilities"].([]any)) != 1 {
			t.Error("what is not sent stays:", acc)
		}
		if managed, unmanaged := found(); managed != nil || !slices.Equal(unmanaged, both[:1]) {
			t.Error("new devices are not managed:", managed, unmanaged)
		}
		update(fields{"accepted_capabilities": []string{}, "automatically_manage_new_devices": true, "customer_key": "guest"})
		if managed, unmanaged := found(); !slices.Equal(managed, both) || unmanaged != nil {
			t.Error("all are accepted again:", managed, unmanaged)
		}
		if n := len(w.ok(t, w.here.key, "/devices/list", fields{"customer_key": "guest"}).ids("devices", "device_id")); n < 2 {
			t.Errorf("%d devices are the customer's", n)
		}
		acc := update(fields{"custom_metadata": fields{"a": "1", "gone": nil, "empty": ""}, "display_name": "Main house"})
		if m := acc["custom_metadata"].(fields); len(m) != 1 || m["a"] != "1" || acc["display_name"] != "Main house" ||
			acc["customer_key"] != "guest" {
			t.Error(acc)
		}
		for param, value := range map[string]any{"accepted_capabilities": []string{"teapot"}, "automatically_manage_new_devices": "yes",
			"customer_key": "", "display_name": strings.Repeat("x", 256),
			"custom_metadata": fields{"n": 5}} {
			w.wrong(t, "/connected_accounts/update", fields{"connected_account_id": id, param: value}, param)
		}
	})
}

// Each parameter of changing a device, managed or not, does what it says or is refused by its name.
func TestDeviceUpdates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		w.connect(t, w.here, "schlage", "sam")
		id := w.ok(t, w.here.key, "/devices/list", fields{}).ids("devices", "device_id")[0]
		own := w.ok(t, w.here.key, "/devices/get", fields{"device_id": id}).object(t, "device")["display_name"]
		for _, c := range []struct {
			in    fields
			field string // of the device, or of its properties behind a dot
			want  any
		}{
			{fields{"name": "Door", "custom_metadata": fields{"a": "1"}}, "display_name", "Door"},
			{fields{"custom_metadata": fields{}}, "display_name", "Door"},
			{fields{"properties": fields{"name": "Older place"}}, ".name", "Older place"},
			{fields{"name": "Newer", "properties": fields{"name": "Older place"}}, "nickname", "Newer"},
			{fields{"properties": fields{}}, "nickname", "Newer"},
			{fields{"name": nil}, "display_name", own},
			{fields{"backup_access_code_pool_enabled": true}, ".backup_access_code_pool_enabled", true},
			{fields{"is_managed": true}, ".backup_access_code_pool_enabled", true},
			{fields{"backup_access_code_pool_enabled": false}, ".backup_access_code_pool_enabled", false},
		} {
			c.in["device_id"] = id
			w.ok(t, w.here.key, "/devices/update", c.in)
			device := w.ok(t, w.here.key, "/devices/get", fields{"device_id": id}).object(t, "device")
			got := device[c.field]
			if property, ok := strings.CutPrefix(c.field, "."); ok {
				got = device["properties"].(fields)[property]
			}
			if got != c.want || device["custom_metadata"].(fields)["a"] != "1" {
				t.Errorf("%v gives %s %v, want %v: %v", c.in, c.field, got, c.want, device["custom_metadata"])
			}
		}
		report := func(of string, metadata fields) answer {
			metadata["device_id"] = of
			return w.call(t, w.here.key, "/devices/report_provider_metadata", fields{"devices": []fields{metadata}})
		}
		if a := report(id, fields{"schlage_metadata": fields{"time_zone": "Europe/Oslo"}}); a.status != 200 {
			t.Error(a.raw)
		}
		if l := w.ok(t, w.here.key, "/devices/get", fields{"device_id": id}).object(t,
			"device")["location"].(fields); l["time_zone"] != "Europe/Oslo" {
			t.Error(l)
		}
		for kind, a := range map[string]answer{
			"not_supported":    report(id, fields{"omnitec_metadata": fields{"time_zone": "Europe/Oslo"}}),
			"invalid_input":    report(id, fields{"schlage_metadata": fields{"time_zone": "Narnia"}}),
			"device_not_found": report(store.NewID(), fields{}),
		} {
			if a.kind() != kind {
				t.Errorf("%s, want %s", a.raw, kind)
			}
		}
		w.connect(t, w.here, "ecobee", "sam")
		thermostat := w.ok(t, w.here.key, "/devices/list", fields{"device_type": "ecobee_thermostat"}).ids("devices", "device_id")[0]
		w.wrong(t, "/devices/update", fields{"device_id": thermostat, "backup_access_code_pool_enabled": true}, "backup_access_code_pool_enabled")
		w.wrong(t, "/devices/unmanaged/update", fields{"device_id": id, "is_managed": false}, "is_managed")
		if a := w.call(t, w.here.key, "/devices/unmanaged/update",
			fields{"device_id": id, "custom_metadata": fields{"b": "2"}}); a.kind() != "device_managed" {
			t.Errorf("a managed device as if it were not: %s", a.raw)
		}
		w.ok(t, w.here.key, "/devices/update", fields{"device_id": id, "is_managed": false})
		w.ok(t, w.here.key, "/devices/unmanaged/update", fields{"device_id": id, "custom_metadata": fields{"b": "2", "a": nil}})
		if m := w.ok(t, w.here.key, "/devices/unmanaged/get", fields{"device_id": id}).object(t,
			"device")["custom_metadata"].(fields); len(m) != 1 || m["b"] != "2" {
			t.Error(m)
		}
		w.ok(t, w.here.key, "/devices/unmanaged/update", fields{"device_id": id, "is_managed": true})
		w.ok(t, w.here.key, "/devices/get", fields{"device_id": id})
	})
}

// A webhook is sent events of the types that it names when they happen, and of all unless it names some.
func TestWebhookParameters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		w.connect(t, w.here, "august", "sam")
		lock := w.ok(t, w.here.key, "/devices/list", fields{}).ids("devices", "device_id")[0]
		hook := func(in fields) fields {
			in["url"] = "https://example.com/hook"
			return w.ok(t, w.here.key, "/webhooks/create", in).object(t, "webhook")
		}
		all, some := hook(fields{}), hook(fields{"event_types": []string{"lock.locked", "lock.locked"}})
		if !slices.Equal(all["event_types"].([]any), []any{"*"}) || !slices.Equal(some["event_types"].([]any), []any{"lock.locked"}) ||
			some["url"] != "https://example.com/hook" {
			t.Error(all, some)
		}
		// sent turns the bolt once each way and gives how many events each webhook is sent of that.
		pending := func(hook fields) int {
			return int(w.ok(t, w.here.key, "/keyway/v1/webhooks/get_status", fields{"webhook_id": hook["webhook_id"]}).object(t,
				"webhook_status")["pending_deliveries"].(float64))
		}
		sent := func() (toAll, toSome int) {
			a, b := pending(all), pending(some)
			for _, path := range []string{"/locks/unlock_door", "/locks/lock_door"} {
				w.ok(t, w.here.key, path, fields{"device_id": lock, "sync": true})
			}
			return pending(all) - a, pending(some) - b
		}
		if a, b := sent(); a != 4 || b != 1 { // the bolt and the attempt, each time
			t.Errorf("all is sent %d, some %d", a, b)
		}
		w.ok(t, w.here.key, "/webhooks/update", fields{"webhook_id": some["webhook_id"],
			"event_types": []string{"lock.unlocked", "action_attempt.lock_door.succeeded"}})
		if a, b := sent(); a != 4 || b != 2 {
			t.Errorf("after the update all is sent %d, some %d", a, b)
		}
		w.ok(t, w.here.key, "/webhooks/update", fields{"webhook_id": some["webhook_id"], "event_types": []string{"*"}})
		if _, b := sent(); b != 4 {
			t.Errorf("with * it is sent %d", b)
		}
		for _, bad := range []any{[]string{}, []string{"lock.exploded"}, []string{"*", "nonsense"}} {
			for path, in := range map[string]fields{"/webhooks/create": {"url": "https://example.com"},
				"/webhooks/update": {"webhook_id": some["webhook_id"]}} {
				in["event_types"] = bad
				if a := w.call(t, w.here.key, path, in); a.status != 400 || a.kind() != "invalid_event_types" {
					t.Errorf("%s %v: %s", path, bad, a.raw)
				}
			}
		}
		for _, address := range []any{nil, "", "nonsense", "ftp://example.com", "http://169.254.169.254/latest",
			"https://user:secret@example.com/"} {
			w.wrong(t, "/webhooks/create", fields{"url": address}, "url")
		}
		w.wrong(t, "/webhooks/update", fields{"webhook_id": some["webhook_id"]}, "event_types")
		w.ok(t, w.here.key, "/webhooks/delete", fields{"webhook_id": some["webhook_id"]})
		if left := w.ok(t, w.here.key, "/webhooks/list", fields{}).ids("webhooks", "webhook_id"); !slices.Equal(left,
			[]string{all["webhook_id"].(string)}) {
			t.Error(left)
		}
	})
}
