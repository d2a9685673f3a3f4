//go:build !linux

package main

import (
	"context"
	"os/user"
)

// peerUser is this process's own user: the socket's mode lets no one else in.
func peerUser(context.Context) string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
