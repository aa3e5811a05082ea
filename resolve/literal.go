package resolve

import (
	"net/netip"
	"strconv"
	"strings"
)

// literal reads an address that stands in the place of a name, as getaddrinfo(3) does: an IPv4 address in any
// form of inet_aton(3), so that 127.1 is 127.0.0.1, and an IPv6 address, with a zone or without one.
func literal(name string) (netip.Addr, bool) {
	if addr, ok := inetAton(name); ok {
		return addr, true
	}
	addr, err := netip.ParseAddr(name)
	return addr, err == nil && addr.Is6()
}

// inetAton reads an IPv4 address of one to four numbers, each decimal, octal with a leading 0 or hexadecimal with
// 0x; the last fills what is left of the 32 bits.
func inetAton(s string) (netip.Addr, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var value uint64
	for i, part := range parts {
		n, ok := cNumber(part)
		left := 8
		if i == len(parts)-1 {
			left = 8 * (5 - len(parts))
		}
		if !ok || n >= 1<<left {
			return netip.Addr{}, false
		}
		value = value<<left | n
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
}

// cNumber reads a number as C's source has it, without a sign.
func cNumber(s string) (uint64, bool) {
	base := 10
	if len(s) > 1 && s[0] == '0' {
		base, s = 8, s[1:]
		if s[0] == 'x' || s[0] == 'X' {
			base, s = 16, s[1:]
		}
	}
	if strings.ContainsAny(s, "+-_") {
		return 0, false
	}
	n, err := strconv.ParseUint(s, base, 32)
	return n, err == nil
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
