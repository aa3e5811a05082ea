package trace

import (
	"maps"
	"math"
	"net/netip"
	"slices"
)

// repeatDoubt is the probability that a balancer by packets is taken for one by flows.
const repeatDoubt = 0.05

// enoughFlows is how many flows show the shares of a balancer well enough.
const enoughFlows = 8

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
		if len(flows) < enoughFlows && !s.settled(ttl+1) || len(flows) == 0 {
			continue
		}
		a.repeat(ttl+1, flows[0], int(math.Ceil(math.Log(repeatDoubt)/math.Log(largest))))
	}
	if !s.wide(ttl) {
		return
	}
	// Where a flow does not stay behind a node of several, it may be that it did not stay before.
	for _, flow := range slices.Sorted(maps.Keys(s.layers[ttl+1].repeats)) {
		if s.layers[ttl+1].repeats[flow].other > 0 {
			a.repeat(ttl, flow, 2*int(math.Ceil(-math.Log2(repeatDoubt))))
		}
	}
}

// repeat sends a flow to a TTL again until so many repeats have been sent.
func (a *asking) repeat(ttl, flow, want int) {
	l := &a.s.layers[ttl]
	if l.repeats == nil {
		l.repeats = make(map[int]*repeats)
	}
	r := l.repeats[flow]
	if r == nil {
		r = &repeats{}
		l.repeats[flow] = r
	}
	for r.asked < min(want, repeatLimit) && a.s.asked < mostAsks {
		r.asked++
		a.send(ask{ttl: ttl, flow: flow, again: r.asked})
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
	if s.scattered(ttl) || !s.at(ttl).nodes[node].IsValid() {
		return None, 0 // who does not answer cannot be told to balance
	}
	flows, largest := s.balancing(ttl, node)
	if len(flows) == 0 {
		return s.byDestination(ttl, node)
	}
	confidence := 0.0
	for _, flow := range flows {
		switch r := s.layers[ttl+1].repeats[flow]; {
		case r == nil:
		case r.other > 0:
			return PerPacket, 1 // it was seen
		default:
			confidence = max(confidence, 1-math.Pow(largest, float64(r.same)))
		}
	}
	return PerFlow, confidence
}

// otherFlows is how many flows go to each other destination.
const otherFlows = 4

// elsewhere sends flows to the other destinations, over the same TTLs but the last, once all else is known.
func (a *asking) elsewhere() {
	s := a.s
	if len(s.elsewhere) > 0 {
		return
	}
	for ttl := s.cfg.firstTTL; ttl < s.last(); ttl++ {
		for other := 1; other <= s.cfg.others; other++ {
			for flow := range min(otherFlows, s.cfg.flows) {
				x := ask{ttl: ttl, flow: flow, other: other}
				s.elsewhere[x] = sight{ask: x}
				a.send(x)
			}
		}
	}
}

// byDestination says whether a node that has one successor on the way to the target has another one to other destinations,
// whatever the flow: then it balances by destination. That the flows to one of them go the same way by chance, as they would behind a balancer
// by flows, has the probability that is left of the confidence.
func (s *survey) byDestination(ttl, node int) (Balancer, float64) {
	here := s.at(ttl).nodes[node]
	next := netip.Addr{}
	for _, flow := range s.at(ttl).flows[node] {
		if a := s.seenAt(ttl+1, flow); a.IsValid() && s.ends[flow] != ttl {
			next = a
		}
	}
	if !here.IsValid() || !next.IsValid() {
		return None, 0
	}
	seen := 0
	for other := 1; other <= s.cfg.others; other++ {
		same, away := 0, netip.Addr{}
		for flow := range otherFlows {
			x := ask{ttl: ttl, flow: flow, other: other}
			at, behind := s.elsewhere[x], netip.Addr{}
			x.ttl++
			if to := s.elsewhere[x]; !to.reached && !to.stopped {
				behind = to.from
			}
			if at.from != here || !behind.IsValid() {
				continue
			}
			seen++
			if behind != next && (same == 0 || behind == away) {
				away = behind
				same++
			}
		}
		if same > 1 {
			return PerDestination, 1 - math.Exp2(-float64(same-1))
		}
	}
	if seen > 1 {
		return None, 1 - math.Exp2(-float64(s.cfg.others))
	}
	return None, 0
}
