package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pollEvery is how long a client waits before it looks again whether something is done.
const pollEvery = 50 * time.Millisecond

// atLocks takes what codes and bolts cost. The CPU of a request includes all that the server does
// because of it later: the visit to the lock, the events of that, the jobs in between.
func (b *bench) atLocks(ctx context.Context) error {
	f, s, err := b.serveDevices(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }() // after an error, which is reported instead
	progress("%d of %d devices are locks to try", len(f.locks), len(f.ids))
	unlock := f.unlock()
	for _, a := range []aim{{f.create(), 0}, {f.createOn(), 0}, {unlock, 0}} {
		if err := b.beside(ctx, a, s); err != nil {
			return err
		}
	}
	unlock.alone, unlock.name = true, unlock.name+", one connection"
	l, err := b.measure(ctx, unlock, s)
	b.atMost("Unlocked, p99", l.P99, "ms", 300)
	return err
}

// create makes a code for a stay that is far away: the row, its events, its attempt and its job are
// on disk when the answer comes.
func (f *folder) create() *work {
	w := &work{name: "/access_codes/create for later, durable", path: "/access_codes/create"}
	w.request = func(r *rand.Rand) []byte { return f.request(w.path, f.newCode(r, f.stay(90*24*time.Hour))) }
	return w
}

// createOn makes a code that goes onto its lock at once.
func (f *folder) createOn() *work {
	w := &work{name: "/access_codes/create, durable, and set on its lock", path: "/access_codes/create"}
	w.request = func(r *rand.Rand) []byte { return f.request(w.path, f.newCode(r, "")) }
	return w
}

func (f *folder) newCode(r *rand.Rand, more string) string {
	return fmt.Sprintf(`{"device_id":"%s","name":"G %d"%s}`, f.locks[r.IntN(len(f.locks))], f.codes.Add(1), more)
}

// stay is the times of a code that begins after a while.
func (f *folder) stay(after time.Duration) string {
	begins := time.Now().Add(after)
	return fmt.Sprintf(`,"starts_at":"%s","ends_at":"%s"`, begins.UTC().Format(time.RFC3339Nano),
		begins.Add(48*time.Hour).UTC().Format(time.RFC3339Nano))
}

// unlock opens a lock, and looks until it is open.
func (f *folder) unlock() *work {
	w := &work{name: "/locks/unlock_door, until it is unlocked", path: "/locks/unlock_door"}
	w.request = func(r *rand.Rand) []byte {
		return f.request(w.path, `{"device_id":"`+f.locks[r.IntN(len(f.locks))]+`"}`)
	}
	w.follow = func(answer []byte) []byte {
		if !bytes.Contains(answer, []byte(`"status":"pending"`)) {
			return nil
		}
		_, id, _ := bytes.Cut(answer, []byte(`"action_attempt_id":"`))
		id, _, _ = bytes.Cut(id, []byte(`"`))
		return f.request("/action_attempts/get", `{"action_attempt_id":"`+string(id)+`"}`)
	}
	return w
}

// lateness takes how late codes leave their locks that end in the same minute, with no other codes
// stored and beside many, and what the many cost at start.
func (b *bench) lateness(ctx context.Context) error {
	f, s, err := b.serveDevices(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }() // after an error, which is reported instead
	if err := b.late(ctx, f, s, "no other"); err != nil {
		return err
	}
	few, err := b.restart(ctx, f, &s)
	if err != nil {
		return err
	}
	if err := f.schedule(ctx, s, b.codes); err != nil {
		return err
	}
	many, err := b.restart(ctx, f, &s)
	if err != nil {
		return err
	}
	b.atMost(fmt.Sprintf("Start to first answer, CPU with %d scheduled codes / without", b.codes), many/few, "times", 1.5)
	return b.late(ctx, f, s, fmt.Sprint(b.codes, " others"))
}

// late takes the lateness of codes that end one after another, and of as many that end at once.
func (b *bench) late(ctx context.Context, f *folder, s *process, beside string) error {
	const codes = 1_000
	for _, m := range []struct {
		in   string
		time time.Duration
		aim  float64
	}{{"within a minute", time.Minute, 1}, {"at one moment", 0, 0}} {
		progress("waiting for %d codes that end %s, beside %s", codes, m.in, beside)
		late, err := b.leaving(ctx, f, s, codes, m.time)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("Lateness of %d codes that end %s, beside %s", codes, m.in, beside)
		b.atMost(name+", median", median(late), "s", 0)
		b.atMost(name+", most", slices.Max(late), "s", m.aim)
	}
	return nil
}

// restart restarts the server a few times, and returns the CPU time that it takes until its first answer.
func (b *bench) restart(ctx context.Context, f *folder, s **process) (seconds float64, err error) {
	progress("starting the server %d times", b.rounds)
	for range b.rounds {
		err := (*s).stop()
		if err == nil {
			*s, err = f.serve(ctx)
		}
		if err != nil {
			return 0, err
		}
		seconds += (*s).startCPU.Seconds() / float64(b.rounds)
	}
	return seconds, (*s).settle(ctx)
}

// schedule stores codes for stays that are far away, evenly on all locks.
func (f *folder) schedule(ctx context.Context, s *process, codes int) error {
	progress("scheduling %d codes", codes)
	c, err := dial(ctx, s.address)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // every answer was read
	for done := 0; done < codes; {
		first := done % len(f.locks)
		on := f.locks[first:min(first+500, first+codes-done, len(f.locks))]
		body, err := json.Marshal(map[string]any{"device_ids": on, "name": fmt.Sprint("S ", done),
			"behavior_when_code_cannot_be_shared": "create_random_code",
			"starts_at":                           time.Now().AddDate(0, 3, 0), "ends_at": time.Now().AddDate(0, 3, 2)})
		if err != nil {
			return err
		}
		if _, err := c.ask(f.request("/access_codes/create_multiple", string(body))); err != nil {
			return err
		}
		done += len(on)
	}
	return s.settle(ctx)
}

// leaving puts codes on locks that end evenly within a time, and returns how late each was removed: how long
// after its end the event of its removal was written.
func (b *bench) leaving(ctx context.Context, f *folder, s *process, codes int, within time.Duration) (late []float64, err error) {
	clients, err := connect(ctx, s.address, b.connections)
	if err != nil {
		return nil, err
	}
	first := time.Now().Add(30 * time.Second)
	ends := make([]time.Time, codes)
	var made sync.Map // access code -> its number
	var next atomic.Int64
	err = each(clients, func(c *client) error {
		for i := int(next.Add(1)) - 1; i < codes; i = int(next.Add(1)) - 1 {
			ends[i] = first.Add(time.Duration(i) * within / time.Duration(codes)).UTC().Truncate(time.Millisecond)
			text, err := c.ask(f.request("/access_codes/create", fmt.Sprintf(`{"device_id":"%s","name":"L %d","ends_at":"%s"}`,
				f.locks[i%len(f.locks)], f.codes.Add(1), ends[i].Format(time.RFC3339Nano))))
			if err != nil {
				return err
			}
			var answer struct {
				Code struct {
					ID string `json:"access_code_id"`
				} `json:"access_code"`
			}
			if err := json.Unmarshal(text, &answer); err != nil {
				return err
			}
			made.Store(answer.Code.ID, i)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if over := time.Since(first); over > 0 {
		return nil, fmt.Errorf("making the codes took %s too long", over)
	}
	sleep(ctx, time.Until(first.Add(within+5*time.Second)))
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	c, err := dial(ctx, s.address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // every answer was read
	for passed := 0; ; {
		text, err := c.ask(f.request("/events/list", fmt.Sprintf(`{"event_type":"access_code.deleted","since":"%s","unstable_offset":%d}`,
			first.Add(-time.Second).UTC().Format(time.RFC3339Nano), passed)))
		if err != nil {
			return nil, err
		}
		var told struct {
			Events []struct {
				Code string    `json:"access_code_id"`
				At   time.Time `json:"created_at"`
			} `json:"events"`
		}
		if err := json.Unmarshal(text, &told); err != nil {
			return nil, err
		}
		for _, e := range told.Events {
			if i, ours := made.Load(e.Code); ours {
				late = append(late, e.At.Sub(ends[i.(int)]).Seconds())
			}
		}
		if passed += len(told.Events); len(told.Events) == 0 {
			break
		}
	}
	if len(late) != codes {
		return nil, fmt.Errorf("%d of %d codes are gone", len(late), codes)
	}
	return late, nil
}
