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

// memory is what a virtual device remembers: as a real one does, whatever happens to the server.
type memory struct {
	Locked       *bool         `json:"locked,omitempty"` // nil: as it was found
	AutoLock     bool          `json:"auto_lock,omitempty"`
	AutoLockWait time.Duration `json:"auto_lock_wait,omitempty"`
	Codes        []heldCode    `json:"codes"`
	LastSlot     int           `json:"last_slot"`
	Offline      bool          `json:"offline,omitempty"`
	HubOffline   bool          `json:"hub_offline,omitempty"`
	Unpaid       bool          `json:"unpaid,omitempty"`
	Removed      bool          `json:"removed,omitempty"`
	Faults       []Fault       `json:"faults,omitempty"` // the next requests meet these, in order
}

// Memory keeps what virtual devices remember.
type Memory interface {
	// Load returns what is kept under the device; nil for nothing.
	Load(ctx context.Context, r provider.Ref) ([]byte, error)
	// Change replaces it by what fn makes of it, with no other change in between. fn may run more
	// than once. An error of fn is returned, and nothing changes.
	Change(ctx context.Context, r provider.Ref, fn func(data []byte) ([]byte, error)) error
}

// Fault is how a request to a virtual device can be made to fail.
type Fault string

// The faults.
const (
	FaultOffline Fault = "offline" // it does not answer
	FaultRefused Fault = "refused" // it says no
	FaultJammed  Fault = "jammed"  // the bolt does not move
	FaultSilent  Fault = "silent"  // it says yes and does nothing, as some real locks do
)

type heldCode struct {
	Slot     string    `json:"slot"`
	PIN      string    `json:"pin"`
	Name     string    `json:"name"`
	StartsAt time.Time `json:"starts_at,omitzero"`
	EndsAt   time.Time `json:"ends_at,omitzero"`
}

func (d *Driver) load(ctx context.Context, r provider.Ref) (memory, error) {
	if d.memory == nil {
		return d.recall(r, nil)
	}
	data, err := d.memory.Load(ctx, r)
	if err != nil {
		return memory{}, err
	}
	return d.recall(r, data)
}

// change lets fn change a device's memory; what an error of fn has changed is kept all the same,
// because a fault that was met is used up.
func (d *Driver) change(ctx context.Context, r provider.Ref, fn func(*memory) error) error {
	return d.changeIn(ctx, d.memory, r, fn)
}

func (d *Driver) changeIn(ctx context.Context, in Memory, r provider.Ref, fn func(*memory) error) error {
	var failed error
	err := in.Change(ctx, r, func(data []byte) ([]byte, error) {
		m, err := d.recall(r, data)
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

func (d *Driver) recall(r provider.Ref, data []byte) (m memory, err error) {
	if data == nil {
		m.Codes = d.foundCodes(r)
		m.LastSlot = len(m.Codes)
		return m, nil
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("memory of a virtual device: %w", err)
	}
	return m, nil
}

// unreachable reports whether the device does not answer.
func (m *memory) unreachable() bool { return m.Offline || m.HubOffline || m.Unpaid || m.Removed }

// reach uses up a fault and returns what the device answers before it does anything. silent says
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
	case FaultOffline:
		return false, provider.ErrOffline
	case FaultJammed:
		return false, provider.ErrJammed
	case FaultSilent:
		return true, nil
	}
	return false, provider.ErrRefused
}

// foundCodes are the codes that were on a lock before anyone connected its account: some locks
// have one or two. The first lock of a login has none, so that there is one to count on.
func (d *Driver) foundCodes(r provider.Ref) []heldCode {
	l := d.lockOf(r)
	if l == nil || !l.has(onlineCodes) || d.isFirst(r) {
		return nil
	}
	seed := mix(offsetBasis, r.Device)
	names := [...]string{"Cleaner", "Family", "Neighbor", "Maintenance"}
	var out []heldCode
	for i := range draw(seed, "codes", 3) {
		label := "code " + strconv.Itoa(i)
		out = append(out, heldCode{Slot: strconv.Itoa(i + 1), PIN: drawPIN(seed, label, l.codes.lengths[0], i),
			Name: names[(draw(seed, "name", len(names))+i)%len(names)]})
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

// lockOf returns the template of a device that is a lock; nil for others.
func (d *Driver) lockOf(r provider.Ref) *lock {
	b := d.byName[r.Brand]
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

// isFirst reports whether the device is the first of its login.
func (d *Driver) isFirst(r provider.Ref) bool {
	u := unit{seed: mix(mix(mix(offsetBasis, r.Brand), r.Account), "device 0")}
	return u.uuid("id") == r.Device
}

// lead is how long before its time a code goes onto a lock: early where the lock itself waits,
// late where it would open at once.
func (b *brand) lead() time.Duration {
	if b.justInTime {
		return time.Hour
	}
	return 72 * time.Hour
}

// put writes a code into its slot, or into a new one.
func (m *memory) put(l *lock, c heldCode) (slot string, err error) {
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
			return "", provider.ErrDuplicate
		}
	}
	if at >= 0 {
		m.Codes[at] = c
		return c.Slot, nil
	}
	if len(m.Codes) >= l.codes.most {
		return "", provider.ErrFull
	}
	m.LastSlot++
	if c.Slot == "" {
		c.Slot = strconv.Itoa(m.LastSlot)
	}
	m.Codes = append(m.Codes, c)
	return c.Slot, nil
}

func (m *memory) has(pin string) bool {
	return slices.ContainsFunc(m.Codes, func(h heldCode) bool { return h.PIN == pin })
}
