package identity

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"keyway/internal/platform/fault"
)

// fill takes all turns and returns the function that ends one.
func fill(t *testing.T, q *hashQueue) (releases []func()) {
	t.Helper()
	for i := range maxHashing {
		release, err := q.acquire(t.Context(), queued{address: fmt.Sprint("203.0.113.", i)})
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, release)
	}
	return releases
}

// waitFor waits until so many strangers and familiar ones stand in line.
func waitFor(t *testing.T, q *hashQueue, strangers, familiar int) {
	t.Helper()
	for range 5000 {
		q.mu.Lock()
		ok := len(q.waiting[0]) == strangers && len(q.waiting[1]) == familiar
		q.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("they do not stand in line")
}

// A kind of fault: an unbounded queue in front of a scarce worker, which strangers fill so that everybody waits.
func TestStrangersDoNotKeepPeopleOut(t *testing.T) {
	t.Parallel()
	q := &hashQueue{}
	releases := fill(t, q)
	served := make(chan string, 100)
	var lines sync.WaitGroup
	join := func(name string, who queued) {
		lines.Go(func() {
			release, err := q.acquire(t.Context(), who)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			served <- name
			release()
		})
	}
	for i := range maxWaiting {
		join("stranger", queued{address: fmt.Sprint("198.51.100.", i)})
	}
	waitFor(t, q, maxWaiting, 0)
	for i := range 150 { // the queue is full: they are refused at once
		if _, err := q.acquire(t.Context(), queued{address: fmt.Sprint("192.0.2.", i)}); !fault.Is(err, fault.TooManyRequests) {
			t.Fatalf("stranger %d: %v", i, err)
		}
	}
	join("familiar", queued{address: "192.0.2.1", familiar: true})
	waitFor(t, q, maxWaiting, 1)
	releases[0]() // the other turn stays taken, so that they are served one after another
	if first := <-served; first != "familiar" {
		t.Errorf("a %s is served first", first)
	}
	releases[1]()
	lines.Wait()
	if q.running != 0 || len(q.network) != 0 {
		t.Errorf("left behind: %d running, %v", q.running, q.network)
	}
}

// A kind of fault: one network takes all places of a pool that all share.
func TestANetworkHasAShareOfTheQueue(t *testing.T) {
	t.Parallel()
	q := &hashQueue{}
	releases := fill(t, q)
	ctx, cancel := context.WithCancel(t.Context())
	var lines sync.WaitGroup
	for i := range maxPerNetwork {
		lines.Go(func() {
			_, err := q.acquire(ctx, queued{address: fmt.Sprintf("2001:db8::%d", i+1)})
			if err == nil {
				t.Error("served while all turns are taken")
			}
		})
	}
	waitFor(t, q, maxPerNetwork, 0)
	if _, err := q.acquire(t.Context(), queued{address: "2001:db8::ffff"}); !fault.Is(err, fault.TooManyRequests) {
		t.Errorf("one more of the network: %v", err)
	}
	lines.Go(func() {
		release, err := q.acquire(t.Context(), queued{address: "2001:db8:1::1"})
		if err != nil {
			t.Errorf("another network: %v", err)
			return
		}
		release()
	})
	waitFor(t, q, maxPerNetwork+1, 0)
	cancel() // those who go away leave their places
	waitFor(t, q, 1, 0)
	for _, release := range releases {
		release()
	}
	lines.Wait()
	if q.running != 0 || len(q.network) != 0 {
		t.Errorf("left behind: %d running, %v", q.running, q.network)
	}
}
