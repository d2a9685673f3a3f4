package account

import (
	"context"
	"strings"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// mostAccounts is how many accounts a page holds unless fewer are asked for.
const mostAccounts = 11_000

// Endpoints are the rows of /connected_accounts.
func (a *Accounts) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/connected_accounts/delete", Summary: "Forgets a connected account with its devices.", Allow: rpc.Customer, Role: rpc.Member, Verbs: "DELETE", Handle: rpc.Func(a.delete)},
		{Path: "/connected_accounts/get", Summary: "Gets a connected account, by its id or its e-mail address.", Allow: rpc.Anyone, Role: rpc.Member, ByDevice: true, Read: true, Returns: "connected_account", Handle: rpc.Func(a.get)},
		{Path: "/connected_accounts/list", Summary: "Lists connected accounts.", Allow: rpc.Customer, Role: rpc.Member, ByDevice: true, Read: true, Returns: "connected_accounts", Handle: rpc.Func(a.list)},
		{Path: "/connected_accounts/simulate/disconnect", Summary: "Lets a sandbox account be as if its password had been changed.", Allow: rpc.Customer, Role: rpc.Member, Handle: rpc.Func(a.disconnect)},
		{Path: "/connected_accounts/sync", Summary: "Looks for new devices of a connected account.", Allow: rpc.Backend, Role: rpc.Member, Handle: rpc.Func(a.sync)},
		{Path: "/connected_accounts/update", Summary: "Changes a connected account.", Allow: rpc.Backend, Role: rpc.Member, Verbs: "PATCH", Returns: "connected_account", Handle: rpc.Func(a.update)},
		{Path: "/keyway/v1/sandbox/request_reauthorization", Summary: "Lets a sandbox account ask to be connected again, while everything works on.", Allow: rpc.Backend &^ rpc.WorkspaceKey, Role: rpc.Member, Handle: rpc.Func(a.requestReauthorization)},
	}
}

type getInput struct {
	ID    string `json:"connected_account_id" doc:"Which account."`
	Email string `json:"email" doc:"Or the account's e-mail address."`
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
	return raw(a.DB.QueryRow(ctx, `SELECT doc FROM connected_accounts`+w.String()+` ORDER BY created_at, connected_account_id LIMIT 1`, w.Args...))
}

type deleteInput struct {
	ID   string `json:"connected_account_id" rule:"required" doc:"Which account."`
	Sync bool   `json:"sync" doc:"Not needed: it has happened when the answer comes."`
}

func (a *Accounts) delete(ctx context.Context, in deleteInput) (rpc.OK, error) {
	return rpc.OK{}, a.Delete(ctx, credential.From(ctx).WorkspaceID, in.ID)
}

type idInput struct {
	ID string `json:"connected_account_id" rule:"required" doc:"Which account."`
}

func (a *Accounts) sync(ctx context.Context, in idInput) (rpc.OK, error) {
	p := credential.From(ctx)
	return rpc.OK{}, a.Sync(ctx, p.WorkspaceID, in.ID, p.IsSandbox)
}

func (a *Accounts) disconnect(ctx context.Context, in idInput) (rpc.OK, error) {
	p := credential.From(ctx)
	return rpc.OK{}, a.Disconnect(ctx, p.WorkspaceID, in.ID, p.IsSandbox)
}

func (a *Accounts) requestReauthorization(ctx context.Context, in idInput) (rpc.OK, error) {
	p := credential.From(ctx)
	return rpc.OK{}, a.RequestReauthorization(ctx, p.WorkspaceID, in.ID, p.IsSandbox)
}

type updateInput struct {
	ID               string            `json:"connected_account_id" rule:"required" doc:"Which account."`
	Accepted         rpc.Opt[[]string] `json:"accepted_capabilities" enum:"lock thermostat noise_sensor access_control camera" doc:"The kinds of devices that it takes in; empty: all."`
	ManageNewDevices *bool             `json:"automatically_manage_new_devices" doc:"Whether new devices become managed."`
	Metadata         map[string]any    `json:"custom_metadata" doc:"Values that take the place of all that are there."`
	CustomerKey      *string           `json:"customer_key" rule:"min=1,max=500" doc:"The customer that it belongs to; it can be given once."`
	DisplayName      *string           `json:"display_name" rule:"min=1,max=255" doc:"What to call it."`
}

func (a *Accounts) update(ctx context.Context, in updateInput) (Account, error) {
	return a.Change(ctx, credential.From(ctx).WorkspaceID, in.ID,
		Update{DisplayName: in.DisplayName, CustomerKey: in.CustomerKey, ManageNewDevices: in.ManageNewDevices, Accepted: in.Accepted, Metadata: in.Metadata})
}

type listInput struct {
	rpc.PageInput
	CustomMetadataHas map[string]any `json:"custom_metadata_has" doc:"Only accounts whose custom_metadata has all of these values."`
	CustomerKey       string         `json:"customer_key" doc:"Only accounts of this customer."`
	Search            string         `json:"search" rule:"min=1" doc:"Only accounts whose name, brand, user, customer or metadata contains this, or whose id begins with it (four characters at least)."`
	SpaceID           string         `json:"space_id" doc:"Only accounts in this space."`
	UserIdentifierKey string         `json:"user_identifier_key" doc:"Only accounts of this user."`
}

func (a *Accounts) list(ctx context.Context, in listInput) (p rpc.Page[Account], err error) {
	from, limit, err := in.Start(ctx, mostAccounts)
	if err != nil {
		return p, err
	}
	caller := credential.From(ctx)
	ws := caller.WorkspaceID
	w := a.DB.Where()
	w.Add("workspace_id = ?", ws)
	caller.LimitAccounts(w, "connected_account_id", "customer_key")
	if in.CustomerKey != "" {
		w.Add("customer_key = ?", in.CustomerKey)
	}
	if in.UserIdentifierKey != "" {
		credential.AccountsOfUser(w, "connected_account_id", ws, in.UserIdentifierKey)
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

// Names gives what accounts of the workspace are called; one that is gone is not in the map.
func (a *Accounts) Names(ctx context.Context, workspaceID string, ids []string) (map[string]string, error) {
	w := a.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	w.AddIn("connected_account_id", ids)
	return w.Names(ctx, a.DB, "connected_accounts", "connected_account_id", "display_name")
}

// Find reads one page of the accounts whose name, brand, user, customer or metadata contains a text,
// or whose id begins with it, or of all when it is empty: those connected last first.
func (a *Accounts) Find(ctx context.Context, workspaceID, text string, from rpc.Position, limit int) (rpc.Page[Account], error) {
	w := a.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	credential.From(ctx).LimitAccounts(w, "connected_account_id", "customer_key")
	if text != "" {
		w.AddSearch("search", text, "connected_account_id")
	}
	w.NewestFirst = true
	return a.page(ctx, w, from, limit)
}

// List reads all accounts of a workspace, in the order in which they were connected.
func (a *Accounts) List(ctx context.Context, workspaceID string) (rpc.Page[Account], error) {
	w := a.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	return a.page(ctx, w, rpc.Position{}, mostAccounts)
}
