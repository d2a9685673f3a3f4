// Package things is the pages of what a workspace has: devices, codes, accounts, events, webhooks, webviews, sessions.
package things

import (
	"embed"

	"keyway/internal/console/frame"
)

//go:embed templates/*.html
var templates embed.FS

// request is a request for a page of this area.
type request struct{ *frame.Request }

// page makes a handler of the frame from one of this area.
func page(handle func(*request) error) frame.Handler {
	return func(q *frame.Request) error { return handle(&request{q}) }
}

// Section is what a workspace has: devices and their access codes, accounts, events, webhooks, Connect
// Webviews and client sessions.
func Section() frame.Section {
	const ws = "/workspaces/{workspace}"
	return frame.Section{Templates: templates, Rows: []frame.Row{
		{Pattern: "GET " + ws + "/devices", Endpoint: "/devices/list", Template: "devices", View: (*DevicesView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaWorkspace, Key: frame.NavDevices, Label: "Devices", Icon: "device"},
			Handle: page((*request).devices)},
		{Pattern: "GET " + ws + "/devices/{device}", Endpoint: "/devices/get", Template: "device", View: (*DeviceView)(nil),
			Handle: page((*request).device)},
		{Pattern: "POST " + ws + "/devices/{device}/rename", Endpoint: "/devices/update", Handle: page((*request).renameDevice)},
		{Pattern: "POST " + ws + "/devices/{device}/metadata", Endpoint: "/devices/update", Handle: page((*request).editMetadata)},
		{Pattern: "POST " + ws + "/devices/{device}/delete", Endpoint: "/devices/delete", Handle: page((*request).deleteDevice)},
		{Pattern: "POST " + ws + "/devices/{device}/manage", Endpoint: "/devices/unmanaged/update", Handle: page((*request).manageDevice)},
		{Pattern: "POST " + ws + "/devices/{device}/lock", Endpoint: "/locks/lock_door", Handle: page((*request).lockDoor)},
		{Pattern: "POST " + ws + "/devices/{device}/unlock", Endpoint: "/locks/unlock_door", Handle: page((*request).unlockDoor)},
		{Pattern: "POST " + ws + "/devices/{device}/simulate", Endpoint: "/devices/simulate/connect", Handle: page((*request).simulate)},
		{Pattern: "GET " + ws + "/devices/{device}/events", Endpoint: "/events/list", Template: "device-events", View: (*DeviceEventsView)(nil),
			Handle: page((*request).deviceEvents)},
		{Pattern: "GET " + ws + "/devices/{device}/codes", Endpoint: "/access_codes/list", Template: "codes", View: (*CodesView)(nil),
			Handle: page((*request).codes)},
		{Pattern: "POST " + ws + "/devices/{device}/codes", Endpoint: "/access_codes/create", Handle: page((*request).createCode)},
		{Pattern: "POST " + ws + "/devices/{device}/codes/generate", Endpoint: "/access_codes/generate_code",
			Handle: page((*request).generateCode)},
		{Pattern: "GET " + ws + "/devices/{device}/codes/{code}", Endpoint: "/access_codes/get_timeline", Template: "code",
			View: (*CodeView)(nil), Handle: page((*request).codePage)},
		{Pattern: "POST " + ws + "/devices/{device}/codes/{code}/edit", Endpoint: "/access_codes/update", Handle: page((*request).editCode)},
		{Pattern: "POST " + ws + "/devices/{device}/codes/{code}/generate", Endpoint: "/access_codes/generate_code",
			Handle: page((*request).generateCode)},
		{Pattern: "POST " + ws + "/devices/{device}/codes/{code}/delete", Endpoint: "/access_codes/delete", Handle: page((*request).deleteCode)},
		{Pattern: "POST " + ws + "/devices/{device}/codes/{code}/convert", Endpoint: "/access_codes/unmanaged/convert_to_managed",
			Handle: page((*request).convertCode)},
		{Pattern: "POST " + ws + "/devices/{device}/codes/{code}/backup", Endpoint: "/access_codes/pull_backup_access_code",
			Handle: page((*request).pullBackup)},
		{Pattern: "POST " + ws + "/sandbox-devices", Endpoint: "/devices/update", Handle: page((*request).addSandboxDevices)},
		{Pattern: "POST " + ws + "/connect", Endpoint: "/connect_webviews/create", Handle: page((*request).connect)},
		{Pattern: "GET " + ws + "/connected-accounts", Endpoint: "/connected_accounts/list", Template: "accounts", View: (*AccountsView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaWorkspace, Key: frame.NavAccounts, Label: "Connected Accounts", Icon: "account"},
			Handle: page((*request).accounts)},
		{Pattern: "GET " + ws + "/connected-accounts/{account}", Endpoint: "/connected_accounts/get", Template: "account",
			View: (*AccountView)(nil), Handle: page((*request).account)},
		{Pattern: "POST " + ws + "/connected-accounts/{account}/reconnect", Endpoint: "/connect_webviews/create",
			Handle: page((*request).reconnect)},
		{Pattern: "POST " + ws + "/connected-accounts/{account}/update", Endpoint: "/connected_accounts/update",
			Handle: page((*request).updateAccount)},
		{Pattern: "POST " + ws + "/connected-accounts/{account}/sync", Endpoint: "/connected_accounts/sync",
			Handle: page((*request).syncAccount)},
		{Pattern: "POST " + ws + "/connected-accounts/{account}/disconnect", Endpoint: "/connected_accounts/simulate/disconnect",
			Handle: page((*request).disconnectAccount)},
		{Pattern: "POST " + ws + "/connected-accounts/{account}/reauthorize", Endpoint: "/keyway/v1/sandbox/request_reauthorization",
			Handle: page((*request).reauthorizeAccount)},
		{Pattern: "POST " + ws + "/connected-accounts/{account}/delete", Endpoint: "/connected_accounts/delete",
			Handle: page((*request).deleteAccount)},
		{Pattern: "GET " + ws + "/events", Endpoint: "/events/list", Template: "events", View: (*EventsView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaWorkspace, Key: frame.NavEvents, Label: "Events", Icon: "event"},
			Handle: page((*request).events)},
		{Pattern: "GET " + ws + "/events/{event}", Endpoint: "/events/get", Template: "event", View: (*EventView)(nil),
			Handle: page((*request).event)},
		{Pattern: "GET " + ws + "/developer/connect-webviews", Endpoint: "/connect_webviews/list", Template: "webviews",
			View:   (*WebviewsView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaWorkspace, Group: "Developer", Key: frame.NavWebviews, Label: "Connect Webviews", Icon: "webview"},
			Handle: page((*request).webviews)},
		{Pattern: "POST " + ws + "/developer/connect-webviews", Endpoint: "/connect_webviews/create", Handle: page((*request).createWebview)},
		{Pattern: "POST " + ws + "/developer/connect-webviews/{webview}/link", Endpoint: "/connect_webviews/get",
			Handle: frame.Fresh(page((*request).showWebviewLink))},
		{Pattern: "POST " + ws + "/developer/connect-webviews/{webview}/delete", Endpoint: "/connect_webviews/delete",
			Handle: page((*request).deleteWebview)},
		{Pattern: "GET " + ws + "/developer/client-sessions", Endpoint: "/client_sessions/list", Template: "sessions", View: (*SessionsView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaWorkspace, Group: "Developer", Key: frame.NavSessions, Label: "Client Sessions", Icon: "session"},
			Handle: page((*request).sessions)},
		{Pattern: "POST " + ws + "/developer/client-sessions", Endpoint: "/client_sessions/create", Handle: page((*request).createSession)},
		{Pattern: "POST " + ws + "/developer/client-sessions/{session}/token", Endpoint: "/client_sessions/create",
			Handle: page((*request).showSessionToken)},
		{Pattern: "POST " + ws + "/developer/client-sessions/{session}/revoke", Endpoint: "/client_sessions/revoke",
			Handle: page((*request).revokeSession)},
		{Pattern: "GET " + ws + "/developer/webhooks", Endpoint: "/webhooks/list", Template: "webhooks", View: (*WebhooksView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaWorkspace, Group: "Developer", Key: frame.NavWebhooks, Label: "Webhooks", Icon: "webhook"},
			Handle: page((*request).webhooks)},
		{Pattern: "POST " + ws + "/developer/webhooks", Endpoint: "/webhooks/create", Handle: page((*request).createWebhook)},
		{Pattern: "GET " + ws + "/developer/webhooks/{webhook}", Endpoint: "/webhooks/get", Template: "webhook", View: (*WebhookView)(nil),
			Handle: page((*request).webhook)},
		// anyone who may see it could create a new one
		{Pattern: "POST " + ws + "/developer/webhooks/{webhook}/secret", Endpoint: "/keyway/v1/webhooks/rotate_secret",
			Handle: page((*request).showWebhookSecret)},
		{Pattern: "POST " + ws + "/developer/webhooks/{webhook}/rotate-secret", Endpoint: "/keyway/v1/webhooks/rotate_secret",
			Handle: page((*request).rotateWebhookSecret)},
		{Pattern: "POST " + ws + "/developer/webhooks/{webhook}/update", Endpoint: "/webhooks/update", Handle: page((*request).updateWebhook)},
		{Pattern: "POST " + ws + "/developer/webhooks/{webhook}/delete", Endpoint: "/webhooks/delete", Handle: page((*request).deleteWebhook)},
		{Pattern: "POST " + ws + "/developer/webhooks/{webhook}/enable", Endpoint: "/keyway/v1/webhooks/enable",
			Handle: page((*request).enableWebhook)},
		{Pattern: "POST " + ws + "/developer/webhooks/{webhook}/test", Endpoint: "/keyway/v1/webhooks/send_test",
			Handle: page((*request).testWebhook)},
		{Pattern: "POST " + ws + "/developer/webhooks/{webhook}/attempts/{attempt}/resend", Endpoint: "/keyway/v1/webhooks/resend",
			Handle: page((*request).resendAttempt)},
	}}
}
