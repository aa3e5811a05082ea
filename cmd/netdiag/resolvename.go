package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/netdiag/netdiag/resolve"
)

// parseQueryName reads an address, or a name as DNS can have it: in presentation format (RFC 1035 section 5.1), so
// with underscores, asterisks and escapes. The host that it returns is absolute; that of an address is the name
// under which DNS has the address's names.
func parseQueryName(s string) (resolveName, error) {
	text := s
	if inner, ok := unbracket(s); ok {
		text = inner
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.WithZone("").Unmap()
		return resolveName{text: s, host: resolve.ReverseName(addr), addr: addr}, nil
	}
	plain, err := resolve.ToASCII(s) // other scripts have digits and dots of their own
	if err != nil {
		plain = s
	}
	switch {
	case strings.Contains(s, ":"):
		return resolveName{}, notAHost(s)
	case plain != "" && strings.Trim(plain, "0123456789.") == "" && strings.Trim(plain, ".") != "":
		addr, err := parseIPv4(plain)
		if err != nil {
			return resolveName{}, err
		}
		return resolveName{text: s, host: resolve.ReverseName(addr), addr: addr}, nil
	}
	host, err := parseDNSName(s)
	return resolveName{text: s, host: host}, err
}

// mayBeDNSName reports whether s is a name that DNS can have.
func mayBeDNSName(s string) bool {
	_, err := parseQueryName(s)
	return err == nil
}

// longestWire is how many bytes a name may have in a message (RFC 1035 section 2.3.4).
const longestWire = 255

// parseDNSName returns a name in presentation format absolute and in A-labels.
func parseDNSName(s string) (string, error) {
	if s == "." {
		return s, nil
	}
	name, err := resolve.ToASCII(s)
	if err != nil {
		return "", usagef("%s: not a name: it has characters that no name has", s)
	}
	wire, label := 1, 0 // bytes so far, with the root's
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '.' && label == 0:
			return "", usagef("%q: not a name: there is nothing in front of one of its dots", s)
		case c == '.':
			wire, label = wire+1, 0
			continue
		case c == '\\':
			n := escape(name[i:])
			if n == 0 {
				return "", usagef("%s: not a name: a backslash stands before three digits up to 255, or before one other character", s)
			}
			i += n - 1
		case c <= ' ' || c == 0x7f:
			return "", usagef("%q: not a name: it has the character %q", s, c).hint(fmt.Sprintf(`in a name of DNS it is written \%03d`, c))
		}
		wire, label = wire+1, label+1
		if label > longestLabel {
			return "", usagef("%s: not a name: a part of it is longer than %d characters", s, longestLabel)
		}
	}
	if label > 0 {
		name += "."
		wire++
	}
	switch {
	case wire == 1:
		return "", usagef("%q: not a name", s)
	case wire > longestWire:
		return "", usagef("%s: not a name: it is longer than %d characters", s, longestName)
	}
	return name, nil
}

// escape returns how many bytes of s, which begins with a backslash, are one character of a name: 0 if none.
func escape(s string) int {
	switch {
	case len(s) < 2 || s[1] <= ' ' || s[1] >= 0x7f:
		return 0
	case s[1] < '0' || s[1] > '9':
		return 2
	case len(s) < 4 || strings.Trim(s[1:4], "0123456789") != "" || s[1:4] > "255":
		return 0
	}
	return 4
}
