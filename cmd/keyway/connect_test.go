package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// happened lists the types of the events of a workspace, oldest first.
func (w *world) happened(t *testing.T, p place, since string, filter fields) (types []string) {
	t.Helper()
	filter["since"] = since
	for _, e := range w.ok(t, p.key, "/events/list", filter).body["events"].([]any) {
		types = append(types, e.(fields)["event_type"].(string))
	}
	return types
}

const ever = "2020-01-01T00:00:00Z"

func codes(of fields, list, key string) (out []string) {
	for _, e := range of[list].([]any) {
		out = append(out, e.(fields)[key].(string))
	}
	return out
}

func TestWebviewParameters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		webview := func(body fields) fields {
			return w.ok(t, w.here.key, "/connect_webviews/create", body).object(t, "connect_webview")
		}
		all := webview(fields{})
		if all["any_provider_allowed"] != true || len(all["accepted_providers"].([]any)) < 30 || all["status"] != "pending" ||
			all["automatically_manage_new_devices"] != true {
			t.Errorf("a webview without limits is %v", all)
		}
		if some := webview(fields{"provider_category": "thermostats",
			"excluded_providers": []string{"nest"}}); slices.Contains(some["accepted_providers"].([]any), any("nest")) ||
			!slices.Contains(some["accepted_providers"].([]any), any("ecobee")) ||
			slices.Contains(some["accepted_providers"].([]any), any("august")) {
			t.Errorf("thermostats but not nest: %v", some["accepted_providers"])
		}
		if alias := webview(fields{"accepted_providers": []string{"google_nest", "visionline"}}); len(alias["accepted_providers"].([]any)) != 1 {
			t.Errorf("google_nest is %v", alias["accepted_providers"])
		}
		for param, value := range map[string]any{"custom_redirect_url": "javascript:alert(1)", "accepted_providers": []string{"nobody"},
			"custom_metadata": fields{"a.b": "c"}, "accepted_capabilities": []string{"teapot"}} {
			if a := w.call(t, w.here.key, "/connect_webviews/create", fields{param: value}); a.status != 400 || a.kind() != "invalid_input" ||
				!strings.Contains(a.raw, param) {
				t.Errorf("%s %v: %d %s", param, value, a.status, a.raw)
			}
		}
		// A customer's account cannot become another's; the same customer may connect it again.
		answers, err := w.Simulate.StandardAnswers(true, "schlage", "sam")
		if err != nil {
			t.Fatal(err)
		}
		for i, customer := range []string{"one", "one", "two"} {
			v := webview(fields{"customer_key": customer, "automatically_manage_new_devices": false, "custom_metadata": fields{"n": customer}})
			_, err := w.Webviews.Complete(t.Context(), v["connect_webview_id"].(string), "schlage", answers)
			if (err != nil) != (i == 2) {
				t.Errorf("customer %s, time %d: %v", customer, i+1, err)
			}
		}
		if n := len(w.ok(t, w.here.key, "/devices/list", fields{}).ids("devices", "device_id")); n != 0 {
			t.Errorf("%d devices became managed", n)
		}
		devices := w.ok(t, w.here.key, "/devices/unmanaged/list", fields{"customer_key": "one"}).body["devices"].([]any)
		if len(devices) < 2 {
			t.Fatalf("%d unmanaged devices", len(devices))
		}
		id := devices[0].(fields)["device_id"]
		if a := w.call(t, w.here.key, "/devices/update", fields{"device_id": id, "name": "x"}); a.kind() != "device_unmanaged" {
			t.Errorf("updating an unmanaged device: %d %s", a.status, a.raw)
		}
		w.ok(t, w.here.key, "/devices/unmanaged/update", fields{"device_id": id, "is_managed": true})
		w.ok(t, w.here.key, "/devices/get", fields{"device_id": id})
		if a := w.call(t, w.here.key, "/devices/unmanaged/get", fields{"device_id": id}); a.status != 404 {
			t.Errorf("a managed device is unmanaged too: %d %s", a.status, a.raw)
		}
	})
}

func TestSimulations(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		for _, c := range []struct {
			brand, path string
			body        fields
			code        string // of the error that is there afterwards
			online      bool
			event       string
			back        string
			backBody    fields
			backEvent   string
		}{
			{"august", "disconnect", fields{}, "device_disconnected", false, "device.disconnected", "connect", fields{}, "device.connected"},
			{"ttlock", "disconnect_from_hub", fields{}, "hub_disconnected", false, "device.disconnected", "connect_to_hub", fields{},
				"device.connected"},
			{"nuki", "paid_subscription", fields{"is_expired": true}, "subscription_required", true, "device.error.subscription_required",
				"paid_subscription", fields{"is_expired": false}, "device.error.subscription_required.resolved"},
			{"yale", "remove", fields{}, "device_removed", false, "device.removed", "connect", fields{}, "device.connected"},
		} {
			account := w.connect(t, w.here, c.brand, "sam")
			id := w.ok(t, w.here.key, "/devices/list", fields{"connected_account_id": account}).ids("devices", "device_id")[0]
			read := func() fields {
				return w.ok(t, w.here.key, "/devices/get", fields{"device_id": id}).object(t, "device")
			}
			before := read()
			do := func(name string, body fields) {
				b := fields{"device_id": id}
				for k, v := range body {
					b[k] = v
				}
				w.ok(t, w.here.key, "/devices/simulate/"+name, b)
			}
			for range 2 { // the second time nothing happens
				do(c.path, c.body)
			}
			troubled := read()
			if got := codes(troubled, "errors", "error_code"); !slices.Contains(got, c.code) || len(got) != 1 ||
				troubled["properties"].(fields)["online"] != c.online || troubled["can_remotely_unlock"] != false {
				t.Errorf("%s after %s: errors %v, %v", c.brand, c.path, got, troubled)
			}
			do(c.back, c.backBody)
			after := read()
			for _, flag := range []string{"can_remotely_unlock", "can_remotely_lock", "can_program_online_access_codes", "can_unlock_with_code"} {
				if before[flag] != after[flag] {
					t.Errorf("%s after %s: %s is %v, was %v", c.brand, c.back, flag, after[flag], before[flag])
				}
			}
			if len(after["errors"].([]any)) != 0 || after["properties"].(fields)["online"] != true {
				t.Errorf("%s after %s: %v", c.brand, c.back, after)
			}
			types := w.happened(t, w.here, ever, fields{"device_id": id})
			if want := []string{"device.added", "device.connected", c.event, c.backEvent}; !slices.Equal(types, want) {
				t.Errorf("%s: events %v, want %v", c.brand, types, want)
			}
		}
		if a := w.call(t, w.here.key, "/devices/simulate/remove",
			fields{"device_id": w.ok(t, w.here.key, "/devices/list", fields{"manufacturer": "nuki"}).ids("devices",
				"device_id")[0]}); a.status != 400 || a.kind() != "not_supported" {
			t.Errorf("removing what cannot be: %d %s", a.status, a.raw)
		}
		production := w.place(t, "Production", false)
		if a := w.call(t, production.key, "/devices/simulate/connect", fields{"device_id": store.NewID()}); a.kind() != "workspace_not_sandbox" {
			t.Errorf("simulating in production: %d %s", a.status, a.raw)
		}
	})
}

func TestAccountLife(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		id := w.connect(t, w.here, "august", "sam")
		devices := w.ok(t, w.here.key, "/devices/list", fields{"connected_account_id": id}).ids("devices", "device_id")

		// Disconnected, everything in it stands still; connected again, it goes on where it was.
		w.ok(t, w.here.key, "/connected_accounts/simulate/disconnect", fields{"connected_account_id": id})
		acc := w.ok(t, w.here.key, "/connected_accounts/get", fields{"connected_account_id": id}).object(t, "connected_account")
		dev := w.ok(t, w.here.key, "/devices/get", fields{"device_id": devices[0]}).object(t, "device")
		if !slices.Equal(codes(acc, "errors", "error_code"), []string{"account_disconnected"}) ||
			!slices.Equal(codes(dev, "errors", "error_code"), []string{"account_disconnected"}) || dev["properties"].(fields)["online"] != false {
			t.Errorf("disconnected: %v %v", acc, dev)
		}
		if again := w.connect(t, w.here, "august", "sam"); again != id {
			t.Errorf("the account connected again is another: %s", again)
		}
		dev = w.ok(t, w.here.key, "/devices/get", fields{"device_id": devices[0]}).object(t, "device")
		if len(dev["errors"].([]any)) != 0 || dev["properties"].(fields)["online"] != true || dev["can_remotely_unlock"] != true {
			t.Errorf("connected again: %v", dev)
		}
		types := w.happened(t, w.here, ever, fields{"connected_account_id": id})
		for _, want := range []string{"connected_account.created", "connected_account.completed_first_sync", "connect_webview.login_succeeded",
			"connected_account.disconnected", "device.disconnected", "connected_account.completed_first_sync_after_reconnection"} {
			if !slices.Contains(types, want) {
				t.Errorf("no %s in %v", want, types)
			}
		}

		// A device that was deleted comes back with the next sync.
		w.ok(t, w.here.key, "/devices/delete", fields{"device_id": devices[0]})
		w.ok(t, w.here.key, "/connected_accounts/sync", fields{"connected_account_id": id})
		if n := len(w.ok(t, w.here.key, "/devices/list", fields{"connected_account_id": id}).ids("devices", "device_id")); n != len(devices) {
			t.Errorf("%d devices after the sync, want %d", n, len(devices))
		}

		// Updates: metadata is replaced, a customer is given once and reaches the devices.
		w.ok(t, w.here.key, "/connected_accounts/update", fields{"connected_account_id": id, "custom_metadata": fields{"a": "1", "b": true}})
		acc = w.ok(t, w.here.key, "/connected_accounts/update",
			fields{"connected_account_id": id, "custom_metadata": fields{"c": "3"}, "customer_key": "guest", "display_name": "The house"}).object(t,
			"connected_account")
		if len(acc["custom_metadata"].(fields)) != 1 || acc["display_name"] != "The house" {
			t.Errorf("updated: %v", acc)
		}
		if n := len(w.ok(t, w.here.key, "/devices/list", fields{"customer_key": "guest"}).ids("devices", "device_id")); n != len(devices) {
			t.Errorf("%d devices are the customer's", n)
		}
		if n := len(w.ok(t, w.here.key, "/connected_accounts/list",
			fields{"custom_metadata_has": fields{"c": "3"}, "search": "the house"}).ids("connected_accounts", "connected_account_id")); n != 1 {
			t.Errorf("%d accounts are found", n)
		}
		if a := w.call(t, w.here.key, "/connected_accounts/update",
			fields{"connected_account_id": id, "customer_key": "other"}); a.status != 400 || a.kind() != "customer_key_conflict" {
			t.Errorf("another customer: %d %s", a.status, a.raw)
		}

		found := w.ok(t, w.here.key, "/workspaces/find_anything", fields{"search": "the house"}).object(t, "batch")
		if len(found["connected_accounts"].([]any)) != 1 {
			t.Errorf("find_anything: %v", found)
		}
		w.ok(t, w.here.key, "/connected_accounts/delete", fields{"connected_account_id": id})
		if n := len(w.ok(t, w.here.key, "/devices/list", fields{}).ids("devices", "device_id")); n != 0 {
			t.Errorf("%d devices outlive their account", n)
		}
		types = w.happened(t, w.here, ever, fields{"connected_account_id": id,
			"event_types": []string{"device.deleted", "connected_account.deleted"}})
		if len(types) != 2+len(devices) {
			t.Errorf("deleting left %v", types)
		}
	})
}

func TestTelemetryAndCORS(t *testing.T) {
	t.Parallel()
	w := setup(t, storetest.SQLite(t))
	if a := w.send(t, http.MethodPost, "/internal/tlmtry", http.Header{}, []any{1, "x"}); a.status != http.StatusNoContent || a.raw != "" {
		t.Errorf("telemetry: %d %q", a.status, a.raw)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, w.URL+"/client_sessions/get_or_create", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://app.example.com")
	res, err := w.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	allowed := strings.ToLower(res.Header.Get("Access-Control-Allow-Headers"))
	for _, h := range []string{"client-session-token", "seam-client-session-token", "seam-publishable-key", "seam-user-identifier-key",
		"authorization", "seam-sdk-name"} {
		if !strings.Contains(allowed, h) {
			t.Errorf("a preflight does not allow %s: %s", h, allowed)
		}
	}
	if res.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
		t.Errorf("CORS: %v", res.Header)
	}
}
