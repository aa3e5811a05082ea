package trace

import (
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// line is a hop that all three probes got the same answer from.
func line(ttl int, a any, mark string) string {
	return fmt.Sprintf("%d %v%s %v%s %v%s", ttl, a, mark, a, mark, a, mark)
}

func TestChain(t *testing.T) {
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		for m := range Method(len(methods)) {
			for _, raw := range []bool{true, false} {
				t.Run(fmt.Sprintf("IPv%d/%v/raw=%v", f, m, raw), func(t *testing.T) {
					s := simulate(t, netsim.Chain(ms(1), ms(20), ms(30), ms(40)), raw)
					r := s.trace(t, Config{Targets: Addrs(s.target(f)), Method: m})
					r.want(line(1, s.n.Addr("r1", f), ""), line(2, s.n.Addr("r2", f), ""), line(3, s.n.Addr("r3", f), ""),
						line(4, s.target(f), "!"))
					res := r.result()
					if !res.Reached || res.Stop != StopDestination || res.Hops != 4 || res.Raw != raw {
						t.Errorf("result %+v", res)
					}
				})
			}
		}
	}
}

// TestRoundTrips holds the time of a trace against the path's: about one round trip where all answer, little
// more where some are silent, and a few to know that the end is.
func TestRoundTrips(t *testing.T) {
	rtts := func(n, last int) (list []time.Duration) {
		for i := range n {
			list = append(list, ms(last*(i+1)/n))
		}
		return list
	}
	for _, test := range []struct {
		name   string
		topo   netsim.Topology
		change func(*netsim.Topology)
		most   time.Duration
		hops   int
		stop   StopReason
	}{
		{"15 hops of 300 ms", netsim.Chain(rtts(15, 300)...), nil, ms(380), 15, StopDestination},
		{"12 hops of 104 ms, two silent", netsim.Chain(rtts(12, 104)...), func(n *netsim.Topology) {
			n.Router("r5").Silent, n.Router("r9").Silent = true, true
		}, ms(400), 12, StopDestination},
		{"silent behind 14 hops of 300 ms", netsim.Chain(rtts(15, 300)...), func(n *netsim.Topology) {
			n.Hosts[0].Down = []netsim.Window{{}}
		}, ms(2000), 14, StopGap},
		{"echo only behind 14 hops of 300 ms", netsim.Chain(rtts(15, 300)...), func(n *netsim.Topology) {
			n.Hosts[0].UDPSilent = true
		}, ms(2450), 14, StopGap},
	} {
		if test.change != nil {
			test.change(&test.topo)
		}
		s := simulate(t, test.topo, true)
		res := s.trace(t, Config{Targets: Addrs(s.target(4))}).result()
		t.Logf("%s: %v, %d probes", test.name, res.Took, res.Probes)
		if res.Took > test.most || res.Hops != test.hops || res.Stop != test.stop {
			t.Errorf("%s: %+v", test.name, res)
		}
	}
}

// TestPathMTU finds the MTU of a path, where a router tells of it and where large packets vanish.
func TestPathMTU(t *testing.T) {
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		for _, raw := range []bool{true, false} {
			for _, hole := range []bool{false, true} {
				topo := netsim.Chain(ms(2), ms(4), ms(6), ms(8))
				topo.Links[2].MTU = 1400
				topo.Links[2].BlackHole = hole
				s := simulate(t, topo, raw)
				r := s.trace(t, Config{Targets: Addrs(s.target(f)), MTU: true})
				want := PathMTU{MTU: 1400, Steps: []MTUStep{{TTL: 2, From: s.n.Addr("r2", f), MTU: 1400}}}
				if hole {
					want = PathMTU{MTU: 1400, BlackHole: 3}
				}
				if got := r.result().PathMTU; !reflect.DeepEqual(*got, want) {
					t.Errorf("IPv%d, raw %v, hole %v: %+v, want %+v", f, raw, hole, *got, want)
				}
			}
		}
	}
}

// TestExhaustedHost traces twice to a host that answers six probes, then one a second: the second trace finds the
// host silent, and looks again at the pace that it keeps.
func TestExhaustedHost(t *testing.T) {
	topo := netsim.Chain(ms(10), ms(20), ms(30), ms(40))
	topo.Hosts[0].ErrorLimit = &netsim.Limit{Rate: 1, Burst: 6}
	s := simulate(t, topo, true)
	synctest.Test(t, func(t *testing.T) {
		for range 2 {
			r := &traced{t: t}
			r.run(t.Context(), s, Config{Targets: Addrs(s.target(4))})
			r.want(three(1, r1), three(2, r2), three(3, r3), three(4, dst+"!"))
		}
	})
}
