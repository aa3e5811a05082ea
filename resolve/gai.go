package resolve

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Policy is the table by which addresses are put in order (RFC 6724 section 2.1), and what gai.conf(5) changes of it.
// Prefixes are of IPv6, IPv4 addresses count as mapped ones. The longest prefix that has an address counts.
type Policy struct {
	Labels      []PolicyEntry
	Precedences []PolicyEntry
	// Scopes are those of IPv4 addresses, as mapped ones; 2 is link-local, 5 site-local, 14 global.
	Scopes []PolicyEntry
}

// PolicyEntry is a line of a policy.
type PolicyEntry struct {
	Prefix netip.Prefix
	Value  int // 0 to 2^31-1
}

// entry returns a line of a table below, whose prefixes are known to be good.
func entry(prefix string, value int) PolicyEntry {
	return PolicyEntry{Prefix: netip.MustParsePrefix(prefix), Value: value}
}

// String returns the entry's prefix as RFC 6724 writes it.
func (e PolicyEntry) String() string {
	if s := e.Prefix.String(); s != "::ffff:0.0.0.0/96" {
		return s
	}
	return mapped
}

// mapped is the prefix of IPv4 addresses among those of IPv6 (RFC 4291 section 2.5.5.2).
const mapped = "::ffff:0:0/96"

func scopes4() []PolicyEntry {
	return []PolicyEntry{entry("::ffff:169.254.0.0/112", 2), entry("::ffff:127.0.0.0/104", 2), entry(mapped, 14)}
}

// glibcPolicy is that of the GNU C library, whose precedences are still those of RFC 3484 section 2.1.
func glibcPolicy() Policy {
	return Policy{
		Labels: []PolicyEntry{
			entry("::1/128", 0), entry("::/96", 3), entry(mapped, 4), entry("2001::/32", 7), entry("2002::/16", 2),
			entry("fec0::/10", 5), entry("fc00::/7", 6), entry("::/0", 1),
		},
		Precedences: []PolicyEntry{
			entry("::1/128", 50), entry("::/96", 20), entry(mapped, 10), entry("2002::/16", 30), entry("::/0", 40),
		},
		Scopes: scopes4(),
	}
}

// standardPolicy is the default of RFC 6724 section 2.1.
func standardPolicy() Policy {
	return Policy{
		Labels: []PolicyEntry{
			entry("::1/128", 0), entry("::/96", 3), entry(mapped, 4), entry("2001::/32", 5), entry("2002::/16", 2),
			entry("3ffe::/16", 12), entry("fec0::/10", 11), entry("fc00::/7", 13), entry("::/0", 1),
		},
		Precedences: []PolicyEntry{
			entry("::1/128", 50), entry("::/96", 1), entry(mapped, 35), entry("2001::/32", 5), entry("2002::/16", 30),
			entry("3ffe::/16", 1), entry("fec0::/10", 1), entry("fc00::/7", 3), entry("::/0", 40),
		},
		Scopes: scopes4(),
	}
}

// match returns the entry of a table for an address.
func match(table []PolicyEntry, addr netip.Addr) PolicyEntry {
	a := netip.AddrFrom16(addr.As16())
	for _, e := range table {
		if e.Prefix.Contains(a) {
			return e
		}
	}
	return PolicyEntry{}
}

// parseGai reads the text of a gai.conf. A table of which it has a line is replaced as a whole, but for
// the entry of everything else.
func parseGai(path, text string, policy Policy) (Policy, []Problem) {
	var labels, precedences, scopes []PolicyEntry
	var problems []Problem
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		words := strings.FieldsFunc(line, isSpace)
		if len(words) == 0 {
			continue
		}
		table, parse := &labels, parsePolicyPrefix
		switch words[0] {
		case "label":
		case "precedence":
			table = &precedences
		case "scopev4":
			table, parse = &scopes, parseScopePrefix
		case "reload":
			continue // of effect only on programs that run long
		default:
			problems = append(problems, Problem{Path: path, Line: number, Text: quote(words[0]) + " is no setting"})
			continue
		}
		var e PolicyEntry
		ok := len(words) >= 3
		if ok {
			e.Prefix, ok = parse(words[1])
		}
		if ok {
			v, err := strconv.ParseUint(words[2], 10, 31)
			e.Value, ok = int(v), err == nil
		}
		if !ok {
			problems = append(problems, Problem{Path: path, Line: number, Text: quote(line) + " is not a prefix and a number"})
			continue
		}
		*table = append(*table, e)
	}
	policy.Labels = replaced(policy.Labels, labels, entry("::/0", 1))
	policy.Precedences = replaced(policy.Precedences, precedences, entry("::/0", 40))
	policy.Scopes = replaced(policy.Scopes, scopes, entry(mapped, 14))
	return policy, problems
}

// replaced returns the table that lines make: in the order of their lengths, with rest unless they have one
// for everything.
func replaced(old, lines []PolicyEntry, rest PolicyEntry) []PolicyEntry {
	if len(lines) == 0 {
		return old
	}
	if !slices.ContainsFunc(lines, func(e PolicyEntry) bool { return e.Prefix.Bits() == rest.Prefix.Bits() }) {
		lines = append(lines, rest)
	}
	slices.SortStableFunc(lines, func(a, b PolicyEntry) int { return b.Prefix.Bits() - a.Prefix.Bits() })
	return lines
}

// parsePolicyPrefix reads a prefix of IPv6, without a length a whole address.
func parsePolicyPrefix(s string) (netip.Prefix, bool) {
	host, length, cut := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(host)
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	bits := 128
	if cut {
		n, err := strconv.ParseUint(length, 10, 8)
		if err != nil || n > 128 {
			return netip.Prefix{}, false
		}
		bits = int(n)
	}
	return netip.PrefixFrom(addr, bits), true
}

// parseScopePrefix reads a prefix of IPv4, as such or mapped.
func parseScopePrefix(s string) (netip.Prefix, bool) {
	if p, ok := parsePolicyPrefix(s); ok {
		return p, p.Addr().Is4In6() && p.Bits() >= 96
	}
	if !strings.Contains(s, "/") {
		s += "/32"
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(netip.AddrFrom16(p.Addr().As16()), p.Bits()+96), true
}
