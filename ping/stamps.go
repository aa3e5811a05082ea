package ping

import "time"

// stampBudget says which probes get a send stamp of the kernel. Each costs a read more, so a run that sends fast
// has them for a part of its probes only: a round trip that was looked at singly is more exact by some microseconds.
type stampBudget struct {
	left   float64
	filled time.Time // when left was counted last; zero: never
}

const (
	stampBurst = 1000 // probes
	stampRate  = 2000 // probes a second beyond the burst
)

// take reports whether the next probe gets a stamp.
func (b *stampBudget) take(now time.Time) bool {
	if b.filled.IsZero() {
		b.left = stampBurst
	} else {
		b.left = min(stampBurst, b.left+now.Sub(b.filled).Seconds()*stampRate)
	}
	b.filled = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
