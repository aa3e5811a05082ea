package packet

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// slowSum is the sum of RFC 1071 as its text has it, word by word.
func slowSum(b []byte) uint16 {
	sum := 0
	for i, c := range b {
		if i%2 == 0 {
			sum += int(c) << 8
		} else {
			sum += int(c)
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

func TestChecksum(t *testing.T) {
	for _, tt := range []struct {
		name, bytes string
		want        uint16
	}{
		{"nothing", "", 0xffff},
		{"RFC 1071 section 3", "0001 f203 f4f5 f6f7", ^uint16(0xddf2)},
		{"odd", "01", ^uint16(0x0100)},
		{"odd tail", "0001 f2", ^uint16(0xf201)},
		{"all ones", "ffff ffff ffff ffff ffff ffff ffff ffff ffff", 0},
	} {
		if got := Checksum(unhex(t, tt.bytes)); got != tt.want {
			t.Errorf("%s: %#04x, want %#04x", tt.name, got, tt.want)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for length := range 300 {
		b := make([]byte, length)
		for i := range b {
			b[i] = byte(random.Uint32()) | byte(-(length & 1)) // half of them all ones: every carry
		}
		if got, want := Checksum(b), ^slowSum(b); got != want {
			t.Errorf("%d bytes: %#04x, want %#04x", length, got, want)
		}
	}
}

func TestTransportChecksum(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	pseudo4 := unhex(t, "c0000201 c0000201 0011 0009 0102030405060708 09")
	pseudo6 := unhex(t, `20010db8000000000000000000000001 20010db8000000000000000000000001
		00000009 0000003a 0102030405060708 09`)
	body := unhex(t, "0102030405060708 09")
	for _, tt := range []struct {
		name  string
		proto uint8
		addr  netip.Addr
		want  uint16
	}{
		{"UDP over IPv4", ProtoUDP, v4, ^slowSum(pseudo4)},
		{"UDP over IPv4 in IPv6's form", ProtoUDP, netip.AddrFrom16(v4.As16()), ^slowSum(pseudo4)},
		{"ICMPv6", ProtoICMPv6, v6, ^slowSum(pseudo6)},
		{"ICMP has no pseudo-header", ProtoICMP, v4, ^slowSum(body)},
		{"no addresses", ProtoUDP, netip.Addr{}, ^slowSum(append(unhex(t, "0011 0009"), body...))},
	} {
		if got := TransportChecksum(tt.proto, tt.addr, tt.addr, body); got != tt.want {
			t.Errorf("%s: %#04x, want %#04x", tt.name, got, tt.want)
		}
	}
}

func TestSetChecksum(t *testing.T) {
	src, dst := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for proto, at := range map[uint8]int{ProtoICMP: 2, ProtoICMPv6: 2, ProtoUDP: 6, ProtoTCP: 16} {
		b := []byte("what stands in the field does not count")
		SetChecksum(proto, src, dst, b)
		if sum := TransportChecksum(proto, src, dst, b); sum != 0 {
			t.Errorf("protocol %d: checksum over the result is %#04x", proto, sum)
		}
		short := make([]byte, at+1)
		short[0] = 1
		SetChecksum(proto, src, dst, short)
		for i, c := range short[1:] {
			if c != 0 {
				t.Errorf("protocol %d: wrote byte %d of a packet that is too short", proto, i+1)
			}
		}
	}
	b := []byte("unknown protocols stay")
	SetChecksum(99, src, dst, b)
	if string(b) != "unknown protocols stay" {
		t.Errorf("changed to %q", b)
	}
}

func TestSetChecksumOfUDPIsNeverZero(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	b := UDP{SrcPort: 1, DstPort: 2}.Append(nil, []byte{0, 0})
	binary.BigEndian.PutUint16(b[8:], TransportChecksum(ProtoUDP, addr, addr, b))
	if sum := TransportChecksum(ProtoUDP, addr, addr, b); sum != 0 {
		t.Fatalf("the payload does not make the checksum 0 but %#04x", sum)
	}
	SetChecksum(ProtoUDP, addr, addr, b)
	if got := binary.BigEndian.Uint16(b[6:]); got != 0xffff {
		t.Errorf("%#04x, want 0xffff", got)
	}
}

func TestUpdateChecksum(t *testing.T) {
	// The example of RFC 1624 section 4.
	if got := UpdateChecksum(0xdd2f, 0x5555, 0x3285); got != 0 {
		t.Errorf("%#04x, want 0", got)
	}
	random := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, 64)
	for range 1000 {
		binary.BigEndian.PutUint64(b[8*random.IntN(8):], random.Uint64())
		before := Checksum(b)
		at, to := 2*random.IntN(32), uint16(random.Uint32())
		from := binary.BigEndian.Uint16(b[at:])
		binary.BigEndian.PutUint16(b[at:], to)
		if got, want := UpdateChecksum(before, from, to), Checksum(b); got != want {
			t.Fatalf("%#04x, want %#04x", got, want)
		}
	}
}
