package console_test

import (
	"strings"
	"testing"
	"time"

	"keyway/internal/console"
	"keyway/internal/console/frame"
	"keyway/internal/console/frame/frametest"
	"keyway/internal/console/people"
	"keyway/internal/console/settings"
	"keyway/internal/console/things"
	"keyway/internal/console/tokens"
)

// TestEscaping renders pages whose every name was chosen by an attacker.
func TestEscaping(t *testing.T) {
	t.Parallel()
	r, err := frame.NewRenderer(time.Now, console.Sections()...)
	if err != nil {
		t.Fatal(err)
	}
	const evil = `"><script>alert(1)</script><img src=x onerror='alert(1)'>`
	w := frame.Workspace{ID: "../" + evil, Name: evil, Role: frame.RoleOwner, Sandbox: true}
	page := frame.Page{Title: evil, Area: frame.AreaWorkspace, User: &frame.User{Name: evil, Email: evil}, Workspace: &w,
		Workspaces: []frame.Workspace{w}}
	device := things.Device{
		DeviceRow: things.DeviceRow{ID: "d", Name: "</pre><script>", Icon: "lock"}, JSON: `{"</pre><script>":"</pre><script>"}`,
		Groups: []things.PropertyGroup{{Title: "</h2><script>",
			Properties: []things.Property{{Label: "</dd><script>", Path: "</dd>", Value: "<script>"}}}},
	}
	for _, v := range []frame.View{
		&things.DevicesView{Page: page, Connect: things.ConnectDialog{ID: "connect", Title: evil, Action: "/console/x"}, Query: evil,
			Rows: []things.DeviceRow{{ID: evil, URL: "javascript:alert(1)", Name: evil, Icon: "lock", Brand: evil,
				Account: frame.Link{Text: evil, URL: "javascript:alert(1)"}}}},
		&things.DeviceView{Page: page, DeviceHead: things.DeviceHead{Device: device, Rename: things.RenameForm{Action: "/console/x", Name: evil},
			BackURL: "/console"}},
		&tokens.ListView{Page: page, Base: "/console/t", All: 1,
			Tokens:   []tokens.Token{{ID: evil, Name: evil, Reason: evil, Scopes: evil, Workspaces: evil}},
			Created:  &frame.Secret{ID: "t", Name: evil, Value: evil},
			Snippets: &tokens.Snippets{Endpoint: evil, Workspaces: []frame.Workspace{w}, WorkspaceID: w.ID, Token: evil}},
		&people.TeamView{Page: page, Members: []people.Member{{UserID: "u", Name: evil, APIKeys: []string{evil}, CanChange: true}},
			CanManage: true},
		&settings.WorkspaceSettingsView{Page: page, Name: evil, CanManage: true, CanDelete: true},
		&people.InvitationView{Page: frame.Page{Title: evil}, Token: evil, Workspaces: []string{evil}},
	} {
		got := frametest.Render(t, r, v)
		if strings.Contains(got, "<script>") || strings.Contains(got, "<img") || strings.Contains(got, "javascript:") {
			t.Errorf("%T: a name got out of its place", v)
		}
	}
}
