package console

import (
	"encoding/json"
	"net/http"
	"net/url"

	"keyway/internal/api/connectwebview"
)

// ConnectDialog is the dialog that shows a new Connect Webview in a frame.
type ConnectDialog struct {
	ID     string
	Title  string
	Action string // makes the webview
}

// thingRoutes lists the pages of what a workspace has beside devices and people; ws is the
// pattern of the workspace's address.
func thingRoutes(ws string) []route {
	const v1 = "/keyway/v1/"
	return []route{
		{"POST " + ws + "/connect", "/connect_webviews/create", (*request).connect},
		{"GET " + ws + "/connected-accounts", "/connected_accounts/list", (*request).accounts},
		{"GET " + ws + "/connected-accounts/{account}", "/connected_accounts/get", (*request).account},
		{"POST " + ws + "/connected-accounts/{account}/reconnect", "/connect_webviews/create", (*request).reconnect},
		{"POST " + ws + "/connected-accounts/{account}/update", "/connected_accounts/update", (*request).updateAccount},
		{"POST " + ws + "/connected-accounts/{account}/sync", "/connected_accounts/sync", (*request).syncAccount},
		{"POST " + ws + "/connected-accounts/{account}/disconnect", "/connected_accounts/simulate/disconnect", (*request).disconnectAccount},
		{"POST " + ws + "/connected-accounts/{account}/reauthorize", "/keyway/v1/sandbox/request_reauthorization", (*request).reauthorizeAccount},
		{"POST " + ws + "/connected-accounts/{account}/delete", "/connected_accounts/delete", (*request).deleteAccount},
		{"POST " + ws + "/settings/webview", "/workspaces/update", (*request).saveWebviewLook},
		{"POST " + ws + "/settings/logo", "/workspaces/update", (*request).saveLogo},
		{"POST " + ws + "/clock", v1 + "sandbox/advance_time", (*request).advanceClock},
		{"GET " + ws + "/events", "/events/list", (*request).events},
		{"GET " + ws + "/events/{event}", "/events/get", (*request).event},
		{"GET " + ws + "/developer/webhooks", "/webhooks/list", (*request).webhooks},
		{"POST " + ws + "/developer/webhooks", "/webhooks/create", (*request).createWebhook},
		{"GET " + ws + "/developer/webhooks/{webhook}", "/webhooks/get", (*request).webhook},
		{"POST " + ws + "/developer/webhooks/{webhook}/secret", "/webhooks/update", (*request).showWebhookSecret}, // members get no secret from the API either
		{"POST " + ws + "/developer/webhooks/{webhook}/rotate-secret", v1 + "webhooks/rotate_secret", (*request).rotateWebhookSecret},
		{"POST " + ws + "/developer/webhooks/{webhook}/update", "/webhooks/update", (*request).updateWebhook},
		{"POST " + ws + "/developer/webhooks/{webhook}/delete", "/webhooks/delete", (*request).deleteWebhook},
		{"POST " + ws + "/developer/webhooks/{webhook}/enable", v1 + "webhooks/enable", (*request).enableWebhook},
		{"POST " + ws + "/developer/webhooks/{webhook}/test", v1 + "webhooks/send_test", (*request).testWebhook},
		{"POST " + ws + "/developer/webhooks/{webhook}/attempts/{attempt}/resend", v1 + "webhooks/resend", (*request).resendAttempt},
		{"GET " + ws + "/developer/connect-webviews", "/connect_webviews/list", (*request).webviews},
		{"POST " + ws + "/developer/connect-webviews", "/connect_webviews/create", (*request).createWebview},
		{"POST " + ws + "/developer/connect-webviews/{webview}/delete", "/connect_webviews/delete", (*request).deleteWebview},
		{"GET " + ws + "/developer/client-sessions", "/client_sessions/list", (*request).sessions},
		{"POST " + ws + "/developer/client-sessions", "/client_sessions/create", (*request).createSession},
		{"POST " + ws + "/developer/client-sessions/{session}/token", "/client_sessions/get", (*request).showSessionToken},
		{"POST " + ws + "/developer/client-sessions/{session}/revoke", "/client_sessions/revoke", (*request).revokeSession},
	}
}

func (q *request) connectDialog() ConnectDialog {
	return ConnectDialog{ID: "connect", Title: "Add Devices", Action: workspacePath(q.current.ID, "connect")}
}

// connect makes a Connect Webview for whoever is in front of the Console.
func (q *request) connect() error {
	return q.openWebview(connectwebview.New{ManageNewDevices: true, DeviceSelectionMode: "none"})
}

// openWebview makes a Connect Webview and leads to its page: a script of the Console frames it,
// and without one the browser goes there.
func (q *request) openWebview(n connectwebview.New) error {
	doc, err := q.Webviews.Create(q.context(), q.current.ID, q.current.IsSandbox, n)
	if err != nil {
		return err
	}
	var made struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(doc, &made); err != nil {
		return err
	}
	u, err := url.Parse(made.URL)
	if err != nil {
		return err
	}
	// Without scheme and host, so that it is the same origin under each name of this server.
	if q.r.Header.Get("Accept") == "application/json" {
		return q.json(http.StatusOK, map[string]string{"url": u.RequestURI()})
	}
	return q.redirect(u.RequestURI())
}
