package local

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Decision is what the kernel does with a packet.
type Decision struct {
	Dst       netip.Addr
	Interface string       // "": none
	Gateway   netip.Addr   // zero: on the link
	Source    netip.Addr   // zero: none
	MTU       int          // bytes, of the path where the kernel has learnt it; 0: not known
	Matched   netip.Prefix // zero: not known, or nothing matched
	// Unrouted says that no route matched, and the kernel takes Dst for a machine on the link of the interface that was
	// asked for, as Linux does over IPv4.
	Unrouted  bool
	Table     int // 0: not known
	TableName string
	// Rule is the one that led to the table, or that refused. No kernel tells it, so it is derived from the rules,
	// and nil wherever they leave a doubt.
	Rule     *Rule
	Kind     string // unicast, local, broadcast, multicast, anycast, prohibit, blackhole, unreachable, none
	Metric   int
	Protocol string
	// Hops are the ways of a route over several. Interface and Gateway are the one that the kernel has chosen for this
	// packet; another connection may take another. Nil: there is one way.
	Hops []Hop
	// Hop is the neighbour that the packet is given to, with what the kernel knows of it; nil: there is none, or
	// the kernel has not talked to it yet.
	Hop *Neighbour
}

// Taken reports whether the kernel takes the packet: there is a route, and none that refuses it.
func (d Decision) Taken() bool { return d.Kind != KindNone && !refuses(d.Kind) }

// Ask narrows a decision. The zero value asks for this process's own packets.
type Ask struct {
	Source    netip.Addr // zero: the kernel chooses
	Interface string     // the packet must leave by, or a VRF's, by its name, an alternative one or its index; "": any
	Mark      uint32     // Linux alone
	User      *uint32    // the number of the user whose program sends, for rules by user (Linux alone); nil: this process's
	Protocol  uint8      // 6 (TCP), 17 (UDP), 1 (ICMP), 58 (ICMPv6), for rules by protocol (Linux alone); 0: UDP
}

// Way is how the world is reached over a family.
type Way struct {
	Interface string
	Source    netip.Addr // zero: this machine has no address to send from
	Gateway   netip.Addr // zero: on the link
	Hops      []Hop      // of several ways, of which the kernel has chosen this one; nil: one
	// Kind is what the kernel does with packets to the world: KindUnicast if there is a way, and otherwise, with nothing
	// else set, KindNone, KindProhibit and the like.
	Kind string
}

// Decide returns the kernel's own decision about a packet to dst; no packet is sent. No route is a Decision, too: of kind
// none. The zone of dst is the interface that it leaves by. An IPv4 address in IPv6 clothes (RFC 4291, 2.5.5.2) is taken
// for the IPv4 address.
//
// It is an error to ask for the way to a link-local address without an interface, from an address that is not this
// machine's, from a loopback address to another machine, or by an interface that is not there. What narrows the question
// in a way that the system does not know is an error that wraps errors.ErrUnsupported.
//
// The packet is one of UDP unless ask says otherwise, and has no port, so rules that ask for ports do not apply to it.
func Decide(dst netip.Addr, ask Ask) (Decision, error) {
	if !dst.IsValid() {
		return Decision{}, errors.New("local: the way to no address was asked for")
	}
	zone := dst.Zone()
	dst = dst.Unmap().WithZone("")
	ask.Source = ask.Source.Unmap().WithZone("")
	protocols := []uint8{0, 6, 17, 1}
	if dst.Is6() {
		protocols[3] = 58
	}
	switch {
	case ask.Source.IsValid() && ask.Source.IsUnspecified():
		return Decision{}, fmt.Errorf("local: the source %v is no address of a machine", ask.Source)
	case ask.Source.IsValid() && ask.Source.Is4() != dst.Is4():
		return Decision{}, fmt.Errorf("local: %v and the source %v are of different families", dst, ask.Source)
	case !slices.Contains(protocols, ask.Protocol):
		return Decision{}, fmt.Errorf("local: a decision about a packet to %v of protocol %d: %w", dst, ask.Protocol, errors.ErrUnsupported)
	case zone != "" && ask.Interface != "" && ask.Interface != zone:
		return Decision{}, fmt.Errorf("local: %v%%%s is not reached by %s", dst, zone, ask.Interface)
	case zone != "":
		ask.Interface = zone
	case ask.Interface == "" && dst.Is6() && dst.IsLinkLocalUnicast():
		return Decision{}, fmt.Errorf("local: %v is an address of each link: name the interface, as %v%%eth0", dst, dst)
	}
	return decide(dst, ask)
}

// errLoopback is the error of a packet from a loopback address to another machine (RFC 1122 section 3.2.1.3, RFC 4291
// section 2.5.3).
func errLoopback(source, dst netip.Addr) error {
	return fmt.Errorf("local: packets from the loopback address %v do not leave this machine, and %v is not on it", source, dst)
}

// World returns the ways out to the world over IPv4 and IPv6, by the kernel's decision about addresses out there, to which
// nothing is sent. Their Kind says whether there is one.
func World() (v4, v6 Way, err error) {
	// Those of a.root-servers.net: as public as addresses are, the same for decades, and no special range of IANA's.
	if v4, err = way(netip.AddrFrom4([4]byte{198, 41, 0, 4})); err != nil {
		return Way{}, Way{}, err
	}
	v6, err = way(netip.MustParseAddr("2001:503:ba3e::2:30"))
	if err != nil {
		return Way{}, Way{}, err
	}
	return v4, v6, nil
}

// way returns the way to dst.
func way(dst netip.Addr) (Way, error) {
	d, err := Decide(dst, Ask{})
	switch {
	case err != nil:
		return Way{}, err
	case d.Kind != KindUnicast:
		return Way{Kind: d.Kind}, nil
	}
	return Way{Interface: d.Interface, Source: d.Source, Gateway: d.Gateway, Hops: d.Hops, Kind: d.Kind}, nil
}
