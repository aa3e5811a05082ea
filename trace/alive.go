package trace

import "time"

// aliveCheck asks, behind silent hops, whether the destination is there: by an echo request and a SYN.
type aliveCheck struct {
	asked, settled int
	alive          bool
	by             string
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

// startCheck asks.
func (c *classic) startCheck() {
	if c.check != nil {
		return
	}
	c.check = &aliveCheck{}
	for _, m := range []Method{ICMP, TCP} {
		c.check.asked++
		c.t.checks = append(c.t.checks, c.t.checkProbe(m, 0))
	}
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
		if f := p.found; f.Reached || f.From.IsValid() && p.wentTo(f.From) {
			c.check.alive = true
			if c.check.by == "" {
				c.check.by = map[Method]string{ICMP: "echo", TCP: "tcp"}[p.method]
			}
		}
	}
}
