package account

import (
	"context"
	"strings"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// maxAccounts is how many accounts a page contains unless fewer are requested.
const maxAccounts = 11_000

// Endpoints are the rows of /connected_accounts.
func (a *Accounts) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/connected_accounts/delete", Summary: "Forgets a connected account with its devices.", Allow: rpc.Customer, Role: rpc.Member,
			Verbs: "DELETE", Handle: rpc.Func(a.delete)},
		{Path: "/connected_accounts/get", Summary: "Gets a connected account, by its id or its email address.", Allow: rpc.Anyone,
			Role: rpc.Member, ByDevice: true, Read: true, Returns: "connected_account", Handle: rpc.Func(a.get)},
		{Path: "/connected_accounts/list", Summary: "Lists connected accounts.", Allow: rpc.Customer, Role: rpc.Member, ByDevice: true,
			Read: true, Returns: "connected_accounts", PageSize: maxAccounts, Handle: rpc.Func(a.list)},
		{Path: "/connected_accounts/sync", Summary: "Looks for new devices of a connected account.", Allow: rpc.Backend, Role: rpc.Member,
			Handle: rpc.Func(a.sync)},
		{Path: "/connected_accounts/update", Summary: "Changes a connected account.", Allow: rpc.Backend, Role: rpc.Member, Verbs: "PATCH",
			Returns: "connected_account", Handle: rpc.Func(a.update)},
	}
}

type getInput struct {
	ID    string `json:"connected_account_id" doc:"ID of the connected account."`
	Email string `json:"email" doc:"Or the account's email address."`
}

func (a *Accounts) get(ctx context.Context, in getInput) (rpc.Doc[Account], error) {
	p := credential.From(ctx)
	w := a.DB.Where()
	w.Add("workspace_id = ?", p.WorkspaceID)
	p.LimitAccounts(w, "connected_account_id", "customer_key")
	switch {
	case in.ID != "":
		w.Add("connected_account_id = ?", in.ID)
	case in.Email != "":
		w.Add("external_id = ?", strings.ToLower(in.Email)) // as it is stored, however it was typed
	default:
		return nil, fault.Invalid("connected_account_id", "Required")
	}
	return first(ctx, a.DB, w)
}

type deleteInput struct {
	ID   string `json:"connected_account_id" rule:"required" doc:"ID of the connected account."`
	Sync bool   `json:"sync" rule:"default=false" doc:"Not needed: it has happened when the answer comes."`
}

func (a *Accounts) delete(ctx context.Context, in deleteInput) (rpc.OK, error) {
	return rpc.OK{}, a.Delete(ctx, credential.From(ctx).WorkspaceID, in.ID)
}

type idInput struct {
	ID string `json:"connected_account_id" rule:"required" doc:"ID of the connected account."`
}

func (a *Accounts) sync(ctx context.Context, in idInput) (rpc.OK, error) {
	return rpc.OK{}, a.Sync(ctx, credential.From(ctx).WorkspaceID, in.ID)
}

type updateInput struct {
	ID               string                  `json:"connected_account_id" rule:"required" doc:"ID of the connected account."`
	Accepted         rpc.Opt[[]string]       `json:"accepted_capabilities" enum:"lock thermostat noise_sensor access_control camera speaker" doc:"The kinds of devices that it takes in; empty: all."`
	ManageNewDevices *bool                   `json:"automatically_manage_new_devices" doc:"Whether new devices become managed."`
	Metadata         rpc.Opt[map[string]any] `json:"custom_metadata" doc:"Values that take the place of all that are there."`
	CustomerKey      *string                 `json:"customer_key" rule:"min=1,max=500" doc:"The customer that it belongs to; it can be given once."`
	DisplayName      *string                 `json:"display_name" rule:"min=1,max=255" doc:"What to call it."`
}

func (a *Accounts) update(ctx context.Context, in updateInput) (Account, error) {
	return a.Change(ctx, credential.From(ctx).WorkspaceID, in.ID,
		Update{DisplayName: in.DisplayName, CustomerKey: in.CustomerKey, ManageNewDevices: in.ManageNewDevices, Accepted: in.Accepted,
			Metadata: in.Metadata.Value})
}

type listInput struct {
	rpc.PageInput
	CustomMetadataHas map[string]any `json:"custom_metadata_has" rule:"default={}" doc:"Only accounts whose custom_metadata has all of these values."`
	CustomerKey       string         `json:"customer_key" doc:"Only accounts of this customer."`
	Search            string         `json:"search" rule:"min=1" doc:"Only accounts whose name, brand, user, customer or metadata contains this, or whose id begins with it (four characters at least)."`
	SpaceID           string         `json:"space_id" doc:"Only accounts in this space."`
	UserIdentifierKey string         `json:"user_identifier_key" doc:"Only accounts of this user."`
}

func (a *Accounts) list(ctx context.Context, in listInput) (p rpc.Page[Account], err error) {
	from, limit, err := in.Start(ctx)
	if err != nil {
		return p, err
	}
	caller := credential.From(ctx)
	ws := caller.WorkspaceID
	w := a.DB.Where()
	w.Add("workspace_id = ?", ws)
	caller.LimitAccounts(w, "connected_account_id", "customer_key")
	if in.CustomerKey != "" {
		w.AddEqual("customer_key", in.CustomerKey)
	}
	if in.UserIdentifierKey != "" {
		credential.AccountsOfUser(w, "connected_account_id", ws, in.UserIdentifierKey)
	}
	if in.Search != "" {
		if err := a.DB.AddSearch(ctx, w, store.SearchAccounts, ws, in.Search, "connected_account_id"); err != nil {
			return p, err
		}
	}
	if in.SpaceID != "" {
		w.AddIn("connected_account_id", nil) // there are no spaces yet, so no account is in one
	}
	if err := w.AddMetadata("connected_account_id", ws, in.CustomMetadataHas); err != nil {
		return p, err
	}
	return a.page(ctx, w, from, limit)
}
