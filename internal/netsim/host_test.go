package netsim_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// withHost returns a host at 10 ms, both families.
func withHost(change func(h *netsim.Host)) netsim.Topology {
	top := netsim.Chain(10 * ms)
	change(top.Host("target"))
	return top
}

// TestHostAnswers covers what a host says to each protocol.
func TestHostAnswers(t *testing.T) {
	n := mustNew(t, withHost(func(h *netsim.Host) {
		h.UDPEcho, h.UDPOpen = []netsim.Ports{netsim.Port(7)}, []netsim.Ports{netsim.Port(53)}
	}))
	silent := mustNew(t, withHost(func(h *netsim.Host) { h.UDPSilent = true }))
	for _, f := range families {
		t.Run(name(f), func(t *testing.T) {
			target := n.Addr("target", f)
			p := to(n, f).udp(4000, 7, []byte("hello")...)
			g := one(t, n, t0, p)
			u, err := packet.ParseUDP(g.upper)
			if err != nil || u.SrcPort != 7 || u.DstPort != 4000 || string(g.upper[8:]) != "hello" || !g.sound {
				t.Errorf("UDP echo: %+v", g)
			}
			none(t, n, t0, to(n, f).udp(4000, 53))
			none(t, silent, t0, to(n, f).udp(4000, 33434))
			port := map[packet.Family]uint8{v4: 3, v6: 4}[f]
			p = to(n, f).udp(4000, 33434, 1, 2, 3)
			g = one(t, n, t0, p)
			wantError(t, g, packet.Unreachable, port, target)
			if !bytes.Equal(g.icmp.Quote.Payload, p.upper) || g.icmp.Quote.Header.TTL != 64 {
				t.Errorf("quoted %+v", g.icmp.Quote)
			}
			p = to(n, f)
			p.proto, p.upper = 132, make([]byte, 20)
			if f == v4 {
				wantError(t, one(t, n, t0, p), packet.Unreachable, 2, target)
			} else {
				wantError(t, one(t, n, t0, p), packet.Parameter, 1, target)
			}
			reply := to(n, f)
			reply.proto = f.ICMPProto()
			reply.upper = packet.AppendEcho(nil, f, packet.Echo{Reply: true, ID: 1})
			none(t, n, t0, reply)
			bad := to(n, f).udp(1, 7, 1, 2).bytes()
			bad[len(bad)-1]++
			if len(n.Send(t0, bad)) != 0 {
				t.Error("a UDP packet with a wrong checksum was answered")
			}
		})
	}
}

// TestPrefixes has a host answer for all of its prefixes, and two hosts share by the
// longest.
func TestPrefixes(t *testing.T) {
	top := netsim.Star(2, 10*ms)
	top.Hosts[0].Addrs = netsim.Prefixes("10.0.0.0/8", "2001:db8:9::/48")
	top.Hosts[1].Addrs = netsim.Prefixes("10.9.0.0/16", "2001:db8:9:9::/64", "10.0.0.7")
	top.Hosts[1].TTL = 200
	n := mustNew(t, top)
	for dst, second := range map[string]bool{
		"10.0.0.1": false, "10.255.1.2": false, "10.9.0.0": true, "10.9.255.255": true, "10.0.0.7": true,
		"2001:db8:9::1": false, "2001:db8:9:9:1:2:3:4": true,
	} {
		a := netip.MustParseAddr(dst)
		p := send{src: n.Vantage(packet.FamilyOf(a)), dst: a, ttl: 9}
		g := one(t, n, t0, p.echo(1))
		if g.h.Src != a || (g.h.TTL == 199) != second {
			t.Errorf("%v: answered by %v with TTL %d", a, g.h.Src, g.h.TTL)
		}
	}
}

// TestTCP goes through a connection, and the ways to be refused.
func TestTCP(t *testing.T) {
	n := mustNew(t, withHost(func(h *netsim.Host) { h.TCPOpen = []netsim.Ports{{First: 80, Last: 81}} }))
	const syn, ack, fin, rst = packet.SYN, packet.ACK, packet.FIN, packet.RST
	for _, f := range families {
		t.Run(name(f), func(t *testing.T) {
			ask := func(port uint16, flags packet.TCPFlags, seq, acked uint32, data ...byte) send {
				return to(n, f).tcp(packet.TCP{SrcPort: 5000, DstPort: port, Seq: seq, Ack: acked, Flags: flags, Window: 1000}, data...)
			}
			h := tcpOf(t, one(t, n, t0, ask(80, syn, 100, 0)))
			if h.Flags != syn|ack || h.Ack != 101 || h.SrcPort != 80 || h.DstPort != 5000 {
				t.Errorf("SYN: %+v", h)
			}
			isn := h.Seq
			none(t, n, t0, ask(80, ack, 101, isn+1))
			if h = tcpOf(t, one(t, n, t0, ask(80, ack, 101, isn+1, 1, 2, 3))); h.Flags != ack || h.Ack != 104 || h.Seq != isn+1 {
				t.Errorf("data: %+v", h)
			}
			if h = tcpOf(t, one(t, n, t0, ask(80, fin|ack, 104, isn+1))); h.Flags != fin|ack || h.Ack != 105 || h.Seq != isn+1 {
				t.Errorf("FIN: %+v", h)
			}
			if h = tcpOf(t, one(t, n, t0, ask(81, syn, 100, 0))); h.Seq == isn {
				t.Error("two connections have the same initial sequence number")
			}
			if h = tcpOf(t, one(t, n, t0, ask(443, syn, 100, 0))); h.Flags != rst|ack || h.Ack != 101 || h.Seq != 0 {
				t.Errorf("SYN to a closed port: %+v", h)
			}
			if h = tcpOf(t, one(t, n, t0, ask(443, ack, 100, 55))); h.Flags != rst || h.Seq != 55 {
				t.Errorf("ACK to a closed port: %+v", h)
			}
			if h = tcpOf(t, one(t, n, t0, ask(80, syn|ack, 100, 55))); h.Flags != rst || h.Seq != 55 {
				t.Errorf("SYN and ACK to an open port: %+v", h)
			}
			none(t, n, t0, ask(443, rst, 100, 0))
			none(t, n, t0, ask(80, rst, 100, 0))
		})
	}
}

// TestHostLimit has a host report six closed ports at once, then one a second, as Linux
// does, and answer pings all the same.
func TestHostLimit(t *testing.T) {
	n := mustNew(t, withHost(func(h *netsim.Host) { h.ErrorLimit = &netsim.Limit{Rate: 1, Burst: 6} }))
	reported := 0
	for range 20 {
		reported += len(sendAt(t, n, t0, to(n, v4).udp(1, 33434)))
		one(t, n, t0, to(n, v4).echo(1))
	}
	if reported != 6 {
		t.Errorf("%d errors at once, want 6", reported)
	}
	for i := range 4 {
		reported += len(sendAt(t, n, t0.Add(time.Duration(i)*500*ms+ms), to(n, v4).udp(1, 33434)))
	}
	if reported != 7 {
		t.Errorf("%d errors after 1.5 s, want 7", reported)
	}
}

// TestFragments sends a packet in pieces, in every order of three.
func TestFragments(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 100)
	for _, f := range families {
		n := mustNew(t, netsim.Chain(2*ms, 10*ms))
		whole := to(n, f).echo(9, data...)
		whole.bytes() // sets the checksum
		for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
			var ds []netsim.Delivery
			for i, k := range order {
				if len(ds) > 0 {
					t.Fatalf("%s: answered after %d of 3 fragments", name(f), i)
				}
				ds = n.Send(t0.Add(time.Duration(i)*ms), fragment(whole, k*640, 640, uint32(order[0])))
			}
			if len(ds) != 1 {
				t.Fatalf("%s: order %v: %d packets came back", name(f), order, len(ds))
			}
			if g := parse(t, ds[0], t0.Add(2*ms)); !g.sound || !bytes.Equal(g.echo.Data, data) || g.after != 10*ms {
				t.Errorf("%s: order %v: %+v", name(f), order, g)
			}
		}
		// Fragments that overlap are no packet, even of a protocol without a checksum.
		whole.proto = 132
		for _, from := range []int{0, 632, 1272} {
			if ds := n.Send(t0, fragment(whole, from, 640, 99)); len(ds) != 0 {
				t.Errorf("%s: overlapping fragments were answered", name(f))
			}
		}
		for i, from := range []int{0, 640, 1280} {
			if ds := n.Send(t0, fragment(whole, from, 640, 98)); len(ds) != i/2 {
				t.Errorf("%s: fragment %d was answered by %d packets", name(f), i, len(ds))
			}
		}
	}
}

// fragment returns the given part of a packet's upper layer.
func fragment(s send, from, length int, id uint32) []byte {
	part := s.upper[from:min(from+length, len(s.upper))]
	more := from+length < len(s.upper)
	h := packet.Header{Family: packet.FamilyOf(s.dst), Src: s.src, Dst: s.dst, Proto: s.proto, TTL: s.ttl}
	if h.Family == v4 {
		h.ID, h.FragOffset, h.MoreFragments = uint16(id), from, more
		return h.Append(nil, part)
	}
	offset := uint16(from)
	if more {
		offset |= 1
	}
	header := append([]byte{s.proto, 0}, bigEndian16(offset)...)
	header = append(header, bigEndian16(0)...)
	header = append(header, bigEndian16(uint16(id))...)
	h.Proto = 44
	return h.Append(nil, append(header, part...))
}
