package conformance

import (
	"slices"
	"strings"
	"testing"
)

// otherThings are the accepted_providers of the document that are no locks, thermostats or noise sensors
// with devices: access control systems and what issues their credentials, cameras, calendars and booking
// systems, and a brand whose type of device the document has no more.
var otherThings = strings.Fields(`assa_abloy_credential_service assa_abloy_vostio assa_abloy_vostio_credential_service dormakaba_ambiance
	dormakaba_community hid_cm hotek latch legic_connect pti salto_space seam_passport visionline
	ring acuity_scheduling guesty hostaway ical lodgify slack korelock`)

// Every brand of locks, thermostats and noise sensors in the document can be connected, and all that
// its account contains is as the document says.
func TestEveryBrandIsConnected(t *testing.T) {
	t.Parallel()
	w := start(t)
	document, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	ws := text(t, w.ok(t, w.PAT, "", "/workspaces/create", fields{"name": "All brands", "is_sandbox": true}).object(t, "workspace"),
		"workspace_id")
	asks := document.Paths.Value("/connect_webviews/create").Post.RequestBody.Value.Content["application/json"].Schema.Value
	names := map[string]bool{}
	for _, v := range asks.Properties["accepted_providers"].Value.Items.Value.Enum {
		name := v.(string)
		made := w.ok(t, w.PAT, ws, "/connect_webviews/create", fields{"accepted_providers": []string{name}}).object(t, "connect_webview")
		brands, _ := made["accepted_providers"].([]any)
		switch {
		case slices.Contains(otherThings, name) && len(brands) > 0:
			t.Errorf("%s shows %v", name, brands)
		case slices.Contains(otherThings, name):
		case len(brands) != 1:
			t.Errorf("%s shows %v", name, brands)
		default:
			names[brands[0].(string)] = true
		}
	}
	for name := range names {
		w.connect(t, ws, name)
	}
	w.ok(t, w.PAT, ws, "/keyway/v1/sandbox/advance_time", fields{"seconds": 0}) // the locks are read
	found, codes := map[string]bool{}, 0
	for _, d := range w.ok(t, w.PAT, ws, "/devices/list", fields{}).objects(t, "devices") {
		found[text(t, d["device_provider"].(fields), "device_provider_name")] = true
		codes += len(w.ok(t, w.PAT, ws, "/access_codes/unmanaged/list", fields{"device_id": d["device_id"]}).objects(t, "access_codes"))
	}
	for name := range names {
		if !found[name] {
			t.Errorf("%s has no devices", name)
		}
	}
	if len(names) < 40 || codes == 0 {
		t.Errorf("%d brands, %d codes that others made", len(names), codes)
	}
}
