package outbound

import (
	"net/netip"
	"strconv"
	"strings"
)

// closed are the networks that no stranger's address may lead into: of this machine, of its
// neighbours, of its cloud, and what is no address of one machine.
var closed = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32",           // a cloud's metadata in the middle of public addresses
	"2001::/23", "2001:db8::/32", // IETF protocols with Teredo, documentation
	"2002::/16",         // 6to4: IPv4 in disguise
	"3fff::/20",         // documentation
	"2620:4f:8000::/48", // anycast sinks of reverse DNS
)

// global is where public IPv6 addresses come from; everything outside it is closed.
var global = netip.MustParsePrefix("2000::/3")

// nat64 contains IPv4 addresses in their last four bytes, as networks without IPv4 reach them.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, p := range list {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}

// plain unwraps an address: IPv4 inside IPv6.
func plain(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	return a
}

// Public reports whether an address belongs to a machine on the public internet.
func Public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = plain(a)
	if a.Is6() && !global.Contains(a) {
		return false
	}
	for _, p := range closed {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// looksNumeric reports whether a host is a number to some resolvers (2130706433, 0x7f.1, 0177.0.0.1)
// without being an address in its one proper form.
func looksNumeric(host string) bool {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := strings.ToLower(labels[len(labels)-1])
	if last == "" {
		return false
	}
	if _, err := strconv.ParseUint(last, 10, 64); err == nil || strings.Trim(last, "0123456789") == "" {
		return true
	}
	return strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == ""
}
