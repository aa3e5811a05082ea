// Package local tells what this machine's own side of the network looks like, as its kernel has it: interfaces, routes,
// neighbours, sockets. Nothing is executed and no text is read where the kernel offers data.
package local

import (
	"errors"
	"net"
	"net/netip"
)

// Interface is a network interface.
type Interface struct {
	Index int
	Name  string
	// Kind is loopback, ethernet, wifi, bridge, vlan, bond, veth, tun, tap, wireguard, dummy, vrf, macvlan, ipvlan,
	// vxlan, gre, ipip, sit, ppp and the like, or what the system calls it.
	Kind   string
	Up     bool   // it is set up
	State  string // operational state (RFC 2863): up, down, dormant, lower-layer-down, testing, not-present, unknown
	Signal Carrier
	MAC    net.HardwareAddr // nil: none
	MTU    int              // bytes; 0: not known
	Master string           // the bridge, bond or VRF that it belongs to; "": none
	Parent string           // the interface that it is made on (VLAN); "": none
	Flags  []string         // BROADCAST, MULTICAST, POINTOPOINT ...
	Addrs  []Addr
	// Counters since the interface is there; nil: the system does not tell.
	Counters *Counters
}

// Carrier says whether there is a signal on the line.
type Carrier uint8

// The carriers.
const (
	CarrierUnknown Carrier = iota
	CarrierYes
	CarrierNo
)

// Addr is an address of an interface.
type Addr struct {
	Prefix netip.Prefix // the address with the length of its prefix
	Peer   netip.Addr   // the other end of a point-to-point link; zero: none
	Scope  string       // global, site, link, host
	Flags  []string     // temporary, deprecated, tentative, dadfailed, permanent, secondary, noprefixroute, ...
	Label  string       // of IPv4, where it differs from the interface's name
}

// Counters are what an interface counted.
type Counters struct {
	RxBytes, TxBytes, RxPackets, TxPackets, RxErrors, TxErrors, RxDropped, TxDropped uint64
}

// Route is a line of a routing table.
type Route struct {
	Family    int          // 4 or 6
	Dst       netip.Prefix // 0.0.0.0/0 or ::/0 is the default
	Gateway   netip.Addr   // zero: on the link; may be of the other family
	Interface string       // "": none (prohibit ...), or several (Hops)
	Source    netip.Addr   // preferred; zero: none
	Metric    int          // lower is preferred
	MTU       int          // 0: the interface's
	Table     int          // 254 is main
	TableName string       // main, local, default, or as the system's files have it; otherwise the number
	Protocol  string       // kernel, boot, static, dhcp, ra, bird ...
	Scope     string       // global, link, host, ...
	Kind      string       // unicast, local, broadcast, multicast, prohibit, blackhole, unreachable, throw, nat
	Flags     []string     // onlink, linkdown, dead, pervasive, ...
	Hops      []Hop        // of a route over several; nil: one
}

// Hop is one of several ways of a route.
type Hop struct {
	Gateway   netip.Addr
	Interface string
	Weight    int // from 1
	Flags     []string
}

// Rule is a policy rule.
type Rule struct {
	Family    int // 4 or 6
	Priority  int
	From, To  netip.Prefix // zero: all
	In, Out   string       // interfaces; "": any
	Mark      uint32
	MarkMask  uint32
	Table     int
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
	Rule      *Rule  // that led to the table; nil: not known
	Kind      string // unicast, local, broadcast, multicast, prohibit, blackhole, unreachable, none
	Metric    int
	Protocol  string
	// Hop is the neighbour that the packet is given to, with what the kernel knows of it; nil: there is none, or
	// the kernel has not talked to it yet.
	Hop *Neighbour
}

// Ask narrows a decision.
type Ask struct {
	Source    netip.Addr // zero: the kernel chooses
	Interface string     // the packet must leave by; "": any
	Mark      uint32
	UID       int // of the sender, for rules by user; negative: this process's
}

// Way is how the world is reached over a family.
type Way struct {
	Interface string
	Source    netip.Addr
	Gateway   netip.Addr
}

// Socket is a listening socket, or one in TIME_WAIT, of this machine.
type Socket struct {
	Addr     netip.AddrPort // local
	Remote   netip.AddrPort // with TimeWait
	TimeWait bool
	UID      int    // -1: not known
	PID      int    // 0: not known, or not permitted to know
	Program  string // "": not known
	V6Only   bool
}

// Interfaces returns the interfaces in the order of their indexes.
func Interfaces() ([]Interface, error) { return nil, errors.ErrUnsupported }

// Routes returns the main tables of both families in the kernel's order, or with all every table's.
func Routes(all bool) ([]Route, error) { return nil, errors.ErrUnsupported }

// Rules returns the policy rules in the order in which they are asked, IPv4 first.
func Rules() ([]Rule, error) { return nil, errors.ErrUnsupported }

// Neighbours returns the neighbours that the kernel knows.
func Neighbours() ([]Neighbour, error) { return nil, errors.ErrUnsupported }

// Decide returns the kernel's own decision about a packet to dst; no packet is sent. No route is a Decision, too: of kind none.
func Decide(dst netip.Addr, ask Ask) (Decision, error) { return Decision{}, errors.ErrUnsupported }

// World returns the ways out to the world over IPv4 and IPv6, by the kernel's decision about addresses out there; a zero Way: there is none.
func World() (v4, v6 Way, err error) { return Way{}, Way{}, errors.ErrUnsupported }

// Sockets returns the TCP sockets (or UDP's) of this machine that listen on port, and those in TIME_WAIT on it.
func Sockets(udp bool, port uint16) ([]Socket, error) { return nil, errors.ErrUnsupported }

// FirstUnprivileged returns the first port that a program without privileges may bind; 0: there is no such limit.
func FirstUnprivileged() int { return 0 }
