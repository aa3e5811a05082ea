package rawsock

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Source ports of the tests, both included.
const first, last = 40000, 40009

// flowSockets returns the sockets that receive in a Conn of many flows: by protocol, raw and not.
func flowSockets(f packet.Family) (sockets []*socket) {
	for _, raw := range []bool{true, false} {
		for _, proto := range []uint8{packet.ProtoUDP, packet.ProtoTCP, f.ICMPProto()} {
			s := newSocket(-1, f, raw, 512, newLanes(512))
			s.proto, s.id, s.port = proto, 7, first
			if raw {
				s.origin = &origin{family: f, first: first, last: last, id: 7}
				s.origin.sentTo(netip.MustParseAddr("192.0.2.9"))
				s.origin.sentTo(netip.MustParseAddr("2001:db8::9"))
			}
			sockets = append(sockets, s)
		}
	}
	return sockets
}

// segment returns an upper layer of a protocol.
func segment(f packet.Family, proto uint8, src, dst uint16) []byte {
	switch proto {
	case packet.ProtoUDP:
		return packet.UDP{SrcPort: src, DstPort: dst}.Append(nil, []byte("0123456789"))
	case packet.ProtoTCP:
		return packet.TCP{SrcPort: src, DstPort: dst, Seq: 5, Flags: packet.SYN}.Append(nil, nil, nil)
	}
	return packet.AppendEcho(nil, f, packet.Echo{ID: src, Seq: 3, Data: []byte("0123456789")})
}

// datagram returns a packet between two addresses of the documentation, to the second or the ninth.
func datagram(f packet.Family, proto uint8, known bool, upper []byte) []byte {
	src, dst := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	if f == packet.IPv6 {
		src, dst = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	}
	if known {
		for range 7 {
			dst = dst.Next()
		}
	}
	return packet.Header{Family: f, Src: src, Dst: dst, Proto: proto, TTL: 9}.Append(nil, upper)
}

// reported returns an ICMP error about a packet, as a raw socket delivers it.
func reported(f packet.Family, quoted []byte) []byte {
	e := packet.Error{Family: f, Type: 11}
	if f == packet.IPv6 {
		e.Type = 3
	}
	return delivered(f, f.ICMPProto(), packet.AppendError(nil, &e, quoted))
}

// delivered returns an upper layer as a raw socket delivers it.
func delivered(f packet.Family, proto uint8, upper []byte) []byte {
	if f == packet.IPv6 {
		return upper
	}
	return datagram(f, proto, false, upper)
}

func TestOrigin(t *testing.T) {
	for _, f := range families {
		reply := packet.AppendEcho(nil, f, packet.Echo{Reply: true, ID: 7})
		foreign := packet.AppendEcho(nil, f, packet.Echo{Reply: true, ID: 8})
		icmp := f.ICMPProto()
		for _, tt := range []struct {
			name  string
			proto uint8
			data  []byte
			ours  bool
		}{
			{"UDP to the first port", packet.ProtoUDP, delivered(f, packet.ProtoUDP, segment(f, packet.ProtoUDP, 53, first)), true},
			{"UDP to the last port", packet.ProtoUDP, delivered(f, packet.ProtoUDP, segment(f, packet.ProtoUDP, 53, last)), true},
			{"UDP below", packet.ProtoUDP, delivered(f, packet.ProtoUDP, segment(f, packet.ProtoUDP, first, first-1)), false},
			{"UDP above", packet.ProtoUDP, delivered(f, packet.ProtoUDP, segment(f, packet.ProtoUDP, first, last+1)), false},
			{"TCP to a port", packet.ProtoTCP, delivered(f, packet.ProtoTCP, segment(f, packet.ProtoTCP, 80, first+1)), true},
			{"TCP to another", packet.ProtoTCP, delivered(f, packet.ProtoTCP, segment(f, packet.ProtoTCP, 80, 80)), false},
			{"TCP cut short", packet.ProtoTCP, delivered(f, packet.ProtoTCP, segment(f, packet.ProtoTCP, 80, first)[:19]), false},
			{"echo reply", icmp, delivered(f, icmp, reply), true},
			{"another's echo reply", icmp, delivered(f, icmp, foreign), false},
			{"echo request", icmp, delivered(f, icmp, segment(f, icmp, 7, 0)), false},
			{"error about UDP", icmp, reported(f, datagram(f, packet.ProtoUDP, false, segment(f, packet.ProtoUDP, last, 53))), true},
			{"error about TCP", icmp, reported(f, datagram(f, packet.ProtoTCP, false, segment(f, packet.ProtoTCP, first, 80)[:8])), true},
			{"error about an echo", icmp, reported(f, datagram(f, icmp, false, segment(f, icmp, 7, 0))), true},
			{"error about another port", icmp, reported(f, datagram(f, packet.ProtoUDP, false, segment(f, packet.ProtoUDP, 53, first))), false},
			{"error about another's echo", icmp, reported(f, datagram(f, icmp, false, segment(f, icmp, 8, 0))), false},
			{"error about a port rewritten", icmp, reported(f, datagram(f, packet.ProtoTCP, true, segment(f, packet.ProtoTCP, 53, 80))), true},
			{"error about another protocol", icmp, reported(f, datagram(f, 132, true, segment(f, packet.ProtoTCP, first, 80))), false},
		} {
			for _, s := range flowSockets(f)[:3] {
				if s.proto != tt.proto {
					continue
				}
				p, ok := received(s, tt.data, nil, 0)
				if ok != tt.ours || ok && p.Kind == Message && p.Proto != tt.proto {
					t.Errorf("IPv%d: %s: %v, %+v", f, tt.name, ok, p)
				}
				kernel, err := filterOf(s).Run(tt.data)
				if err != nil || ok && kernel == 0 {
					t.Errorf("IPv%d: %s: the kernel's filter says %d, %v", f, tt.name, kernel, err)
				}
			}
		}
	}
}

// filterOf returns the program that the kernel runs for a raw socket.
func filterOf(s *socket) *bpf.VM {
	program := portsProgram(s.family, first, last)
	if s.proto == s.family.ICMPProto() {
		program = flowsProgram(s.family, s.id)
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		panic(err)
	}
	return vm
}

// TestOriginBounded sends to many places: the last of them are known.
func TestOriginBounded(t *testing.T) {
	o := &origin{family: packet.IPv4}
	start := netip.MustParseAddr("10.0.0.0")
	a := start
	for range 3 * mostDestinations {
		o.sentTo(a)
		a = a.Next()
	}
	if n := len(o.recent) + len(o.older); n > 2*mostDestinations {
		t.Errorf("%d destinations are kept", n)
	}
	for range mostDestinations {
		if a = a.Prev(); !o.isDestination(a) {
			t.Fatalf("%v is forgotten", a)
		}
	}
	if o.isDestination(start) {
		t.Errorf("%v is known for ever", start)
	}
}

// FuzzFlowsDecode decodes any bytes from any socket and queue of a Conn of many flows: what is passed on has what its
// kind promises, and nothing panics.
func FuzzFlowsDecode(f *testing.F) {
	var sockets []*socket
	for _, family := range families {
		for _, s := range flowSockets(family) {
			kind := uint8(len(sockets))
			sockets = append(sockets, s)
			queued := [16]byte{4: unix.SO_EE_ORIGIN_ICMP, 5: 11}
			control := appendMessage(nil, unix.IPPROTO_IP, unix.IP_RECVERR, queued[:])
			sent := [16]byte{4: unix.SO_EE_ORIGIN_TIMESTAMPING}
			upper := segment(family, s.proto, first, first)
			f.Add(upper, []byte(nil), kind, false)
			f.Add(upper, control, kind, true)
			f.Add(datagram(family, s.proto, false, upper), appendMessage(nil, unix.IPPROTO_IP, unix.IP_RECVERR, sent[:]), kind, true)
			f.Add(reported(family, datagram(family, packet.ProtoUDP, false, upper)), []byte(nil), kind, false)
		}
	}
	f.Fuzz(func(t *testing.T, data, control []byte, kind uint8, queued bool) {
		s := sockets[int(kind)%len(sockets)]
		flags := int32(0)
		if queued {
			flags = unix.MSG_ERRQUEUE
		}
		p, ok := received(s, data, control, flags)
		if !ok {
			return
		}
		switch {
		case p.Kind == Error && (p.ICMP == nil || !bytes.Equal(p.Data, p.ICMP.Quote.Payload)):
			t.Errorf("an error without its message: %+v", p)
		case p.Kind == Message && (p.Proto != s.proto || len(p.Data) < smallest(s.proto)):
			t.Errorf("a message of %d bytes of protocol %d", len(p.Data), p.Proto)
		case p.Kind == Message && s.proto != s.family.ICMPProto() && s.raw && !s.origin.isPort(p.Data[2:]):
			t.Errorf("a message to another port: %x", p.Data)
		}
		(&attempt{socket: s, given: 1}).restore(&p)
	})
}

// FuzzRoute reads any bytes as the kernel's answer about a route.
func FuzzRoute(f *testing.F) {
	request, err := routeRequest(Config{Mark: 1, Interface: "1"}, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"))
	if err != nil {
		f.Fatal(err)
	}
	request[4], request[5] = unix.RTM_NEWROUTE, 0
	f.Add(request)
	if index, err := parseRoute(request); index != 1 || err != nil {
		f.Errorf("parseRoute = %d, %v", index, err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if index, err := parseRoute(b); err == nil && index < 0 {
			t.Errorf("interface %d", index)
		}
	})
}
