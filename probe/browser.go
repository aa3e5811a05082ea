package probe

import (
	"net/netip"
	"slices"
	"time"
)

// attemptDelay is the Connection Attempt Delay that RFC 8305 section 5 recommends.
const attemptDelay = 250 * time.Millisecond

// Browser returns which address of a name a program that follows RFC 8305 would be connected to, and how long after
// it began, by the results of probing each of them, in the order of the name's addresses. It takes the families in turns (section
// 4, with a First Address Family Count of 1), 250 ms apart, and the next at once when an attempt fails (section
// 5). It is not ok if none opened. Waiting for the names' addresses is not in it.
func Browser(results []Event) (addr netip.Addr, after time.Duration, ok bool) {
	var (
		begin time.Duration   // of the attempt
		fails []time.Duration // to come, of those before it
	)
	for i, e := range interleaved(results) {
		if i > 0 {
			begin, fails = next(begin, fails)
		}
		if ok && begin >= after {
			break // it is connected by now
		}
		switch took, opens := e.connect(); {
		case opens && (!ok || begin+took < after):
			addr, after, ok = e.Addr.Addr(), begin+took, true
		case !opens && e.State != Filtered:
			fails = append(fails, begin+took)
		}
	}
	return addr, after, ok
}

// next returns when the attempt after the one that began at last begins, and which failures are still to come then.
func next(last time.Duration, fails []time.Duration) (begin time.Duration, left []time.Duration) {
	begin = last + attemptDelay
	for _, f := range fails {
		begin = min(begin, f)
	}
	return begin, slices.DeleteFunc(fails, func(f time.Duration) bool { return f <= begin })
}

// connect returns how long a connection took, or how long it took to fail.
func (e *Event) connect() (took time.Duration, opens bool) {
	if e.State == Open && e.RTT > 0 {
		return e.RTT, true
	}
	return e.Took, e.State == Open
}

// interleaved returns the results with the families in turns, beginning with the first one's.
func interleaved(results []Event) []Event {
	if len(results) == 0 {
		return nil
	}
	var families [2][]Event
	first := results[0].Addr.Addr().Unmap().Is4()
	for _, e := range results {
		i := 0
		if e.Addr.Addr().Unmap().Is4() != first {
			i = 1
		}
		families[i] = append(families[i], e)
	}
	both := min(len(families[0]), len(families[1]))
	var turns []Event
	for i := range both {
		turns = append(turns, families[0][i], families[1][i])
	}
	return slices.Concat(turns, families[0][both:], families[1][both:])
}
