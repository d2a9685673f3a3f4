// Package outbound is the one way to fetch from an address that a user gave (webhooks, logos): it
// never leads to this machine, its neighbours or its cloud, unless the operator says so.
//
// The address is checked twice: the URL when it is given, for an early answer, and each IP address
// right before a connection is made to it, which is what counts. A name that resolves to something
// else later, or a redirect, meets the second check.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Refused says why an address is not fetched from. Its text never contains the address.
type Refused struct{ Reason string }

func (r *Refused) Error() string { return r.Reason }

func refuse(format string, args ...any) error { return &Refused{fmt.Sprintf(format, args...)} }

// ErrTooLarge is returned when reading a body that is larger than it may be.
var ErrTooLarge = errors.New("the answer is larger than it may be")

// Allow is what the operator opened: host names with all their addresses, and networks.
type Allow struct {
	hosts    map[string]bool
	suffixes []string
	networks []netip.Prefix
}

// ParseAllow reads a list of host names (printer.lan, *.lan), addresses and networks (10.1.0.0/16).
func ParseAllow(list []string) (Allow, error) {
	a := Allow{hosts: map[string]bool{}}
	for _, text := range list {
		text = strings.ToLower(strings.TrimSpace(text))
		if p, err := netip.ParsePrefix(text); err == nil {
			if p.Addr().Is4In6() { // as the addresses it is compared with
				if p.Bits() < 96 {
					return a, fmt.Errorf("%q is wider than all of IPv4", text)
				}
				p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
			}
			a.networks = append(a.networks, p.Masked())
			continue
		}
		if ip, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
			ip = ip.Unmap()
			a.networks = append(a.networks, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		suffix, wild := strings.CutPrefix(text, "*.")
		switch {
		case text == "":
		case strings.ContainsAny(suffix, "*/:@ ") || suffix == "" || looksNumeric(suffix):
			return a, fmt.Errorf("%q is neither a host name like printer.lan or *.lan nor a network like 10.1.0.0/16", text)
		case wild:
			a.suffixes = append(a.suffixes, "."+suffix)
		default:
			a.hosts[suffix] = true
		}
	}
	return a, nil
}

func (a Allow) host(name string) bool {
	name = canonical(name)
	if a.hosts[name] {
		return true
	}
	for _, s := range a.suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

func (a Allow) address(ip netip.Addr) bool {
	ip = plain(ip)
	for _, p := range a.networks {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

func canonical(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// Guard decides which addresses may be fetched from.
type Guard struct {
	Allow Allow
	// Local lets sandbox workspaces reach loopback addresses: for servers that no one but this
	// machine reaches, where apps are developed.
	Local    bool
	Resolver *net.Resolver // nil: the system's
}

// Check reads a URL that a user gave. It returns *Refused for one that would never be fetched,
// whatever its name resolves to.
func (g *Guard) Check(text string, sandbox bool) (*url.URL, error) {
	if len(text) > 2048 {
		return nil, refuse("The address is longer than 2048 characters")
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return nil, refuse("Invalid url")
	}
	return u, g.checkURL(u, sandbox)
}

func (g *Guard) checkURL(u *url.URL, sandbox bool) error {
	host := u.Hostname()
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return refuse("Only addresses that begin with http:// or https:// are taken")
	case host == "":
		return refuse("Invalid url")
	case u.User != nil:
		return refuse("An address with a user name or password in it is not taken")
	}
	port := 443
	if u.Scheme == "http" {
		port = 80
	}
	if text := u.Port(); text != "" || strings.HasSuffix(u.Host, ":") {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return refuse("The address has no valid port")
		}
		port = int(n)
	}
	if g.Allow.host(host) {
		return nil
	}
	ip, err := netip.ParseAddr(host)
	if err == nil {
		return g.connect(ip, port, sandbox)
	}
	local := canonical(host) == "localhost" || strings.HasSuffix(canonical(host), ".localhost")
	switch {
	case looksNumeric(host):
		return refuse("The host is a number and not an address in its usual form")
	case local && !(g.Local && sandbox):
		return errClosed
	}
	return sane(port)
}

var errClosed = refuse("The address is not on the public internet; the operator of this server can allow it by name with --allow-outbound")

// sane keeps requests away from services that are not web servers.
func sane(port int) error {
	if port < 1024 && port != 80 && port != 443 {
		return refuse("Only ports 80, 443 and those from 1024 on are taken")
	}
	return nil
}

// connect decides about one IP address.
func (g *Guard) connect(ip netip.Addr, port int, sandbox bool) error {
	switch {
	case g.Allow.address(ip):
		return nil
	case g.Local && sandbox && plain(ip).IsLoopback():
	case !Public(ip):
		return errClosed
	}
	return sane(port)
}

// Options say what a client is for.
type Options struct {
	Sandbox   bool          // it works for sandbox workspaces
	Timeout   time.Duration // of a whole exchange
	MaxBody   int64         // bytes of an answer's body, after which reading fails with ErrTooLarge
	Redirects int           // how many are followed; with none the answer 3xx itself is given
	PerHost   int           // idle connections kept for one host
}

// Client makes a client that connects only where the guard allows it. It never uses a proxy: the
// address would be resolved there, where nothing can be checked.
func (g *Guard) Client(o Options) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Resolver: g.Resolver,
		ControlContext: func(ctx context.Context, _, address string, _ syscall.RawConn) error {
			if host, _ := ctx.Value(hostKey{}).(string); g.Allow.host(host) {
				return nil
			}
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return errClosed
			}
			return g.connect(to.Addr(), int(to.Port()), o.Sandbox)
		}}
	return &http.Client{
		Timeout: o.Timeout,
		Transport: &bounded{max: o.MaxBody, next: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				host, _, err := net.SplitHostPort(address)
				if err != nil {
					return nil, err
				}
				return dialer.DialContext(context.WithValue(ctx, hostKey{}, host), network, address)
			},
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // a small answer must not become a large one
			TLSHandshakeTimeout:    10 * time.Second,
			IdleConnTimeout:        time.Minute,
			MaxIdleConns:           256,
			MaxIdleConnsPerHost:    o.PerHost,
			MaxResponseHeaderBytes: 64 << 10,
		}},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			switch {
			case o.Redirects == 0:
				return http.ErrUseLastResponse
			case len(via) > o.Redirects:
				return refuse("Too many redirects")
			case via[0].URL.Scheme == "https" && r.URL.Scheme != "https":
				return refuse("A redirect leads from https to http")
			}
			return g.checkURL(r.URL, o.Sandbox)
		},
	}
}

type hostKey struct{}

// bounded bounds the bodies of answers.
type bounded struct {
	next http.RoundTripper
	max  int64
}

func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		// It was not asked for, and neither a timeout nor a context ends reading such a body.
		_ = res.Body.Close()
		res.Body = http.NoBody
	}
	res.Body = &boundedBody{res.Body, b.max}
	return res, nil
}

func (b *bounded) CloseIdleConnections() {
	if c, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// mostExplained bounds the words of an Explain: certificates name as many hosts as they like.
const mostExplained = 300

// Explain is what a person should read of a failed exchange, without the address, which may contain
// secrets in its path or query, and without what was answered, which may repeat these and more.
func Explain(err error) string {
	var refused *Refused
	var dns *net.DNSError
	var u *url.Error
	switch {
	case errors.As(err, &refused):
		return refused.Reason
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &u) && u.Timeout():
		return "No answer in time"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "The host name does not exist"
	case errors.As(err, &dns):
		return "The host name could not be looked up"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "The connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "The connection was closed before an answer came"
	case errors.As(err, &u):
		err = u.Err
	}
	// What was answered is quoted in errors about it.
	text, _, _ := strings.Cut(err.Error(), `"`)
	return strings.ToValidUTF8(strings.TrimRight(text[:min(len(text), mostExplained)], ": "), "")
}
