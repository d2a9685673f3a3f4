package account

import (
	"context"
	"slices"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/api/event"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// Update is a change to an account; what is nil or not set stays as it is.
type Update struct {
	DisplayName      *string
	CustomerKey      *string
	ManageNewDevices *bool
	Accepted         rpc.Opt[[]string]
	Metadata         map[string]any // takes the place of all of it
}

// Change applies an update. It returns connected_account_not_found, customer_key_conflict for an
// account that is another customer's, and invalid_input for metadata that will not do.
func (a *Accounts) Change(ctx context.Context, workspaceID, id string, u Update) (acc Account, err error) {
	err = a.DB.Update(ctx, func(tx *store.Tx) error {
		if acc, err = a.Get(ctx, tx, workspaceID, id); err != nil {
			return err
		}
		if u.DisplayName != nil {
			acc.DisplayName = *u.DisplayName
		}
		if u.CustomerKey != nil {
			if err := a.setCustomer(ctx, tx, workspaceID, &acc, *u.CustomerKey); err != nil {
				return err
			}
		}
		if u.ManageNewDevices != nil {
			acc.AutomaticallyManageNewDevice = *u.ManageNewDevices
		}
		if u.Accepted.Set {
			acc.AcceptedCapabilities = u.Accepted.Value
		}
		if u.Metadata != nil {
			if acc.CustomMetadata, err = (device.Metadata{}).Merge(u.Metadata); err != nil {
				return err
			}
			if err := store.SetMetadata(ctx, tx, workspaceID, id, acc.CustomMetadata); err != nil {
				return err
			}
		}
		return a.save(ctx, tx, workspaceID, acc)
	}, store.Workspace(workspaceID))
	return acc, err
}

// Delete forgets an account with all its devices and what hangs on them; at the brand nothing is
// changed. It returns connected_account_not_found.
func (a *Accounts) Delete(ctx context.Context, workspaceID, id string) error {
	return a.DB.Update(ctx, func(tx *store.Tx) error {
		acc, err := a.Get(ctx, tx, workspaceID, id)
		if err != nil {
			return err
		}
		if err := a.Devices.DeleteOfAccount(ctx, tx, workspaceID, id); err != nil {
			return err
		}
		if err := store.SetMetadata(ctx, tx, workspaceID, id, nil); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM client_session_resources WHERE workspace_id = $1 AND kind = $2 AND resource_id = $3`, workspaceID, credential.AccountResource, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM connected_accounts WHERE workspace_id = $1 AND connected_account_id = $2`, workspaceID, id); err != nil {
			return err
		}
		e := acc.event("connected_account.deleted", a.Now())
		e.Fields["connected_account_type"] = acc.AccountType
		return a.Events.Append(ctx, tx, workspaceID, e)
	}, store.Workspace(workspaceID))
}

// Sync looks for devices that an account has and the workspace does not. It has looked when this
// returns. It returns connected_account_not_found.
func (a *Accounts) Sync(ctx context.Context, workspaceID, id string, sandbox bool) error {
	acc, err := a.Get(ctx, a.DB, workspaceID, id)
	if err != nil || !sandbox || acc.has(disconnected) {
		return err // a real account is read all the time; a disconnected one cannot be
	}
	if fleet, err := a.fleetID(); err != nil || acc.UserIdentifier["email"] == fleet {
		return err // what a fill added is not what a login finds
	}
	found, err := a.findStandard(ctx, acc)
	if err != nil {
		return err
	}
	err = a.DB.Update(ctx, func(tx *store.Tx) error {
		acc, err := a.Get(ctx, tx, workspaceID, id)
		if err != nil || acc.has(disconnected) {
			return err
		}
		for _, dev := range found.Devices {
			if err := a.Devices.Add(ctx, tx, workspaceID, a.of(acc, true, brandOf(a.Sandbox, acc.AccountType)), dev); err != nil {
				return err
			}
		}
		return nil
	}, store.Workspace(workspaceID))
	if err != nil {
		return err
	}
	return a.Devices.Awaken(ctx, workspaceID, id)
}

// Disconnect lets a sandbox account be as if its password had been changed, until it is connected
// again. It returns workspace_not_sandbox, and connected_account_not_found.
func (a *Accounts) Disconnect(ctx context.Context, workspaceID, id string, sandbox bool) error {
	if !sandbox {
		return fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace has accounts to simulate things with")
	}
	err := a.DB.Update(ctx, func(tx *store.Tx) error {
		acc, err := a.Get(ctx, tx, workspaceID, id)
		if err != nil || acc.has(disconnected) {
			return err
		}
		now := a.Now()
		acc.Errors = append(acc.Errors, Error{Code: disconnected, Message: "The account was disconnected. Connect it again.", IsAccountError: true, CreatedAt: rpc.Time{Time: now}})
		if err := a.save(ctx, tx, workspaceID, acc); err != nil {
			return err
		}
		if err := a.Events.Append(ctx, tx, workspaceID, acc.withProblems("connected_account.disconnected", now)); err != nil {
			return err
		}
		return a.Devices.SetAccountConnected(ctx, tx, workspaceID, id, false)
	}, store.Workspace(workspaceID))
	if err != nil {
		return err
	}
	return a.Devices.AccountSimulated(ctx, workspaceID, id)
}

// reauthorize is the code of the warning on an account that should be signed in to once more.
const reauthorize = "account_reauthorization_requested"

// RequestReauthorization lets a sandbox account ask to be connected again, as a brand does before it
// closes an older way to it: everything works on meanwhile. It returns workspace_not_sandbox,
// connected_account_not_found, or not_supported for an account that is disconnected.
func (a *Accounts) RequestReauthorization(ctx context.Context, workspaceID, id string, sandbox bool) error {
	if !sandbox {
		return fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace has accounts to simulate things with")
	}
	return a.DB.Update(ctx, func(tx *store.Tx) error {
		acc, err := a.Get(ctx, tx, workspaceID, id)
		if err != nil {
			return err
		}
		asked := slices.ContainsFunc(acc.Warnings, func(w Warning) bool { return w.Code == reauthorize })
		switch {
		case acc.has(disconnected):
			return fault.New(fault.NotSupported, "The account is disconnected: it has to be connected again in any case")
		case asked:
			return nil
		}
		now := a.Now()
		acc.Warnings = append(acc.Warnings, Warning{reauthorize, "The brand asks for a new sign-in. Connect the account again before it is disconnected.", rpc.Time{Time: now.Truncate(time.Millisecond)}})
		if err := a.save(ctx, tx, workspaceID, acc); err != nil {
			return err
		}
		return a.Events.Append(ctx, tx, workspaceID, acc.withProblems("connected_account.reauthorization_requested", now))
	}, store.Workspace(workspaceID))
}

// withProblems is something that happened to the account, with all that is wrong with it.
func (a Account) withProblems(kind string, at time.Time) event.Event {
	e := a.event(kind, at)
	e.Fields["connected_account_errors"], e.Fields["connected_account_warnings"] = a.Errors, a.Warnings
	return e
}
