package trace

// limitTest asks a hop that lost answers to probes in a row, and answered when they were sent again, first fast
// and then slowly: what it answers then tells a limit from a path that loses packets (see pattern).
type limitTest struct {
	flow    int
	asked   int
	settled int
}

const (
	testFast = 6 // probes
	testSlow = 3
)

// testsNext appends what tests want.
func (c *classic) testsNext(asks []ask) []ask {
	for ttl, test := range c.tests {
		h := &c.t.hops[ttl]
		switch {
		case test.asked == 0:
			h.gap = 0
			for range testFast {
				test.asked++
				asks = append(asks, ask{ttl: ttl, flow: test.flow, again: test.asked})
			}
		case test.asked == testFast && test.settled == testFast:
			h.gap = slowPace
			for range testSlow {
				test.asked++
				asks = append(asks, ask{ttl: ttl, flow: test.flow, again: test.asked})
			}
		}
	}
	return asks
}

func (test *limitTest) see(*probe) { test.settled++ }

// tested reports whether a hop needs no test, or has had it. It begins one where it is needed.
func (c *classic) tested(ttl int) bool {
	if test := c.tests[ttl]; test != nil {
		return test.settled == testFast+testSlow
	}
	n := &c.t.hops[ttl].pattern
	if c.round > 0 || n.fast.lost == 0 || n.slow.answered == 0 || n.slow.lost > n.slow.answered || n.limited() {
		return true
	}
	for flow, x := range c.cells[ttl] {
		if p := x.probe; p.From.IsValid() && !p.Reached && !p.Stopped {
			c.tests[ttl] = &limitTest{flow: flow}
			return false
		}
	}
	return true
}
