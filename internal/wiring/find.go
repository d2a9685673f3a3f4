package wiring

import (
	"context"

	"keyway/internal/api/accesscode"
	"keyway/internal/api/account"
	"keyway/internal/api/action"
	"keyway/internal/api/clientsession"
	"keyway/internal/api/connectwebview"
	"keyway/internal/api/device"
	"keyway/internal/api/event"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
)

// mostFound is how many resources of a kind a search finds.
const mostFound = 20

// finders are what /workspaces/find_anything looks in.
func (r *Rooms) finders() []workspace.Finder {
	devices := func(unmanaged bool) func(context.Context, string, string) (any, error) {
		return func(ctx context.Context, workspaceID, text string) (any, error) {
			p, err := r.Devices.List(ctx, workspaceID, device.Filter{Search: text, Unmanaged: unmanaged, Limit: mostFound})
			return p.Items, err
		}
	}
	return []workspace.Finder{
		{Kind: "devices", Of: device.Device{}, Find: devices(false)},
		{Kind: "unmanaged_devices", Of: device.Unmanaged{}, Find: devices(true)},
		{Kind: "connected_accounts", Of: account.Account{}, Find: func(ctx context.Context, workspaceID, text string) (any, error) {
			p, err := r.Accounts.Find(ctx, workspaceID, text, rpc.Position{}, mostFound)
			return p.Items, err
		}},
		{Kind: "connect_webviews", Of: connectwebview.Webview{}, Find: func(ctx context.Context, workspaceID, text string) (any, error) {
			p, err := r.Webviews.List(ctx, workspaceID, connectwebview.Filter{Search: text, Limit: mostFound})
			return p.Items, err
		}},
		{Kind: "access_codes", Of: accesscode.Code{}, Find: func(ctx context.Context, _, text string) (any, error) {
			return r.Codes.Find(ctx, text, mostFound)
		}},
		{Kind: "unmanaged_access_codes", Of: accesscode.Unmanaged{}, Find: func(ctx context.Context, _, text string) (any, error) {
			return r.Codes.FindUnmanaged(ctx, text, mostFound)
		}},
		{Kind: "action_attempts", Of: action.Attempt{}, Find: func(ctx context.Context, _, text string) (any, error) {
			found, err := r.Attempts.Reached(ctx, text)
			if fault.Is(err, fault.ActionAttemptNotFound) {
				return []any{}, nil
			}
			return []any{found}, err
		}},
		{Kind: "events", Of: event.Record{}, Find: func(ctx context.Context, workspaceID, text string) (any, error) {
			p, err := r.Events.Find(ctx, workspaceID, event.Filter{ID: text, Limit: mostFound})
			return p.Items, err
		}},
		{Kind: "client_sessions", Of: clientsession.Session{}, Find: func(ctx context.Context, workspaceID, text string) (any, error) {
			if credential.From(ctx).Reach != nil {
				return []any{}, nil // sessions are about more than devices
			}
			found, err := r.Sessions.List(ctx, workspaceID, clientsession.Filter{ID: text})
			return append([]clientsession.Session{}, found...), err
		}},
	}
}
