package netsim_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// hopAt returns the address that answers p at a TTL.
func hopAt(t *testing.T, n *netsim.Network, p send, ttl uint8) netip.Addr {
	t.Helper()
	p.ttl = ttl
	return one(t, n, t0, p).h.Src
}

// probes are packets of flow number i, whose other fields vary with k, which no flow hash
// takes.
func probes(n *netsim.Network, f packet.Family) map[string]func(i, k int) send {
	return map[string]func(i, k int) send{
		"udp": func(i, k int) send { return to(n, f).udp(uint16(20000+i), 33434, make([]byte, k)...) },
		"tcp": func(i, k int) send {
			return to(n, f).tcp(packet.TCP{SrcPort: uint16(20000 + i), DstPort: 80, Seq: uint32(k), Flags: packet.SYN})
		},
		// The checksum is the flow: data that make up for the sequence number hold it.
		"icmp": func(i, k int) send {
			return to(n, f).echo(uint16(k), append(bigEndian16(uint16(i)), bigEndian16(^uint16(k))...)...)
		},
	}
}

// TestPerFlow sees that packets of one flow take one path, and that flows spread evenly
// and independently over the layers of a diamond.
func TestPerFlow(t *testing.T) {
	const flows = 2000
	for _, f := range families {
		n := mustNew(t, netsim.Diamond(1, 4, 3, 1))
		for what, probe := range probes(n, f) {
			t.Run(name(f)+"/"+what, func(t *testing.T) {
				second, both := map[netip.Addr]int{}, map[[2]netip.Addr]int{}
				for i := range flows {
					a, b := hopAt(t, n, probe(i, 0), 2), hopAt(t, n, probe(i, 0), 3)
					if again := hopAt(t, n, probe(i, 9), 2); again != a {
						t.Fatalf("flow %d: %v, then %v", i, a, again)
					}
					second[a]++
					both[[2]netip.Addr{a, b}]++
				}
				for a, k := range second {
					if !withinBounds(k, flows, 1./4) {
						t.Errorf("%v has %d of %d flows", a, k, flows)
					}
				}
				for pair, k := range both {
					if !withinBounds(k, flows, 1./12) {
						t.Errorf("%v have %d of %d flows", pair, k, flows)
					}
				}
				if len(second) != 4 || len(both) != 12 {
					t.Errorf("%d routers in the first layer, %d pairs; want 4, 12", len(second), len(both))
				}
			})
		}
	}
}

// TestPolarised gives successive routers the same salt: the second does not divide what
// the first has chosen.
func TestPolarised(t *testing.T) {
	top := netsim.Diamond(1, 2, 2, 1)
	for _, r := range []string{"r1.1", "r2.1", "r2.2"} {
		top.Router(r).Salt = "alike"
	}
	n := mustNew(t, top)
	pairs := map[string]int{}
	for i := range 200 {
		p := to(n, v4).udp(uint16(i+1), 33434)
		pairs[fmt.Sprint(hopAt(t, n, p, 2), hopAt(t, n, p, 3))]++
	}
	if len(pairs) != 2 {
		t.Errorf("the pairs of hops are %v, want 2", pairs)
	}
}

func TestBalance(t *testing.T) {
	const count = 2000
	spread := func(t *testing.T, top netsim.Topology, p func(n *netsim.Network, i int) send) map[netip.Addr]int {
		n := mustNew(t, top)
		hops := map[netip.Addr]int{}
		for i := range count {
			hops[hopAt(t, n, p(n, i), 2)]++
		}
		return hops
	}
	same := func(n *netsim.Network, _ int) send { return to(n, v6).udp(1000, 2000) }
	ports := func(n *netsim.Network, i int) send { return to(n, v6).udp(uint16(i), 2000) }
	labels := func(n *netsim.Network, i int) send {
		p := same(n, 0)
		p.flow = uint32(i)
		return p
	}
	tos := func(n *netsim.Network, i int) send {
		p := same(n, 0)
		p.tos = uint8(i)
		return p
	}
	others := func(n *netsim.Network, i int) send {
		p := same(n, 0)
		b := p.dst.As16()
		b[14], b[15] = byte(i>>8), byte(i)
		p.dst = netip.AddrFrom16(b)
		return p
	}
	tests := []struct {
		name    string
		balance netsim.Balance
		hash    netsim.Hash
		probes  func(n *netsim.Network, i int) send
		spreads bool
	}{
		{"a packet each", netsim.PerPacket, "", same, true},
		{"one flow", netsim.PerFlow, "", same, false},
		{"ports", netsim.PerFlow, netsim.HashAll, ports, true},
		{"labels", netsim.PerFlow, netsim.HashAll, labels, true},
		{"traffic classes", netsim.PerFlow, netsim.HashAll, tos, false},
		{"traffic classes that are hashed", netsim.PerFlow, netsim.HashTOS, tos, true},
		{"labels that are not hashed", netsim.PerFlow, netsim.HashPorts, labels, false},
		{"ports where only labels are hashed", netsim.PerFlow, netsim.HashLabel, ports, false},
		{"labels where only they are hashed", netsim.PerFlow, netsim.HashLabel, labels, true},
		{"ports of one destination", netsim.PerDestination, "", ports, false},
		{"destinations", netsim.PerDestination, "", others, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			top := netsim.Diamond(1, 2, 1)
			top.Host("target").Addrs = netsim.Prefixes("2001:db8:ffff::/64")
			top.Router("r1.1").Balance, top.Router("r1.1").Hash = tt.balance, tt.hash
			hops := spread(t, top, tt.probes)
			if !tt.spreads {
				if len(hops) != 1 {
					t.Errorf("hops %v, want one", hops)
				}
				return
			}
			for a, k := range hops {
				// Classes repeat every 256 packets, so that there are 256 draws and not
				// 2000.
				if tt.name != "traffic classes that are hashed" && !withinBounds(k, count, 0.5) || len(hops) != 2 {
					t.Errorf("%v has %d of %d", a, k, count)
				}
			}
		})
	}
}

// TestWeights divides flows 5 to 2 to 1.
func TestWeights(t *testing.T) {
	const flows = 4000
	for _, balance := range []netsim.Balance{netsim.PerFlow, netsim.PerPacket} {
		top := netsim.Diamond(1, 3, 1)
		top.Router("r1.1").Routes = []netsim.Route{{
			To: netip.MustParsePrefix("198.51.100.0/24"), Balance: balance,
			Via: []netsim.NextHop{{Node: "r2.1", Weight: 5}, {Node: "r2.2", Weight: 2}, {Node: "r2.3"}},
		}}
		n := mustNew(t, top)
		hops := map[netip.Addr]int{}
		for i := range flows {
			hops[hopAt(t, n, to(n, v4).udp(uint16(i), 33434), 2)]++
		}
		for router, share := range map[string]float64{"r2.1": 5. / 8, "r2.2": 2. / 8, "r2.3": 1. / 8} {
			if k := hops[n.Addr(router, v4)]; !withinBounds(k, flows, share) {
				t.Errorf("%s: %s has %d of %d, want a share of %v", balance, router, k, flows, share)
			}
		}
	}
}

// TestParallel has two links between the same routers count as two paths.
func TestParallel(t *testing.T) {
	top := netsim.Chain(2*ms, 4*ms)
	top.Links = append(top.Links, netsim.Link{From: "r1", To: "target", Line: netsim.Line{Delay: 10 * ms}})
	n := mustNew(t, top)
	slow := 0
	for i := range 1000 {
		if one(t, n, t0, to(n, v4).echo(uint16(i))).after == 22*ms {
			slow++
		}
	}
	if !withinBounds(slow, 1000, 0.5) {
		t.Errorf("%d of 1000 took the second link", slow)
	}
}
