package device_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/store"
	"keyway/internal/wiring/apitest"
)

// What a device reports of itself shows on it, and causes one event.
func TestDevicesTellOfThemselves(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		first := map[string]string{}
		for _, brand := range []string{"salto_ks", "akuvox", "igloohome"} {
			w.Connect(h.ws, brand)
		}
		for _, d := range h.list(nil) {
			if first[string(d.Type)] == "" && string(d.Properties["online"]) == "true" {
				first[string(d.Type)] = d.ID
			}
		}
		august, yale, salto, akuvox, igloo, ecobee := first["august_lock"], first["yale_lock"], first["salto_lock"], first["akuvox_lock"],
			first["igloohome_lock"], first["ecobee_thermostat"]
		news := func(since time.Time, id string) string {
			t.Helper()
			var out struct {
				Events []struct {
					Type string `json:"event_type"`
				} `json:"events"`
			}
			h.call("/events/list", map[string]any{"since": since, "device_id": id}, &out)
			var kinds []string
			for _, e := range out.Events {
				kinds = append(kinds, strings.TrimPrefix(e.Type, "device."))
			}
			return strings.Join(kinds, " ")
		}
		shows := func(d device.Device) string {
			var codes []string
			for _, warning := range d.Warnings {
				codes = append(codes, warning.Code)
			}
			return strings.Join(codes, " ")
		}
		works := func(flags ...*bool) bool {
			return !slices.ContainsFunc(flags, func(f *bool) bool { return f != nil && !*f })
		}
		type in = map[string]any
		for _, c := range []struct {
			name, device string
			tell         in
			events       string
			warnings     string
			codes        bool // whether codes can be programmed and open it
			properties   in   // as JSON text
		}{
			{"half a battery", august, in{"battery_level": 0.5}, "", "", true,
				in{"battery": `{"level":0.5,"status":"good"}`, "battery_level": "0.5"}},
			{"a low one", august, in{"battery_level": 0.2}, "battery_status_changed low_battery", "", true,
				in{"battery": `{"level":0.2,"status":"low"}`, "battery_level": "0.2"}},
			{"a little less", august, in{"battery_level": 0.15}, "", "", true, in{"battery_level": "0.15"}},
			{"hardly any", august, in{"battery_level": 0}, "battery_status_changed", "", true, in{"battery": `{"level":0,"status":"critical"}`}},
			{"a new one", august, in{"battery_level": 1}, "battery_status_changed", "", true, in{"battery": `{"level":1,"status":"full"}`}},
			{"the keypad goes", august, in{"accessory_keypad_connected": false}, "accessory_keypad_disconnected", "", false,
				in{"accessory_keypad": `{"is_connected":false}`, "keypad_battery": "", "online_access_codes_enabled": "false"}},
			{"it is still away", august, in{"accessory_keypad_connected": false}, "", "", false, nil},
			{"it is back", august, in{"accessory_keypad_connected": true}, "accessory_keypad_connected", "", true,
				in{"accessory_keypad": `{"battery":{"level":1},"is_connected":true}`, "keypad_battery": `{"level":1}`}},
			{"its battery is low", august, in{"accessory_keypad_battery_level": 0.1}, "low_battery", "", true,
				in{"keypad_battery": `{"level":0.1}`}},
			{"and lower", august, in{"accessory_keypad_battery_level": 0.05}, "", "", true, in{"keypad_battery": `{"level":0.05}`}},
			{"a keypad beside keys of its own", igloo, in{"accessory_keypad_connected": false}, "accessory_keypad_disconnected", "", true, nil},
			{"two things at once", august, in{"connection_flaky": true, "third_party_integration": true},
				"connection_became_flaky third_party_integration_detected", "device_has_flaky_connection third_party_integration_detected", true, nil},
			{"one of them ends", august, in{"connection_flaky": false}, "connection_stabilized", "third_party_integration_detected", true, nil},
			{"the other too", august, in{"third_party_integration": false}, "third_party_integration_no_longer_detected", "", true, nil},
			{"privacy", salto, in{"privacy_mode": true}, "salto.privacy_mode_activated", "salto_ks_privacy_mode", false, nil},
			{"no privacy", salto, in{"privacy_mode": false}, "salto.privacy_mode_deactivated", "", true, nil},
			{"another brand's privacy", yale, in{"privacy_mode": true}, "", "privacy_mode", false, nil},
			{"somebody tampers", ecobee, in{"tampered": true}, "tampered", "", true, nil},
			{"somebody rings", akuvox, in{"doorbell_rang": true}, "doorbell_rang", "", true, nil},
		} {
			w.Pass(time.Second)
			since := w.Now()
			c.tell["device_id"] = c.device
			h.call("/keyway/v1/sandbox/simulate_device", c.tell, nil)
			d := h.get(t, c.device)
			if got := news(since, c.device); got != c.events {
				t.Errorf("%s: events %q, want %q", c.name, got, c.events)
			}
			if got := shows(d); got != c.warnings {
				t.Errorf("%s: warnings %q, want %q", c.name, got, c.warnings)
			}
			if works(d.CanUnlockWithCode) != c.codes {
				t.Errorf("%s: flags %+v", c.name, d.Flags)
			}
			for name, want := range c.properties {
				if got := string(d.Properties[name]); got != want {
					t.Errorf("%s: %s is %s, want %s", c.name, name, got, want)
				}
			}
		}

		before := h.list(nil)
		refused := func(tell in, status int, kind string) {
			t.Helper()
			h.Refused(apitest.Request{Path: "/keyway/v1/sandbox/simulate_device", Token: h.pat, Workspace: h.ws.ID, Body: tell}, status, kind)
		}
		for _, tell := range []in{{"battery_level": 1.5}, {"battery_level": -0.1}, {"battery_level": "full"}, {}} {
			tell["device_id"] = august
			refused(tell, 400, "invalid_input")
		}
		refused(in{"device_id": ecobee, "battery_level": 0.5}, 400, "not_supported")
		refused(in{"device_id": yale, "accessory_keypad_connected": true}, 400, "not_supported")
		refused(in{"device_id": august, "privacy_mode": true, "tampered": true}, 400, "not_supported")
		refused(in{"device_id": august, "doorbell_rang": true}, 400, "not_supported")
		refused(in{"device_id": store.NewID(), "tampered": true}, 404, "device_not_found")
		if after := h.list(nil); !equal(t, before, after) {
			t.Error("a refused request has changed a device")
		}
		h.call("/devices/simulate/disconnect", in{"device_id": august}, nil)
		refused(in{"device_id": august, "battery_level": 0.5}, 400, "device_offline")
		w.Pass(time.Second)
		since := w.Now()
		h.call("/devices/simulate/connect", in{"device_id": august}, nil)
		if got := news(since, august); got != "connected" {
			t.Errorf("back online: %s", got)
		}
		jane, err := w.People.ByEmail(t.Context(), w.DB, "jane@example.com")
		w.Must(err)
		w.Refused(apitest.Request{Path: "/keyway/v1/sandbox/simulate_device", Token: h.pat, Workspace: w.Workspace(jane, "Production", false).ID,
			Body: in{"device_id": august, "tampered": true}}, 400, "workspace_not_sandbox")
	})
}

func equal(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}
