package ping

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// simulation is a run over a simulated network.
type simulation struct {
	network *netsim.Network
	conn    netsim.ConnConfig
	start   time.Time
	events  []Event
	err     error
	check   *checker
	opened  []*netsim.Conn
}

// open opens a simulated socket, as run does.
func (s *simulation) open(c rawsock.Config) (rawsock.Conn, error) {
	cfg := s.conn
	cfg.MessageSize, cfg.TTL, cfg.TOS, cfg.PMTU = c.MessageSize, c.TTL, c.TOS, c.PMTU
	conn := s.network.Conn(cfg)
	s.opened = append(s.opened, conn)
	return conn, nil
}

// run ranges over a run to its end, or until each, which may be nil, returns false.
func (s *simulation) run(ctx context.Context, tb testing.TB, cfg Config, each func(Event) bool) {
	tb.Helper()
	s.start, s.events, s.err = time.Now(), nil, nil
	s.check = newChecker(tb, cfg)
	for e, err := range run(ctx, cfg, s.open) {
		if s.err != nil {
			tb.Errorf("something came after the error: %+v, %v", e, err)
		}
		if s.err = err; err != nil {
			if e != (Event{}) {
				tb.Errorf("an error with an event: %+v, %v", e, err)
			}
			continue
		}
		s.events = append(s.events, e)
		s.check.add(e)
		if each != nil && !each(e) {
			break
		}
	}
	for _, c := range s.opened {
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			tb.Errorf("the socket was left open: %v", err)
		}
	}
}

// text returns the events of the given kinds, or all, one by one.
func (s *simulation) text(kinds ...Kind) []string {
	var list []string
	for _, e := range s.events {
		if len(kinds) == 0 || slices.Contains(kinds, e.Kind) {
			list = append(list, describeEvent(e, s.start))
		}
	}
	return list
}

// expect checks all events, separated by "; ".
func (s *simulation) expect(tb testing.TB, want string) {
	tb.Helper()
	if got := strings.Join(s.text(), "; "); got != want {
		tb.Errorf("\n got %s\nwant %s", got, want)
	}
}

// bubble runs f in a synctest bubble with a simulation of t.
func bubble(t *testing.T, topology netsim.Topology, conn netsim.ConnConfig, f func(t *testing.T, s *simulation)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, &simulation{network: newNetwork(t, topology), conn: conn})
	})
}

// eachSocket runs f for each kind of socket and each family.
func eachSocket(t *testing.T, f func(t *testing.T, family packet.Family, raw bool)) {
	for _, raw := range []bool{false, true} {
		for _, family := range families {
			t.Run(fmt.Sprintf("%s/%s", map[bool]string{false: "ping", true: "raw"}[raw], familyName(family)), func(t *testing.T) {
				f(t, family, raw)
			})
		}
	}
}

// TestFaults pings each host of the fault matrix once.
func TestFaults(t *testing.T) {
	eachSocket(t, func(t *testing.T, f packet.Family, raw bool) {
		for _, row := range faultMatrix() {
			if row.only != 0 && row.only != f {
				continue
			}
			t.Run(row.name, func(t *testing.T) {
				row := row.seen(f, raw)
				synctest.Test(t, func(t *testing.T) {
					s := &simulation{network: row.network(t, faultRTT), conn: netsim.ConnConfig{Raw: raw, Stamps: true}}
					cfg := row.cfg
					cfg.Targets, cfg.Count = Addrs(hostOf(f)), 1
					s.run(t.Context(), t, cfg, nil)
					s.expect(t, row.events)
					if got := sumsOf(&s.check.all); s.err != nil || got != row.want {
						t.Errorf("%v, %+v; want %+v", s.err, got, row.want)
					}
				})
			})
		}
	})
}

// TestLate pings a host three seconds away with a timeout of one.
func TestLate(t *testing.T) {
	eachSocket(t, func(t *testing.T, f packet.Family, raw bool) {
		bubble(t, netsim.Chain(3*sec), netsim.ConnConfig{Raw: raw}, func(t *testing.T, s *simulation) {
			s.run(t.Context(), t, Config{Targets: Addrs(hostOf(f)), Count: 5}, nil)
			s.expect(t, "0s sent 0/0; 1s timeout 0/0; 1s sent 0/1; 2s timeout 0/1; 2s sent 0/2; "+
				"3s late 0/0 rtt=3s; 3s sent 0/3; 3s timeout 0/2; "+
				"4s late 0/1 rtt=3s; 4s sent 0/4; 4s timeout 0/3; 5s late 0/2 rtt=3s; 5s timeout 0/4; 5s done 0")
			if got, want := sumsOf(&s.check.all), (sums{late: 3, timeouts: 2}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	})
}

// TestFields looks at all that is known of an answer.
func TestFields(t *testing.T) {
	topology := netsim.Chain(4*ms, 10*ms)
	topology.Host("target").TTL, topology.Host("target").TOS = 60, new(0x20)
	for _, f := range families {
		bubble(t, topology, netsim.ConnConfig{Stamps: true}, func(t *testing.T, s *simulation) {
			s.run(t.Context(), t, Config{Targets: Addrs(hostOf(f)), Count: 1, Size: 100}, nil)
			e := s.events[1]
			if e.Kind != Reply || e.From != hostOf(f) || e.Size != 108 || e.TTL != 59 || e.TOS != 0x20 || !e.Kernel || e.RTT != 10*ms {
				t.Errorf("%+v", e)
			}
			s.run(t.Context(), t, Config{Targets: Addrs(hostOf(f)), Count: 1, Size: 100, TTL: 1}, nil)
			e = s.events[1]
			size := map[packet.Family]int{packet.IPv4: 8 + 20 + 108, packet.IPv6: 8 + 40 + 108}[f]
			if e.Kind != ICMPError || e.From != s.network.Addr("r1", f) || e.Size != size || e.TTL != 255 || e.Time.Sub(s.start) != 4*ms {
				t.Errorf("%+v, want a size of %d", e, size)
			}
		})
	}
}

// TestEnds covers all the ways in which a run can end.
func TestEnds(t *testing.T) {
	probe := Config{Targets: Addrs(host4)}
	tests := []struct {
		name string
		rtt  time.Duration
		cfg  Config
		want string
	}{
		{"deadline", 10 * ms, Config{Deadline: 1500 * ms},
			"0s sent 0/0; 10ms reply 0/0 rtt=10ms; 1s sent 0/1; 1.01s reply 0/1 rtt=10ms"},
		{"deadline with a probe in flight", 800 * ms, Config{Deadline: 1500 * ms},
			"0s sent 0/0; 800ms reply 0/0 rtt=800ms; 1s sent 0/1"},
		{"deadline at the moment of a reply", 500 * ms, Config{Deadline: 500 * ms}, "0s sent 0/0; 500ms reply 0/0 rtt=500ms"},
		{"deadline at the moment of a timeout", 5 * sec, Config{Deadline: sec}, "0s sent 0/0; 1s timeout 0/0"},
		{"count before the deadline", 10 * ms, Config{Deadline: 5 * sec, Count: 1}, "0s sent 0/0; 10ms reply 0/0 rtt=10ms; 20ms done 0"},
		{"until", 10 * ms, Config{Until: true}, "0s sent 0/0; 10ms reply 0/0 rtt=10ms; 20ms done 0"},
		{"short linger", ms / 2, Config{Count: 1}, "0s sent 0/0; 500µs reply 0/0 rtt=500µs; 3.5ms done 0"},
		{"long linger", 400 * ms, Config{Count: 1}, "0s sent 0/0; 400ms reply 0/0 rtt=400ms; 500ms done 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, netsim.Chain(tt.rtt), netsim.ConnConfig{}, func(t *testing.T, s *simulation) {
				tt.cfg.Targets = probe.Targets
				s.run(t.Context(), t, tt.cfg, nil)
				s.expect(t, tt.want)
				if s.err != nil {
					t.Errorf("error %v", s.err)
				}
			})
		})
	}
}

// TestCancel ends runs by their context: nothing is lost by that.
func TestCancel(t *testing.T) {
	bubble(t, netsim.Chain(800*ms), netsim.ConnConfig{}, func(t *testing.T, s *simulation) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*ms)
		defer cancel()
		s.run(ctx, t, Config{Targets: Addrs(host4)}, nil)
		s.expect(t, "0s sent 0/0; 800ms reply 0/0 rtt=800ms; 1s sent 0/1")
		if st := &s.check.all; s.err != ctx.Err() || time.Since(s.start) != 1500*ms || st.InFlight() != 1 || st.Lost() != 0 {
			t.Errorf("after %v: %v, %+v", time.Since(s.start), s.err, st)
		}
		s.run(ctx, t, Config{Targets: Addrs(host4)}, nil) // from the start
		if s.expect(t, ""); s.err != ctx.Err() {
			t.Errorf("error %v, want %v", s.err, ctx.Err())
		}
	})
	// What had arrived when the context ended is told, however long the consumer took.
	bubble(t, netsim.Direct(10*ms, netsim.Prefixes("10.0.0.0/16")...), netsim.ConnConfig{}, func(t *testing.T, s *simulation) {
		ctx, cancel := context.WithCancel(t.Context())
		s.run(ctx, t, Config{Targets: addrs("10.0.0.1", 200), Rate: -1}, func(e Event) bool {
			if e.Kind == Sent && e.Index == 199 {
				time.Sleep(100 * ms)
				cancel()
			}
			return true
		})
		if st := &s.check.all; !errors.Is(s.err, context.Canceled) || st.Received != 200 || time.Since(s.start) != 100*ms {
			t.Errorf("after %v: %v, %+v", time.Since(s.start), s.err, st)
		}
	})
}

// addrs returns targets: n addresses from first on.
func addrs(first string, n int) iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		a := netip.MustParseAddr(first)
		for range n {
			if !yield(a) {
				return
			}
			a = a.Next()
		}
	}
}

// TestBreak leaves the loop at each event, which releases everything; and runs the same iterator again.
func TestBreak(t *testing.T) {
	bubble(t, netsim.Chain(10*ms), netsim.ConnConfig{}, func(t *testing.T, s *simulation) {
		released := 0
		cfg := Config{Count: 2, Targets: func(yield func(netip.Addr) bool) {
			defer func() { released++ }()
			if yield(host4) {
				yield(host6)
			}
		}}
		const all = 10 // two probes to two targets, each with a reply, and the ends of the targets
		for n := range all {
			seen := 0
			s.run(t.Context(), t, cfg, func(Event) bool { seen++; return seen <= n })
			if seen != n+1 || s.err != nil || released != n+1 {
				t.Errorf("left after %d events: %d seen, error %v, targets released %d times", n+1, seen, s.err, released)
			}
		}
		s.run(t.Context(), t, cfg, nil)
		if len(s.events) != all {
			t.Errorf("%d events in a whole run, want %d", len(s.events), all)
		}
	})
}
