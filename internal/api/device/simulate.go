package device

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

// Simulator is what the provider of virtual devices lets be done to them.
type Simulator interface {
	SetOffline(ctx context.Context, r provider.Ref, offline bool) error
	SetHubOffline(ctx context.Context, r provider.Ref, offline bool) error
	SetSubscriptionExpired(ctx context.Context, r provider.Ref, expired bool) error
	SetRemoved(ctx context.Context, r provider.Ref, removed bool) error
	// Wake ends whatever keeps a device from answering.
	Wake(ctx context.Context, r provider.Ref) error
	// FailNext has the next requests that change the device meet these faults, one each, and no others.
	FailNext(ctx context.Context, r provider.Ref, faults ...provider.Fault) error
	// Working tells which flags work, and whether the device is online, with problems of these codes.
	Working(flags, problems []string, keypadMissing bool) (works map[string]bool, online bool)
	// Warning is the warning that a device has while a condition lasts; false for one that it cannot have.
	Warning(r provider.Ref, c provider.Condition) (provider.Problem, bool)
	// Rings tells whether a device has a doorbell.
	Rings(r provider.Ref) bool
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

// simulations are the things that can be made to happen, by their names.
func simulations() map[string]simulation {
	return map[string]simulation{
		Connect: connectDevice(), ConnectToHub: connectHub(), Disconnect: disconnectDevice(), DisconnectFromHub: disconnectHub(),
		ExpireSubscription: subscription(true), RenewSubscription: subscription(false), Remove: removeDevice(),
	}
}

// told are the things that a virtual device can be made to tell of itself, by their names.
func told() map[string]Told {
	yes, no := true, false
	low, full := 0.15, 1.0
	return map[string]Told{
		DrainBattery: {BatteryLevel: &low}, ChargeBattery: {BatteryLevel: &full},
		ConnectKeypad: {Keypad: &yes}, DisconnectKeypad: {Keypad: &no},
		LoosenConnection: {Flaky: &yes}, SteadyConnection: {Flaky: &no},
		StartPrivacy: {Privacy: &yes}, EndPrivacy: {Privacy: &no},
		AddIntegration: {ThirdParty: &yes}, RemoveIntegration: {ThirdParty: &no},
		Tamper: {Tampered: true}, RingDoorbell: {DoorbellRang: true},
	}
}

// Simulate makes something happen to a virtual device; it has happened when this returns. It returns
// workspace_not_sandbox, device_not_found, device_offline, or not_supported for a device that lacks the
// flag, as for a name that there is not.
func (d *Devices) Simulate(ctx context.Context, id, name string) error {
	if t, ok := told()[name]; ok {
		return d.Tell(ctx, id, t)
	}
	s, ok := simulations()[name]
	if !ok {
		return fault.New(fault.NotSupported, "There is nothing of that name to simulate")
	}
	_, err := d.simulate(ctx, id, s)
	return err
}

// Simulations are the names of what can be made to happen to the device now.
func (r *Reached) Simulations() (names []string) {
	for name, s := range simulations() {
		if slices.Contains(r.Flags.names(), s.flag) {
			names = append(names, name)
		}
	}
	for name, t := range told() {
		if is, err := r.report(t); err == nil && r.isNews(is) {
			names = append(names, name)
		}
	}
	return names
}

// isNews tells whether a report says more than is known of the device.
func (r *Reached) isNews(is provider.Report) bool {
	next := *r
	next.Properties, next.Warnings = maps.Clone(r.Properties), slices.Clone(r.Warnings)
	err := next.take(is, time.Time{})
	return err == nil && (len(is.Moments) > 0 || !reflect.DeepEqual(next.look(), r.look()))
}

// Told is what a virtual device is made to tell of itself; what is nil stays as it is.
type Told struct {
	BatteryLevel *float64 `json:"battery_level" rule:"min=0,max=1" doc:"How full its battery is."`
	Keypad       *bool    `json:"accessory_keypad_connected" doc:"Whether its accessory keypad is connected."`
	Flaky        *bool    `json:"connection_flaky" doc:"Whether its connection comes and goes."`
	Privacy      *bool    `json:"privacy_mode" doc:"Whether someone inside keeps all codes out."`
	ThirdParty   *bool    `json:"third_party_integration" doc:"Whether another service manages codes on it too."`
	Tampered     bool     `json:"tampered" doc:"Somebody tampers with it."`
	DoorbellRang bool     `json:"doorbell_rang" doc:"Somebody rings its doorbell."`
}

// report is what the device tells when it is made to. It returns device_offline, as a device that does
// not answer tells nothing, not_supported for what it cannot have, or invalid_input.
func (r *Reached) report(t Told) (is provider.Report, err error) {
	sim, ok := r.Provider.(Simulator)
	lacks := func(what string) error {
		return fault.New(fault.NotSupported, "This device does not support that: it has no %s", what)
	}
	_, hasBattery := r.Properties["battery"]
	switch {
	case !ok:
		return is, fault.New(fault.NotSupported, "Only a virtual device can be made to tell something")
	case t == Told{}:
		return is, fault.Invalid("battery_level", "Required, or another thing that the device tells of itself")
	case string(r.Properties["online"]) != "true":
		return is, fault.New(fault.DeviceOffline, "The device is offline, so it tells nothing. Bring it online first")
	case t.BatteryLevel != nil && !hasBattery:
		return is, lacks("battery")
	case t.Keypad != nil && r.keypad() == nil:
		return is, lacks("accessory keypad")
	case t.DoorbellRang && !sim.Rings(r.Ref):
		return is, lacks("doorbell")
	}
	full := 1.0
	is.Battery, is.Keypad, is.KeypadBattery = t.BatteryLevel, t.Keypad, &full
	for _, c := range []struct {
		provider.Condition
		on *bool
	}{{provider.FlakyConnection, t.Flaky}, {provider.PrivacyMode, t.Privacy}, {provider.ThirdPartyIntegration, t.ThirdParty}} {
		if c.on == nil {
			continue
		}
		warning, can := sim.Warning(r.Ref, c.Condition)
		switch {
		case !can:
			return is, lacks(strings.ReplaceAll(string(c.Condition), "_", " "))
		case *c.on:
			is.Warnings = append(is.Warnings, warning)
		default:
			is.Over = append(is.Over, warning.Code)
		}
	}
	if t.Tampered {
		is.Moments = append(is.Moments, provider.Tampered)
	}
	if t.DoorbellRang {
		is.Moments = append(is.Moments, provider.DoorbellRang)
	}
	return is, nil
}

// Tell makes a virtual device tell something of itself; it is known when this returns. It returns
// workspace_not_sandbox, device_not_found, device_offline, not_supported for what the device cannot have,
// or invalid_input.
func (d *Devices) Tell(ctx context.Context, id string, t Told) error {
	p := credential.From(ctx)
	if !p.IsSandbox {
		return fault.New(fault.WorkspaceNotSandbox, "Only a sandbox workspace has devices to simulate things with")
	}
	err := d.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := d.Reach(ctx, tx, p.WorkspaceID, id)
		if err != nil {
			return err
		}
		is, err := r.report(t)
		if err != nil {
			return err
		}
		return d.Observe(ctx, tx, &r, is)
	}, store.Workspace(p.WorkspaceID))
	if err != nil {
		return err
	}
	return d.simulated(ctx, p.WorkspaceID, id)
}

// simulated lets all that follows from a simulation happen.
func (d *Devices) simulated(ctx context.Context, workspaceID, id string) error {
	for _, follow := range d.Simulated {
		if err := follow(ctx, workspaceID, id); err != nil {
			return err
		}
	}
	return nil
}

// AccountSimulated lets all that follows from a simulation happen to the devices of an account.
func (d *Devices) AccountSimulated(ctx context.Context, workspaceID, accountID string) error {
	return unlessGone(d.eachOfAccount(ctx, d.DB, workspaceID, accountID, func(r Reached) error { return d.simulated(ctx, workspaceID, r.ID) }))
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
	err = d.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := d.Reach(ctx, tx, p.WorkspaceID, id)
		if err != nil {
			return err
		}
		return d.trouble(ctx, tx, &r, s.adds, s.clears...)
	}, store.Workspace(p.WorkspaceID))
	if err != nil {
		return rpc.OK{}, err
	}
	return rpc.OK{}, d.simulated(ctx, p.WorkspaceID, id)
}

// trouble gives a virtual device an error and takes others away, lets all that follows from that
// follow, and writes the events.
func (d *Devices) trouble(ctx context.Context, tx *store.Tx, r *Reached, adds *Error, clears ...string) error {
	was := r.look()
	r.Errors = slices.DeleteFunc(r.Errors, func(e Error) bool { return slices.Contains(clears, e.Code) })
	if adds != nil && !slices.Contains(was.problems, adds.Code) {
		e := *adds
		ofAccount := slices.Contains(accountErrors, e.Code)
		e.IsDeviceError, e.CreatedAt = !ofAccount, rpc.Time{Time: d.Now().Truncate(time.Millisecond)}
		if ofAccount {
			e.IsAccountError = &ofAccount
		}
		r.Errors = append(r.Errors, e)
	}
	return d.follow(ctx, tx, r, was)
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

// unlessGone is the end of going through the devices of an account, one of which may have been deleted
// meanwhile.
func unlessGone(err error) error {
	if fault.Is(err, fault.DeviceNotFound) {
		return nil
	}
	return err
}

// Awaken lets the virtual devices of an account answer that nothing is known to be wrong with: one that
// was forgotten while it was offline is found again as its login finds it, with the codes that are on it.
func (d *Devices) Awaken(ctx context.Context, workspaceID, accountID string) error {
	return unlessGone(d.eachOfAccount(ctx, d.DB, workspaceID, accountID, func(r Reached) error {
		sim, ok := r.Provider.(Simulator)
		if _, broken := r.Blocking(); broken || !ok {
			return nil
		}
		return sim.Wake(ctx, r.Ref)
	}))
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

type tellInput struct {
	ID string `json:"device_id" rule:"required" doc:"Which device."`
	Told
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
		{Path: "/keyway/v1/sandbox/simulate_device", Summary: "Has a virtual device tell something of itself: its battery, keypad or connection, privacy mode, tampering, its doorbell.", Allow: rpc.Backend &^ rpc.WorkspaceKey, Role: rpc.Member, ByDevice: true,
			Handle: rpc.Func(func(ctx context.Context, in tellInput) (rpc.OK, error) { return rpc.OK{}, d.Tell(ctx, in.ID, in.Told) })},
	}
}
