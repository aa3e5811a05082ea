package trace

import "time"

// aliveCheck asks, behind silent hops, whether the destination is there: by an echo request and a SYN.
type aliveCheck struct {
	asked, settled int
	alive          bool
	by             string
	again          bool // by a datagram
	distance       int  // of the destination in hops; 0: not known
}

func (a *aliveCheck) over() bool { return a.settled == a.asked }

// patience is after how much of the slowest round trip a silent tail is taken for one, as a quotient.
const patienceNum, patienceDen = 3, 2

// aliveDue returns when it is time to ask: zero for not at all. That is before the last hop has had all its time,
// which would otherwise be spent twice.
func (c *classic) aliveDue() time.Time {
	t := c.t
	if c.check != nil || c.round > 0 || c.nearestEnd() > 0 || t.s.cfg.Gap < 0 || c.lastSent.IsZero() || t.inFlight == 0 || len(t.queue) > 0 {
		return time.Time{}
	}
	var slowest time.Duration
	for ttl := range t.hops {
		slowest = max(slowest, t.hops[ttl].slowest)
		if len(t.hops[ttl].open) > 0 && ttl <= t.farthest {
			return time.Time{}
		}
	}
	if slowest == 0 || c.last() < t.farthest+t.s.cfg.Gap {
		return time.Time{}
	}
	return c.lastSent.Add(max(slowest*patienceNum/patienceDen, shortest))
}

// startCheck asks by an echo request and a SYN.
func (c *classic) startCheck() {
	if c.check != nil {
		return
	}
	c.check = &aliveCheck{asked: 2}
	c.t.checks = append(c.t.checks, c.t.checkProbe(ICMP, 0), c.t.checkProbe(TCP, 0))
}

// askAgain sends a destination that is there another datagram, at a pace that a host keeps which limits its ICMP errors:
// the answer quotes what was left of the TTL, and so tells where the destination is. It reports whether it does.
func (c *classic) askAgain(now time.Time) bool {
	if c.check.again || !c.check.alive || c.t.s.cfg.Method != UDP || !c.t.s.raw {
		return false
	}
	c.check.again = true
	c.check.asked++
	c.t.retries = append(c.t.retries, retry{c.t.checkProbe(UDP, 0), later(now, c.lastSent.Add(slowest))})
	return true
}

// rescue looks once more at hops that seemed silent where the destination is among them: it had
// answered as many probes as it answers in a second. It reports whether there is something to wait for.
func (c *classic) rescue(now time.Time) bool {
	d := c.check.distance
	if d == 0 || c.rescued || d <= c.t.farthest || d > c.last() {
		return false
	}
	c.rescued, c.reason = true, ""
	c.t.hops[d].gap, c.t.hops[d].last = slowest, now
	for flow := range c.ends {
		c.cells[d][flow] = cell{}
	}
	for ttl := d + 1; ttl < len(c.cells); ttl++ {
		for flow := range c.ends {
			c.cells[ttl][flow].asked, c.cells[ttl][flow].over = true, true
		}
	}
	return true
}

// checkProbe makes a probe that is not the plan's, to the destination; size 0 is the default.
func (t *target) checkProbe(m Method, size int) *probe {
	return &probe{ask: ask{flow: t.s.cfg.Flows}, target: t, method: m, size: size, check: true}
}

// checked is told the outcome of a check.
func (t *target) checked(p *probe, now time.Time) {
	c, ok := t.plan.(*classic)
	switch {
	case !ok:
	case c.mtu != nil:
		c.mtu.see(p, now)
	case c.check != nil:
		c.check.settled++
		c.check.see(p)
	}
}

// see is told the outcome of a probe.
func (a *aliveCheck) see(p *probe) {
	f := p.found
	if !f.Reached && !(f.From.IsValid() && p.wentTo(f.From)) {
		return
	}
	a.alive = true
	if a.by == "" {
		a.by = map[Method]string{UDP: "udp", ICMP: "echo", TCP: "tcp"}[p.method]
	}
	if p.quotedTTL > 0 {
		a.distance = checkTTL - p.quotedTTL + 1
	}
}
