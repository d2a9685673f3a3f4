package frame

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

// WorkspaceURL leads from the user's or the instance's pages back to the workspace.
func (p Page) WorkspaceURL() string {
	if p.Area == AreaWorkspace || p.Workspace == nil {
		return ""
	}
	return p.Workspace.Path()
}
