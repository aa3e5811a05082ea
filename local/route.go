package local

import (
	"net"
	"net/netip"
)

// Route is a line of a routing table.
type Route struct {
	Family    int          // 4 or 6
	Dst       netip.Prefix // 0.0.0.0/0 or ::/0 is the default
	From      netip.Prefix // of senders alone, as IPv6 can have it (RFC 8043); zero: of all
	TOS       uint8        // of packets of this type of service alone (RFC 1349); 0: of all
	Gateway   netip.Addr   // zero: on the link; may be of the other family (RFC 5549)
	Interface string       // "": none (prohibit ...), or several (Hops)
	Source    netip.Addr   // preferred; zero: none
	Metric    int          // lower is preferred
	MTU       int          // bytes; 0: the interface's
	Table     int          // 254 is main
	TableName string       // main, local, default, or as the system's files have it; otherwise the number
	Protocol  string       // kernel, boot, static, dhcp, ra, bird ...
	Scope     string       // global, link, host, ...
	Kind      string       // unicast, local, broadcast, multicast, anycast, prohibit, blackhole, unreachable, throw, nat
	Flags     []string     // onlink, linkdown, dead, pervasive, ...
	Hops      []Hop        // of a route over several; nil: one
	Nexthop   int          // the number of the nexthop object that it leads to (ip-nexthop(8)); 0: none
}

// Hop is one of several ways of a route.
type Hop struct {
	Gateway   netip.Addr // zero: on the link
	Interface string
	Weight    int // from 1
	Flags     []string
}

// Rule is a policy rule.
type Rule struct {
	Family    int          // 4 or 6
	Priority  int          // 0 to 4,294,967,295; lower is asked first
	From, To  netip.Prefix // zero: all
	In, Out   string       // interfaces; "": any
	Mark      uint32
	MarkMask  uint32 // 0: the mark is not asked for
	Table     int    // 0: none
	TableName string
	Action    string // lookup, prohibit, blackhole, unreachable, goto N, nop
	Invert    bool   // not
	More      string // what else it asks for, as ip-rule writes it: "ipproto tcp dport 22", "uidrange 0-99"; "": nothing
}

// Neighbour is a machine on a link as the kernel knows it (ARP, neighbour discovery).
type Neighbour struct {
	Addr      netip.Addr
	Interface string
	MAC       net.HardwareAddr // nil: not known
	State     string           // reachable, stale, delay, probe, incomplete, failed, permanent, noarp, none
	Router    bool
}

// Routes returns the main tables of both families in the kernel's order, IPv4 first, or with all every table's.
// A family that the kernel does not have has none.
func Routes(all bool) ([]Route, error) { return routes(all) }

// Rules returns the policy rules in the order in which they are asked, IPv4 first. Where the system knows no such rules
// there are none.
func Rules() ([]Rule, error) { return rules() }

// Neighbours returns the neighbours that the kernel knows, those that need no address of their link (noarp) too.
func Neighbours() ([]Neighbour, error) { return neighbours() }
