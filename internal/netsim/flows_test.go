package netsim_test

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// flowConn returns a Conn of many flows with the source ports from 40000 to 40099 and the identifier 77.
func flowConn(n *netsim.Network, raw bool) *netsim.Conn {
	return n.Conn(netsim.ConnConfig{
		Flows: true, Raw: raw, ID: 77, FirstPort: 40000, LastPort: 40099, Stamps: true,
		PMTU: rawsock.PMTUDont, // not looked at
	})
}

// udpProbe returns a UDP packet to the target as a trace sends it.
func udpProbe(n *netsim.Network, f packet.Family, src, dst uint16, ttl int) rawsock.Packet {
	p := rawsock.Packet{Addr: n.Addr("target", f), TTL: ttl, Proto: packet.ProtoUDP, ID: 0x4321, Flow: 0x12345}
	p.Data = packet.UDP{SrcPort: src, DstPort: dst}.Append(nil, data)
	packet.SetChecksum(packet.ProtoUDP, n.Vantage(f), p.Addr, p.Data)
	return p
}

// synProbe returns a SYN to the target.
func synProbe(n *netsim.Network, f packet.Family, src, dst uint16, seq uint32, ttl int) rawsock.Packet {
	p := rawsock.Packet{Addr: n.Addr("target", f), TTL: ttl, Proto: packet.ProtoTCP, ID: 0x4321, Flow: 0x12345}
	p.Data = packet.TCP{SrcPort: src, DstPort: dst, Seq: seq, Flags: packet.SYN}.Append(nil, nil, nil)
	packet.SetChecksum(packet.ProtoTCP, n.Vantage(f), p.Addr, p.Data)
	return p
}

// portsHost is a host, a hop and 10 ms away, with an open TCP port and a UDP port that echoes.
func portsHost() netsim.Topology {
	top := netsim.Chain(2*ms, 10*ms)
	h := top.Host("target")
	h.TCPOpen, h.UDPEcho = []netsim.Ports{netsim.Port(443)}, []netsim.Ports{netsim.Port(7)}
	return top
}

// TestFlowsError reads the time exceeded about packets of each protocol: on raw sockets with
// the packet as it was given, without privilege with what the kernel tells of it.
func TestFlowsError(t *testing.T) {
	modes(t, func(t *testing.T, raw bool, f packet.Family) {
		top := portsHost()
		top.Router("r1").Quote.MPLS = []netsim.Label{{Label: 99, TTL: 1}}
		n := mustNew(t, top)
		c := flowConn(n, raw)
		defer c.Close()
		echo := request(n, f, 5, data...)
		echo.TTL, echo.ID, echo.Flow = 1, 0x4321, 0x12345
		if f == v6 {
			packet.SetChecksum(packet.ProtoICMPv6, n.Vantage(f), echo.Addr, echo.Data)
		}
		for _, p := range []rawsock.Packet{udpProbe(n, f, 40001, 33434, 1), synProbe(n, f, 40002, 443, 0xdecade, 1), echo} {
			p.TOS = 0x20
			begin := time.Now()
			write(t, c, p)
			g := read(t, c, 1)[0]
			if g.Kind != rawsock.Error || g.Addr != n.Addr("r1", f) || g.Local != n.Vantage(f) || g.TTL != 255 ||
				time.Since(begin) != 2*ms || !g.Stamp.Kernel.Equal(time.Now()) || g.ICMP.Class != packet.TimeExceeded {
				t.Fatalf("got %+v with %+v", g, g.ICMP)
			}
			proto := p.Proto
			if proto == 0 {
				proto = f.ICMPProto()
			}
			h := g.ICMP.Quote.Header
			if g.Proto != proto || h.Proto != proto || h.Dst != p.Addr || !bytes.Equal(g.Data, g.ICMP.Quote.Payload) {
				t.Errorf("protocol %d, quote %+v", g.Proto, h)
			}
			if len(g.ICMP.Extensions.MPLS) != 1 || g.ICMP.Extensions.MPLS[0].Label != 99 {
				t.Errorf("labels %+v", g.ICMP.Extensions.MPLS)
			}
			want := slices.Clone(p.Data)
			if raw {
				id, flow := uint16(0x4321), uint32(0)
				if f == v6 {
					id, flow = 0, 0x12345
				}
				if h.ID != id || h.Flow != flow || h.TTL != 1 || h.TOS != 0x20 || h.DontFragment != (f == v4) || h.Src != n.Vantage(f) {
					t.Errorf("quoted %+v", h)
				}
			} else {
				if !reflect.DeepEqual(h, packet.Header{Family: f, Dst: p.Addr, Proto: proto}) {
					t.Errorf("quoted %+v", h)
				}
				switch proto {
				case packet.ProtoUDP:
					clear(want[4:8])
				case packet.ProtoTCP:
					want = want[:8] // the rest is the kernel's
				}
			}
			if !bytes.HasPrefix(g.Data, want) {
				t.Errorf("quoted\n%x, want\n%x", g.Data, want)
			}
		}
	})
}

// tcpOfPacket returns the header of the segment p.
func tcpOfPacket(t *testing.T, p rawsock.Packet) packet.TCP {
	t.Helper()
	h, err := packet.ParseTCP(p.Data)
	if err != nil {
		t.Fatalf("segment %x: %v", p.Data, err)
	}
	return h
}

// TestFlowsAnswers reads what a destination answers: a datagram, SYN and ACK, reset, an echo
// reply.
func TestFlowsAnswers(t *testing.T) {
	modes(t, func(t *testing.T, raw bool, f packet.Family) {
		n := mustNew(t, portsHost())
		c := flowConn(n, raw)
		defer c.Close()
		begin := time.Now()
		echo := request(n, f, 5, data...)
		packet.SetChecksum(f.ICMPProto(), n.Vantage(f), echo.Addr, echo.Data)
		write(t, c, udpProbe(n, f, 40001, 7, 64), synProbe(n, f, 40002, 443, 0xdecade, 64), synProbe(n, f, 40002, 80, 0xfacade, 64), echo)
		ps := read(t, c, 4)
		for i, proto := range []uint8{packet.ProtoUDP, packet.ProtoTCP, packet.ProtoTCP, f.ICMPProto()} {
			p, told := ps[i], raw || proto != packet.ProtoTCP
			stamped := raw || i != 2 // not a reset
			if p.Kind != rawsock.Message || p.Proto != proto || p.Addr != n.Addr("target", f) || p.Local != n.Vantage(f) || p.BadChecksum ||
				time.Since(begin) != 10*ms || (p.TTL == 63) != told || p.Stamp.Kernel.IsZero() == stamped {
				t.Errorf("got %+v", p)
			}
		}
		if u, err := packet.ParseUDP(ps[0].Data); err != nil || u.SrcPort != 7 || u.DstPort != 40001 || !bytes.Equal(ps[0].Data[8:], data) {
			t.Errorf("UDP %+v, %v", u, err)
		}
		if s := tcpOfPacket(t, ps[1]); s.SrcPort != 443 || s.DstPort != 40002 || s.Flags != packet.SYN|packet.ACK || s.Ack != 0xdecadf {
			t.Errorf("open port: %+v", s)
		}
		if s := tcpOfPacket(t, ps[2]); s.SrcPort != 80 || s.DstPort != 40002 || s.Flags != packet.RST|packet.ACK || s.Ack != 0xfacadf {
			t.Errorf("closed port: %+v", s)
		}
		if e, err := packet.ParseEcho(f, ps[3].Data); err != nil || e.ID != 77 || e.Seq != 5 || !e.Reply {
			t.Errorf("echo %+v, %v", e, err)
		}
	})
}

// TestFlowsForeign tells what is for this socket from what is for another's.
func TestFlowsForeign(t *testing.T) {
	modes(t, func(t *testing.T, raw bool, f packet.Family) {
		n := mustNew(t, portsHost())
		other := n.Conn(netsim.ConnConfig{Flows: true, Raw: raw, ID: 78, FirstPort: 50000, LastPort: 50001})
		defer other.Close()
		c := flowConn(n, raw)
		defer c.Close()
		ping := n.Conn(netsim.ConnConfig{Raw: raw, ID: 79})
		defer ping.Close()
		for _, p := range []rawsock.Packet{
			udpProbe(n, f, 50001, 33434, 1), udpProbe(n, f, 50001, 7, 64),
			synProbe(n, f, 50000, 443, 9, 1), synProbe(n, f, 50001, 443, 9, 64),
		} {
			write(t, other, p)
			read(t, other, 1)
			wantNothing(t, c)
			wantNothing(t, ping)
		}
		// Address translation may have changed the port, but not the destination.
		write(t, c, udpProbe(n, f, 40001, 33434, 1))
		read(t, c, 1)
		write(t, other, udpProbe(n, f, 50001, 33434, 1))
		if raw {
			read(t, c, 1)
		}
		wantNothing(t, c)
		// A datagram to a port that nothing was sent from.
		p := send{src: n.Addr("target", f), dst: n.Vantage(f), ttl: 9}.udp(7, 40050)
		n.Inject(time.Now(), p.bytes())
		if raw {
			read(t, c, 1)
		}
		wantNothing(t, c)
	})
}

// TestFlowsMisquoted has errors quote something else than was sent. Without privilege the
// kernel finds no socket for most of them.
func TestFlowsMisquoted(t *testing.T) {
	for _, tt := range []struct {
		name     string
		misquote netsim.Misquote
		udp, tcp bool // arrives without privilege
		echo     bool
	}{
		{"right", netsim.Misquote{}, true, true, true},
		{"source port", netsim.Misquote{SrcPort: 1}, false, false, false},
		{"destination port", netsim.Misquote{DstPort: 1}, true, false, true},
		{"sequence number", netsim.Misquote{Seq: 1}, true, false, true},
		{"source", netsim.Misquote{Src: netip.MustParseAddr("203.0.113.9")}, true, false, true},
		{"identification", netsim.Misquote{ID: 1}, true, true, true},
	} {
		modes(t, func(t *testing.T, raw bool, f packet.Family) {
			if f == v6 && tt.misquote.Src.IsValid() {
				return
			}
			top := portsHost()
			top.Router("r1").ErrorFaults = []netsim.Fault{{Misquote: &tt.misquote}}
			n := mustNew(t, top)
			c := flowConn(n, raw)
			defer c.Close()
			echo := request(n, f, 5, data...)
			echo.TTL = 1
			for want, p := range map[*bool]rawsock.Packet{
				&tt.udp: udpProbe(n, f, 40001, 33434, 1), &tt.tcp: synProbe(n, f, 40002, 443, 9, 1), &tt.echo: echo,
			} {
				write(t, c, p)
				if raw || *want {
					read(t, c, 1)
				}
				wantNothing(t, c)
			}
		})
	}
}

// TestFlowsRefused has the local machine refuse what it cannot send.
func TestFlowsRefused(t *testing.T) {
	modes(t, func(t *testing.T, raw bool, f packet.Family) {
		top := portsHost()
		top.Links[0].MTU = 1280
		n := mustNew(t, top)
		c := n.Conn(netsim.ConnConfig{Flows: true, Raw: raw, NoPing: true, FirstPort: 40000, LastPort: 40099})
		defer c.Close()
		if s := c.Socket(f); (s.ID == 0) == raw || s.Raw != raw {
			t.Errorf("socket %+v", s)
		}
		ack := synProbe(n, f, 40001, 443, 1, 64)
		ack.Data[13] |= byte(packet.ACK)
		large := udpProbe(n, f, 40001, 33434, 64)
		large.Data = append(large.Data, make([]byte, 1280)...)
		other := udpProbe(n, f, 40001, 33434, 64)
		other.Proto = 132
		notEcho := request(n, f, 1)
		notEcho.Data[0] = 3
		cut := synProbe(n, f, 40001, 443, 1, 64)
		cut.Data = cut.Data[:19]
		for _, tt := range []struct {
			name      string
			p         rawsock.Packet
			raw, ping error
		}{
			{"echo", request(n, f, 1), nil, syscall.EACCES},
			{"no echo", notEcho, nil, syscall.EINVAL},
			{"no SYN", ack, nil, syscall.EINVAL},
			{"too large", large, syscall.EMSGSIZE, syscall.EMSGSIZE},
			{"another protocol", other, syscall.EPROTONOSUPPORT, syscall.EPROTONOSUPPORT},
			{"too short", cut, syscall.EINVAL, syscall.EINVAL},
		} {
			want := tt.ping
			if raw {
				want = tt.raw
			}
			_, err := c.WriteBatch([]rawsock.Packet{tt.p})
			if !errors.Is(err, want) {
				t.Errorf("%s: WriteBatch: %v, want %v", tt.name, err, want)
			}
			if refused, ok := errors.AsType[*rawsock.SendError](err); ok != (want != nil) || ok && (refused.MTU == 1280) != (want == syscall.EMSGSIZE) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	})
}

// TestFlowsSent gets the stamps of what was sent, and none of a connection.
func TestFlowsSent(t *testing.T) {
	modes(t, func(t *testing.T, raw bool, f packet.Family) {
		n := mustNew(t, portsHost())
		c := flowConn(n, raw)
		defer c.Close()
		u, s := udpProbe(n, f, 40001, 7, 64), synProbe(n, f, 40002, 443, 9, 64)
		u.WantStamp, s.WantStamp = true, true
		write(t, c, u, s)
		ps := read(t, c, map[bool]int{true: 2, false: 1}[raw])
		for i, want := range []rawsock.Packet{u, s}[:len(ps)] {
			if p := ps[i]; p.Kind != rawsock.Sent || p.Proto != want.Proto || !bytes.Equal(p.Data, want.Data) || !p.Stamp.Kernel.Equal(time.Now()) {
				t.Errorf("got %+v", p)
			}
		}
	})
}

// TestFlowsBadChecksum tells what a wrong checksum does to each kind of answer.
func TestFlowsBadChecksum(t *testing.T) {
	modes(t, func(t *testing.T, raw bool, f packet.Family) {
		top := portsHost()
		fault := []netsim.Fault{{BadChecksum: true}}
		top.Host("target").Faults, top.Router("r1").ErrorFaults = fault, fault
		n := mustNew(t, top)
		c := flowConn(n, raw)
		defer c.Close()
		write(t, c, udpProbe(n, f, 40001, 33434, 1))
		wantNothing(t, c)
		write(t, c, udpProbe(n, f, 40001, 7, 64))
		if raw {
			read(t, c, 1) // nobody looks at it
		}
		wantNothing(t, c)
		if p := request(n, f, 5, data...); f == v4 {
			write(t, c, p)
			if raw {
				if p := read(t, c, 1)[0]; !p.BadChecksum {
					t.Errorf("got %+v", p)
				}
			}
			wantNothing(t, c)
		}
	})
}
