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

// add makes p belong to nd and returns the node that has it already, if any.
func (o *owners) add(p netip.Prefix, nd *node) *node {
	p = p.Masked()
	if p.IsSingleIP() {
		if had := o.exact[p.Addr()]; had != nil {
			return had
		}
		o.exact[p.Addr()] = nd
		return nil
	}
	if had := o.prefixes[p]; had != nil {
		return had
	}
	o.prefixes[p] = nd
	if !slices.Contains(o.bits, p.Bits()) {
		o.bits = append(o.bits, p.Bits())
		slices.SortFunc(o.bits, func(a, b int) int { return b - a })
	}
	return nil
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
	owner := n.owners.find(f.h.Dst)
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
	key := pair{nd.id, dst.id}
	cs, ok := n.paths[key]
	if ok {
		return cs
	}
	distances := n.distances[dst.id]
	if distances == nil {
		distances = n.measure(dst)
		n.distances[dst.id] = distances
	}
	if distances[nd.id] != unreached {
		for _, e := range nd.edges {
			forwards := e.to == dst || e.to.router != nil
			if forwards && distances[e.to.id] == distances[nd.id]-1 {
				cs = append(cs, candidate{e, 1})
			}
		}
	}
	n.paths[key] = cs
	return cs
}

// measure returns how many hops every node is from dst, through routers.
func (n *Network) measure(dst *node) []int32 {
	distances := make([]int32, len(n.nodes))
	for i := range distances {
		distances[i] = unreached
	}
	distances[dst.id] = 0
	queue := []*node{dst}
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
