package sandbox

import (
	"context"
	"slices"
	"strconv"
	"time"

	"keyway/internal/provider"
)

// Session is a session with a virtual account. It answers at once: evidence of a command is reported
// before the command returns.
type Session struct {
	*Driver
	account provider.Account
	sink    provider.Sink
}

// Open begins a session. It needs no connection.
func (d *Driver) Open(_ context.Context, a provider.Account, sink provider.Sink) (provider.Session, error) {
	if _, err := d.brand(a.Brand); err != nil {
		return nil, err
	}
	s := &Session{Driver: d, account: a, sink: sink}
	d.mu.Lock()
	d.sinks[s.key()] = sink
	d.mu.Unlock()
	return s, nil
}

func (s *Session) key() accountKey {
	return accountKey{s.account.WorkspaceID, s.account.Brand, s.account.ExternalID}
}

// Refresh passes the devices of the login to the sink, except those that were removed from the account.
func (s *Session) Refresh(ctx context.Context) error {
	all, err := s.Found(s.account)
	if err != nil || all == nil {
		return err
	}
	there, err := s.present(ctx, s.account, all)
	if err != nil {
		return err
	}
	s.sink.Snapshot(there)
	return nil
}

// Close ends the session.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sinks[s.key()] == s.sink {
		delete(s.sinks, s.key())
	}
	return nil
}

// report passes what a device itself reports to the session of its account, if there is one.
func (d *Driver) report(r provider.Ref, is provider.Report) { d.reportAs(r, provider.Sent, is) }

func (d *Driver) reportAs(r provider.Ref, e provider.Evidence, is provider.Report) {
	if s := d.sink(r); s != nil {
		is.At, is.Evidence = d.now(), e
		s.Report(r, is)
	}
}

func (d *Driver) sink(r provider.Ref) provider.Sink {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sinks[accountKey{r.WorkspaceID, r.Brand, r.Account}]
}

var _ provider.Prober = (*Session)(nil)

// Probe asks whether a device answers.
func (s *Session) Probe(ctx context.Context, r provider.Ref) error {
	m, err := s.load(ctx, r)
	if err == nil && m.unreachable() {
		err = provider.ErrOffline
	}
	return err
}

var _ provider.Locker = (*Session)(nil)

// Lock turns the bolt of a virtual lock.
func (s *Session) Lock(ctx context.Context, r provider.Ref, commandID string) (provider.Asked, error) {
	return s.turn(ctx, r, remoteLock, true, commandID)
}

// Unlock turns the bolt of a virtual lock, or opens its door.
func (s *Session) Unlock(ctx context.Context, r provider.Ref, commandID string) (provider.Asked, error) {
	return s.turn(ctx, r, remoteUnlock, false, commandID)
}

func (s *Session) turn(ctx context.Context, r provider.Ref, needs ability, locked bool, commandID string) (provider.Asked, error) {
	l := s.lockOf(r)
	if l == nil || !l.has(needs) {
		return provider.Asked{}, provider.ErrUnsupported
	}
	err := s.change(ctx, r, func(m *memory) error {
		silent, err := m.reach()
		if err == nil && silent {
			err = provider.ErrRefused // a bolt that was not seen to move did not move
		}
		if err == nil {
			m.Locked = &locked
		}
		return err
	})
	if err != nil {
		return provider.Asked{}, err
	}
	s.report(r, provider.Report{For: commandID, Locked: l.shows(locked)})
	return provider.Asked{Until: s.now()}, nil
}

// shows is what a lock reports of its bolt; nil for one that only opens.
func (l *lock) shows(locked bool) *bool {
	if l.has(noBolt) {
		return nil
	}
	return &locked
}

var _ provider.AutoLocker = (*Session)(nil)

// SetAutoLock sets a virtual lock's automatic locking.
func (s *Session) SetAutoLock(ctx context.Context, r provider.Ref, enabled bool, delay time.Duration, commandID string) (provider.Asked,
	error) {
	if l := s.lockOf(r); l == nil || !l.has(autoLock) {
		return provider.Asked{}, provider.ErrUnsupported
	}
	err := s.change(ctx, r, func(m *memory) error {
		_, err := m.reach()
		if err == nil {
			m.AutoLock, m.AutoLockWait = enabled, delay
		}
		return err
	})
	if err != nil {
		return provider.Asked{}, err
	}
	s.report(r, provider.Report{For: commandID})
	return provider.Asked{Until: s.now()}, nil
}

var _ provider.CodeProgrammer = (*Session)(nil)

// CodeTraits says how a brand's locks deal with codes.
func (s *Session) CodeTraits(r provider.Ref) provider.CodeTraits {
	b := s.byName[r.Brand]
	if b == nil {
		return provider.CodeTraits{}
	}
	return provider.CodeTraits{Native: !b.justInTime, Lead: b.lead(), Notifies: true, FixedCodes: b.fixedCodes, Single: true}
}

// ReadCodes reads codes on a virtual lock.
func (s *Session) ReadCodes(ctx context.Context, r provider.Ref, slots ...string) ([]provider.Code, error) {
	return s.readCodes(ctx, r, slots...)
}

func (d *Driver) readCodes(ctx context.Context, r provider.Ref, slots ...string) ([]provider.Code, error) {
	if l := d.lockOf(r); l == nil || !l.has(onlineCodes) {
		return nil, provider.ErrUnsupported
	}
	m, err := d.load(ctx, r)
	if err != nil {
		return nil, err
	}
	if m.unreachable() { // reading uses no fault up, so that a fault meets what changes the lock
		return nil, provider.ErrOffline
	}
	out := make([]provider.Code, 0, len(m.Codes))
	for _, c := range m.Codes {
		if len(slots) == 0 || slices.Contains(slots, c.Slot) {
			out = append(out, c.public())
		}
	}
	return out, nil
}

func (c heldCode) public() provider.Code {
	return provider.Code{Slot: c.Slot, PIN: &c.PIN, Name: c.Name, StartsAt: c.StartsAt, EndsAt: c.EndsAt}
}

func held(c provider.Code) heldCode {
	h := heldCode{Slot: c.Slot, Name: c.Name, StartsAt: c.StartsAt, EndsAt: c.EndsAt}
	if c.PIN != nil {
		h.PIN = *c.PIN
	}
	return h
}

// PutCode writes a code onto a virtual lock.
func (s *Session) PutCode(ctx context.Context, r provider.Ref, c provider.Code, opID string) (provider.Asked, error) {
	l := s.lockOf(r)
	if l == nil || !l.has(onlineCodes) {
		return provider.Asked{}, provider.ErrUnsupported
	}
	asked, done := provider.Asked{Slot: c.Slot}, false
	err := s.change(ctx, r, func(m *memory) error {
		silent, err := m.reach()
		if done = err == nil && !silent; !done {
			return err
		}
		asked.Slot, err = m.put(l, held(c))
		return err
	})
	return s.asked(asked, r, opID, done, err)
}

// DeleteCode empties a slot of a virtual lock.
func (s *Session) DeleteCode(ctx context.Context, r provider.Ref, slot, opID string) (provider.Asked, error) {
	done := false
	err := s.change(ctx, r, func(m *memory) error {
		silent, err := m.reach()
		if done = err == nil && !silent; done {
			m.Codes = slices.DeleteFunc(m.Codes, func(h heldCode) bool { return h.Slot == slot })
		}
		return err
	})
	return s.asked(provider.Asked{Slot: slot}, r, opID, done, err)
}

// asked is the answer to a command about codes; the outcome of one that was done is reported.
func (s *Session) asked(a provider.Asked, r provider.Ref, opID string, done bool, err error) (provider.Asked, error) {
	if err != nil {
		return provider.Asked{}, err
	}
	if done {
		s.report(r, provider.Report{For: opID})
	}
	a.Until = s.now()
	return a, nil
}

var _ provider.OfflineCoder = (*Session)(nil)

// OfflineCode computes a code, a different one for every name, time and brand of lock.
func (s *Session) OfflineCode(_ context.Context, r provider.Ref, c provider.Code, oneTime bool) (provider.Code, error) {
	l := s.lockOf(r)
	if l == nil || !l.has(offlineCodes) {
		return c, provider.ErrUnsupported
	}
	seed := mix(mix(offsetBasis, r.Device), c.Name+c.StartsAt.String()+c.EndsAt.String()+strconv.FormatBool(oneTime)+c.Slot)
	digits := make([]byte, l.codes.lengths[len(l.codes.lengths)-1])
	for i := range digits {
		digits[i] = '0' + byte(draw(seed, strconv.Itoa(i), 10))
	}
	pin := string(digits)
	c.PIN = &pin
	return c, nil
}
