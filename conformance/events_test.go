package conformance

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// Every type of event of these resources is caused by something that a caller can do, and each one is
// as its own schema says.
func TestEveryEventIsCaused(t *testing.T) {
	t.Parallel()
	w := start(t)
	ws := w.Harbour.WorkspaceID
	ask := func(path string, in fields) answer { t.Helper(); return w.ok(t, w.PAT, ws, path, in) }
	pass := func(d time.Duration) {
		t.Helper()
		ask("/keyway/v1/sandbox/advance_time", fields{"seconds": d.Seconds()})
	}
	for _, brand := range []string{"schlage", "nuki", "igloohome", "akuvox", "salto_ks"} {
		w.connect(t, ws, brand)
	}
	pass(0)
	first := func(kind string) fields {
		t.Helper()
		for _, d := range ask("/devices/list", fields{"device_type": kind}).objects(t, "devices") {
			if d["properties"].(fields)["online"] == true {
				return d
			}
		}
		t.Fatalf("no %s", kind)
		return nil
	}
	lock, fixed, paid := text(t, first("august_lock"), "device_id"), text(t, first("igloohome_lock"), "device_id"),
		text(t, first("nuki_lock"), "device_id")
	private, bell := text(t, first("salto_lock"), "device_id"), text(t, first("akuvox_lock"), "device_id")
	account := text(t, first("august_lock"), "connected_account_id")
	dev := fields{"device_id": lock}
	webview := func(email string) {
		t.Helper()
		made := ask("/connect_webviews/create", fields{"accepted_providers": []string{"akuvox"}}).object(t, "connect_webview")
		page := post(t, w.URL, get(t, text(t, made, "url")), url.Values{"step": {"brands"}})
		post(t, w.URL, page, url.Values{"step": {"credentials"}, "field.email": {email}, "field.password": {"1234"}})
	}
	attempt := func(path string, status string) {
		t.Helper()
		if a := ask(path, fields{"device_id": lock, "sync": true}).object(t, "action_attempt"); a["status"] != status {
			t.Errorf("%s ends as %v", path, a)
		}
	}
	fail := func(device string, faults ...string) {
		t.Helper()
		ask("/keyway/v1/sandbox/fail_requests", fields{"device_id": device, "faults": faults})
	}
	create := func(device, pin string, more fields) string {
		t.Helper()
		in := fields{"device_id": device, "name": "Guest " + pin, "code": pin, "sync": true}
		for name, v := range more {
			in[name] = v
		}
		return text(t, ask("/access_codes/create", in).object(t, "access_code"), "access_code_id")
	}
	unmanaged := func(device, pin string) string {
		t.Helper()
		return text(t, ask("/access_codes/simulate/create_unmanaged_access_code",
			fields{"device_id": device, "name": "Neighbor " + pin, "code": pin}).object(t, "access_code"), "access_code_id")
	}
	remove := func(id string) { t.Helper(); ask("/access_codes/delete", fields{"access_code_id": id, "sync": true}) }
	tell := func(what fields) {
		t.Helper()
		in := fields{"device_id": lock}
		maps.Copy(in, what)
		ask("/keyway/v1/sandbox/simulate_device", in)
		ask("/devices/get", fields{"device_id": in["device_id"]})
	}
	elsewhere := func(id string) {
		t.Helper()
		ask("/keyway/v1/sandbox/manage_code_elsewhere", fields{"access_code_id": id, "is_managed_elsewhere": true})
		ask("/access_codes/unmanaged/get", fields{"access_code_id": id})
	}
	now := func(after time.Duration) string {
		clock := ask("/keyway/v1/sandbox/advance_time", fields{"seconds": 0}).object(t, "clock")
		at, err := time.Parse(time.RFC3339, text(t, clock, "now"))
		if err != nil {
			t.Fatal(err)
		}
		return at.Add(after).Format(time.RFC3339)
	}
	var code, other, weekend string

	variants := map[string]*openapi3.Schema{}
	document, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range document.Components.Schemas["event"].Value.OneOf {
		variants[v.Value.Properties["event_type"].Value.Enum[0].(string)] = v.Value
	}
	seen, caused := map[string]bool{}, map[string]bool{}
	plain := *w // each event is validated once, not with every list that contains it
	plain.http = http.DefaultClient
	// news are the events since the last call, each checked against the schema of its own type.
	news := func() (types []string) {
		t.Helper()
		for offset := 0; ; offset += 500 {
			page := plain.ok(t, w.PAT, ws, "/events/list", fields{"since": "2000-01-01T00:00:00Z", "unstable_offset": offset}).objects(t, "events")
			for _, e := range page {
				id, kind := text(t, e, "event_id"), text(t, e, "event_type")
				if seen[id] {
					continue
				}
				seen[id], caused[kind] = true, true
				types = append(types, kind)
				if schema := variants[kind]; schema == nil {
					t.Errorf("%s is in no document", kind)
				} else if wrong := validate(schema, e); len(wrong) > 0 {
					t.Errorf("%s departs from its schema: %s", kind, strings.Join(wrong, "; "))
				}
			}
			if len(page) < 500 {
				return types
			}
		}
	}

	for _, c := range []struct {
		name string
		do   func()
		want string
	}{
		{"accounts were connected", func() {}, "connected_account.created connected_account.connected connected_account.successful_login " +
			"connected_account.completed_first_sync connect_webview.login_succeeded device.added device.connected access_code.unmanaged.created"},
		{"a sign-in to a locked account", func() { webview("locked@example.com") }, "connect_webview.login_failed"},
		{"a sign-in", func() { webview("sam@example.com") }, "connect_webview.login_succeeded connected_account.created"},
		{"lock", func() { attempt("/locks/lock_door", "success") }, "lock.locked action_attempt.lock_door.succeeded"},
		{"unlock", func() { attempt("/locks/unlock_door", "success") }, "lock.unlocked action_attempt.unlock_door.succeeded"},
		{"lock a jammed lock", func() { fail(lock, "jammed"); attempt("/locks/lock_door", "error") }, "action_attempt.lock_door.failed"},
		{"unlock a jammed lock", func() { fail(lock, "jammed"); attempt("/locks/unlock_door", "error") }, "action_attempt.unlock_door.failed"},
		{"a code", func() { code = create(lock, "4821", nil) }, "access_code.created access_code.mutations_requested access_code.set_on_device"},
		{"someone enters it", func() { ask("/locks/simulate/keypad_code_entry", fields{"device_id": lock, "code": "4821"}) },
			"lock.unlocked action_attempt.simulate_keypad_code_entry.succeeded"},
		{"someone enters another", func() { ask("/locks/simulate/keypad_code_entry", fields{"device_id": lock, "code": "0000"}) },
			"lock.access_denied action_attempt.simulate_keypad_code_entry.failed"},
		{"someone locks by hand", func() {
			ask("/locks/simulate/manual_lock_via_keypad", dev)
		}, "lock.locked action_attempt.simulate_manual_lock_via_keypad.succeeded"},
		{"someone locks a jammed lock by hand", func() { fail(lock, "jammed"); ask("/locks/simulate/manual_lock_via_keypad", dev) },
			"action_attempt.simulate_manual_lock_via_keypad.failed"},
		{"another PIN", func() { ask("/access_codes/update", fields{"access_code_id": code, "code": "5930", "sync": true}) },
			"access_code.mutations_requested access_code.changed access_code.code_changed"},
		{"another name", func() { ask("/access_codes/update", fields{"access_code_id": code, "name": "Friend", "sync": true}) },
			"access_code.changed access_code.name_changed"},
		{"other times", func() {
			ask("/access_codes/update", fields{"access_code_id": code, "starts_at": now(0), "ends_at": now(24 * time.Hour), "sync": true})
		}, "access_code.changed access_code.time_frame_changed"},
		{"someone changes it at the lock", func() {
			ask("/keyway/v1/sandbox/change_code_on_lock", fields{"access_code_id": code, "code": "7777"})
		}, "access_code.modified_external_to_seam access_code.set_on_device"},
		{"someone takes it off the lock", func() { ask("/keyway/v1/sandbox/change_code_on_lock", fields{"access_code_id": code}) },
			"access_code.deleted_external_to_seam access_code.set_on_device"},
		{"it ends", func() { pass(25 * time.Hour) }, "access_code.removed_from_device access_code.deleted"},
		{"a lock that refuses a code", func() {
			fail(lock, "refused", "refused", "refused")
			other = create(lock, "8253", nil)
			pass(time.Minute)
		},
			"access_code.failed_to_set_on_device access_code.set_on_device"},
		{"a lock that keeps a code", func() { fail(lock, "refused", "silent", "refused"); remove(other); pass(time.Minute) },
			"access_code.failed_to_remove_from_device access_code.removed_from_device"},
		{"a code for the weekend", func() {
			weekend = create(lock, "6142", fields{"starts_at": now(2 * time.Hour), "ends_at": now(50 * time.Hour),
				"use_backup_access_code_pool": true})
		}, "access_code.scheduled_on_device"},
		{"the weekend begins", func() { pass(3 * time.Hour) }, "access_code.set_on_device"},
		{"its backup", func() {
			ask("/access_codes/pull_backup_access_code", fields{"access_code_id": weekend})
		}, "access_code.backup_access_code_pulled"},
		{"a lock goes offline", func() { other = create(lock, "9364", nil); ask("/devices/simulate/disconnect", dev) }, "device.disconnected"},
		{"codes wait for it", func() { create(lock, "2468", nil); remove(other); pass(10 * time.Minute) },
			"access_code.delay_in_setting_on_device access_code.delay_in_removing_from_device"},
		{"it is back", func() {
			ask("/devices/simulate/connect", dev)
		}, "device.connected access_code.set_on_device access_code.removed_from_device"},
		{"someone's own code", func() { other = unmanaged(lock, "3579") }, "access_code.unmanaged.created"},
		{"it becomes managed", func() {
			ask("/access_codes/unmanaged/convert_to_managed", fields{"access_code_id": other})
		}, "access_code.unmanaged.converted_to_managed"},
		{"another workspace takes it over", func() { elsewhere(other) }, "access_code.changed"},
		{"it stays there", func() {
			w.refused(t, 400, "access_code_managed_by_another_workspace", w.PAT, ws, "/access_codes/unmanaged/convert_to_managed",
				fields{"access_code_id": other})
		}, "access_code.unmanaged.failed_to_convert_to_managed"},
		{"it is taken back", func() {
			ask("/access_codes/unmanaged/convert_to_managed", fields{"access_code_id": other, "force": true})
		}, "access_code.unmanaged.converted_to_managed"},
		{"another is taken off", func() {
			ask("/access_codes/unmanaged/delete", fields{"access_code_id": unmanaged(lock, "1357"), "sync": true})
		}, "access_code.unmanaged.removed"},
		{"one that cannot become managed", func() {
			w.refused(t, 400, "not_supported", w.PAT, ws, "/access_codes/unmanaged/convert_to_managed",
				fields{"access_code_id": unmanaged(fixed, "357246")})
		}, "access_code.unmanaged.failed_to_convert_to_managed"},
		{"a subscription ends", func() {
			ask("/devices/simulate/paid_subscription", fields{"device_id": paid, "is_expired": true})
		}, "device.error.subscription_required"},
		{"it is renewed", func() {
			ask("/devices/simulate/paid_subscription", fields{"device_id": paid, "is_expired": false})
		}, "device.error.subscription_required.resolved"},
		{"a device is renamed", func() { ask("/devices/update", fields{"device_id": lock, "name": "Boat house"}) }, "device.name_changed"},
		{"a device is let go", func() {
			ask("/devices/update", fields{"device_id": lock, "is_managed": false})
		}, "device.converted_to_unmanaged"},
		{"it goes offline", func() { ask("/devices/simulate/disconnect", dev) }, "device.unmanaged.disconnected"},
		{"it comes back", func() { ask("/devices/simulate/connect", dev) }, "device.unmanaged.connected"},
		{"it is managed again", func() {
			ask("/devices/unmanaged/update", fields{"device_id": lock, "is_managed": true})
		}, "device.unmanaged.converted_to_managed"},
		{"the battery runs low", func() {
			tell(fields{"battery_level": 1})
			tell(fields{"battery_level": 0.2})
		}, "device.battery_status_changed device.low_battery"},
		{"the keypad goes", func() { tell(fields{"accessory_keypad_connected": false}) }, "device.accessory_keypad_disconnected"},
		{"the keypad is back", func() { tell(fields{"accessory_keypad_connected": true}) }, "device.accessory_keypad_connected"},
		{"the connection comes and goes", func() { tell(fields{"connection_flaky": true}) }, "device.connection_became_flaky"},
		{"it is stable", func() { tell(fields{"connection_flaky": false}) }, "device.connection_stabilized"},
		{"another service manages it too", func() { tell(fields{"third_party_integration": true}) }, "device.third_party_integration_detected"},
		{"the other service leaves", func() {
			tell(fields{"third_party_integration": false})
		}, "device.third_party_integration_no_longer_detected"},
		{"someone wants to be alone", func() { tell(fields{"device_id": private, "privacy_mode": true}) }, "device.salto.privacy_mode_activated"},
		{"no longer", func() { tell(fields{"device_id": private, "privacy_mode": false}) }, "device.salto.privacy_mode_deactivated"},
		{"someone tampers with it", func() { tell(fields{"tampered": true}) }, "device.tampered"},
		{"someone rings", func() { tell(fields{"device_id": bell, "doorbell_rang": true}) }, "device.doorbell_rang"},
		{"the brand wants a new sign-in", func() {
			ask("/keyway/v1/sandbox/request_reauthorization", fields{"connected_account_id": account})
		}, "connected_account.reauthorization_requested"},
		{"it leaves its account", func() { ask("/devices/simulate/remove", dev) }, "device.removed"},
		{"it is forgotten", func() { ask("/devices/delete", dev) }, "device.deleted"},
		{"an account is disconnected", func() { ask("/connected_accounts/simulate/disconnect", fields{"connected_account_id": account}) },
			"connected_account.disconnected device.disconnected"},
		{"it is connected again", func() {
			w.connect(t, ws, "august")
		}, "connected_account.connected connected_account.completed_first_sync_after_reconnection device.connected"},
		{"it is forgotten too", func() {
			ask("/connected_accounts/delete", fields{"connected_account_id": account})
		}, "connected_account.deleted device.deleted"},
		{"a client session is deleted", func() {
			s := ask("/client_sessions/create", fields{"user_identifier_key": "guest"}).object(t, "client_session")
			ask("/client_sessions/delete", fields{"client_session_id": s["client_session_id"]})
		}, "client_session.deleted"},
	} {
		c.do()
		got := news()
		missing := func() []string {
			return slices.DeleteFunc(strings.Fields(c.want), func(kind string) bool { return slices.Contains(got, kind) })
		}
		for deadline := time.Now().Add(time.Minute); len(missing()) > 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			got = append(got, news()...)
		}
		if m := missing(); len(m) > 0 {
			t.Errorf("%s: no %s, only %s", c.name, strings.Join(m, ", "), strings.Join(got, ", "))
		}
	}
	for kind := range variants {
		resource, _, _ := strings.Cut(kind, ".")
		if !slices.Contains([]string{"access_code", "action_attempt", "client_session", "connected_account", "connect_webview", "device", "lock"},
			resource) {
			continue
		}
		if !caused[kind] {
			t.Errorf("nothing causes %s", kind)
		}
	}
}
