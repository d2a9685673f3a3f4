package store

import (
	"net"
	"syscall"
	"testing"
)

// A peer that dies silently is given up soon, also in the middle of a request.
func TestConnectionsEndInSilence(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c, err := (&net.Dialer{Control: endInSilence}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var got int
	if e := raw.Control(func(fd uintptr) {
		got, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout)
	}); e != nil || err != nil {
		t.Fatal(e, err)
	}
	if int64(got) != silence.Milliseconds() {
		t.Errorf("a connection is given up after %d ms", got)
	}
}
