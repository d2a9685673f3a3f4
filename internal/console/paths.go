package console

import (
	"net/url"
	"strconv"
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

// numbered is a list whose pages have numbers: its address, and what is looked for in it.
type numbered struct{ at, search string }

func (n numbered) page(number int) string {
	values := url.Values{}
	if n.search != "" {
		values.Set("q", n.search)
	}
	if number > 1 {
		values.Set("page", strconv.Itoa(number))
	}
	return strings.TrimSuffix(n.at+"?"+values.Encode(), "?")
}

// pagination leads from one page of so many rows to the others.
func (n numbered) pagination(number, perPage, rows int) (p Pagination) {
	if number > 1 {
		p.First = n.page(1)
	}
	if number*perPage < rows {
		p.Next = n.page(number + 1)
	}
	return p
}
