package main

import (
	"context"
	"fmt"
	"net"
	"os/user"
	"strconv"
	"syscall"
)

// peerUser is the operating system's name of the user at the other end of the control socket.
func peerUser(ctx context.Context) string {
	c, ok := ctx.Value(connKey{}).(*net.UnixConn)
	if !ok {
		return "unknown"
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return "unknown"
	}
	name := "unknown"
	err = raw.Control(func(fd uintptr) {
		cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		if err != nil {
			return
		}
		name = fmt.Sprint("uid ", cred.Uid)
		if u, err := user.LookupId(strconv.Itoa(int(cred.Uid))); err == nil {
			name = u.Username
		}
	})
	if err != nil {
		return "unknown"
	}
	return name
}
