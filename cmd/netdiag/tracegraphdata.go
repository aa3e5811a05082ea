package main

import (
	"cmp"
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/netdiag/netdiag/trace"
)

// traceGraph is what --graph shows of a trace. Its texts are as they came: not made harmless.
type traceGraph struct {
	Target    string // what the user typed
	Addr      netip.Addr
	Multipath bool // nodes and links are those of -M; else what the probes of an ordinary trace show
	Result    *trace.Result
	// Nodes are in the order of TTLs. The first one is this machine, at TTL 0.
	Nodes []graphNode
	Links []graphLink
}

// graphNode is a node of a traceGraph.
type graphNode struct {
	trace.Node
	Name string   // reverse name; empty: none
	ASN  []uint32 // with -A
}

// graphLink joins two nodes, by their indices.
type graphLink struct {
	From, To int
	Flows    []int
}

// graphOf returns the graph of a trace that is over; called says what is known of an address by name.
func graphOf(t *traceTarget, multipath bool, called func(netip.Addr) (string, []uint32)) traceGraph {
	g := traceGraph{Target: t.text, Addr: t.addr, Multipath: multipath, Result: t.result}
	nodes, links := t.nodes, t.links
	if !multipath {
		nodes, links = pathsOf(t.hops)
	}
	g.Nodes = append(g.Nodes, graphNode{Node: trace.Node{Vertex: trace.Vertex{Addr: t.result.Source}}})
	index := map[trace.Vertex]int{{}: 0}
	for _, n := range nodes {
		index[n.Vertex] = len(g.Nodes)
		node := graphNode{Node: n}
		if n.Addr.IsValid() {
			node.Name, node.ASN = called(n.Addr)
		}
		g.Nodes = append(g.Nodes, node)
	}
	reached := make(map[int]bool)
	for _, l := range links {
		from, known := index[l.From]
		to, ok := index[l.To]
		if !known || !ok {
			continue
		}
		g.Links = append(g.Links, graphLink{from, to, l.Flows})
		reached[to] = true
	}
	for i, n := range g.Nodes[1:] {
		if !reached[i+1] {
			g.Links = append(g.Links, graphLink{0, i + 1, n.Flows})
		}
	}
	return g
}

// pathsOf returns what the probes of hops show of nodes and links: which answers each flow met one after
// the other. Silent nodes are the same where they lie between the same ones.
func pathsOf(hops []*trace.Hop) ([]trace.Node, []trace.Link) {
	f := pathFold{nodes: make(map[trace.Vertex]*trace.Node), links: make(map[[2]trace.Vertex]*trace.Link),
		silent: make(map[silentKey]trace.Vertex), last: make(map[int]int)}
	for flow, path := range flowPaths(hops) {
		f.add(flow, path)
	}
	for _, h := range hops {
		for _, a := range h.Addrs {
			if n := f.nodes[trace.Vertex{TTL: h.TTL, Addr: a.Addr}]; n != nil {
				n.RTT = a.RTT
			}
		}
	}
	var nodes []trace.Node
	for _, n := range f.nodes {
		nodes = append(nodes, *n)
	}
	slices.SortFunc(nodes, func(a, b trace.Node) int { return compareVertices(a.Vertex, b.Vertex) })
	var links []trace.Link
	for _, l := range f.links {
		links = append(links, *l)
	}
	slices.SortFunc(links, func(a, b trace.Link) int {
		return cmp.Or(compareVertices(a.From, b.From), compareVertices(a.To, b.To))
	})
	return nodes, links
}

// compareVertices orders by TTL, then by address, the silent ones last.
func compareVertices(a, b trace.Vertex) int {
	return cmp.Or(a.TTL-b.TTL, a.Silent-b.Silent, a.Addr.Compare(b.Addr))
}

// flowPaths yields the probes of each flow in the order of TTLs, up to the one that got to its destination or
// could get no further, and else up to the last one with an answer.
func flowPaths(hops []*trace.Hop) iter.Seq2[int, []*trace.Probe] {
	paths, ended := make(map[int][]*trace.Probe), make(map[int]bool)
	for _, h := range hops {
		for i := range h.Probes {
			p := &h.Probes[i]
			path := paths[p.Flow]
			again := len(path) > 0 && path[len(path)-1].TTL == p.TTL
			switch {
			case ended[p.Flow], again && !p.From.IsValid():
				continue
			case again:
				path = path[:len(path)-1]
			}
			paths[p.Flow] = append(path, p)
			ended[p.Flow] = p.Reached || p.Stopped
		}
	}
	return func(yield func(int, []*trace.Probe) bool) {
		for _, flow := range slices.Sorted(maps.Keys(paths)) {
			path := paths[flow]
			for len(path) > 0 && !path[len(path)-1].From.IsValid() {
				path = path[:len(path)-1]
			}
			if !yield(flow, path) {
				return
			}
		}
	}
}

// pathFold adds up paths of flows.
type pathFold struct {
	nodes  map[trace.Vertex]*trace.Node
	links  map[[2]trace.Vertex]*trace.Link
	silent map[silentKey]trace.Vertex
	last   map[int]int // by TTL, the number of the last silent node
}

// silentKey tells silent nodes apart.
type silentKey struct {
	before trace.Vertex // the node before it
	ttl    int
	behind netip.Addr // the first address behind it
}

// add adds the probes of a flow.
func (f *pathFold) add(flow int, path []*trace.Probe) {
	before := trace.Vertex{}
	for i, p := range path {
		v := trace.Vertex{TTL: p.TTL, Addr: p.From}
		if !p.From.IsValid() {
			v = f.silentNode(before, path[i:])
		}
		n := f.nodes[v]
		if n == nil {
			n = &trace.Node{Vertex: v}
			f.nodes[v] = n
		}
		n.Flows = appendNew(n.Flows, flow)
		n.Reached = n.Reached || p.Reached
		if len(p.Labels) > 0 {
			n.Labels = p.Labels
		}
		if i > 0 {
			l := f.links[[2]trace.Vertex{before, v}]
			if l == nil {
				l = &trace.Link{From: before, To: v}
				f.links[[2]trace.Vertex{before, v}] = l
			}
			l.Flows = appendNew(l.Flows, flow)
		}
		before = v
	}
}

// silentNode returns the silent node that the first probe of rest met.
func (f *pathFold) silentNode(before trace.Vertex, rest []*trace.Probe) trace.Vertex {
	ttl := rest[0].TTL
	key := silentKey{before: before, ttl: ttl}
	for _, p := range rest {
		if p.From.IsValid() {
			key.behind = p.From
			break
		}
	}
	if v, ok := f.silent[key]; ok {
		return v
	}
	f.last[ttl]++
	v := trace.Vertex{TTL: ttl, Silent: f.last[ttl]}
	f.silent[key] = v
	return v
}

// appendNew appends flow unless it is the last one.
func appendNew(flows []int, flow int) []int {
	if len(flows) > 0 && flows[len(flows)-1] == flow {
		return flows
	}
	return append(flows, flow)
}
