package device

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"keyway/internal/credential"
	"keyway/internal/event"
	"keyway/internal/fault"
	"keyway/internal/provider"
	"keyway/internal/rpc"
	"keyway/internal/store"
)

// Simulator is what the provider of virtual devices lets be done to them.
type Simulator interface {
	SetOffline(ctx context.Context, r provider.Ref, offline bool) error
	SetHubOffline(ctx context.Context, r provider.Ref, offline bool) error
	SetSubscriptionExpired(ctx context.Context, r provider.Ref, expired bool) error
	SetRemoved(ctx context.Context, r provider.Ref, removed bool) error
	// FailNext has the next requests that change the device meet these faults, one each, and no others.
	FailNext(ctx context.Context, r provider.Ref, faults ...provider.Fault) error
	// Working tells which flags work, and whether the device is online, with problems of these codes.
	Working(flags, problems []string, keypadMissing bool) (works map[string]bool, online bool)
}

// simulation is something that can be made to happen to a virtual device.
type simulation struct {
	flag   Flag // that the device must have
	turn   func(Simulator, context.Context, provider.Ref) error
	adds   *Error   // the error that it gives the device
	clears []string // the codes of those that it takes away
}

const (
	codeDisconnected  = "device_disconnected"
	codeHub           = "hub_disconnected"
	codeSubscription  = "subscription_required"
	codeRemoved       = "device_removed"
	codeNoAccount     = "account_disconnected"
	messageNoAccount  = "The account that the device is reached through is disconnected. Connect it again."
	messageOffline    = "The device lost its connection. Check its power and its network."
	messageHub        = "The hub that the device is reached through does not answer."
	messageNotPaid    = "The account's subscription has ended. Renew it to reach the device."
	messageWasRemoved = "The device was removed from its account."
)

// The things that Simulate can make happen.
const (
	Connect            = "connect"
	ConnectToHub       = "connect_to_hub"
	Disconnect         = "disconnect"
	DisconnectFromHub  = "disconnect_from_hub"
	ExpireSubscription = "expire_subscription"
	RenewSubscription  = "renew_subscription"
	Remove             = "remove"
)

// simulations are the things that can be made to happen, by their names.
func simulations() map[string]simulation {
	return map[string]simulation{
		Connect: connectDevice(), ConnectToHub: connectHub(), Disconnect: disconnectDevice(), DisconnectFromHub: disconnectHub(),
		ExpireSubscription: subscription(true), RenewSubscription: subscription(false), Remove: removeDevice(),
	}
}

// Simulate makes something happen to a virtual device; it has happened when this returns. It returns
// workspace_not_sandbox, device_not_found, or not_supported for a device that lacks the flag, as for
// a name that there is not.
func (d *Devices) Simulate(ctx context.Context, id, name string) error {
	s, ok := simulations()[name]
	if !ok {
		return fault.New(fault.NotSupported, "There is nothing of that name to simulate")
	}
	_, err := d.simulate(ctx, id, s)
	return err
}

// Simulations are the names of what can be made to happen to the device.
func (d *Device) Simulations() (names []string) {
	for name, s := range simulations() {
		if slices.Contains(d.Flags.names(), s.flag) {
			names = append(names, name)
		}
	}
	return names
}

func connectDevice() simulation {
	return simulation{flag: "can_simulate_connection", clears: []string{codeDisconnected, "device_offline", codeRemoved}, turn: func(s Simulator, ctx context.Context, r provider.Ref) error {
		if err := s.SetRemoved(ctx, r, false); err != nil {
			return err
		}
		return s.SetOffline(ctx, r, false)
	}}
}

func disconnectDevice() simulation {
	return simulation{flag: "can_simulate_disconnection", adds: &Error{Code: codeDisconnected, Message: messageOffline},
		turn: func(s Simulator, ctx context.Context, r provider.Ref) error { return s.SetOffline(ctx, r, true) }}
}

func connectHub() simulation {
	return simulation{flag: "can_simulate_hub_connection", clears: []string{codeHub},
		turn: func(s Simulator, ctx context.Context, r provider.Ref) error { return s.SetHubOffline(ctx, r, false) }}
}

func disconnectHub() simulation {
	return simulation{flag: "can_simulate_hub_disconnection", adds: &Error{Code: codeHub, Message: messageHub},
		turn: func(s Simulator, ctx context.Context, r provider.Ref) error { return s.SetHubOffline(ctx, r, true) }}
}

func subscription(expired bool) simulation {
	s := simulation{flag: "can_simulate_paid_subscription", clears: []string{codeSubscription},
		turn: func(s Simulator, ctx context.Context, r provider.Ref) error {
			return s.SetSubscriptionExpired(ctx, r, expired)
		}}
	if expired {
		s.clears, s.adds = nil, &Error{Code: codeSubscription, Message: messageNotPaid}
	}
	return s
}

func removeDevice() simulation {
	return simulation{flag: "can_simulate_removal", adds: &Error{Code: codeRemoved, Message: messageWasRemoved},
		turn: func(s Simulator, ctx context.Context, r provider.Ref) error { return s.SetRemoved(ctx, r, true) }}
}

// simulate makes something happen to a virtual device; it has happened when this returns. It returns
// workspace_not_sandbox, device_not_found, or not_supported for a device without the flag.
func (d *Devices) simulate(ctx context.Context, id string, s simulation) (rpc.OK, error) {
	p := credential.From(ctx)
	if !p.IsSandbox {
		return rpc.OK{}, fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace has devices to simulate things with")
	}
	r, err := d.Reach(ctx, d.DB, p.WorkspaceID, id)
	if err != nil {
		return rpc.OK{}, err
	}
	sim, ok := r.Provider.(Simulator)
	if !ok || !slices.Contains(r.Flags.names(), s.flag) {
		return rpc.OK{}, fault.New(fault.NotSupported, "This device does not support that: it has no %s", s.flag)
	}
	if err := s.turn(sim, ctx, r.Ref); err != nil {
		return rpc.OK{}, err
	}
	return rpc.OK{}, d.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := d.Reach(ctx, tx, p.WorkspaceID, id)
		if err != nil {
			return err
		}
		return d.trouble(ctx, tx, &r, s.adds, s.clears...)
	}, store.Workspace(p.WorkspaceID))
}

// trouble gives a virtual device an error and takes others away, lets all that follows from that
// follow, and writes the events.
func (d *Devices) trouble(ctx context.Context, tx *store.Tx, r *Reached, adds *Error, clears ...string) error {
	now := d.Now()
	wasOnline := string(r.Properties["online"]) == "true"
	before := r.problems()
	r.Errors = slices.DeleteFunc(r.Errors, func(e Error) bool { return slices.Contains(clears, e.Code) })
	if adds != nil && !slices.Contains(before, adds.Code) {
		e := *adds
		ofAccount := slices.Contains(accountErrors, e.Code)
		e.IsDeviceError, e.CreatedAt = !ofAccount, rpc.Time{Time: now.Truncate(time.Millisecond)}
		if ofAccount {
			e.IsAccountError = &ofAccount
		}
		r.Errors = append(r.Errors, e)
	}
	online := wasOnline
	if sim, ok := r.Provider.(Simulator); ok {
		var works map[string]bool
		works, online = sim.Working(store.Strings(r.Flags.names()), r.problems(), string(r.keypad()) == "false")
		if err := r.Flags.set(works); err != nil {
			return err
		}
		if _, has := r.Properties["online_access_codes_enabled"]; has {
			if err := r.Properties.set("online_access_codes_enabled", works["can_program_online_access_codes"]); err != nil {
				return err
			}
		}
	}
	if err := r.Properties.set("online", online); err != nil {
		return err
	}
	if err := d.save(ctx, tx, &r.Device); err != nil {
		return err
	}
	return d.Events.Append(ctx, tx, r.WorkspaceID, r.changes(now, before, wasOnline, online)...)
}

// changes are the events of problems that came and went.
func (r *Reached) changes(now time.Time, before []string, wasOnline, online bool) (out []event.Event) {
	after := r.problems()
	came := func(code string) bool { return slices.Contains(after, code) && !slices.Contains(before, code) }
	went := func(code string) bool { return slices.Contains(before, code) && !slices.Contains(after, code) }
	connected, disconnected := "device.connected", "device.disconnected"
	if !r.IsManaged {
		connected, disconnected = "device.unmanaged.connected", "device.unmanaged.disconnected"
	}
	switch {
	case came(codeRemoved):
		out = append(out, r.Event("device.removed", now, nil))
	case wasOnline && !online:
		code := after[0]
		for _, c := range after {
			if !slices.Contains(before, c) {
				code = c
			}
		}
		out = append(out, r.Event(disconnected, now, r.withProblems(map[string]any{"error_code": code})))
	case !wasOnline && online:
		out = append(out, r.Event(connected, now, nil))
	}
	if came(codeSubscription) {
		out = append(out, r.Event("device.error.subscription_required", now, r.withProblems(map[string]any{})))
	}
	if went(codeSubscription) {
		out = append(out, r.Event("device.error.subscription_required.resolved", now, nil))
	}
	return out
}

// Event is something that happened to the device, with what every event of a device tells.
func (r *Reached) Event(kind string, at time.Time, fields map[string]any) event.Event {
	e := r.Device.event(kind, at)
	if e.Fields == nil {
		e.Fields = map[string]any{}
	}
	for name, v := range fields {
		e.Fields[name] = v
	}
	if len(r.AccountMetadata) > 0 {
		e.Fields["connected_account_custom_metadata"] = r.AccountMetadata
	}
	return e
}

// withProblems adds what events about trouble tell besides.
func (r *Reached) withProblems(fields map[string]any) map[string]any {
	fields["device_errors"], fields["device_warnings"] = r.Errors, r.Warnings
	fields["connected_account_errors"], fields["connected_account_warnings"] = listOf(r.AccountProblems.Errors), listOf(r.AccountProblems.Warnings)
	return fields
}

// listOf is a list that is never null.
func listOf(problems []json.RawMessage) []json.RawMessage {
	if problems == nil {
		return []json.RawMessage{}
	}
	return problems
}

// problems are the codes of the device's errors and warnings.
func (d *Device) problems() []string {
	var out []string
	for _, e := range d.Errors {
		out = append(out, e.Code)
	}
	for _, w := range d.Warnings {
		out = append(out, w.Code)
	}
	return out
}

// keypad is whether an accessory keypad is connected; nil for a device that takes none.
func (d *Device) keypad() json.RawMessage {
	var k struct {
		IsConnected json.RawMessage `json:"is_connected"`
	}
	_ = json.Unmarshal(d.Properties["accessory_keypad"], &k) // absent: there is none
	return k.IsConnected
}

// SetAccountConnected tells all devices of an account that it was disconnected, or connected again.
func (d *Devices) SetAccountConnected(ctx context.Context, tx *store.Tx, workspaceID, accountID string, connected bool) error {
	adds, clears := (*Error)(nil), []string{codeNoAccount}
	if !connected {
		adds, clears = &Error{Code: codeNoAccount, Message: messageNoAccount}, nil
	}
	return d.eachOfAccount(ctx, tx, workspaceID, accountID, func(r Reached) error { return d.trouble(ctx, tx, &r, adds, clears...) })
}

type simulateInput struct {
	ID string `json:"device_id" rule:"required" doc:"Which device."`
}

type subscriptionInput struct {
	ID        string `json:"device_id" rule:"required" doc:"Which device."`
	IsExpired bool   `json:"is_expired" rule:"required" doc:"Whether the subscription has run out."`
}

type failInput struct {
	ID     string   `json:"device_id" rule:"required" doc:"Which device."`
	Faults []string `json:"faults" rule:"required,max=100" enum:"offline refused jammed silent" doc:"How its next requests fail, one each: no answer, a refusal, a bolt that does not move, a yes that does nothing. An empty list takes all away."`
}

// failRequests has the next requests to a virtual device fail. It returns workspace_not_sandbox,
// device_not_found, or not_supported for a device that is not virtual.
func (d *Devices) failRequests(ctx context.Context, in failInput) (rpc.OK, error) {
	p := credential.From(ctx)
	if !p.IsSandbox {
		return rpc.OK{}, fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace has devices to simulate things with")
	}
	r, err := d.Reach(ctx, d.DB, p.WorkspaceID, in.ID)
	if err != nil {
		return rpc.OK{}, err
	}
	sim, ok := r.Provider.(Simulator)
	if !ok {
		return rpc.OK{}, fault.New(fault.NotSupported, "Only a virtual device can be told to fail")
	}
	faults := make([]provider.Fault, len(in.Faults))
	for i, f := range in.Faults {
		faults[i] = provider.Fault(f)
	}
	return rpc.OK{}, sim.FailNext(ctx, r.Ref, faults...)
}

// simulateEndpoints are the rows of /devices/simulate.
func (d *Devices) simulateEndpoints() []rpc.Endpoint {
	all := simulations()
	row := func(name, summary string) rpc.Endpoint {
		s := all[name]
		return rpc.Endpoint{Path: "/devices/simulate/" + name, Summary: summary, Allow: rpc.Customer, Role: rpc.Member, ByDevice: true,
			Handle: rpc.Func(func(ctx context.Context, in simulateInput) (rpc.OK, error) { return d.simulate(ctx, in.ID, s) })}
	}
	return []rpc.Endpoint{
		row(Connect, "Brings a virtual device back online."),
		row(ConnectToHub, "Brings the hub of a virtual device back online."),
		row(Disconnect, "Takes a virtual device offline."),
		row(DisconnectFromHub, "Takes the hub of a virtual device offline."),
		{Path: "/devices/simulate/paid_subscription", Summary: "Lets the subscription of a virtual device run out, or renews it.", Allow: rpc.Customer, Role: rpc.Member, ByDevice: true,
			Handle: rpc.Func(func(ctx context.Context, in subscriptionInput) (rpc.OK, error) {
				return d.simulate(ctx, in.ID, subscription(in.IsExpired))
			})},
		row(Remove, "Takes a virtual device out of its account."),
		{Path: "/keyway/v1/sandbox/fail_requests", Summary: "Has the next requests that change a virtual device fail, so that an app can be tried against trouble.", Allow: rpc.Backend &^ rpc.WorkspaceKey, Role: rpc.Member,
			Handle: rpc.Func(d.failRequests)},
	}
}
