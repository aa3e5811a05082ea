package stats

import "time"

const (
	// outstanding and skipped mark a probe of the window that has no outcome yet, or ended
	// without a round trip. Every other value is a round trip.
	outstanding time.Duration = -1
	skipped     time.Duration = -2

	// windowLimit is how many probes a window may span. Beyond it the oldest count as
	// skipped, so that memory stays under 4 MiB whatever happens to a probe.
	windowLimit = 1 << 18
)

// Jitter folds the mean absolute difference of successive round trips in the order in
// which their probes were sent, whatever the order in which replies arrive. Its zero value is ready
// to use.
//
// Every sequence number from 0 on should come once, in any order: with Add when a reply
// arrived, with Skip when the probe ended without. The first outcome of a probe holds. What
// waits for the outcome of an earlier probe is kept, so memory follows what is in flight, 8
// bytes a probe.
type Jitter struct {
	next   int64           // the lowest sequence number without an outcome
	window []time.Duration // [head:] are the probes from next on
	head   int

	last  time.Duration // of the latest finished probe that has a round trip
	begun bool          // there is a last one
	sum   time.Duration // of absolute differences
	n     int64         // differences in sum
}

// Add counts the round trip rtt of probe seq. A negative one counts as 0, and a probe that has
// an outcome keeps it.
func (j *Jitter) Add(seq int64, rtt time.Duration) { j.set(seq, max(0, rtt)) }

// Skip says that probe seq ended without a round trip: the difference is then that of its
// neighbours. A probe that has an outcome keeps it.
func (j *Jitter) Skip(seq int64) { j.set(seq, skipped) }

// Mean returns the mean absolute difference over all probes that have an outcome by now, as
// if those without one had none to come. It is 0 for fewer than two round trips; see N.
func (j *Jitter) Mean() time.Duration {
	all := j.whole()
	if all.n == 0 {
		return 0
	}
	return all.sum / time.Duration(all.n)
}

// N returns how many differences Mean is the mean of.
func (j *Jitter) N() int64 {
	all := j.whole()
	return all.n
}

// whole returns a copy of j in which everything known is counted.
func (j *Jitter) whole() Jitter {
	all := *j
	for _, v := range j.window[j.head:] {
		all.count(v)
	}
	return all
}

func (j *Jitter) set(seq int64, outcome time.Duration) {
	switch {
	case seq < j.next:
		return // it has its outcome
	case seq == j.next && j.head == len(j.window):
		j.next++ // in order, as nearly always
		j.count(outcome)
		return
	}
	j.forget(seq - windowLimit + 1)
	at := j.head + int(seq-j.next)
	for len(j.window) <= at {
		j.window = append(j.window, outstanding)
	}
	if j.window[at] == outstanding {
		j.window[at] = outcome
	}
	for j.head < len(j.window) && j.window[j.head] != outstanding {
		j.shift()
	}
	j.compact()
}

// forget finishes every probe below seq, with or without an outcome.
func (j *Jitter) forget(seq int64) {
	for j.next < seq && j.head < len(j.window) {
		j.shift()
	}
	j.next = max(j.next, seq)
}

// shift finishes the lowest probe of the window.
func (j *Jitter) shift() {
	j.count(j.window[j.head])
	j.head++
	j.next++
}

// count adds one probe to the sums, in the order of sending.
func (j *Jitter) count(outcome time.Duration) {
	if outcome < 0 {
		return
	}
	if j.begun {
		j.sum += (outcome - j.last).Abs()
		j.n++
	}
	j.last, j.begun = outcome, true
}

// compact moves the window to the front of its memory once that halves it, so that a
// long run neither allocates again and again nor copies for every probe.
func (j *Jitter) compact() {
	if j.head == 0 || j.head < len(j.window)/2 {
		return
	}
	n := copy(j.window, j.window[j.head:])
	j.window, j.head = j.window[:n], 0
}
