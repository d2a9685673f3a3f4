package workspace

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"keyway/internal/api/action"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// Endpoints are the rows of /workspaces.
func (w *Workspaces) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/workspaces/create", Summary: "Makes a workspace, whose owner the caller becomes.", Allow: rpc.Person,
			Workspace: rpc.Forbidden, Returns: "workspace", Handle: rpc.Func(w.create)},
		{Path: "/workspaces/find_anything", Summary: "Finds resources of the workspace by a text: a part of a name, or an id.",
			Allow: rpc.Backend, Role: rpc.Member, ByDevice: true, Read: true, Returns: "batch", Batch: w.kinds(), Secret: true,
			Handle: rpc.Func(w.findAnything)},
		{Path: "/workspaces/get", Summary: "Gets the workspace that the request is about.", Allow: rpc.Anyone, Role: rpc.Member, ByDevice: true,
			Read: true, Returns: "workspace", Handle: rpc.Func(w.get)},
		{Path: "/workspaces/list", Summary: "Lists the workspaces that the credential opens.", Allow: rpc.Frontend, Workspace: rpc.Optional,
			ByDevice: true, Read: true, Returns: "workspaces", Handle: rpc.Func(w.list)},
		{Path: "/workspaces/reset_sandbox", Summary: "Puts the devices of a sandbox workspace back to how they were found.", Allow: rpc.Backend,
			Role: rpc.Admin, Returns: "action_attempt", Attempt: "RESET_SANDBOX_WORKSPACE", Secret: true,
			Handle: rpc.Func(w.resetSandbox)},
		{Path: "/workspaces/update", Summary: "Changes the workspace that the request is about.", Allow: rpc.Backend, Role: rpc.Admin,
			Verbs: "PATCH", Handle: rpc.Func(w.update)},
		{Path: "/keyway/v1/workspaces/delete", Summary: "Ends the workspace that the request is about; its credentials die at once and its " +
			"data is purged.", Allow: rpc.ConsoleSession, Role: rpc.Owner, Handle: rpc.Func(w.delete)},
	}
}

type customizationInput struct {
	LogoShape              rpc.Opt[string] `json:"logo_shape" rule:"nullable" enum:"circle square" doc:"The shape of the logo."`
	PrimaryButtonColor     rpc.Opt[string] `json:"primary_button_color" rule:"nullable" doc:"The colour of the main button, like #1a2b3c."`
	PrimaryButtonTextColor rpc.Opt[string] `json:"primary_button_text_color" rule:"nullable" doc:"The colour of the main button's text."`
	SuccessMessage         rpc.Opt[string] `json:"success_message" rule:"nullable,max=500" doc:"What is said once an account is connected."`
}

func (c *customizationInput) apply(to *Customization) {
	if c == nil {
		return
	}
	for _, f := range []struct {
		in rpc.Opt[string]
		to *string
	}{{c.LogoShape, &to.LogoShape}, {c.PrimaryButtonColor, &to.PrimaryButtonColor}, {c.PrimaryButtonTextColor, &to.PrimaryButtonTextColor},
		{c.SuccessMessage, &to.SuccessMessage}} {
		if f.in.Set {
			*f.to = f.in.Or("")
		}
	}
}

type createInput struct {
	Name                   string              `json:"name" rule:"required,min=1,max=200" doc:"The workspace's name."`
	CompanyName            string              `json:"company_name" rule:"max=200" doc:"Whose name the customers see; the workspace's unless given."`
	ConnectPartnerName     rpc.Opt[string]     `json:"connect_partner_name" rule:"nullable,max=200" doc:"Another name of company_name."`
	IsSandbox              bool                `json:"is_sandbox" rule:"default=false" doc:"Whether it has virtual devices instead of real ones."`
	OrganizationID         rpc.Opt[string]     `json:"organization_id" rule:"nullable" doc:"null: Keyway has no organizations."`
	Customization          *customizationInput `json:"connect_webview_customization" doc:"How the Connect Webview looks."`
	WebviewLogoShape       rpc.Opt[string]     `json:"webview_logo_shape" enum:"circle square" doc:"The older place of connect_webview_customization.logo_shape."`
	WebviewButtonColor     rpc.Opt[string]     `json:"webview_primary_button_color" doc:"The older place of connect_webview_customization.primary_button_color."`
	WebviewButtonTextColor rpc.Opt[string]     `json:"webview_primary_button_text_color" doc:"The older place of connect_webview_customization.primary_button_text_color."`
	WebviewSuccessMessage  rpc.Opt[string]     `json:"webview_success_message" doc:"The older place of connect_webview_customization.success_message."`
}

// ofNone refuses an organization: a caller who names one would take the workspace for a part of it.
func ofNone(organizationID rpc.Opt[string]) error {
	if organizationID.Or("") != "" {
		return fault.Invalid("organization_id", "Keyway has no organizations")
	}
	return nil
}

func (w *Workspaces) create(ctx context.Context, in createInput) (ws Workspace, err error) {
	if err := ofNone(in.OrganizationID); err != nil {
		return ws, err
	}
	n := New{Name: in.Name, CompanyName: in.CompanyName, IsSandbox: in.IsSandbox}
	if n.CompanyName == "" {
		n.CompanyName = in.ConnectPartnerName.Or("")
	}
	older := &customizationInput{in.WebviewLogoShape, in.WebviewButtonColor, in.WebviewButtonTextColor, in.WebviewSuccessMessage}
	older.apply(&n.Customization)
	in.Customization.apply(&n.Customization)
	p := credential.From(ctx)
	err = w.DB.Update(ctx, func(tx *store.Tx) error {
		ws, err = w.Create(ctx, tx, n, p.UserID, p.Actor())
		return err
	}, store.Instance)
	return ws, err
}

// kinds are the types of what the finders find, by their keys.
func (w *Workspaces) kinds() map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for _, f := range w.Finders {
		out[f.Kind] = reflect.TypeOf(f.Of)
	}
	return out
}

type findInput struct {
	Search string `json:"search" rule:"required,min=1,max=200" doc:"What to look for."`
}

func (w *Workspaces) findAnything(ctx context.Context, in findInput) (map[string]any, error) {
	out := map[string]any{}
	p := credential.From(ctx)
	for _, f := range w.Finders {
		if !p.MayRead(strings.TrimPrefix(f.Kind, "unmanaged_")) {
			out[f.Kind] = []any{}
			continue
		}
		found, err := f.Find(ctx, p.WorkspaceID, in.Search)
		if err != nil {
			return nil, err
		}
		out[f.Kind] = found
	}
	return out, nil
}

func (w *Workspaces) get(ctx context.Context, _ rpc.None) (rpc.Doc[Workspace], error) {
	return raw(ctx, w.DB, credential.From(ctx).WorkspaceID)
}

func (w *Workspaces) list(ctx context.Context, _ rpc.None) ([]Workspace, error) {
	p := credential.From(ctx)
	if p.WorkspaceID != "" {
		ws, err := w.Get(ctx, w.DB, p.WorkspaceID)
		return []Workspace{ws}, err
	}
	all, err := w.OfUser(ctx, p.UserID)
	if err != nil {
		return nil, err
	}
	refused, err := p.RefusedIn(ctx, w.DB)
	out := []Workspace{}
	for _, m := range all {
		if p.Opens(m.ID, m.IsSandbox) && !slices.Contains(refused, m.ID) {
			out = append(out, m.Workspace)
		}
	}
	return out, err
}

func (w *Workspaces) resetSandbox(ctx context.Context, _ rpc.None) (rpc.Doc[action.Attempt], error) {
	p := credential.From(ctx)
	return w.ResetSandbox(ctx, p.WorkspaceID, p.Actor())
}

type updateInput struct {
	Name                        *string             `json:"name" rule:"min=1,max=200" doc:"The workspace's name."`
	ConnectPartnerName          rpc.Opt[string]     `json:"connect_partner_name" rule:"nullable,max=200" doc:"Whose name the customers see; null: the workspace's."`
	Customization               *customizationInput `json:"connect_webview_customization" doc:"How the Connect Webview looks; what is not given stays."`
	IsPublishableKeyAuthEnabled *bool               `json:"is_publishable_key_auth_enabled" doc:"Whether publishable keys may make client sessions."`
	IsSuspended                 *bool               `json:"is_suspended" doc:"Whether the workspace is closed for the time being."`
	OrganizationID              rpc.Opt[string]     `json:"organization_id" rule:"nullable" doc:"null: Keyway has no organizations."`
}

func (w *Workspaces) update(ctx context.Context, in updateInput) (rpc.OK, error) {
	if err := ofNone(in.OrganizationID); err != nil {
		return rpc.OK{}, err
	}
	p := credential.From(ctx)
	c := Change{Name: in.Name, IsPublishableKeyAuthEnabled: in.IsPublishableKeyAuthEnabled, IsSuspended: in.IsSuspended}
	if in.ConnectPartnerName.Set {
		name := in.ConnectPartnerName.Or("")
		c.CompanyName = &name
	}
	if in.Customization != nil {
		c.Customize = in.Customization.apply
	}
	return rpc.OK{}, w.Update(ctx, p.WorkspaceID, c, p.Actor())
}

type deleteInput struct {
	WorkspaceID string `json:"workspace_id" doc:"The workspace in the seam-workspace header, once more."`
	Name        string `json:"name" rule:"required" doc:"The workspace's name, typed to confirm."`
}

func (w *Workspaces) delete(ctx context.Context, in deleteInput) (rpc.OK, error) {
	p := credential.From(ctx)
	if in.WorkspaceID != "" && in.WorkspaceID != p.WorkspaceID {
		return rpc.OK{}, errOtherWorkspace
	}
	return rpc.OK{}, w.Delete(ctx, p.WorkspaceID, in.Name, p.Actor())
}

var errOtherWorkspace = fault.Missing(fault.WorkspaceNotFound)
