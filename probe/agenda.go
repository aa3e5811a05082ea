package probe

import (
	"cmp"
	"container/heap"
	"time"
)

// alarm is a moment at which something is due, to be embedded in what it is due for.
type alarm struct {
	due   time.Time
	order int64 // of those due at the same time the lower comes first
	place int   // in the agenda that it is in; -1: in none
}

func (a *alarm) clock() *alarm { return a }

// agenda holds what is due by when it is: a heap.
type agenda[T interface{ clock() *alarm }] []T

func (g agenda[T]) Len() int { return len(g) }

func (g agenda[T]) Less(i, j int) bool {
	a, b := g[i].clock(), g[j].clock()
	return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.order, b.order)) < 0
}

func (g agenda[T]) Swap(i, j int) {
	g[i], g[j] = g[j], g[i]
	g[i].clock().place, g[j].clock().place = i, j
}

// Push and Pop are container/heap's; set, drop and next are what the session calls.
func (g *agenda[T]) Push(x any) {
	t := x.(T)
	t.clock().place = len(*g)
	*g = append(*g, t)
}

func (g *agenda[T]) Pop() any {
	var none T
	last := len(*g) - 1
	t := (*g)[last]
	(*g)[last] = none
	*g = (*g)[:last]
	t.clock().place = -1
	return t
}

// set makes t due at the given time, whether it is in the agenda or not.
func (g *agenda[T]) set(t T, due time.Time) {
	a := t.clock()
	a.due = due
	if a.place < 0 {
		heap.Push(g, t)
	} else {
		heap.Fix(g, a.place)
	}
}

// drop takes t out, if it is in.
func (g *agenda[T]) drop(t T) {
	if a := t.clock(); a.place >= 0 {
		heap.Remove(g, a.place)
	}
}

// next returns what is due at the given time, first things first; the zero T if nothing is.
func (g agenda[T]) next(now time.Time) T {
	if len(g) == 0 || g[0].clock().due.After(now) {
		var none T
		return none
	}
	return g[0]
}

// pacer spaces attempts in time: each takes its turn on an absolute schedule.
type pacer struct {
	gap  time.Duration // between turns; 0: no bound
	next time.Time     // the next turn
}

// lag is how far a turn may be late and still be made up for: more than a wait's inexactness, less than what would
// make a burst.
const lag = 2 * time.Millisecond

// newPacer makes one for Config.Rate.
func newPacer(rate float64) pacer {
	if rate == 0 {
		return pacer{}
	}
	const longest = 100 * 365 * 24 * time.Hour
	return pacer{gap: time.Duration(min(max(1, float64(time.Second)/rate), float64(longest)))}
}

// take uses up a turn.
func (p *pacer) take(now time.Time) {
	if p.gap == 0 {
		return
	}
	if p.next.IsZero() {
		p.next = now
	}
	p.next = later(p.next, now.Add(-lag)).Add(p.gap)
}

// later returns the later of two moments.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// source reads the targets, at most one before its turn.
type source struct {
	read  func() (*Target, bool) // false: there are no more
	ask   time.Time              // when to ask again for one that was not known
	ended bool
}

// askEvery is how often Targets is asked for one that it does not know yet.
const askEvery = 5 * time.Millisecond

// take returns the next target; nil: there is none, or it is not known yet.
func (s *source) take(now time.Time) *Target {
	if s.ended || s.ask.After(now) {
		return nil
	}
	t, ok := s.read()
	s.ended = !ok
	if ok && t == nil {
		s.ask = now.Add(askEvery)
	}
	return t
}
