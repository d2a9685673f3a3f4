package identity

import (
	"sync"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/trust/credential"
)

// throttle slows down guessing of passwords. One address that fails too often has to wait; an
// account that many addresses fail at answers more slowly, but never to an address that has
// signed in to it before, so no stranger can lock a person out.
type throttle struct {
	mu       sync.Mutex
	address  map[string]accounts  // failures of an address, by account
	account  map[string]*failures // failures at an account
	trying   map[string]int       // running attempts of an address
	familiar map[string]time.Time // by account and address: the latest sign-in
}

// accounts are an address's failures at each account, so that a success forgives those at its own account only.
type accounts map[string]*failures

type failures struct {
	n    int
	last time.Time
}

const (
	perAddress   = 10              // failures an address may have before it must wait
	perAccount   = 5               // failures at an account before strangers are answered slowly
	forgotten    = 5 * time.Minute // after which failures no longer count
	maxThrottled = 50_000          // addresses and accounts remembered
)

func (f *failures) count(now time.Time) int {
	if f == nil || now.Sub(f.last) > forgotten {
		return 0
	}
	return f.n
}

// count adds up the failures and returns the time of the latest.
func (a accounts) count(now time.Time) (n int, last time.Time) {
	for _, f := range a {
		n += f.count(now)
		if f.last.After(last) {
			last = f.last
		}
	}
	return n, last
}

// admit lets an address try to sign in to an account, after the delay that it returns, or refuses
// with too_many_requests. Attempts that are running count as failures, so that many guesses sent at
// once come no further than one after another. Every admit without an error needs a done.
func (t *throttle) admit(now time.Time, account, address string) (delay time.Duration, err error) {
	address = credential.Network(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	failed, last := t.address[address].count(now)
	trying := t.trying[address]
	var wait time.Duration
	switch {
	case failed >= perAddress:
		wait = min(time.Duration(failed-perAddress+1)*10*time.Second, forgotten) - now.Sub(last)
		if wait <= 0 && trying > 0 {
			wait = time.Second
		}
	case failed+trying >= perAddress:
		wait = time.Second
	}
	if wait > 0 {
		return 0, tooMany(wait, "Too many failed sign-ins from this address; try again later")
	}
	if t.trying == nil {
		t.trying = map[string]int{}
	}
	t.trying[address]++
	if over := t.account[account].count(now) - perAccount; over >= 0 && !t.knows(account, address) {
		delay = min(time.Duration(over+1)*200*time.Millisecond, 3*time.Second)
	}
	return delay, nil
}

// tooMany is too_many_requests with error.data.retry_after, in seconds.
func tooMany(wait time.Duration, text string) error {
	err := fault.New(fault.TooManyRequests, "%s", text)
	err.Data = map[string]any{"retry_after": int((wait + time.Second - 1) / time.Second)}
	return err
}

// isFamiliar reports whether anyone has signed in to the account from the address before.
func (t *throttle) isFamiliar(account, address string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.knows(account, credential.Network(address))
}

func (t *throttle) knows(account, network string) bool {
	_, known := t.familiar[account+"\x00"+network]
	return known
}

// done ends an attempt that admit let through.
func (t *throttle) done(address string) {
	address = credential.Network(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.trying[address]--; t.trying[address] <= 0 {
		delete(t.trying, address)
	}
}

func (t *throttle) failed(now time.Time, account, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.address == nil {
		t.address, t.account = map[string]accounts{}, map[string]*failures{}
	}
	makeRoom(t.address, func(a accounts) bool { n, _ := a.count(now); return n == 0 })
	makeRoom(t.account, func(f *failures) bool { return f.count(now) == 0 })
	network := credential.Network(address)
	if t.address[network] == nil {
		t.address[network] = accounts{}
	}
	for _, m := range []map[string]*failures{t.address[network], t.account} {
		f := m[account]
		if f == nil || f.count(now) == 0 {
			f = &failures{}
			m[account] = f
		}
		f.n, f.last = f.n+1, now
	}
}

// makeRoom removes entries from a full map: those no longer needed, or a tenth of them where all are needed.
func makeRoom[V any](in map[string]V, useless func(V) bool) {
	if len(in) < maxThrottled {
		return
	}
	for key, v := range in {
		if useless(v) {
			delete(in, key)
		}
	}
	for key := range in {
		if len(in) < maxThrottled*9/10 {
			return
		}
		delete(in, key)
	}
}

// succeeded notes a sign-in. It forgives the address's failures at this account, and no others: one's own account
// must not pay for guesses at those of others.
func (t *throttle) succeeded(now time.Time, account, address string) {
	network := credential.Network(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.familiar == nil {
		t.familiar = map[string]time.Time{}
	}
	makeRoom(t.familiar, func(at time.Time) bool { return now.Sub(at) > BrowserMost })
	t.familiar[account+"\x00"+network] = now
	delete(t.address[network], account)
	if len(t.address[network]) == 0 {
		delete(t.address, network)
	}
}
