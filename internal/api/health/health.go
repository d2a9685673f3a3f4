// Package health tells whether the server can do its work.
package health

import (
	"context"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
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
}

// Endpoints are the rows of /health.
func (c *Checker) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/health", Summary: "Tells whether the server can do its work.", Allow: rpc.Public, Read: true, Handle: rpc.Func(c.check)},
		{Path: "/health/get_health", Summary: "Tells whether the server can do its work.", Allow: rpc.Public, Read: true, Handle: rpc.Func(c.check)},
	}
}

// check returns service_unavailable when the database does not answer.
func (c *Checker) check(ctx context.Context, _ rpc.None) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var one int
	if err := c.DB.QueryRow(ctx, `SELECT 1`).Scan(&one); err != nil {
		return Report{}, fault.New(fault.Unavailable, "The database does not answer")
	}
	return Report{Message: "Keyway is well", EvaluatedAt: rpc.Time{Time: c.Now()}, Services: []Service{{"database", "healthy"}}}, nil
}
