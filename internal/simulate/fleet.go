package simulate

import (
	"context"

	"keyway/internal/api/account"
	"keyway/internal/api/device"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/provider/sandbox/memory"
)

// chunk is how many devices are written with one commit where there are many.
const chunk = 500

// fleetDevice is a device of the fleet and the brand it belongs to.
type fleetDevice struct {
	brand string
	provider.Device
}

// eachFleetChunk goes through devices of the fleet in chunks, each written with one commit.
func (s *Simulator) eachFleetChunk(ctx context.Context, workspaceID string, from, n int, progress func(done int),
	put func(context.Context, *store.Tx, string, device.Account, provider.Device) error) error {
	var all []fleetDevice
	done := 0
	flush := func() error {
		err := s.Accounts.Within(ctx, workspaceID, func(tx *store.Tx) error { return s.putFleet(ctx, tx, workspaceID, all, put) })
		done += len(all)
		all = all[:0]
		if err == nil && progress != nil {
			progress(done)
		}
		return err
	}
	for brand, dev := range s.Virtual.Varied(from, n) {
		if all = append(all, fleetDevice{brand, dev}); len(all) == chunk {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return flush()
}

func (s *Simulator) putFleet(ctx context.Context, tx *store.Tx, workspaceID string, all []fleetDevice,
	put func(context.Context, *store.Tx, string, device.Account, provider.Device) error) error {
	accounts := map[string]device.Account{}
	for _, f := range all {
		acc, ok := accounts[f.brand]
		if !ok {
			var err error
			if acc, err = s.fleetAccount(ctx, tx, workspaceID, f.brand); err != nil {
				return err
			}
			accounts[f.brand] = acc
		}
		if err := put(ctx, tx, workspaceID, acc, f.Device); err != nil {
			return err
		}
	}
	return nil
}

// Fill adds n varied virtual devices to a sandbox workspace, beside those that earlier fills
// added, and reports how many are done. It returns workspace_not_sandbox elsewhere.
func (s *Simulator) Fill(ctx context.Context, workspaceID string, isSandbox bool, n int, progress func(done int)) error {
	if !isSandbox {
		return fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace can be filled with virtual devices")
	}
	from, err := s.fleetSize(ctx, workspaceID)
	if err != nil {
		return err
	}
	return s.eachFleetChunk(ctx, workspaceID, from, n, progress, s.Devices.Add)
}

// fleetAccount finds the account that the fleet's devices of a brand belong to, or connects it.
func (s *Simulator) fleetAccount(ctx context.Context, tx *store.Tx, workspaceID, brand string) (device.Account, error) {
	found, err := s.Virtual.VariedAccount(brand)
	if err != nil {
		return device.Account{}, err
	}
	acc, err := s.Accounts.ByExternalID(ctx, tx, workspaceID, s.Virtual.Name(), brand, found.ExternalID)
	if fault.Is(err, fault.ConnectedAccountNotFound) {
		var terms account.Terms
		if terms, err = s.Webviews.ForAccount(ctx, tx, workspaceID, brand); err == nil {
			acc, err = s.Accounts.Put(ctx, tx, workspaceID, s.Virtual, found, terms)
		}
	}
	return acc.Of(account.BrandOf(s.Virtual, brand)), err
}

// fleetID is the external id that the fleet's accounts have in every brand.
func (s *Simulator) fleetID() (string, error) {
	found, err := s.Virtual.VariedAccount(s.Virtual.Brands()[0].Name)
	return found.ExternalID, err
}

// fleetSize is how many devices earlier fills have added: the next fill continues after them.
func (s *Simulator) fleetSize(ctx context.Context, workspaceID string) (n int, err error) {
	fleet, err := s.fleetID()
	if err != nil {
		return 0, err
	}
	peers, err := s.Accounts.OfDriver(ctx, s.DB, workspaceID, s.Virtual.Name())
	if err != nil {
		return 0, err
	}
	for _, p := range peers {
		if p.ExternalID != fleet {
			continue
		}
		has, err := s.Devices.CountOfAccount(ctx, workspaceID, p.AccountID)
		if err != nil {
			return 0, err
		}
		n += has
	}
	return n, nil
}

var _ workspace.Subscriber = (*Simulator)(nil)

// WorkspaceDeleted does nothing: what virtual devices remember is purged with the other rows.
func (s *Simulator) WorkspaceDeleted(string) {}

// WorkspaceReset puts the virtual devices of a sandbox workspace back to how they were found, with what they
// remember and the codes on them, and its clock to the real time. It may be run again after it has failed
// half-way.
func (s *Simulator) WorkspaceReset(ctx context.Context, workspaceID string) error {
	peers, err := s.Accounts.OfDriver(ctx, s.DB, workspaceID, s.Virtual.Name())
	if err != nil {
		return err
	}
	for _, p := range peers {
		if err := s.Accounts.Flush(ctx, workspaceID, p.AccountID); err != nil {
			return err
		}
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := memory.Forget(ctx, tx, workspaceID); err != nil {
			return err
		}
		if err := s.Codes.Reset(ctx, tx, workspaceID); err != nil {
			return err
		}
		return s.Jobs.Rewind(ctx, tx, workspaceID)
	}, store.Workspace(workspaceID))
	if err != nil {
		return err
	}
	return s.resetDevices(ctx, workspaceID, peers)
}

func (s *Simulator) resetDevices(ctx context.Context, workspaceID string, peers []account.Peer) error {
	for _, p := range peers {
		if err := s.resetAccount(ctx, p); err != nil {
			return err
		}
	}
	n, err := s.fleetSize(ctx, workspaceID)
	if err != nil {
		return err
	}
	return s.eachFleetChunk(ctx, workspaceID, 0, n, nil, s.Devices.Restore)
}

// resetAccount puts the devices of a login back, and its account.
func (s *Simulator) resetAccount(ctx context.Context, p account.Peer) error {
	_, opening, err := s.Accounts.Opening(ctx, s.DB, p.WorkspaceID, p.AccountID)
	if fault.Is(err, fault.ConnectedAccountNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	logins := s.Logins
	if logins == nil {
		logins = s.Virtual
	}
	found, err := logins.Found(opening)
	if err != nil || found == nil {
		return err
	}
	return s.Accounts.Within(ctx, p.WorkspaceID, func(tx *store.Tx) error {
		acc, err := s.Accounts.ClearProblems(ctx, tx, p.WorkspaceID, p.AccountID) // it may have been changed meanwhile
		if fault.Is(err, fault.ConnectedAccountNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		for _, dev := range found {
			if err := s.Devices.Restore(ctx, tx, p.WorkspaceID, acc.Of(account.BrandOf(s.Virtual, p.Brand)), dev); err != nil {
				return err
			}
		}
		return nil
	})
}
