package identity

import (
	"sync"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/trust/credential"
)

// throttle slows down guessing of passwords. One address that fails too often has to wait; an
// account that many addresses fail at answers more slowly, but never to an address that has
// signed in to it before: so no stranger can lock a person out.
type throttle struct {
	mu       sync.Mutex
	address  map[string]*failures
	account  map[string]*failures
	trying   map[string]int  // sign-ins of an address that are being tried now
	familiar map[string]bool // account and address that have signed in
}

type failures struct {
	n    int
	last time.Time
}

const (
	perAddress = 10              // failures an address may have before it must wait
	perAccount = 5               // failures at an account before strangers are answered slowly
	forgotten  = 5 * time.Minute // after which failures no longer count
	most       = 50_000          // addresses and accounts remembered
)

func (f *failures) count(now time.Time) int {
	if f == nil || now.Sub(f.last) > forgotten {
		return 0
	}
	return f.n
}

// begin lets an address try to sign in to an account, after the delay that it returns, or refuses
// with too_many_requests. Tries that are running count as failures, so that many guesses sent at
// once come no further than one after another. Every begin without an error needs an end.
func (t *throttle) begin(now time.Time, account, address string) (delay time.Duration, err error) {
	address = credential.Network(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	failed, trying := t.address[address].count(now), t.trying[address]
	var wait time.Duration
	switch {
	case failed >= perAddress:
		wait = min(time.Duration(failed-perAddress+1)*10*time.Second, forgotten) - now.Sub(t.address[address].last)
		if wait <= 0 && trying > 0 {
			wait = time.Second
		}
	case failed+trying >= perAddress:
		wait = time.Second
	}
	if wait > 0 {
		err := fault.New(fault.TooManyRequests, "Too many failed sign-ins from this address; try again later")
		err.Data = map[string]any{"retry_after": int((wait + time.Second - 1) / time.Second)}
		return 0, err
	}
	if t.trying == nil {
		t.trying = map[string]int{}
	}
	t.trying[address]++
	if over := t.account[account].count(now) - perAccount; over >= 0 && !t.familiar[account+"\x00"+address] {
		delay = min(time.Duration(over+1)*200*time.Millisecond, 3*time.Second)
	}
	return delay, nil
}

// end ends what begin began.
func (t *throttle) end(address string) {
	address = credential.Network(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.trying[address]--; t.trying[address] == 0 {
		delete(t.trying, address)
	}
}

func (t *throttle) failed(now time.Time, account, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.address == nil || len(t.address) > most || len(t.account) > most {
		t.address, t.account = map[string]*failures{}, map[string]*failures{}
	}
	for _, m := range []struct {
		in  map[string]*failures
		key string
	}{{t.address, credential.Network(address)}, {t.account, account}} {
		f := m.in[m.key]
		if f == nil || f.count(now) == 0 {
			f = &failures{}
			m.in[m.key] = f
		}
		f.n, f.last = f.n+1, now
	}
}

func (t *throttle) succeeded(account, address string) {
	address = credential.Network(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.familiar == nil || len(t.familiar) > most {
		t.familiar = map[string]bool{}
	}
	t.familiar[account+"\x00"+address] = true
	delete(t.address, address)
}
