package local

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
)

// Interface is a network interface.
type Interface struct {
	Index int // 1 to 2,147,483,647, as the system counts
	Name  string
	// AltNames are further names that it goes by (Linux); nil: none.
	AltNames []string
	// Kind is loopback, ethernet, wifi, bridge, vlan, bond, veth, tun, tap, wireguard, dummy, vrf, macvlan, ipvlan,
	// vxlan, gre, ipip, sit, ppp and the like, or what the system calls it.
	Kind   string
	Up     bool   // it is set up
	State  string // operational state (RFC 2863): up, down, dormant, lower-layer-down, testing, not-present, unknown
	Signal Carrier
	MAC    net.HardwareAddr // nil: none
	MTU    int              // bytes; 0: not known
	Master string           // the bridge, bond or VRF that it belongs to; "": none
	Parent string           // the interface that it is made on (VLAN, VXLAN), or its other end (veth); "": none, or in another namespace
	Flags  []string         // BROADCAST, MULTICAST, POINTOPOINT ...
	Addrs  []Addr
	// Counters since the interface is there; nil: the system does not tell.
	Counters *Counters
}

// Carrier says whether there is a signal on the line.
type Carrier uint8

// The carriers.
const (
	CarrierUnknown Carrier = iota // the system does not tell, as of an interface that is not set up
	CarrierYes
	CarrierNo
)

// Addr is an address of an interface.
type Addr struct {
	Prefix netip.Prefix // the address with the length of its prefix, which with a Peer is the peer's
	Peer   netip.Addr   // the other end of a point-to-point link; zero: none
	Scope  string       // global, site, link, host
	Flags  []string     // temporary, deprecated, tentative, dadfailed, permanent, secondary, noprefixroute, ...
	Label  string       // of IPv4, where it differs from the interface's name
}

// Counters are what an interface counted.
type Counters struct {
	RxBytes, TxBytes, RxPackets, TxPackets, RxErrors, TxErrors, RxDropped, TxDropped uint64
}

// Interfaces returns the interfaces in the order of their indexes. One that comes or goes meanwhile is there or not, and no error.
func Interfaces() ([]Interface, error) { return interfaces() }

// Named returns the interface among all that goes by a name, its own or an alternative one, or has the index that name
// is in decimal, as in the zone of an address (RFC 4007 section 11.2); false: none.
func Named(all []Interface, name string) (*Interface, bool) {
	at := slices.IndexFunc(all, func(i Interface) bool { return i.Name == name || slices.Contains(i.AltNames, name) })
	if index, err := strconv.Atoi(name); at < 0 && err == nil {
		at = slices.IndexFunc(all, func(i Interface) bool { return i.Index == index })
	}
	if at < 0 {
		return nil, false
	}
	return &all[at], true
}
