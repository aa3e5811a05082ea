package trace

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
)

// graph is what a survey found.
type graph struct {
	nodes   []Node
	links   []Link
	bounds  map[int]float64 // by TTL: probability, at most, that a node there or a link to it was missed
	caveats []string
}

// graph returns what is known.
func (s *survey) graph() graph {
	g := graph{bounds: make(map[int]float64)}
	s.share()
	last := s.last()
	vertex := make([]map[int]int, last+2) // by TTL and flow: index into g.nodes
	for ttl := s.cfg.firstTTL; ttl <= last; ttl++ {
		vertex[ttl] = make(map[int]int)
		sum := s.at(ttl)
		for i, flows := range sum.flows {
			balancer, confidence := s.balancer(ttl, i)
			for n, group := range s.apart(ttl, sum.nodes[i], flows) {
				node := Node{Vertex: Vertex{TTL: ttl, Addr: sum.nodes[i]}, Flows: group, Balancer: balancer, Confidence: confidence}
				if !node.Addr.IsValid() {
					node.Silent = n + 1
				}
				for _, flow := range group {
					vertex[ttl][flow] = len(g.nodes)
					node.Loop = node.Loop || s.looped(ttl, flow)
				}
				g.nodes = append(g.nodes, node)
			}
		}
		g.bounds[ttl] = s.bound(ttl)
	}
	for ttl := s.cfg.firstTTL; ttl < last; ttl++ {
		s.linkUp(&g, vertex[ttl], vertex[ttl+1])
	}
	g.caveats = s.caveats()
	return g
}

// apart splits the flows of a silent node by the nodes that they pass before and behind: a router that does not answer shows
// itself only by its neighbours. Where the ways cross, so that every neighbour leads to every other, there is one.
func (s *survey) apart(ttl int, addr netip.Addr, flows []int) [][]int {
	if addr.IsValid() {
		return [][]int{flows}
	}
	groups := make(map[neighbours][]int)
	var order []neighbours
	befores, behinds := make(map[netip.Addr]bool), make(map[netip.Addr]bool)
	for _, flow := range flows {
		n := s.neighbours(ttl, flow)
		if !n.known(ttl > s.cfg.firstTTL) {
			continue
		}
		if groups[n] == nil {
			order = append(order, n)
		}
		groups[n] = append(groups[n], flow)
		befores[n.before], behinds[n.behind] = true, true
	}
	if len(order) < 2 || len(order) > max(len(befores), len(behinds)) || s.more(ttl, flows, len(order)) {
		return [][]int{flows}
	}
	for _, flow := range flows { // a flow of which one neighbour is known goes with the others of that one
		n := s.neighbours(ttl, flow)
		if n.known(ttl > s.cfg.firstTTL) {
			continue
		}
		i := slices.IndexFunc(order, func(o neighbours) bool {
			return n.before.IsValid() && o.before == n.before || n.behind.IsValid() && o.behind == n.behind
		})
		if i >= 0 {
			groups[order[i]] = append(groups[order[i]], flow)
		}
	}
	var split [][]int
	for _, n := range order {
		slices.Sort(groups[n])
		split = append(split, groups[n])
	}
	return split
}

// more reports whether so many silent nodes are more than their flows suggest, by the share that a node of the TTL
// has which answers.
func (s *survey) more(ttl int, flows []int, nodes int) bool {
	sum := s.at(ttl)
	answering := len(sum.nodes) - 1
	if answering == 0 {
		return false
	}
	share := float64(sum.sighted-len(flows)) / float64(answering)
	return float64(len(flows)) < share*float64(1+nodes)/2
}

// neighbours are the nodes that a flow passes before and behind a TTL; the zero Addr where that is not known.
type neighbours struct{ before, behind netip.Addr }

func (s *survey) neighbours(ttl, flow int) neighbours {
	return neighbours{s.seenAt(ttl-1, flow), s.seenAt(ttl+1, flow)}
}

// known reports whether both are known; the first TTL has none before.
func (n neighbours) known(hasBefore bool) bool {
	return n.behind.IsValid() && (n.before.IsValid() || !hasBefore)
}

// seenAt returns the node that a flow was seen at, the zero Addr if it was not.
func (s *survey) seenAt(ttl, flow int) netip.Addr {
	if ttl < s.cfg.firstTTL || flow >= len(s.layers[ttl].spots) {
		return netip.Addr{}
	}
	return s.layers[ttl].spots[flow].from
}

// looped reports whether a flow was at the same address before, with another between.
func (s *survey) looped(ttl, flow int) bool {
	here := s.seenAt(ttl, flow)
	if !here.IsValid() || s.scattered(ttl) || s.ends[flow] == ttl {
		return false
	}
	away := false
	for before := ttl - 1; before >= s.cfg.firstTTL; before-- {
		a := s.seenAt(before, flow)
		if a == here && away {
			return true
		}
		away = away || a.IsValid() && a != here
	}
	return false
}

// linkUp adds the links between two TTLs, whose nodes are given by flow. Where flows do not stay on one path, only those are
// certain that lead from or to the only node of a TTL.
func (s *survey) linkUp(g *graph, from, to map[int]int) {
	if len(from) == 0 || len(to) == 0 {
		return
	}
	index := make(map[[2]int]int)
	add := func(a, b int, flow int) {
		i, ok := index[[2]int{a, b}]
		if !ok {
			i = len(g.links)
			index[[2]int{a, b}] = i
			g.links = append(g.links, Link{From: g.nodes[a].Vertex, To: g.nodes[b].Vertex})
		}
		if flow >= 0 {
			g.links[i].Flows = append(g.links[i].Flows, flow)
		}
	}
	ttl := g.nodes[anyOf(from)].TTL
	if s.scattered(ttl) {
		if s.wide(ttl + 1) {
			return
		}
		for _, a := range uniqueOf(from) {
			add(a, anyOf(to), -1)
		}
		return
	}
	for _, flow := range slices.Sorted(maps.Keys(from)) {
		if b, ok := to[flow]; ok && s.ends[flow] != ttl {
			add(from[flow], b, flow)
		}
	}
}

// bound is how probable it is at most that a node of a TTL was missed, or a link to it from the TTL before.
func (s *survey) bound(ttl int) float64 {
	before := ttl - 1
	if s.scattered(before) && s.wide(ttl) {
		return 1 // links are not told there
	}
	if before >= s.cfg.firstTTL && s.layers[before].full {
		return min(1, s.fullBound(before))
	}
	sum := s.at(ttl)
	miss := s.points(ttl).bound(max(1, len(sum.nodes)), sum.sighted)
	if s.wide(before) && s.wide(ttl) {
		nodes := max(len(s.at(before).nodes), len(sum.nodes))
		seen := 0
		for _, n := range s.pairs(before).flows {
			seen += n
		}
		miss += math.Exp2(-float64(max(0, seen-nodes)))
	}
	return min(1, miss)
}

// fullBound is that of the links behind a TTL that was asked node by node.
func (s *survey) fullBound(ttl int) (miss float64) {
	points, pairs := s.nodePoints(ttl), s.pairs(ttl)
	for i := range pairs.from {
		if n, seen := pairs.successors(i); n > 0 { // else its flows end there
			miss += points.bound(n, seen)
		} else if !s.allEnd(ttl, i) {
			miss++
		}
	}
	return miss
}

// allEnd reports whether all flows of a node end there.
func (s *survey) allEnd(ttl, node int) bool {
	return !slices.ContainsFunc(s.at(ttl).flows[node], func(flow int) bool { return s.ends[flow] != ttl })
}

// caveats are what makes the result less than it says.
func (s *survey) caveats() (list []string) {
	for ttl := s.cfg.firstTTL; ttl <= s.last(); ttl++ {
		if sum := s.at(ttl); len(sum.nodes) == 1 && !sum.nodes[0].IsValid() {
			list = append(list, fmt.Sprintf("hop %d does not answer: how many nodes it has only its neighbours suggest", ttl))
		}
		if s.scattered(ttl) && !s.scattered(ttl-1) {
			list = append(list, fmt.Sprintf("packets of one flow take different ways from hop %d on: links between hops that have several nodes are not told there", ttl-1))
		}
	}
	if s.asked >= mostAsks {
		list = append(list, fmt.Sprintf("given up after %d probes", s.asked))
	}
	return list
}

// anyOf returns one of the values of m, the smallest.
func anyOf(m map[int]int) int { return slices.Min(uniqueOf(m)) }

// uniqueOf returns the values of m, sorted, each once.
func uniqueOf(m map[int]int) []int { return slices.Compact(slices.Sorted(maps.Values(m))) }
