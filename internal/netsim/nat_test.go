package netsim_test

import (
	"net/netip"
	"testing"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

var outside = map[packet.Family]netip.Addr{
	v4: netip.MustParseAddr("203.0.113.1"), v6: netip.MustParseAddr("2001:db8:e::1"),
}

// behindNAT returns vantage - r1 - r2 (which translates) - r3 - target.
func behindNAT(c netsim.NAT) netsim.Topology {
	top := netsim.Chain(2*ms, 4*ms, 6*ms, 8*ms)
	c.Outside = []netip.Addr{outside[v4], outside[v6]}
	top.Router("r2").NAT = &c
	top.Host("target").UDPEcho = []netsim.Ports{netsim.Port(7)}
	top.Host("target").TCPOpen = []netsim.Ports{netsim.Port(80)}
	return top
}

// natProbes are probes of each protocol.
func natProbes(n *netsim.Network, f packet.Family) map[string]send {
	return map[string]send{
		"icmp": to(n, f).echo(5, 1, 2, 3, 4),
		"udp":  to(n, f).udp(7000, 7, 1, 2, 3, 4),
		"tcp":  to(n, f).tcp(packet.TCP{SrcPort: 7000, DstPort: 80, Seq: 1, Flags: packet.SYN}),
	}
}

// TestNATRoundTrip sees answers come back to the address and port that asked.
func TestNATRoundTrip(t *testing.T) {
	for _, f := range families {
		n := mustNew(t, behindNAT(netsim.NAT{}))
		for what, p := range natProbes(n, f) {
			t.Run(name(f)+"/"+what, func(t *testing.T) {
				g := one(t, n, t0, p)
				if g.h.Dst != n.Vantage(f) || g.h.Src != p.dst || !g.sound || g.after != 8*ms {
					t.Errorf("got %+v", g)
				}
				switch what {
				case "icmp":
					if g.echo.ID != 77 || g.echo.Seq != 5 {
						t.Errorf("identifier %d, sequence %d; want 77, 5", g.echo.ID, g.echo.Seq)
					}
				default:
					if port := uint16(g.upper[2])<<8 | uint16(g.upper[3]); port != 7000 {
						t.Errorf("answered to port %d, want 7000", port)
					}
				}
			})
		}
	}
}

// TestNATQuotes looks at the quoted packet of errors from before, at and behind the
// translation.
func TestNATQuotes(t *testing.T) {
	for _, leave := range []bool{false, true} {
		for _, f := range families {
			n := mustNew(t, behindNAT(netsim.NAT{LeaveQuotes: leave}))
			for what, p := range natProbes(n, f) {
				t.Run(name(f)+"/"+what, func(t *testing.T) {
					for ttl, router := range map[uint8]string{1: "r1", 2: "r2", 3: "r3"} {
						p.ttl = ttl
						g := one(t, n, t0, p)
						wantError(t, g, packet.TimeExceeded, 0, n.Addr(router, f))
						q := g.icmp.Quote
						translated := leave && ttl == 3
						wantSrc := n.Vantage(f)
						if translated {
							wantSrc = outside[f]
						}
						if q.Header.Src != wantSrc || g.h.Dst != n.Vantage(f) {
							t.Errorf("TTL %d: quoted source %v to %v, want %v", ttl, q.Header.Src, g.h.Dst, wantSrc)
						}
						same := string(q.Payload) == string(p.upper)
						if same == translated {
							t.Errorf("TTL %d: quoted %x of %x", ttl, q.Payload, p.upper)
						}
						// Port and checksum were mended, or what was quoted is a wrong
						// packet.
						if sum := packet.TransportChecksum(q.Header.Proto, q.Header.Src, q.Header.Dst, q.Payload); sum != 0 {
							t.Errorf("TTL %d: the quoted packet's checksum is wrong", ttl)
						}
					}
				})
			}
		}
	}
}

// TestNATPorts has endpoints get ports of their own, and keep them.
func TestNATPorts(t *testing.T) {
	quotedPort := func(n *netsim.Network, p send) uint16 {
		p.ttl = 3
		q := one(t, n, t0, p).icmp.Quote.Payload
		return uint16(q[0])<<8 | uint16(q[1])
	}
	n := mustNew(t, behindNAT(netsim.NAT{LeaveQuotes: true}))
	seen := map[uint16]uint16{}
	for i := range uint16(100) {
		port := quotedPort(n, to(n, v4).udp(7000+i, 7))
		if from, ok := seen[port]; ok {
			t.Fatalf("ports %d and %d both got %d", from, 7000+i, port)
		}
		seen[port] = 7000 + i
		if again := quotedPort(n, to(n, v4).udp(7000+i, 9)); again != port {
			t.Fatalf("port %d got %d, then %d", 7000+i, port, again)
		}
	}
	n = mustNew(t, behindNAT(netsim.NAT{LeaveQuotes: true, KeepPorts: true}))
	if port := quotedPort(n, to(n, v4).udp(7000, 7)); port != 7000 {
		t.Errorf("port 7000 got %d where it was free", port)
	}
	// Another inside address wants the same.
	other := to(n, v4).udp(7000, 7)
	other.src = netip.MustParseAddr("192.0.2.99")
	if port := quotedPort(n, other); port == 7000 {
		t.Error("two endpoints got the same port")
	}
	n = mustNew(t, behindNAT(netsim.NAT{Inside: netsim.Prefixes("172.16.0.0/12"), LeaveQuotes: true}))
	if port := quotedPort(n, to(n, v4).udp(7000, 7)); port != 7000 {
		t.Error("a source that is not inside was translated")
	}
}

// TestNATStrangers sends what no mapping is for: the router's own address outside is
// pinged, bad checksums stay bad.
func TestNATStrangers(t *testing.T) {
	n := mustNew(t, behindNAT(netsim.NAT{}))
	for _, f := range families {
		p := send{src: n.Vantage(f), dst: outside[f], ttl: 9}
		if g := one(t, n, t0, p.echo(1)); !g.echo.Reply || g.h.Src != outside[f] {
			t.Errorf("a ping of the outside address: %+v", g)
		}
		pkt := to(n, f).echo(1, 1, 2, 3).bytes()
		pkt[len(pkt)-1] ^= 1
		if ds := n.Send(t0, pkt); len(ds) != 0 {
			t.Errorf("%s: a wrong checksum became right on the way", name(f))
		}
	}
}
