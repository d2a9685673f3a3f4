package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"keyway/internal/provider"
)

// memory is what a virtual device remembers: as a real one does, whatever becomes of the server.
type memory struct {
	Locked       *bool            `json:"locked,omitempty"` // nil: as it was found
	AutoLock     bool             `json:"auto_lock,omitempty"`
	AutoLockWait time.Duration    `json:"auto_lock_wait,omitempty"`
	Codes        []heldCode       `json:"codes"`
	LastSlot     int              `json:"last_slot"`
	Offline      bool             `json:"offline,omitempty"`
	HubOffline   bool             `json:"hub_offline,omitempty"`
	Unpaid       bool             `json:"unpaid,omitempty"`
	Removed      bool             `json:"removed,omitempty"`
	Faults       []provider.Fault `json:"faults,omitempty"` // the next requests meet these, in order
}

type heldCode struct {
	Slot     string    `json:"slot"`
	PIN      string    `json:"pin"`
	Name     string    `json:"name"`
	StartsAt time.Time `json:"starts_at,omitzero"`
	EndsAt   time.Time `json:"ends_at,omitzero"`
}

func (p *Provider) load(ctx context.Context, r provider.Ref) (memory, error) {
	data, err := p.memory.Load(ctx, r)
	if err != nil {
		return memory{}, err
	}
	return p.recall(r, data)
}

// change lets fn change a device's memory; what an error of fn has changed is kept all the same,
// because a fault that was met is used up.
func (p *Provider) change(ctx context.Context, r provider.Ref, fn func(*memory) error) error {
	var failed error
	err := p.memory.Change(ctx, r, func(data []byte) ([]byte, error) {
		m, err := p.recall(r, data)
		if err != nil {
			return nil, err
		}
		failed = fn(&m)
		return json.Marshal(m)
	})
	if err != nil {
		return err
	}
	return failed
}

func (p *Provider) recall(r provider.Ref, data []byte) (m memory, err error) {
	if data == nil {
		m.Codes = p.foundCodes(r)
		m.LastSlot = len(m.Codes)
		return m, nil
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("memory of a virtual device: %w", err)
	}
	return m, nil
}

// unreachable tells whether the device does not answer.
func (m *memory) unreachable() bool { return m.Offline || m.HubOffline || m.Unpaid || m.Removed }

// reach uses up a fault and tells what the device answers before it does anything. silent says
// that it will claim to have done it.
func (m *memory) reach() (silent bool, err error) {
	if m.unreachable() {
		return false, provider.ErrOffline
	}
	if len(m.Faults) == 0 {
		return false, nil
	}
	f := m.Faults[0]
	m.Faults = m.Faults[1:]
	switch f {
	case provider.FaultOffline:
		return false, provider.ErrOffline
	case provider.FaultJammed:
		return false, provider.ErrJammed
	case provider.FaultSilent:
		return true, nil
	}
	return false, provider.ErrRefused
}

// SetOffline switches a device off, or on again.
func (p *Provider) SetOffline(ctx context.Context, r provider.Ref, offline bool) error {
	return p.change(ctx, r, func(m *memory) error { m.Offline = offline; return nil })
}

// SetHubOffline switches the hub off that a device is reached through, or on again.
func (p *Provider) SetHubOffline(ctx context.Context, r provider.Ref, offline bool) error {
	return p.change(ctx, r, func(m *memory) error { m.HubOffline = offline; return nil })
}

// SetSubscriptionExpired lets the subscription that a device is reached by run out, or renews it.
func (p *Provider) SetSubscriptionExpired(ctx context.Context, r provider.Ref, expired bool) error {
	return p.change(ctx, r, func(m *memory) error { m.Unpaid = expired; return nil })
}

// SetRemoved takes a device out of its account, or puts it back.
func (p *Provider) SetRemoved(ctx context.Context, r provider.Ref, removed bool) error {
	return p.change(ctx, r, func(m *memory) error { m.Removed = removed; return nil })
}

// Wake ends whatever keeps a device from answering. The codes on it stay.
func (p *Provider) Wake(ctx context.Context, r provider.Ref) error {
	if m, err := p.load(ctx, r); err != nil || !m.unreachable() {
		return err
	}
	return p.change(ctx, r, func(m *memory) error {
		m.Offline, m.HubOffline, m.Unpaid, m.Removed = false, false, false, false
		return nil
	})
}

// FailNext has the next requests to a device meet these faults, one each, and no others.
func (p *Provider) FailNext(ctx context.Context, r provider.Ref, faults ...provider.Fault) error {
	return p.change(ctx, r, func(m *memory) error { m.Faults = faults; return nil })
}

// foundCodes are the codes that were on a lock before anyone connected its account: some locks
// have one or two. The first lock of a login has none, so that there is one to count on.
func (p *Provider) foundCodes(r provider.Ref) []heldCode {
	l := p.lockOf(r)
	if l == nil || !l.has(onlineCodes) || p.isFirst(r) {
		return nil
	}
	seed := mix(offsetBasis, r.Device)
	names := [...]string{"Cleaner", "Family", "Neighbor", "Maintenance"}
	var out []heldCode
	for i := range draw(seed, "codes", 3) {
		label := "code " + strconv.Itoa(i)
		out = append(out, heldCode{Slot: strconv.Itoa(i + 1), PIN: drawPIN(seed, label, l.codes.lengths[0], i), Name: names[(draw(seed, "name", len(names))+i)%len(names)]})
	}
	return out
}

// drawPIN makes digits that satisfy the rules of every brand: from 2 to 7, never two neighbours in
// a row; i keeps the codes of one lock apart in their first four digits.
func drawPIN(seed uint64, label string, length, i int) string {
	pin := []byte{"35"[i%2], '7', '2'}
	for len(pin) < length {
		n := byte('2' + draw(seed, label+strconv.Itoa(len(pin)), 6))
		for before := pin[len(pin)-1]; n == before || n == before+1 || n+1 == before; {
			n = '2' + (n-'2'+2)%6
		}
		pin = append(pin, n)
	}
	return string(pin)
}

// lockOf gives the template of a device that is a lock; nil for others.
func (p *Provider) lockOf(r provider.Ref) *lock {
	b := p.byName[r.Brand]
	if b == nil {
		return nil
	}
	for _, k := range b.kinds {
		if l, ok := k.(lock); ok && l.deviceType == r.Type {
			return &l
		}
	}
	return nil
}

// isFirst tells whether the device is the first of its login.
func (p *Provider) isFirst(r provider.Ref) bool {
	u := unit{seed: mix(mix(mix(offsetBasis, r.Brand), r.Account), "device 0")}
	return u.uuid("id") == r.Device
}

var _ provider.Locker = (*Provider)(nil)

// Lock turns the bolt of a virtual lock.
func (p *Provider) Lock(ctx context.Context, r provider.Ref) error {
	return p.turn(ctx, r, remoteLock, true)
}

// Unlock turns the bolt of a virtual lock, or opens its door.
func (p *Provider) Unlock(ctx context.Context, r provider.Ref) error {
	return p.turn(ctx, r, remoteUnlock, false)
}

func (p *Provider) turn(ctx context.Context, r provider.Ref, needs ability, locked bool) error {
	if l := p.lockOf(r); l == nil || !l.has(needs) {
		return provider.ErrUnsupported
	}
	return p.change(ctx, r, func(m *memory) error {
		silent, err := m.reach()
		if err == nil && silent {
			err = provider.ErrRefused // a bolt that was not seen to move did not move
		}
		if err == nil {
			m.Locked = &locked
		}
		return err
	})
}

// SetLocked turns the bolt by hand: of the faults only a jammed bolt stands in the way.
func (p *Provider) SetLocked(ctx context.Context, r provider.Ref, locked bool) error {
	return p.change(ctx, r, func(m *memory) error {
		if len(m.Faults) > 0 && m.Faults[0] == provider.FaultJammed {
			m.Faults = m.Faults[1:]
			return provider.ErrJammed
		}
		m.Locked = &locked
		return nil
	})
}

var _ provider.AutoLocker = (*Provider)(nil)

// SetAutoLock sets a virtual lock's automatic locking.
func (p *Provider) SetAutoLock(ctx context.Context, r provider.Ref, enabled bool, delay time.Duration) error {
	if l := p.lockOf(r); l == nil || !l.has(autoLock) {
		return provider.ErrUnsupported
	}
	return p.change(ctx, r, func(m *memory) error {
		_, err := m.reach()
		if err == nil {
			m.AutoLock, m.AutoLockWait = enabled, delay
		}
		return err
	})
}

var _ provider.CodeProgrammer = (*Provider)(nil)

// CodeTraits tells how a brand's locks deal with codes.
func (p *Provider) CodeTraits(r provider.Ref) provider.CodeTraits {
	b := p.byName[r.Brand]
	if b == nil {
		return provider.CodeTraits{}
	}
	return provider.CodeTraits{Native: !b.justInTime, Lead: b.lead(), Notifies: true, FixedCodes: b.fixedCodes}
}

// lead is how long before its time a code goes onto a lock: early where the lock waits by itself,
// late where it would open at once.
func (b *brand) lead() time.Duration {
	if b.justInTime {
		return time.Hour
	}
	return 72 * time.Hour
}

// Codes reads the codes on a virtual lock.
func (p *Provider) Codes(ctx context.Context, r provider.Ref) ([]provider.Code, error) {
	if l := p.lockOf(r); l == nil || !l.has(onlineCodes) {
		return nil, provider.ErrUnsupported
	}
	m, err := p.load(ctx, r)
	if err != nil {
		return nil, err
	}
	m.Faults = nil // reading uses none up, so that a fault meets what changes the lock
	if _, err := m.reach(); err != nil {
		return nil, err
	}
	out := make([]provider.Code, len(m.Codes))
	for i, c := range m.Codes {
		out[i] = provider.Code(c)
	}
	return out, nil
}

// PutCode writes a code onto a virtual lock.
func (p *Provider) PutCode(ctx context.Context, r provider.Ref, c provider.Code) error {
	l := p.lockOf(r)
	if l == nil || !l.has(onlineCodes) {
		return provider.ErrUnsupported
	}
	return p.change(ctx, r, func(m *memory) error {
		silent, err := m.reach()
		if err != nil || silent {
			return err
		}
		return m.put(l, c)
	})
}

// put writes a code into its slot, or into a new one.
func (m *memory) put(l *lock, c provider.Code) error {
	at := slices.IndexFunc(m.Codes, func(h heldCode) bool { return h.Slot == c.Slot && c.Slot != "" })
	if c.PIN == "" && at >= 0 {
		c.PIN = m.Codes[at].PIN
	}
	for n := 0; c.PIN == ""; n++ {
		if pin := drawPIN(mix(offsetBasis, strconv.Itoa(m.LastSlot)), "chosen", l.codes.lengths[0], n); !m.has(pin) {
			c.PIN = pin
		} else {
			m.LastSlot++
		}
	}
	for i, h := range m.Codes {
		if i != at && h.PIN == c.PIN {
			return provider.ErrDuplicate
		}
	}
	if at >= 0 {
		m.Codes[at] = heldCode(c)
		return nil
	}
	if len(m.Codes) >= l.codes.most {
		return provider.ErrFull
	}
	m.LastSlot++
	if c.Slot == "" {
		c.Slot = strconv.Itoa(m.LastSlot)
	}
	m.Codes = append(m.Codes, heldCode(c))
	return nil
}

func (m *memory) has(pin string) bool {
	return slices.ContainsFunc(m.Codes, func(h heldCode) bool { return h.PIN == pin })
}

// DeleteCode empties a slot of a virtual lock.
func (p *Provider) DeleteCode(ctx context.Context, r provider.Ref, slot string) error {
	return p.change(ctx, r, func(m *memory) error {
		silent, err := m.reach()
		if err != nil || silent {
			return err
		}
		m.Codes = slices.DeleteFunc(m.Codes, func(h heldCode) bool { return h.Slot == slot })
		return nil
	})
}

// PutByHand writes a code as someone at the lock does: no fault stands in the way. It returns
// provider.ErrDuplicate, ErrFull or ErrUnsupported.
func (p *Provider) PutByHand(ctx context.Context, r provider.Ref, c provider.Code) error {
	l := p.lockOf(r)
	if l == nil || !l.has(onlineCodes) {
		return provider.ErrUnsupported
	}
	return p.change(ctx, r, func(m *memory) error { return m.put(l, c) })
}

// DeleteByHand empties a slot as someone at the lock does.
func (p *Provider) DeleteByHand(ctx context.Context, r provider.Ref, slot string) error {
	return p.change(ctx, r, func(m *memory) error {
		m.Codes = slices.DeleteFunc(m.Codes, func(h heldCode) bool { return h.Slot == slot })
		return nil
	})
}

var _ provider.OfflineCoder = (*Provider)(nil)

// OfflineCode computes a code, a different one for every name, time and brand of lock.
func (p *Provider) OfflineCode(_ context.Context, r provider.Ref, c provider.Code, oneTime bool) (provider.Code, error) {
	l := p.lockOf(r)
	if l == nil || !l.has(offlineCodes) {
		return c, provider.ErrUnsupported
	}
	seed := mix(mix(offsetBasis, r.Device), c.Name+c.StartsAt.String()+c.EndsAt.String()+strconv.FormatBool(oneTime)+c.Slot)
	pin := make([]byte, l.codes.lengths[len(l.codes.lengths)-1])
	for i := range pin {
		pin[i] = '0' + byte(draw(seed, strconv.Itoa(i), 10))
	}
	c.PIN = string(pin)
	return c, nil
}
