package netsim

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// Network is a network in memory, made by New. Its methods may be called by several
// goroutines at a time.
type Network struct {
	mu         sync.Mutex
	seed       uint64
	epoch      time.Time // zero: not set before the first packet
	givenEpoch time.Time // the topology's
	started    bool
	injections []Injection
	nodes      []*node // the vantage first
	names      map[string]*node
	owners     owners

	distances map[*node][]int32
	flight    flight
	buffer    []byte      // holds the flight's packet
	trail     []*edge     // that the flight has gone
	upper     []byte      // holds the message that a node makes
	out       []delivery  // what comes back, of the present Send
	listeners []*listener // in the order of Notify
	sockets   uint64      // opened so far
	conns     []*Conn
	resets    []Delivery    // that the vantage's kernel is to send, in order; sockets of flows only
	baseAt    time.Duration // since the epoch
}

// node is the state of a router, a host or the vantage.
type node struct {
	id         int
	name       string
	seed       uint64
	pcg        rand.PCG
	rng        *rand.Rand   // of pcg
	addrs      []netip.Addr // of hosts: the first of each prefix
	router     *router      // nil: not one
	edges      []*edge
	inbound    []candidate // the way in, of a node with one link
	routes     []route     // the longest prefix first
	backRoutes []route
	paths      map[*node][]candidate // that begin here, by the node they lead to
	recent     *node                 // the node that was asked for last
	toRecent   []candidate           // the paths there
	balance    Balance
	hash       Hash
	saltText   string // what salt is made of; empty: the name
	salt       uint64
	down       []Window
	// members are the hosts that share an address: then this is no node but stands for them.
	members []*node

	ttl                       uint8
	tos                       *int
	udpEcho, udpOpen, tcpOpen []Ports
	udpSilent                 bool
	quote                     *Quote // of errors that answer packets for it
	limit                     *limiter
	faults                    []fault
	probes                    int // answered so far, faults aside
	ipID                      uint16
	partial                   map[fragmentKey][]piece
	connections               map[connectionKey]*connection
}

// isFor reports whether nd has the address of owner, which is what owners.find returned.
func (nd *node) isFor(owner *node) bool {
	return nd == owner || owner != nil && slices.Contains(owner.members, nd)
}

// share returns where in [0, 1) the address a falls, for faults of a share of all.
func (nd *node) share(a netip.Addr) float64 {
	return float64(newHash(nd.seed).addr(a).sum()>>11) / (1 << 53)
}

// Delivery is a packet that reaches the vantage.
type Delivery struct {
	At     time.Time // derived from the now of Send, with a monotonic reading where that has one
	Packet []byte    // a whole IP packet, the receiver's to keep
}

// delivery is a Delivery within the network.
type delivery struct {
	at  time.Duration // since the epoch
	pkt []byte
}

// listener is a function that Inject calls.
type listener struct{ f func(Delivery) }

// Send hands the network an IP packet that the vantage sends at the given moment, and
// returns what comes back, in the order of arrival. It does not keep pkt. What is no
// whole IP packet is dropped. The moments of successive calls should not go back.
func (n *Network) Send(now time.Time, pkt []byte) []Delivery {
	return n.AppendSend(nil, now, pkt)
}

// AppendSend appends to ds what Send returns.
func (n *Network) AppendSend(ds []Delivery, now time.Time, pkt []byte) []Delivery {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.start(now)
	h, err := packet.ParseIP(pkt)
	if err == nil && h.Length >= h.HeaderLen && h.Length <= len(pkt) {
		n.buffer = append(n.buffer[:0], pkt[:h.Length]...)
		n.flight = flight{at: n.baseAt, h: h, pkt: n.buffer, owner: n.owners.find(h.Dst)}
		n.flight.h.Options = nil // aliases pkt, and nobody needs it
		n.forward(&n.flight)
	}
	if len(n.out) > 1 {
		slices.SortStableFunc(n.out, func(a, b delivery) int { return cmp.Compare(a.at, b.at) })
	}
	for _, d := range n.out {
		ds = append(ds, Delivery{At: now.Add(d.at - n.baseAt), Packet: d.pkt})
	}
	return ds
}

// start begins a Send.
func (n *Network) start(now time.Time) {
	clear(n.out)
	n.out = n.out[:0]
	if n.epoch.IsZero() {
		n.epoch = now
	}
	n.baseAt = now.Sub(n.epoch)
	if !n.started {
		n.started = true
		for _, i := range n.injections {
			n.deliver(i.At, slices.Clone(i.Packet))
		}
	}
}

// deliver hands the vantage a packet.
func (n *Network) deliver(at time.Duration, pkt []byte) {
	n.out = append(n.out, delivery{at, pkt})
}

// Inject delivers a copy of the IP packet pkt, which nothing in the network has caused,
// to all who Notify has been called for and to every Conn at the given moment.
func (n *Network) Inject(at time.Time, pkt []byte) {
	n.mu.Lock()
	listeners := slices.Clone(n.listeners)
	n.mu.Unlock()
	for _, l := range listeners {
		l.f(Delivery{At: at, Packet: slices.Clone(pkt)})
	}
}

// Notify has f called with what Inject delivers, at once, whenever that is to arrive,
// until stop is called. f may be called by several goroutines at a time.
func (n *Network) Notify(f func(Delivery)) (stop func()) {
	l := &listener{f}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners = append(n.listeners, l)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.listeners = slices.DeleteFunc(n.listeners, func(other *listener) bool { return other == l })
	}
}

// Vantage returns the vantage's first address of family f, or the zero Addr.
func (n *Network) Vantage(f packet.Family) netip.Addr { return firstOf(n.nodes[0].addrs, f) }

// Addr returns the first address of family f of the named node (of a prefix that a host
// has, the first of it), or the zero Addr.
func (n *Network) Addr(name string, f packet.Family) netip.Addr {
	nd := n.names[name]
	if nd == nil {
		return netip.Addr{}
	}
	return firstOf(nd.addrs, f)
}
