package trace

import (
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/internal/stats"
)

// Hop is what became of the probes of one TTL.
type Hop struct {
	TTL int
	// Probes are the probes of the TTL in the order of their flows, and of one flow in the
	// order of sending; of rounds, the last one's. A probe sent again because it got lost stands in for the lost one.
	// With Multipath only one, of those that could get no further.
	Probes []Probe
	Addrs  []HopAddr // who answered, in the order of first answers
	Sent   int64     // in all rounds
	Lost   int64     // of them without an answer
	// RateLimited tells that the hop answers only so many probes a second, as the pace at which it
	// answers showed: its losses are not the path's.
	RateLimited bool
	// Changes are what quoted packets show of this hop and of no nearer one: what the way from the hop before
	// to this one does to packets.
	Changes []Change
	Bound   float64 // Multipath: probability, at most, that a node or link of this hop was missed
}

// HopAddr is an address that answered at a hop.
type HopAddr struct {
	Addr  netip.Addr
	RTT   stats.RTT
	Flows []int // that it answered, in order
}

// Balancer says how a node spreads what it forwards.
type Balancer uint8

// The kinds of balancers.
const (
	None           Balancer = iota // one next node only
	PerFlow                        // by flow
	PerPacket                      // packet by packet, whatever the flow
	PerDestination                 // by destination address
)

var balancers = [...]string{None: "none", PerFlow: "per-flow", PerPacket: "per-packet", PerDestination: "per-destination"}

// String returns the name as in "per-flow".
func (b Balancer) String() string {
	if int(b) < len(balancers) {
		return balancers[b]
	}
	return "unknown"
}

// Vertex names a node of the graph: an address at a TTL, or one of the silent nodes there.
type Vertex struct {
	TTL    int
	Addr   netip.Addr // zero: silent
	Silent int        // number of the silent node at this TTL, from 1; 0: it has an address
}

// Node is a node of the graph of all paths.
type Node struct {
	Vertex
	Flows    []int // that were seen to pass it, in order
	Balancer Balancer
	// Confidence is the probability, at least, that Balancer is right given how it was tested; 0: not tested.
	Confidence float64
	RTT        stats.RTT
	Labels     []Label // of the last answer that had any
	Reached    bool    // it answered as a destination
	Loop       bool    // one flow met it at an earlier TTL, too
}

// Link joins two nodes of successive TTLs that one flow passed one after the other.
type Link struct {
	From, To Vertex
	Flows    []int // that passed both, in order
}

// StopReason says why a trace ended.
type StopReason string

// The reasons.
const (
	StopDestination StopReason = "destination" // reached
	StopUnreachable StopReason = "unreachable" // an ICMP error says that the way ends
	StopGap         StopReason = "gap"         // Config.Gap silent hops in a row
	StopMaxTTL      StopReason = "max_ttl"
	StopDeadline    StopReason = "deadline"
	StopInterrupted StopReason = "interrupted"
	StopError       StopReason = "error" // this machine could not send: Result.Err
)

// Result is the outcome of a trace to one target.
type Result struct {
	Method  Method
	Source  netip.Addr
	Reached bool
	Stop    StopReason
	Err     error // with StopError
	// Hops is the TTL at which the destination answered (of several, the highest), or the last that did.
	Hops int
	// Alive tells that the destination answered behind silent hops: to what, says AliveBy ("echo", "tcp").
	Alive   bool
	AliveBy string

	Probes     int64 // sent
	InFlight   int64 // of them, those that had no outcome when the trace ended: as a rule sent beyond the destination
	Checks     int64 // of them, those to the destination behind silent hops or for its MTU, which have no events
	Took       time.Duration
	Late       int64
	Duplicates int64
	Foreign    int64
	SendErrors int64
	Raw        bool // raw sockets were used; else Changes and quoted TTLs are not known

	// Limited are the TTLs whose hops answer only so many probes a second.
	Limited []int
	PathMTU *PathMTU // with Config.MTU

	Nodes, Links int     // Multipath
	Confidence   float64 // asked for
	Bound        float64 // probability, at most, that a node or link of the whole trace was missed
	Lite         bool    // MDA-Lite sufficed
	Caveats      []string
}

// PathMTU is the result of looking for the path MTU.
type PathMTU struct {
	MTU   int // in bytes, that the destination answered to; 0: nothing did
	Steps []MTUStep
	// BlackHole is the first TTL whose probes larger than MTU vanish without a word; 0: none does.
	BlackHole int
}

// MTUStep is a router that says that packets are too big.
type MTUStep struct {
	TTL  int        // of the hop that says so; 0: not known, or this machine
	From netip.Addr // zero: this machine
	MTU  int        // that it names
}
