package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// An address that a proxy passes on decides which token is accepted and whose guesses are counted. So every
// form that proxies write is read, and what cannot be read is never taken for the proxy itself.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	near, err := parseProxies([]string{"10.0.0.0/8", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, remote string
		forwarded    []string
		proxies      proxies
		want         string
	}{
		{"direct", "203.0.113.9:1", nil, near, "203.0.113.9"},
		{"a stranger's header is not believed", "203.0.113.9:1", []string{"198.51.100.1"}, near, "203.0.113.9"},
		{"without trusted proxies none is", "10.0.0.1:1", []string{"198.51.100.1"}, nil, "10.0.0.1"},
		{"a proxy's is", "10.0.0.1:1", []string{"198.51.100.1"}, near, "198.51.100.1"},
		{"a proxy that sends none", "10.0.0.1:1", nil, near, "10.0.0.1"},
		{"what the client put before is not", "10.0.0.1:1", []string{"192.0.2.7, 198.51.100.1"}, near, "198.51.100.1"},
		{"two proxies", "[::1]:1", []string{"192.0.2.7", "198.51.100.1, 10.2.3.4"}, near, "198.51.100.1"},
		{"only proxies", "[::1]:1", []string{"10.9.9.9, 10.2.3.4"}, near, "10.9.9.9"},
		{"IPv4 in IPv6", "[::ffff:203.0.113.9]:1", nil, near, "203.0.113.9"},
		{"IPv4 in IPv6 of a proxy", "[::ffff:10.0.0.1]:1", []string{"::ffff:198.51.100.1"}, near, "198.51.100.1"},
		{"with a port", "10.0.0.1:1", []string{"198.51.100.1:555"}, near, "198.51.100.1"},
		{"IPv6", "10.0.0.1:1", []string{"2001:db8::1"}, near, "2001:db8::1"},
		{"IPv6 in brackets with a port", "10.0.0.1:1", []string{"[2001:db8::1]:443"}, near, "2001:db8::1"},
		{"IPv6 in brackets", "10.0.0.1:1", []string{"[2001:db8::1]"}, near, "2001:db8::1"},
		{"in quotes", "10.0.0.1:1", []string{`"[2001:db8::1]:443"`}, near, "2001:db8::1"},
		{"a proxy with a port", "[::1]:1", []string{"198.51.100.1:5, 10.2.3.4:9"}, near, "198.51.100.1"},
		{"with a zone", "10.0.0.1:1", []string{"fe80::1%eth0"}, near, "fe80::1"},
		{"trailing comma", "10.0.0.1:1", []string{"198.51.100.1,"}, near, "198.51.100.1"},
		{"empty elements", "10.0.0.1:1", []string{"198.51.100.1, ,", ""}, near, "198.51.100.1"},
		{"unknown", "10.0.0.1:1", []string{"unknown"}, near, "unknown"},
		{"behind what cannot be read nothing is believed", "10.0.0.1:1", []string{"198.51.100.1, unknown"}, near, "unknown"},
		{"before it there is an answer", "10.0.0.1:1", []string{"unknown, 198.51.100.1"}, near, "198.51.100.1"},
		{"a name", "10.0.0.1:1", []string{"client.example.com:80"}, near, "unknown"},
		{"half brackets", "10.0.0.1:1", []string{"[2001:db8::1"}, near, "unknown"},
		{"IPv4 in brackets", "10.0.0.1:1", []string{"[198.51.100.1]"}, near, "unknown"},
		{"a port out of range", "10.0.0.1:1", []string{"198.51.100.1:99999"}, near, "unknown"},
		{"a proxy without a network address", "@", []string{"198.51.100.1"}, near, "unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = c.remote
			r.Header["X-Forwarded-For"] = c.forwarded
			if got := c.proxies.client(r); got != c.want {
				t.Errorf("%s, not %s", got, c.want)
			}
		})
	}
}

// A network is one network however it is written, so that a flag that was accepted also works.
func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ flag, peer string }{
		{"127.0.0.1", "127.0.0.1:1"}, {"::ffff:127.0.0.1", "127.0.0.1:1"}, {"127.0.0.1", "[::ffff:127.0.0.1]:1"},
		{"::ffff:127.0.0.0/104", "127.9.9.9:1"},
		{"fe80::/10", "[fe80::1%eth0]:1"}, {"10.1.2.3/8", "10.200.0.1:1"}, {" ::1 ", "[::1]:1"},
	} {
		p, err := parseProxies([]string{c.flag})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		r.Header.Set("X-Forwarded-For", "198.51.100.1")
		if got := p.client(r); got != "198.51.100.1" {
			t.Errorf("--trusted-proxy %q does not match %s: %s", c.flag, c.peer, got)
		}
	}
	for _, text := range []string{"", "nonsense", "10.0.0.0/33", "::ffff:0.0.0.0/90", "10.0.0.1:80"} {
		if _, err := parseProxies([]string{text}); err == nil {
			t.Errorf("--trusted-proxy %q is accepted", text)
		}
	}
}

// The name that the client asked for arrives in X-Forwarded-Host where the proxy sets a Host of its own; from
// anyone else it says nothing, because the Console judges by it.
func TestForwardedHost(t *testing.T) {
	t.Parallel()
	near, err := parseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"10.0.0.1:1", nil, "inside:8420"},
		{"10.0.0.1:1", []string{""}, "inside:8420"},
		{"10.0.0.1:1", []string{"keyway.example.com"}, "keyway.example.com"},
		{"10.0.0.1:1", []string{"forged.example.com, keyway.example.com"}, "keyway.example.com"},
		{"10.0.0.1:1", []string{"forged.example.com", "keyway.example.com"}, "keyway.example.com"},
		{"203.0.113.9:1", []string{"keyway.example.com"}, "inside:8420"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host, r.RemoteAddr, r.Header["X-Forwarded-Host"] = "inside:8420", c.remote, c.forwarded
		got := ""
		near.restoreHost(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Host })).ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s %q: %s, not %s", c.remote, c.forwarded, got, c.want)
		}
	}
}
