package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/credential"
)

// onInstance tells whether this is one of the operators' pages, which show everybody's tokens.
func (q *request) onInstance() bool { return strings.HasPrefix(q.r.URL.Path, instancePath()+"/") }

// owner is whose tokens the page is about; empty: anybody's.
func (q *request) owner() string {
	if q.onInstance() {
		return ""
	}
	return q.user.ID
}

// manager is the person as the rules about tokens know them.
func (q *request) manager() personalaccesstoken.Manager {
	return personalaccesstoken.Manager{UserID: q.user.ID, Anyone: q.onInstance()}
}

// tokensAt is the address of the list, at the place where this request is.
func (q *request) tokensAt() string {
	if q.onInstance() {
		return instancePath("personal-access-tokens")
	}
	if id := q.r.PathValue("workspace"); id != "" {
		return workspacePath(id, "developer", "personal-access-tokens")
	}
	return settingsPath("personal-access-tokens")
}

func (q *request) tokensPage(title string) Page {
	switch {
	case q.onInstance():
		return q.base(AreaInstance, NavTokens, title)
	case q.r.PathValue("workspace") != "":
		return q.base(AreaWorkspace, NavTokens, title)
	}
	return q.base(AreaSettings, NavTokens, title)
}

// settingsTokens leads from a shorter address to the list.
func (q *request) settingsTokens() error { return q.forward(settingsPath("personal-access-tokens")) }

func (q *request) tokensView() (*TokensView, error) {
	query := q.r.URL.Query()
	v := &TokensView{Page: q.tokensPage("Personal Access Tokens"), Base: q.tokensAt(), Query: strings.TrimSpace(query.Get("q")), Status: query.Get("status")}
	policy, err := credential.ReadPolicy(q.r.Context(), q.DB, "")
	if err != nil {
		return nil, err
	}
	if v.Add, err = q.addTokenForm("", policy); err != nil {
		return nil, err
	}
	tokens, err := q.Tokens.List(q.r.Context(), q.user.ID)
	if err != nil {
		return nil, err
	}
	v.All = len(tokens)
	shown := q.viewTokens(tokens)
	for _, token := range filterTokens(shown, v.Query, v.Status) {
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

// filterTokens leaves those whose name, hint or owner holds the words and that are in the state; live
// is every state that is not dead.
func filterTokens(tokens []Token, words, status string) (out []Token) {
	words = strings.ToLower(words)
	for _, t := range tokens {
		if !strings.Contains(strings.ToLower(t.Name+"\n"+t.Description+"\n"+t.Owner), words) && (words == "" || !strings.Contains(t.Hint, words) && !strings.HasPrefix(strings.ToLower(t.Hint), words)) {
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
	keys, err := q.Tokens.WorkspaceKeys(q.r.Context(), q.owner(), tokenID)
	for _, k := range keys {
		if k.RevokedAt.IsZero() {
			n++
		}
	}
	return n, err
}

// soon is how long before its end a token is said to expire soon.
const soon = 7 * 24 * time.Hour

func (q *request) viewToken(t personalaccesstoken.Token) Token {
	token := Token{ID: t.ID, URL: q.tokensAt() + "/" + t.ID, Name: t.Name, Description: t.Description, Hint: hint(t.Hint), Decoy: t.IsDecoy,
		Scopes: scopeWords(t.Scopes, 2), Workspaces: q.workspaceWords(t.Limits), CreatedAt: t.CreatedAt.Time, ExpiresAt: t.ExpiresAt.Time, LastUsed: q.viewUse(t.LastUsed)}
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
	for i := range q.workspaces {
		if q.workspaces[i].ID == workspaceID {
			return &q.workspaces[i]
		}
	}
	return nil
}

// addTokenForm is the dialog with one expiry selected.
func (q *request) addTokenForm(expiry string, p credential.Policy) (AddTokenForm, error) {
	f := AddTokenForm{Nonce: newNonce(), Expiry: q.expiryForm("token", expiry, p)}
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
	return q.show(v)
}

func (q *request) createToken() error {
	if !q.spent.spend(q.user.ID, q.form("nonce"), q.Now()) {
		return q.sentAgain(q.tokensAt())
	}
	policy, err := credential.ReadPolicy(q.r.Context(), q.DB, "")
	if err != nil {
		return err
	}
	form, err := q.addTokenForm(q.form("expires_in"), policy)
	if err != nil {
		return err
	}
	form.Open, form.Name, form.Expiry.Date, form.Errors = true, q.form("name"), q.form("expires_on"), FormErrors{}
	expires := form.Expiry.expiry(q.form("expires_in"), q.Now())
	limits, notBefore := q.limits(&form.Limits)
	if err := credential.CheckName(form.Name); err != nil {
		form.Errors, _ = formErrors(err)
	}
	var token personalaccesstoken.Token
	var secret vault.Secret
	if !form.wrong() {
		token, secret, err = q.Tokens.Create(q.context(), q.user.ID, personalaccesstoken.New{Name: form.Name, Description: form.Limits.Description, From: "console",
			ExpiresAt: *expires, Never: expires.IsZero(), NotBefore: notBefore, IsDecoy: form.Limits.Decoy, IsStrict: form.Limits.Strict, Narrow: narrow(limits)}, q.principal().Actor())
		if refused, ok := formErrors(err); ok {
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
		return q.show(v)
	}
	v.Created = &Secret{ID: token.ID, Name: token.Name, Value: secret.Reveal()}
	if !token.IsDecoy {
		v.Snippets = q.snippets(token.ID)
		v.Snippets.Token = secret.Reveal()
	}
	return q.show(v)
}

func (f *AddTokenForm) wrong() bool {
	return len(f.Errors)+len(f.Expiry.Errors)+len(f.Limits.Errors) > 0
}

// place puts what the rules refuse beside the fields.
func (f *AddTokenForm) place(errs FormErrors) {
	f.Errors, f.Expiry.Errors, f.Limits.Errors = placeErrors(errs)
	f.Limits.Scopes.Error = f.Limits.Errors["scopes"]
}

func placeErrors(errs FormErrors) (form, expiry, limits FormErrors) {
	form, expiry, limits = FormErrors{}, FormErrors{}, FormErrors{}
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
	s := &Snippets{Endpoint: q.PublicURL, KeyAction: q.tokensAt() + "/" + tokenID + "/workspace-keys", Nonce: newNonce()}
	for _, m := range q.workspaces {
		s.Workspaces = append(s.Workspaces, viewWorkspace(m))
	}
	if q.current != nil {
		s.WorkspaceID = q.current.ID
	} else {
		s.KeyAction = "" // without a workspace there is nothing to make a key for
	}
	return s
}

// createWorkspaceKey answers a page's script with JSON, so that the page (which may show the token
// for the only time) stays; without a script it answers with the token's page.
func (q *request) createWorkspaceKey() error {
	id, workspaceID := q.r.PathValue("token"), q.form("workspace_id")
	here := q.tokensAt() + "/" + id
	script := strings.HasPrefix(q.r.Header.Get("Accept"), "application/json")
	if !q.spent.spend(q.user.ID, q.form("nonce"), q.Now()) {
		if script {
			return q.json(http.StatusConflict, map[string]string{"message": "This form was sent already. Reload the page and try again."})
		}
		return q.sentAgain(here)
	}
	key, secret, err := q.Tokens.CreateWorkspaceKey(q.context(), q.user.ID, id, workspaceID, q.principal().Actor())
	if script {
		next := newNonce()
		if errs, ok := formErrors(err); ok {
			for _, message := range errs {
				return q.json(http.StatusUnprocessableEntity, map[string]string{"message": message, "nonce": next})
			}
		}
		if fault.Is(err, fault.WorkspaceNotFound) || fault.Is(err, fault.TokenNotFound) {
			return q.json(http.StatusNotFound, map[string]string{"message": "The token or the workspace is not there any more.", "nonce": next})
		} else if err != nil {
			return err
		}
		return q.json(http.StatusOK, map[string]string{"workspace_key_id": key.ID, "workspace_id": key.WorkspaceID, "token": secret.Reveal(), "nonce": next})
	}
	if err != nil {
		return q.refused(here, err)
	}
	v, err := q.tokenView(id)
	if err != nil {
		return err
	}
	v.Location = here
	v.CreatedKey = &Secret{ID: key.ID, Name: v.workspaceName(workspaceID), Value: secret.Reveal()}
	v.Snippets.WorkspaceID, v.Snippets.WorkspaceKey = workspaceID, secret.Reveal()
	return q.show(v)
}

func (v *TokenView) workspaceName(id string) string {
	for _, w := range v.Workspaces {
		if w.ID == id {
			return w.Name
		}
	}
	return id
}

// json answers a script of a page.
func (q *request) json(status int, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	q.status = status
	q.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	q.w.WriteHeader(status)
	_, err = q.w.Write(text)
	return err
}

func (q *request) revokeWorkspaceKey() error {
	here := q.tokensAt() + "/" + q.r.PathValue("token")
	if err := q.Tokens.RevokeWorkspaceKey(q.context(), q.user.ID, q.r.PathValue("key"), q.principal().Actor()); err != nil {
		return q.refused(here, err)
	}
	return q.done(here, "The workspace key was revoked.")
}
