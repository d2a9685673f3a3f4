package personalaccesstoken

import (
	"context"
	"slices"
	"time"

	"keyway/internal/credential"
	"keyway/internal/fault"
	"keyway/internal/rpc"
)

// Endpoints are the rows of /keyway/v1/personal_access_tokens. The seam-workspace header changes
// nothing here: the endpoints are about the caller.
func (t *Tokens) Endpoints() []rpc.Endpoint {
	const path = "/keyway/v1/personal_access_tokens/"
	return slices.Concat(t.rotateEndpoints(), t.explainEndpoints(), t.adviseEndpoints(), []rpc.Endpoint{
		{Path: path + "create", Summary: "Makes a personal access token; the answer is the only place where it is shown.", Allow: rpc.ConsoleSession, Workspace: rpc.Ignored, Fresh: true, Returns: "personal_access_token", Handle: rpc.Func(t.create)},
		{Path: path + "create_workspace_key", Summary: "Mints a key that acts as the token in one workspace, for SDKs that cannot send a workspace.", Allow: rpc.Person, Workspace: rpc.Ignored, Self: true, Fresh: true, Returns: "workspace_key", Handle: rpc.Func(t.createWorkspaceKey)},
		{Path: path + "get", Summary: "Gets a personal access token of one's own; with a token and no id, that token.", Allow: rpc.Person, Workspace: rpc.Ignored, Read: true, Returns: "personal_access_token", Handle: rpc.Func(t.get)},
		{Path: path + "get_current", Summary: "Gets the personal access token that the request is made with.", Allow: rpc.PersonalAccessToken | rpc.WorkspaceKey, Workspace: rpc.Ignored, Self: true, Read: true, Returns: "personal_access_token", Handle: rpc.Func(t.getCurrent)},
		{Path: path + "list", Summary: "Lists one's own personal access tokens, also those that are dead.", Allow: rpc.ConsoleSession, Workspace: rpc.Ignored, Read: true, Returns: "personal_access_tokens", Handle: rpc.Func(t.list)},
		{Path: path + "list_workspace_keys", Summary: "Lists the workspace keys minted from a token.", Allow: rpc.ConsoleSession, Workspace: rpc.Ignored, Read: true, Returns: "workspace_keys", Handle: rpc.Func(t.listWorkspaceKeys)},
		{Path: path + "revoke", Summary: "Ends a token, or a workspace key, at once and for ever; with a token or key and no id, itself.", Allow: rpc.Person | rpc.WorkspaceKey, Workspace: rpc.Ignored, Self: true, Handle: rpc.Func(t.revoke)},
		{Path: path + "update", Summary: "Changes a token's name and description.", Allow: rpc.ConsoleSession, Workspace: rpc.Ignored, Verbs: "PATCH", Returns: "personal_access_token", Handle: rpc.Func(t.update)},
	})
}

type createInput struct {
	Name        string             `json:"name" rule:"required,min=1,max=100" doc:"What the token is for."`
	Description string             `json:"description" rule:"max=500" doc:"More about it."`
	ExpiresAt   rpc.Opt[time.Time] `json:"expires_at" rule:"nullable" doc:"When it dies; null: never; a year from now unless given."`
}

func (t *Tokens) create(ctx context.Context, in createInput) (Token, error) {
	p := credential.From(ctx)
	tok, secret, err := t.Create(ctx, p.UserID, New{Name: in.Name, Description: in.Description, From: "console", ExpiresAt: in.ExpiresAt.Value, Never: in.ExpiresAt.Null}, p.Actor())
	tok.Secret = secret.Reveal()
	return tok, err
}

type idInput struct {
	ID string `json:"personal_access_token_id" doc:"Which token; with a token, itself unless given."`
}

// own settles which token a request is about. A token reaches itself only: any other id, also
// one of the same person, is not there for it.
func own(p credential.Principal, id string) (string, error) {
	if p.Kind == rpc.ConsoleSession {
		if id == "" {
			return "", fault.Invalid("personal_access_token_id", "Required")
		}
		return id, nil
	}
	if id != "" && id != p.TokenID {
		return "", fault.Missing(fault.TokenNotFound)
	}
	return p.TokenID, nil
}

func (t *Tokens) get(ctx context.Context, in idInput) (Token, error) {
	p := credential.From(ctx)
	id, err := own(p, in.ID)
	if err != nil {
		return Token{}, err
	}
	return t.Get(ctx, p.UserID, id)
}

func (t *Tokens) getCurrent(ctx context.Context, _ rpc.None) (Token, error) {
	p := credential.From(ctx)
	return t.Get(ctx, p.UserID, p.TokenID)
}

func (t *Tokens) list(ctx context.Context, _ rpc.None) ([]Token, error) {
	return t.List(ctx, credential.From(ctx).UserID)
}

type updateInput struct {
	ID          string  `json:"personal_access_token_id" rule:"required" doc:"Which token."`
	Name        *string `json:"name" rule:"min=1,max=100" doc:"What the token is for."`
	Description *string `json:"description" rule:"max=500" doc:"More about it."`
}

func (t *Tokens) update(ctx context.Context, in updateInput) (Token, error) {
	p := credential.From(ctx)
	if err := t.Update(ctx, p.UserID, in.ID, in.Name, in.Description, p.Actor()); err != nil {
		return Token{}, err
	}
	return t.Get(ctx, p.UserID, in.ID)
}

type revokeInput struct {
	ID    string `json:"personal_access_token_id" doc:"Which token; with a token, itself unless given."`
	KeyID string `json:"workspace_key_id" doc:"Or which workspace key."`
}

func (t *Tokens) revoke(ctx context.Context, in revokeInput) (rpc.OK, error) {
	p := credential.From(ctx)
	switch {
	case in.ID != "" && in.KeyID != "":
		return rpc.OK{}, fault.InvalidAll([]fault.Issue{{Message: "Give either personal_access_token_id or workspace_key_id"}})
	case p.Kind == rpc.WorkspaceKey:
		if in.ID != "" || in.KeyID != "" && in.KeyID != p.CredentialID {
			return rpc.OK{}, fault.Missing(fault.WorkspaceKeyNotFound)
		}
		return rpc.OK{}, t.RevokeWorkspaceKey(ctx, p.UserID, p.CredentialID, p.Actor())
	case in.KeyID != "" && p.Kind == rpc.ConsoleSession:
		return rpc.OK{}, t.RevokeWorkspaceKey(ctx, p.UserID, in.KeyID, p.Actor())
	case in.KeyID != "":
		return rpc.OK{}, fault.Missing(fault.WorkspaceKeyNotFound)
	}
	id, err := own(p, in.ID)
	if err != nil {
		return rpc.OK{}, err
	}
	return rpc.OK{}, t.Revoke(ctx, p.UserID, id, p.Actor())
}

type createKeyInput struct {
	ID          string `json:"personal_access_token_id" doc:"Which token; with a token, itself unless given."`
	WorkspaceID string `json:"workspace_id" rule:"required" doc:"The one workspace that the key opens."`
}

func (t *Tokens) createWorkspaceKey(ctx context.Context, in createKeyInput) (WorkspaceKey, error) {
	p := credential.From(ctx)
	id, err := own(p, in.ID)
	if err != nil {
		return WorkspaceKey{}, err
	}
	key, secret, err := t.CreateWorkspaceKey(ctx, p.UserID, id, in.WorkspaceID, p.Actor())
	key.Secret = secret.Reveal()
	return key, err
}

type listKeysInput struct {
	ID string `json:"personal_access_token_id" rule:"required" doc:"Which token."`
}

func (t *Tokens) listWorkspaceKeys(ctx context.Context, in listKeysInput) ([]WorkspaceKey, error) {
	return t.WorkspaceKeys(ctx, credential.From(ctx).UserID, in.ID)
}
