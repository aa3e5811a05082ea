package draw

import (
	"fmt"
	"slices"
	"strconv"
)

// sketch builds a graph hop by hop.
type sketch struct{ Graph }

func newSketch(title string) *sketch {
	s := &sketch{Graph{Title: title, Subtitle: "UDP, source 198.51.100.7", Axis: "TTL"}}
	s.Columns = []Column{{}}
	s.Nodes = []Node{{Kind: Source, Label: "this host", Note: "198.51.100.7"}}
	return s
}

// hop adds a column of routers and returns their indices.
func (s *sketch) hop(n int) []int {
	ttl := len(s.Columns)
	s.Columns = append(s.Columns, Column{Title: strconv.Itoa(ttl)})
	var added []int
	for i := range n {
		rtt := fmt.Sprintf("%d.%03d ms", 3*ttl, (137*ttl+311*i)%1000)
		added = append(added, len(s.Nodes))
		s.Nodes = append(s.Nodes, Node{
			Column: ttl, Label: fmt.Sprintf("10.%d.%d.1", ttl, i), Note: rtt,
			Details: []Detail{{"RTT", rtt}, {"Answers", strconv.Itoa(6 + i)}},
		})
	}
	return added
}

// silent makes nodes silent.
func (s *sketch) silent(nodes ...int) {
	for i, n := range nodes {
		s.Nodes[n] = Node{Column: s.Nodes[n].Column, Kind: Silent, Label: fmt.Sprintf("*%d.%d", s.Nodes[n].Column, i+1)}
	}
}

// name gives nodes names, one after the other, as long as there are any.
func (s *sketch) name(names ...string) {
	i := 0
	for n := range s.Nodes {
		if s.Nodes[n].Kind == Router && len(names) > 0 {
			s.Nodes[n].Name = names[i%len(names)]
			i++
		}
	}
}

// end makes the last node the destination.
func (s *sketch) end() Graph {
	last := &s.Nodes[len(s.Nodes)-1]
	last.Kind, last.Label, last.Name = Destination, "203.0.113.80", "www.example.net"
	return s.Graph
}

// flow links the nodes that a flow passes.
func (s *sketch) flow(number int, nodes ...int) {
	for i := range len(nodes) - 1 {
		at := slices.IndexFunc(s.Links, func(l Link) bool { return l.From == nodes[i] && l.To == nodes[i+1] })
		if at < 0 {
			at = len(s.Links)
			s.Links = append(s.Links, Link{From: nodes[i], To: nodes[i+1]})
		}
		s.Links[at].Flows = append(s.Links[at].Flows, number)
	}
}

// spread sends flows over hops: flow i takes at each hop the node that i gives there.
func (s *sketch) spread(flows int, hops ...[]int) {
	for f := range flows {
		path, rest := []int{0}, f
		for _, hop := range hops {
			path = append(path, hop[rest%len(hop)])
			if len(hop) > 1 {
				rest = rest*7/3 + rest/len(hop)
			}
		}
		s.flow(f, path...)
	}
}

var routerNames = []string{
	"gateway.example", "ae-12.core1.fra.example.net", "xe-0-0-1-3.edge-router-17.amsterdam.backbone.example.com",
	"", "lo0.bng-42.berlin.provider.example", "be3187.ccr41.ams03.atlas.example.com",
}

// samples are graphs of all shapes.
func samples() map[string]Graph {
	all := make(map[string]Graph)

	s := newSketch("Paths to 203.0.113.80")
	all["one"] = s.Graph

	s = newSketch("Paths to www.example.net (203.0.113.80)")
	s.spread(3, s.hop(1), s.hop(1), s.hop(1))
	all["three"] = s.end()

	s = newSketch("Paths to www.example.net (203.0.113.80)")
	s.Notes = []string{"Hop 12 answers only so many probes a second; its losses are not the path's.",
		"Nodes or links missed with a probability of at most 5 %."}
	var hops [][]int
	for range 30 {
		hops = append(hops, s.hop(1))
	}
	s.name(routerNames...)
	s.silent(hops[8][0])
	s.silent(hops[9][0])
	s.spread(3, hops...)
	all["linear30"] = s.end()

	s = newSketch("Paths to www.example.net (203.0.113.80)")
	first, wide := s.hop(1), s.hop(16)
	s.name(routerNames...)
	s.spread(96, first, wide, s.hop(1), s.hop(1))
	s.Nodes[first[0]].Badges = []Badge{{"per-flow", Blue}}
	all["wide16"] = s.end()

	all["mesh"] = mesh()

	s = newSketch("Paths to www.example.net (203.0.113.80)")
	hops = nil
	for _, n := range []int{1, 2, 4, 8, 1, 1} {
		hops = append(hops, s.hop(n))
	}
	s.spread(64, hops...)
	for _, h := range hops[:3] {
		for _, n := range h {
			s.Nodes[n].Badges = []Badge{{"per-flow", Blue}}
		}
	}
	all["tree"] = s.end()

	all["silent"] = silentDiamond()

	s = newSketch("Paths to www.example.net (203.0.113.80)")
	a, x, y, b := s.hop(1), s.hop(3), s.hop(3), s.hop(1)
	s.hop(1)
	for f := range 9 {
		s.flow(f, 0, a[0], x[f%3])
		if f < 3 {
			s.flow(f, x[f], y[f], b[0])
		}
	}
	s.flow(9, 0, a[0], x[0], y[1], b[0], b[0]+1)
	all["partial"] = s.end()

	all["typical"] = typical()
	return all
}

// silentDiamond has silent nodes within a diamond, and badges.
func silentDiamond() Graph {
	s := newSketch("Paths to www.example.net (203.0.113.80)")
	a, x, y, b, c := s.hop(1), s.hop(4), s.hop(4), s.hop(2), s.hop(1)
	s.name(routerNames...)
	s.silent(x[1], x[2])
	s.silent(y[2])
	for f := range 24 {
		s.flow(f, 0, a[0], x[f%4], y[f%4], b[f%4/2], c[0])
	}
	s.Nodes[a[0]].Badges = []Badge{{"per-packet", Orange}}
	s.Nodes[y[1]].Badges = []Badge{{"MPLS", Grey}, {"per-destination", Violet}}
	return s.end()
}

// mesh is a 4x4 mesh with a longer branch.
func mesh() Graph {
	s := newSketch("Paths to www.example.net (203.0.113.80)")
	a, x, y, b, c := s.hop(1), s.hop(4), s.hop(4), s.hop(1), s.hop(1)
	long := len(s.Nodes)
	s.Nodes = append(s.Nodes, Node{Column: 2, Label: "10.9.9.9", Note: "7.412 ms"})
	for f := range 32 {
		s.flow(f, 0, a[0], x[f%4], y[f/4%4], b[0], c[0])
	}
	for f := 32; f < 40; f++ {
		s.flow(f, 0, a[0], long, b[0], c[0])
	}
	s.Nodes[a[0]].Badges = []Badge{{"per-flow", Blue}}
	for _, n := range x {
		s.Nodes[n].Badges = []Badge{{"per-flow", Blue}}
	}
	s.Nodes[long], s.Nodes[c[0]] = s.Nodes[c[0]], s.Nodes[long]
	for i, l := range s.Links {
		swap := map[int]int{long: c[0], c[0]: long}
		if n, ok := swap[l.From]; ok {
			s.Links[i].From = n
		}
		if n, ok := swap[l.To]; ok {
			s.Links[i].To = n
		}
	}
	return s.end()
}

// typical is a long path of IPv6 with diamonds and silent hops.
func typical() Graph {
	s := newSketch("Paths to www.example.net (2001:db8:ffff::80)")
	var hops [][]int
	for _, n := range []int{1, 1, 1, 2, 4, 2, 1, 1, 5, 1, 1, 1, 1} {
		hops = append(hops, s.hop(n))
	}
	for i := range s.Nodes {
		if i > 0 {
			s.Nodes[i].Label = fmt.Sprintf("2001:db8:%x:%x::%x", i*7919%65536, i*104729%65536, i)
		}
	}
	s.Nodes[5].Label = "2001:db8:1234:5678:9abc:def0:1234:5678"
	s.name(routerNames...)
	s.silent(hops[2][0])
	s.silent(hops[4][1])
	s.spread(48, hops...)
	s.Nodes[hops[2+1][0]].Badges = []Badge{{"per-flow", Blue}}
	s.Nodes[hops[7][0]].Badges = []Badge{{"per-flow", Blue}}
	s.Nodes[hops[9][0]].Badges = []Badge{{"rate-limited", Grey}}
	return s.end()
}
