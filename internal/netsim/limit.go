package netsim

import (
	"net/netip"
	"time"
)

// Limit is a token bucket for ICMP errors. Linux has Rate 1 and Burst 6 for each host
// that errors are sent to, of which there is one here.
type Limit struct {
	Rate  float64 `json:"rate"`  // tokens a second, above 0
	Burst int     `json:"burst"` // size of the bucket, full at first; 1 or more
	// PerDestination gives every destination of offending packets a bucket of its own.
	PerDestination bool `json:"per_destination"`
}

// limiter is the state of a Limit, by the generic cell rate algorithm: in whole
// nanoseconds, hence exact, and indifferent to moments out of order.
type limiter struct {
	interval, depth time.Duration // of one token; of all but one
	shared          time.Duration // when the bucket will be full again
	each            map[netip.Addr]time.Duration
}

func newLimiter(l *Limit) *limiter {
	if l == nil {
		return nil
	}
	interval := time.Duration(float64(time.Second)/l.Rate + 0.5)
	lim := &limiter{interval: interval, depth: interval * time.Duration(l.Burst-1)}
	if l.PerDestination {
		lim.each = make(map[netip.Addr]time.Duration)
	}
	return lim
}

// maxBuckets bounds a limiter's memory: when there are more, the full ones are forgotten.
const maxBuckets = 1 << 17

// allow takes a token, if there is one. A nil limiter always has.
func (l *limiter) allow(at time.Duration, dst netip.Addr) bool {
	if l == nil {
		return true
	}
	full := l.shared
	if l.each != nil {
		full = l.each[dst]
	}
	full = max(full, at)
	if full-at > l.depth {
		return false
	}
	full += l.interval
	if l.each == nil {
		l.shared = full
		return true
	}
	if len(l.each) >= maxBuckets {
		for a, f := range l.each {
			if f <= at {
				delete(l.each, a)
			}
		}
	}
	l.each[dst] = full
	return true
}
