package probe

import (
	"math"
	"net/netip"
	"testing"
	"time"
)

// TestStats counts each state, and as lost those whose first SYN had no answer.
func TestStats(t *testing.T) {
	var s Stats
	if _, ok := s.Loss(); ok {
		t.Error("there is a loss of nothing")
	}
	s.Add(Event{State: Failed})
	if _, ok := s.Loss(); ok || s.Failed != 1 || s.Sent != 1 {
		t.Errorf("%+v", s)
	}
	for i, e := range []Event{
		{State: Open, SYNs: 1, RTT: 10 * ms},
		{State: Open, SYNs: 1, RTT: 16 * ms},
		{State: Open, SYNs: 2, Took: time.Second},
		{State: Open, SYNs: 1, RTT: 13 * ms, Reset: true},
		{State: Closed, SYNs: 1},
		{State: Closed, SYNs: 2, Took: time.Second},
		{State: Closed}, // how many is not known
		{State: Rejected, SYNs: 1},
		{State: Unreachable, SYNs: 1},
		{State: Filtered, SYNs: 4},
		{Kind: Done},
		{Kind: Middlebox},
		{Kind: Narrowed},
	} {
		e.Seq = int64(i + 1)
		s.Add(e)
	}
	if s.Sent != 11 || s.Open != 4 || s.Closed != 3 || s.Rejected != 1 || s.Unreachable != 1 || s.Filtered != 1 || s.Failed != 1 || s.Lost != 5 {
		t.Errorf("%+v", s)
	}
	if got, ok := s.Loss(); !ok || math.Abs(got-50) > 1e-9 {
		t.Errorf("%v %% lost", got)
	}
	if s.RTT.N() != 3 || s.RTT.Mean() != 13*ms || s.Jitter.Mean() != 4500*time.Microsecond {
		t.Errorf("%d round trips of %v, jitter %v", s.RTT.N(), s.RTT.Mean(), s.Jitter.Mean())
	}
}

// TestNotLost has more than one SYN or datagram where none is known to be lost.
func TestNotLost(t *testing.T) {
	var s Stats
	for _, e := range []Event{
		{State: Open, SYNs: 2, Took: 13 * ms}, // an old connection
		{State: Closed, SYNs: 2, Took: 13 * ms},
		{State: Open, SYNs: 2, Took: 400 * ms, UDP: true}, // a slow answer
		{State: Closed, SYNs: 3, Took: 4 * time.Second, UDP: true},
	} {
		s.Add(e)
	}
	if s.Lost != 0 {
		t.Errorf("%+v", s)
	}
	if s.Add(Event{State: Filtered, SYNs: 3, UDP: true}); s.Lost != 1 {
		t.Errorf("%+v", s)
	}
}

// TestBrowser has cases of RFC 8305.
func TestBrowser(t *testing.T) {
	type try struct {
		addr  string
		state State
		took  time.Duration
		rtt   time.Duration
	}
	const a, b, c, d = "2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"
	for _, x := range []struct {
		name  string
		tries []try
		addr  string
		after time.Duration
	}{
		{"nothing", nil, "", 0},
		{"first", []try{{a, Open, 40 * ms, 0}, {c, Open, 10 * ms, 0}}, a, 40 * ms},
		{"by the kernel's round trip", []try{{a, Open, 140 * ms, 20 * ms}}, a, 20 * ms},
		{"slow", []try{{a, Open, 400 * ms, 0}, {c, Open, 10 * ms, 0}}, c, 260 * ms},
		{"slow but first", []try{{a, Open, 260 * ms, 0}, {c, Open, 20 * ms, 0}}, a, 260 * ms},
		{"silent", []try{{a, Filtered, 3500 * ms, 0}, {c, Open, 10 * ms, 0}}, c, 260 * ms},
		{"refused", []try{{a, Closed, 10 * ms, 0}, {c, Open, 10 * ms, 0}}, c, 20 * ms},
		{"no route", []try{{a, Failed, 0, 0}, {c, Open, 10 * ms, 0}}, c, 10 * ms},
		{"no route at all", []try{{a, Failed, 0, 0}, {b, Failed, 0, 0}, {c, Open, 10 * ms, 0}}, c, 10 * ms},
		{"refused late", []try{{a, Rejected, 300 * ms, 0}, {c, Filtered, 3500 * ms, 0}, {b, Open, 10 * ms, 0}}, b, 310 * ms},
		{"one failure, one attempt", []try{{a, Closed, 10 * ms, 0}, {c, Filtered, 3500 * ms, 0}, {b, Open, 10 * ms, 0}}, b, 270 * ms},
		{"families in turns", []try{{a, Filtered, 3500 * ms, 0}, {b, Open, 10 * ms, 0}, {c, Open, 10 * ms, 0}, {d, Open, ms, 0}}, c, 260 * ms},
		{"reset", []try{{a, Open, 40 * ms, 0}}, a, 40 * ms},
		{"none", []try{{a, Closed, ms, 0}, {c, Filtered, 3500 * ms, 0}, {b, Unreachable, ms, 0}}, "", 0},
	} {
		var results []Event
		for _, y := range x.tries {
			results = append(results, Event{Addr: netip.AddrPortFrom(netip.MustParseAddr(y.addr), 443), State: y.state, Took: y.took, RTT: y.rtt})
		}
		addr, after, ok := Browser(results)
		want, _ := netip.ParseAddr(x.addr)
		if addr != want || after != x.after || ok != (x.addr != "") {
			t.Errorf("%s: %v after %v, want %v after %v", x.name, addr, after, want, x.after)
		}
	}
}
