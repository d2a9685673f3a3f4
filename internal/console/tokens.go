package console

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"keyway/internal/credential"
	"keyway/internal/fault"
	"keyway/internal/personalaccesstoken"
	"keyway/internal/workspace"
)

// tokensAt is the address of the list, at the place where this request is.
func (q *request) tokensAt() string {
	if id := q.r.PathValue("workspace"); id != "" {
		return workspacePath(id, "developer", "personal-access-tokens")
	}
	return settingsPath("personal-access-tokens")
}

func (q *request) tokensPage(title string) Page {
	area := AreaSettings
	if q.r.PathValue("workspace") != "" {
		area = AreaWorkspace
	}
	return q.base(area, NavTokens, title)
}

// settingsTokens leads from a shorter address to the list.
func (q *request) settingsTokens() error { return q.forward(settingsPath("personal-access-tokens")) }

func (q *request) tokensView() (*TokensView, error) {
	v := &TokensView{Page: q.tokensPage("Personal Access Tokens"), Base: q.tokensAt(), Add: q.addTokenForm(strconv.Itoa(personalaccesstoken.DefaultDays))}
	tokens, err := q.Tokens.List(q.r.Context(), q.user.ID)
	if err != nil {
		return nil, err
	}
	for _, t := range tokens {
		token := q.viewToken(t)
		if token.Live() {
			// The confirmation says what else ends.
			if token.WorkspaceKeys, err = q.liveKeys(t.ID); err != nil {
				return nil, err
			}
		}
		v.Tokens = append(v.Tokens, token)
	}
	return v, nil
}

func (q *request) liveKeys(tokenID string) (n int, err error) {
	keys, err := q.Tokens.WorkspaceKeys(q.r.Context(), q.user.ID, tokenID)
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
	token := Token{ID: t.ID, Name: t.Name, Description: t.Description, Hint: hint(t.Hint), Status: TokenRevoked,
		CreatedAt: t.CreatedAt.Time, ExpiresAt: t.ExpiresAt.Time, LastUsed: q.viewUse(t.LastUsed)}
	switch t.Status {
	case personalaccesstoken.Expired:
		token.Status = TokenExpired
	case personalaccesstoken.Active:
		token.Status = TokenActive
		if !t.ExpiresAt.IsZero() && t.ExpiresAt.Sub(q.Now()) < soon {
			token.Status = TokenExpiring
		}
	}
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
func (q *request) addTokenForm(selected string) AddTokenForm {
	now := q.Now()
	f := AddTokenForm{Nonce: newNonce(), MinDate: now.AddDate(0, 0, 1).Format(time.DateOnly), MaxDate: now.AddDate(10, 0, 0).Format(time.DateOnly)}
	for _, days := range []int{7, 30, 90, 365} {
		value := strconv.Itoa(days)
		f.Options = append(f.Options, ExpiryOption{Value: value, Label: value + " days", Expires: now.AddDate(0, 0, days), Selected: value == selected})
	}
	f.Options = append(f.Options,
		ExpiryOption{Value: ExpiryDate, Label: "On a date…", Selected: selected == ExpiryDate},
		ExpiryOption{Value: ExpiryNever, Label: "Never", Selected: selected == ExpiryNever})
	return f
}

// expiry reads what was chosen.
func (f AddTokenForm) expiry(choice string, now time.Time) (at time.Time, never bool, errs FormErrors) {
	switch choice {
	case ExpiryNever:
		return at, true, nil
	case ExpiryDate:
		day, err := time.Parse(time.DateOnly, f.Date)
		at = day.Add(24*time.Hour - time.Second) // to the end of the day
		if err != nil || !at.After(now) || f.Date > f.MaxDate {
			return at, false, FormErrors{"expires_on": "Choose a day from tomorrow on, within ten years."}
		}
		return at, false, nil
	}
	for _, option := range f.Options {
		if option.Value == choice {
			return option.Expires, false, nil
		}
	}
	return at, false, FormErrors{"expires_in": "Choose when the token expires."}
}

func (q *request) tokens() error {
	v, err := q.tokensView()
	if err != nil {
		return err
	}
	return q.show(v)
}

func (q *request) createToken() error {
	if !q.spent.spend(q.session.ID, q.form("nonce"), q.Now()) {
		return q.sentAgain(q.tokensAt())
	}
	choice := q.form("expires_in")
	form := q.addTokenForm(choice)
	form.Open, form.Name, form.Date = true, q.form("name"), q.form("expires_on")
	expires, never, errs := form.expiry(choice, q.Now())
	if errs == nil {
		errs = FormErrors{}
	}
	if err := credential.CheckName(form.Name); err != nil {
		nameErrs, _ := formErrors(err)
		errs["name"] = nameErrs["name"]
	}
	var token personalaccesstoken.Token
	var secret credential.Secret
	if len(errs) == 0 {
		var err error
		token, secret, err = q.Tokens.Create(q.context(), q.user.ID, personalaccesstoken.New{Name: form.Name, From: "console", ExpiresAt: expires, Never: never}, q.principal().Actor())
		if refused, ok := formErrors(err); ok {
			errs = refused.onlyFields("name")
		} else if err != nil {
			return err
		}
	}
	v, err := q.tokensView()
	if err != nil {
		return err
	}
	v.Location = v.Base
	if len(errs) > 0 {
		form.Errors, form.Nonce = errs, v.Add.Nonce
		v.Add = form
		return q.show(v)
	}
	v.Created = &Secret{ID: token.ID, Name: token.Name, Value: secret.Reveal()}
	v.Snippets = q.snippets(token.ID)
	v.Snippets.Token = secret.Reveal()
	return q.show(v)
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

func (q *request) tokenView(id string) (*TokenView, error) {
	ctx := q.r.Context()
	t, err := q.Tokens.Get(ctx, q.user.ID, id)
	if err != nil {
		return nil, err
	}
	v := &TokenView{Page: q.tokensPage(t.Name), Base: q.tokensAt(), Token: q.viewToken(t)}
	keys, err := q.Tokens.WorkspaceKeys(ctx, q.user.ID, id)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if !k.RevokedAt.IsZero() {
			continue
		}
		key := WorkspaceKey{ID: k.ID, Hint: hint(k.Hint), Workspace: Workspace{ID: k.WorkspaceID, Name: k.WorkspaceID}, CreatedAt: k.CreatedAt.Time, LastUsed: q.viewUse(k.LastUsed).At}
		if m := q.membership(k.WorkspaceID); m != nil {
			key.Workspace = viewWorkspace(*m)
		}
		v.Keys = append(v.Keys, key)
	}
	v.Token.WorkspaceKeys = len(v.Keys)
	if v.Token.Live() {
		v.Snippets = q.snippets(id)
	} else {
		v.Keys = nil // they ended with it
	}
	return v, nil
}

func (q *request) token() error {
	v, err := q.tokenView(q.r.PathValue("token"))
	if err != nil {
		return err
	}
	return q.show(v)
}

func (q *request) revokeToken() error {
	if err := q.Tokens.Revoke(q.context(), q.user.ID, q.r.PathValue("token"), q.principal().Actor()); err != nil {
		return q.refused(q.tokensAt(), err)
	}
	return q.done(q.tokensAt(), "The token was revoked.")
}

// createWorkspaceKey answers a page's script with JSON, so that the page (which may show the token
// for the only time) stays; without a script it answers with the token's page.
func (q *request) createWorkspaceKey() error {
	id, workspaceID := q.r.PathValue("token"), q.form("workspace_id")
	here := q.tokensAt() + "/" + id
	script := strings.HasPrefix(q.r.Header.Get("Accept"), "application/json")
	if !q.spent.spend(q.session.ID, q.form("nonce"), q.Now()) {
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
