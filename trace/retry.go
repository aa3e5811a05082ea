package trace

import (
	"math"
	"time"
)

// retry is a probe to be sent again, because it got lost: that says nothing of the path. A hop that answers other flows may
// be silent on this one, lose packets, or limit its answers to so many a second. So what it loses is asked
// again, first more slowly: a limit shows itself by that, and losses that are no matter of pace do, too.
type retry struct {
	*probe
	at time.Time
}

// surely is the probability by which probes of a flow that passes a router which answers are all lost by chance: below it
// the router is taken to be silent.
const surely = 1e-5

// worthwhile reports whether p, which got lost, is to be sent again.
func (t *target) worthwhile(p *probe) bool {
	h := &t.hops[p.ttl]
	switch {
	case p.round > 0 || !t.plan.wants(p):
		return false
	case t.serial[p.flow] && !p.alone:
		return p.try < 1
	case h.answered == 0:
		return false
	}
	most := t.plan.mostTries(h)
	if p.try < min(h.tries(), most) {
		return true
	}
	if p.try < most && p.gap < slowGap && t.plan.revisits() && !h.paceless() {
		h.gap = slowest // all were fast: the last word has a slow one
		return true
	}
	return false
}

// tries is how often at most a lost probe is sent again, after how many of those were lost that belong to flows which were
// answered in the end.
func (h *hop) tries() int {
	loss := float64(h.recovered+1) / float64(h.attempts+2)
	return max(1, int(math.Ceil(math.Log(surely)/math.Log(loss)))-1)
}

// revisit sends the probes again that were given up before the hop had answered any.
func (t *target) revisit(h *hop, now time.Time) {
	for _, p := range h.given {
		if t.plan.revisits() && p.told == Timeout && t.plan.wants(p) {
			t.retries = append(t.retries, retry{p, now})
		}
	}
	h.given = nil
}

// slowDown makes probes of the hop come farther apart, where p is not the one loss of many probes, and was sent at
// the present pace.
func (h *hop) slowDown(p *probe, now time.Time) {
	const share = 4 // of the fast probes, one in so many
	if h.paceless() {
		return
	}
	if h.gap == 0 && h.pattern.fast.lost*share < h.pattern.fast.answered || p.sent.Time.Before(h.slowed) {
		return
	}
	h.gap = min(max(2*h.gap, slowPace), slowest)
	h.slowed, h.good = now, 0
}

// paceless reports whether slow probes have shown that the losses are no matter of pace: those that got lost once got lost again, or
// even at the slowest pace some do.
func (h *hop) paceless() bool {
	const enough, silent = 6, 3
	return h.again.answered == 0 && h.again.lost >= silent || h.crawl.answered+h.crawl.lost >= enough && h.crawl.lost > 1
}

// speedUp lets the probes of the hop come faster again, where all of some in a row were answered and the hop is not
// known to limit its answers.
func (h *hop) speedUp() {
	const enough = 3
	if h.good++; h.gap == 0 || h.good < enough || h.pattern.limited() {
		return
	}
	h.good = 0
	if h.gap /= 2; h.gap < fastGap/2 {
		h.gap = 0
	}
}
