package storetest

import (
	"bytes"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// Commit says what a Proxy does with a COMMIT.
type Commit int

// What happens to a connection on which a COMMIT arrives.
const (
	Pass           Commit = iota
	CutBefore             // it is cut; the server never sees the COMMIT
	CutAfter              // the server has answered; the answer is lost
	CutAfterAlone         // as CutAfter, and no connection is accepted until Pass
	CutBeforeAlone        // as CutBefore, and no connection is accepted until Pass
	Late                  // it is cut, and the server gets the COMMIT when Release is called
)

// Proxy stands between a store and PostgreSQL and loses connections at their COMMIT.
type Proxy struct {
	URL string

	t        testing.TB
	listener net.Listener
	released chan struct{}

	mu     sync.Mutex
	do     Commit
	closed bool // accepts no connection
	cut    int  // connections that were cut
}

// NewProxy makes a Proxy in front of the test server, for the schema of a URL of PostgresURL.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	p := &Proxy{t: t, released: make(chan struct{})}
	network, address := "unix", filepath.Join(q.Get("host"), ".s.PGSQL.5432")
	if u.Host != "" {
		network, address = "tcp", u.Host
		if u.Port() == "" {
			address += ":5432"
		}
	}
	folder, err := os.MkdirTemp("", "kwproxy") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	if p.listener, err = net.Listen("unix", filepath.Join(folder, ".s.PGSQL.5432")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.listener.Close()
		_ = os.RemoveAll(folder)
	})
	u.Host = ""
	q.Set("host", folder)
	u.RawQuery = q.Encode()
	p.URL = u.String()
	go func() {
		for {
			c, err := p.listener.Accept()
			if err != nil {
				return // the test has ended
			}
			go p.serve(c, network, address)
		}
	}()
	return p
}

// AtCommit says what happens to the next COMMIT; those after it pass.
func (p *Proxy) AtCommit(do Commit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.do, p.closed = do, false
}

// Cut is how many connections were cut at their COMMIT.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut
}

// Release delivers a COMMIT that is Late.
func (p *Proxy) Release() { close(p.released) }

// next is what to do with a COMMIT that has arrived.
func (p *Proxy) next() Commit {
	p.mu.Lock()
	defer p.mu.Unlock()
	do := p.do
	p.do = Pass
	if do != Pass {
		p.cut++
	}
	p.closed = p.closed || do == CutAfterAlone || do == CutBeforeAlone
	return do
}

func (p *Proxy) serve(client net.Conn, network, address string) {
	defer client.Close()
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return
	}
	server, err := net.Dial(network, address)
	if err != nil {
		p.t.Error(err)
		return
	}
	defer server.Close()
	answered := make(chan struct{}, 1)
	var losing atomic.Bool
	go func() {
		defer client.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			if losing.Load() {
				answered <- struct{}{}
				return
			}
			if _, err := client.Write(buf[:n]); err != nil && !losing.Load() {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		do := Pass
		if bytes.Contains(buf[:n], []byte("commit\x00")) {
			do = p.next()
		}
		switch do {
		case Pass:
		case CutBefore, CutBeforeAlone:
			return
		case CutAfter, CutAfterAlone:
			losing.Store(true)
		case Late:
			losing.Store(true)
			_ = client.Close()
			<-p.released
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
		if do != Pass {
			<-answered
			return
		}
	}
}
