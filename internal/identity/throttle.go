package identity

import (
	"context"
	"sync"
	"time"

	"keyway/internal/fault"
)

// throttle slows down guessing of passwords. One address that fails too often has to wait; an
// account that many addresses fail at answers more slowly, but never to an address that has
// signed in to it before: so no stranger can lock a person out.
type throttle struct {
	mu       sync.Mutex
	address  map[string]*failures
	account  map[string]*failures
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

func (t *throttle) wait(ctx context.Context, now func() time.Time, account, address string) error {
	t.mu.Lock()
	byAddress := t.address[address].count(now())
	byAccount := t.account[account].count(now())
	if t.familiar[account+"\x00"+address] {
		byAccount = 0
	}
	var since time.Duration
	if f := t.address[address]; f != nil {
		since = now().Sub(f.last)
	}
	t.mu.Unlock()
	if wait := time.Duration(byAddress-perAddress+1) * 10 * time.Second; byAddress >= perAddress && since < min(wait, forgotten) {
		err := fault.New(fault.TooManyRequests, "Too many failed sign-ins from this address; try again later")
		err.Data = map[string]any{"retry_after": int((min(wait, forgotten) - since).Seconds()) + 1}
		return err
	}
	if byAccount < perAccount {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(time.Duration(byAccount-perAccount+1)*200*time.Millisecond, 3*time.Second)):
		return nil
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
	}{{t.address, address}, {t.account, account}} {
		f := m.in[m.key]
		if f == nil || f.count(now) == 0 {
			f = &failures{}
			m.in[m.key] = f
		}
		f.n, f.last = f.n+1, now
	}
}

func (t *throttle) succeeded(account, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.familiar == nil || len(t.familiar) > most {
		t.familiar = map[string]bool{}
	}
	t.familiar[account+"\x00"+address] = true
	delete(t.address, address)
}
