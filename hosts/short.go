package hosts

import (
	"net/netip"
	"strconv"
	"strings"
)

// ParseShort reads an IPv4 address in one of the forms of inet_aton(3): one to four numbers, each decimal,
// octal (0...) or hexadecimal (0x...), of which the last fills the bytes that are left, so that 127.1 is 127.0.0.1.
// Resolvers take a name of this form for the address.
func ParseShort(text string) (netip.Addr, bool) {
	parts := strings.Split(text, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var value uint64
	for i, p := range parts {
		n, ok := parseNumber(p)
		width := 8 // bits
		if i == len(parts)-1 {
			width = 8 * (5 - len(parts))
		}
		if !ok || n >= 1<<width {
			return netip.Addr{}, false
		}
		value = value<<width | n
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
}

// parseNumber reads a number as strtoul does with base 0, but for signs and blanks.
func parseNumber(s string) (uint64, bool) {
	base := 10
	switch {
	case strings.HasPrefix(s, "0x"), strings.HasPrefix(s, "0X"):
		s, base = s[2:], 16
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	// ParseUint takes a sign as little as an empty string, and underscores only with base 0.
	n, err := strconv.ParseUint(s, base, 64)
	return n, err == nil
}
