package ping

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// many returns that many targets, one after the other from 10.0.0.1 on.
func many(n int) []netip.Addr {
	addrs := []netip.Addr{netip.MustParseAddr("10.0.0.1")}
	for len(addrs) < n {
		addrs = append(addrs, addrs[len(addrs)-1].Next())
	}
	return addrs
}

// TestExpireInParts has as many probes expire at once as a stall of the process makes: they are told
// bit by bit, and all of them.
func TestExpireInParts(t *testing.T) {
	const count = 10 * manyEvents
	s := newSession(Config{Count: 1, Rate: -1}.filled(), cookie, list(many(count)...))
	s.cfg.Rate, s.pacer = 0, pacer{}
	var numbers [count]int64
	for _, n := range s.due(t0, numbers[:0]) {
		s.sent(n, rawsock.Stamp{Time: t0})
	}
	s.events = s.events[:0]
	kinds := make(map[Kind]int)
	for more := true; more; s.events = s.events[:0] {
		more = s.expire(t0.Add(time.Hour))
		if n := len(s.events); n > manyEvents+1 {
			t.Fatalf("%d events at once", n)
		}
		for _, e := range s.events {
			kinds[e.Kind]++
		}
	}
	s.due(t0.Add(time.Hour), numbers[:0]) // sees that there are no more targets
	if kinds[Timeout] != count || kinds[Done] != count || !s.finished() {
		t.Errorf("told %v of %d targets, finished %v", kinds, count, s.finished())
	}
}

// TestAbandonManyProbes has targets answer that have probes in flight all over the window: giving those
// up looks at none of them, and they have no outcome afterwards.
func TestAbandonManyProbes(t *testing.T) {
	const count, each = 1000, 3
	s := newSession(Config{Count: 10, Preload: each, Until: true, Rate: -1}.filled(), cookie, list(many(count)...))
	s.pacer = pacer{}
	var numbers [count * each]int64
	for _, n := range s.due(t0, numbers[:0]) {
		s.sent(n, rawsock.Stamp{Time: t0})
	}
	var stats Stats
	for n := s.window.next - 1; n >= 0; n-- { // the newest first
		p := s.window.at(n)
		if p.t.abandoned {
			continue
		}
		p.state = replied
		s.answered(p.t, time.Millisecond, t0.Add(time.Millisecond))
	}
	for more := true; more; s.events = s.events[:0] {
		more = s.expire(t0.Add(time.Hour))
		for _, e := range s.events {
			stats.Add(e)
		}
	}
	s.due(t0.Add(time.Hour), numbers[:0])
	if !s.finished() || stats.Timeouts != 0 || stats.Sent != count*each {
		t.Errorf("finished %v, %d timeouts of %d", s.finished(), stats.Timeouts, stats.Sent)
	}
}

// TestQueueFull refuses 49 of 50 packets because the queue of the socket is full: that passes by itself, so
// each is sent in the end, however often it is tried.
func TestQueueFull(t *testing.T) {
	refusals := 0
	full := func(n int64, _ rawsock.Packet) error {
		if n%50 != 0 {
			refusals++
			return syscall.EAGAIN
		}
		return nil
	}
	bubble(t, netsim.Chain(10*ms), netsim.ConnConfig{WriteError: full}, func(t *testing.T, s *simulation) {
		s.run(t.Context(), t, Config{Targets: Addrs(s.network.Addr("target", 4)), Count: 3}, nil)
		var stats Stats
		for _, e := range s.events {
			stats.Add(e)
		}
		if s.err != nil || stats.Received != 3 || stats.SendErrors != 0 || refusals != 3*49 {
			t.Errorf("%+v after %d refusals, %v", stats, refusals, s.err)
		}
	})
}
