package packet

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
)

const v4Header = "45b80029 1234 4000 40 01 0000 c0000201 c6336402"

var (
	host4, far4 = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.2")
	host6, far6 = netip.MustParseAddr("2001:db8:1::1"), netip.MustParseAddr("2001:db8:2::2")
)

// v6Packet returns an IPv6 packet with the given next header and what follows it.
func v6Packet(tb testing.TB, next uint8, rest string) []byte {
	h := Header{Family: IPv6, Src: host6, Dst: far6, Proto: next, TTL: 64, TOS: 0xb8, Flow: 0x12345}
	return h.Append(nil, unhex(tb, rest))
}

func TestParseIP(t *testing.T) {
	v4 := Header{
		Family: IPv4, Src: host4, Dst: far4, Proto: ProtoICMP, TTL: 64, TOS: 0xb8, ID: 0x1234,
		DontFragment: true, Length: 41, HeaderLen: 20,
	}
	v6 := Header{
		Family: IPv6, Src: host6, Dst: far6, Proto: ProtoUDP, TTL: 64, TOS: 0xb8, Flow: 0x12345,
		Length: 40, HeaderLen: 40,
	}
	with := func(h Header, change func(*Header)) Header { change(&h); return h }
	for _, tt := range []struct {
		name   string
		packet []byte
		want   Header
		err    error
	}{
		{"IPv4", unhex(t, v4Header), v4, nil},
		{"IPv4 with options", unhex(t, "47b80029 1234 4000 40 01 0000 c0000201 c6336402 0101 0101 9404 0000"),
			with(v4, func(h *Header) { h.HeaderLen, h.Options = 28, unhex(t, "01010101 94040000") }), nil},
		{"IPv4 cut in its options", unhex(t, "4fb80029 1234 4000 40 01 0000 c0000201 c6336402 0101"),
			with(v4, func(h *Header) { h.HeaderLen, h.Options = 22, unhex(t, "0101") }), ErrShort},
		{"IPv4 fragment", unhex(t, "45b80029 1234 2003 40 01 0000 c0000201 c6336402"),
			with(v4, func(h *Header) { h.DontFragment, h.MoreFragments, h.FragOffset = false, true, 24 }), nil},
		{"IPv4 whose length a system mangled", unhex(t, "45b80000 1234 4000 40 01 0000 c0000201 c6336402"),
			with(v4, func(h *Header) { h.Length = 0 }), nil},
		{"IPv4 cut", unhex(t, v4Header)[:19], Header{}, ErrShort},
		{"IPv4 with a header of 16 bytes", append([]byte{0x44}, unhex(t, v4Header)[1:]...), Header{}, ErrInvalid},
		{"nothing", nil, Header{}, ErrShort},
		{"version 5", append([]byte{0x55}, unhex(t, v4Header)[1:]...), Header{}, ErrInvalid},

		{"IPv6", v6Packet(t, ProtoUDP, ""), v6, nil},
		{"IPv6 cut", v6Packet(t, ProtoUDP, "")[:39], Header{}, ErrShort},
		{"hop-by-hop, routing, destination", v6Packet(t, 0, `2b00000000000000
				3c01000000000000 0000000000000000 1100000000000000`),
			with(v6, func(h *Header) { h.Length, h.HeaderLen = 72, 72 }), nil},
		{"authentication of 12 bytes", v6Packet(t, 51, "11010000 00000000 00000000"),
			with(v6, func(h *Header) { h.Length, h.HeaderLen = 52, 52 }), nil},
		{"first fragment", v6Packet(t, 44, "1100 0001 00000001 aaaa"),
			with(v6, func(h *Header) { h.Length, h.HeaderLen, h.MoreFragments = 50, 48, true }), nil},
		{"later fragment is not walked into", v6Packet(t, 44, "3c00 0010 00000001 11ff000000000000"),
			with(v6, func(h *Header) { h.Length, h.HeaderLen, h.Proto, h.FragOffset = 56, 48, 60, 16 }), nil},
		{"fragment's reserved byte is no length", v6Packet(t, 44, "11ff 0000 00000001"),
			with(v6, func(h *Header) { h.Length, h.HeaderLen = 48, 48 }), nil},
		{"no next header", v6Packet(t, 59, "00"),
			with(v6, func(h *Header) { h.Length, h.Proto = 41, 59 }), nil},
		{"encrypted", v6Packet(t, 50, "0000000100000001"),
			with(v6, func(h *Header) { h.Length, h.Proto = 48, 50 }), nil},
		{"cut before an extension header", v6Packet(t, 0, "3c00000000000000 11"),
			with(v6, func(h *Header) { h.Length, h.HeaderLen, h.Proto = 49, 48, 60 }), ErrShort},
		{"extension header longer than the packet", v6Packet(t, 0, "11ff000000000000"),
			with(v6, func(h *Header) { h.Length, h.Proto = 48, 0 }), ErrShort},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseIP(tt.packet)
			if !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			equal(t, "header", got, tt.want)
		})
	}
}

func TestPayload(t *testing.T) {
	b := append(unhex(t, v4Header), bytes.Repeat([]byte{'x'}, 30)...)
	for _, tt := range []struct {
		name              string
		headerLen, length int
		bytes, want       int
	}{
		{"padding", 20, 41, 50, 21},
		{"cut", 20, 41, 30, 10},
		{"cut at the header", 20, 41, 20, 0},
		{"nothing but a header", 20, 20, 50, 0},
		{"length not to be believed", 20, 19, 50, 30},
		{"header longer than the packet", 60, 41, 50, 0},
	} {
		h := Header{HeaderLen: tt.headerLen, Length: tt.length}
		if got := len(h.Payload(b[:tt.bytes])); got != tt.want {
			t.Errorf("%s: %d bytes, want %d", tt.name, got, tt.want)
		}
	}
}

func TestAppendIP(t *testing.T) {
	payload := []byte("payload")
	for _, tt := range []struct {
		name string
		h    Header
		// What comes back is h but for this.
		change func(*Header)
	}{
		{"IPv4", Header{Family: IPv4, Src: host4, Dst: far4, Proto: ProtoUDP, TTL: 1, TOS: 2, ID: 3,
			DontFragment: true, Length: 27, HeaderLen: 20}, nil},
		{"IPv4 fragment", Header{Family: IPv4, Src: host4, Dst: far4, Proto: ProtoUDP, TTL: 255,
			MoreFragments: true, FragOffset: 65528, Length: 27, HeaderLen: 20}, nil},
		{"IPv4 with options", Header{Family: IPv4, Src: host4, Dst: far4, Options: []byte{1, 1, 1, 1},
			Length: 31, HeaderLen: 24}, nil},
		{"options are padded", Header{Family: IPv4, Src: host4, Dst: far4, Options: []byte{1},
			Length: 31, HeaderLen: 24}, func(h *Header) { h.Options = []byte{1, 0, 0, 0} }},
		{"options are cut", Header{Family: IPv4, Src: host4, Dst: far4, Options: make([]byte, 44),
			Length: 67, HeaderLen: 60}, func(h *Header) { h.Options = make([]byte, 40) }},
		{"addresses of no kind", Header{Family: IPv4, Src: far6, Length: 27, HeaderLen: 20},
			func(h *Header) { h.Src, h.Dst = netip.IPv4Unspecified(), netip.IPv4Unspecified() }},
		{"IPv6", Header{Family: IPv6, Src: host6, Dst: far6, Proto: ProtoUDP, TTL: 1, TOS: 0xff,
			Flow: 0xfffff, Length: 47, HeaderLen: 40}, nil},
		{"IPv6 ignores what it has not", Header{Family: IPv6, Proto: ProtoUDP, ID: 1, FragOffset: 8, DontFragment: true,
			Options: []byte{1, 1, 1, 1}, Flow: 1 << 20, Length: 47, HeaderLen: 40},
			func(h *Header) {
				*h = Header{Family: IPv6, Src: netip.IPv6Unspecified(), Dst: netip.IPv6Unspecified(),
					Proto: ProtoUDP, Length: 47, HeaderLen: 40}
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.h
			if tt.change != nil {
				tt.change(&want)
			}
			input := tt.h
			input.Length, input.HeaderLen = -1, -1 // are ignored
			b := input.Append([]byte("front"), payload)[len("front"):]
			got, err := ParseIP(b)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "header", got, want)
			if !bytes.Equal(got.Payload(b), payload) || !isWhole(b) {
				t.Errorf("packet %x", b)
			}
		})
	}
}

func TestFindIP(t *testing.T) {
	v4 := Header{Family: IPv4, Src: host4, Dst: far4, Proto: ProtoUDP, TTL: 64}.Append(nil, []byte("payload"))
	v6 := v6Packet(t, ProtoUDP, "0102030405060708")
	bad := bytes.Clone(v4)
	bad[10] ^= 1
	// An Ethernet header whose destination looks like an IPv6 header of the right length.
	lookalike := append(unhex(t, "60000000 0036 000000000000 86dd"), v6...)
	lookalike[5] = byte(len(lookalike) - ipv6HeaderLen)
	for _, tt := range []struct {
		name  string
		frame []byte
		want  []byte
	}{
		{"bare IPv4", v4, v4},
		{"bare IPv6", v6, v6},
		{"Ethernet", append(unhex(t, "ffffffffffff 020000000001 0800"), v4...), v4},
		{"Ethernet with VLAN", append(unhex(t, "ffffffffffff 020000000001 8100 0064 86dd"), v6...), v6},
		{"PPP", append(unhex(t, "ff03 0021"), v4...), v4},
		{"one byte in front", append([]byte{0x45}, v4...), v4},
		{"address like an IPv6 header", lookalike, v6},
		{"nothing", nil, nil},
		{"wrong checksum", bad, nil},
		{"cut", v4[:len(v4)-1], nil},
		{"padded", append(bytes.Clone(v6), 0), nil},
		{"EtherType of the other", append(unhex(t, "86dd"), v4...), v4},
		{"header of 16 bytes", append([]byte{0x44}, v4[1:]...), nil},
	} {
		if got := FindIP(tt.frame); !bytes.Equal(got, tt.want) {
			t.Errorf("%s: found %x, want %x", tt.name, got, tt.want)
		}
	}
}

func TestFamilyOf(t *testing.T) {
	for addr, want := range map[netip.Addr]Family{
		host4: IPv4, host6: IPv6, netip.AddrFrom16(host4.As16()): IPv4, {}: 0,
	} {
		if got := FamilyOf(addr); got != want {
			t.Errorf("%s: %d, want %d", addr, got, want)
		}
	}
	if IPv4.ICMPProto() != ProtoICMP || IPv6.ICMPProto() != ProtoICMPv6 {
		t.Error("ICMPProto")
	}
}
