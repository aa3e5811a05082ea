package trace

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// TestConfig refuses what cannot be meant.
func TestConfig(t *testing.T) {
	for field, cfg := range map[string]Config{
		"Targets":    {},
		"Method":     {Method: 9},
		"Port":       {Port: 65536},
		"SourcePort": {SourcePort: -1},
		"Flows":      {Flows: 65},
		"FirstTTL":   {FirstTTL: 65},
		"MaxTTL":     {MaxTTL: 256},
		"Rounds":     {Rounds: -1},
		"Wait":       {Wait: -1},
		"Deadline":   {Deadline: -1},
		"Interval":   {Interval: -1},
		"AtOnce":     {AtOnce: -1},
		"Size":       {Size: 65536},
		"TOS":        {TOS: 256},
		"Mode":       {Mode: 3},
		"Confidence": {Confidence: 1},
	} {
		if field != "Targets" {
			cfg.Targets = Addrs(netip.MustParseAddr("192.0.2.1"))
		}
		for _, err := range Run(t.Context(), cfg) {
			c, ok := errors.AsType[*ConfigError](err)
			if !ok || c.Field != field {
				t.Errorf("%s: error %v", field, err)
			}
		}
	}
}

// TestPace counts the probes of every tenth of a second.
func TestPace(t *testing.T) {
	for _, test := range []struct {
		rate float64
		most int
	}{{0, 64}, {100, 11}, {20, 3}} {
		topo := netsim.Chain(ms(200))
		topo.Hosts[0].UDPSilent = true
		s := simulate(t, topo, true)
		var at []time.Time
		s.conn.WriteError = func(int64, rawsock.Packet) error {
			at = append(at, time.Now())
			return nil
		}
		r := s.trace(t, Config{Targets: Addrs(s.target(4)), Rate: test.rate, Gap: -1, Wait: ms(300)})
		most := 0
		for i := range at {
			n := 0
			for _, later := range at[i:] {
				if later.Sub(at[i]) < 100*time.Millisecond {
					n++
				}
			}
			most = max(most, n)
		}
		if most > test.most || most < test.most/2 || len(at) < 100 {
			t.Errorf("rate %v: at most %d of %d probes within 100 ms, want %d", test.rate, most, len(at), test.most)
		}
		if r.result().Stop != StopMaxTTL {
			t.Errorf("stopped by %v", r.result().Stop)
		}
	}
}

// TestRounds probes every hop once a round, and tells the hops at the end.
func TestRounds(t *testing.T) {
	s := simulate(t, netsim.Chain(ms(10), ms(20), ms(30)), true)
	r := s.trace(t, Config{Targets: Addrs(s.target(4)), Rounds: 4})
	hops := r.of(HopDone)
	if len(hops) != 3 || len(r.of(RoundDone)) != 4 {
		t.Fatalf("%d hops, %d rounds", len(hops), len(r.of(RoundDone)))
	}
	for _, e := range hops {
		if a := e.Hop.Addrs; len(a) != 1 || a[0].RTT.N() != 12 || a[0].RTT.Max() != ms(10*e.Hop.TTL) || e.Hop.Sent != 12 || e.Hop.Lost != 0 {
			t.Errorf("hop %+v", e.Hop)
		}
	}
	if took := r.result().Took; took < 3*time.Second || took > 3200*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

// TestManyTargets traces to more targets than there is room for at once, two of them the same.
func TestManyTargets(t *testing.T) {
	s := simulate(t, netsim.Star(40, ms(20)), true)
	var targets []netip.Addr
	for i := range 40 {
		targets = append(targets, s.n.Addr(fmt.Sprintf("h%d", i+1), 4))
	}
	targets = append(targets, targets[39])
	r := s.trace(t, Config{Targets: Addrs(targets...)})
	if r.err != nil {
		t.Fatal(r.err)
	}
	hops := make(map[int]int)
	for _, e := range r.of(HopDone) {
		hops[e.Index]++
	}
	for i := range targets {
		if hops[i] != 2 {
			t.Errorf("target %d: %d hops", i, hops[i])
		}
	}
	for _, e := range r.of(Done) {
		if !e.Result.Reached || e.Target != targets[e.Index] {
			t.Errorf("%v: %+v", e.Target, e.Result)
		}
	}
}

// TestInterrupted ends a run from outside: every target begun has its Done, with what is known.
func TestInterrupted(t *testing.T) {
	s := simulate(t, netsim.Chain(ms(10), ms(20), ms(500)), true)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), ms(100))
		defer cancel()
		r := &traced{t: t}
		r.run(ctx, s, Config{Targets: Addrs(s.target(4))})
		if !errors.Is(r.err, context.DeadlineExceeded) {
			t.Errorf("error %v", r.err)
		}
		r.err = nil
		r.want(three(1, r1), three(2, r2))
		if res := r.result(); res.Stop != StopInterrupted || res.Hops != 2 {
			t.Errorf("%+v", res)
		}
	})
	r := s.trace(t, Config{Targets: Addrs(s.target(4)), Deadline: ms(100)})
	if res := r.result(); res.Stop != StopDeadline || res.Hops != 2 || res.Took != ms(100) {
		t.Errorf("%+v", res)
	}
}

// TestBreak leaves the loop early.
func TestBreak(t *testing.T) {
	s := simulate(t, netsim.Chain(ms(10), ms(20)), true)
	synctest.Test(t, func(t *testing.T) {
		for e := range run(t.Context(), Config{Targets: Addrs(s.target(4))}, s.system()) {
			if e.Kind == Answer {
				break
			}
		}
	})
}

// TestRefusals has this machine refuse to send.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name   string
		refuse func(n int64) error
		stop   StopReason
		errs   int
	}{
		{"full for a moment", func(n int64) error {
			if n%3 == 0 {
				return syscall.ENOBUFS
			}
			return nil
		}, StopDestination, 0},
		{"not permitted", func(int64) error { return syscall.EPERM }, StopError, 15},
		{"a port is taken", func(n int64) error {
			if n == 2 {
				return syscall.EADDRINUSE
			}
			return nil
		}, StopDestination, 0},
	} {
		s := simulate(t, netsim.Chain(ms(10), ms(20)), true)
		s.conn.WriteError = func(n int64, _ rawsock.Packet) error { return test.refuse(n) }
		r := s.trace(t, Config{Targets: Addrs(s.target(4))})
		if res := r.result(); res.Stop != test.stop || len(r.of(SendError)) < test.errs || test.errs == 0 && res.SendErrors > 0 {
			t.Errorf("%s: %+v, %d refused", test.name, res, len(r.of(SendError)))
		}
	}
}

// TestNoRoute has no way to one of two targets.
func TestNoRoute(t *testing.T) {
	s := simulate(t, netsim.Chain(ms(10), ms(20)), true)
	sys := s.system()
	route := sys.route
	sys.route = func(c rawsock.Config, a netip.Addr) (netip.Addr, int, error) {
		if a == s.target(4) {
			return route(c, a)
		}
		return netip.Addr{}, 0, syscall.ENETUNREACH
	}
	synctest.Test(t, func(t *testing.T) {
		var results []*Result
		for e, err := range run(t.Context(), Config{Targets: Addrs(netip.MustParseAddr("203.0.113.1"), s.target(4))}, sys) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind == Done {
				results = append(results, e.Result)
			}
		}
		if len(results) != 2 || results[0].Stop != StopError || !errors.Is(results[0].Err, syscall.ENETUNREACH) || !results[1].Reached {
			t.Errorf("%+v", results)
		}
	})
}
