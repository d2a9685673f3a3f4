package main

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"keyway/internal/trust/credential"
)

// proxies are the networks of the proxies whose X-Forwarded-For and X-Forwarded-Host are believed.
type proxies []netip.Prefix

// unknownAddress stands for a client whose address a trusted proxy gave in a form that cannot be read. It
// is in no network, so no token limited to networks works from it, and guesses are counted apart from those
// that come from the proxy itself.
const unknownAddress = "unknown"

// parseProxies reads networks and addresses. It returns a usage error naming the one that is neither.
func parseProxies(texts []string) (out proxies, err error) {
	for _, text := range texts {
		text = strings.TrimSpace(text)
		p, err := credential.ParseCIDR(text)
		written, _ := netip.ParsePrefix(text)
		if err != nil || written.Addr().Is4In6() && written.Bits() < 96 { // too wide to be a network of IPv4
			return nil, badUsage("--trusted-proxy %q is not a network like 10.0.0.0/8", text)
		}
		out = append(out, p)
	}
	return out, nil
}

func (p proxies) trust(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(a) })
}

// peer is the address at the other end of the connection, in the form in which addresses are compared.
func peer(r *http.Request) (netip.Addr, bool) {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return plain(from.Addr()), err == nil
}

func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// client is the address a request came from. X-Forwarded-For counts only as far as trusted proxies wrote
// it: from the right, the first address that is not one of theirs.
func (p proxies) client(r *http.Request) string {
	address, ok := peer(r)
	if !ok {
		return unknownAddress
	}
	if !p.trust(address) {
		return address.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if hop = strings.TrimSpace(hop); hop == "" {
			continue // an empty element of a list means nothing (RFC 9110, 5.6.1)
		}
		if address, ok = parseHop(hop); !ok {
			return unknownAddress
		}
		if !p.trust(address) {
			break
		}
	}
	return address.String()
}

// parseHop reads one element of X-Forwarded-For: an address, which some proxies write with a port, in
// brackets or in quotes.
func parseHop(text string) (netip.Addr, bool) {
	if n := len(text); n > 1 && text[0] == '"' && text[n-1] == '"' {
		text = text[1 : n-1]
	}
	if a, err := netip.ParseAddrPort(text); err == nil {
		return plain(a.Addr()), true
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if text, ok = strings.CutSuffix(inner, "]"); !ok || !strings.Contains(text, ":") {
			return netip.Addr{}, false
		}
	}
	a, err := netip.ParseAddr(text)
	return plain(a), err == nil
}

// restoreHost gives requests from trusted proxies the name that the client asked for, which proxies that
// set a Host of their own pass on in X-Forwarded-Host. Of several the last counts: the trusted proxy wrote it.
func (p proxies) restoreHost(next http.Handler) http.Handler {
	if len(p) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if values := r.Header.Values("X-Forwarded-Host"); len(values) > 0 {
			if from, ok := peer(r); ok && p.trust(from) {
				last := values[len(values)-1]
				if name := strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]); name != "" {
					r = r.Clone(r.Context())
					r.Host = name
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}
