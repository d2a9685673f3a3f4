package personalaccesstoken

import (
	"context"
	"slices"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
)

// Endpoints are the rows of /keyway/v1/personal_access_tokens. The seam-workspace header changes
// nothing here: the endpoints are about the caller.
func (t *Tokens) Endpoints() []rpc.Endpoint {
	const path = "/keyway/v1/personal_access_tokens/"
	return slices.Concat(t.rotateEndpoints(), t.explainEndpoints(), t.adviseEndpoints(), []rpc.Endpoint{
		{Path: path + "admit", Summary: "Lets a token that an owner refused be used in a workspace again.", Allow: rpc.ConsoleSession,
			Workspace: rpc.Ignored, Handle: rpc.Func(t.admitAgain)},
		{Path: path + "create", Summary: "Makes a personal access token; the answer is the only place where it is shown. With a token that " +
			"names personal_access_tokens:write, one that can do no more than it.", Allow: rpc.Person, Workspace: rpc.Ignored, Fresh: true,
			Returns: "personal_access_token", Secret: true, Handle: rpc.Func(t.create)},
		{Path: path + "create_workspace_key", Summary: "Mints a key that acts as the token in one workspace, for SDKs that cannot send a " +
			"workspace.", Allow: rpc.Person, Workspace: rpc.Ignored, Self: true, Fresh: true, Returns: "workspace_key", Secret: true,
			Handle: rpc.Func(t.createWorkspaceKey)},
		{Path: path + "disable", Summary: "Puts a token to sleep, with all that was made with it.", Allow: rpc.Person, Workspace: rpc.Ignored,
			Returns: "personal_access_token", Secret: true, Handle: rpc.Func(t.disable)},
		{Path: path + "enable", Summary: "Wakes a token that was disabled.", Allow: rpc.Person, Workspace: rpc.Ignored, Fresh: true,
			Returns: "personal_access_token", Secret: true, Handle: rpc.Func(t.enable)},
		{Path: path + "get", Summary: "Gets a personal access token of one's own; with a token and no id, that token.", Allow: rpc.Person,
			Workspace: rpc.Ignored, Self: true, Read: true, Returns: "personal_access_token", Secret: true, Handle: rpc.Func(t.get)},
		{Path: path + "get_current", Summary: "Gets the personal access token that the request is made with.",
			Allow: rpc.PersonalAccessToken | rpc.WorkspaceKey, Workspace: rpc.Ignored, Self: true, Read: true, Returns: "personal_access_token",
			Secret: true, Handle: rpc.Func(t.getCurrent)},
		{Path: path + "list", Summary: "Lists one's own personal access tokens, ended ones included; with workspace_id, everyone's that open " +
			"it, for its owners. With a token, itself and those made with it.", Allow: rpc.Person, Workspace: rpc.Ignored, Self: true,
			Read: true, Returns: "personal_access_tokens", Secret: true, Handle: rpc.Func(t.list)},
		{Path: path + "list_workspace_keys", Summary: "Lists the workspace keys minted from a token.", Allow: rpc.ConsoleSession,
			Workspace: rpc.Ignored, Read: true, Returns: "workspace_keys", Secret: true, Handle: rpc.Func(t.listWorkspaceKeys)},
		{Path: path + "refuse", Summary: "Has a workspace refuse a token of one of its people, with all that follow it and were made with it.",
			Allow: rpc.ConsoleSession, Workspace: rpc.Ignored, Handle: rpc.Func(t.refuse)},
		{Path: path + "revoke", Summary: "Ends a token, or a workspace key, immediately and permanently, with all that was made with it; with " +
			"a token " +
			"or key and no id, itself.", Allow: rpc.Person | rpc.WorkspaceKey, Workspace: rpc.Ignored, Self: true, Returns: "revocation",
			Handle: rpc.Func(t.revoke)},
		{Path: path + "revoke_all", Summary: "Ends one's own live tokens together; for an operator, also other people's.",
			Allow: rpc.ConsoleSession, Workspace: rpc.Ignored, Returns: "personal_access_tokens", Secret: true, Handle: rpc.Func(t.revokeAll)},
		{Path: path + "update", Summary: "Changes a token. Narrowing it needs nothing more; widening it in any way, a fresh sign-in.",
			Allow: rpc.Person, Workspace: rpc.Ignored, Verbs: "PATCH", Returns: "personal_access_token", Secret: true, Handle: rpc.Func(t.update)},
	})
}

type createInput struct {
	Name        string             `json:"name" rule:"required,min=1,max=100" doc:"What the token is for."`
	Description string             `json:"description" rule:"max=500" doc:"More about it."`
	ExpiresAt   rpc.Opt[time.Time] `json:"expires_at" rule:"nullable" doc:"When it expires; null: never; in one year unless given, and never later than the token it is made with."`
	NotBefore   rpc.Opt[time.Time] `json:"not_before" rule:"nullable" doc:"When it begins to be good."`
	IsDecoy     bool               `json:"is_decoy" rule:"default=false" doc:"Whether it grants nothing and only raises an alarm when it is used."`
	IsStrict    bool               `json:"is_strict" rule:"default=false" doc:"Whether late use of a token that it replaced ends it too."`
	Narrow
}

func (t *Tokens) create(ctx context.Context, in createInput) (Token, error) {
	p := credential.From(ctx)
	n := New{Name: in.Name, Description: in.Description, From: "console", ExpiresAt: in.ExpiresAt.Value, Never: in.ExpiresAt.Null,
		NotBefore: in.NotBefore.Value, IsDecoy: in.IsDecoy, IsStrict: in.IsStrict, Narrow: in.Narrow}
	if p.Kind != rpc.ConsoleSession {
		n.From, n.ParentID = fromToken, p.TokenID
	}
	tok, secret, err := t.Create(ctx, p.UserID, n, p.Actor())
	tok.Secret = secret.Reveal()
	return tok, err
}

type idInput struct {
	ID string `json:"personal_access_token_id" doc:"ID of the token; with a token, itself unless given."`
}

// meant reads the token that a request is about: the one with the id, or the calling one. It returns
// personal_access_token_not_found for one that the caller does not manage.
func (t *Tokens) meant(ctx context.Context, id string) (credential.Credential, error) {
	p := credential.From(ctx)
	if id == "" {
		if p.Kind == rpc.ConsoleSession {
			return credential.Credential{}, fault.Invalid("personal_access_token_id", "Required")
		}
		id = p.TokenID
	}
	return t.managed(ctx, t.DB, manager(p), id)
}

// made is meant, but for the calling token itself, which changes nothing of itself.
func (t *Tokens) made(ctx context.Context, id string) (credential.Credential, error) {
	c, err := t.meant(ctx, id)
	if p := credential.From(ctx); err == nil && p.Kind != rpc.ConsoleSession && c.ID == p.TokenID {
		err = fault.Reason(fault.Forbidden, "scope", "A token does not change itself, only those that were made with it")
	}
	return c, err
}

func (t *Tokens) get(ctx context.Context, in idInput) (Token, error) {
	c, err := t.meant(ctx, in.ID)
	if err != nil {
		return Token{}, err
	}
	return t.Get(ctx, c.UserID, c.ID)
}

func (t *Tokens) getCurrent(ctx context.Context, _ rpc.None) (Token, error) {
	p := credential.From(ctx)
	return t.Get(ctx, p.UserID, p.TokenID)
}

type listInput struct {
	WorkspaceID string `json:"workspace_id" doc:"Everyone's tokens that open this workspace, for its owners, without what concerns other workspaces."`
	UserID      string `json:"user_id" doc:"This person's tokens, for operators."`
}

func (t *Tokens) list(ctx context.Context, in listInput) ([]Token, error) {
	p := credential.From(ctx)
	switch {
	case p.Kind != rpc.ConsoleSession:
		return t.family(ctx, p)
	case in.WorkspaceID != "":
		tokens, _, err := t.InWorkspace(ctx, p.UserID, in.WorkspaceID)
		return tokens, err
	case in.UserID != "" && in.UserID != p.UserID && !p.IsOperator:
		return nil, fault.Reason(fault.Forbidden, "role", "Only an operator of this server sees other people's tokens")
	case in.UserID != "":
		there, err := exists(ctx, t.DB, `SELECT 1 FROM users WHERE user_id = $1`, in.UserID)
		if err == nil && !there {
			err = fault.Missing(fault.UserNotFound)
		}
		if err != nil {
			return nil, err
		}
		return t.List(ctx, in.UserID)
	}
	return t.List(ctx, p.UserID)
}

// family lists the calling token and, where it may manage them, those that were made with it.
func (t *Tokens) family(ctx context.Context, p credential.Principal) ([]Token, error) {
	self, err := t.find(ctx, t.DB, p.UserID, p.TokenID)
	if err != nil {
		return nil, err
	}
	var all []credential.Credential
	if self.Limits.Allows(writeTokens) {
		if all, err = credential.Descendants(ctx, t.DB, self.ID); err != nil {
			return nil, err
		}
	}
	return t.servedAll(ctx, append(all, self), false)
}

type updateInput struct {
	ID string `json:"personal_access_token_id" rule:"required" doc:"ID of the token."`
	Change
}

func (t *Tokens) update(ctx context.Context, in updateInput) (Token, error) {
	c, err := t.made(ctx, in.ID)
	if err != nil {
		return Token{}, err
	}
	p := credential.From(ctx)
	mayWiden := func() error { return credential.RequireFresh(ctx, t.Now()) }
	if p.Kind != rpc.ConsoleSession {
		mayWiden = func() error {
			return fault.Reason(fault.Forbidden, "scope", "Only a person who has just signed in widens a token")
		}
	}
	if err := t.Update(ctx, c.UserID, c.ID, in.Change, mayWiden, p.Actor()); err != nil {
		return Token{}, err
	}
	return t.Get(ctx, c.UserID, c.ID)
}

type whichInput struct {
	ID string `json:"personal_access_token_id" rule:"required" doc:"ID of the token."`
}

func (t *Tokens) disable(ctx context.Context, in whichInput) (Token, error) {
	return t.setDisabled(ctx, in.ID, true)
}

func (t *Tokens) enable(ctx context.Context, in whichInput) (Token, error) {
	return t.setDisabled(ctx, in.ID, false)
}

func (t *Tokens) setDisabled(ctx context.Context, id string, disabled bool) (Token, error) {
	c, err := t.made(ctx, id)
	if err != nil {
		return Token{}, err
	}
	if err := t.SetDisabled(ctx, c.UserID, c.ID, disabled, credential.From(ctx).Actor()); err != nil {
		return Token{}, err
	}
	return t.Get(ctx, c.UserID, c.ID)
}

type inWorkspaceInput struct {
	ID          string `json:"personal_access_token_id" rule:"required" doc:"ID of the token."`
	WorkspaceID string `json:"workspace_id" rule:"required" doc:"In which workspace."`
}

func (t *Tokens) refuse(ctx context.Context, in inWorkspaceInput) (rpc.OK, error) {
	p := credential.From(ctx)
	return rpc.OK{}, t.SetRefused(ctx, p.UserID, in.WorkspaceID, in.ID, true, p.Actor())
}

func (t *Tokens) admitAgain(ctx context.Context, in inWorkspaceInput) (rpc.OK, error) {
	p := credential.From(ctx)
	return rpc.OK{}, t.SetRefused(ctx, p.UserID, in.WorkspaceID, in.ID, false, p.Actor())
}

type revokeAllInput struct {
	UserID        string    `json:"user_id" doc:"Only this person's; for operators."`
	UnusedDays    int       `json:"unused_days" rule:"min=1,max=3650" doc:"Only those that were not used for so many days."`
	CreatedBefore time.Time `json:"created_before" doc:"Only those made before this time."`
	HintPrefix    string    `json:"hint_prefix" rule:"max=20" doc:"Only those whose visible part begins like this."`
}

// revokeAll ends the caller's own tokens, or for an operator who says which, everyone's.
func (t *Tokens) revokeAll(ctx context.Context, in revokeAllInput) ([]Token, error) {
	p := credential.From(ctx)
	b := Bulk(in)
	switch {
	case in.UserID != "" && in.UserID != p.UserID && !p.IsOperator:
		return nil, fault.Reason(fault.Forbidden, "role", "Only an operator of this server ends other people's tokens")
	case !p.IsOperator || b == Bulk{}:
		b.UserID = p.UserID
	}
	return t.RevokeAll(ctx, b, p.Actor())
}

type createKeyInput struct {
	ID          string `json:"personal_access_token_id" doc:"ID of the token; with a token, itself unless given."`
	WorkspaceID string `json:"workspace_id" rule:"required" doc:"The one workspace that the key opens."`
}

func (t *Tokens) createWorkspaceKey(ctx context.Context, in createKeyInput) (WorkspaceKey, error) {
	p := credential.From(ctx)
	c, err := t.meant(ctx, in.ID)
	if err != nil {
		return WorkspaceKey{}, err
	}
	if c.UserID != p.UserID {
		return WorkspaceKey{}, fault.Missing(fault.TokenNotFound) // an operator does not act as another person
	}
	key, secret, err := t.CreateWorkspaceKey(ctx, p.UserID, c.ID, in.WorkspaceID, p.Actor())
	key.Secret = secret.Reveal()
	return key, err
}

type listKeysInput struct {
	ID string `json:"personal_access_token_id" rule:"required" doc:"ID of the token."`
}

func (t *Tokens) listWorkspaceKeys(ctx context.Context, in listKeysInput) ([]WorkspaceKey, error) {
	return t.WorkspaceKeys(ctx, credential.From(ctx).UserID, in.ID)
}
