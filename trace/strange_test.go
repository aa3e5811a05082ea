package trace

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// TestForged has routers and a host answer with packets that are no answers: other ports, another process's
// payload, other identifiers. None is accepted, each is told.
func TestForged(t *testing.T) {
	for m := range Method(len(methods)) {
		for _, raw := range []bool{true, false} {
			topo := netsim.Chain(ms(10), ms(20), ms(30), ms(40))
			id := uint16(4711)
			topo.Router("r2").ErrorFaults = []netsim.Fault{{Foreign: &netsim.Foreign{ID: &id}}, {Foreign: &netsim.Foreign{}}}
			topo.Router("r3").ErrorFaults = []netsim.Fault{{Foreign: &netsim.Foreign{}, Copies: 1, Spacing: ms(1)}}
			s := simulate(t, topo, raw)
			r := s.trace(t, Config{Targets: Addrs(s.target(4)), Method: m})
			r.want(three(1, r1), three(2, r2), three(3, r3), three(4, dst+"!"))
			// Without privilege the kernel has looked at ports and sequence numbers before.
			if res := r.result(); int(res.Foreign) != len(r.of(Foreign)) || (raw || m != TCP) && res.Foreign < 9 {
				t.Errorf("%v, raw %v: %d foreign", m, raw, res.Foreign)
			}
			for _, e := range r.of(Foreign) {
				if e.Note == "" || e.From != s.n.Addr("r2", 4) && e.From != s.n.Addr("r3", 4) || e.Reached {
					t.Errorf("foreign: %+v", e.Probe)
				}
			}
		}
	}
}

// TestChallenge probes an open port, beyond the destination too: what answers a SYN on a connection that is half open
// names no probe.
func TestChallenge(t *testing.T) {
	topo := netsim.Chain(ms(10), ms(20), ms(30), ms(40))
	topo.Hosts[0].TCPOpen = []netsim.Ports{netsim.Port(80)}
	for _, raw := range []bool{true, false} {
		s := simulate(t, topo, raw)
		r := s.trace(t, Config{Targets: Addrs(s.target(4)), Method: TCP, Rounds: 3})
		r.want(three(1, r1), three(2, r2), three(3, r3), three(4, dst+"!"))
		for _, e := range r.of(HopDone) {
			if e.Hop.Lost > 0 {
				t.Errorf("hop %+v", e.Hop)
			}
		}
		if p := r.of(HopDone)[3].Hop.Probes[0]; p.TCPFlags != uint8(packet.SYN|packet.ACK) {
			t.Errorf("flags %#x", p.TCPFlags)
		}
	}
}

// TestLoop traces into a routing loop.
func TestLoop(t *testing.T) {
	topo := netsim.Chain(ms(10), ms(20), ms(30), ms(40))
	topo.Router("r3").Routes = []netsim.Route{{To: netip.MustParsePrefix("198.51.100.0/24"), Via: []netsim.NextHop{{Node: "r2"}}}}
	s := simulate(t, topo, true)
	r := s.trace(t, Config{Targets: Addrs(s.target(4)), MaxTTL: 12})
	want := []string{"loop: 10.2.0.1 is met at hops 2 and 4", "loop: 10.3.0.1 is met at hops 3 and 5"}
	if res := r.result(); res.Stop != StopMaxTTL || res.Hops != 12 || !slices.Equal(res.Caveats, want) {
		t.Errorf("%+v", res)
	}
}

// TestUnequalFlows has flows of different length: two hosts that share an address.
func TestUnequalFlows(t *testing.T) {
	topo := netsim.Diamond(1, 2)
	topo.Hosts[0].Anycast = true
	far := topo.Hosts[0]
	far.Name = "far"
	topo.Hosts = append(topo.Hosts, far)
	topo.Routers = append(topo.Routers, netsim.Router{Name: "r3", Addrs: netsim.Addrs(r3)})
	line := netsim.Line{Delay: time.Millisecond}
	topo.Links = append(topo.Links, netsim.Link{From: "r2.2", To: "r3", Line: line}, netsim.Link{From: "r3", To: "far", Line: line})
	to := netip.MustParsePrefix("198.51.100.0/24")
	topo.Router("r2.2").Routes = []netsim.Route{{To: to, Via: []netsim.NextHop{{Node: "r3"}}}}
	topo.Router("r1.1").Routes = []netsim.Route{{To: to, Via: []netsim.NextHop{{Node: "r2.1"}, {Node: "r2.2"}}}}
	s := simulate(t, topo, true)
	r := s.trace(t, Config{Targets: Addrs(s.target(4)), Flows: 20})
	var ended [5]int // flows, by their last TTL
	for _, e := range r.of(HopDone) {
		for _, p := range e.Hop.Probes {
			if p.Reached {
				ended[e.Hop.TTL]++
			}
			if p.Reached != (p.From == s.target(4)) {
				t.Errorf("hop %d: %+v", e.Hop.TTL, p)
			}
		}
	}
	if res := r.result(); ended[3] == 0 || ended[4] == 0 || ended[3]+ended[4] != 20 || res.Hops != 4 {
		t.Errorf("flows ended %v, %+v", ended, res)
	}
}

// TestOneUnreachable has a router that says once only that the way ends, as Linux does to one host: the other
// flows end there, too.
func TestOneUnreachable(t *testing.T) {
	for _, multipath := range []bool{false, true} {
		topo := netsim.Chain(ms(10), ms(20), ms(30), ms(40))
		topo.Router("r2").Routes = []netsim.Route{{To: netip.MustParsePrefix("198.51.100.0/24"), Action: netsim.Prohibit}}
		topo.Router("r2").ErrorLimit = &netsim.Limit{Rate: 0.01, Burst: 1}
		s := simulate(t, topo, true)
		r := s.trace(t, Config{Targets: Addrs(s.target(4)), Multipath: multipath})
		hops := r.of(HopDone)
		if res := r.result(); res.Stop != StopUnreachable || res.Hops != 2 || len(hops) != 2 || !slices.ContainsFunc(hops[1].Hop.Probes, func(p Probe) bool { return p.Stopped }) {
			t.Errorf("multipath %v: %+v\n%s", multipath, res, r.hops())
		}
	}
}

// TestLargeSYN probes a closed port with SYNs that carry data, which the reset acknowledges.
func TestLargeSYN(t *testing.T) {
	s := simulate(t, netsim.Chain(ms(10), ms(20), ms(30), ms(40)), true)
	r := s.trace(t, Config{Targets: Addrs(s.target(4)), Method: TCP, Size: 1000})
	r.want(three(1, r1), three(2, r2), three(3, r3), three(4, dst+"!"))
	if res := r.result(); res.Foreign > 0 {
		t.Errorf("%+v", res)
	}
}
