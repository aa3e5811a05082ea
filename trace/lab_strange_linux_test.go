package trace

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// strangePath is a path with something remarkable at each hop: labels at the first, an interface that the second tells
// of, address translation by the third, another TOS by the fourth, a packet whose TTL has ended forwarded by the
// fifth, duplicates and forged answers by the sixth, and short quotes by the seventh.
func strangePath() netsim.Topology {
	t := netsim.Chain(ms(2), ms(4), ms(6), ms(8), ms(10), ms(12), ms(14), ms(16))
	t.Router("r1").Quote.MPLS = []netsim.Label{{Label: 24015, TC: 5, TTL: 1}, {Label: 16, TTL: 2}}
	t.Router("r2").Quote.Interface = &netsim.Interface{Role: 2, Index: 7, Name: "ge-0/0/1", MTU: 9000}
	r3 := t.Router("r3")
	r3.NAT = &netsim.NAT{Outside: r3.Addrs}
	t.Router("r4").TOS = new(0x28)
	t.Router("r5").ForwardZeroTTL = true
	t.Router("r6").ErrorFaults = []netsim.Fault{{Copies: 1, Spacing: ms(1)}, {Foreign: &netsim.Foreign{}}, {Foreign: &netsim.Foreign{ID: new(uint16(4711))}}}
	t.Router("r7").Quote.Short = true
	t.Host("target").TCPOpen = []netsim.Ports{netsim.Port(DefaultTCPPort)}
	return t
}

// TestStrangeOverKernel traces over strangePath by real sockets: every hop is right, what is strange about it is told,
// and nothing forged is taken for an answer.
func TestStrangeOverKernel(t *testing.T) {
	eachWay(t, func(t *testing.T, f packet.Family, cfg Config) {
		t.Parallel()
		s := simulate(t, strangePath(), true)
		cfg.Targets, cfg.TOS = Addrs(s.target(f)), 0xb9
		r := traceIn(t, inLab(t, s), cfg)
		var want []string
		for i, name := range []string{"r1", "r2", "r3", "r4", "r6", "r6", "r7"} {
			want = append(want, line(i+1, s.n.Addr(name, f), ""))
		}
		r.want(append(want, line(8, s.target(f), "!"))...)
		raw := cfg.Mode == Privileged
		checkStrange(t, r, raw)
		// Without privilege the kernel has compared ports and sequence numbers before.
		res := r.result()
		least := int64(6)
		if !raw && cfg.Method == TCP {
			least = 0
		}
		if res.Foreign < least || res.Foreign > 12 || int(res.Foreign) != len(r.of(Foreign)) || res.Late > 0 || len(res.Limited) > 0 || len(res.Caveats) > 0 {
			t.Errorf("%+v", res)
		}
	})
}

// checkStrange checks what is told of each hop of strangePath.
func checkStrange(t *testing.T, r *traced, raw bool) {
	t.Helper()
	labels := []Label{{Label: 24015, TC: 5, TTL: 1}, {Label: 16, Bottom: true, TTL: 2}}
	outgoing := []Interface{{Role: 2, Index: 7, Name: "ge-0/0/1", MTU: 9000}}
	for _, e := range r.of(HopDone) {
		for _, p := range e.Hop.Probes {
			if has := len(p.Labels) > 0; has != (p.TTL == 1) || has && !slices.Equal(p.Labels, labels) {
				t.Errorf("hop %d: labels %v", p.TTL, p.Labels)
			}
			if has := len(p.Interfaces) > 0; has != (p.TTL == 2) || has && !slices.Equal(p.Interfaces, outgoing) {
				t.Errorf("hop %d: interfaces %v", p.TTL, p.Interfaces)
			}
			if p.RTT < ms(2*p.TTL) {
				t.Errorf("hop %d: %v", p.TTL, p.RTT)
			}
		}
		var want []Change
		switch {
		case !raw:
		case e.Hop.TTL == 5:
			want = []Change{{FieldDSCP, "46", "10"}, {FieldECN, "1", "0"}, {FieldTTL, "1", "0"}}
		}
		if got := plainChanges(e.Hop); !slices.Equal(got, want) {
			t.Errorf("hop %d: changes %v, want %v", e.Hop.TTL, got, want)
		}
	}
}

// plainChanges are a hop's changes but for those that address translation draws at random.
func plainChanges(h *Hop) []Change {
	return slices.DeleteFunc(slices.Clone(h.Changes), func(c Change) bool {
		return c.Field == FieldSourcePort || c.Field == FieldChecksum
	})
}

// TestAliveOverKernel has a destination that answers neither UDP nor what comes with a small TTL: that it is
// there an echo shows.
func TestAliveOverKernel(t *testing.T) {
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		for _, mode := range []Mode{Privileged, Unprivileged} {
			t.Run(fmt.Sprintf("IPv%d/%d", f, mode), func(t *testing.T) {
				t.Parallel()
				topology := netsim.Chain(ms(2), ms(4), ms(6), ms(8))
				topology.Router("r3").SilentExpired = true
				topology.Host("target").UDPSilent = true
				s := simulate(t, topology, true)
				r := traceIn(t, inLab(t, s), Config{Targets: Addrs(s.target(f)), Mode: mode})
				if res := r.result(); res.Reached || !res.Alive || res.AliveBy != "echo" || res.Stop != StopGap || res.Hops != 2 {
					t.Errorf("%+v\n%s", res, r.hops())
				}
			})
		}
	}
}

// TestNATOverKernel has a router that translates addresses and not the quotes of errors that come back: raw
// sockets see that, and the kernel gives nobody else these errors.
func TestNATOverKernel(t *testing.T) {
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		for _, mode := range []Mode{Privileged, Unprivileged} {
			t.Run(fmt.Sprintf("IPv%d/%d", f, mode), func(t *testing.T) {
				t.Parallel()
				topology := netsim.Chain(ms(2), ms(4), ms(6), ms(8))
				r2 := topology.Router("r2")
				r2.NAT = &netsim.NAT{Outside: r2.Addrs, LeaveQuotes: true}
				s := simulate(t, topology, true)
				r := traceIn(t, inLab(t, s), Config{Targets: Addrs(s.target(f)), Mode: mode})
				res := r.result()
				if mode == Unprivileged {
					if res.Reached || !res.Alive || res.Hops != 2 {
						t.Errorf("%+v\n%s", res, r.hops())
					}
					return
				}
				inside, outside := s.n.Vantage(f), s.n.Addr("r2", f)
				r.want(line(1, s.n.Addr("r1", f), ""), line(2, outside, ""), line(3, s.n.Addr("r3", f), ""), line(4, s.target(f), "!"))
				for _, e := range r.of(HopDone) {
					var want []Change
					if e.Hop.TTL == 3 {
						want = []Change{{FieldSource, inside.String(), outside.String()}}
					}
					if got := plainChanges(e.Hop); !slices.Equal(got, want) {
						t.Errorf("hop %d: changes %v, want %v", e.Hop.TTL, got, want)
					}
				}
			})
		}
	}
}

// TestManyOverKernel traces to many destinations at once, some of which do not answer.
func TestManyOverKernel(t *testing.T) {
	eachWay(t, func(t *testing.T, f packet.Family, cfg Config) {
		if cfg.Method != UDP {
			return
		}
		t.Parallel()
		const n = 16
		topology := netsim.Star(n, ms(10))
		var targets []netip.Addr
		for i := range topology.Hosts {
			h := &topology.Hosts[i]
			if i%4 == 3 {
				h.Down = []netsim.Window{{}}
			}
			for _, p := range h.Addrs {
				if packet.FamilyOf(p.Addr()) == f {
					targets = append(targets, p.Addr())
				}
			}
		}
		s := simulate(t, topology, true)
		cfg.Targets, cfg.AtOnce, cfg.Rate = Addrs(targets...), 8, 2000
		r := traceIn(t, inLab(t, s), cfg)
		done := r.of(Done)
		if len(done) != n {
			t.Errorf("%d targets of %d are done", len(done), n)
		}
		for _, e := range done {
			up := e.Index%4 != 3
			if e.Target != targets[e.Index] || e.Result.Reached != up || up && e.Result.Hops != 2 || !up && e.Result.Hops != 1 {
				t.Errorf("%v: %+v", e.Target, e.Result)
			}
		}
	})
}

// TestFirstSilentOverKernel has a destination that answers only after a while, as one does that has said all that it may in a
// second: at which hop it is the quotes tell, and not which TTL was in its turn just then.
func TestFirstSilentOverKernel(t *testing.T) {
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		topology := netsim.Chain(ms(2), ms(4), ms(6), ms(8))
		topology.Host("target").Faults = []netsim.Fault{{When: netsim.When{Last: 25, Proto: "udp"}, Silent: true}}
		s := simulate(t, topology, true)
		r := traceIn(t, inLab(t, s), Config{Targets: Addrs(s.target(f)), Mode: Privileged})
		if res := r.result(); !res.Reached || res.Hops != 4 {
			t.Errorf("%+v\n%s", res, r.hops())
		}
	}
}
