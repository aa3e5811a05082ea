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

// probe is one echo request.
type probe struct {
	t     *target
	seq   int64 // of the target
	sent  rawsock.Stamp
	state state
}

// window remembers the probes whose answers can still be told: a ring of a power of two, indexed by
// the probe's number, whose lower 16 bits are its sequence number on the wire. It grows as far as probes in flight
// need it, up to maxWindow.
type window struct {
	ring       []probe
	tail, next int64 // numbers of the oldest probe remembered and of the next one
}

const (
	minWindow = 256
	maxWindow = 1 << 17
	// memory is how long, in timeouts, a probe with its outcome is remembered at least, for replies
	// that come late or twice, while the window is below maxWindow.
	memory = 20
)

func (w *window) at(n int64) *probe { return &w.ring[n&int64(len(w.ring)-1)] }

// holds reports whether the probe with number n is remembered.
func (w *window) holds(n int64) bool { return n >= w.tail && n < w.next }

// add remembers a new probe and returns its number. It is false when the window is
// full of probes without an outcome.
func (w *window) add(t *target, seq int64, now time.Time, timeout time.Duration) (int64, bool) {
	if w.next-w.tail == int64(len(w.ring)) && !w.room(now, timeout) {
		return 0, false
	}
	n := w.next
	*w.at(n) = probe{t: t, seq: seq}
	w.next++
	return n, true
}

// room makes room for one probe more: by forgetting the oldest, or by growing.
func (w *window) room(now time.Time, timeout time.Duration) bool {
	if len(w.ring) == 0 {
		w.ring = make([]probe, minWindow)
		return true
	}
	oldest := w.at(w.tail)
	over := oldest.state != pending && oldest.state != unsent
	if len(w.ring) < maxWindow && !(over && now.Sub(oldest.sent.Time) > memory*timeout) {
		bigger := window{ring: make([]probe, 2*len(w.ring)), tail: w.tail, next: w.next}
		for n := w.tail; n < w.next; n++ {
			*bigger.at(n) = *w.at(n)
		}
		*w = bigger
		return true
	}
	if !over {
		return false
	}
	oldest.t = nil
	w.tail++
	return true
}

// bySequence calls yield for each remembered probe with the given sequence number on
// the wire, the newest first, until it returns true, and returns that probe's number.
func (w *window) bySequence(seq uint16, yield func(n int64, p *probe) bool) (int64, bool) {
	for n := w.next - 1 - int64(uint16(w.next-1)-seq); n >= w.tail; n -= 1 << 16 {
		if yield(n, w.at(n)) {
			return n, true
		}
	}
	return 0, false
}
