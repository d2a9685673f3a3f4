package apitest_test

import (
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/wiring/apitest"
)

// wire is a way to PostgreSQL that can be cut.
type wire struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
	to    [2]string // network and address
}

func (w *wire) carry() {
	for {
		in, err := w.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial(w.to[0], w.to[1])
		if err != nil {
			_ = in.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, in, out)
		w.mu.Unlock()
		go func() { _, _ = io.Copy(in, out) }()
		go func() { _, _ = io.Copy(out, in) }()
	}
}

func (w *wire) cut() {
	_ = w.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
}

// While PostgreSQL is away, both reads and writes say that it is no fault of the request.
func TestPostgresAway(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(storetest.PostgresURL(t))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	way := &wire{Listener: l, to: [2]string{"tcp", u.Host}}
	if q := u.Query(); q.Has("host") { // the folder of a Unix socket
		way.to = [2]string{"unix", filepath.Join(q.Get("host"), ".s.PGSQL.5432")}
		q.Del("host")
		u.RawQuery = q.Encode()
	}
	go way.carry()
	t.Cleanup(way.cut)
	u.Host = l.Addr().String()
	db, err := store.Open(t.Context(), store.Options{DatabaseURL: u.String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := apitest.New(t, db)
	jane := w.Person("jane")
	ws := w.Workspace(jane, "Home", true)
	key, _ := w.Key(ws, jane)
	requests := []apitest.Request{
		{Path: "/devices/list", Token: key}, {Path: "/workspaces/get", Token: key},
		{Path: "/workspaces/update", Token: key, Body: map[string]any{"name": "x"}},
	}
	for _, r := range requests {
		w.Call(r, nil)
	}
	way.cut()
	for range 3 { // connections that broke, and then none that can be made
		for _, r := range requests {
			w.Refused(r, 503, "service_unavailable")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
