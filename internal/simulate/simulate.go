// Package simulate plays a hand at virtual devices: it makes things happen to them that people, networks
// and brands do to real ones, moves the clock of a sandbox, and fills and resets it. What it makes happen
// reaches the rules by the way that it does from real devices: through the session of the account.
package simulate

import (
	"context"
	"slices"
	"time"

	"keyway/internal/api/accesscode"
	"keyway/internal/api/account"
	"keyway/internal/api/connectwebview"
	"keyway/internal/api/device"
	"keyway/internal/api/lock"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/clock"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/provider/sandbox"
	"keyway/internal/provider/sandbox/memory"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// Simulator makes things happen in sandbox workspaces.
type Simulator struct {
	DB         *store.DB
	Virtual    *sandbox.Driver
	Memory     *memory.Memory
	Logins     Logins // nil: Virtual
	Devices    *device.Devices
	Accounts   *account.Accounts
	Codes      *accesscode.Codes
	Locks      *lock.Locks
	Webviews   *connectwebview.Webviews
	Workspaces *workspace.Workspaces
	Jobs       *job.Runner
	Audit      *audit.Log
	Clock      clock.Clock
	Now        func() time.Time
}

// Logins finds the devices of virtual accounts as they are at sign-in.
type Logins interface {
	Found(a provider.Account) ([]provider.Device, error)
}

// The things that Device can make happen.
const (
	Connect            = "connect"
	ConnectToHub       = "connect_to_hub"
	Disconnect         = "disconnect"
	DisconnectFromHub  = "disconnect_from_hub"
	ExpireSubscription = "expire_subscription"
	RenewSubscription  = "renew_subscription"
	Remove             = "remove"
	DrainBattery       = "drain_battery"
	ChargeBattery      = "charge_battery"
	ConnectKeypad      = "connect_keypad"
	DisconnectKeypad   = "disconnect_keypad"
	LoosenConnection   = "loosen_connection"
	SteadyConnection   = "steady_connection"
	StartPrivacy       = "start_privacy"
	EndPrivacy         = "end_privacy"
	AddIntegration     = "add_integration"
	RemoveIntegration  = "remove_integration"
	Tamper             = "tamper"
	RingDoorbell       = "ring_doorbell"
)

// simulation is something that can be made to happen to a virtual device.
type simulation struct {
	flag device.Flag // that the device must have
	do   func(ctx context.Context, d *sandbox.Driver, r provider.Ref) error
}

// simulations are the things that can be made to happen, by their names.
func simulations() map[string]simulation {
	return map[string]simulation{
		Connect: {"can_simulate_connection", func(ctx context.Context, d *sandbox.Driver, r provider.Ref) error {
			if err := d.SetRemoved(ctx, r, false); err != nil {
				return err
			}
			return d.SetOffline(ctx, r, false)
		}},
		Disconnect: {"can_simulate_disconnection", func(ctx context.Context, d *sandbox.Driver, r provider.Ref) error {
			return d.SetOffline(ctx, r, true)
		}},
		ConnectToHub: {"can_simulate_hub_connection", func(ctx context.Context, d *sandbox.Driver, r provider.Ref) error {
			return d.SetHubOffline(ctx, r, false)
		}},
		DisconnectFromHub: {"can_simulate_hub_disconnection", func(ctx context.Context, d *sandbox.Driver, r provider.Ref) error {
			return d.SetHubOffline(ctx, r, true)
		}},
		ExpireSubscription: {"can_simulate_paid_subscription", func(ctx context.Context, d *sandbox.Driver, r provider.Ref) error {
			return d.SetSubscriptionExpired(ctx, r, true)
		}},
		RenewSubscription: {"can_simulate_paid_subscription", func(ctx context.Context, d *sandbox.Driver, r provider.Ref) error {
			return d.SetSubscriptionExpired(ctx, r, false)
		}},
		Remove: {"can_simulate_removal", func(ctx context.Context, d *sandbox.Driver, r provider.Ref) error {
			return d.SetRemoved(ctx, r, true)
		}},
	}
}

// Device makes something happen to a virtual device; it has happened when this returns. It returns
// workspace_not_sandbox, device_not_found, device_offline, or not_supported for a device that lacks the
// flag, as for an unknown name.
func (s *Simulator) Device(ctx context.Context, id, name string) error {
	if t, ok := reports()[name]; ok {
		return s.Report(ctx, id, t)
	}
	what, ok := simulations()[name]
	if !ok {
		return fault.New(fault.NotSupported, "There is nothing of that name to simulate")
	}
	r, err := s.reach(ctx, id, "devices")
	if err != nil {
		return err
	}
	if !slices.Contains(r.Flags.Names(), what.flag) {
		return fault.New(fault.NotSupported, "This device does not support that: it has no %s", what.flag)
	}
	if err := what.do(ctx, s.Virtual, r.Ref); err != nil {
		return err
	}
	return s.settle(ctx, r)
}

// Possible are the names of what can be made to happen to a device now.
func (s *Simulator) Possible(r device.Reached) (names []string) {
	for name, what := range simulations() {
		if slices.Contains(r.Flags.Names(), what.flag) {
			names = append(names, name)
		}
	}
	for name, t := range reports() {
		if is, happened, err := s.reportOf(r, t); err == nil && (len(happened) > 0 || r.IsNews(is)) {
			names = append(names, name)
		}
	}
	return names
}

// FailRequests has the next requests to a virtual device fail, one each. It returns workspace_not_sandbox,
// device_not_found, or not_supported for a device that is not virtual.
func (s *Simulator) FailRequests(ctx context.Context, id string, faults ...sandbox.Fault) error {
	r, err := s.reach(ctx, id, "devices")
	if err != nil {
		return err
	}
	return s.Virtual.FailNext(ctx, r.Ref, faults...)
}

// reach reads a device that something is to be simulated at. It returns workspace_not_sandbox,
// device_not_found, or not_supported for a device that is not virtual.
func (s *Simulator) reach(ctx context.Context, id, what string) (r device.Reached, err error) {
	p := credential.From(ctx)
	if !p.IsSandbox {
		return r, notSandbox(what)
	}
	if r, err = s.Devices.Reach(ctx, s.DB, p.WorkspaceID, id); err != nil {
		return r, err
	}
	return r, s.virtual(ctx, r)
}

func notSandbox(what string) error {
	return fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace has %s to simulate things with", what)
}

// virtual returns not_supported for a device that another driver has.
func (s *Simulator) virtual(ctx context.Context, r device.Reached) error {
	driver, _, err := s.Accounts.Opening(ctx, s.DB, r.WorkspaceID, r.ConnectedAccountID)
	if err == nil && driver != s.Virtual.Name() {
		err = fault.New(fault.NotSupported, "Nothing can be simulated with a device that is not virtual")
	}
	return err
}

// settle returns when what a device has reported is written and has had its effect on its codes.
func (s *Simulator) settle(ctx context.Context, r device.Reached) error {
	if err := s.Accounts.Flush(ctx, r.WorkspaceID, r.ConnectedAccountID); err != nil {
		return err
	}
	return s.Codes.Settle(ctx, r.WorkspaceID, r.ID)
}

var _ device.Subscriber = (*Simulator)(nil)

// DeviceChanged does nothing.
func (s *Simulator) DeviceChanged(context.Context, *store.Tx, *device.Device) error { return nil }

// DeviceDeleted ends what keeps a virtual device from answering: when its account is next read, it is found
// as at its first sign-in, with the codes that are on it.
func (s *Simulator) DeviceDeleted(ctx context.Context, tx *store.Tx, r *device.Reached) error {
	return s.Virtual.Wake(ctx, s.Memory.Within(tx), r.Ref)
}
