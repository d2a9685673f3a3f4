package simulate

import (
	"context"
	"slices"
	"time"

	"keyway/internal/api/accesscode"
	"keyway/internal/api/action"
	"keyway/internal/api/lock"
	"keyway/internal/platform/rpc"
	"keyway/internal/provider/sandbox"
	"keyway/internal/trust/credential"
)

// Endpoints are the rows of everything that is simulated.
func (s *Simulator) Endpoints() []rpc.Endpoint {
	return slices.Concat(s.deviceEndpoints(), s.lockEndpoints(), s.accountEndpoints())
}

func (s *Simulator) deviceEndpoints() []rpc.Endpoint {
	row := func(name, summary string) rpc.Endpoint {
		return rpc.Endpoint{Path: "/devices/simulate/" + name, Summary: summary, Allow: rpc.Customer, Role: rpc.Member, ByDevice: true,
			Handle: rpc.Func(func(ctx context.Context, in deviceInput) (rpc.OK, error) { return rpc.OK{}, s.Device(ctx, in.ID, name) })}
	}
	return []rpc.Endpoint{
		row(Connect, "Brings a virtual device back online."),
		row(ConnectToHub, "Brings the hub of a virtual device back online."),
		row(Disconnect, "Takes a virtual device offline."),
		row(DisconnectFromHub, "Takes the hub of a virtual device offline."),
		{Path: "/devices/simulate/paid_subscription", Summary: "Lets the subscription of a virtual device run out, or renews it.",
			Allow: rpc.Customer, Role: rpc.Member, ByDevice: true, Handle: rpc.Func(s.paidSubscription)},
		row(Remove, "Takes a virtual device out of its account."),
		{Path: "/keyway/v1/sandbox/fail_requests", Summary: "Has the next requests that change a virtual device fail, so that an app can be " +
			"tried against trouble.", Allow: rpc.Backend, Role: rpc.Member,
			Handle: rpc.Func(s.failRequests)},
		{Path: "/keyway/v1/sandbox/simulate_device", Summary: "Has a virtual device report something about itself: its battery, keypad or " +
			"connection, privacy mode, tampering, its doorbell.", Allow: rpc.Backend, Role: rpc.Member, ByDevice: true,
			Handle: rpc.Func(func(ctx context.Context, in reportInput) (rpc.OK, error) {
				return rpc.OK{}, s.Report(ctx, in.ID, in.Reported)
			})},
	}
}

type deviceInput struct {
	ID string `json:"device_id" rule:"required" doc:"ID of the device."`
}

type subscriptionInput struct {
	ID        string `json:"device_id" rule:"required" doc:"ID of the device."`
	IsExpired bool   `json:"is_expired" rule:"required" doc:"Whether the subscription has run out."`
}

func (s *Simulator) paidSubscription(ctx context.Context, in subscriptionInput) (rpc.OK, error) {
	what := RenewSubscription
	if in.IsExpired {
		what = ExpireSubscription
	}
	return rpc.OK{}, s.Device(ctx, in.ID, what)
}

type reportInput struct {
	ID string `json:"device_id" rule:"required" doc:"ID of the device."`
	Reported
}

type failInput struct {
	ID     string   `json:"device_id" rule:"required" doc:"ID of the device."`
	Faults []string `json:"faults" rule:"required,max=100" enum:"offline refused jammed silent" doc:"How its next requests fail, one each: no answer, a refusal, a bolt that does not move, a yes that does nothing. An empty list takes all away."`
}

func (s *Simulator) failRequests(ctx context.Context, in failInput) (rpc.OK, error) {
	faults := make([]sandbox.Fault, len(in.Faults))
	for i, f := range in.Faults {
		faults[i] = sandbox.Fault(f)
	}
	return rpc.OK{}, s.FailRequests(ctx, in.ID, faults...)
}

func (s *Simulator) lockEndpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/access_codes/simulate/create_unmanaged_access_code", Summary: "Has someone put a code on a virtual lock.", Allow: rpc.Frontend,
			Role: rpc.Member, ByDevice: true, Returns: "access_code", Secret: true, Handle: rpc.Func(s.putCode)},
		{Path: "/keyway/v1/sandbox/change_code_on_lock",
			Summary: "Has someone change an access code at its virtual lock, or take it off; it is known when this answers.", Allow: rpc.Backend,
			Role: rpc.Member, ByDevice: true,
			Handle: rpc.Func(func(ctx context.Context, in changeInput) (rpc.OK, error) {
				return rpc.OK{}, s.ChangeCode(ctx, in.ID, in.Code)
			})},
		{Path: "/keyway/v1/sandbox/manage_code_elsewhere",
			Summary: "Has another workspace take over an access code on a virtual lock, or let go of it; it is known when this answers.",
			Allow:   rpc.Backend, Role: rpc.Member, ByDevice: true,
			Handle: rpc.Func(func(ctx context.Context, in elsewhereInput) (rpc.OK, error) {
				return rpc.OK{}, s.ManageCodeElsewhere(ctx, in.ID, in.Elsewhere)
			})},
		{Path: "/locks/simulate/keypad_code_entry", Summary: "Has someone enter a PIN at a virtual lock.", Allow: rpc.Backend, Role: rpc.Member,
			ByDevice: true, Returns: "action_attempt", Attempt: lock.EnterCode,
			Secret: true, Handle: rpc.Func(func(ctx context.Context, in entryInput) (rpc.Doc[action.Attempt], error) {
				return s.EnterCode(ctx, in.ID, in.Code)
			})},
		{Path: "/locks/simulate/manual_lock_via_keypad", Summary: "Has someone lock a virtual lock by its keypad.", Allow: rpc.Backend,
			Role: rpc.Member, ByDevice: true, Returns: "action_attempt", Attempt: lock.ManualLock,
			Secret: true, Handle: rpc.Func(func(ctx context.Context, in lockInput) (rpc.Doc[action.Attempt], error) {
				return s.ManualLock(ctx, in.ID)
			})},
	}
}

type putInput struct {
	DeviceID string `json:"device_id" rule:"required" doc:"On which device."`
	Name     string `json:"name" rule:"required" doc:"What the lock calls it."`
	Code     string `json:"code" rule:"required,min=4,max=8" doc:"Its PIN."`
}

func (s *Simulator) putCode(ctx context.Context, in putInput) (rpc.Doc[accesscode.Unmanaged], error) {
	id, err := s.PutCode(ctx, in.DeviceID, in.Name, in.Code)
	if err != nil {
		return nil, err
	}
	return s.Codes.GetUnmanaged(ctx, credential.From(ctx).WorkspaceID, id)
}

type changeInput struct {
	ID   string `json:"access_code_id" rule:"required" doc:"ID of the access code."`
	Code string `json:"code" rule:"max=12" doc:"The PIN that it is given; without one it is taken off the lock."`
}

type elsewhereInput struct {
	ID        string `json:"access_code_id" rule:"required" doc:"ID of the access code, managed or not."`
	Elsewhere bool   `json:"is_managed_elsewhere" rule:"required" doc:"Whether another workspace manages it: true takes it over from this one, false lets go of it."`
}

type entryInput struct {
	ID   string `json:"device_id" rule:"required" doc:"ID of the lock."`
	Code string `json:"code" rule:"required" doc:"The PIN that is entered."`
}

type lockInput struct {
	ID string `json:"device_id" rule:"required" doc:"ID of the lock."`
}

func (s *Simulator) accountEndpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/connected_accounts/simulate/disconnect", Summary: "Lets a sandbox account be as if its password had been changed.",
			Allow: rpc.Customer, Role: rpc.Member,
			Handle: rpc.Func(func(ctx context.Context, in accountInput) (rpc.OK, error) {
				return rpc.OK{}, s.DisconnectAccount(ctx, in.ID)
			})},
		{Path: "/keyway/v1/sandbox/request_reauthorization",
			Summary: "Lets a sandbox account ask to be connected again, while everything works on.", Allow: rpc.Backend, Role: rpc.Member,
			Handle: rpc.Func(func(ctx context.Context, in accountInput) (rpc.OK, error) {
				return rpc.OK{}, s.RequestReauthorization(ctx, in.ID)
			})},
		{Path: "/keyway/v1/sandbox/advance_time", Summary: "Moves the clock of a sandbox workspace forward; whatever becomes due has happened " +
			"when this answers.", Allow: rpc.Backend, Role: rpc.Member, Returns: "clock",
			Handle: rpc.Func(s.advanceTime)},
	}
}

type accountInput struct {
	ID string `json:"connected_account_id" rule:"required" doc:"ID of the connected account."`
}

type advanceInput struct {
	Seconds float64 `json:"seconds" rule:"required,min=0,max=34560000" doc:"How far to move the workspace's clock forward."`
}

func (s *Simulator) advanceTime(ctx context.Context, in advanceInput) (Clock, error) {
	p := credential.From(ctx)
	return s.AdvanceTime(ctx, p.WorkspaceID, time.Duration(in.Seconds*float64(time.Second)), p.Actor())
}
