package probe

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestOutcomes has one probe come to each end, at its exact time.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		name   string
		reply  reply
		state  State
		took   time.Duration // as told
		end    time.Duration // of the run
		reason string
	}{
		{"open", opens, Open, ms, 4 * ms, ""},
		{"open far away", reply{after: 40 * ms, connect: true, rtt: 40 * ms}, Open, 40 * ms, 120 * ms, ""},
		{"open very far away", reply{after: 400 * ms, connect: true, rtt: 400 * ms}, Open, 400 * ms, 650 * ms, ""},
		{"reset", reply{after: ms, connect: true, rtt: ms, reset: 2 * ms}, Open, ms, 4 * ms, "reset after the connection was accepted"},
		{"reset later", reply{after: ms, connect: true, rtt: ms, reset: 4 * ms}, Open, ms, 4 * ms, ""},
		{"reset at once", reply{after: ms, err: syscall.ECONNRESET}, Open, ms, ms, "reset after the connection was accepted"},
		{"closed in order and reset at once", reply{after: ms, err: syscall.EPIPE}, Open, ms, ms, ""},
		{"second SYN", reply{after: 1001 * ms, connect: true, syns: 2, rtt: ms}, Open, 1001 * ms, 1251 * ms,
			"after 1 lost SYN: the connect time has the wait for another try in it, the round trip is not known"},
		{"closed", closes, Closed, ms, ms, "connection refused: a machine answered with a reset, and nothing listens there"},
		{"self", reply{after: 0, connect: true, self: true}, Closed, 0, 0,
			"connected to itself: nobody listens there, and the system chose that very port for this end"},
		{"silent", silent, Filtered, 3500 * ms, 3500 * ms, "no answer to 4 SYNs in 3.5 s"},
		{"no route", local(syscall.ENETUNREACH), Failed, 0, 0, "no route to it on this machine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := always(c.reply)
			h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", 80))})
			if len(h.events) != 2 || h.events[1].Kind != Done {
				t.Fatalf("%+v", h.events)
			}
			e := h.events[0]
			if e.State != c.state || e.Took != c.took || h.took != c.end || e.reason(true) != c.reason {
				t.Errorf("%v %q after %v, the run after %v; want %v %q, %v, %v",
					e.State, e.reason(true), e.Took, h.took, c.state, c.reason, c.took, c.end)
			}
			if want := e.State == Open && e.SYNs == 1 && e.ICMP == nil && c.reply.connect; (e.RTT > 0) != want {
				t.Errorf("the round trip is %v", e.RTT)
			}
		})
	}
}

// TestRate spaces attempts evenly, also where they fail at once.
func TestRate(t *testing.T) {
	for _, r := range []reply{silent, closes, local(syscall.ENETUNREACH)} {
		w := always(r)
		w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", upTo(50)...)), Rate: 100})
		for i, at := range w.times() {
			if want := time.Duration(i) * 10 * ms; at != want {
				t.Fatalf("attempt %d at %v, want %v", i, at, want)
			}
		}
	}
}

// TestConcurrency has no more attempts under way than the caller or the connector allow, and that many.
func TestConcurrency(t *testing.T) {
	for _, c := range []struct{ config, limit, want int }{{4, 0, 4}, {0, 7, 7}, {9, 3, 3}, {1, 1, 1}} {
		w := always(silent)
		w.limit = c.limit
		h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", upTo(20)...)), Concurrency: c.config})
		if w.most != c.want {
			t.Errorf("%d and %d: %d at a time, want %d", c.config, c.limit, w.most, c.want)
		}
		for i, at := range w.times() {
			if want := time.Duration(i/c.want) * DefaultTimeout; at != want {
				t.Fatalf("%d and %d: attempt %d at %v, want %v", c.config, c.limit, i, at, want)
			}
		}
		if n := len(h.only(Done)); n != 20 {
			t.Errorf("%d are done", n)
		}
	}
}

// TestWatchBlocksNothing has others go on while connections are watched.
func TestWatchBlocksNothing(t *testing.T) {
	w := always(reply{after: 100 * ms, connect: true, rtt: 100 * ms})
	h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", upTo(6)...)), Concurrency: 3})
	want := []time.Duration{0, 0, 0, 300 * ms, 300 * ms, 300 * ms}
	if got := w.times(); !slices.Equal(got, want) || h.took != 600*ms {
		t.Errorf("started at %v, want %v; took %v", got, want, h.took)
	}
}

// TestAddressesInTurn tries each until one opens, and tells what tells most if none does.
func TestAddressesInTurn(t *testing.T) {
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }
	far := reply{after: 5 * ms, err: syscall.EHOSTUNREACH, icmp: icmp4(1)}
	no := reply{after: 2 * ms, err: syscall.EHOSTUNREACH, icmp: icmp4(13)}
	for _, c := range []struct {
		name    string
		replies []reply
		state   State
		index   int
		before  []State
		end     time.Duration
	}{
		{"first", []reply{opens, closes}, Open, 0, nil, 4 * ms},
		{"last", []reply{closes, local(syscall.EACCES), opens}, Open, 2, []State{Closed, Failed}, 5 * ms},
		{"none", []reply{local(syscall.EACCES), far, no, closes, closes}, Closed, 3, []State{Failed, Unreachable, Rejected, Closed}, 9 * ms},
		{"rejected", []reply{far, no, no}, Rejected, 1, []State{Unreachable, Rejected}, 9 * ms},
		{"unreachable", []reply{local(syscall.EACCES), far}, Unreachable, 1, []State{Failed}, 5 * ms},
		{"filtered", []reply{silent, local(syscall.EACCES)}, Filtered, 0, []State{Failed}, DefaultTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := &Target{Port: 80}
			for i := range c.replies {
				target.Addrs = append(target.Addrs, addr(i))
			}
			w := &world{answer: func(to netip.AddrPort, _, _ int) reply { return c.replies[to.Addr().As4()[3]] }}
			h := w.in(t, Config{Targets: Targets(target)})
			e := h.events[0]
			var before []State
			for _, b := range e.Before {
				before = append(before, b.State)
			}
			if e.State != c.state || e.Addr.Addr() != addr(c.index) || !slices.Equal(before, c.before) || h.took != c.end {
				t.Errorf("%v of %v after %v, %v; want %v of %v after %v, %v",
					e.State, e.Addr, before, h.took, c.state, addr(c.index), c.before, c.end)
			}
		})
	}
}

// TestStartsWithWhatOpened begins later probes with the address that opened last.
func TestStartsWithWhatOpened(t *testing.T) {
	a, b := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")
	w := &world{answer: func(to netip.AddrPort, n, _ int) reply {
		if to.Addr() == b && n < 3 || to.Addr() == a && n > 0 {
			return opens
		}
		return closes
	}}
	w.in(t, Config{Targets: Targets(&Target{Addrs: []netip.Addr{a, b}, Port: 80}), Count: 5})
	var got []netip.Addr
	for _, s := range w.starts {
		got = append(got, s.to.Addr())
	}
	// a closes and b opens; b; b; b closes and a opens; a.
	if want := []netip.Addr{a, b, b, b, b, a, a}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestSchedule starts the probes of a target on an absolute schedule, whatever becomes of them.
func TestSchedule(t *testing.T) {
	for _, c := range []struct {
		name     string
		reply    reply
		interval time.Duration
		starts   []time.Duration
		end      time.Duration
	}{
		{"default", closes, 0, []time.Duration{0, 1000 * ms, 2000 * ms}, 2001 * ms},
		{"open", reply{after: 100 * ms, connect: true, rtt: 100 * ms}, 200 * ms, []time.Duration{0, 200 * ms, 400 * ms}, 700 * ms},
		{"silent", silent, 0, []time.Duration{0, 1000 * ms, 2000 * ms}, 5500 * ms},
		{"none", silent, -1, []time.Duration{0, 3500 * ms, 7000 * ms}, 10500 * ms},
		{"none but quick", closes, -1, []time.Duration{0, ms, 2 * ms}, 3 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := always(c.reply)
			h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", 80, 81)), Count: 3, Interval: c.interval})
			both := slices.Repeat(c.starts, 2)
			slices.Sort(both)
			if got := w.times(); !slices.Equal(got, both) || h.took != c.end {
				t.Errorf("started at %v, want %v; took %v, want %v", got, both, h.took, c.end)
			}
			seqs := map[uint16]int64{}
			for _, e := range h.only(Result) {
				if e.Seq != seqs[e.Addr.Port()] {
					t.Errorf("probe %d, want %d", e.Seq, seqs[e.Addr.Port()])
				}
				seqs[e.Addr.Port()]++
			}
			if len(h.only(Done)) != 2 {
				t.Errorf("%v", h.events)
			}
		})
	}
}

// TestUntil ends with what was waited for, and takes what else is under way with it.
func TestUntil(t *testing.T) {
	changes := func(from, to reply, after int) func(netip.AddrPort, int, int) reply {
		return func(_ netip.AddrPort, n, _ int) reply {
			if n < after {
				return from
			}
			return to
		}
	}
	for _, c := range []struct {
		name     string
		until    Until
		count    int64
		from, to reply
		results  int
		end      time.Duration
	}{
		{"opens", UntilOpen, 0, closes, opens, 4, 3004 * ms},
		{"out of silence", UntilOpen, 0, silent, opens, 1, 3004 * ms},
		{"closes", UntilClosed, 0, opens, closes, 4, 3001 * ms},
		{"too late", UntilOpen, 2, closes, opens, 2, 1001 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{answer: changes(c.from, c.to, 3)}
			h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", 80)), Until: c.until, Count: c.count})
			if n := len(h.only(Result)); n != c.results || h.took != c.end || len(h.only(Done)) != 1 {
				t.Errorf("%d results, want %d; took %v, want %v; %+v", n, c.results, h.took, c.end, h.events)
			}
		})
	}
}

// TestUntilEnough goes on where the state is right and something else is not, and probes no target that is done.
func TestUntilEnough(t *testing.T) {
	w := always(opens)
	var asked int
	h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", 80, 81)), Until: UntilOpen, Enough: func(e *Event) bool {
		if e.State != Open {
			t.Errorf("asked about %+v", e)
		}
		asked++
		return e.Target.Port == 80 || e.Seq == 2
	}})
	if n := len(h.only(Result)); n != 4 || asked != n || len(w.starts) != n || h.took != 2004*ms || len(h.only(Done)) != 2 {
		t.Errorf("%d results, %d started, took %v; %+v", n, len(w.starts), h.took, h.events)
	}
}

// TestUntilForAll gives every target its turn, though none is ever done and the rate is too low for all.
func TestUntilForAll(t *testing.T) {
	w := always(closes)
	h := w.in(t, Config{
		Targets: slices.Values(ports("192.0.2.1", upTo(5)...)), Until: UntilOpen, Rate: 1, Interval: 100 * ms, Deadline: 20 * time.Second,
	})
	for to, n := range w.tries {
		if n < 3 {
			t.Errorf("%v was tried %d times", to, n)
		}
	}
	if len(w.tries) != 5 || len(h.only(Done)) != 5 {
		t.Errorf("%v, %d done", w.tries, len(h.only(Done)))
	}
}

// TestUntilDropsTheRest begins no further address once another probe has brought what was waited for.
func TestUntilDropsTheRest(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	w := &world{answer: func(to netip.AddrPort, n, _ int) reply {
		if to.Addr() == a && n == 3 {
			return reply{after: 700 * ms, connect: true, rtt: 700 * ms} // at 3.7 s, and is watched until 3.95 s
		}
		return silent
	}}
	// At 3.5 s the first probe is about to go on with the second address, whose turn comes at 4 s.
	h := w.in(t, Config{Targets: Targets(&Target{Addrs: []netip.Addr{a, b}, Port: 80}), Until: UntilOpen, Rate: 1})
	if len(w.starts) != 4 || h.took != 3950*ms || !slices.Equal(h.states(), []State{Open}) {
		t.Errorf("%v, %v after %v", w.starts, h.states(), h.took)
	}
}

// TestDeadlineBetweenAddresses tells what those that were tried had to say.
func TestDeadlineBetweenAddresses(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for _, c := range []struct {
		name string
		at   reply // a
		rate float64
		want State
	}{
		{"while the first is tried", silent, 0, Filtered},
		{"while the second is tried", closes, 0, Closed},
		{"while it waits for its turn", closes, 1, Closed},
	} {
		w := &world{answer: func(to netip.AddrPort, _, _ int) reply {
			if to.Addr() == a {
				return c.at
			}
			return silent
		}}
		h := w.in(t, Config{Targets: Targets(&Target{Addrs: []netip.Addr{a, b}, Port: 80}), Rate: c.rate, Deadline: 500 * ms})
		if got := h.states(); !slices.Equal(got, []State{c.want}) || h.events[0].Addr.Addr() != a || len(h.only(Done)) != 1 || h.took != 500*ms {
			t.Errorf("%s: %+v after %v", c.name, h.events, h.took)
		}
	}
}

// TestDeadline ends the run, and tells of a target without any result what is known.
func TestDeadline(t *testing.T) {
	w := &world{answer: func(to netip.AddrPort, _, _ int) reply {
		switch to.Port() {
		case 1:
			return silent
		case 2:
			return closes
		}
		return reply{after: 1400 * ms, connect: true, rtt: ms} // is being watched
	}}
	h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", 1, 2, 3)), Count: 9, Deadline: 1402 * ms})
	got := map[uint16][]string{}
	for _, e := range h.only(Result) {
		got[e.Addr.Port()] = append(got[e.Addr.Port()], e.State.String()+" "+e.reason(true))
	}
	refused := "closed connection refused: a machine answered with a reset, and nothing listens there"
	want := map[uint16][]string{
		1: {"filtered no answer to 2 SYNs in 1.4 s, when the time of the run was up"},
		2: {refused, refused},
		3: {"open after 1 lost SYN: the connect time has the wait for another try in it, the round trip is not known"},
	}
	for p := range want {
		if !slices.Equal(got[p], want[p]) {
			t.Errorf("port %d: %q, want %q", p, got[p], want[p])
		}
	}
	if h.took != 1402*ms || len(h.only(Done)) != 3 {
		t.Errorf("took %v, %d done", h.took, len(h.only(Done)))
	}
}

// TestCancel ends at once with the context's error, after what is known.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*ms)
		defer cancel()
		w := always(silent)
		h := w.run(ctx, Config{Targets: slices.Values(ports("192.0.2.1", upTo(10)...)), Concurrency: 5})
		if !errors.Is(h.err, context.DeadlineExceeded) || h.took != 1500*ms || !w.released || len(w.conn.attempts) > 0 {
			t.Errorf("%v after %v, released %t", h.err, h.took, w.released)
		}
		if len(h.only(Result)) > 0 || len(h.only(Done)) != 5 {
			t.Errorf("%+v", h.events)
		}
	})
}

// TestCancelBetweenAddresses tells that a target is done which waits for its second address's turn.
func TestCancelBetweenAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*ms)
		defer cancel()
		target := ports("192.0.2.1", 80)[0]
		target.Addrs = append(target.Addrs, netip.MustParseAddr("192.0.2.2"))
		h := always(closes).run(ctx, Config{Targets: Targets(target), Rate: 1})
		if len(h.events) != 1 || h.events[0].Kind != Done || h.took != 500*ms {
			t.Errorf("%+v after %v", h.events, h.took)
		}
	})
}

// TestBreak releases everything.
func TestBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := always(closes)
		n := 0
		for range run(t.Context(), Config{Targets: slices.Values(ports("192.0.2.1", upTo(10)...))}, w.system()) {
			if n++; n == 3 {
				break
			}
		}
		if !w.released || n != 3 {
			t.Errorf("%d events, released %t", n, w.released)
		}
	})
}

// TestUnknownTarget is asked for again while others go on.
func TestUnknownTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := time.Now().Add(12 * ms)
		targets := func(yield func(*Target) bool) {
			yield(ports("192.0.2.1", 80)[0])
			for time.Now().Before(known) {
				yield(nil)
			}
			yield(ports("192.0.2.1", 81)[0])
		}
		w := always(closes)
		h := w.run(t.Context(), Config{Targets: targets})
		if got, want := w.times(), []time.Duration{0, 15 * ms}; !slices.Equal(got, want) || h.took != 16*ms {
			t.Errorf("started at %v, want %v; took %v", got, want, h.took)
		}
	})
}

// TestIdle is called before each wait.
func TestIdle(t *testing.T) {
	idle := 0
	w := always(silent)
	w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", upTo(3)...)), Rate: 1, Idle: func() { idle++ }})
	// Before the waits for the second start, the third, and the three ends. There is one more as the targets end.
	if idle < 5 || idle > 7 {
		t.Errorf("called %d times", idle)
	}
}
