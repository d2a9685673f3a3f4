package console_test

import (
	"bytes"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/console"
	"keyway/internal/console/frame"
	"keyway/internal/console/frame/frametest"
)

// The left navigation follows from the rows of the pages, whatever area they are in.
func TestNavigation(t *testing.T) {
	t.Parallel()
	r, err := frame.NewRenderer(time.Now, console.Sections()...)
	if err != nil {
		t.Fatal(err)
	}
	part := regexp.MustCompile(`<h2 class="sidebar-title">([^<]*)|<a class="sidebar-item" href="([^"]*)".*?<span>([^<]*)</span></a>`)
	for area, want := range map[frame.Area][]string{
		frame.AreaWorkspace: {
			"devices Devices", "connected-accounts Connected Accounts", "events Events", "# Developer",
			"developer/connect-webviews Connect Webviews",
			"developer/client-sessions Client Sessions", "developer/webhooks Webhooks", "developer/api-keys API Keys",
			"developer/personal-access-tokens Personal Access Tokens", "# Workspace", "team Team", "token-access Token Access", "settings Settings",
		},
		frame.AreaSettings: {
			"# Settings", "/console/settings/profile Profile", "/console/settings/security Security", "/console/settings/sessions Sessions",
			"/console/settings/personal-access-tokens Personal Access Tokens",
		},
		frame.AreaInstance: {
			"# Instance", "/console/instance/people People", "/console/instance/personal-access-tokens Personal Access Tokens",
			"/console/instance/policy Token Policy",
		},
	} {
		var b bytes.Buffer
		if err := r.Write(&b, &frame.ErrorView{Page: frametest.Page(area, "", "x")}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range part.FindAllStringSubmatch(b.String(), -1) {
			if m[1] != "" {
				got = append(got, "# "+m[1])
				continue
			}
			got = append(got, strings.TrimPrefix(html.UnescapeString(m[2]), frametest.Sandbox.Path()[:len(frametest.Sandbox.Path())-len("devices")])+
				" "+m[3])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v:\n%q, want\n%q", area, got, want)
		}
	}
}
