package trace

import (
	"maps"
	"slices"
)

// limitTests are the tests of a trace, by TTL. A hop that lost answers to probes in a row, and answered when they were sent
// again, is asked first fast and then slowly: what it answers then tells a limit from a path that loses packets (see pattern).
type limitTests map[int]*limitTest

type limitTest struct {
	flow    int // that the hop answers
	asked   int
	settled int
}

const (
	testFast = 6 // probes
	testSlow = 3
	// testAgain is what the probes of tests are numbered from, as repetitions.
	testAgain = 1000
)

// next appends what tests of t want.
func (tests limitTests) next(t *target, asks []ask) []ask {
	for _, ttl := range slices.Sorted(maps.Keys(tests)) {
		test, h, n := tests[ttl], &t.hops[ttl], 0
		switch {
		case test.asked == 0:
			h.gap, n = 0, testFast
		case test.asked == testFast && test.settled == testFast:
			h.gap, n = slowPace, testSlow
		}
		for range n {
			asks = append(asks, ask{ttl: ttl, flow: test.flow, again: testAgain + test.asked})
			test.asked++
		}
	}
	return asks
}

// see is told the outcome of p, and reports whether it belongs to a test.
func (tests limitTests) see(p *probe) bool {
	test := tests[p.ttl]
	if p.again < testAgain || test == nil {
		return false
	}
	test.settled++
	return true
}

// tested reports whether a hop of t needs no test, or has had it. It begins one where it is needed, with a flow that the hop
// answers: negative if there is none.
func (tests limitTests) tested(t *target, ttl int, flow func(ttl int) int) bool {
	if test := tests[ttl]; test != nil {
		return test.settled == testFast+testSlow
	}
	n := &t.hops[ttl].pattern
	if n.fast.lost == 0 || n.slow.answered == 0 || n.slow.lost > n.slow.answered || n.limited() {
		return true
	}
	if f := flow(ttl); f >= 0 {
		tests[ttl] = &limitTest{flow: f}
		return false
	}
	return true
}
