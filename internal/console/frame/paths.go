package frame

import (
	"net/url"
	"strings"
)

// Root is where the Console is mounted.
const Root = "/console"

// OpenIDPath is where an OpenID Connect provider sends people back to.
const OpenIDPath = Root + "/sign-in/openid/back"

// ConsolePath is the path of a page of the Console.
func ConsolePath(elem ...string) string {
	var b strings.Builder
	b.WriteString(Root)
	for _, e := range elem {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(e))
	}
	return b.String()
}

// WorkspacePath is the path of a page of a workspace.
func WorkspacePath(id string, elem ...string) string {
	return ConsolePath(append([]string{"workspaces", id}, elem...)...)
}

// SettingsPath is the path of a page of the person's own settings.
func SettingsPath(elem ...string) string {
	return ConsolePath(append([]string{"settings"}, elem...)...)
}

// InstancePath is the path of a page for operators.
func InstancePath(elem ...string) string {
	return ConsolePath(append([]string{"instance"}, elem...)...)
}
