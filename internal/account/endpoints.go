package account

import (
	"context"

	"keyway/internal/credential"
	"keyway/internal/fault"
	"keyway/internal/rpc"
	"keyway/internal/store"
)

// mostAccounts is how many accounts a page holds unless fewer are asked for.
const mostAccounts = 11_000

// Endpoints are the rows of /connected_accounts.
func (a *Accounts) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/connected_accounts/get", Summary: "Gets a connected account, by its id or its e-mail address.", Allow: rpc.Anyone, Role: rpc.Member, Read: true, Returns: "connected_account", Handle: rpc.Func(a.get)},
		{Path: "/connected_accounts/list", Summary: "Lists connected accounts.", Allow: rpc.Customer, Role: rpc.Member, Read: true, Returns: "connected_accounts", Handle: rpc.Func(a.list)},
	}
}

type getInput struct {
	ID    string `json:"connected_account_id" doc:"Which account."`
	Email string `json:"email" doc:"Or the account's e-mail address."`
}

func (a *Accounts) get(ctx context.Context, in getInput) (rpc.Doc[Account], error) {
	ws := credential.From(ctx).WorkspaceID
	switch {
	case in.ID != "":
		return raw(a.DB.QueryRow(ctx, `SELECT doc FROM connected_accounts WHERE workspace_id = $1 AND connected_account_id = $2`, ws, in.ID))
	case in.Email != "":
		return raw(a.DB.QueryRow(ctx, `SELECT doc FROM connected_accounts WHERE workspace_id = $1 AND external_id = $2 ORDER BY created_at, connected_account_id LIMIT 1`, ws, in.Email))
	}
	return nil, fault.Invalid("connected_account_id", "Required")
}

type listInput struct {
	rpc.PageInput
	CustomMetadataHas map[string]any `json:"custom_metadata_has" doc:"Only accounts whose custom_metadata has all of these values."`
	CustomerKey       string         `json:"customer_key" doc:"Only accounts of this customer."`
	Search            string         `json:"search" rule:"min=1" doc:"Only accounts whose name, brand or user contains this, or whose id begins with it (four characters at least)."`
	SpaceID           string         `json:"space_id" doc:"Only accounts in this space."`
	UserIdentifierKey string         `json:"user_identifier_key" doc:"Only accounts of this user."`
}

func (a *Accounts) list(ctx context.Context, in listInput) (p rpc.Page[Account], err error) {
	from, limit, err := in.Start(ctx, mostAccounts)
	if err != nil {
		return p, err
	}
	ws := credential.From(ctx).WorkspaceID
	w := a.DB.Where()
	w.Add("workspace_id = ?", ws)
	if in.CustomerKey != "" {
		w.Add("customer_key = ?", in.CustomerKey)
	}
	if in.UserIdentifierKey != "" {
		w.Add("user_identifier_key = ?", in.UserIdentifierKey)
	}
	if in.Search != "" {
		w.AddSearch("search", in.Search, "connected_account_id")
	}
	if in.SpaceID != "" {
		w.AddIn("connected_account_id", nil) // there are no spaces yet, so no account is in one
	}
	if err := w.AddMetadata("connected_account_id", ws, in.CustomMetadataHas); err != nil {
		return p, err
	}
	return a.page(ctx, w, from, limit)
}

func (a *Accounts) page(ctx context.Context, w *store.Where, from rpc.Position, limit int) (rpc.Page[Account], error) {
	rows, err := w.Page(ctx, a.DB, "connected_accounts", "connected_account_id", from.CreatedAt, from.ID, limit)
	return rpc.PageOf[Account](rows, limit), err
}

// List reads all accounts of a workspace, in the order in which they were connected.
func (a *Accounts) List(ctx context.Context, workspaceID string) (rpc.Page[Account], error) {
	w := a.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	return a.page(ctx, w, rpc.Position{}, mostAccounts)
}
