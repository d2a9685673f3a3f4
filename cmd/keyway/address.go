package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// cleanPublicURL reads --public-url and gives it in the one form in which addresses are made of it and compared
// with it: in lower case, without a default port and a slash at the end.
func cleanPublicURL(text string) (string, error) {
	bad := func(why string) (string, error) {
		return "", badUsage("--public-url %q %s; give an address like https://keyway.example.com", text, why)
	}
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil:
		return "", badUsage("--public-url is not an address like https://keyway.example.com") // it may contain a password
	case u.User != nil:
		return "", badUsage("--public-url holds a user name or password, which would be in every link: leave it out")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return bad("is not an http or https address")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return bad("has a query or fragment")
	case strings.Trim(u.Path, "/") != "":
		return bad("has a path, and Keyway needs a host name of its own")
	case strings.IndexFunc(u.Hostname(), func(r rune) bool { return r > 127 || r <= ' ' }) >= 0:
		return bad("has a host name that browsers send in another form (xn--…)")
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if n, err := strconv.Atoi(port); port != "" && (err != nil || n < 1 || n > 65535) {
		return bad("has a port that does not exist")
	}
	if port == "" || port == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return u.Scheme + "://" + host, nil
	}
	return u.Scheme + "://" + net.JoinHostPort(host, port), nil
}

// refusePlainHTTP refuses to give tokens to people over plain http, unless that is asked for.
func (o *serveOptions) refusePlainHTTP() error {
	// A public URL of loopback does not help if other machines reach the listener all the same.
	host, _, err := net.SplitHostPort(o.listen)
	elsewhere := !hasLoopbackHost(o.publicURL) || err == nil && !isLoopback(host)
	if strings.HasPrefix(o.publicURL, "http:") && elsewhere && !o.insecureHTTP {
		return badUsage("people on other machines would reach this server over plain http, where anyone in between can read tokens: " +
			"give --tls-cert and --tls-key, or put an https proxy in front and name it with --public-url, or insist with --insecure-http")
	}
	return nil
}

func hasLoopbackHost(address string) bool {
	u, err := url.Parse(address)
	return err == nil && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// defaultPublicURL is where the server is reached if nothing else is said; port is "0" until one is chosen.
func (o *serveOptions) defaultPublicURL(port string) string {
	scheme := "http"
	if o.tlsCert != "" {
		scheme = "https"
	}
	host, _, _ := net.SplitHostPort(o.listen)
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "localhost"
		if o.insecureHTTP || o.tlsCert != "" {
			if name, err := os.Hostname(); err == nil {
				host = name
			}
		}
	}
	address, err := cleanPublicURL(scheme + "://" + net.JoinHostPort(host, port))
	if err != nil { // port 0, or a zone that no link can contain
		return scheme + "://" + net.JoinHostPort(host, port)
	}
	return address
}

// parseListen reads an address to listen on; localhost means 127.0.0.1 and, where there is IPv6, [::1]. The
// port is given as a number.
func parseListen(ctx context.Context, flag, address string) (hosts []string, port string, err error) {
	host, port, err := net.SplitHostPort(address)
	var n int
	if err == nil {
		n, err = net.DefaultResolver.LookupPort(ctx, "tcp", port)
	}
	if err != nil {
		return nil, "", badUsage("%s %q is not an address like localhost:8420", flag, address)
	}
	if host == "localhost" {
		return []string{"127.0.0.1", "::1"}, strconv.Itoa(n), nil
	}
	return []string{host}, strconv.Itoa(n), nil
}

// ports are the open listeners of a server.
type ports struct {
	main    []net.Listener
	metrics net.Listener // nil: none of its own
}

// listen takes the ports.
func (p plan) listen(ctx context.Context) (*ports, error) {
	main, err := listenOn(ctx, p.hosts, p.port)
	// A port that was free in one family may be taken in the other: another one will do.
	for range 5 {
		if p.port != "0" || err == nil {
			break
		}
		main, err = listenOn(ctx, p.hosts, p.port)
	}
	if err != nil {
		return nil, err
	}
	out := &ports{main: main}
	if p.metricsPort != "" {
		if out.metrics, err = new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(p.metricsHost, p.metricsPort)); err != nil {
			return nil, errors.Join(fmt.Errorf("--metrics-listen: %w", err), out.close())
		}
	}
	return out, nil
}

func (p *ports) close() error {
	var err error
	for _, l := range p.main {
		err = errors.Join(err, l.Close())
	}
	if p.metrics != nil {
		err = errors.Join(err, p.metrics.Close())
	}
	return err
}

// number is the main port.
func (p *ports) number() string {
	_, port, _ := net.SplitHostPort(p.main[0].Addr().String())
	return port
}

// loopback reports whether only this machine reaches the main port.
func (p *ports) loopback() bool {
	for _, l := range p.main {
		if a, err := netip.ParseAddrPort(l.Addr().String()); err != nil || !a.Addr().IsLoopback() {
			return false
		}
	}
	return true
}

func listenOn(ctx context.Context, hosts []string, port string) ([]net.Listener, error) {
	var out []net.Listener
	for _, h := range hosts {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(h, port))
		switch {
		case err == nil:
			out = append(out, l)
			_, port, _ = net.SplitHostPort(l.Addr().String()) // port 0: the same for both families
		case h == "::1" && !errors.Is(err, syscall.EADDRINUSE):
			// This machine has no IPv6 loopback.
		default:
			for _, l := range out {
				err = errors.Join(err, l.Close())
			}
			if errors.Is(err, syscall.EADDRINUSE) {
				return nil, fmt.Errorf("port %s is taken at %s: another program listens there; choose another with --listen", port, h)
			}
			return nil, fmt.Errorf("cannot listen: %w", err)
		}
	}
	return out, nil
}
