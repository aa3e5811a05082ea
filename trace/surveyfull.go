package trace

import (
	"cmp"
	"slices"
)

// nodeByNode sends flows that pass a node on until no further successor is likely, and new flows to the TTL until enough
// pass the node.
func (a *asking) nodeByNode(ttl int) {
	s := a.s
	if !s.layers[ttl].full || s.scattered(ttl) {
		return
	}
	points, pairs, sum := s.nodePoints(ttl), s.pairs(ttl), s.at(ttl)
	most, node := 0, 0
	for i, flows := range sum.flows {
		successors, _ := pairs.successors(i)
		want := points.at(min(maxWidth, max(1, successors)))
		a.connect(flows, ttl+1, want)
		ends := slices.ContainsFunc(flows, func(flow int) bool { return s.ends[flow] == ttl })
		// No new flows for a silent node: one may be a router that lost a few.
		if want -= len(flows); want > most && !ends && sum.nodes[i].IsValid() {
			most, node = want, i
		}
	}
	if most > 0 {
		// The shares are estimates: the second half follows when the first has been seen.
		a.through(ttl, node, float64(most+1)/2)
	}
}

// through sends new flows to a TTL until so many can be expected to pass one of its nodes, those first that are the most likely to.
func (a *asking) through(ttl, node int, want float64) {
	s := a.s
	chance := s.chances(ttl, node)
	type candidate struct {
		flow   int
		chance float64
	}
	var candidates []candidate
	_, share := chance(-1)
	fresh := max(1, int(want/share)) // flows not seen before that are worth a look
	for flow := 0; flow < s.cfg.flows && fresh > 0; flow++ {
		known, c := chance(flow)
		switch s.state(ttl, flow) {
		case waiting:
			want -= c
		case unasked:
			if !s.mayGo(flow, ttl) {
				continue
			}
			candidates = append(candidates, candidate{flow, c})
			if !known {
				fresh--
			}
		}
	}
	slices.SortStableFunc(candidates, func(x, y candidate) int { return cmp.Compare(y.chance, x.chance) })
	for _, c := range candidates {
		if want <= 0 {
			return
		}
		if a.flow(ttl, c.flow) {
			want -= c.chance
		}
	}
}

// chances returns how likely a flow is to pass a node, from where it was seen last before, as flows were spread from there.
// Of a flow that was seen nowhere, and is not known, that is the node's share.
func (s *survey) chances(ttl, node int) func(flow int) (known bool, chance float64) {
	sum := s.at(ttl)
	share := float64(len(sum.flows[node])+1) / float64(sum.sighted+len(sum.nodes))
	by := make(map[int]float64) // flow
	to := make([]float64, len(sum.nodes))
	to[node] = 1
	for before := ttl - 1; before >= s.cfg.firstTTL; before-- {
		pairs := s.pairs(before)
		from := make([]float64, pairs.from)
		for i := range from {
			_, all := pairs.successors(i)
			if all == 0 {
				from[i] = share
				continue
			}
			for j := range to {
				from[i] += to[j] * float64(pairs.at(i, j)) / float64(all)
			}
		}
		for i, flows := range s.at(before).flows {
			for _, flow := range flows {
				if _, ok := by[flow]; !ok {
					by[flow] = from[i]
				}
			}
		}
		to = from
	}
	return func(flow int) (bool, float64) {
		if c, ok := by[flow]; ok {
			return true, c
		}
		return false, share
	}
}
