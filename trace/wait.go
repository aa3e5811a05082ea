package trace

import (
	"cmp"
	"slices"
	"time"
)

// How long a probe waits for its answer adapts to what others took. Routers behind a
// hop, and other probes of the hop, took at least as long as its own answer would, so a small multiple of their
// round trips is enough; nearer ones say less.
const (
	waitFactor  = 3
	shortest    = 150 * time.Millisecond // wait, where this hop or one behind it has answered
	shortestEnd = time.Second            // wait, where only nearer ones have
)

// waits calls f with each TTL that has probes in flight, from the highest down, and how long they wait.
func (t *target) waits(f func(h *hop, wait time.Duration)) {
	nearer := t.elapsed
	for i := range t.hops {
		nearer = max(nearer, t.hops[i].slowest)
	}
	longest := t.s.cfg.Wait
	here := t.elapsed // round trip of this hop or a farther one
	for ttl := len(t.hops) - 1; ttl >= 0; ttl-- {
		h := &t.hops[ttl]
		here = max(here, h.slowest)
		if len(h.open) == 0 {
			continue
		}
		wait := longest
		switch {
		case ttl == 0 && t.arrived: // checks go to the destination
			wait = min(longest, max(waitFactor*nearer, shortest))
		case here > 0:
			wait = min(longest, max(waitFactor*here, shortest))
		case nearer > 0:
			wait = min(longest, max(waitFactor*nearer, shortestEnd))
		}
		f(h, wait)
	}
}

// wake returns when something is due: zero if nothing is but what a packet may bring. pace is when the pacer
// lets the next probe go.
func (t *target) wake(now, pace time.Time) (at time.Time) {
	sooner := func(w time.Time) {
		if !w.IsZero() && (at.IsZero() || w.Before(at)) {
			at = w
		}
	}
	t.waits(func(h *hop, wait time.Duration) { sooner(h.open[0].sent.Time.Add(t.patience(h.open[0], wait))) })
	sooner(t.plan.wake(now))
	if len(t.checks) > 0 {
		sooner(pace)
	}
	for _, a := range t.queue {
		if at := t.freeAt(a); !at.IsZero() {
			sooner(later(pace, at))
		}
	}
	for _, r := range t.retries {
		if at := t.freeAt(r.ask); !at.IsZero() {
			sooner(later(later(pace, at), r.at))
		}
	}
	if at.IsZero() && t.inFlight == 0 { // the plan has been told something since it was asked
		return now
	}
	return at
}

// freeAt returns when a may be sent at the earliest; zero where a packet has to come first.
func (t *target) freeAt(a ask) time.Time {
	if t.oneByOne(a.flow) && t.busy(a.flow) {
		return time.Time{}
	}
	h := &t.hops[a.ttl]
	if h.gap == 0 {
		return t.begun
	}
	return h.last.Add(h.gap)
}

// patience is how long p waits, at a hop for which the given wait is right. Where answers do not say which probe of
// a flow they are about, one that came late would be taken for the next one's.
func (t *target) patience(p *probe, wait time.Duration) time.Duration {
	if t.serial[p.flow] && p.alone {
		return min(t.s.cfg.Wait, max(wait, shortestEnd))
	}
	return wait
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// expire gives up on the probes of t that have waited long enough.
func (t *target) expire(now time.Time) {
	var over []*probe
	t.waits(func(h *hop, wait time.Duration) {
		for _, p := range h.open {
			if now.Sub(p.sent.Time) < t.patience(p, wait) {
				break
			}
			over = append(over, p)
		}
	})
	slices.SortFunc(over, func(a, b *probe) int { return cmp.Compare(a.seq, b.seq) })
	for _, p := range over {
		t.lose(p, now)
	}
}

// lose gives up on p: it is sent again later, or has no answer.
func (t *target) lose(p *probe, now time.Time) {
	t.close(p)
	if p.check {
		t.checked(p, now)
		return
	}
	h := &t.hops[p.ttl]
	h.lost++
	h.count(p, func(n *outcomes) { n.lost++ })
	p.told = Timeout
	e := t.event(Timeout, p, now)
	e.Note = p.notes
	t.tell(e)
	if !t.worthwhile(p) {
		if h.answered == 0 {
			h.given = append(h.given, p)
		}
		t.plan.see(p, now)
		return
	}
	if !t.serial[p.flow] {
		h.slowDown(p, now)
	}
	t.retries = append(t.retries, retry{p, now})
}
