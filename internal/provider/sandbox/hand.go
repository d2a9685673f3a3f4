package sandbox

import (
	"context"
	"slices"

	"keyway/internal/provider"
)

// The errors that are simulated.
const (
	codeDisconnected = "device_disconnected"
	codeHub          = "hub_disconnected"
	codeOffline      = "device_offline"
	codeRemoved      = "device_removed"
	codeSubscription = "subscription_required"
)

// SetOffline switches a device off, or on again.
func (d *Driver) SetOffline(ctx context.Context, r provider.Ref, offline bool) error {
	return d.trouble(ctx, r, func(m *memory) { m.Offline = offline }, offline, deviceDisconnected, codeDisconnected, codeOffline)
}

// SetHubOffline switches the hub off that a device is reached through, or on again.
func (d *Driver) SetHubOffline(ctx context.Context, r provider.Ref, offline bool) error {
	return d.trouble(ctx, r, func(m *memory) { m.HubOffline = offline }, offline, hubDisconnected, codeHub)
}

// SetSubscriptionExpired lets the subscription that a device is reached by run out, or renews it.
func (d *Driver) SetSubscriptionExpired(ctx context.Context, r provider.Ref, expired bool) error {
	return d.trouble(ctx, r, func(m *memory) { m.Unpaid = expired }, expired, subscriptionRequired, codeSubscription)
}

// trouble changes whether a device has a trouble, and reports it, or the end of the codes.
func (d *Driver) trouble(ctx context.Context, r provider.Ref, change func(*memory), has bool, t trouble, ends ...string) error {
	if err := d.change(ctx, r, func(m *memory) error { change(m); return nil }); err != nil {
		return err
	}
	is := provider.Report{Over: ends}
	if has {
		e := t.effect()
		is = provider.Report{Errors: []provider.Problem{{Code: e.code, Message: e.message, Since: d.now()}}}
	}
	d.reportAs(r, provider.Cached, is) // the network or the brand says so, not the device
	return nil
}

// SetRemoved takes a device out of its account, or puts it back.
func (d *Driver) SetRemoved(ctx context.Context, r provider.Ref, removed bool) error {
	if err := d.change(ctx, r, func(m *memory) error { m.Removed = removed; return nil }); err != nil {
		return err
	}
	switch s := d.sink(r); {
	case s == nil:
	case removed:
		s.Gone(r.Device)
	default:
		d.reportAs(r, provider.Cached, provider.Report{Over: []string{codeRemoved}})
	}
	return nil
}

// Wake ends whatever keeps a device from answering. The codes on it stay. Nothing is reported.
func (d *Driver) Wake(ctx context.Context, in Memory, r provider.Ref) error {
	data, err := in.Load(ctx, r)
	if err != nil || data == nil {
		return err
	}
	if m, err := d.recall(r, data); err != nil || !m.unreachable() {
		return err
	}
	return d.changeIn(ctx, in, r, func(m *memory) error {
		m.Offline, m.HubOffline, m.Unpaid, m.Removed = false, false, false, false
		return nil
	})
}

// FailNext has the next requests to a device meet these faults, one each, and no others.
func (d *Driver) FailNext(ctx context.Context, r provider.Ref, faults ...Fault) error {
	return d.change(ctx, r, func(m *memory) error { m.Faults = faults; return nil })
}

// SetLocked turns the bolt by hand: of the faults only a jammed bolt prevents it. Nothing is reported.
func (d *Driver) SetLocked(ctx context.Context, r provider.Ref, locked bool) error {
	return d.change(ctx, r, func(m *memory) error {
		if len(m.Faults) > 0 && m.Faults[0] == FaultJammed {
			m.Faults = m.Faults[1:]
			return provider.ErrJammed
		}
		m.Locked = &locked
		return nil
	})
}

// CodesOn reads all codes on a virtual lock, as someone who stands before it. It returns ErrOffline or
// ErrUnsupported.
func (d *Driver) CodesOn(ctx context.Context, r provider.Ref) ([]provider.Code, error) {
	return d.readCodes(ctx, r)
}

// PutByHand writes a code as someone at the lock does: no fault prevents it. It returns
// provider.ErrDuplicate, ErrFull or ErrUnsupported.
func (d *Driver) PutByHand(ctx context.Context, r provider.Ref, c provider.Code) error {
	l := d.lockOf(r)
	if l == nil || !l.has(onlineCodes) {
		return provider.ErrUnsupported
	}
	return d.byHand(ctx, r, func(m *memory) (slot string, err error) { return m.put(l, held(c)) })
}

// DeleteByHand empties a slot as someone at the lock does.
func (d *Driver) DeleteByHand(ctx context.Context, r provider.Ref, slot string) error {
	return d.byHand(ctx, r, func(m *memory) (string, error) {
		m.Codes = slices.DeleteFunc(m.Codes, func(h heldCode) bool { return h.Slot == slot })
		return slot, nil
	})
}

// byHand changes the codes on a lock and reports the slot.
func (d *Driver) byHand(ctx context.Context, r provider.Ref, fn func(*memory) (slot string, err error)) error {
	var slot string
	err := d.change(ctx, r, func(m *memory) (err error) {
		slot, err = fn(m)
		return err
	})
	if s := d.sink(r); err == nil && s != nil {
		s.CodesChanged(r, slot)
	}
	return err
}

// Condition is something that can be wrong with a virtual device for a while.
type Condition string

// The conditions.
const (
	FlakyConnection       Condition = "flaky_connection"
	PrivacyMode           Condition = "privacy_mode"            // someone inside keeps all codes out
	ThirdPartyIntegration Condition = "third_party_integration" // another service manages it too
)

// Warning is the warning that a virtual device has while a condition lasts; false for a condition that
// it cannot have.
func (d *Driver) Warning(r provider.Ref, c Condition) (provider.Problem, bool) {
	t := healthy
	switch c {
	case FlakyConnection:
		t = flakyConnection
	case ThirdPartyIntegration:
		t = thirdPartyIntegration
	case PrivacyMode:
		for _, known := range d.byName[r.Brand].troubles {
			if known == privacyMode || known == saltoPrivacyMode {
				t = known
			}
		}
	}
	e := t.effect()
	return provider.Problem{Code: e.code, Message: e.message}, t != healthy
}

// HasDoorbell reports whether a virtual device has a doorbell.
func (d *Driver) HasDoorbell(r provider.Ref) bool {
	l := d.lockOf(r)
	return l != nil && l.has(doorbell)
}

// SetState reports how the connection to an account is.
func (d *Driver) SetState(a provider.Account, s provider.AccountState) {
	if sink := d.sink(provider.Ref{WorkspaceID: a.WorkspaceID, Brand: a.Brand, Account: a.ExternalID}); sink != nil {
		sink.State(s)
	}
}

// Report reports states and occurrences of a device as the device itself does.
func (d *Driver) Report(r provider.Ref, is provider.Report, happened ...provider.Kind) {
	d.report(r, is)
	for _, kind := range happened {
		if s := d.sink(r); s != nil {
			s.Occurred(r, provider.Occurrence{Kind: kind, At: d.now()})
		}
	}
}
