package netsim_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

const (
	ms = time.Millisecond
	v4 = packet.IPv4
	v6 = packet.IPv6
)

// t0 is when tests outside a synctest bubble begin.
var t0 = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

var families = []packet.Family{v4, v6}

// name returns a subtest's name.
func name(f packet.Family) string { return map[packet.Family]string{v4: "IPv4", v6: "IPv6"}[f] }

func mustNew(tb testing.TB, t netsim.Topology) *netsim.Network {
	tb.Helper()
	n, err := netsim.New(t)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// send is a packet to be made.
type send struct {
	src, dst netip.Addr // src zero: see to
	ttl, tos uint8      // ttl 0: 64
	flow     uint32
	df       bool
	proto    uint8
	upper    []byte
}

// to returns a packet from the vantage to the node "target".
func to(n *netsim.Network, f packet.Family) send {
	return send{src: n.Vantage(f), dst: n.Addr("target", f), ttl: 64}
}

// bytes returns the packet, with its checksums.
func (s send) bytes() []byte {
	f := packet.FamilyOf(s.dst)
	packet.SetChecksum(s.proto, s.src, s.dst, s.upper)
	h := packet.Header{
		Family: f, Src: s.src, Dst: s.dst, Proto: s.proto, TTL: s.ttl, TOS: s.tos, ID: 0x1234,
		Flow: s.flow, DontFragment: s.df,
	}
	return h.Append(nil, s.upper)
}

// echo makes s an echo request with identifier 77 and the given data.
func (s send) echo(seq uint16, data ...byte) send {
	f := packet.FamilyOf(s.dst)
	s.proto = f.ICMPProto()
	s.upper = packet.AppendEcho(nil, f, packet.Echo{ID: 77, Seq: seq, Data: data})
	return s
}

func (s send) udp(src, dst uint16, data ...byte) send {
	s.proto = packet.ProtoUDP
	s.upper = packet.UDP{SrcPort: src, DstPort: dst}.Append(nil, data)
	return s
}

func (s send) tcp(h packet.TCP, data ...byte) send {
	s.proto = packet.ProtoTCP
	s.upper = h.Append(nil, nil, data)
	return s
}

// got is a packet that came back.
type got struct {
	after time.Duration // since it was sent
	h     packet.Header
	upper []byte
	echo  packet.Echo   // if it is an echo reply
	icmp  *packet.Error // if it is an error
	sound bool          // all checksums are right
}

// sendAt sends s and returns what comes back.
func sendAt(tb testing.TB, n *netsim.Network, now time.Time, s send) []got {
	tb.Helper()
	var gs []got
	for _, d := range n.Send(now, s.bytes()) {
		gs = append(gs, parse(tb, d, now))
	}
	return gs
}

func parse(tb testing.TB, d netsim.Delivery, now time.Time) got {
	tb.Helper()
	g := got{after: d.At.Sub(now)}
	var err error
	if g.h, err = packet.ParseIP(d.Packet); err != nil {
		tb.Fatalf("what came back: %v", err)
	}
	if g.h.Length != len(d.Packet) {
		tb.Errorf("length in the header is %d, of the packet %d", g.h.Length, len(d.Packet))
	}
	g.upper = g.h.Payload(d.Packet)
	g.sound = packet.TransportChecksum(g.h.Proto, g.h.Src, g.h.Dst, g.upper) == 0
	if g.h.Family == v4 && packet.Checksum(d.Packet[:g.h.HeaderLen]) != 0 {
		g.sound = false
	}
	if g.h.Proto == g.h.Family.ICMPProto() {
		if packet.IsError(g.h.Family, g.upper[0]) {
			if g.icmp, err = packet.ParseError(g.h.Family, g.upper); err != nil {
				tb.Fatalf("ICMP error that came back: %v", err)
			}
		} else if g.echo, err = packet.ParseEcho(g.h.Family, g.upper); err != nil {
			tb.Fatalf("ICMP message that came back: %v", err)
		}
	}
	return g
}

// one sends s and returns the one packet that comes back.
func one(tb testing.TB, n *netsim.Network, now time.Time, s send) got {
	tb.Helper()
	gs := sendAt(tb, n, now, s)
	if len(gs) != 1 {
		tb.Fatalf("%d packets came back, want 1", len(gs))
	}
	return gs[0]
}

// none sends s, to which nothing may come back.
func none(tb testing.TB, n *netsim.Network, now time.Time, s send) {
	tb.Helper()
	if gs := sendAt(tb, n, now, s); len(gs) != 0 {
		tb.Fatalf("%d packets came back, want none; the first: %+v", len(gs), gs[0])
	}
}

// wantError checks that g is a sound ICMP error of a kind, sent by from.
func wantError(tb testing.TB, g got, class packet.Class, code uint8, from netip.Addr) {
	tb.Helper()
	if g.icmp == nil {
		tb.Fatalf("want an ICMP error, got %+v", g)
	}
	if g.icmp.Class != class || g.icmp.Code != code || g.h.Src != from || !g.sound {
		tb.Errorf("got ICMP error class %d code %d from %v, sound %v; want class %d code %d from %v",
			g.icmp.Class, g.icmp.Code, g.h.Src, g.sound, class, code, from)
	}
}

// withinBounds reports whether k successes of n at probability p lie within four standard
// deviations, which a right implementation with a fixed seed does in all but one of some
// 15,000 cases.
func withinBounds(k, n int, p float64) bool {
	d := float64(k) - float64(n)*p
	return d*d <= 16*float64(n)*p*(1-p)
}

// bigEndian16 returns a number as two bytes.
func bigEndian16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
