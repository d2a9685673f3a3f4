package conformance

import (
	"testing"
)

// Every endpoint around accounts, webviews and client sessions answers as the contract says, and so
// does every event that they cause; the recorder checks each answer against its schema.
func TestConnectingMatchesTheContract(t *testing.T) {
	t.Parallel()
	w := start(t)
	ws := w.Harbour.WorkspaceID
	call := func(path string, body fields) answer { return w.ok(t, w.PAT, ws, path, body) }
	dev := w.Harbour.Devices[0].DeviceID
	account := text(t, call("/devices/get", fields{"device_id": dev}).object(t, "device"), "connected_account_id")

	webview := text(t, call("/connect_webviews/create", fields{"customer_key": "c", "custom_metadata": fields{"a": true}}).object(t,
		"connect_webview"), "connect_webview_id")
	call("/connect_webviews/get", fields{"connect_webview_id": webview})
	call("/connect_webviews/list", fields{"search": "august"})
	session := call("/client_sessions/create", fields{"user_identifier_key": "u", "connected_account_ids": []string{account},
		"connect_webview_ids": []string{webview}}).object(t, "client_session")
	id := text(t, session, "client_session_id")
	call("/client_sessions/get", fields{"user_identifier_key": "u"})
	call("/client_sessions/get_or_create", fields{"user_identifier_key": "u"})
	call("/client_sessions/grant_access", fields{"client_session_id": id, "connected_account_ids": []string{account}})
	call("/client_sessions/list", fields{"connect_webview_id": webview})
	for _, path := range []string{"/devices/list", "/workspaces/get", "/workspaces/list", "/connect_webviews/list",
		"/devices/list_device_providers"} {
		w.ok(t, text(t, session, "token"), "", path, fields{})
	}
	for _, path := range []string{"disconnect", "connect", "disconnect_from_hub", "connect_to_hub", "remove", "connect"} {
		call("/devices/simulate/"+path, fields{"device_id": dev})
	}
	call("/devices/update", fields{"device_id": dev, "name": "Renamed"})
	call("/devices/update", fields{"device_id": dev, "is_managed": false})
	call("/devices/unmanaged/get", fields{"device_id": dev})
	call("/devices/unmanaged/list", fields{})
	call("/devices/unmanaged/update", fields{"device_id": dev, "is_managed": true})
	call("/connected_accounts/simulate/disconnect", fields{"connected_account_id": account})
	call("/connected_accounts/get", fields{"connected_account_id": account})
	call("/connected_accounts/list", fields{})
	call("/devices/list", fields{})
	w.connect(t, ws, "august")
	call("/connected_accounts/sync", fields{"connected_account_id": account})
	call("/connected_accounts/update", fields{"connected_account_id": account, "custom_metadata": fields{"k": "v"}, "customer_key": "c"})
	call("/workspaces/find_anything", fields{"search": "august"})
	zone := fields{"device_id": w.Hill.Devices[0].DeviceID, "schlage_metadata": fields{"time_zone": "Europe/Oslo"}}
	w.ok(t, w.PAT, w.Hill.WorkspaceID, "/devices/report_provider_metadata", fields{"devices": []fields{zone}})
	w.connect(t, ws, "nuki")
	paid := call("/devices/list", fields{"device_type": "nuki_lock"}).objects(t, "devices")[0]
	call("/devices/simulate/paid_subscription", fields{"device_id": paid["device_id"], "is_expired": true})
	hook := text(t, call("/webhooks/create", fields{"url": "https://example.com/hook"}).object(t, "webhook"), "webhook_id")
	call("/webhooks/update", fields{"webhook_id": hook, "event_types": []string{"lock.locked"}})
	call("/webhooks/get", fields{"webhook_id": hook})
	call("/webhooks/list", fields{})
	call("/webhooks/delete", fields{"webhook_id": hook})
	call("/devices/delete", fields{"device_id": dev})
	call("/client_sessions/revoke", fields{"client_session_id": id})
	call("/client_sessions/delete", fields{"client_session_id": id})
	call("/connect_webviews/delete", fields{"connect_webview_id": webview})
	call("/connected_accounts/delete", fields{"connected_account_id": account})
	events := call("/events/list", fields{"since": "2020-01-01T00:00:00Z"}).objects(t, "events")
	if len(events) < 20 {
		t.Fatalf("only %d events", len(events))
	}
	call("/events/get", fields{"event_id": events[0]["event_id"]})
	w.http.Transport.(*recorder).sawAll(t, "/client_sessions/", "/connect_webviews/", "/connected_accounts/", "/devices/", "/events/",
		"/webhooks/")
}
