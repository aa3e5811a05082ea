package trace

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
)

// The addresses of Chain.
const (
	r1, r2, r3 = "10.1.0.1", "10.2.0.1", "10.3.0.1"
	dst        = "198.51.100.1"
)

var stars = " * * *"

// three is a hop that all three probes got the same answer from.
func three(ttl int, answer string) string { return line(ttl, answer, "") }

// four is a path of three routers and the host.
func four(change func(*netsim.Topology)) netsim.Topology {
	topo := netsim.Chain(ms(10), ms(20), ms(30), ms(40))
	change(&topo)
	return topo
}

// TestFaults traces over paths with one thing wrong, by UDP, from raw sockets and from those of an ordinary user.
func TestFaults(t *testing.T) {
	for _, test := range []struct {
		name string
		topo netsim.Topology
		cfg  Config
		hops []string // nil: the four, all well
		// ordinary is hops without privilege, where that differs.
		ordinary []string
		check    func(t *testing.T, r *traced, raw bool)
	}{
		{
			name: "silent router",
			topo: four(func(n *netsim.Topology) { n.Router("r2").Silent = true }),
			hops: []string{three(1, r1), "2" + stars, three(3, r3), three(4, dst+"!")},
		},
		{
			name: "unreachable",
			topo: four(func(n *netsim.Topology) {
				n.Router("r2").Routes = []netsim.Route{{To: netip.MustParsePrefix("198.51.100.0/24"), Action: netsim.Unreachable}}
			}),
			hops:  []string{three(1, r1), three(2, r2+"#")},
			check: stops(StopUnreachable, 2),
		},
		{
			name: "prohibited",
			topo: four(func(n *netsim.Topology) {
				n.Router("r3").Routes = []netsim.Route{{To: netip.MustParsePrefix("198.51.100.0/24"), Action: netsim.Prohibit}}
			}),
			hops:  []string{three(1, r1), three(2, r2), three(3, r3+"#")},
			check: stops(StopUnreachable, 3),
		},
		{
			name: "blackhole",
			topo: four(func(n *netsim.Topology) {
				n.Router("r3").Routes = []netsim.Route{{To: netip.MustParsePrefix("198.51.100.0/24"), Action: netsim.Blackhole}}
			}),
			hops:  []string{three(1, r1), three(2, r2), "3" + stars, "4" + stars, "5" + stars, "6" + stars, "7" + stars},
			check: stops(StopGap, 2),
		},
		{
			name: "max TTL", topo: four(func(*netsim.Topology) {}), cfg: Config{MaxTTL: 3},
			hops:  []string{three(1, r1), three(2, r2), three(3, r3)},
			check: stops(StopMaxTTL, 3),
		},
		{
			name: "first TTL", topo: four(func(*netsim.Topology) {}), cfg: Config{FirstTTL: 3},
			hops: []string{three(3, r3), three(4, dst+"!")},
		},
		{
			name: "time exceeded from the destination's address",
			topo: four(func(n *netsim.Topology) { n.Router("r2").ErrorFrom = netsim.Addrs(dst) }),
			hops: []string{three(1, r1), three(2, dst), three(3, r3), three(4, dst+"!")},
		},
		{
			name: "port unreachable from another address",
			topo: four(func(n *netsim.Topology) {
				n.Host("target").Faults = []netsim.Fault{{From: netip.MustParseAddr("203.0.113.5")}}
			}),
			hops: []string{three(1, r1), three(2, r2), three(3, r3), three(4, "203.0.113.5!")},
		},
		{
			name: "zero TTL forwarded",
			topo: four(func(n *netsim.Topology) { n.Router("r2").ForwardZeroTTL = true }),
			hops: []string{three(1, r1), three(2, r3), three(3, r3), three(4, dst+"!")},
			check: func(t *testing.T, r *traced, raw bool) {
				changed(t, r, raw, 2, Change{FieldTTL, "1", "0"})
				if len(r.result().Caveats) > 0 {
					t.Errorf("caveats %q", r.result().Caveats)
				}
			},
		},
		{
			name: "TOS rewritten",
			topo: four(func(n *netsim.Topology) { n.Router("r2").TOS = new(0x28) }), cfg: Config{TOS: 0xb9},
			check: func(t *testing.T, r *traced, raw bool) {
				changed(t, r, raw, 3, Change{FieldDSCP, "46", "10"}, Change{FieldECN, "1", "0"})
			},
		},
		{
			name: "ECN bleached",
			topo: four(func(n *netsim.Topology) { n.Router("r1").BleachECN = true }), cfg: Config{TOS: 1},
			check: func(t *testing.T, r *traced, raw bool) { changed(t, r, raw, 2, Change{FieldECN, "1", "0"}) },
		},
		{
			name: "NAT",
			topo: four(func(n *netsim.Topology) {
				n.Router("r2").NAT = &netsim.NAT{Outside: netsim.Addrs(r2)}
			}),
		},
		{
			name: "NAT that leaves quotes as they are",
			topo: four(func(n *netsim.Topology) {
				n.Router("r2").NAT = &netsim.NAT{Outside: netsim.Addrs(r2), LeaveQuotes: true}
			}),
			// Without privilege the kernel gives answers to the socket whose address and port they quote: to none.
			ordinary: []string{three(1, r1), three(2, r2), "3" + stars, "4" + stars, "5" + stars, "6" + stars, "7" + stars},
			check: func(t *testing.T, r *traced, raw bool) {
				if raw {
					changed(t, r, raw, 3, Change{FieldSource, "192.0.2.1", r2})
				} else if !r.result().Alive {
					t.Errorf("%+v", r.result())
				}
			},
		},
		{
			name: "short quotes",
			topo: four(func(n *netsim.Topology) {
				for i := range n.Routers {
					n.Routers[i].Quote.Short = true
				}
				n.Host("target").Quote.Short = true
			}),
		},
		{
			name: "duplicates",
			topo: four(func(n *netsim.Topology) {
				n.Router("r2").ErrorFaults = []netsim.Fault{{Copies: 2, Spacing: ms(1)}}
			}),
			check: func(t *testing.T, r *traced, raw bool) {
				if res := r.result(); res.Duplicates != 6 {
					t.Errorf("%d duplicates", res.Duplicates)
				}
			},
		},
		{
			name: "late",
			topo: four(func(n *netsim.Topology) {
				n.Router("r2").ErrorFaults = []netsim.Fault{{When: netsim.When{First: 2, Last: 2}, Delay: 200 * time.Millisecond}}
				n.Router("r3").ErrorFaults = []netsim.Fault{{When: netsim.When{First: 2, Last: 2}, Delay: 250 * time.Millisecond}}
			}),
			check: func(t *testing.T, r *traced, raw bool) {
				if res := r.result(); res.Late != 2 || len(r.of(Late)) != 2 || len(r.of(Timeout)) != 2 {
					t.Errorf("%+v", res)
				}
			},
		},
		{
			name: "rate limit of a Linux host",
			topo: four(func(n *netsim.Topology) {
				n.Host("target").ErrorLimit = &netsim.Limit{Rate: 1, Burst: 6}
			}),
		},
		{
			name: "rate limit of a router",
			topo: four(func(n *netsim.Topology) {
				n.Router("r2").ErrorLimit = &netsim.Limit{Rate: 2, Burst: 1}
			}),
			hops: []string{three(1, r1), three(2, r2) + " limited", three(3, r3), three(4, dst+"!")},
			check: func(t *testing.T, r *traced, raw bool) {
				if res := r.result(); !slices.Equal(res.Limited, []int{2}) {
					t.Errorf("%+v", res)
				}
			},
		},
	} {
		for _, raw := range []bool{true, false} {
			t.Run(strings.ReplaceAll(test.name, " ", "-")+map[bool]string{true: "/raw", false: "/ordinary"}[raw], func(t *testing.T) {
				s := simulate(t, test.topo, raw)
				test.cfg.Targets = Addrs(s.target(4))
				r := s.trace(t, test.cfg)
				if test.hops == nil {
					test.hops = []string{three(1, r1), three(2, r2), three(3, r3), three(4, dst+"!")}
				}
				if !raw && test.ordinary != nil {
					test.hops = test.ordinary
				}
				r.want(test.hops...)
				if test.check != nil {
					test.check(t, r, raw)
				}
			})
		}
	}
}

// stops checks why a trace that did not reach its destination ended, and where.
func stops(why StopReason, hops int) func(*testing.T, *traced, bool) {
	return func(t *testing.T, r *traced, _ bool) {
		t.Helper()
		if res := r.result(); res.Reached || res.Stop != why || res.Hops != hops {
			t.Errorf("reached %v, stopped by %v at hop %d, want %v at %d", res.Reached, res.Stop, res.Hops, why, hops)
		}
	}
}

// changed checks at which hop changes of the quoted packets are told; only raw sockets see them.
func changed(t *testing.T, r *traced, raw bool, ttl int, want ...Change) {
	t.Helper()
	for _, e := range r.of(HopDone) {
		var now []Change
		if raw && e.Hop.TTL == ttl {
			now = want
		}
		got := slices.DeleteFunc(slices.Clone(e.Hop.Changes), func(c Change) bool {
			return c.Field == FieldSourcePort || c.Field == FieldChecksum // they are not known beforehand
		})
		if !slices.Equal(got, now) {
			t.Errorf("hop %d: changes %v, want %v", e.Hop.TTL, e.Hop.Changes, now)
		}
	}
}
