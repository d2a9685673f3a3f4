package main

import (
	"errors"
	"net"
	"strings"
	"testing"
)

// Links are made of the public URL and names are compared with it, so it has one form, and what cannot be part
// of a link is refused at the start.
func TestPublicURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://localhost:8420": "http://localhost:8420", "http://127.0.0.1:1": "http://127.0.0.1:1", "http://[::1]:1": "http://[::1]:1",
		"https://keyway.example.org": "https://keyway.example.org", "https://keyway.example.org/": "https://keyway.example.org",
		"https://Keyway.Example.org:443": "https://keyway.example.org", "HTTPS://keyway.example.org:8443": "https://keyway.example.org:8443",
		"http://localhost:80": "http://localhost", "http://localhost:443": "http://localhost:443",
		"https://[2001:DB8::1]:443":    "https://[2001:db8::1]",
		" https://keyway.example.org ": "https://keyway.example.org", "https://keyway.example.org:": "https://keyway.example.org",
		"ftp://localhost": "", "https://keyway.example.org/path": "", "keyway": "", "keyway.example.org:443": "", "https://": "", "": "",
		"https://keyway.example.org?": "", "https://keyway.example.org?a=b": "", "https://keyway.example.org#": "",
		"https://keyway.example.org/#a":   "",
		"https://user@keyway.example.org": "", "https://user:secretword@keyway.example.org": "", "https://keyway.example.org:99999": "",
		"https://keyway.example.org:0": "",
		"https://bücher.example":       "", "https://a b.example": "", "https://user:secretword@a b": "",
	} {
		got, err := cleanPublicURL(text)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q %v, not %q", text, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secretword") {
			t.Errorf("%q: a password is repeated: %v", text, err)
		}
	}
}

func TestPlainHTTPIsRefusedElsewhere(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"http://localhost:8420": true, "http://127.0.0.1:1": true, "http://[::1]:1": true, "https://keyway.example.org": true,
		"http://keyway.example.org": false, "http://192.168.1.5:8420": false,
	} {
		o := serveOptions{publicURL: url}
		if err := o.refusePlainHTTP(); (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, listen := range []string{"0.0.0.0:8420", ":8420", "192.168.1.5:8420", "[::]:8420"} {
		o := serveOptions{publicURL: "http://localhost:8420", listen: listen}
		if err := o.refusePlainHTTP(); err == nil {
			t.Errorf("plain http on %s is not refused", listen)
		}
		o.publicURL = "https://keyway.example.org" // a proxy in front
		if err := o.refusePlainHTTP(); err != nil {
			t.Error(err)
		}
	}
	o := serveOptions{publicURL: "http://keyway.example.org", insecureHTTP: true}
	if err := o.refusePlainHTTP(); err != nil {
		t.Error(err)
	}
}

// Plain http that other machines can reach is said, also where an https proxy makes it allowed.
func TestPlainHTTPIsReported(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    serveOptions
		tls  bool
		want bool
	}{
		{serveOptions{listen: "0.0.0.0:1", publicURL: "https://keyway.example.org"}, false, true},
		{serveOptions{listen: ":1", publicURL: "https://keyway.example.org"}, false, true},
		{serveOptions{listen: "0.0.0.0:1", publicURL: "https://keyway.example.org"}, true, false},
		{serveOptions{listen: "0.0.0.0:1", publicURL: "https://keyway.example.org", insecureHTTP: true}, false, false},
		{serveOptions{listen: "localhost:1", publicURL: "https://keyway.example.org"}, false, false},
	} {
		var text strings.Builder
		c.o.warn(newTestLog(&text), c.tls)
		if got := strings.Contains(text.String(), "plain http"); got != c.want {
			t.Errorf("%+v: %q", c.o, text.String())
		}
	}
}

// A wrong flag is reported as such also where the port is taken, and nothing is made before: flags, then files,
// then ports.
func TestFlagsAreCheckedFirst(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	good := serveOptions{listen: taken.Addr().String()}
	for name, change := range map[string]func(*serveOptions, *globals){
		"--public-url":         func(o *serveOptions, _ *globals) { o.publicURL = "https://x/path" },
		"plain http":           func(o *serveOptions, _ *globals) { o.publicURL = "http://keyway.example.org" },
		"--trusted-proxy":      func(o *serveOptions, _ *globals) { o.trustedProxies = []string{"x"} },
		"--allow-outbound":     func(o *serveOptions, _ *globals) { o.outbound.allow = []string{"a/b/c"} },
		"--event-retention":    func(o *serveOptions, _ *globals) { o.outbound.retention = "x" },
		"--smtp-url":           func(o *serveOptions, _ *globals) { o.mail.url = "x" },
		"--oidc-issuer":        func(o *serveOptions, _ *globals) { o.openID.issuer = "x" },
		"--tokens-per-person":  func(_ *serveOptions, g *globals) { g.tokens = "x" },
		"--metrics-listen":     func(o *serveOptions, _ *globals) { o.metricsListen = "x" },
		"--lock-read-interval": func(o *serveOptions, _ *globals) { o.reading = "x" },
		"--tls-key":            func(o *serveOptions, _ *globals) { o.tlsCert = "x" },
	} {
		o, g := good, globals{data: t.TempDir() + "/none"}
		change(&o, &g)
		_, err := startServer(t.Context(), g, o)
		var usage *usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if exists(g.data) {
			t.Errorf("%s: data was made", name)
		}
	}
	o := good
	o.tlsCert, o.tlsKey = "missing.pem", "missing.pem"
	if _, err := startServer(t.Context(), globals{data: t.TempDir()}, o); err == nil || !strings.Contains(err.Error(), "missing.pem") {
		t.Errorf("a missing file and a taken port: %v", err)
	}
	if _, err := startServer(t.Context(), globals{data: t.TempDir()}, good); err == nil || !strings.Contains(err.Error(), "taken") {
		t.Errorf("a taken port: %v", err)
	}
}
