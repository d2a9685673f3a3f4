package settings

import (
	"testing"

	"keyway/internal/console/frame"
	"keyway/internal/console/frame/frametest"
)

// settingsSamples are the pages of this area, empty and filled, and with the errors that a person can make.
func settingsSamples() []frametest.Sample {
	ws := func(current, title string) frame.Page {
		return frametest.Page(frame.AreaWorkspace, current, title)
	}
	suspended := ws(frame.NavWorkspace, "Settings")
	suspendedWorkspace := frame.Workspace{ID: frametest.Sandbox.ID, Name: frametest.Sandbox.Name, Sandbox: true, Suspended: true,
		Role: frame.RoleOwner}
	suspended.Workspace = &suspendedWorkspace
	nobody := frame.Page{Title: "No workspace", Area: frame.AreaWorkspace, User: &frame.User{Email: "new@example.com"},
		NewWorkspace: frametest.NewWorkspace}
	return []frametest.Sample{
		{Name: "noworkspace", View: &NoWorkspaceView{Page: nobody}},
		{Name: "workspace", View: &WorkspaceSettingsView{Look: WebviewLook{Logo: "/connect_webviews/logo?workspace_id=x", Square: true,
			ButtonColor: "#1d5b45", TextColor: "#ffffff", Success: "Welcome.", LogoError: "Choose a PNG or a JPEG picture."},
			Page: ws(frame.NavWorkspace, "Settings"), Name: frametest.Sandbox.Name, CompanyName: "Harbour Ltd", CanManage: true, CanDelete: true,
			Devices: 6}},
		{Name: "workspace-delete", View: &WorkspaceSettingsView{Page: ws(frame.NavWorkspace, "Settings"), Name: frametest.Sandbox.Name,
			CanManage: true, CanDelete: true, Devices: 6,
			Delete: DeleteForm{Open: true, Errors: frame.FormErrors{"confirm_name": "That is not the name."}}}},
		{Name: "workspace-suspended", View: &WorkspaceSettingsView{Page: suspended, Name: frametest.Sandbox.Name, CanManage: true,
			CanDelete: true, Errors: frame.FormErrors{"name": "A name is needed."}}},
		{Name: "workspace-member", View: &WorkspaceSettingsView{Page: ws(frame.NavWorkspace, "Settings"), Name: frametest.Sandbox.Name}},
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	frametest.Pages(t, Section(), settingsSamples())
}
