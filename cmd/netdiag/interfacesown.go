package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netdiag/netdiag/local"
)

// ownSide is where this machine stands: its addresses, and those by which it reaches the world. Ways of a family that
// the user does not want are left out, and addresses, too.
type ownSide struct {
	family  family
	v4, v6  local.Way  // without a Source: there is none, for the Kind
	addrs   []sideAddr // of interfaces that are up, in their order, but loopback addresses
	others  int        // interfaces beside the loopback's
	up      int        // of them, those that are set up
	total   int        // interfaces
	silent  []string   // interfaces that are up, and have no signal on their line
	unknown bool       // the ways could not be asked for
}

// sideAddr is an address of this machine.
type sideAddr struct {
	addr      netip.Addr
	dev       string // the interface
	kind      string // of it
	noCarrier bool   // there is no signal on its line
}

func (a sideAddr) String() string {
	switch {
	case a.noCarrier:
		return fmt.Sprintf("%v (%s, no carrier)", a.addr, a.dev)
	case a.inside():
		return fmt.Sprintf("%v (%s, %s)", a.addr, a.dev, a.kind)
	}
	return fmt.Sprintf("%v (%s)", a.addr, a.dev)
}

// inside reports whether a is rather of a network within this machine, as that of a container bridge.
func (a sideAddr) inside() bool {
	return slices.Contains([]string{"bridge", "dummy", "loopback"}, a.kind)
}

// newOwnSide returns where a machine with these interfaces and ways stands.
func newOwnSide(all []local.Interface, v4, v6 local.Way, f family) *ownSide {
	o := &ownSide{family: f, total: len(all)}
	if f != ipv6 {
		o.v4 = proper(v4)
	}
	if f != ipv4 {
		o.v6 = proper(v6)
	}
	for _, i := range all {
		if i.Kind != "loopback" {
			o.others++
		}
		if !i.Up {
			continue
		}
		if i.Kind != "loopback" {
			o.up++
		}
		if i.Signal == local.CarrierNo {
			o.silent = append(o.silent, i.Name)
		}
		for _, a := range i.Addrs {
			addr := a.Prefix.Addr()
			if f.has(addr) && !addr.IsLoopback() && !slices.Contains(a.Flags, "dadfailed") {
				o.addrs = append(o.addrs, sideAddr{addr, i.Name, i.Kind, i.Signal == local.CarrierNo})
			}
		}
	}
	return o
}

// proper returns a way that leads out, and of others the kind alone: a default route leads nowhere without an address
// that others can answer.
func proper(w local.Way) local.Way {
	if s := w.Source; !s.IsValid() || s.IsLinkLocalUnicast() || s.IsLoopback() {
		return local.Way{Kind: w.Kind}
	}
	return w
}

// addrClass is what an address is good for.
type addrClass uint8

// The classes.
const (
	publicAddr  addrClass = iota // of the whole world, or meant to be
	privateAddr                  // RFC 1918, and unique local addresses (RFC 4193)
	sharedAddr                   // of a carrier-grade NAT (RFC 6598)
	inwardAddr                   // of a machine's own way into an IPv6 network (RFC 7335), or else of IETF protocols (RFC 6890)
	linkAddr                     // of one link (RFC 3927, RFC 4291 section 2.5.6)
)

// classOf returns the class of an address.
func classOf(a netip.Addr) addrClass {
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)
	inward := netip.PrefixFrom(netip.AddrFrom4([4]byte{192}), 24)
	switch {
	case a.IsLinkLocalUnicast():
		return linkAddr
	case a.IsPrivate():
		return privateAddr
	case shared.Contains(a):
		return sharedAddr
	case inward.Contains(a):
		return inwardAddr
	}
	return publicAddr
}

// isDefault reports whether the world is reached by the interface of that name, over one family at least.
func (o *ownSide) isDefault(name string) bool {
	by := func(w local.Way) bool {
		return w.Interface == name || slices.ContainsFunc(alive(w.Hops), func(h local.Hop) bool { return h.Interface == name })
	}
	return name != "" && (by(o.v4) || by(o.v6))
}

// alive returns those of several ways that can be used.
func alive(hops []local.Hop) []local.Hop {
	return slices.DeleteFunc(slices.Clone(hops), func(h local.Hop) bool { return slices.Contains(h.Flags, "dead") })
}

// oneOf says that a way is one of several; "": it is the only one.
func oneOf(hops []local.Hop) string {
	if n := len(alive(hops)); n > 1 {
		return fmt.Sprintf(", one of %d ways", n)
	}
	return ""
}

// isSource reports whether the world is reached by that address.
func (o *ownSide) isSource(a netip.Addr) bool { return a == o.v4.Source || a == o.v6.Source }

// source returns the address of a way, with the interface that has it and, where that is another, the one it leaves by,
// and how many ways there are.
func (o *ownSide) source(w local.Way) string {
	at := slices.IndexFunc(o.addrs, func(a sideAddr) bool { return a.addr == w.Source })
	here := func(a sideAddr) bool { return a.addr == w.Source && a.dev == w.Interface }
	if at < 0 || slices.ContainsFunc(o.addrs, here) {
		return fmt.Sprintf("%v (%s%s)", w.Source, w.Interface, oneOf(w.Hops))
	}
	return fmt.Sprintf("%v (%s, out of %s%s)", w.Source, o.addrs[at].dev, w.Interface, oneOf(w.Hops))
}

// having returns the addresses that are of a family and for which ok.
func (o *ownSide) having(f family, ok func(sideAddr) bool) (found []sideAddr) {
	for _, a := range o.addrs {
		if f.has(a.addr) && ok(a) {
			found = append(found, a)
		}
	}
	return found
}

// private returns the private addresses of a family: first the one by which the world is reached, last those of what
// machines make up for what runs on them, as container bridges.
func (o *ownSide) private(f family) []sideAddr {
	found := o.having(f, func(a sideAddr) bool { return classOf(a.addr) == privateAddr })
	slices.SortStableFunc(found, func(a, b sideAddr) int { return cmp.Compare(o.rank(a), o.rank(b)) })
	return found
}

// The ranks of addresses, from the one that others most likely reach this machine by.
const (
	rankWorld = iota
	rankLink
	rankInside // of what runs on this machine
	rankSilent // of an interface without a signal
)

// rank returns how likely a is the address that others reach this machine by.
func (o *ownSide) rank(a sideAddr) int {
	switch {
	case o.isSource(a.addr):
		return rankWorld
	case a.noCarrier:
		return rankSilent
	case a.inside():
		return rankInside
	}
	return rankLink
}

// privateAddr returns this machine's private address of a family, the zero Addr if it has none. A container bridge's
// is none if the world is reached by another: no other machine knows it.
func (o *ownSide) privateAddr(f family) netip.Addr {
	all := o.private(f)
	reached := o.v4.Source.IsValid() || o.v6.Source.IsValid()
	if len(all) == 0 || reached && o.rank(all[0]) >= rankInside {
		return netip.Addr{}
	}
	return all[0].addr
}

// lines says in sentences where this machine stands. It has at least one, but none if the ways are not known.
func (o *ownSide) lines() (lines []string) {
	if o.unknown {
		return nil
	}
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	private := o.private(ipv4)
	switch {
	case o.v4.Source.IsValid():
		add("%s", o.reachedBy(o.v4))
		private = slices.DeleteFunc(private, func(a sideAddr) bool { return a.addr == o.v4.Source })
		if o.v6.Source.IsValid() {
			add("Over IPv6 it is %s%s.", o.source(o.v6), beside(o.v6.Source))
		}
	case o.v6.Source.IsValid():
		if o.family == anyFamily {
			add("This machine reaches the world over IPv6 alone, by %s%s.", o.source(o.v6), beside(o.v6.Source))
		} else {
			add("This machine's IPv6 address is %s, by which the world is reached%s.", o.source(o.v6), beside(o.v6.Source))
		}
	default:
		text, told := o.cutOff()
		add("%s", text)
		private = slices.DeleteFunc(private, func(a sideAddr) bool { return slices.Contains(told, a) })
	}
	for _, dev := range o.silent {
		if o.isDefault(dev) {
			add("But %s has no carrier: nothing comes through it.", dev)
		}
	}
	private = slices.DeleteFunc(private, func(a sideAddr) bool { return a.noCarrier })
	if given := o.having(ipv4, func(a sideAddr) bool { return classOf(a.addr) == linkAddr }); o.v6.Source.IsValid() && !o.v4.Source.IsValid() && len(given) > 0 {
		add("No DHCP server answered: it gave itself %v.", given[0])
	}
	if len(private) > 0 {
		add("%s %s.", o.leadsOthers(len(private)), someOf(private))
	}
	return lines
}

// reachedBy is the sentence about the address by which the world is reached over IPv4.
func (o *ownSide) reachedBy(w local.Way) string {
	which, more := "address", ": it is public, not private"
	switch classOf(w.Source) {
	case privateAddr:
		which, more = "private address", ""
	case sharedAddr:
		more = ": of the space that providers share out behind a NAT (100.64.0.0/10), neither private nor public"
	case inwardAddr:
		more = ": of the space for a machine's own way into an IPv6 network (192.0.0.0/24), neither private nor public"
	}
	return fmt.Sprintf("This machine's %s is %s, by which the world is reached%s.", which, o.source(w), more)
}

// beside says what is to be known of an IPv6 address by which the world is reached.
func beside(a netip.Addr) string {
	if classOf(a) == privateAddr {
		return ", a private one (unique local)"
	}
	return ""
}

// cutOff is the sentence about a machine that does not reach the world, with the addresses that it names.
func (o *ownSide) cutOff() (text string, told []sideAddr) {
	world := "there is no way out to the world"
	if o.family != anyFamily {
		world += fmt.Sprintf(" over %v", o.family)
	}
	some := o.private(anyFamily)
	for _, a := range o.having(anyFamily, func(a sideAddr) bool { return classOf(a.addr) != linkAddr }) {
		if !slices.Contains(some, a) {
			some = append(some, a)
		}
	}
	given := o.having(ipv4, func(a sideAddr) bool { return classOf(a.addr) == linkAddr })
	link := o.having(ipv6, func(a sideAddr) bool { return classOf(a.addr) == linkAddr })
	switch {
	case len(some) > 0:
		word := "address"
		if classOf(some[0].addr) == privateAddr {
			word = "private address"
		}
		return fmt.Sprintf("This machine's %s is %v, but %s: %s.", word, some[0], world, o.reason()), some[:1]
	case len(given) > 0:
		return fmt.Sprintf("No DHCP server answered: %v is an address that this machine gave itself, and %s.", given[0], world), given
	case len(link) > 0:
		return fmt.Sprintf("This machine has link-local addresses alone, as %v, and %s: neither DHCP nor a router has given it another.", link[0], world), link
	case o.up > 0:
		which := "address"
		if o.family != anyFamily {
			which = o.family.String() + " address"
		}
		return fmt.Sprintf("This machine has no %s but the loopback's, and %s.", which, world), nil
	case o.others > 0:
		return fmt.Sprintf("No interface of this machine but the loopback is up, and %s.", world), nil
	}
	return fmt.Sprintf("This machine has no interface but the loopback, and %s.", world), nil
}

// reason says why there is no way out to the world.
func (o *ownSide) reason() string {
	said := map[family]string{}
	for f, w := range map[family]local.Way{ipv4: o.v4, ipv6: o.v6} {
		said[f] = "no route leads there"
		switch w.Kind {
		case local.KindProhibit:
			said[f] = "a route or a policy rule prohibits it"
		case local.KindBlackhole:
			said[f] = "what is sent there vanishes in a blackhole"
		case local.KindUnreachable:
			said[f] = "a route or a policy rule says that it is unreachable"
		case local.KindUnicast:
			said[f] = "a route leads there, but there is no address for it to send from"
		}
	}
	switch {
	case o.family != anyFamily:
		return said[o.family]
	case said[ipv4] == said[ipv6]:
		return said[ipv4]
	}
	return fmt.Sprintf("over %v %s, over %v %s", ipv4, said[ipv4], ipv6, said[ipv6])
}

// leadsOthers begins the sentence about n private addresses by which the world is not reached.
func (o *ownSide) leadsOthers(n int) string {
	which := "other private address"
	if o.v4.Source.IsValid() && classOf(o.v4.Source) != privateAddr || !o.v4.Source.IsValid() && o.v6.Source.IsValid() {
		which = "private address"
	}
	if n == 1 {
		return "Its " + which + " is"
	}
	return "Its " + which + "es are"
}

// mostOwn is how many further addresses a sentence lists.
const mostOwn = 4

// someOf lists addresses.
func someOf(all []sideAddr) string {
	var words []string
	for _, a := range all[:min(len(all), mostOwn)] {
		words = append(words, a.String())
	}
	if more := len(all) - mostOwn; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(words, ", ")
}
