package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keyway/internal/provider"
	"keyway/internal/provider/providertest"
)

// kept is a memory in this process.
type kept struct {
	mu sync.Mutex
	of map[provider.Ref][]byte
}

func (k *kept) Load(_ context.Context, r provider.Ref) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.of[r], nil
}

func (k *kept) Change(_ context.Context, r provider.Ref, fn func([]byte) ([]byte, error)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	data, err := fn(k.of[r])
	if err == nil {
		k.of[r] = data
	}
	return err
}

// peer is a driver of virtual devices as the suite plays with it; wrap puts a mistake into the driver.
func peer(wrap func(*Driver) provider.Driver) providertest.Setup {
	d := New(&kept{of: map[provider.Ref][]byte{}}, time.Now)
	ctx := context.Background()
	const brand = "august"
	answers := func(login string) map[string]string { return d.byName[brand].signIn.standard(login) }
	faults := map[error]Fault{nil: FaultSilent, provider.ErrJammed: FaultJammed, provider.ErrRefused: FaultRefused}
	return providertest.Setup{
		Driver: wrap(d), Brand: brand, Answers: []map[string]string{answers("john"), answers("sam")}, Wait: 200 * time.Millisecond,
		Hand: providertest.Hand{
			Locked: func(r provider.Ref) (bool, error) {
				m, err := d.load(ctx, r)
				return m.Locked != nil && *m.Locked, err
			},
			Codes: func(r provider.Ref) (map[string]string, error) {
				m, err := d.load(ctx, r)
				held := map[string]string{}
				for _, c := range m.Codes {
					held[c.Slot] = c.PIN
				}
				return held, err
			},
			Capacity:   func(r provider.Ref) int { return d.lockOf(r).codes.most },
			SetOffline: func(r provider.Ref, offline bool) error { return d.SetOffline(ctx, r, offline) },
			FailNext:   func(r provider.Ref, how error) error { return d.FailNext(ctx, r, faults[how]) },
			PutCode: func(r provider.Ref, pin string) (string, error) {
				if err := d.PutByHand(ctx, r, provider.Code{PIN: &pin}); err != nil {
					return "", err
				}
				codes, err := d.CodesOn(ctx, r)
				i := slices.IndexFunc(codes, func(c provider.Code) bool { return *c.PIN == pin })
				return codes[i].Slot, err
			},
			SetBattery: func(r provider.Ref, level float64) error { d.Report(r, provider.Report{Battery: &level}); return nil },
			Remove:     func(r provider.Ref, removed bool) error { return d.SetRemoved(ctx, r, removed) },
		},
	}
}

func right(d *Driver) provider.Driver { return d }

// The driver of virtual devices keeps what every driver promises.
func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, func(testing.TB) providertest.Setup { return peer(right) }, map[providertest.Scenario]string{
		providertest.KeypadUse: "someone who enters a code at a virtual lock is recorded by the simulation itself, with its attempt",
		providertest.Restart:   "a virtual device is asked within one transaction: there is no peer that could restart meanwhile",
	})
}

// wrong is the driver with a mistake in its sessions.
type wrong struct {
	*Driver
	session func(*Session) provider.Session
}

func (w wrong) Open(ctx context.Context, a provider.Account, sink provider.Sink) (provider.Session, error) {
	s, err := w.Driver.Open(ctx, a, sink)
	if err != nil {
		return nil, err
	}
	return w.session(s.(*Session)), nil
}

// optimist reports a bolt as moved once it was asked.
type optimist struct{ *Session }

func (o optimist) Lock(ctx context.Context, r provider.Ref, id string) (provider.Asked, error) {
	_, _ = o.Session.Lock(ctx, r, id)
	yes := true
	o.report(r, provider.Report{For: id, Locked: &yes})
	return provider.Asked{Until: time.Now()}, nil
}

// wishful reads the codes that were asked for instead of those on the lock.
type wishful struct {
	*Session
	asked *[]provider.Code
}

func (w wishful) PutCode(ctx context.Context, r provider.Ref, c provider.Code, id string) (provider.Asked, error) {
	*w.asked = append(*w.asked, c)
	return w.Session.PutCode(ctx, r, c, id)
}

func (w wishful) ReadCodes(context.Context, provider.Ref, ...string) ([]provider.Code, error) {
	return *w.asked, nil
}

// numeric takes PINs for numbers.
type numeric struct{ *Session }

func (n numeric) PutCode(ctx context.Context, r provider.Ref, c provider.Code, id string) (provider.Asked, error) {
	short := strings.TrimLeft(*c.PIN, "0")
	c.PIN = &short
	return n.Session.PutCode(ctx, r, c, id)
}

// deaf takes a device that does not answer for one that has done what was asked.
type deaf struct{ *Session }

func (d deaf) Unlock(ctx context.Context, r provider.Ref, id string) (provider.Asked, error) {
	asked, err := d.Session.Unlock(ctx, r, id)
	if errors.Is(err, provider.ErrOffline) {
		d.report(r, provider.Report{For: id})
		return provider.Asked{}, nil
	}
	return asked, err
}

// restless reports on after it was closed.
type restless struct{ *Session }

func (r restless) Close() error { return nil }

// mixed gives every device a new id at each start.
type mixed struct {
	*Session
	sink provider.Sink
}

func (m mixed) Refresh(context.Context) error {
	all, err := m.Found(m.account)
	for i := range all {
		all[i].ExternalID = fmt.Sprintf("%s-%d", all[i].ExternalID, time.Now().UnixNano())
	}
	m.sink.Snapshot(all)
	return err
}

// The suite notices the mistakes that drivers make.
func TestSuiteNoticesMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		session func(*Session) provider.Session
		in      []providertest.Scenario
	}{
		{"believes an optimistic state", func(s *Session) provider.Session {
			return optimist{s}
		}, []providertest.Scenario{providertest.Silence, providertest.Jam, providertest.Refusal}},
		{"reads what was wanted", func(s *Session) provider.Session {
			return wishful{s, new([]provider.Code)}
		}, []providertest.Scenario{providertest.Silence, providertest.KeypadCode}},
		{"drops leading zeros", func(s *Session) provider.Session { return numeric{s} }, []providertest.Scenario{providertest.Codes}},
		{"takes silence for success", func(s *Session) provider.Session { return deaf{s} }, []providertest.Scenario{providertest.Unreachable}},
		{"reports after its end", func(s *Session) provider.Session { return restless{s} }, []providertest.Scenario{providertest.Closed}},
		{"has no lasting ids", func(s *Session) provider.Session { return mixed{s, s.sink} }, []providertest.Scenario{providertest.Discovery}},
	} {
		for _, in := range c.in {
			t.Run(c.name+"/"+string(in), func(t *testing.T) {
				t.Parallel()
				if got := providertest.Failures(peer(func(d *Driver) provider.Driver { return wrong{d, c.session} }), in); len(got) == 0 {
					t.Error("the suite finds nothing wrong with it")
				}
				if got := providertest.Failures(peer(right), in); len(got) > 0 {
					t.Errorf("without the mistake: %v", got)
				}
			})
		}
	}
}
