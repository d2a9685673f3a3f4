package tokens

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/api/workspace"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/credential"
)

// owner is whose tokens the page is about; empty: anyone's.
func (q *request) owner() string {
	if q.OnInstance() {
		return ""
	}
	return q.User.ID
}

// manager is the person as the rules about tokens know them.
func (q *request) manager() personalaccesstoken.Manager {
	return personalaccesstoken.Manager{UserID: q.User.ID, Anyone: q.OnInstance()}
}

// tokensAt is the address of the list, at the place where this request is.
func (q *request) tokensAt() string {
	if q.OnInstance() {
		return frame.InstancePath("personal-access-tokens")
	}
	if id := q.R.PathValue("workspace"); id != "" {
		return frame.WorkspacePath(id, "developer", "personal-access-tokens")
	}
	return frame.SettingsPath("personal-access-tokens")
}

func (q *request) tokensPage(title string) frame.Page {
	switch {
	case q.OnInstance():
		return q.Base(frame.AreaInstance, frame.NavTokens, title)
	case q.R.PathValue("workspace") != "":
		return q.Base(frame.AreaWorkspace, frame.NavTokens, title)
	}
	return q.Base(frame.AreaSettings, frame.NavTokens, title)
}

// settingsTokens leads from a shorter address to the list.
func (q *request) settingsTokens() error {
	return q.Forward(frame.SettingsPath("personal-access-tokens"))
}

// ownTokensPerPage is how many of a person's own tokens a page shows; a person may have many ended ones.
const ownTokensPerPage = 50

func (q *request) tokensView() (*ListView, error) {
	query := q.R.URL.Query()
	v := &ListView{Page: q.tokensPage("Personal Access Tokens"), Base: q.tokensAt(), Query: strings.TrimSpace(query.Get("q")),
		Status: query.Get("status")}
	policy, err := credential.ReadPolicy(q.R.Context(), q.DB, "")
	if err != nil {
		return nil, err
	}
	if v.Add, err = q.addTokenForm("", policy); err != nil {
		return nil, err
	}
	tokens, err := q.Tokens.List(q.R.Context(), q.User.ID)
	if err != nil {
		return nil, err
	}
	v.All = len(tokens)
	shown := q.viewTokens(tokens)
	found := filterTokens(shown, v.Query, v.Status)
	list := frame.Numbered{At: v.Base, Filters: url.Values{"q": {v.Query}, "status": {v.Status}}}
	number := list.Number(query, ownTokensPerPage, len(found))
	v.Found, v.Pagination = len(found), list.Pagination(number, ownTokensPerPage, len(found))
	for _, token := range found[(number-1)*ownTokensPerPage : min(number*ownTokensPerPage, len(found))] {
		if token.Live() {
			// The confirmation says what else ends.
			if token.WorkspaceKeys, err = q.liveKeys(token.ID); err != nil {
				return nil, err
			}
		}
		v.Tokens = append(v.Tokens, token)
	}
	v.Statuses = statusChoices(shown, v.Status)
	return v, nil
}

// viewTokens shows tokens: the live ones first, otherwise in their order.
func (q *request) viewTokens(tokens []personalaccesstoken.Token) []Token {
	out := make([]Token, len(tokens))
	for i, t := range tokens {
		out[i] = q.viewToken(t)
		out[i].Children = len(descendants(tokens, t.ID))
	}
	slices.SortStableFunc(out, func(a, b Token) int {
		switch {
		case a.Live() == b.Live():
			return 0
		case a.Live():
			return -1
		}
		return 1
	})
	return out
}

// descendants are the tokens that were made with a token and are not revoked, and those made with them.
func descendants(all []personalaccesstoken.Token, id string) (out []personalaccesstoken.Token) {
	for _, t := range all {
		if t.ParentID != nil && *t.ParentID == id {
			if t.RevokedAt.IsZero() {
				out = append(out, t)
			}
			out = append(out, descendants(all, t.ID)...)
		}
	}
	return out
}

// filterTokens leaves those whose name, hint or owner contains the words and that are in the state; live
// is every state that is not dead.
func filterTokens(tokens []Token, words, status string) (out []Token) {
	words = strings.ToLower(words)
	for _, t := range tokens {
		if !strings.Contains(strings.ToLower(t.Name+"\n"+t.Description+"\n"+t.Owner), words) &&
			(words == "" || !strings.Contains(t.Hint, words) && !strings.HasPrefix(strings.ToLower(t.Hint), words)) {
			continue
		}
		if status == "" || status == string(t.Status) || status == statusLive && t.Live() || status == statusEnded && !t.Live() {
			out = append(out, t)
		}
	}
	return out
}

// Values of the status filter that stand for several states.
const (
	statusLive  = "live"
	statusEnded = "ended"
)

// statusChoices are the states that there are.
func statusChoices(tokens []Token, chosen string) []Choice {
	counts := map[string]int{}
	for _, t := range tokens {
		counts[string(t.Status)]++
		if t.Live() {
			counts[statusLive]++
		} else {
			counts[statusEnded]++
		}
	}
	out := []Choice{{Label: "All"}}
	add := func(value, label string) {
		if n := counts[value]; n > 0 || value == chosen {
			out = append(out, Choice{Value: value, Label: fmt.Sprintf("%s (%d)", label, n), Chosen: value == chosen})
		}
	}
	add(statusLive, "All live")
	add(statusEnded, "All ended")
	for _, b := range statusBadges {
		add(string(b.Status), b.Text)
	}
	return out
}

func (q *request) liveKeys(tokenID string) (n int, err error) {
	keys, err := q.Tokens.WorkspaceKeys(q.R.Context(), q.owner(), tokenID)
	for _, k := range keys {
		if k.RevokedAt.IsZero() {
			n++
		}
	}
	return n, err
}

func (q *request) viewToken(t personalaccesstoken.Token) Token {
	token := Token{ID: t.ID, URL: q.tokensAt() + "/" + t.ID, Name: t.Name, Description: t.Description, Hint: hint(t.Hint), Decoy: t.IsDecoy,
		Scopes: scopeWords(t.Scopes, 2), Workspaces: q.workspaceWords(t.Limits), CreatedAt: t.CreatedAt.Time, ExpiresAt: t.ExpiresAt.Time,
		LastUsed: q.viewUse(t.LastUsed)}
	token.MayKeep = t.ParentID == nil && t.IsUnlimited()
	token.Status, token.Reason = q.tokenStatus(t)
	return token
}

func (q *request) viewUse(use *credential.Use) LastUsed {
	if use == nil {
		return LastUsed{}
	}
	last := LastUsed{At: use.At.Time, Address: use.Address, Endpoint: use.Endpoint}
	if use.WorkspaceID != nil {
		if m := q.membership(*use.WorkspaceID); m != nil {
			last.Workspace = m.Name
		}
	}
	return last
}

func (q *request) membership(workspaceID string) *workspace.Membership {
	for i := range q.Memberships {
		if q.Memberships[i].ID == workspaceID {
			return &q.Memberships[i]
		}
	}
	return nil
}

// addTokenForm is the dialog with one expiry selected.
func (q *request) addTokenForm(expiry string, p credential.Policy) (AddTokenForm, error) {
	f := AddTokenForm{Nonce: frame.NewNonce(), Expiry: q.expiryForm("token", expiry, p)}
	var err error
	f.Limits, err = q.limitsForm(credential.Unlimited(), p)
	f.Limits.New = true
	return f, err
}

func (q *request) tokens() error {
	v, err := q.tokensView()
	if err != nil {
		return err
	}
	return q.Show(v)
}

func (q *request) createToken() error {
	if !q.FirstSent() {
		return q.SentAgain(q.tokensAt())
	}
	policy, err := credential.ReadPolicy(q.R.Context(), q.DB, "")
	if err != nil {
		return err
	}
	form, err := q.addTokenForm(q.Form("expires_in"), policy)
	if err != nil {
		return err
	}
	form.Open, form.Name, form.Expiry.Date, form.Errors = true, q.Form("name"), q.Form("expires_on"), frame.FormErrors{}
	expires := form.Expiry.expiry(q.Form("expires_in"), q.Now())
	limits, notBefore := q.limits(&form.Limits)
	if err := credential.CheckName(form.Name); err != nil {
		form.Errors, _ = frame.FieldErrors(err)
	}
	var token personalaccesstoken.Token
	var secret vault.Secret
	if !form.wrong() {
		token, secret, err = q.Tokens.Create(q.Context(), q.User.ID, personalaccesstoken.New{Name: form.Name,
			Description: form.Limits.Description, From: "console",
			ExpiresAt: *expires, Never: expires.IsZero(), NotBefore: notBefore, IsDecoy: form.Limits.Decoy, IsStrict: form.Limits.Strict,
			Narrow: narrow(limits)}, q.Principal().Actor())
		if refused, ok := frame.FieldErrors(err); ok {
			form.place(refused)
		} else if err != nil {
			return err
		}
	}
	v, err := q.tokensView()
	if err != nil {
		return err
	}
	v.Location = v.Base
	if form.wrong() {
		form.Nonce, form.Limits.Open = v.Add.Nonce, form.Limits.Open || len(form.Limits.Errors) > 0
		v.Add = form
		return q.Show(v)
	}
	v.Created = &frame.Secret{ID: token.ID, Name: token.Name, Value: secret.Reveal()}
	if !token.IsDecoy {
		v.Snippets = q.snippets(token.ID)
		v.Snippets.Token = secret.Reveal()
	}
	return q.Show(v)
}

func (f *AddTokenForm) wrong() bool {
	return len(f.Errors)+len(f.Expiry.Errors)+len(f.Limits.Errors) > 0
}

// place puts what the rules refuse beside the fields.
func (f *AddTokenForm) place(errs frame.FormErrors) {
	f.Errors, f.Expiry.Errors, f.Limits.Errors = placeErrors(errs)
	f.Limits.Scopes.Error = f.Limits.Errors["scopes"]
}

func placeErrors(errs frame.FormErrors) (form, expiry, limits frame.FormErrors) {
	form, expiry, limits = frame.FormErrors{}, frame.FormErrors{}, frame.FormErrors{}
	for name, message := range errs {
		switch {
		case name == "expires_at":
			expiry["expires_in"] = message
		case slices.Contains(limitFields, name):
			limits[name] = message
		case name == "name":
			form[name] = message
		default:
			form[""] = message
		}
	}
	return form, expiry, limits
}

// snippets are the examples for a token, in the workspace that is open.
func (q *request) snippets(tokenID string) *Snippets {
	s := &Snippets{Endpoint: q.PublicURL, KeyAction: q.tokensAt() + "/" + tokenID + "/workspace-keys", Nonce: frame.NewNonce()}
	for _, m := range q.Memberships {
		s.Workspaces = append(s.Workspaces, frame.ViewWorkspace(m))
	}
	if q.Current != nil {
		s.WorkspaceID = q.Current.ID
	} else {
		s.KeyAction = "" // without a workspace there is nothing to make a key for
	}
	return s
}

// createWorkspaceKey answers a page's script with JSON, so that the page (which may show the token
// for the only time) stays; without a script it answers with the token's page.
func (q *request) createWorkspaceKey() error {
	id, workspaceID := q.R.PathValue("token"), q.Form("workspace_id")
	here := q.tokensAt() + "/" + id
	script := strings.HasPrefix(q.R.Header.Get("Accept"), "application/json")
	if !q.FirstSent() {
		if script {
			return q.JSON(http.StatusConflict, map[string]string{"message": "Already submitted. Reload the page and try again."})
		}
		return q.SentAgain(here)
	}
	key, secret, err := q.Tokens.CreateWorkspaceKey(q.Context(), q.User.ID, id, workspaceID, q.Principal().Actor())
	if script {
		next := frame.NewNonce()
		if errs, ok := frame.FieldErrors(err); ok {
			for _, message := range errs {
				return q.JSON(http.StatusUnprocessableEntity, map[string]string{"message": message, "nonce": next})
			}
		}
		if fault.Is(err, fault.WorkspaceNotFound) || fault.Is(err, fault.TokenNotFound) {
			return q.JSON(http.StatusNotFound, map[string]string{"message": "The token or the workspace no longer exists.", "nonce": next})
		} else if err != nil {
			return err
		}
		return q.JSON(http.StatusOK, map[string]string{"workspace_key_id": key.ID, "workspace_id": key.WorkspaceID, "token": secret.Reveal(),
			"nonce": next})
	}
	if err != nil {
		return q.Refused(here, err)
	}
	v, err := q.tokenView(id)
	if err != nil {
		return err
	}
	v.Location = here
	v.CreatedKey = &frame.Secret{ID: key.ID, Name: v.workspaceName(workspaceID), Value: secret.Reveal()}
	v.Snippets.WorkspaceID, v.Snippets.WorkspaceKey = workspaceID, secret.Reveal()
	return q.Show(v)
}

func (v *TokenView) workspaceName(id string) string {
	for _, w := range v.Workspaces {
		if w.ID == id {
			return w.Name
		}
	}
	return id
}

func (q *request) revokeWorkspaceKey() error {
	here := q.tokensAt() + "/" + q.R.PathValue("token")
	if err := q.Tokens.RevokeWorkspaceKey(q.Context(), q.User.ID, q.R.PathValue("key"), q.Principal().Actor()); err != nil {
		return q.Refused(here, err)
	}
	return q.Done(here, "The workspace key was revoked.")
}

// ListView is the person's personal access tokens.
type ListView struct {
	frame.Page
	Base     string // address of the list: it stands at two places
	Query    string
	Status   string // that the list is filtered by
	Statuses []Choice
	Tokens   []Token // of this page, active ones first
	Found    int     // that the filter leaves, on all pages
	All      int     // without the filter
	Add      AddTokenForm
	Created  *frame.Secret
	Snippets *Snippets // with Created

	Pagination frame.Pagination
}

// Filtered reports whether something may be left out.
func (v *ListView) Filtered() bool { return v.Query != "" || v.Status != "" }

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
	Sessions      int    // client sessions that it made and that have not ended
	Webhooks      int    // that are its own
	MayKeep       bool   // it has no limits: what it made may go on without it
	Owner         string // of another person's token
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

// Badge shows the state.
func (s TokenStatus) Badge() frame.Badge {
	for _, b := range statusBadges {
		if b.Status == s {
			return b.Badge
		}
	}
	return frame.Badge{Tone: frame.ToneNeutral, Text: string(s)}
}

// Live reports whether the token is not permanently ended, so that it can be revoked.
func (t Token) Live() bool {
	switch t.Status {
	case TokenExpired, TokenUsedUp, TokenSuperseded, TokenRevoked:
		return false
	}
	return true
}

// Soon reports whether the token expires within a week.
func (t Token) Soon() bool { return t.Status == TokenExpiring }

// AddTokenForm is the dialog Add Personal Access Token.
type AddTokenForm struct {
	Open   bool
	Name   string
	Expiry ExpiryForm
	Limits LimitsForm
	Nonce  string
	Errors frame.FormErrors
}
