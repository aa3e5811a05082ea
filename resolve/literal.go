package resolve

import (
	"net/netip"
	"strings"

	"github.com/netdiag/netdiag/hosts"
)

// literal reads an address that stands in the place of a name, as getaddrinfo(3) does: an IPv4 address in any
// form of inet_aton(3), so that 127.1 is 127.0.0.1, and an IPv6 address, with a zone or without one.
func literal(name string) (netip.Addr, bool) {
	if addr, ok := hosts.ParseShort(name); ok {
		return addr, true
	}
	addr, err := netip.ParseAddr(name)
	return addr, err == nil && addr.Is6()
}

// impossible says why name can be no domain name, and nothing if it can be one (RFC 1035 section 2.3.4).
func impossible(name string) string {
	const mostName, mostLabel = 253, 63
	bare := strings.TrimSuffix(name, ".")
	switch {
	case bare == "":
		return "an empty name"
	case len(bare) > mostName:
		return "longer than the 253 characters that a name may have"
	}
	labels := strings.Split(bare, ".")
	for _, label := range labels {
		switch {
		case label == "":
			return "a name with two dots in a row, or one at its beginning"
		case len(label) > mostLabel:
			return "a name with a label longer than 63 characters"
		}
	}
	last := labels[len(labels)-1]
	if strings.Trim(last, "0123456789") == "" && len(labels) == 4 {
		return "neither an address nor a name: no top-level domain is a number"
	}
	return ""
}
