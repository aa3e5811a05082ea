package resolve

import (
	"fmt"
	"math/bits"
	"net"
	"net/netip"
)

// route is what there is to know of the way to an address: what RFC 6724 section 6 compares.
type route struct {
	from   netip.Addr // the source address that the system takes; invalid: there is no route
	prefix int        // length of the prefix of from on its interface
	index  int        // interface that has from; 0: not known
	// deprecated and home are states of from (RFC 4862 section 5.5.4, RFC 6275); tunnel tells that its interface
	// carries packets inside others.
	deprecated, home, tunnel bool
}

// routes finds the ways to addresses, with one look at the interfaces.
type routes func(addrs []netip.Addr) []route

// systemRoutes asks the system, by sockets that are connected and never written to.
func systemRoutes(addrs []netip.Addr) []route {
	known := interfaceAddrs()
	ways := make([]route, len(addrs))
	for i, addr := range addrs {
		from := sourceFor(addr)
		ways[i] = known[from.WithZone("")]
		ways[i].from = from
	}
	return ways
}

// sourceFor returns the source address of packets to addr; invalid: there is no route.
func sourceFor(addr netip.Addr) netip.Addr {
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, dnsPort))
	conn, err := net.DialUDP("udp", nil, to)
	if err != nil {
		return netip.Addr{}
	}
	defer conn.Close()
	from, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.Addr{}
	}
	source := from.AddrPort().Addr()
	switch {
	case addr.Is4():
		return source.Unmap()
	case addr.Is4In6():
		return netip.AddrFrom16(source.As16())
	}
	return source
}

// destination is an address to put in order.
type destination struct {
	Address
	route
}

// rank puts addresses in the order in which programs try them (RFC 6724 section 6), and says of each which
// rule put it before the next.
func rank(addrs []Address, ways routes, policy Policy) []Address {
	if len(addrs) == 0 {
		return nil
	}
	plain := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		plain[i] = a.Addr
	}
	list := make([]destination, len(addrs))
	for i, way := range ways(plain) {
		list[i] = destination{addrs[i], way}
	}
	list = mergeSort(list, func(a, b destination) bool {
		first, _, _ := policy.prefer(a, b)
		return first <= 0
	})
	sorted := make([]Address, len(list))
	for i, d := range list {
		sorted[i] = d.Address
		sorted[i].From = d.from
		if i+1 < len(list) {
			_, sorted[i].Rule, sorted[i].Why = policy.prefer(d, list[i+1])
		}
	}
	return sorted
}

// mergeSort sorts as the C library does. The rules are no total order, so that different ways to sort may come to
// different orders.
func mergeSort[T any](list []T, inOrder func(a, b T) bool) []T {
	if len(list) < 2 {
		return list
	}
	a := mergeSort(list[:len(list)/2], inOrder)
	b := mergeSort(list[len(list)/2:], inOrder)
	merged := make([]T, 0, len(list))
	for len(a) > 0 && len(b) > 0 {
		if inOrder(a[0], b[0]) {
			merged, a = append(merged, a[0]), a[1:]
		} else {
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	return append(append(merged, a...), b...)
}

// verdicts of a rule.
const (
	firstWins  = -1
	secondWins = 1
)

// prefer says which of two addresses comes first, by which rule of RFC 6724 section 6, and why: 0 by rule 10,
// which leaves them as they are. Rules 2 to 5, 7 and 9 look at the source, and only where there is one.
func (p Policy) prefer(a, b destination) (first, rule int, why string) {
	routed := a.from.IsValid()
	scopeA, scopeB := p.scope(a.Addr), p.scope(b.Addr)
	if first := either(routed, b.from.IsValid()); first != 0 {
		return first, 1, "there is a route to it"
	}
	if routed {
		if first := either(scopeA == p.scope(a.from), scopeB == p.scope(b.from)); first != 0 {
			return first, 2, "its source address has the same scope"
		}
		if first := either(!a.deprecated, !b.deprecated); first != 0 {
			return first, 3, "its source address is not deprecated"
		}
		if first := either(a.home, b.home); first != 0 {
			return first, 4, "its source address is a home address"
		}
		if first := either(p.labelled(a), p.labelled(b)); first != 0 {
			return first, 5, "its source address has the same label"
		}
	}
	high, low := match(p.Precedences, a.Addr), match(p.Precedences, b.Addr)
	if first := either(high.Value > low.Value, low.Value > high.Value); first != 0 {
		if first == secondWins {
			high, low = low, high
		}
		return first, 6, fmt.Sprintf("higher precedence (%v over %v)", high, low)
	}
	if routed && a.index != b.index {
		if first := either(!a.tunnel, !b.tunnel); first != 0 {
			return first, 7, "no tunnel on the way"
		}
	}
	if first := either(scopeA < scopeB, scopeB < scopeA); first != 0 {
		return first, 8, "smaller scope"
	}
	if routed && a.Addr.Is4() == b.Addr.Is4() {
		shareA, shareB := a.shared(), b.shared()
		if first := either(shareA > shareB, shareB > shareA); first != 0 {
			return first, 9, fmt.Sprintf("more bits in common with its source address (%d, the next %d)",
				max(shareA, shareB), min(shareA, shareB))
		}
	}
	return 0, 10, "as they came"
}

// either compares what is true of a and of b.
func either(a, b bool) int {
	switch {
	case a && !b:
		return firstWins
	case b && !a:
		return secondWins
	}
	return 0
}

// labelled reports whether d and its source address have the same label.
func (p Policy) labelled(d destination) bool {
	return match(p.Labels, d.Addr).Value == match(p.Labels, d.from).Value
}

// scope returns the scope of an address (RFC 6724 section 3.1): 2 link-local, 5 site-local, 14 global, of a
// multicast address its own. Loopback addresses count as link-local.
func (p Policy) scope(addr netip.Addr) int {
	const linkLocal, siteLocal, global = 2, 5, 14
	raw := addr.As16()
	switch {
	case addr.Is4():
		return match(p.Scopes, addr).Value
	case addr.IsMulticast():
		return int(raw[1] & 0xf)
	case addr.IsLinkLocalUnicast(), addr.IsLoopback():
		if addr.Is4In6() {
			return global // the C library looks no further than at the family
		}
		return linkLocal
	case raw[0] == 0xfe && raw[1]&0xc0 == 0xc0:
		return siteLocal
	}
	return global
}

// shared returns how many bits a destination has in common with its source. Of IPv4 they count, in the C library,
// only within the source's own network.
func (d destination) shared() int {
	if !d.Addr.Is4() {
		dst, src := d.Addr.As16(), d.from.As16()
		return commonBits(dst[:], src[:])
	}
	network := d.prefix
	if network == 0 {
		network = 32 // not known: the address alone
	}
	if !netip.PrefixFrom(d.from.Unmap(), network).Contains(d.Addr) {
		return 0
	}
	dst, src := d.Addr.As4(), d.from.Unmap().As4()
	return commonBits(dst[:], src[:])
}

// commonBits returns how many bits two byte strings of the same length have in common at their beginnings.
func commonBits(a, b []byte) int {
	for i := range a {
		if x := a[i] ^ b[i]; x != 0 {
			return 8*i + bits.LeadingZeros8(x)
		}
	}
	return 8 * len(a)
}
