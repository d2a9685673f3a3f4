package console

import (
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/trust/credential"
)

// TokensView is the person's personal access tokens.
type TokensView struct {
	Page
	Base     string // address of the list: it stands at two places
	Query    string
	Status   string // that the list is filtered by
	Statuses []Choice
	Tokens   []Token // live ones first
	All      int     // without the filter
	Add      AddTokenForm
	Created  *Secret
	Snippets *Snippets // with Created
}

func (*TokensView) template() string { return "tokens" }

// Filtered tells whether something may be left out.
func (v *TokensView) Filtered() bool { return v.Query != "" || v.Status != "" }

// Choice is one of several things to choose.
type Choice struct {
	Value  string
	Label  string
	Note   string
	Chosen bool
}

// Token is a personal access token as it is listed.
type Token struct {
	ID          string
	URL         string // of its page; empty: the viewer has none
	Name        string
	Description string
	Hint        string
	Status      TokenStatus
	Reason      string // why it has this status; may be empty
	Decoy       bool
	Scopes      string // in words
	Workspaces  string // in words
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero: never
	LastUsed    LastUsed
	// WorkspaceKeys counts the keys that die with the token, Children the tokens made with it, and
	// what was made with those.
	WorkspaceKeys int
	Children      int
	Owner         string // of somebody else's
	OwnerID       string
	Refused       bool // by the workspace whose page it is
}

// LastUsed is when and how a credential was used last.
type LastUsed struct {
	At        time.Time
	Address   string
	Endpoint  string
	Workspace string // its name
}

// TokenStatus is the state of a personal access token.
type TokenStatus string

// The states of a token that the API does not have: one that ends within a week, one that lives on
// beside its successor, and one that has no uses left.
const (
	TokenExpiring TokenStatus = "expiring"
	TokenReplaced TokenStatus = "replaced"
	TokenUsedUp   TokenStatus = "used_up"
)

// The states of a token.
const (
	TokenActive       = TokenStatus(personalaccesstoken.Active)
	TokenNotYetValid  = TokenStatus(personalaccesstoken.NotYetValid)
	TokenExpired      = TokenStatus(personalaccesstoken.Expired)
	TokenSuperseded   = TokenStatus(personalaccesstoken.Superseded)
	TokenRevoked      = TokenStatus(personalaccesstoken.Revoked)
	TokenDisabled     = TokenStatus(personalaccesstoken.Disabled)
	TokenUserDisabled = TokenStatus(personalaccesstoken.UserDisabled)
)

// statusBadges are the states in the order of the filter.
var statusBadges = []struct {
	Status TokenStatus
	Badge
}{
	{TokenActive, Badge{Tone: ToneGood, Text: "Active"}},
	{TokenExpiring, Badge{Tone: ToneWarn, Text: "Expires soon"}},
	{TokenReplaced, Badge{Tone: ToneWarn, Text: "Being replaced"}},
	{TokenNotYetValid, Badge{Tone: ToneNeutral, Text: "Not valid yet"}},
	{TokenDisabled, Badge{Tone: ToneNeutral, Text: "Disabled", Icon: "ban"}},
	{TokenUserDisabled, Badge{Tone: ToneNeutral, Text: "Person disabled", Icon: "ban"}},
	{TokenUsedUp, Badge{Tone: ToneNeutral, Text: "Used up"}},
	{TokenExpired, Badge{Tone: ToneNeutral, Text: "Expired"}},
	{TokenSuperseded, Badge{Tone: ToneNeutral, Text: "Replaced"}},
	{TokenRevoked, Badge{Tone: ToneNeutral, Text: "Revoked"}},
}

// Badge shows the state.
func (s TokenStatus) Badge() Badge {
	for _, b := range statusBadges {
		if b.Status == s {
			return b.Badge
		}
	}
	return Badge{Tone: ToneNeutral, Text: string(s)}
}

// Live tells whether the token is not dead for good, so that it can be revoked.
func (t Token) Live() bool {
	switch t.Status {
	case TokenExpired, TokenUsedUp, TokenSuperseded, TokenRevoked:
		return false
	}
	return true
}

// Soon tells whether the token expires within a week.
func (t Token) Soon() bool { return t.Status == TokenExpiring }

// AddTokenForm is the dialog Add Personal Access Token.
type AddTokenForm struct {
	Open   bool
	Name   string
	Expiry ExpiryForm
	Limits LimitsForm
	Nonce  string
	Errors FormErrors
}

// ExpiryForm is the choice of when a token expires.
type ExpiryForm struct {
	ID      string // of the dialog, before those of the fields
	Options []ExpiryOption
	Date    string // yyyy-mm-dd, with the option ExpiryDate
	MinDate string
	MaxDate string
	Policy  string // what the server's policy asks; empty: nothing
	Errors  FormErrors
}

// Values of ExpiryOption.Value besides a number of days.
const (
	ExpiryDate  = "date"
	ExpiryNever = "never"
	ExpiryKeep  = "keep" // of a token that is there
)

// ExpiryOption is one choice of the expiry select.
type ExpiryOption struct {
	Value    string // number of days, ExpiryDate, ExpiryNever or ExpiryKeep
	Label    string
	Expires  time.Time // what the choice comes to; zero for ExpiryDate and ExpiryNever
	Selected bool
}

// Expires is what the selected option comes to; zero: never or not known yet.
func (f ExpiryForm) Expires() time.Time {
	for _, option := range f.Options {
		if option.Selected {
			return option.Expires
		}
	}
	return time.Time{}
}

// LimitsForm is what narrows a token.
type LimitsForm struct {
	Open          bool // the details
	New           bool // the token is being made
	Description   string
	Scopes        ScopeForm
	AllWorkspaces bool
	Workspaces    []Choice
	SandboxOnly   bool
	Devices       []Choice // those that were chosen; none: all
	FindDevices   string   // where the page's script finds more
	Networks      string   // one a line
	Address       string   // of whoever fills in the form
	AnyTime       bool
	Weekdays      []Choice
	From, To      string
	TimeZone      string
	DailyActions  string
	MaxUses       string
	NotBefore     string // as a datetime-local input has it, in UTC
	Strict        bool
	Decoy         bool
	Errors        FormErrors
}

// ScopeForm is the choice of scopes.
type ScopeForm struct {
	Legend string
	Mode   string
	Every  string // what ScopesAll is called
	Rows   []ScopeRow
	Extras []Choice // scopes that Everything leaves out
	Policy string   // what the server's policy allows, in words; empty: anything
	Error  string
}

// Values of ScopeForm.Mode.
const (
	ScopesAll    = "all"
	ScopesRead   = "read"
	ScopesChosen = "chosen"
)

// ScopeRow is what a token may do with one API group.
type ScopeRow struct {
	Group   string
	Title   string
	Choices []Choice
}

// TokenView is the page of one personal access token.
type TokenView struct {
	Page
	Base       string // address of the list
	Token      Token
	Mine       bool // an operator sees the tokens of others, and does not act with them
	Limits     []Fact
	Family     []Relative
	Undo       bool // its rotation can be undone or finished
	Keys       []WorkspaceKey
	Created    *Secret
	CreatedKey *Secret
	Snippets   *Snippets // nil when the token is not live
	Chart      Chart
	Uses       []UseRow
	Refusals   []Refusal
	Audit      []AuditLine
	Notices    []TokenNotice
	Advice     *AdviceView
	Rotate     *RotateForm // nil when it cannot be rotated
	Edit       *EditTokenForm
}

func (*TokenView) template() string { return "token" }

// Fact is a labelled line.
type Fact struct {
	Label string
	Text  string
	Lines []string // more of them, below
}

// Relative is a token that another came from, or that came from it.
type Relative struct {
	Relation string
	Token    Token
	This     bool
}

// WorkspaceKey is a key in API-key shape that acts as the token in one workspace.
type WorkspaceKey struct {
	ID        string
	Hint      string
	Workspace Workspace
	CreatedAt time.Time
	LastUsed  time.Time
}

// Chart is a token's use by day.
type Chart struct {
	Days  int
	Total int
	Most  int // on one day
	Bars  []Bar
	First time.Time
	Last  time.Time
}

// Bar is a day of a chart, on a grid of chartWidth by chartHeight.
type Bar struct {
	X, Y, Width, Height int
	Label               string
}

// UseRow is how often a token called an endpoint in a workspace.
type UseRow struct {
	Endpoint  string
	Workspace string
	Count     int64
	LastDay   string
}

// Refusal is a request that was refused, and how to mend it.
type Refusal struct {
	RequestID string
	At        time.Time
	Endpoint  string
	Address   string
	Workspace string
	Status    int
	Reason    string
	Summary   string
	Remedy    string
}

// AuditLine is one line of the audit log.
type AuditLine struct {
	At      time.Time
	What    string
	Who     string
	Address string
}

// TokenNotice is something that a token's owner should look at.
type TokenNotice struct {
	Tone Tone
	Text string
	At   time.Time
}

// AdviceView is what a token may do beside what it did.
type AdviceView struct {
	Days         int
	Permissions  int
	Used         int
	Requests     int
	Refused      int64 // of them, with the suggestion
	Scopes       []string
	ScopeWords   []string
	WorkspaceIDs []string
	Workspaces   string
	Networks     []string
	DeviceIDs    []string
	Hours        *credential.Hours
	HoursWords   string
}

// Narrower tells whether there is something to suggest.
func (a AdviceView) Narrower() bool { return len(a.Scopes) > 0 }

// RotateForm is the dialog that gives a token a successor.
type RotateForm struct {
	Open     bool
	Overlaps []Choice
	Expiry   ExpiryForm
	Nonce    string
	Errors   FormErrors
}

// EditTokenForm is the dialog that changes a token.
type EditTokenForm struct {
	Open   bool
	Name   string
	Expiry ExpiryForm
	Limits LimitsForm
	Errors FormErrors
}

// RefusalView says why one request was refused.
type RefusalView struct {
	Page
	Base      string
	RequestID string
	Refusal   *Refusal // nil: none is known
	Token     Token
}

func (*RefusalView) template() string { return "refusal" }

// LeakedCredential is a token or key that somebody found where it does not belong, a few days ago.
type LeakedCredential struct {
	What string // "Your token", …
	Name string
	URL  string
	At   time.Time
}

// ExpiringToken is a token of the viewer's that expires soon.
type ExpiringToken struct {
	Name      string
	URL       string
	ExpiresAt time.Time
	Urgent    bool // within a day
	Expired   bool
}
