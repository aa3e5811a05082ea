package trace

import "slices"

// links are those between two TTLs: how many flows showed each, by the index of the nodes at both ends.
type links struct {
	flows    []int
	from, to int
}

func (l *links) at(from, to int) int { return l.flows[from*l.to+to] }

// successors returns how many links a node of the first TTL has, and how many flows showed them.
func (l *links) successors(from int) (n, flows int) {
	for _, k := range l.flows[from*l.to : (from+1)*l.to] {
		flows += k
		n += min(k, 1)
	}
	return n, flows
}

// pairs returns the links between a TTL and the one behind, as far as one flow showed both ends.
func (s *survey) pairs(ttl int) *links {
	near, far := s.at(ttl), s.at(ttl+1)
	l := &links{from: len(near.nodes), to: len(far.nodes)}
	l.flows = make([]int, l.from*l.to)
	behind := make([]int, max(len(s.layers[ttl].spots), len(s.layers[ttl+1].spots))) // node, from 1, by flow
	for j, flows := range far.flows {
		for _, flow := range flows {
			behind[flow] = j + 1
		}
	}
	for i, flows := range near.flows {
		for _, flow := range flows {
			if j := behind[flow]; j > 0 {
				l.flows[i*l.to+j-1]++
			}
		}
	}
	return l
}

// degrees returns how many links each node has to the TTL behind, and each there to this one.
func (s *survey) degrees(ttl int) (out, in []int) {
	l := s.pairs(ttl)
	out, in = make([]int, l.from), make([]int, l.to)
	for i := range out {
		for j := range in {
			if l.at(i, j) > 0 {
				out[i]++
				in[j]++
			}
		}
	}
	return out, in
}

// meshed reports whether a node of the wider TTL has several links to the narrower.
func (s *survey) meshed(ttl int) bool {
	out, in := s.degrees(ttl)
	return len(out) >= len(in) && slices.Max(out) > 1 || len(in) >= len(out) && slices.Max(in) > 1
}

// uniform reports whether all nodes of the narrower TTL have as many links.
func (s *survey) uniform(ttl int) bool {
	degrees, in := s.degrees(ttl)
	if len(degrees) > len(in) {
		degrees = in
	}
	return slices.Min(degrees) == slices.Max(degrees)
}

// goFull has the TTLs around that have several nodes asked node by node.
func (s *survey) goFull(ttl int) {
	s.full = true
	from, to := ttl, ttl+1
	for s.wide(from - 1) {
		from--
	}
	for to < s.last() && s.wide(to+1) {
		to++
	}
	for ; from <= to; from++ {
		s.layers[from].full = true
	}
}
