package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"keyway/internal/platform/store"
)

// localhost means both loopback families, on one port.
func TestBothLoopbackFamilies(t *testing.T) {
	t.Parallel()
	o := serveOptions{listen: "localhost:0"}
	p, err := o.plan(t.Context(), globals{})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := p.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	listeners := opened.main
	var hosts, ports []string
	for _, l := range listeners {
		host, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		hosts, ports = append(hosts, host), append(ports, port)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	want := "127.0.0.1"
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil { // this machine has IPv6
		want += " ::1"
		_ = l.Close()
	}
	if got := strings.Join(hosts, " "); got != want {
		t.Errorf("listens on %s, not on %s", got, want)
	}
	if len(ports) == 2 && ports[0] != ports[1] {
		t.Errorf("on two ports: %v", ports)
	}
}

func TestHTTPS(t *testing.T) {
	t.Parallel()
	cert, key, roots := testCertificate(t, t.TempDir())
	s, err := startServer(t.Context(), globals{data: t.TempDir()},
		serveOptions{listen: "127.0.0.1:0", tlsCert: cert, tlsKey: key, quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	if !strings.HasPrefix(s.url, "https://127.0.0.1:") {
		t.Errorf("the public URL is %s", s.url)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	res, err := client.Get(s.url + "/health")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("https answers %s", res.Status)
	}
	client.CloseIdleConnections()
}

// A request that has begun is answered although the server is asked to stop.
func TestShutdownFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "--data", t.TempDir())
	c := p.dial()
	body := `{"name":"late"}`
	if _, err := fmt.Fprintf(c, "POST /workspaces/create HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
		p.token, len(body), body[:5]); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the request to be in flight", func() bool { // the server reads the headers before it is asked to stop
		status, _, err := p.call("/workspaces/list", "{}")
		return err == nil && status == http.StatusOK
	})
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the listener to close", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	if _, err := io.WriteString(c, body[5:]); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the request in flight: %v %v", res, err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the server ends with %v", err)
	}
	p.start()
	if !p.workspaces()["late"] {
		t.Error("what was answered is not there")
	}
}

func waitFor(t *testing.T, what string, good func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !good(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// A command beside a server is audited with the user of the operating system who ran it, also
// where the data folder's path is longer than a socket's may be.
func TestCommandsAreAudited(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	p := newProcess(t, "--data", dir)
	info, err := os.Stat(filepath.Join(dir, socketName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the control socket: %v %v", info.Mode(), err)
	}
	var made userOut
	p.command(&made, "user", "add", "--email", "anna@example.org", "--password-stdin")
	p.kill()
	db, err := store.Open(t.Context(), store.Options{Folder: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	var actor string
	if err := db.QueryRow(context.Background(), `SELECT actor FROM audit_entries WHERE action = 'user.created' AND subject_id = $1`,
		made.UserID).Scan(&actor); err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"kind":"command","os_user":"` + me.Username + `"}`; actor != want {
		t.Errorf("the actor is %s, not %s", actor, want)
	}
}

func TestMetricsAreGuarded(t *testing.T) {
	t.Setenv("KEYWAY_METRICS_TOKEN", "let me see")
	s, err := startServer(t.Context(), globals{data: t.TempDir()},
		serveOptions{listen: "127.0.0.1:0", metricsListen: "127.0.0.1:0", quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	for token, want := range map[string]int{"": http.StatusUnauthorized, "wrong": http.StatusUnauthorized, "let me see": http.StatusOK} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != want || want == http.StatusOK && !strings.Contains(string(text), "keyway_panics_total 0") {
			t.Errorf("metrics for %q: %s %v", token, res.Status, err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}
