package trace

import (
	"maps"
	"math"
	"slices"
)

// asking collects asks.
type asking struct {
	s    *survey
	asks []ask
}

// flow asks a flow at a TTL, if it has not been and may be. It reports whether it does.
func (a *asking) flow(ttl, flow int) bool {
	if a.s.state(ttl, flow) != unasked || !a.s.mayGo(flow, ttl) || a.s.asked >= mostAsks {
		return false
	}
	a.s.spot(ttl, flow).state = waiting
	a.s.layers[ttl].dirty = true
	a.send(ask{ttl: ttl, flow: flow})
	return true
}

func (a *asking) send(x ask) {
	a.asks = append(a.asks, x)
	a.s.asked++
	a.s.open++
}

// next appends what has become wanted since it was called last, the most urgent first. Each ask is
// returned once, and see must be told of each.
func (s *survey) next(asks []ask) []ask {
	a := &asking{s, asks}
	a.confirm()
	s.share()
	limit := s.limit()
	for ttl := s.cfg.firstTTL; ttl <= limit; ttl++ {
		a.hop(ttl)
	}
	last := s.last()
	for ttl := s.cfg.firstTTL - 1; ttl < last; ttl++ {
		if !s.wide(ttl) {
			a.classify(ttl)
		}
	}
	for ttl := s.cfg.firstTTL; ttl <= last; ttl++ {
		a.links(ttl)
		a.mesh(ttl)
		a.nodeByNode(ttl)
	}
	for ttl := s.cfg.firstTTL; ttl < last && s.open == 0; ttl++ { // the shares are known best now
		if s.wide(ttl) {
			a.classify(ttl)
		}
	}
	if s.open == 0 {
		a.elsewhere()
	}
	return a.asks
}

// done reports whether all is known. It holds right after next only.
func (s *survey) done() bool { return s.open == 0 }

// share sets what each TTL may contribute to the probability to miss anything. It is in proportion to the nodes, or
// where it is asked node by node to the links: about what a smaller share costs there in probes.
func (s *survey) share() {
	last := s.last()
	total := 0.0
	if len(s.ends) == 0 {
		total = max(0, float64(firstGuess-(last-s.cfg.firstTTL+1)))
	}
	for ttl := s.cfg.firstTTL; ttl <= last; ttl++ {
		l := &s.layers[ttl]
		l.alpha = float64(max(1, len(s.at(ttl).nodes)))
		if ttl > s.cfg.firstTTL && s.layers[ttl-1].full {
			out, _ := s.degrees(ttl - 1)
			l.alpha = 0
			for _, n := range out {
				l.alpha += float64(max(1, n))
			}
		}
		total += l.alpha
	}
	for ttl := s.cfg.firstTTL; ttl <= last; ttl++ {
		s.layers[ttl].alpha *= s.cfg.alpha / total
	}
}

// Of a TTL's share so much is for nodes, if links have to be tested, too.
const nodeShare = 0.75

// points are the stopping points for the nodes of a TTL.
func (s *survey) points(ttl int) *stopPoints {
	alpha := s.layers[ttl].alpha
	if s.wide(ttl-1) && s.wide(ttl) {
		alpha *= nodeShare
	}
	return s.tables.of(alpha)
}

// nodePoints are those for the successors of one node of a TTL.
func (s *survey) nodePoints(ttl int) *stopPoints {
	return s.tables.of(s.layers[ttl+1].alpha / float64(max(1, len(s.at(ttl).nodes))))
}

// wide reports whether a TTL has several nodes.
func (s *survey) wide(ttl int) bool { return ttl >= s.cfg.firstTTL && len(s.at(ttl).nodes) > 1 }

// hop sends flows to a TTL until no further node is likely.
func (a *asking) hop(ttl int) {
	s := a.s
	if ttl > s.last() {
		a.flow(ttl, scout)
		return
	}
	if ttl > s.cfg.firstTTL && s.layers[ttl-1].full && !s.scattered(ttl-1) {
		return // nodeByNode sends more
	}
	sum := s.at(ttl)
	want := s.points(ttl).at(min(maxWidth, max(1, len(sum.nodes)))) - sum.sighted - sum.waiting
	flows := s.cfg.flows
	if ttl > s.farthest && ttl > s.cfg.firstTTL { // only those come this far that were asked before (see mayGo)
		flows = max(scout+1, len(s.layers[ttl-1].spots))
	}
	for flow := 0; want > 0 && flow < flows; flow++ {
		if a.flow(ttl, flow) {
			want--
		}
	}
}

// links sends a flow more to each node of a TTL and of the one behind that has no link between them.
func (a *asking) links(ttl int) {
	for _, way := range [2][2]int{{ttl, ttl + 1}, {ttl + 1, ttl}} {
		for _, flows := range a.s.at(way[0]).flows {
			a.connect(flows, way[1], 1)
		}
	}
}

// connect sends flows to a TTL until so many of them have been asked there.
func (a *asking) connect(flows []int, ttl, want int) {
	for _, flow := range flows {
		if st := a.s.state(ttl, flow); st == seen || st == waiting || st == lost {
			want--
		}
	}
	for _, flow := range flows {
		if want <= 0 {
			return
		}
		if a.flow(ttl, flow) {
			want--
		}
	}
}

// Each node of the wider of two TTLs is held against the narrower with so many flows.
const phi = 2

// mesh tests whether the nodes of the wider of two TTLs have one link each to the narrower, and as many of them
// to each there. If not, all between the TTLs around that have one node is asked node by node.
func (a *asking) mesh(ttl int) {
	s := a.s
	if !s.wide(ttl) || !s.wide(ttl+1) || s.layers[ttl].full || s.scattered(ttl) {
		return
	}
	wider, other := ttl, ttl+1
	if len(s.at(ttl+1).nodes) > len(s.at(ttl).nodes) {
		wider, other = ttl+1, ttl
	}
	if s.meshed(ttl) || s.layers[ttl-1].full && s.wide(ttl-1) || s.layers[ttl+1].full {
		s.goFull(ttl)
		return
	}
	want := s.meshFlows(ttl+1, len(s.at(wider).nodes))
	each := max(phi, (want+len(s.at(wider).nodes)-1)/len(s.at(wider).nodes))
	for _, flows := range s.at(wider).flows {
		a.connect(flows, other, each)
	}
	if s.settled(ttl) && s.settled(ttl+1) && !s.uniform(ttl) {
		s.goFull(ttl)
	}
}

// meshFlows is how many flows have to be seen at a TTL and at the one before: if each of so many nodes had two links, all of a node's would take
// the same with a probability of 1/2 to the number of its flows less one.
func (s *survey) meshFlows(ttl, nodes int) int {
	return nodes + int(math.Ceil(-math.Log2(s.layers[ttl].alpha*(1-nodeShare))))
}

// settled reports whether nothing is awaited from a TTL.
func (s *survey) settled(ttl int) bool { return s.at(ttl).waiting == 0 }

// confirm makes sure of where flows end. One that got no answer from a TTL but reached the destination behind it, where others
// reached it at that TTL, has lost a probe.
func (a *asking) confirm() {
	s := a.s
	nearest := 0
	for flow, end := range s.ends {
		if (end == s.cfg.firstTTL || s.state(end-1, flow) == seen) && (nearest == 0 || end < nearest) {
			nearest = end
		}
	}
	for _, flow := range slices.Sorted(maps.Keys(s.ends)) {
		end := s.ends[flow]
		if end > s.cfg.firstTTL {
			a.flow(end-1, flow)
		}
		for end > nearest && nearest > 0 && s.state(end-1, flow) == lost {
			end--
		}
		if end < s.ends[flow] {
			s.setEnd(flow, end)
		}
	}
}
