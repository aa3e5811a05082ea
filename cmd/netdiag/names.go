package main

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Limits of a name in text, without the dot at its end (RFC 1035 section 2.3.4).
const (
	longestName  = 253
	longestLabel = 63
)

// parseHost returns what s names: an address, or a name that could be looked up. An IPv6
// address may have a zone (fe80::1%eth0) and brackets. IPv4 addresses may be written as
// inet_aton(3) reads them (127.1, 0x7f.1), except that a leading zero, which it takes for octal
// and others do not, is refused. A name may be international; its Host is then in A-labels
// (RFC 5891).
func parseHost(s string) (Target, error) {
	if inner, ok := unbracket(s); ok {
		addr, err := netip.ParseAddr(inner)
		if err != nil || !addr.Is6() {
			return Target{}, usagef("%s: brackets stand around an IPv6 address", s)
		}
		return Target{Text: s, Addr: addr.Unmap()}, nil
	}
	if addr, err := netip.ParseAddr(s); err == nil {
		return Target{Text: s, Addr: addr.Unmap()}, nil
	}
	if strings.ContainsAny(s, ":/") {
		return Target{}, notAHost(s)
	}
	if s != "" && endsInNumber(s) {
		addr, err := parseIPv4(s)
		return Target{Text: s, Addr: addr}, err
	}
	name, err := parseName(s)
	if err == nil && endsInNumber(name) { // other scripts have digits of their own
		addr, err := parseIPv4(name)
		return Target{Text: s, Addr: addr}, err
	}
	return Target{Text: s, Name: true, Host: name}, err
}

// unbracket returns what stands in the square brackets around s.
func unbracket(s string) (string, bool) {
	inner, begins := strings.CutPrefix(s, "[")
	inner, ends := strings.CutSuffix(inner, "]")
	return inner, begins && ends
}

// notAHost returns the error about s, which is no IPv6 address, and what was perhaps meant.
func notAHost(s string) error {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		return usagef("%s: a URL, not a host", s).hint("give the host alone: " + host)
	}
	if host, port, ok := strings.Cut(s, ":"); ok {
		if _, err := strconv.ParseUint(port, 10, 16); err == nil && host != "" {
			return usagef("%s: a host stands here without a port", s).hint("give the host alone: " + host)
		}
	}
	return usagef("%s: neither an address nor a name", s)
}

// endsInNumber reports whether the last label of s is a number, as in every IPv4 address and in
// no name: no top-level domain is one (RFC 3696 section 2).
func endsInNumber(s string) bool {
	s = strings.TrimSuffix(s, ".")
	last := strings.ToLower(s[strings.LastIndexByte(s, '.')+1:])
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// parseIPv4 reads an IPv4 address of one to four numbers, of which the last fills the bytes that
// are left.
func parseIPv4(s string) (netip.Addr, error) {
	parts := strings.Split(s, ".")
	if parts[len(parts)-1] == "" {
		return netip.Addr{}, usagef("%s: not an IPv4 address, which has no dot at its end", s)
	}
	if len(parts) > 4 {
		return netip.Addr{}, usagef("%s: not an IPv4 address, which has four numbers at most", s)
	}
	var addr uint32
	for i, part := range parts {
		room := 8 // bits
		if i == len(parts)-1 {
			room = 8 * (4 - i)
		}
		n, err := parsePart(s, part, room)
		if err != nil {
			return netip.Addr{}, err
		}
		addr |= n << (24 - 8*i - (room - 8))
	}
	a := netip.AddrFrom4([4]byte{byte(addr >> 24), byte(addr >> 16), byte(addr >> 8), byte(addr)})
	if len(parts) == 1 && addr < 1<<24 && !strings.HasPrefix(s, "0") {
		// A lone small number is rather the value of a flag that was forgotten.
		return netip.Addr{}, usagef("%s: not a host", s).hint("if you mean the address: " + a.String())
	}
	return a, nil
}

// parsePart reads one number of the IPv4 address s, which may have that many bits.
func parsePart(s, part string, bits int) (uint32, error) {
	digits, base := part, 10
	if hex, ok := strings.CutPrefix(strings.ToLower(part), "0x"); ok {
		digits, base = hex, 16
	} else if len(part) > 1 && part[0] == '0' {
		return 0, ambiguous(s, part)
	}
	n, err := strconv.ParseUint(digits, base, bits)
	switch {
	case err == nil:
		return uint32(n), nil
	case digits == "" || strings.Trim(digits, "0123456789abcdefABCDEF") != "" || base == 10 && strings.Trim(digits, "0123456789") != "":
		return 0, usagef("%s: neither an IPv4 address nor a name, which does not end in a number", s)
	}
	return 0, usagef("%s: not an IPv4 address: %s is above %d", s, part, uint64(1)<<bits-1)
}

// ambiguous returns the error about a number with a leading zero.
func ambiguous(s, part string) error {
	err := usagef("%s: not clear, some programs read %s as octal", s, part)
	if strings.Trim(part, "0") == "" {
		return err.hint("write 0")
	}
	decimal := strings.TrimLeft(part, "0")
	if n, bad := strconv.ParseUint(part, 8, 32); bad == nil && strconv.FormatUint(n, 10) != decimal {
		return err.hint("write " + decimal + " or " + strconv.FormatUint(n, 10))
	}
	return err.hint("write " + decimal)
}

// parseName returns the name s in the form in which it is looked up.
func parseName(s string) (string, error) {
	name := s
	if strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) >= 0 {
		ascii, err := idna.Lookup.ToASCII(s)
		if err != nil || !utf8.ValidString(s) {
			return "", usagef("%s: not a name: it has characters that no name has", s)
		}
		name = ascii
	}
	bare := strings.TrimSuffix(name, ".")
	switch {
	case bare == "":
		return "", usagef("%q: not a host", s)
	case len(bare) > longestName:
		return "", usagef("%s: not a name: it is longer than %d characters", s, longestName)
	}
	for label := range strings.SplitSeq(bare, ".") {
		if why := wrongLabel(label); why != "" {
			return "", usagef("%s: not a name: %s", s, why)
		}
	}
	return name, nil
}

// wrongLabel says what is wrong with a label of a name, "" if nothing is. Host names are
// letters, digits and hyphens (RFC 1123 section 2.1); underscores are let through because
// there are hosts that have them.
func wrongLabel(label string) string {
	switch {
	case label == "":
		return "there is nothing between two of its dots"
	case len(label) > longestLabel:
		return "a part of it is longer than " + strconv.Itoa(longestLabel) + " characters"
	case label[0] == '-' || label[len(label)-1] == '-':
		return "a part of it begins or ends with a hyphen"
	}
	for _, r := range label {
		if r != '-' && r != '_' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') {
			return "it has the character " + strconv.QuoteRune(r)
		}
	}
	return ""
}
