package netsim

import (
	"net/netip"
	"time"
)

// Topology describes a network. It is a Go literal or, through ParseJSON, a file. The
// zero value of every field is the ideal: no delay, no loss, no limit, no fault. Names of
// nodes are unique over routers, hosts and the vantage.
type Topology struct {
	// Seed starts all that is random.
	Seed uint64 `json:"seed"`
	// Epoch is what every Window and Injection counts from; zero: the moment of the first
	// packet.
	Epoch      time.Time   `json:"epoch"`
	Vantage    Vantage     `json:"vantage"`
	Routers    []Router    `json:"routers"`
	Hosts      []Host      `json:"hosts"`
	Links      []Link      `json:"links"`
	Injections []Injection `json:"injections"`
}

// Vantage is the node whose packets are handed to Network.Send.
type Vantage struct {
	Name string `json:"name"` // empty: "vantage"
	// Addrs are its addresses. The first of a family is the source of what a Conn sends.
	Addrs  []netip.Addr `json:"addrs"`
	Routes []Route      `json:"routes"`
	// Balance says how it chooses between several links, if it has them; empty: PerFlow.
	Balance Balance `json:"balance"`
}

// Link joins two nodes. There may be several between the same two.
type Link struct {
	From string `json:"from"` // name of a node
	To   string `json:"to"`   // name of a node
	// FromAddrs and ToAddrs are the addresses of the interfaces at both ends. They are
	// the node's own; a router's ICMP errors come from that where the packet arrived.
	FromAddrs []netip.Addr `json:"from_addrs"`
	ToAddrs   []netip.Addr `json:"to_addrs"`
	Line                   // the direction from From to To
	Back      *Line        `json:"back"` // the other direction; nil: the same
}

// Line is one direction of a link.
type Line struct {
	Delay time.Duration `json:"delay"` // one way, exact
	// Jitter is added to Delay: Uniform draws from [0, Jitter), Normal takes the absolute
	// value of a normal distribution with that standard deviation.
	Jitter       time.Duration `json:"jitter"`
	Distribution Distribution  `json:"distribution"` // of Jitter; empty: Uniform
	Loss         float64       `json:"loss"`         // probability, 0 to 1
	// Reorder is the probability, 0 to 1, that a packet is held back by ReorderBy, so
	// that others overtake it.
	Reorder   float64       `json:"reorder"`
	ReorderBy time.Duration `json:"reorder_by"`
	// InOrder keeps packets from overtaking each other: one arrives no earlier than those
	// before it.
	InOrder bool `json:"in_order"`
	// MTU is the size in bytes of the largest packet, 68 to 65535; 0: no limit. The
	// router before the line reports larger ones that must not be fragmented, unless
	// BlackHole is set. The vantage, on its own link, drops them; a Conn of many flows says
	// EMSGSIZE.
	MTU       int      `json:"mtu"`
	BlackHole bool     `json:"black_hole"`
	Down      []Window `json:"down"` // when it loses everything
}

// Distribution is the shape of random delays.
type Distribution string

// The distributions.
const (
	Uniform Distribution = "uniform"
	Normal  Distribution = "normal"
)

// Window is a span of time since the epoch, From included and To not.
type Window struct {
	From time.Duration `json:"from"`
	To   time.Duration `json:"to"` // 0: for ever
}

func (w Window) contains(at time.Duration) bool {
	return at >= w.From && (w.To == 0 || at < w.To)
}

func within(ws []Window, at time.Duration) bool {
	for _, w := range ws {
		if w.contains(at) {
			return true
		}
	}
	return false
}

// Route says where a node sends packets to a prefix. Of those that match, that with the
// longest prefix is taken, and of equals the first.
type Route struct {
	To  netip.Prefix `json:"to"`
	Via []NextHop    `json:"via"` // several: balanced; none: see Action
	// Balance chooses between several next hops; empty: as the node does.
	Balance Balance `json:"balance"`
	// Action is what happens to packets of a route without next hops.
	Action Action `json:"action"`
	// Error is what Unreachable and Prohibit report; empty: NetUnreachable, Prohibited.
	Error Kind `json:"error"`
	// Unowned restricts the route to addresses that no node has.
	Unowned bool `json:"unowned"`
	// Back makes it a route for packets on their way back to the vantage, and for no
	// others. It has next hops.
	Back bool `json:"back"`
}

// NextHop is a neighbour of a node.
type NextHop struct {
	Node   string `json:"node"`   // a node that a link leads to
	Weight int    `json:"weight"` // share of the flows, against the others'; 0: 1
}

// Action is the fate of packets.
type Action string

// The actions of a Route. Unreachable and Prohibit drop packets and report it, Blackhole
// drops them in silence.
const (
	Unreachable Action = "unreachable"
	Prohibit    Action = "prohibit"
	Blackhole   Action = "blackhole"
)

// The actions of a Rule. Reset answers TCP with a reset, and rejects all else.
const (
	Accept Action = "accept"
	Drop   Action = "drop"
	Reject Action = "reject"
	Reset  Action = "reset"
)

// Injection is a packet that reaches the vantage without a cause; see Network.Inject. It
// comes with what the first packet leads to.
type Injection struct {
	At     time.Duration `json:"at"` // since the epoch
	Packet Hex           `json:"packet"`
}
