package rawsock

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// received puts a message into the receiving lane of s as recvmmsg would, and decodes it.
func received(s *socket, data, control []byte, flags int32) (Packet, bool) {
	l := s.receive
	l.hdrs[0].n = uint32(copy(l.data[0], data))
	l.hdrs[0].hdr.SetControllen(copy(l.control[0], control))
	l.hdrs[0].hdr.Flags = flags
	l.names[0] = unix.RawSockaddrInet6{Family: unix.AF_INET6}
	if s.family == packet.IPv4 {
		l.names[0].Family = unix.AF_INET
	}
	var p Packet
	ok := s.decode(l, &p, 0, time.Now())
	return p, ok
}

// seeds are messages as each kind of socket delivers them.
func seeds(f packet.Family, raw bool, id uint16) (data [][]byte) {
	src, dst := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	if f == packet.IPv6 {
		src, dst = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	}
	ip := func(upper []byte) []byte {
		return packet.Header{Family: f, Src: src, Dst: dst, Proto: f.ICMPProto(), TTL: 9}.Append(nil, upper)
	}
	request := packet.AppendEcho(nil, f, packet.Echo{ID: id, Seq: 3, Data: []byte("0123456789abcdef")})
	reply := packet.AppendEcho(nil, f, packet.Echo{Reply: true, ID: id, Seq: 3, Data: []byte("0123456789abcdef")})
	exceeded := packet.Error{Family: f, Type: 11, Extensions: packet.Extensions{MPLS: []packet.Label{{Label: 16, TTL: 1, Bottom: true}}}}
	if f == packet.IPv6 {
		exceeded.Type = 3
	}
	data = [][]byte{reply, packet.AppendError(nil, &exceeded, ip(request)), ip(request), request}
	if raw && f == packet.IPv4 {
		data[0], data[1] = ip(data[0]), ip(data[1])
	}
	return data
}

// FuzzDecode decodes any bytes from any kind of socket and queue: what is passed on is about our
// identifier, where the kernel has not seen to that, and nothing panics.
func FuzzDecode(f *testing.F) {
	for i := range 8 {
		family, raw, queued := families[i&1], i&2 != 0, i&4 != 0
		control := appendControl(nil, family, &Packet{TTL: 5, TOS: 9, Interface: 1})
		if queued {
			e := [16]byte{4: unix.SO_EE_ORIGIN_ICMP, 5: 11}
			if family == packet.IPv6 {
				e[4], e[5] = unix.SO_EE_ORIGIN_ICMP6, 3
			}
			control = appendMessage(control, unix.IPPROTO_IP, unix.IP_RECVERR, e[:])
		}
		for _, data := range seeds(family, raw, 7) {
			f.Add(data, control, i&1 != 0, raw, queued)
		}
	}
	sockets := make(map[[2]bool]*socket)
	for i := range 4 {
		s := newSocket(-1, families[i&1], i&2 != 0, 512, newLanes(512))
		s.id = 7
		sockets[[2]bool{i&1 != 0, i&2 != 0}] = s
	}
	f.Fuzz(func(t *testing.T, data, control []byte, v6, raw, queued bool) {
		s := sockets[[2]bool{v6, raw}]
		flags := int32(0)
		if queued {
			flags = unix.MSG_ERRQUEUE
		}
		p, ok := received(s, data, control, flags)
		if !ok {
			return
		}
		if p.Kind == Error && p.ICMP == nil {
			t.Error("an error without its ICMP message")
		}
		if p.Kind == Message && len(p.Data) < packet.EchoHeaderLen {
			t.Errorf("a message of %d bytes", len(p.Data))
		}
		if raw && p.Kind == Message {
			if e, err := packet.ParseEcho(s.family, p.Data); err != nil || e.ID != s.id || !e.Reply {
				t.Errorf("passed on %+v, %v", e, err)
			}
		}
	})
}

func TestDecode(t *testing.T) {
	for i := range 4 {
		family, raw := families[i&1], i&2 != 0
		s := newSocket(-1, family, raw, 512, newLanes(512))
		s.id = 7
		data := seeds(family, raw, 7)
		if p, ok := received(s, data[0], nil, 0); !ok || p.Kind != Message || p.BadChecksum || len(p.Data) != 24 {
			t.Errorf("IPv%d raw %v: reply is %+v, %v", family, raw, p, ok)
		}
		if !raw {
			continue
		}
		if p, ok := received(s, data[1], nil, 0); !ok || p.Kind != Error || len(p.ICMP.Extensions.MPLS) != 1 {
			t.Errorf("IPv%d: error is %+v, %v", family, p, ok)
		}
		s.id = 8
		for j := range 2 {
			if p, ok := received(s, data[j], nil, 0); ok {
				t.Errorf("IPv%d: another identifier's is passed on: %+v", family, p)
			}
		}
		s.id = 7
		data[0][len(data[0])-1] ^= 1
		if p, ok := received(s, data[0], nil, 0); !ok || p.BadChecksum != (family == packet.IPv4) {
			t.Errorf("IPv%d: damaged reply is %+v, %v", family, p, ok)
		}
	}
}

// TestParseControlBounds cuts control messages short at every byte.
func TestParseControlBounds(t *testing.T) {
	whole := appendControl(nil, packet.IPv6, &Packet{TTL: 5, TOS: 9, Interface: 3, Local: netip.IPv6Loopback()})
	for n := range len(whole) {
		parseControl(whole[:n])
	}
	if c := parseControl(whole); c.ttl != 5 || c.tos != 9 || c.ifindex != 3 || c.local != netip.IPv6Loopback() {
		t.Errorf("parsed %+v", c)
	}
}

// TestCompareArrival mixes what two queues had: an ICMP error that came after a reply stays behind it.
func TestCompareArrival(t *testing.T) {
	now := time.Now()
	at := func(k Kind, ms int) Packet {
		return Packet{Kind: k, Stamp: Stamp{Time: now, Kernel: now.Round(0).Add(time.Duration(ms-100) * time.Millisecond)}}
	}
	unstamped := Packet{Kind: Message, TTL: 9, Stamp: Stamp{Time: now}}
	got := []Packet{at(Error, 7), at(Sent, 9), at(Error, 3), unstamped, at(Message, 5), at(Message, 1), at(Sent, 2)}
	slices.SortStableFunc(got, compareArrival)
	want := []Packet{at(Sent, 9), at(Sent, 2), at(Message, 1), at(Error, 3), at(Message, 5), at(Error, 7), unstamped}
	if !slices.EqualFunc(got, want, func(a, b Packet) bool { return a.Kind == b.Kind && a.Stamp == b.Stamp }) {
		t.Errorf("sorted %+v, want %+v", got, want)
	}
}
