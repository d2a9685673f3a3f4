//go:build !linux

package store

import "syscall"

// endInSilence leaves it to the system when a connection is given up.
func endInSilence(_, _ string, _ syscall.RawConn) error { return nil }
