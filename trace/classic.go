package trace

import (
	"slices"
	"time"
)

// classic is the plan of a trace as people know it: a few flows, each over all TTLs.
//
// All TTLs are asked at once, within a window: its end is where most paths end, and
// moves on as farther hops answer, so that few probes go beyond a near destination, which
// answers only some of them (Linux a burst of six, then one a second).
type classic struct {
	t     *target
	round int
	ends  []flowEnd
	cells [256][]cell // by TTL and flow
	log   [256]hopLog
	tests limitTests

	told     int // the last TTL whose HopDone was told
	lastSent time.Time
	started  time.Time // this round
	over     bool
	reason   StopReason
	check    *aliveCheck
	rescued  bool
	mtu      *mtuSearch
}

// flowEnd is where a flow ended.
type flowEnd struct {
	ttl      int // 0: not known to
	reached  bool
	farthest int // TTL at which a router answered that passes it on
}

// cell is what is known of one flow at one TTL in this round.
type cell struct {
	asked, over bool
	second      bool // it is asked once more, see nearer
	probe       Probe
}

// window is how many TTLs are asked before any has answered.
const window = 16

func newClassic(t *target) *classic {
	c := &classic{t: t, ends: make([]flowEnd, t.s.cfg.Flows), tests: make(limitTests), told: t.s.cfg.FirstTTL - 1}
	c.started = t.begun
	c.clear()
	return c
}

// clear forgets a round's outcomes.
func (c *classic) clear() {
	for ttl := range c.cells {
		c.cells[ttl] = make([]cell, len(c.ends))
	}
}

// limit is the highest TTL to ask.
func (c *classic) limit() int {
	cfg := &c.t.s.cfg
	gap := cfg.Gap
	if gap < 0 {
		gap = DefaultGap
	}
	end := max(cfg.FirstTTL+window-1, c.t.farthest+gap)
	if cfg.Gap < 0 { // silence does not end it
		for ttl := cfg.FirstTTL; ttl <= cfg.MaxTTL && c.settled(ttl); ttl++ {
			end = max(end, ttl+gap)
		}
	}
	return min(end, cfg.MaxTTL)
}

// settled reports whether all flows have an outcome at ttl.
func (c *classic) settled(ttl int) bool {
	return !slices.ContainsFunc(c.cells[ttl], func(x cell) bool { return !x.over })
}

// flowLimit is the highest TTL to ask of a flow: where it ended, or if it did not where others did,
// unless it is seen to go on.
func (c *classic) flowLimit(flow int) int {
	nearest, e := c.nearestEnd(), c.ends[flow]
	switch {
	case e.reached && e.farthest < nearest:
		return nearest // where it was lost, if that is not where it ended
	case e.ttl > 0:
		return e.ttl
	case nearest > 0:
		return min(c.limit(), max(nearest, e.farthest+1))
	}
	return c.limit()
}

// nearestEnd is the lowest TTL at which a flow reached the destination, or could get no further where none did; 0: there is none.
func (c *classic) nearestEnd() (ttl int) {
	for _, e := range c.ends {
		if (e.reached || e.ttl > c.t.farthest) && e.ttl > 0 && (ttl == 0 || e.ttl < ttl) {
			ttl = e.ttl
		}
	}
	return ttl
}

// firstStop is the lowest TTL at which a flow ended without having reached the destination; 0: none did.
func (c *classic) firstStop() (ttl int) {
	for _, e := range c.ends {
		if e.ttl > 0 && !e.reached && (ttl == 0 || e.ttl < ttl) {
			ttl = e.ttl
		}
	}
	return ttl
}

// last is the highest TTL of any flow.
func (c *classic) last() (ttl int) {
	for flow := range c.ends {
		ttl = max(ttl, c.flowLimit(flow))
	}
	return ttl
}

func (c *classic) next(now time.Time, asks []ask) []ask {
	if !c.waiting(now) {
		c.advance(now)
	}
	switch {
	case c.over:
		return asks[:0]
	case c.waiting(now):
		return asks
	}
	kept := asks[:0]
	for _, a := range asks {
		if a.again > 0 || a.ttl <= c.flowLimit(a.flow) {
			kept = append(kept, a)
		} else {
			c.cells[a.ttl][a.flow].asked = false
		}
	}
	for ttl := c.t.s.cfg.FirstTTL; ttl <= c.last(); ttl++ {
		for flow := range c.ends {
			if x := &c.cells[ttl][flow]; !x.asked && ttl <= c.flowLimit(flow) {
				x.asked = true
				kept = append(kept, ask{ttl: ttl, flow: flow})
			}
		}
	}
	if len(kept) > 0 {
		c.lastSent = now // at the earliest
	}
	if due := c.aliveDue(); !due.IsZero() && !now.Before(due) {
		c.startCheck()
	}
	return c.tests.next(c.t, kept)
}

// waiting reports whether it is not yet time for this round.
func (c *classic) waiting(now time.Time) bool { return c.round > 0 && now.Before(c.started) }

func (c *classic) wake(now time.Time) time.Time {
	switch {
	case c.over:
		return time.Time{}
	case c.waiting(now):
		return c.started
	}
	return c.aliveDue()
}

func (c *classic) wants(p *probe) bool {
	return !c.over && p.again == 0 && p.ttl <= c.flowLimit(p.flow)
}

func (c *classic) revisits() bool { return false }

// mostTries keeps a trace short: where a hop limits its answers they come, only later, and not for any number of flows.
func (c *classic) mostTries(h *hop) int {
	const resent, tries, triesLimited = 8, 2, 5
	switch {
	case h.resent >= resent:
		return 0
	case h.pattern.limited():
		return triesLimited
	}
	return tries
}

func (c *classic) see(p *probe, now time.Time) {
	c.log[p.ttl].add(p)
	if c.tests.see(p) {
		c.advance(now)
		return
	}
	x := &c.cells[p.ttl][p.flow]
	x.over, x.probe = true, p.found
	x.probe.Seq, x.probe.TTL, x.probe.Flow, x.probe.Round = p.seq, p.ttl, p.flow, p.round
	e := &c.ends[p.flow]
	switch {
	case !p.found.From.IsValid():
	case p.found.Reached && c.nearer(p):
	case p.found.Reached || p.found.Stopped:
		if e.ttl == 0 || p.ttl <= e.ttl {
			e.ttl, e.reached = p.ttl, p.found.Reached
		}
	default:
		e.farthest = max(e.farthest, p.ttl)
		if e.ttl > 0 && e.ttl < p.ttl && !e.reached {
			*e = flowEnd{farthest: e.farthest} // it got farther after all
		}
	}
	c.advance(now)
}

// nearer looks at what was left of the TTL when the destination got p: more than 1 says that it is nearer than p was to go, and
// that what went to its own TTL was lost. It asks there again, at the pace of a host that answers one in a second.
func (c *classic) nearer(p *probe) bool {
	e := &c.ends[p.flow]
	d := p.ttl - p.quotedTTL + 1
	if p.quotedTTL <= 1 || d <= e.farthest || d < c.t.s.cfg.FirstTTL || d >= p.ttl {
		return false
	}
	if e.ttl == 0 || d < e.ttl {
		e.ttl, e.reached = d, true
	}
	if x := &c.cells[d][p.flow]; x.over && !x.probe.From.IsValid() && c.round == 0 && !x.second {
		*x = cell{second: true}
		c.t.hops[d].gap = slowest
	}
	return true
}

// advance tells the hops that are done, and ends the round when all are.
func (c *classic) advance(now time.Time) {
	if c.over {
		return
	}
	last := c.last()
	// What may be a silent tail waits: see rescue.
	sure := max(c.t.farthest, c.nearestEnd(), c.firstStop())
	for c.t.s.cfg.Rounds == 1 && c.told < min(last, sure) && c.complete(c.told+1) {
		c.tellHop(c.told+1, now)
	}
	for ttl := c.t.s.cfg.FirstTTL; ttl <= last; ttl++ {
		if !c.complete(ttl) {
			return
		}
	}
	c.endRound(now)
}

// shown is the highest TTL worth a line.
func (c *classic) shown() int {
	cfg := &c.t.s.cfg
	for _, e := range c.ends {
		if e.ttl > 0 {
			return c.last()
		}
	}
	if cfg.Gap < 0 {
		return cfg.MaxTTL
	}
	return min(cfg.MaxTTL, max(c.t.farthest, cfg.FirstTTL-1)+cfg.Gap)
}

// complete reports whether all is known of a TTL.
func (c *classic) complete(ttl int) bool {
	for flow, x := range c.cells[ttl] {
		if !x.over && ttl <= c.flowLimit(flow) {
			return false
		}
	}
	return c.round > 0 || c.tests.tested(c.t, ttl, c.answering)
}

// answering returns a flow that a router answers at a TTL, negative if there is none.
func (c *classic) answering(ttl int) int {
	return slices.IndexFunc(c.cells[ttl], func(x cell) bool {
		return x.probe.From.IsValid() && !x.probe.Reached && !x.probe.Stopped
	})
}

// endRound goes on to the next round, or to what comes after the last.
func (c *classic) endRound(now time.Time) {
	cfg := &c.t.s.cfg
	if c.reason == "" {
		c.reason = c.why()
	}
	if c.check == nil && c.reason == StopGap || c.check != nil && !c.check.over() {
		c.startCheck()
		return
	}
	if c.reason == StopGap && (c.askAgain(now) || c.rescue(now)) {
		return
	}
	if c.reason == StopDestination && cfg.MTU && !c.searchMTU() {
		return
	}
	e := c.t.event(RoundDone, nil, now)
	e.Round = c.round
	c.t.tell(e)
	if c.round++; c.round < cfg.Rounds {
		c.started = c.t.begun.Add(time.Duration(c.round) * cfg.Interval)
		c.clear()
		return
	}
	c.over = true
}

// why says what ends the trace.
func (c *classic) why() StopReason {
	cfg := &c.t.s.cfg
	stopped := false
	for _, e := range c.ends {
		if e.reached {
			return StopDestination
		}
		stopped = stopped || e.ttl > 0
	}
	switch {
	case stopped:
		return StopUnreachable
	case cfg.Gap >= 0 && c.last()-max(c.t.farthest, cfg.FirstTTL-1) >= cfg.Gap:
		return StopGap
	}
	return StopMaxTTL
}

func (c *classic) done() bool { return c.over }

func (c *classic) stop() StopReason {
	if c.reason == "" {
		return StopInterrupted
	}
	if c.t.res.Probes == 0 && c.t.res.Err != nil {
		return StopError
	}
	return c.reason
}
