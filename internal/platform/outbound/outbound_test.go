package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
		"172.31.255.255", "192.0.0.192", "192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
		"2002:7f00:1::", "2002:a9fe:a9fe::1", "2001::1", "2001:db8::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1",
		"ff02::1", "100::1", "5f00::1",
	} {
		if Public(netip.MustParseAddr(text)) {
			t.Errorf("%s counts as public", text)
		}
	}
	for _, text := range []string{"1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1",
		"64:ff9b::101:101", "::ffff:1.1.1.1"} {
		if !Public(netip.MustParseAddr(text)) {
			t.Errorf("%s does not count as public", text)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	allow, err := ParseAllow([]string{"printer.lan", "*.home.arpa", "::ffff:10.9.0.0/112", "fd12::/16"})
	if err != nil {
		t.Fatal(err)
	}
	g := &Guard{Allow: allow, Local: true}
	for _, c := range []struct {
		url     string
		sandbox bool
		good    bool
	}{
		{"https://example.com/hook?x=1", false, true},
		{"http://example.com:8080/", false, true},
		{"https://93.184.216.34/", false, true},
		{"https://[2606:4700::1111]/", false, true},
		{"http://127.0.0.1:9000/", true, true},
		{"http://[::1]:9000/", true, true},
		{"http://localhost:9000/", true, true},
		{"http://app.localhost:9000/", true, true},
		{"http://127.0.0.1:22/", true, false},
		{"http://127.0.0.1:9000/", false, false},
		{"http://localhost:9000/", false, false},
		{"http://LOCALHOST./", false, false},
		{"http://printer.lan:631/", false, true},
		{"http://Printer.LAN./", false, true},
		{"http://a.b.home.arpa/", false, true},
		{"http://10.9.8.7:22/", false, true},
		{"http://[::ffff:10.9.8.7]/", false, true},
		{"http://10.8.8.7/", true, false},
		{"http://[fd12::1]/", false, true},
		{"http://169.254.169.254/latest/meta-data", true, false},
		{"http://2130706433/", true, false},
		{"http://0x7f000001/", true, false},
		{"http://0x7f.1/", true, false},
		{"http://0177.0.0.1/", true, false},
		{"http://127.1/", true, false},
		{"http://[::ffff:7f00:1]/", false, false},
		{"http://[::127.0.0.1]/", true, false},
		{"http://[64:ff9b::a9fe:a9fe]/", true, false},
		{"http://[fe80::1%25eth0]/", true, false},
		{"http://0/", true, false},
		{"http://0.0.0.0:8420/", true, false},
		{"ftp://example.com/", true, false},
		{"file:///etc/passwd", true, false},
		{"javascript:alert(1)", true, false},
		{"gopher://example.com/", true, false},
		{"https://user:pass@example.com/", true, false},
		{"https://example.com:25/", true, false},
		{"https://example.com:0/", true, false},
		{"https://example.com:70000/", true, false},
		{"https:///path", true, false},
		{"not a url", true, false},
		{"https://example.com/" + strings.Repeat("a", 3000), true, false},
	} {
		_, err := g.Check(c.url, c.sandbox)
		var refused *Refused
		if (err == nil) != c.good || err != nil && !errors.As(err, &refused) {
			t.Errorf("%s (sandbox %v): %v", c.url, c.sandbox, err)
		}
	}
	g.Local = false
	if _, err := g.Check("http://localhost:9000/", true); err == nil {
		t.Error("a server that others reach lets a sandbox workspace call its own machine")
	}
	for _, bad := range []string{"10.0.0.0/33", "a b", "http://x", "*", "*.*", "0x7f.1", "::ffff:0.0.0.0/90"} {
		if _, err := ParseAllow([]string{bad}); err == nil {
			t.Errorf("allowed %q", bad)
		}
	}
}

// resolver answers every question for a name's address with what next gives.
func resolver(t *testing.T, next func() [4]byte) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			// Header, the question alone, and for an A question one answer that points to its name.
			end := 12 + bytes.IndexByte(buf[12:n], 0) + 5
			out := append([]byte{}, buf[:end]...)
			copy(out[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
			if out[end-3] == 1 {
				ip := next()
				out[7] = 1
				out = append(append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), ip[:]...)
			}
			server.WriteTo(out, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// A name that is public when it is checked and local when it is used.
func TestRebinding(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer inside.Close()
	_, port, _ := net.SplitHostPort(inside.Listener.Addr().String())
	var asked atomic.Int32
	r := resolver(t, func() [4]byte {
		if asked.Add(1) == 1 {
			return [4]byte{93, 184, 216, 34}
		}
		return [4]byte{127, 0, 0, 1}
	})
	g := &Guard{Local: true, Resolver: r}
	if _, err := r.LookupHost(t.Context(), "rebind.example.com"); err != nil {
		t.Fatal(err)
	}
	address := "http://rebind.example.com:" + port
	if _, err := g.Check(address, false); err != nil {
		t.Fatal(err)
	}
	_, err := get(t, g.Client(Options{Timeout: 5 * time.Second, MaxBody: 10}), address)
	var refused *Refused
	if !errors.As(err, &refused) || hits.Load() != 0 {
		t.Errorf("%v, %d requests arrived", err, hits.Load())
	}
	if strings.Contains(Explain(err), "rebind") {
		t.Errorf("the reason tells the address: %s", Explain(err))
	}
	// The same name is good where the operator allows it, or loopback is open to sandboxes.
	g.Allow, _ = ParseAllow([]string{"rebind.example.com"})
	if _, err := get(t, g.Client(Options{Timeout: 5 * time.Second, MaxBody: 10}), address); err != nil {
		t.Error(err)
	}
	g.Allow = Allow{}
	if _, err := get(t, g.Client(Options{Timeout: 5 * time.Second, MaxBody: 10, Sandbox: true}), address); err != nil {
		t.Error(err)
	}
}

func get(t *testing.T, c *http.Client, address string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return fmt.Sprint(res.StatusCode, " ", string(body)), err
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	var target string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/out":
			http.Redirect(w, r, target, http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			io.WriteString(w, "here")
		}
	}))
	defer s.Close()
	g := &Guard{Local: true}
	one := g.Client(Options{Sandbox: true, Timeout: 5 * time.Second, MaxBody: 100, Redirects: 2})
	for _, c := range []struct {
		target string
		good   bool
	}{{"/", true}, {"http://169.254.169.254/latest/", false}, {"http://10.0.0.1/", false}, {"ftp://example.com/", false},
		{"http://[fd00:ec2::254]/", false}} {
		target = c.target
		got, err := get(t, one, s.URL+"/out")
		if (err == nil && got == "200 here") != c.good {
			t.Errorf("redirected to %s: %q, %v", c.target, got, err)
		}
	}
	if _, err := get(t, one, s.URL+"/loop"); err == nil {
		t.Error("a loop was followed")
	}
	target = "/"
	none := g.Client(Options{Sandbox: true, Timeout: 5 * time.Second, MaxBody: 100})
	if got, err := get(t, none, s.URL+"/out"); err != nil || !strings.HasPrefix(got, "302") {
		t.Errorf("a client that follows nothing got %q, %v", got, err)
	}
}

func TestBounds(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(time.Second)
		}
		io.WriteString(w, strings.Repeat("x", 1000))
	}))
	defer s.Close()
	g := &Guard{Local: true}
	c := g.Client(Options{Sandbox: true, Timeout: 300 * time.Millisecond, MaxBody: 10})
	if _, err := get(t, c, s.URL); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a large body: %v", err)
	}
	if _, err := get(t, c, s.URL+"/slow"); err == nil || Explain(err) != "No answer in time" {
		t.Errorf("a slow answer: %v", err)
	}
}

// What is not HTTP, or not what was asked for, neither delays anyone nor is repeated.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	var answer string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, strings.ReplaceAll(answer, "URI", r.RequestURI))
	}))
	defer s.Close()
	g := &Guard{Local: true}
	c := g.Client(Options{Sandbox: true, Timeout: time.Minute, MaxBody: 100})
	answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\nread for ever"
	if got, err := get(t, c, s.URL); err != nil || got != "101 " {
		t.Errorf("another protocol: %q, %v", got, err)
	}
	for _, answer = range []string{"URI", "HTTP/1.1 URI", "HTTP/1.1 200 OK\r\nURI\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: http://[URI\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: URI\r\n\r\n", strings.Repeat("long", 5000)} {
		_, err := get(t, c, s.URL+"/?token=hidden")
		if err == nil {
			t.Errorf("%.60q was taken for an answer", answer)
		} else if text := Explain(err); text == "" || len(text) > mostExplained || strings.Contains(text, "hidden") ||
			strings.Contains(text, "long") {
			t.Errorf("%.60q is explained as %.200q", answer, text)
		}
	}
}
