package apikey

import (
	"context"

	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
)

// Endpoints are the rows of /keyway/v1/api_keys.
func (k *Keys) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/keyway/v1/api_keys/create", Summary: "Makes an API key for the workspace; the answer is the only place where it is shown.",
			Allow: rpc.ConsoleSession, Role: rpc.Admin, Fresh: true, Returns: "api_key", Secret: true, Handle: rpc.Func(k.create)},
		{Path: "/keyway/v1/api_keys/list", Summary: "Lists the workspace's API keys that are not revoked.", Allow: rpc.ConsoleSession,
			Role: rpc.Member, Read: true, Returns: "api_keys", Secret: true, Handle: rpc.Func(k.list)},
		{Path: "/keyway/v1/api_keys/revoke", Summary: "Ends an API key at once.", Allow: rpc.ConsoleSession, Role: rpc.Admin,
			Handle: rpc.Func(k.revoke)},
	}
}

type createInput struct {
	Name string `json:"name" rule:"required,min=1,max=100" doc:"What the key is for."`
}

func (k *Keys) create(ctx context.Context, in createInput) (APIKey, error) {
	p := credential.From(ctx)
	key, secret, err := k.Create(ctx, p.WorkspaceID, p.IsSandbox, in.Name, p.UserID, "console", p.Actor())
	key.Token = secret.Reveal()
	return key, err
}

func (k *Keys) list(ctx context.Context, _ rpc.None) ([]APIKey, error) {
	return k.List(ctx, credential.From(ctx).WorkspaceID)
}

type revokeInput struct {
	ID string `json:"api_key_id" rule:"required" doc:"ID of the key."`
}

func (k *Keys) revoke(ctx context.Context, in revokeInput) (rpc.OK, error) {
	p := credential.From(ctx)
	return rpc.OK{}, k.Revoke(ctx, p.WorkspaceID, in.ID, p.Actor())
}
