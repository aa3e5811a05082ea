package packet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
)

// multipart returns a time-exceeded message of IPv4 with the given length attribute
// in words, a quote of 28 bytes padded to 128, and the extension structure ext whose
// checksum it sets.
func multipart(tb testing.TB, words uint8, ext string) []byte {
	b := append([]byte{11, 0, 0, 0, 0, words, 0, 0}, probe(IPv4, 0)...)
	b = appendPadded(b, nil, icmpErrorHeaderLen+legacyQuoteLen)
	structure := unhex(tb, ext)
	binary.BigEndian.PutUint16(structure[2:], Checksum(structure))
	return append(b, structure...)
}

func TestParseExtensions(t *testing.T) {
	mpls := []Label{{Label: 100704, TTL: 1, Bottom: true}}
	for _, tt := range []struct {
		name, ext string
		want      Extensions
	}{
		{"a label", "20000000 0008 01 01 18960101", Extensions{MPLS: mpls}},
		{"a stack of two", "20000000 000c 01 01 00010e02 ffffff01", Extensions{MPLS: []Label{
			{Label: 16, TC: 7, TTL: 2}, {Label: 0xfffff, TC: 7, Bottom: true, TTL: 1},
		}}},
		{"incoming interface by all", "20000000 0024 02 0f 00000007 0001 0000 c00002fe 0c 67652d302f302f31 000000 000005dc 00000000",
			Extensions{Interfaces: []Interface{{Index: 7, Addr: gateway4, Name: "ge-0/0/1", MTU: 1500}}}},
		{"outgoing interface by IPv6 address", "20000000 0018 02 84 0002 0000 fe8000000000000000000000000000fe",
			Extensions{Interfaces: []Interface{{Role: 2, Addr: gateway6}}}},
		{"IPv4 address in IPv6's form", "20000000 0018 02 c4 0002 0000 00000000000000000000ffffc00002fe",
			Extensions{Interfaces: []Interface{{Role: 3, Addr: gateway4}}}},
		{"longest name", "20000000 0044 02 02 40" + string(bytes.Repeat([]byte("61"), 63)),
			Extensions{Interfaces: []Interface{{Name: string(bytes.Repeat([]byte("a"), 63))}}}},
		{"unknown class", "20000000 0008 f7 05 01020304",
			Extensions{Unknown: []Object{{Class: 247, Type: 5, Data: []byte{1, 2, 3, 4}}}}},
		{"unknown type of label stack", "20000000 0008 01 02 18960101",
			Extensions{Unknown: []Object{{Class: 1, Type: 2, Data: unhex(t, "18960101")}}}},
		{"interface of RFC 8335 is no answer", "20000000 0008 03 02 00000007",
			Extensions{Unknown: []Object{{Class: 3, Type: 2, Data: []byte{0, 0, 0, 7}}}}},
		{"a malformed object takes none with it",
			"20000000 0008 01 01 18960101 0008 02 02 44616161 0008 f7 05 01020304",
			Extensions{MPLS: mpls, Unknown: []Object{
				{Class: 2, Type: 2, Data: []byte("\x44aaa")}, {Class: 247, Type: 5, Data: []byte{1, 2, 3, 4}},
			}}},
		{"empty objects", "20000000 0004 01 01 0004 02 00 0004 f7 00",
			Extensions{Interfaces: []Interface{{}}, Unknown: []Object{{Class: 247}}}},
		{"object of length 0", "20000000 0008 01 01 18960101 0000 01 01", Extensions{MPLS: mpls}},
		{"object longer than the message", "20000000 0008 01 01 18960101 000c 01 01 18960101", Extensions{MPLS: mpls}},
		{"bytes behind the last object", "20000000 0008 01 01 18960101 0000", Extensions{MPLS: mpls}},
		{"version 1", "10000000 0008 01 01 18960101", Extensions{}},
		{"nothing but a header", "20000000", Extensions{}},
	} {
		for _, words := range []uint8{32, 0, 1, 31, 255} { // right, of old, and wrong
			e, err := ParseError(IPv4, multipart(t, words, tt.ext))
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			equal(t, tt.name, e.Extensions, tt.want)
			if !bytes.Equal(e.Quote.Payload, probe(IPv4, 0)[20:]) {
				t.Errorf("%s: payload %x", tt.name, e.Quote.Payload)
			}
		}
	}
}

func TestParseExtensionsNeedAChecksumWhereGuessed(t *testing.T) {
	for words, want := range map[uint8]int{32: 1, 0: 0} {
		b := multipart(t, words, "20000000 0008 01 01 18960101")
		b[icmpErrorHeaderLen+legacyQuoteLen+2], b[icmpErrorHeaderLen+legacyQuoteLen+3] = 0, 0
		e, err := ParseError(IPv4, b)
		if err != nil || len(e.Extensions.MPLS) != want {
			t.Errorf("length attribute %d: %+v, %v; want %d labels", words, e, err, want)
		}
	}
}

// A length attribute below 128 is not compliant: in the middle of a quote anything may
// look like extensions without a checksum.
func TestParseExtensionsNotWithinTheQuote(t *testing.T) {
	quoted := probe(IPv4, 100)
	copy(quoted[32:], unhex(t, "20000000 0008 01 01 18960101"))
	e, err := ParseError(IPv4, append([]byte{11, 0, 0, 0, 0, 32 / 4, 0, 0}, quoted...))
	if err != nil || !e.Extensions.empty() || len(e.Quote.Payload) != 108 {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestAppendExtensionsCutsWhatCannotBe(t *testing.T) {
	long := Extensions{
		MPLS:       make([]Label, 20000),
		Interfaces: []Interface{{Name: string(bytes.Repeat([]byte("a"), 70)), Addr: netip.MustParseAddr("fe80::1%eth0")}},
		Unknown:    []Object{{Class: 247, Data: make([]byte, 70000)}},
	}
	got := parseExtensions(appendExtensions(nil, long))
	if len(got.MPLS) != 16382 || len(got.Interfaces) != 1 || len(got.Unknown) != 1 {
		t.Fatalf("%d labels, %d interfaces, %d others", len(got.MPLS), len(got.Interfaces), len(got.Unknown))
	}
	equal(t, "interface", got.Interfaces[0],
		Interface{Name: string(bytes.Repeat([]byte("a"), 63)), Addr: netip.MustParseAddr("fe80::1")})
	if n := len(got.Unknown[0].Data); n != 65531 {
		t.Errorf("%d bytes of data", n)
	}
}
