// Package settings is the pages of workspaces themselves: their names, looks, clocks and ends.
package settings

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

// Section is workspaces themselves: how they begin, look, stand still and end.
func Section() frame.Section {
	const ws = "/workspaces/{workspace}"
	return frame.Section{Templates: templates, Rows: []frame.Row{
		{Pattern: "GET ", Access: frame.SignedIn, Template: "noworkspace", View: (*NoWorkspaceView)(nil), Handle: page((*request).home)},
		{Pattern: "GET /{$}", Access: frame.SignedIn, Handle: page((*request).home)},
		{Pattern: "GET /workspaces", Access: frame.SignedIn, Handle: page((*request).home)},
		{Pattern: "POST /workspaces", Access: frame.SignedIn, Handle: page((*request).createWorkspace)},
		{Pattern: "GET " + ws + "/settings", Endpoint: "/workspaces/get", Template: "workspace", View: (*WorkspaceSettingsView)(nil),
			Nav:    &frame.Nav{Area: frame.AreaWorkspace, Group: "Workspace", Key: frame.NavWorkspace, Label: "Settings", Icon: "settings"},
			Handle: page((*request).workspaceSettings)},
		{Pattern: "POST " + ws + "/settings", Endpoint: "/workspaces/update", Handle: page((*request).saveWorkspace)},
		{Pattern: "POST " + ws + "/settings/suspend", Endpoint: "/workspaces/update", Handle: page((*request).suspendWorkspace)},
		{Pattern: "POST " + ws + "/settings/resume", Endpoint: "/workspaces/update", Handle: page((*request).resumeWorkspace)},
		{Pattern: "POST " + ws + "/settings/reset-sandbox", Endpoint: "/workspaces/reset_sandbox", Handle: page((*request).resetSandbox)},
		{Pattern: "POST " + ws + "/settings/delete", Endpoint: "/keyway/v1/workspaces/delete", Handle: page((*request).deleteWorkspace)},
		{Pattern: "POST " + ws + "/settings/webview", Endpoint: "/workspaces/update", Handle: page((*request).saveWebviewLook)},
		{Pattern: "POST " + ws + "/settings/logo", Endpoint: "/workspaces/update", Handle: page((*request).saveLogo)},
		{Pattern: "POST " + ws + "/clock", Endpoint: "/keyway/v1/sandbox/advance_time", Handle: page((*request).advanceClock)},
		{Pattern: "GET " + ws, Endpoint: "/workspaces/get", Handle: page((*request).openWorkspace)},
	}}
}
