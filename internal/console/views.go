package console

import (
	"html/template"
	"strings"
	"time"
)

// Page is what every page has: its title, who looks at it and where in the Console it stands.
type Page struct {
	Title        string // without the product's name
	Area         Area
	Current      string      // Key of the NavItem to highlight
	User         *User       // nil: nobody is signed in
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
	AreaNone      Area = iota // a single card, nobody signed in
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
func (w Workspace) Path() string { return workspacePath(w.ID, "devices") }

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

// Manages tells whether the role may manage members, keys and settings.
func (r Role) Manages() bool { return r == RoleOwner || r == RoleAdmin }

// RoleOption is a role that may be chosen in a form.
type RoleOption struct {
	Role        Role
	Description string
}

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

// FormErrors holds a message for each field that has to be mended, by the field's name. The
// empty name is the form as a whole.
type FormErrors map[string]string

// Form returns the message for the form as a whole.
func (e FormErrors) Form() string { return e[""] }

// NewWorkspaceForm is the dialog of the switcher.
type NewWorkspaceForm struct {
	Open        bool
	Name        string
	CompanyName string
	Sandbox     bool
	Errors      FormErrors
}

// Badge is a short state: a word and a tone, with a dot before it.
type Badge struct {
	Tone Tone
	Text string
	Icon string // instead of the dot
}

// Tone colours a badge or a notice.
type Tone string

// The tones.
const (
	ToneNeutral Tone = "neutral"
	ToneGood    Tone = "good"
	ToneWarn    Tone = "warn"
	ToneBad     Tone = "bad"
)

// SetUpView is where the first person is made, reached by a one-time link.
type SetUpView struct {
	Page
	Token       string // kept between tries
	Name        string
	Email       string
	MinPassword int
	Errors      FormErrors
	Done        bool // the server has a first person already, or the link was used
}

// SignInView asks for e-mail address and password, or for what comes after them.
type SignInView struct {
	Page
	Email    string
	Next     string // where to go afterwards
	Offer    PasskeyOffer
	Provider string // the label of the OpenID Connect provider; empty: there is none
	Step     string // the password was right, and the second factor is asked for
	Recovery bool   // by a recovery code
	Errors   FormErrors
}

// ConfirmView asks again who somebody is, before what they sent is done.
type ConfirmView struct {
	Page
	Action string // where the form was sent, and is sent again
	Sealed string // what it held
	Back   string // the page behind
	Offer  PasskeyOffer
	// What the person has to prove it with.
	Password, Authenticator, Passkey bool
	Provider                         string // the label of the provider, where they have an account
	Errors                           FormErrors
}

// InvitationView is where an invited person joins, reached by a one-time link.
type InvitationView struct {
	Page
	Token       string
	Email       string // empty until the link has been looked at
	Name        string
	Workspaces  []string
	Known       bool // a person with this address exists and only has to give the password
	SignedIn    bool // that person is the one who looks
	AsksCode    bool // the password was right, and the code of the authenticator app is asked for
	Gone        bool // used, revoked or expired
	MinPassword int
	Errors      FormErrors
}

// SignedOutView says goodbye.
type SignedOutView struct {
	Page
}

// NoWorkspaceView is shown to a person who is a member of no workspace.
type NoWorkspaceView struct {
	Page
}

// ErrorView says what went wrong, inside the layout when somebody is signed in.
type ErrorView struct {
	Page
	Status    int
	Heading   string
	Message   string
	RequestID string
	BackURL   string
	BackLabel string
}

// DevicesView is the list of a workspace's devices.
type DevicesView struct {
	Page
	Query      string
	Rows       []DeviceRow
	Total      int // all that match; negative: not counted
	Pagination Pagination
	Connect    ConnectDialog
	AddSandbox *AddSandboxForm // nil in production workspaces
}

// Pagination holds the addresses of the neighbouring pages; empty ones are not there.
type Pagination struct {
	First string
	Next  string
}

// DeviceRow is one device in the list.
type DeviceRow struct {
	ID      string
	URL     string
	Name    string
	Icon    string
	Brand   string
	Type    string
	Badges  []Badge
	Battery *Battery
	Account Link // no text: it has none
}

// Battery is how full a battery is.
type Battery struct {
	Percent int
	Low     bool
}

// Step is the fill of the battery picture, from 0 to 4.
func (b Battery) Step() int { return min(4, max(min(1, b.Percent), (b.Percent+12)/25)) }

// AddSandboxForm is the dialog that connects the standard account of brands.
type AddSandboxForm struct {
	Open   bool
	Action string
	Groups []BrandGroup
	Errors FormErrors
}

// BrandGroup is the brands of one kind of device.
type BrandGroup struct {
	Title  string
	Icon   string
	Brands []BrandOption
}

// BrandOption is a brand that can be chosen.
type BrandOption struct {
	Name        string
	DisplayName string
	Image       template.URL // of the form data:image/…; empty: none
	Chosen      bool
	Connected   bool // its standard account is there already
}

// DeviceHead is what every page of a device begins with.
type DeviceHead struct {
	Device   Device
	Zone     *time.Location // of the device; UTC where it is not known
	BackURL  string
	Manage   string // where an unmanaged device is taken in; empty: it is managed
	Tabs     []Tab
	Turns    []Turn
	Simulate SimulateMenu
	Attempt  *AttemptNote // what was just asked of the device
	Rename   RenameForm
}

// Here is the address of the tab that is shown.
func (h DeviceHead) Here() string {
	for _, t := range h.Tabs {
		if t.Current {
			return t.URL
		}
	}
	return ""
}

// Tab is one of the pages of a device.
type Tab struct {
	Label   string
	URL     string
	Current bool
}

// Turn is a button that turns the bolt.
type Turn struct {
	Label  string
	Icon   string
	Action string
	Fails  bool // the device cannot do it now
}

// SimulateMenu is what can be made to happen to a virtual device.
type SimulateMenu struct {
	Action string
	Items  []Simulation
	Keypad bool // somebody can stand before it
}

// Simulation is one line of the menu.
type Simulation struct {
	Name  string
	Label string
	Icon  string
}

// AttemptNote says how an action attempt goes.
type AttemptNote struct {
	ID       string
	Tone     Tone // neutral while it is pending
	Text     string
	Code     string // why it failed
	CloseURL string
}

// DeviceView is the overview of one device.
type DeviceView struct {
	Page
	DeviceHead
}

// DeviceEventsView is what happened to a device lately, the latest first.
type DeviceEventsView struct {
	Page
	DeviceHead
	Events []DeviceEvent
	More   bool // there are older ones
}

// DeviceEvent is one line of the list.
type DeviceEvent struct {
	ID     string
	Type   string
	Text   string
	Detail string
	Code   Link // the access code that it is about; without an address: about none
	At     time.Time
}

// CodesView is the access codes of a device.
type CodesView struct {
	Page
	DeviceHead
	Codes     []Code
	Others    []Code    // that others put on the lock
	Add       *CodeForm // nil: the device takes none
	Pool      bool      // spare codes can be kept on it
	PoolOn    bool      // and are
	Simulated bool      // somebody can put codes on it by hand

	CodesURL   string
	Query      string // what is looked for in names
	Total      int    // codes that it leaves, on all pages
	Pagination Pagination
}

// CodeView is the page of one access code.
type CodeView struct {
	Page
	DeviceHead
	Code     Code
	CodesURL string
	Gone     bool // only its timeline is left
	Timeline []TimelineRow
}

// TimelineRow is something that happened to a code.
type TimelineRow struct {
	ID   string
	Type string
	Text string
	By   string
	At   time.Time
}

// Code is an access code in the list and on its page.
type Code struct {
	ID          string
	URL         string
	Name        string
	PIN         string // empty: not known yet
	WaitsForPIN bool   // the lock makes it up
	Managed     bool
	Backup      bool
	Fixed       bool // of others, and cannot become managed
	Kind        string
	Status      Badge
	Starts      string
	Ends        string
	Opens       string    // what comes next: Starts, Ends, Ended, or Always
	Next        time.Time // when it comes; zero: never
	CreatedAt   time.Time
	Problems    []Problem
	Pending     []string
	Edit        *CodeForm // nil: it cannot be changed
	CanDelete   bool
	Blocked     string // why the lock cannot be told of anything now
	CanPull     bool   // a backup can stand in for it
	PulledURL   string // the backup that does
}

// Title is the code's name, or what stands for it.
func (c Code) Title() string {
	if c.Name == "" {
		return "Unnamed code"
	}
	return c.Name
}

// PINPlaceholder says what an empty PIN means.
func (f CodeForm) PINPlaceholder() string {
	if f.New {
		return "Made up if empty"
	}
	return "Unchanged"
}

// CodeForm is the dialog that makes or changes an access code.
type CodeForm struct {
	ID          string
	New         bool
	Open        bool
	Action      string
	Generate    string // where a free PIN is asked for
	Generated   bool   // and the PIN is one
	Name        string
	NameHint    string
	PIN         string
	PINMin      int
	PINMax      int
	PINHint     string
	LockChooses bool
	Rules       []string
	Kind        string // ongoing, time_bound or offline
	Online      bool   // the device takes codes that are programmed from afar
	Offline     bool   // and those that are computed
	Starts      string // as browsers write a time
	Ends        string
	Zone        *time.Location
	External    bool
	OneTime     bool
	UsePool     bool
	CanPool     bool
	Blocked     string // why the device cannot be asked now
	Errors      FormErrors
}

// RenameForm is the dialog that renames a device.
type RenameForm struct {
	Open   bool
	Action string
	Name   string
	Errors FormErrors
}

// Device is what the device page shows, made from the JSON that the API serves.
type Device struct {
	DeviceRow
	Manufacturer string
	Model        string
	TimeZone     string
	AccountID    string
	CreatedAt    time.Time
	Errors       []Problem
	Warnings     []Problem
	Groups       []PropertyGroup
	Capabilities []Capability
	JSON         string // indented
}

// Problem is an error or a warning on a device or an access code.
type Problem struct {
	Bad         bool // an error
	Code        string
	Message     string
	Explanation string // what it means and what mends it; may be empty
	Since       time.Time
}

// PropertyGroup is a titled list of properties.
type PropertyGroup struct {
	Title      string
	Properties []Property
}

// Property is one line of a group.
type Property struct {
	Label string
	Path  string // where it stands in the JSON
	Value string
	Mono  bool
	Time  time.Time // instead of Value
}

// Capability is something that the device can do.
type Capability struct {
	Label string
	Flag  string // name of the can_* flag
	Works bool   // false: it has it, but it does not work now
}

// TeamView is the members of a workspace and the invitations to it.
type TeamView struct {
	Page
	Members     []Member
	Invitations []Invitation
	Invite      InviteForm
	Link        *InvitationLink // just made
	CanManage   bool
}

// Member is one person in the workspace.
type Member struct {
	UserID     string
	Name       string
	Email      string
	Role       Role
	You        bool
	JoinedAt   time.Time
	Disabled   bool
	APIKeys    []string // names of the keys that stop when the person is removed
	CanAdopt   bool     // the viewer may keep those keys working
	CanChange  bool     // the viewer may change role and remove
	LastOwner  bool     // neither role nor membership may be taken
	Roles      []RoleOption
	RoleErrors FormErrors
}

// Initials are one or two letters for the round picture.
func (m Member) Initials() string { return User{Name: m.Name, Email: m.Email}.Initials() }

// Invitation is a pending invitation.
type Invitation struct {
	ID        string
	Email     string
	Role      Role
	InvitedBy string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// InviteForm is the dialog that invites a person.
type InviteForm struct {
	Open   bool
	Email  string
	Role   Role
	Roles  []RoleOption
	Nonce  string
	Errors FormErrors
}

// InvitationLink is a one-time link, shown once.
type InvitationLink struct {
	Email     string
	URL       string
	ExpiresAt time.Time
	Mailed    bool // besides being shown
}

// APIKeysView is the API keys of a workspace.
type APIKeysView struct {
	Page
	Keys    []APIKey
	Add     AddAPIKeyForm
	Created *Secret
	// CanManage is false for members, who see the list only.
	CanManage bool
}

// APIKey is one row of the list.
type APIKey struct {
	ID        string
	Name      string
	Hint      string
	CreatedAt time.Time
	CreatedBy string
	LastUsed  time.Time
	CanRevoke bool
}

// AddAPIKeyForm is the dialog that makes an API key.
type AddAPIKeyForm struct {
	Open   bool
	Name   string
	Nonce  string
	Errors FormErrors
}

// Secret is a credential that was just made and is shown this once.
type Secret struct {
	ID    string
	Name  string
	Value string
}

// Snippets are the ready-to-paste examples for every SDK.
type Snippets struct {
	Endpoint     string
	Workspaces   []Workspace // to choose from
	WorkspaceID  string      // the chosen one
	Token        string      // empty: not visible any more
	WorkspaceKey string      // empty: none was just made
	KeyAction    string      // where Create workspace key posts; empty: not offered
	Nonce        string
}

// Tabs are the examples in the order of the tabs.
func (s Snippets) Tabs() []Snippet { return snippets(s) }

// WorkspaceSettingsView is the settings of a workspace.
type WorkspaceSettingsView struct {
	Page
	CompanyName string
	Errors      FormErrors // of the name form
	Name        string     // as typed
	CanManage   bool
	CanDelete   bool
	Devices     int // negative: not counted
	Delete      DeleteForm
	Look        WebviewLook
}

// DeleteForm is the dialog that deletes a workspace when its name is typed.
type DeleteForm struct {
	Open   bool
	Errors FormErrors
}

// ProfileView is the user's own name and password.
type ProfileView struct {
	Page
	Name           string
	NameErrors     FormErrors
	PasswordErrors FormErrors
	HasPassword    bool
	Authenticator  bool // its code is asked for as well
	MinPassword    int
}

// PeopleView is all people of the instance, for operators.
type PeopleView struct {
	Page
	Query      string
	People     []Person
	Pagination Pagination
}

// Person is one row of the list.
type Person struct {
	ID         string
	Name       string
	Email      string
	Operator   bool
	Disabled   bool
	You        bool
	Workspaces int
	Tokens     int // live personal access tokens
	CreatedAt  time.Time
}

// Initials are one or two letters for the round picture.
func (p Person) Initials() string { return User{Name: p.Name, Email: p.Email}.Initials() }

// NavGroup is a titled part of the left navigation.
type NavGroup struct {
	Title string
	Items []NavItem
}

// NavItem is a link of the left navigation.
type NavItem struct {
	Key   string
	Label string
	URL   string
	Icon  string
}

// Keys of the left navigation.
const (
	NavDevices   = "devices"
	NavAccounts  = "connected-accounts"
	NavEvents    = "events"
	NavWebhooks  = "webhooks"
	NavWebviews  = "connect-webviews"
	NavSessions  = "client-sessions"
	NavTeam      = "team"
	NavAPIKeys   = "api-keys"
	NavTokens    = "personal-access-tokens"
	NavWorkspace = "settings"
	NavProfile   = "profile"
	NavSecurity  = "security"
	NavSignIns   = "sessions"
	NavAccess    = "token-access"
	NavPolicy    = "token-policy"
	NavPeople    = "people"
)

// Nav is the left navigation of the page's area.
func (p Page) Nav() []NavGroup {
	switch p.Area {
	case AreaWorkspace:
		if p.Workspace == nil {
			return nil
		}
		at := func(elem ...string) string { return workspacePath(p.Workspace.ID, elem...) }
		return []NavGroup{
			{Items: []NavItem{
				{NavDevices, "Devices", at("devices"), "device"},
				{NavAccounts, "Connected Accounts", at("connected-accounts"), "account"},
				{NavEvents, "Events", at("events"), "event"},
			}},
			{Title: "Developer", Items: []NavItem{
				{NavWebviews, "Connect Webviews", at("developer", "connect-webviews"), "webview"},
				{NavSessions, "Client Sessions", at("developer", "client-sessions"), "session"},
				{NavWebhooks, "Webhooks", at("developer", "webhooks"), "webhook"},
				{NavAPIKeys, "API Keys", at("developer", "api-keys"), "key"},
				{NavTokens, "Personal Access Tokens", at("developer", "personal-access-tokens"), "token"},
			}},
			{Title: "Workspace", Items: []NavItem{
				{NavTeam, "Team", at("team"), "team"},
				{NavAccess, "Token Access", at("token-access"), "shield"},
				{NavWorkspace, "Settings", at("settings"), "settings"},
			}},
		}
	case AreaSettings:
		return []NavGroup{{Title: "Settings", Items: []NavItem{
			{NavProfile, "Profile", settingsPath("profile"), "user"},
			{NavSecurity, "Security", settingsPath("security"), "shield"},
			{NavSignIns, "Sessions", settingsPath("sessions"), "globe"},
			{NavTokens, "Personal Access Tokens", settingsPath("personal-access-tokens"), "token"},
		}}}
	case AreaInstance:
		return []NavGroup{{Title: "Instance", Items: []NavItem{
			{NavPeople, "People", instancePath("people"), "team"},
			{NavTokens, "Personal Access Tokens", instancePath("personal-access-tokens"), "token"},
			{NavPolicy, "Token Policy", instancePath("policy"), "shield"},
		}}}
	default:
		return nil
	}
}

// WorkspaceURL leads from the user's or the instance's pages back to the workspace.
func (p Page) WorkspaceURL() string {
	if p.Area == AreaWorkspace || p.Workspace == nil {
		return ""
	}
	return p.Workspace.Path()
}

// Field is one labelled input of a form.
type Field struct {
	ID           string
	Name         string
	Label        string
	Type         string
	Value        string
	Hint         string
	Error        string
	Placeholder  string
	Autocomplete string
	Required     bool
	Autofocus    bool
	MinLength    int
	MaxLength    int
	Min, Max     string
	Match        string // the submit button is off until the value is this
}

// Copyable is a value with a button that copies it.
type Copyable struct {
	What  string // what is copied, for screen readers
	Value string
}

// Part is a piece of a snippet: plain text, or a slot that the page fills.
type Part struct {
	Text string
	Slot Slot
}

// Slot names what the page's script replaces in a snippet.
type Slot string

// The slots of snippets.
const (
	SlotToken        Slot = "token"
	SlotWorkspace    Slot = "workspace"
	SlotWorkspaceKey Slot = "workspace_key"
)

// Snippet is the examples for one language.
type Snippet struct {
	ID     string
	Label  string
	Blocks []SnippetBlock
}

// SnippetBlock is one piece of code with the words around it.
type SnippetBlock struct {
	Title    string
	Language string
	Note     template.HTML // constant text of this package
	Parts    []Part
	NeedsKey bool
}
