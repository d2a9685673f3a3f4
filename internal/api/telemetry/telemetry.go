// Package telemetry takes what frontends of the contract report about themselves, and drops it.
package telemetry

import (
	"context"
	"encoding/json"

	"keyway/internal/platform/rpc"
)

// Endpoints are the rows of /internal.
func Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/internal/tlmtry", Summary: "Takes a frontend's telemetry and keeps nothing of it.", Allow: rpc.Public,
			Handle: rpc.Func(func(context.Context, json.RawMessage) (rpc.NoContent, error) {
				return rpc.NoContent{}, nil
			})},
	}
}
