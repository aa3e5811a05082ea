package local

import (
	"errors"
	"fmt"
	"net/netip"
)

// Decision is what the kernel does with a packet.
type Decision struct {
	Dst       netip.Addr
	Interface string       // "": none
	Gateway   netip.Addr   // zero: on the link
	Source    netip.Addr   // zero: none
	MTU       int          // bytes, of the path where the kernel has learnt it; 0: not known
	Matched   netip.Prefix // zero: not known, or nothing matched
	Table     int          // 0: not known
	TableName string
	// Rule is the one that led to the table, or that refused. No kernel tells it, so it is derived from the rules,
	// and nil wherever they leave a doubt.
	Rule     *Rule
	Kind     string // unicast, local, broadcast, multicast, anycast, prohibit, blackhole, unreachable, none
	Metric   int
	Protocol string
	// Hop is the neighbour that the packet is given to, with what the kernel knows of it; nil: there is none, or
	// the kernel has not talked to it yet.
	Hop *Neighbour
}

// Ask narrows a decision. The zero value asks for root's packets.
type Ask struct {
	Source    netip.Addr // zero: the kernel chooses
	Interface string     // the packet must leave by, or a VRF's; "": any
	Mark      uint32
	UID       int // of the sender, for rules by user; negative: this process's
}

// Way is how the world is reached over a family.
type Way struct {
	Interface string
	Source    netip.Addr
	Gateway   netip.Addr
}

// Decide returns the kernel's own decision about a packet to dst; no packet is sent. No route is a Decision, too: of kind
// none. The zone of dst is the interface that it leaves by. An IPv4 address in IPv6 clothes (RFC 4291, 2.5.5.2) is taken
// for the IPv4 address. It is an error to ask for the way to a link-local address without an interface, from an address
// that is not this machine's, or by an interface that is not there.
//
// The packet has no port, so rules that ask for ports do not apply to it.
func Decide(dst netip.Addr, ask Ask) (Decision, error) {
	if !dst.IsValid() {
		return Decision{}, errors.New("local: the way to no address was asked for")
	}
	zone := dst.Zone()
	dst = dst.Unmap().WithZone("")
	ask.Source = ask.Source.Unmap().WithZone("")
	switch {
	case ask.Source.IsValid() && ask.Source.Is4() != dst.Is4():
		return Decision{}, fmt.Errorf("local: %v and the source %v are of different families", dst, ask.Source)
	case zone != "" && ask.Interface != "" && ask.Interface != zone:
		return Decision{}, fmt.Errorf("local: %v%%%s is not reached by %s", dst, zone, ask.Interface)
	case zone != "":
		ask.Interface = zone
	case ask.Interface == "" && dst.Is6() && dst.IsLinkLocalUnicast():
		return Decision{}, fmt.Errorf("local: %v is an address of each link: name the interface, as %v%%eth0", dst, dst)
	}
	return decide(dst, ask)
}

// World returns the ways out to the world over IPv4 and IPv6, by the kernel's decision about addresses out there, to which
// nothing is sent; a zero Way: there is none.
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

// way returns the way to dst, or a zero Way.
func way(dst netip.Addr) (Way, error) {
	d, err := Decide(dst, Ask{UID: -1})
	if err != nil || d.Kind != kindUnicast {
		return Way{}, err
	}
	return Way{d.Interface, d.Source, d.Gateway}, nil
}
