package ping

import (
	"cmp"
	"container/heap"
	"net/netip"
	"time"
)

// target is an address that is being probed.
type target struct {
	addr  netip.Addr
	index int

	tried     int64     // probes begun; the next one's number
	open      int       // probes without an outcome
	due       time.Time // of the next probe or, in session.ending, of the end
	before    time.Time // what due was for the last probe
	listen    time.Time // until when there may be duplicates of its replies
	finished  bool      // no further probe
	abandoned bool      // nor an outcome of those without one
	done      bool
	place     int // in the schedule that it is in; -1: in none
}

// schedule holds targets by when they are due: a heap.
type schedule []*target

func (s schedule) Len() int { return len(s) }

// Less gives targets that are due at the same time their turns one after another.
func (s schedule) Less(i, j int) bool {
	a, b := s[i], s[j]
	if c := a.due.Compare(b.due); c != 0 {
		return c < 0
	}
	return cmp.Or(cmp.Compare(a.tried, b.tried), cmp.Compare(a.index, b.index)) < 0
}

func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].place, s[j].place = i, j
}

// Push and Pop are container/heap's; set and drop are what the session calls.
func (s *schedule) Push(x any) {
	t := x.(*target)
	t.place = len(*s)
	*s = append(*s, t)
}

func (s *schedule) Pop() any {
	last := len(*s) - 1
	t := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	t.place = -1
	return t
}

// set makes t due at the given time, whether it is in the schedule or not.
func (s *schedule) set(t *target, due time.Time) {
	t.due = due
	if t.place < 0 {
		heap.Push(s, t)
	} else {
		heap.Fix(s, t.place)
	}
}

// drop takes t out.
func (s *schedule) drop(t *target) {
	if t.place >= 0 {
		heap.Remove(s, t.place)
	}
}

// shift moves everything by d, which leaves the order as it is.
func (s schedule) shift(d time.Duration) {
	for _, t := range s {
		t.due = t.due.Add(d)
	}
}

// pacer bounds the rate of probes: each takes its turn on an absolute schedule, and
// turns missed by more than the tolerance are gone.
type pacer struct {
	gap  time.Duration // between turns; 0: unlimited
	next time.Time
}

// pacerTolerance is how far a turn may lag behind and still be made up for: more than a
// wait's inexactness, less than what would make a burst.
const pacerTolerance = 2 * time.Millisecond

func newPacer(rate float64) pacer {
	if rate <= 0 {
		return pacer{}
	}
	const longest = 100 * 365 * 24 * time.Hour
	return pacer{gap: time.Duration(min(max(1, float64(time.Second)/rate), float64(longest)))}
}

// ready reports whether a probe may go now.
func (p *pacer) ready(now time.Time) bool { return p.gap == 0 || !p.next.After(now) }

// take uses up a turn.
func (p *pacer) take(now time.Time) {
	if p.gap == 0 {
		return
	}
	earliest := now.Add(-pacerTolerance)
	if p.next.IsZero() {
		earliest = now // the first turn is no late one
	}
	p.next = later(p.next, earliest)
	p.next = p.next.Add(p.gap)
}
