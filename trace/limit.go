package trace

import (
	"math"
	"time"
)

// A hop that limits its ICMP errors loses answers when it is asked fast and does not when it is asked slowly;
// a path that loses packets does so at any pace. pattern counts both, by how long a probe came after the one before it.
type pattern struct {
	fast, slow outcomes
}

type outcomes struct{ answered, lost int }

const (
	fastGap = 250 * time.Millisecond // probes closer than that are fast
	slowGap = 450 * time.Millisecond // and those farther apart slow
	// slowPace is the gap that a hop which loses answers is given first, and slowest
	// the longest: more than the second that Linux' limit is.
	slowPace = 600 * time.Millisecond
	slowest  = 1100 * time.Millisecond
	// doubt is the probability of a verdict by chance alone.
	doubt = 0.05
)

// count takes in the outcome of p.
func (h *hop) count(p *probe, add func(*outcomes)) {
	if n := h.pattern.of(p.gap); n != nil {
		add(n)
		if n == &h.pattern.slow && p.try > 0 {
			add(&h.again)
		}
		if p.gap >= slowest {
			add(&h.crawl)
		}
	}
	if h.paceless() {
		h.gap = 0
	}
}

// of returns where the outcome of a probe counts that was sent gap after the last one, nil for neither.
func (p *pattern) of(gap time.Duration) *outcomes {
	switch {
	case gap < fastGap:
		return &p.fast
	case gap >= slowGap:
		return &p.slow
	}
	return nil
}

// limited reports whether the pace explains the losses: whether, had losses nothing to do with it, so
// many of them or more would fall on the fast probes with a probability of less than doubt
// (Fisher's exact test, one-sided).
func (p *pattern) limited() bool {
	lost := p.fast.lost + p.slow.lost
	fast := p.fast.answered + p.fast.lost
	slow := p.slow.answered + p.slow.lost
	if p.fast.lost == 0 || p.slow.answered == 0 {
		return false
	}
	var tail float64
	for k := p.fast.lost; k <= min(lost, fast); k++ {
		tail += math.Exp(logChoose(fast, k) + logChoose(slow, lost-k) - logChoose(fast+slow, lost))
	}
	return tail < doubt
}

// logChoose is the logarithm of the binomial coefficient; minus infinity where there is no way to choose.
func logChoose(n, k int) float64 {
	if k < 0 || k > n {
		return math.Inf(-1)
	}
	f := func(x int) float64 {
		v, _ := math.Lgamma(float64(x + 1))
		return v
	}
	return f(n) - f(k) - f(n-k)
}
