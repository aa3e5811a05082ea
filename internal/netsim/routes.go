package netsim

import (
	"math"
	"net/netip"
	"slices"
)

// owners finds the node that an address belongs to.
type owners struct {
	exact    map[netip.Addr]*node
	prefixes map[netip.Prefix]*node
	bits     []int // the lengths in prefixes, longest first
}

// add makes p, which is masked, belong to nd and returns the node that has it already, if any.
func (o *owners) add(p netip.Prefix, nd *node) *node {
	if had := o.get(p); had != nil {
		return had
	}
	o.set(p, nd)
	return nil
}

// get returns the node that p, which is masked, belongs to, or nil.
func (o *owners) get(p netip.Prefix) *node {
	if p.IsSingleIP() {
		return o.exact[p.Addr()]
	}
	return o.prefixes[p]
}

// set makes p, which is masked, belong to nd.
func (o *owners) set(p netip.Prefix, nd *node) {
	if p.IsSingleIP() {
		o.exact[p.Addr()] = nd
		return
	}
	o.prefixes[p] = nd
	if !slices.Contains(o.bits, p.Bits()) {
		o.bits = append(o.bits, p.Bits())
		slices.SortFunc(o.bits, func(a, b int) int { return b - a })
	}
}

// find returns the node with the longest prefix that a is in, or nil.
func (o *owners) find(a netip.Addr) *node {
	if nd := o.exact[a]; nd != nil {
		return nd
	}
	for _, bits := range o.bits {
		if p, err := a.Prefix(bits); err == nil {
			if nd := o.prefixes[p]; nd != nil {
				return nd
			}
		}
	}
	return nil
}

// route is a Route with the lines that it leads to.
type route struct {
	*Route
	via []candidate
}

// route returns the line that nd sends f by, or how it refuses f; "" is in silence.
func (n *Network) route(nd *node, f *flight) (*edge, Kind) {
	owner := f.owner
	for i := range nd.routes {
		r := &nd.routes[i]
		if !r.To.Contains(f.h.Dst) || r.Unowned && owner != nil {
			continue
		}
		if len(r.via) == 0 {
			return nil, r.refusal()
		}
		return nd.choose(r.via, r.Balance, &f.h, f.h.Payload(f.pkt)), ""
	}
	if nd.router == nil && len(nd.edges) == 1 {
		return nd.edges[0], "" // the only way out is the default
	}
	if owner == nil {
		return nil, NetUnreachable
	}
	cs := n.toward(nd, owner)
	if len(cs) == 0 {
		return nil, NetUnreachable
	}
	return nd.choose(cs, nd.balance, &f.h, f.h.Payload(f.pkt)), ""
}

// refusal returns the error of a route without next hops.
func (r *route) refusal() Kind {
	switch {
	case r.Action == Blackhole:
		return ""
	case r.Error != "":
		return r.Error
	case r.Action == Prohibit:
		return Prohibited
	}
	return NetUnreachable
}

// pair is a way from one node to another.
type pair struct{ from, to int }

// unreached is the distance of what cannot be reached.
const unreached = math.MaxInt32

// toward returns the lines of nd that begin a path with the fewest hops to the node dst.
// What it has worked out it remembers, for the nodes with several links only: the others
// are reached by their neighbour's paths, so that ten thousand hosts at a router cost
// nothing.
func (n *Network) toward(nd, dst *node) []candidate {
	if len(dst.edges) == 1 {
		neighbour := dst.edges[0].to
		if neighbour == nd {
			return dst.inbound
		}
		if neighbour.router == nil {
			return nil
		}
		dst = neighbour
	}
	if dst == nd.recent {
		return nd.toRecent
	}
	cs, ok := nd.paths[dst]
	if !ok {
		cs = n.shortest(nd, dst)
		if nd.paths == nil {
			nd.paths = make(map[*node][]candidate)
		}
		nd.paths[dst] = cs
	}
	nd.recent, nd.toRecent = dst, cs
	return cs
}

// shortest works out the lines of nd that begin a path with the fewest hops to dst.
func (n *Network) shortest(nd, dst *node) (cs []candidate) {
	distances := n.distances[dst]
	if distances == nil {
		distances = n.measure(dst)
		n.distances[dst] = distances
	}
	if distances[nd.id] != unreached {
		for _, e := range nd.edges {
			forwards := e.to.isFor(dst) || e.to.router != nil
			if forwards && distances[e.to.id] == distances[nd.id]-1 {
				cs = append(cs, candidate{e, 1})
			}
		}
	}
	return cs
}

// measure returns how many hops every node is from dst, or from the nearest that dst stands
// for, through routers.
func (n *Network) measure(dst *node) []int32 {
	distances := make([]int32, len(n.nodes))
	for i := range distances {
		distances[i] = unreached
	}
	queue := []*node{dst}
	if len(dst.members) > 0 {
		queue = slices.Clone(dst.members)
	}
	for _, nd := range queue {
		distances[nd.id] = 0
	}
	for len(queue) > 0 {
		nd := queue[0]
		queue = queue[1:]
		for _, e := range nd.edges {
			if distances[e.to.id] != unreached {
				continue
			}
			distances[e.to.id] = distances[nd.id] + 1
			if e.to.router != nil {
				queue = append(queue, e.to)
			}
		}
	}
	return distances
}
