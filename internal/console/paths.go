package console

import (
	"net/url"
	"strings"
)

// Root is where the Console is mounted.
const Root = "/console"

// Where one-time links lead: the command that begins a server and package member make them, with
// the secret behind a #.
const (
	setUpPath      = Root + "/setup"
	invitationPath = Root + "/invitation"
)

// OpenIDPath is where an OpenID Connect provider sends people back to.
const OpenIDPath = Root + "/sign-in/openid/back"

func consolePath(elem ...string) string {
	var b strings.Builder
	b.WriteString(Root)
	for _, e := range elem {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(e))
	}
	return b.String()
}

func workspacePath(id string, elem ...string) string {
	return consolePath(append([]string{"workspaces", id}, elem...)...)
}

func settingsPath(elem ...string) string {
	return consolePath(append([]string{"settings"}, elem...)...)
}

func instancePath(elem ...string) string {
	return consolePath(append([]string{"instance"}, elem...)...)
}
