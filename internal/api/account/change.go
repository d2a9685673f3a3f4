package account

import (
	"context"
	"errors"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
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
			if err := store.SetMetadata(ctx, tx, workspaceID, id, acc.CreatedAt.Time, acc.CustomMetadata); err != nil {
				return err
			}
		}
		return a.save(ctx, tx, workspaceID, acc)
	}, store.Workspace(workspaceID))
	return acc, err
}

// Delete forgets an account with all its devices and what hangs on them; at the brand nothing is
// changed. Devices go a few with each commit, so a failure may leave some of them: the same call goes on
// from there. It returns connected_account_not_found.
func (a *Accounts) Delete(ctx context.Context, workspaceID, id string) error {
	if _, err := a.Get(ctx, a.DB, workspaceID, id); err != nil {
		return err
	}
	a.closeSession(workspaceID, id)
	for left := 1; left > 0; {
		err := a.DB.Update(ctx, func(tx *store.Tx) error {
			acc, err := a.Get(ctx, tx, workspaceID, id)
			if err != nil {
				return err
			}
			if left, err = a.Devices.DeleteOfAccount(ctx, tx, workspaceID, id); err != nil || left > 0 {
				return err
			}
			if err := store.SetMetadata(ctx, tx, workspaceID, id, time.Time{}, nil); err != nil {
				return err
			}
			if err := remove(ctx, tx, workspaceID, id); err != nil {
				return err
			}
			e := acc.event("connected_account.deleted", a.Now())
			e.Fields["connected_account_type"] = acc.AccountType
			return a.Events.Append(ctx, tx, workspaceID, e)
		}, store.Workspace(workspaceID))
		if err != nil {
			return err
		}
	}
	a.closeSession(workspaceID, id) // what another request opened meanwhile
	return nil
}

// syncTimeout is how long an account's peer may take to list its devices.
const syncTimeout = 25 * time.Second

// Sync asks an account's peer for its devices and returns when they are stored. It does nothing for an
// account that has to be signed in to first. It returns connected_account_not_found, not_supported when
// this server has no driver for the account, or device_offline when the peer does not answer.
func (a *Accounts) Sync(ctx context.Context, workspaceID, id string) error {
	acc, err := a.Get(ctx, a.DB, workspaceID, id)
	if err != nil || acc.has(disconnected) {
		return err
	}
	s, err := a.Session(ctx, a.DB, workspaceID, id)
	if err != nil {
		return err
	} else if s == nil {
		return fault.New(fault.NotSupported, "This server has no driver for the account")
	}
	within, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	switch err := s.Refresh(within); {
	case errors.Is(err, provider.ErrOffline), errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.DeviceOffline, "The account's hub or service does not answer")
	case err != nil:
		return err
	}
	return a.Flush(ctx, workspaceID, id)
}
