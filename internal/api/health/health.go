// Package health reports whether the server can do its work.
package health

import (
	"context"
	"sync"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
)

const (
	timeout    = 2 * time.Second // of each question to the database
	probeEvery = 2 * time.Second // how long the answer of one write is good, however often it is asked for
)

// Report is the answer of the health endpoints.
type Report struct {
	rpc.Fields
	Message     string    `json:"msg"`
	EvaluatedAt rpc.Time  `json:"last_service_evaluation_at"`
	Services    []Service `json:"service_health_statuses"`
}

// Service is one thing that the server depends on.
type Service struct {
	Name   string `json:"service"`
	Status string `json:"status" enum:"healthy"`
}

// Checker checks on request.
type Checker struct {
	DB  *store.DB
	Now func() time.Time

	mu      sync.Mutex // held while a write is tried
	tried   time.Time
	verdict error
}

// Endpoints are the rows of /health.
func (c *Checker) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/health", Summary: "Reports whether the server can do its work.", Allow: rpc.Public, Read: true, Handle: rpc.Func(c.check)},
		{Path: "/health/get_health", Summary: "Reports whether the server can do its work.", Allow: rpc.Public, Read: true,
			Handle: rpc.Func(c.check)},
	}
}

// check returns service_unavailable, saying what does not work, when the database cannot be read or nothing can
// be stored in it.
func (c *Checker) check(ctx context.Context, _ rpc.None) (Report, error) {
	reading, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var one int
	if err := c.DB.QueryRow(reading, `SELECT 1`).Scan(&one); err != nil {
		return Report{}, fault.New(fault.Unavailable, "The database does not answer")
	}
	if err := c.writable(ctx); err != nil {
		return Report{}, err
	}
	return Report{Message: "Keyway is well", EvaluatedAt: rpc.Time{Time: c.Now()},
		Services: []Service{{"database", "healthy"}, {"storage", "healthy"}}}, nil
}

// writable tries a write, at most one every few seconds: anyone may ask.
func (c *Checker) writable(ctx context.Context) error {
	// A few pages may still fit into the files that are there, when nothing larger does.
	if free, known := c.DB.FreeDisk(); known && free < store.LowDisk {
		return cannotStore(store.DiskFull)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.tried) < probeEvery {
		return c.verdict
	}
	// It is for all who ask meanwhile, so it does not end with this request.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	c.verdict = c.write(ctx)
	c.tried = time.Now()
	return c.verdict
}

// write returns service_unavailable when nothing can be stored.
func (c *Checker) write(ctx context.Context) error {
	err := c.DB.Update(ctx, func(tx *store.Tx) error { // what stays as it is would not be written at all
		if _, err := tx.Exec(ctx, `INSERT INTO settings (name, value) VALUES ('health', 'null')`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM settings WHERE name = 'health'`)
		return err
	})
	if err == nil {
		return nil
	}
	why := store.Trouble(err)
	if why == "" {
		why = "the database refuses it"
	}
	if ctx.Err() != nil {
		why = "the database takes too long"
	}
	return cannotStore(why)
}

func cannotStore(why string) error {
	return fault.New(fault.Unavailable, "Data can be read, but nothing can be stored: %s", why)
}
