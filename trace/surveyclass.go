package trace

import (
	"math"
	"net/netip"
)

// repeatDoubt is the probability that a balancer by packets is taken for one by flows.
const repeatDoubt = 0.05

// repeatLimit is how many probes at most are spent on one balancer.
const repeatLimit = 30

// balancing returns the flows that pass a node of a TTL and were seen behind it, and how they are spread there: the largest
// share. The TTL before the first one is this machine, with all flows.
func (s *survey) balancing(ttl, node int) (flows []int, largest float64) {
	count := make(map[netip.Addr]int)
	check := func(flow int) {
		if p := s.spot(ttl+1, flow); p.state == seen {
			flows = append(flows, flow)
			count[p.from]++
		}
	}
	if ttl < s.cfg.firstTTL {
		for flow := range s.layers[ttl+1].spots {
			check(flow)
		}
	} else {
		for _, flow := range s.at(ttl).flows[node] {
			check(flow)
		}
	}
	if len(count) < 2 {
		return nil, 0
	}
	most := 0
	for _, n := range count {
		most = max(most, n)
	}
	return flows, float64(most) / float64(len(flows))
}

// classify repeats a flow behind each node that balances.
func (a *asking) classify(ttl int) {
	s := a.s
	nodes := 1
	if ttl >= s.cfg.firstTTL {
		nodes = len(s.at(ttl).nodes)
	}
	if s.scattered(ttl) {
		return
	}
	for node := range nodes {
		flows, largest := s.balancing(ttl, node)
		if len(flows) == 0 {
			continue
		}
		l := &s.layers[ttl+1]
		if l.repeats == nil {
			l.repeats = make(map[int]*repeats)
		}
		r := l.repeats[flows[0]]
		if r == nil {
			r = &repeats{}
			l.repeats[flows[0]] = r
		}
		want := min(repeatLimit, int(math.Ceil(math.Log(repeatDoubt)/math.Log(largest))))
		for r.asked < want && s.asked < mostAsks {
			r.asked++
			a.send(ask{ttl: ttl + 1, flow: flows[0], again: r.asked})
		}
	}
}

// repeated takes in where a flow was when it was asked again.
func (s *survey) repeated(x sight) {
	r := s.layers[x.ttl].repeats[x.flow]
	switch {
	case r == nil || !x.from.IsValid():
	case x.from == s.spot(x.ttl, x.flow).from:
		r.same++
	default:
		r.other++
		s.scatters = true
	}
}

// scattered reports whether flows do not stay on one path at a TTL: behind a balancer by packets, as far as there are several
// nodes. What one flow showed at two TTLs there is no link.
func (s *survey) scattered(ttl int) bool {
	if !s.scatters {
		return false
	}
	for ; s.wide(ttl); ttl-- {
		for _, r := range s.layers[ttl].repeats {
			if r.other > 0 {
				return true
			}
		}
	}
	return false
}

// balancer says how a node of a TTL balances.
func (s *survey) balancer(ttl, node int) (Balancer, float64) {
	if s.scattered(ttl) {
		return None, 0
	}
	flows, largest := s.balancing(ttl, node)
	if len(flows) == 0 {
		return None, 0
	}
	r := s.layers[ttl+1].repeats[flows[0]]
	switch {
	case r == nil:
		return PerFlow, 0
	case r.other > 0:
		return PerPacket, 1 // it was seen
	}
	return PerFlow, 1 - math.Pow(largest, float64(r.same))
}
