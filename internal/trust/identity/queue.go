package identity

import (
	"context"
	"sync"
	"time"

	"keyway/internal/trust/credential"
)

// hashQueue bounds how many password hashes run at once, since each takes 19 MiB and sign-in is open to everybody,
// and how many wait: a longer queue would only let everybody wait longer. An address that is familiar
// to the account is served first, and has places of its own, so that strangers cannot keep people out.
// The zero value is ready to use.
type hashQueue struct {
	mu      sync.Mutex
	running int
	waiting [2][]*waiter   // strangers, familiar
	network map[string]int // running and waiting, of each network
}

type waiter struct{ ready chan struct{} }

const (
	maxHashing    = 2
	maxWaiting    = 16 // of strangers, and as many familiar ones
	maxPerNetwork = 4  // running and waiting, of strangers
	maxHashWait   = 5 * time.Second
)

// busy is the answer of hashQueue when it has no place.
func busy() error {
	return tooMany(time.Second, "Too many people are signing in at this moment; try again in a second")
}

// queued says for whom a password is hashed.
type queued struct {
	address  string // of the client; empty: the server itself
	familiar bool   // the address signed in to this account before, or its person is signed in
}

// trusted is for work that is not open to strangers.
var trusted = queued{familiar: true}

// acquire waits for a turn. It returns too_many_requests when the queue is full, or the turn does not come in time.
// Without an error, release must be called.
func (q *hashQueue) acquire(ctx context.Context, who queued) (release func(), err error) {
	network, class := credential.Network(who.address), 0
	if who.familiar {
		class = 1
	}
	q.mu.Lock()
	if len(q.waiting[class]) >= maxWaiting || class == 0 && q.network[network] >= maxPerNetwork {
		q.mu.Unlock()
		return nil, busy()
	}
	if q.network == nil {
		q.network = map[string]int{}
	}
	q.network[network]++
	if q.running < maxHashing {
		q.running++
		q.mu.Unlock()
		return func() { q.release(network) }, nil
	}
	w := &waiter{make(chan struct{})}
	q.waiting[class] = append(q.waiting[class], w)
	q.mu.Unlock()
	timeout := time.NewTimer(maxHashWait)
	defer timeout.Stop()
	select {
	case <-w.ready:
		return func() { q.release(network) }, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timeout.C:
		err = busy()
	}
	if q.leave(class, w) {
		q.forget(network)
	} else {
		q.release(network) // its turn came at the same moment
	}
	return nil, err
}

// leave removes a waiter from its queue; false when it has a turn already.
func (q *hashQueue) leave(class int, w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, other := range q.waiting[class] {
		if other == w {
			q.waiting[class] = append(q.waiting[class][:i:i], q.waiting[class][i+1:]...)
			return true
		}
	}
	return false
}

// forget counts one less of a network.
func (q *hashQueue) forget(network string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.network[network]--; q.network[network] <= 0 {
		delete(q.network, network)
	}
}

// release ends a turn and gives it to the next: familiar ones first.
func (q *hashQueue) release(network string) {
	q.forget(network)
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, class := range []int{1, 0} {
		if line := q.waiting[class]; len(line) > 0 {
			q.waiting[class] = line[1:]
			close(line[0].ready)
			return
		}
	}
	q.running--
}
