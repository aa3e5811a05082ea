package ping

import (
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// state is how far a probe has come.
type state uint8

const (
	unsent    state = iota
	pending         // sent, no outcome
	replied         // Reply
	timedOut        // Timeout
	lateReply       // Late
	failed          // ICMPError
	abandoned       // its target was done, or it could not be sent
)

// settled reports whether no outcome is to come.
func (s state) settled() bool { return s != unsent && s != pending }

// probe is one echo request.
type probe struct {
	t     *target
	seq   int64 // of the target
	sent  rawsock.Stamp
	state state
}

// window remembers the probes whose answers can still be told: a ring of a power of two, indexed by
// the probe's number, whose lower 16 bits are its sequence number on the wire. It grows as far as probes in flight
// need it.
type window struct {
	ring       []probe
	limit      int   // of its size
	tail, next int64 // numbers of the oldest probe remembered and of the next one
}

const (
	minWindow = 256
	// maxWindow bounds the probes in flight. Those without a number in their data are told apart by
	// their sequence numbers alone, of which there are fewer.
	maxWindow           = 1 << 17
	maxUnnumberedWindow = 1 << 16
	// memory is how long, in timeouts, a probe with its outcome is remembered at least, for replies
	// that come late or twice, while the window is below its limit.
	memory = 20
)

func newWindow(numbered bool) window {
	w := window{ring: make([]probe, minWindow), limit: maxUnnumberedWindow}
	if numbered {
		w.limit = maxWindow
	}
	return w
}

func (w *window) at(n int64) *probe { return &w.ring[n&int64(len(w.ring)-1)] }

// holds reports whether the probe with number n is remembered.
func (w *window) holds(n int64) bool { return n >= w.tail && n < w.next }

// crowded reports whether there is no room for a probe more before the oldest has its outcome.
func (w *window) crowded() bool {
	return w.next-w.tail == int64(w.limit) && !w.at(w.tail).state.settled()
}

// add remembers a new probe and returns its number. It is false when the window is crowded.
func (w *window) add(t *target, seq int64, now time.Time, timeout time.Duration) (int64, bool) {
	if w.crowded() {
		return 0, false
	}
	if w.next-w.tail == int64(len(w.ring)) {
		w.makeRoom(now, timeout)
	}
	n := w.next
	*w.at(n) = probe{t: t, seq: seq}
	w.next++
	return n, true
}

// makeRoom makes room for a probe more: by forgetting the oldest where that is old, its target is
// done or the window has its full size, and else by growing.
func (w *window) makeRoom(now time.Time, timeout time.Duration) {
	oldest := w.at(w.tail)
	old := oldest.state.settled() && (oldest.t.done || now.Sub(oldest.sent.Time)/memory > timeout)
	if old || len(w.ring) == w.limit {
		*oldest = probe{}
		w.tail++
		return
	}
	bigger := *w
	bigger.ring = make([]probe, 2*len(w.ring))
	for n := w.tail; n < w.next; n++ {
		*bigger.at(n) = *w.at(n)
	}
	*w = bigger
}

// bySequence calls fits for each remembered probe with the given sequence number on
// the wire, the newest first, until it returns true, and returns that probe's number.
func (w *window) bySequence(seq uint16, fits func(*probe) bool) (int64, bool) {
	for n := w.next - 1 - int64(uint16(w.next-1)-seq); n >= w.tail; n -= 1 << 16 {
		if fits(w.at(n)) {
			return n, true
		}
	}
	return 0, false
}
