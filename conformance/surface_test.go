package conformance

import (
	"testing"
)

// Every endpoint around accounts, webviews and client sessions answers as the contract says, and so
// does every event that they cause; the recorder holds each answer against its schema.
func TestConnectingMatchesTheContract(t *testing.T) {
	t.Parallel()
	w := start(t)
	ws := w.Harbour.WorkspaceID
	call := func(path string, body fields) answer { return w.ok(t, w.PAT, ws, path, body) }
	dev := w.Harbour.Devices[0].DeviceID
	account := text(t, call("/devices/get", fields{"device_id": dev}).object(t, "device"), "connected_account_id")

	webview := text(t, call("/connect_webviews/create", fields{"customer_key": "c", "custom_metadata": fields{"a": true}}).object(t, "connect_webview"), "connect_webview_id")
	call("/connect_webviews/list", fields{"search": "august"})
	session := call("/client_sessions/create", fields{"user_identifier_key": "u", "connected_account_ids": []string{account}, "connect_webview_ids": []string{webview},
		"user_identity_id": "2e8a1b0c-7a0d-4b6f-9a0e-0d9f4f1d3c11"}).object(t, "client_session")
	id := text(t, session, "client_session_id")
	call("/client_sessions/get", fields{"user_identifier_key": "u"})
	call("/client_sessions/get_or_create", fields{"user_identifier_key": "u"})
	call("/client_sessions/grant_access", fields{"client_session_id": id, "connected_account_ids": []string{account}})
	call("/client_sessions/list", fields{"connect_webview_id": webview})
	for _, path := range []string{"/devices/list", "/workspaces/get", "/workspaces/list", "/connect_webviews/list", "/devices/list_device_providers"} {
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
	call("/connected_accounts/list", fields{})
	call("/devices/list", fields{})
	w.connect(t, ws, "august")
	call("/connected_accounts/sync", fields{"connected_account_id": account})
	call("/connected_accounts/update", fields{"connected_account_id": account, "custom_metadata": fields{"k": "v"}, "customer_key": "c"})
	call("/workspaces/find_anything", fields{"search": "august"})
	call("/devices/delete", fields{"device_id": dev})
	call("/client_sessions/revoke", fields{"client_session_id": id})
	call("/client_sessions/delete", fields{"client_session_id": id})
	call("/connect_webviews/delete", fields{"connect_webview_id": webview})
	call("/connected_accounts/delete", fields{"connected_account_id": account})
	if n := len(call("/events/list", fields{"since": "2020-01-01T00:00:00Z"}).objects(t, "events")); n < 20 {
		t.Errorf("only %d events", n)
	}
}
