package trace

import (
	"fmt"
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
					t.Logf("%d probes in %v", res.Probes, res.Took)
				})
			}
		}
	}
}

func TestFigures(t *testing.T) {
	var rtts []time.Duration
	for i := range 15 {
		rtts = append(rtts, ms(20*(i+1)))
	}
	s := simulate(t, netsim.Chain(rtts...), true)
	r := s.trace(t, Config{Targets: Addrs(s.target(4))})
	t.Logf("%v\n%s", r.result(), r.hops())
	topo := netsim.Chain(rtts...)
	topo.Hosts[0].UDPSilent = true
	s = simulate(t, topo, true)
	r = s.trace(t, Config{Targets: Addrs(s.target(4))})
	t.Logf("%v\n%s", r.result(), r.hops())
}

func TestPathMTU(t *testing.T) {
	for _, hole := range []bool{false, true} {
		for _, raw := range []bool{true, false} {
			topo := netsim.Chain(ms(2), ms(4), ms(6), ms(8))
			topo.Links[2].MTU = 1400
			topo.Links[2].BlackHole = hole
			s := simulate(t, topo, raw)
			r := s.trace(t, Config{Targets: Addrs(s.target(4)), MTU: true})
			t.Logf("%v %+v", r.result().Took, r.result().PathMTU)
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
			t.Logf("%+v", r.result())
		}
	})
}

func TestMultipathRun(t *testing.T) {
	for _, raw := range []bool{true, false} {
		for _, m := range []Method{UDP, ICMP, TCP} {
			topo := netsim.Diamond(1, 1, 16, 1, 5, 1)
			s := simulate(t, topo, raw)
			r := s.trace(t, Config{Targets: Addrs(s.target(4)), Multipath: true, Method: m})
			t.Logf("%+v %v", r.result(), r.result().Took)
		}
	}
}
