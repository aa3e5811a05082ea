package main

import (
	"encoding/binary"
	"iter"
	"math"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// expression is a word that stands for one target or for many: a host, a network in CIDR
// notation, a range of addresses.
type expression struct {
	host        Target     // of one host
	first, last netip.Addr // of many: both belong to it; zero otherwise
}

// parseExpression reads a target expression:
//
//   - a host as parseHost has it;
//   - 192.0.2.0/24, a network, whose host bits do not matter. On IPv4 its first and last address,
//     network and broadcast, are left out unless it has no other (/31 by RFC 3021, /32). On IPv6
//     every address belongs to it;
//   - 192.0.2.1-192.0.2.40 and 192.0.2.1-40, a range, with both ends. An IPv6 range is written in
//     full, and the zone of one end is that of both.
func parseExpression(s string) (expression, error) {
	if before, after, ok := strings.Cut(s, "/"); ok && !strings.Contains(s, "://") {
		return parseNetwork(s, before, after)
	}
	if first, rest, ok := rangeStart(s); ok {
		return parseRange(s, first, rest)
	}
	host, err := parseHost(s)
	return expression{host: host}, err
}

// parseNetwork reads the network s, an address and the length of its prefix.
func parseNetwork(s, address, length string) (expression, error) {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return expression{}, usagef("%s: not a network: %s is not an address", s, address)
	}
	addr = addr.Unmap()
	n, err := strconv.ParseUint(length, 10, 8)
	if err != nil || int(n) > addr.BitLen() || len(length) > 1 && length[0] == '0' {
		return expression{}, usagef("%s: not a network: the length of its prefix is 0 to %d", s, addr.BitLen())
	}
	first, last := bounds(addr, int(n))
	if addr.Is4() && n <= 30 {
		first, last = first.Next(), last.Prev()
	}
	return expression{first: first, last: last}, nil
}

// bounds returns the first and the last address that share n leading bits with addr.
func bounds(addr netip.Addr, n int) (first, last netip.Addr) {
	low, high := addr.AsSlice(), addr.AsSlice()
	for i := range low {
		host := byte(0xff) >> min(8, max(0, n-8*i)) // the bits behind the prefix
		low[i] &^= host
		high[i] |= host
	}
	first, _ = netip.AddrFromSlice(low)
	last, _ = netip.AddrFromSlice(high)
	return first.WithZone(addr.Zone()), last.WithZone(addr.Zone())
}

// rangeStart returns the first address of the range s and what stands behind the hyphen. It is
// no range where that is neither an address nor looks like one: 10.0.0.1-static.example.net is
// a name. And a zone may have hyphens, and a number behind them, as in fe80::1%eth-5.
func rangeStart(s string) (first netip.Addr, rest string, ok bool) {
	for i := range len(s) {
		if s[i] != '-' {
			continue
		}
		addr, err := netip.ParseAddr(bare(s[:i]))
		if err != nil {
			continue
		}
		rest = bare(s[i+1:])
		_, err = netip.ParseAddr(rest)
		like := rest == "" || endsInNumber(rest) || strings.Contains(rest, ":")
		if err == nil || addr.Zone() == "" && like {
			return addr.Unmap(), rest, true
		}
	}
	return netip.Addr{}, "", false
}

// bare returns s without square brackets around it.
func bare(s string) string {
	if inner, ok := unbracket(s); ok {
		return inner
	}
	return s
}

// parseRange reads the range s, whose first address is known.
func parseRange(s string, first netip.Addr, rest string) (expression, error) {
	last, err := netip.ParseAddr(rest)
	if err != nil && first.Is4() {
		n, bad := strconv.ParseUint(rest, 10, 8)
		if bad == nil && (len(rest) == 1 || rest[0] != '0') {
			b := first.As4()
			b[3] = byte(n)
			last, err = netip.AddrFrom4(b), nil
		}
	}
	if err != nil {
		return expression{}, usagef("%s: not a range: it cannot end at %q", s, rest)
	}
	last = last.Unmap()
	if first.BitLen() != last.BitLen() {
		return expression{}, usagef("%s: not a range: one end is IPv4 and the other IPv6", s)
	}
	switch {
	case last.Zone() == "":
		last = last.WithZone(first.Zone())
	case first.Zone() == "":
		first = first.WithZone(last.Zone())
	case first.Zone() != last.Zone():
		return expression{}, usagef("%s: not a range: its ends are in different zones", s)
	}
	if last.Less(first) {
		return expression{}, usagef("%s: the range runs backwards", s).hint("write " + last.String() + "-" + first.String())
	}
	return expression{first: first, last: last}, nil
}

// all returns the targets of e one after the other. It takes no memory however many there are.
func (e expression) all() iter.Seq[Target] {
	return func(yield func(Target) bool) {
		if !e.first.IsValid() {
			yield(e.host)
			return
		}
		for a := e.first; yield(Target{Text: a.String(), Addr: a}) && a != e.last; a = a.Next() {
		}
	}
}

// count returns how many targets e has, and the largest number there is if they are more.
func (e expression) count() uint64 {
	if !e.first.IsValid() {
		return 1
	}
	a, b := e.first.As16(), e.last.As16()
	low, borrow := bits.Sub64(binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(a[8:]), 0)
	high, _ := bits.Sub64(binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(a[:8]), borrow)
	if high > 0 || low == math.MaxUint64 {
		return math.MaxUint64
	}
	return low + 1
}
