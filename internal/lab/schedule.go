package lab

import "time"

// schedule is a queue of packets by the moment they are due, first in first out where
// that is the same. It is a binary heap; container/heap would allocate for each packet.
type schedule struct {
	heap  []scheduled
	count uint64 // of all packets ever pushed
}

type scheduled struct {
	due    time.Duration // since a moment that the user of the schedule knows
	order  uint64
	packet []byte
}

func (a scheduled) before(b scheduled) bool {
	return a.due < b.due || a.due == b.due && a.order < b.order
}

// next returns when the first packet is due, and false if there is none.
func (s *schedule) next() (due time.Duration, ok bool) {
	if len(s.heap) == 0 {
		return 0, false
	}
	return s.heap[0].due, true
}

// push adds a packet, which the schedule keeps.
func (s *schedule) push(due time.Duration, packet []byte) {
	s.heap = append(s.heap, scheduled{due, s.count, packet})
	s.count++
	i := len(s.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !s.heap[i].before(s.heap[parent]) {
			return
		}
		s.heap[i], s.heap[parent] = s.heap[parent], s.heap[i]
		i = parent
	}
}

// pop removes the first packet, which must exist, and returns it.
func (s *schedule) pop() []byte {
	packet := s.heap[0].packet
	last := len(s.heap) - 1
	s.heap[0] = s.heap[last]
	s.heap[last] = scheduled{} // lets go of the packet
	s.heap = s.heap[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return packet
		}
		if right := child + 1; right < last && s.heap[right].before(s.heap[child]) {
			child = right
		}
		if !s.heap[child].before(s.heap[i]) {
			return packet
		}
		s.heap[i], s.heap[child] = s.heap[child], s.heap[i]
		i = child
	}
}
