package main

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netdiag/netdiag/resolve"
)

// reverse finds what is known of addresses.
type reverse interface {
	// Name returns the name of a, without the dot at its end; "" if none is known. It comes from
	// the network and is not harmless.
	Name(ctx context.Context, a netip.Addr) string
	// Origins returns the numbers of the autonomous systems that a belongs to; none if none is known.
	Origins(ctx context.Context, a netip.Addr) []uint32
}

// originName returns the name under which the origin of a is looked up.
func originName(a netip.Addr) string {
	digits, v4 := strings.CutSuffix(resolve.ReverseName(a), "in-addr.arpa.")
	if v4 {
		return digits + "origin.asn.cymru.com."
	}
	return strings.TrimSuffix(digits, "ip6.arpa.") + "origin6.asn.cymru.com."
}

// announced reports whether a can be in the global routing table, by the special-purpose registries
// (RFC 6890): it is neither of one machine, link or site nor shared, reserved or for documentation.
func announced(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, special := range [...]string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b:1::/48", "100::/64", "2001:2::/48", "2001:db8::/32", "3fff::/20", "5f00::/16",
	} {
		if netip.MustParsePrefix(special).Contains(a) {
			return false
		}
	}
	return true
}

// mostOrigins is how many autonomous systems of an address are shown.
const mostOrigins = 4

// parseOrigins reads texts such as "64496 64497 | 192.0.2.0/24 | ZZ | ripencc | 2010-07-14" and returns the numbers
// of those with the longest prefix, each once. Texts of another form are left out.
func parseOrigins(texts []string) []uint32 {
	var numbers []uint32
	longest := -1
	for _, text := range texts {
		fields := strings.Split(text, "|")
		if len(fields) < 2 {
			continue
		}
		prefix, err := netip.ParsePrefix(strings.TrimSpace(fields[1]))
		if err != nil || prefix.Bits() < longest {
			continue
		}
		if prefix.Bits() > longest {
			longest, numbers = prefix.Bits(), nil
		}
		for word := range strings.FieldsSeq(fields[0]) {
			n, err := strconv.ParseUint(word, 10, 32)
			if err == nil && n > 0 && len(numbers) < mostOrigins && !slices.Contains(numbers, uint32(n)) {
				numbers = append(numbers, uint32(n))
			}
		}
	}
	return numbers
}
