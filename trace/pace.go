package trace

import "time"

// The default pace: in no tenth of a second are there more than 63 probes.
const (
	defaultBurst = 30
	// defaultGap is the least time between two probes of a burst: on a path that answers within it, the destination
	// is known before any probe has gone beyond it.
	defaultGap = 400 * time.Microsecond
	// burstTime is how much of an explicit rate may be made up for at once: more than a wait's inexactness.
	burstTime = 2 * time.Millisecond
)

// pacer bounds the rate of probes: a bucket that fills with tokens, of which each probe takes one.
type pacer struct {
	rate   float64 // tokens a second; 0: no bound
	size   float64 // of the bucket
	tokens float64
	filled time.Time // when tokens was right; zero: the bucket is full
	gap    time.Duration
	last   time.Time // when a token was taken
}

// newPacer makes one for Config.Rate.
func newPacer(rate float64) pacer {
	switch {
	case rate < 0:
		return pacer{}
	case rate == 0:
		return pacer{rate: DefaultRate, size: defaultBurst, gap: defaultGap}
	}
	return pacer{rate: rate, size: max(1, rate*burstTime.Seconds())}
}

// wait returns how long it is until a probe may go: 0 or less if it may go at once.
func (p *pacer) wait(now time.Time) time.Duration {
	if p.rate == 0 {
		return 0
	}
	if p.filled.IsZero() {
		p.tokens = p.size
	} else {
		p.tokens = min(p.size, p.tokens+now.Sub(p.filled).Seconds()*p.rate)
	}
	p.filled = now
	const enough = 1 - 1e-6 // what rounding takes from a token
	if p.tokens >= enough {
		return p.last.Add(p.gap).Sub(now)
	}
	const longest = 1e9 // seconds
	return time.Duration(min(longest, (1-p.tokens)/p.rate)*1e9) + 1
}

// take uses up a token.
func (p *pacer) take(now time.Time) {
	p.last = now
	if p.rate != 0 {
		p.tokens--
	}
}
