package frame

import (
	"strings"
)

// Page is what every page has: its title, who looks at it and where in the Console it stands.
type Page struct {
	Title        string // without the product's name
	Area         Area
	Current      string      // Key of the NavItem to highlight
	User         *User       // nil: no one is signed in
	Workspace    *Workspace  // the one whose pages are shown or were shown last; nil: none
	Workspaces   []Workspace // all that the user is a member of, in the order of the switcher
	NewWorkspace NewWorkspaceForm
	Flash        *Flash
	Expiring     []ExpiringToken // of the user's own
	Leaked       []LeakedCredential
	// Of the workspace whose pages are shown.
	DisabledWebhooks []DisabledWebhook
	Clock            *ClockView // nil where there is none to be moved
	Location         string     // replaces the address after a page that answered a POST, so that a reload asks for the list
	Live             string     // where the page hears of changes (live.go); empty: nowhere
}

func (p *Page) page() *Page { return p }

// Area says which left navigation a page has.
type Area int

// The areas of the Console.
const (
	AreaNone      Area = iota // a single card, no one signed in
	AreaWorkspace             // the things of a workspace
	AreaSettings              // the user's own things
	AreaInstance              // what operators manage
)

// User is the person who is signed in.
type User struct {
	ID       string
	Name     string
	Email    string
	Operator bool
}

// DisplayName is the person's name, or the address while there is none.
func (u User) DisplayName() string {
	if u.Name != "" {
		return u.Name
	}
	return u.Email
}

// Initials are one or two letters for the round picture.
func (u User) Initials() string { return initials(u.DisplayName()) }

func initials(name string) string {
	name, _, _ = strings.Cut(name, "@")
	words := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" .-_", r) })
	if len(words) > 2 {
		words = []string{words[0], words[len(words)-1]}
	}
	var b strings.Builder
	for _, word := range words {
		b.WriteString(strings.ToUpper(string([]rune(word)[:1])))
	}
	if b.Len() == 0 {
		return "?"
	}
	return b.String()
}

// Workspace is a workspace as the switcher and the snippets need it.
type Workspace struct {
	ID        string
	Name      string
	Sandbox   bool
	Suspended bool
	Role      Role
}

// Path is the address of the workspace's first page.
func (w Workspace) Path() string { return WorkspacePath(w.ID, "devices") }

// Role is what a member may do in a workspace.
type Role string

// The roles, strongest first.
const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
)

// Label is the role's name for people.
func (r Role) Label() string {
	switch r {
	case RoleOwner:
		return "Owner"
	case RoleAdmin:
		return "Admin"
	default:
		return "Member"
	}
}

// Manages reports whether the role may manage members, keys and settings.
func (r Role) Manages() bool { return r == RoleOwner || r == RoleAdmin }

// FlashKind colours a message.
type FlashKind string

// The kinds of messages.
const (
	FlashSuccess FlashKind = "success"
	FlashError   FlashKind = "error"
)

// Flash is a message about what was just done.
type Flash struct {
	Kind FlashKind
	Text string
}

// NewWorkspaceForm is the dialog of the switcher.
type NewWorkspaceForm struct {
	Open        bool
	Name        string
	CompanyName string
	Sandbox     bool
	Errors      FormErrors
}
