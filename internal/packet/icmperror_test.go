package packet

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
)

var (
	gateway4 = netip.MustParseAddr("192.0.2.254")
	gateway6 = netip.MustParseAddr("fe80::fe")
)

// probe returns an echo request of family f with the given number of data bytes, from
// its IP header.
func probe(f Family, data int) []byte {
	h := Header{Family: f, Src: host4, Dst: far4, Proto: f.ICMPProto(), TTL: 1, ID: 7}
	if f == IPv6 {
		h.Src, h.Dst, h.ID = host6, far6, 0
	}
	return h.Append(nil, AppendEcho(nil, f, Echo{ID: 1, Seq: 2, Data: bytes.Repeat([]byte{'x'}, data)}))
}

// someExtensions are one of each kind, with all that they can hold.
func someExtensions() Extensions {
	return Extensions{
		MPLS: []Label{{Label: 0xfffff, TC: 7, TTL: 255}, {Label: 16001, Bottom: true, TTL: 1}},
		Interfaces: []Interface{
			{Role: 0, Index: 7, Addr: gateway4, Name: "ge-0/0/1", MTU: 1500},
			{Role: 2, Addr: gateway6},
			{Role: 3, Name: "a name of sixty-three bytes, which is all that RFC 5837 allows."},
			{Role: 1},
		},
		Unknown: []Object{{Class: 247, Type: 1, Data: []byte{1, 2, 3, 4}}, {Class: 3, Type: 9}},
	}
}

func TestErrorRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		name      string
		e         Error
		multipart bool
	}{
		{"unreachable", Error{Family: IPv4, Type: 3, Code: 1, Class: Unreachable}, true},
		{"too big", Error{Family: IPv4, Type: 3, Code: 4, Class: TooBig, MTU: 1400}, true},
		{"too big without MTU", Error{Family: IPv4, Type: 3, Code: 4, Class: TooBig}, true},
		{"quench", Error{Family: IPv4, Type: 4, Class: SourceQuench}, false},
		{"redirect", Error{Family: IPv4, Type: 5, Code: 1, Class: Redirect, Gateway: gateway4}, false},
		{"exceeded", Error{Family: IPv4, Type: 11, Class: TimeExceeded}, true},
		{"parameter", Error{Family: IPv4, Type: 12, Class: Parameter, Pointer: 255}, true},
		{"unreachable", Error{Family: IPv6, Type: 1, Code: 4, Class: Unreachable}, true},
		{"too big", Error{Family: IPv6, Type: 2, Class: TooBig, MTU: 0x7fffffff}, false},
		{"exceeded", Error{Family: IPv6, Type: 3, Class: TimeExceeded}, true},
		{"parameter", Error{Family: IPv6, Type: 4, Code: 2, Class: Parameter, Pointer: 65536}, false},
		{"redirect", Error{Family: IPv6, Type: 137, Class: Redirect, Gateway: gateway6}, false},
	} {
		for _, data := range []int{0, 20, 119, 120, 121, 700} {
			for _, extensions := range []Extensions{{}, someExtensions()} {
				quoted := probe(tt.e.Family, data)
				e := tt.e
				e.Extensions = extensions
				b := AppendError([]byte("front"), &e, quoted)[len("front"):]
				if tt.e.Family == IPv4 && Checksum(b) != 0 {
					t.Errorf("%s: checksum over it is %#04x", tt.name, Checksum(b))
				}
				got, err := ParseError(e.Family, b)
				if err != nil {
					t.Fatalf("%s of %d, %d bytes: %v", tt.name, e.Family, data, err)
				}
				want := tt.e
				if tt.multipart {
					want.Extensions = extensions
				}
				want.Quote.Header, _ = ParseIP(quoted)
				want.Quote.Payload = quoted[want.Quote.Header.HeaderLen:]
				equal(t, tt.name, *got, want)
			}
		}
	}
}

func TestAppendErrorCutsToTheLengthAttribute(t *testing.T) {
	for family, want := range map[Family]int{IPv4: 1020, IPv6: 2040} {
		e := Error{Family: family, Type: 3, Extensions: Extensions{MPLS: []Label{{Label: 1}}}}
		got, err := ParseError(family, AppendError(nil, &e, probe(family, 3000)))
		if err != nil {
			t.Fatal(err)
		}
		if n := got.Quote.Header.HeaderLen + len(got.Quote.Payload); n != want || len(got.Extensions.MPLS) != 1 {
			t.Errorf("family %d: %d bytes of quote, extensions %+v; want %d bytes", family, n, got.Extensions, want)
		}
	}
}

func TestAppendErrorOfOddValues(t *testing.T) {
	for _, tt := range []struct {
		e    Error
		want string // the second word
	}{
		{Error{Family: IPv4, Type: 3, Code: 4, MTU: 70000}, "0000ffff"},
		{Error{Family: IPv4, Type: 3, Code: 4, MTU: -1}, "00000000"},
		{Error{Family: IPv4, Type: 12, Pointer: 256}, "ff000000"},
		{Error{Family: IPv4, Type: 5, Gateway: gateway6}, "00000000"},
		{Error{Family: IPv6, Type: 4, Pointer: -1}, "00000000"},
		{Error{Family: IPv4, Type: 3, Code: 1, MTU: 1400}, "00000000"},
		{Error{Family: IPv4, Type: 99, MTU: 1400}, "00000000"},
	} {
		b := AppendError(nil, &tt.e, nil)
		if want := unhex(t, tt.want); !bytes.Equal(b[4:], want) {
			t.Errorf("%+v: %x, want %x", tt.e, b[4:], want)
		}
	}
}

func TestParseErrorOfShortQuotes(t *testing.T) {
	options := Header{Family: IPv4, Src: host4, Dst: far4, Proto: ProtoUDP, Options: make([]byte, 8)}.
		Append(nil, []byte("transport and more"))
	extension := v6Packet(t, 0, "3c00000000000000 1101000000000000 0000000000000000 0001000200100000")
	for _, tt := range []struct {
		name      string
		family    Family
		quoted    []byte
		err       error
		proto     uint8
		headerLen int
		payload   int
	}{
		{"eight bytes of the transport", IPv4, probe(IPv4, 100)[:28], nil, ProtoICMP, 20, 8},
		{"eight bytes behind options", IPv4, options[:36], nil, ProtoUDP, 28, 8},
		{"the header alone", IPv4, probe(IPv4, 0)[:20], nil, ProtoICMP, 20, 0},
		{"cut in the options", IPv4, options[:24], nil, ProtoUDP, 24, 0},
		{"cut in the header", IPv4, options[:19], ErrShort, 0, 0, 0},
		{"no quote", IPv4, nil, ErrShort, 0, 0, 0},
		{"the other family", IPv4, probe(IPv6, 0), ErrInvalid, 0, 0, 0},
		{"eight bytes behind extension headers", IPv6, extension, nil, ProtoUDP, 64, 8},
		{"cut in the second extension header", IPv6, extension[:60], nil, 60, 48, 0},
		{"cut in the first extension header", IPv6, extension[:41], nil, 0, 40, 0},
		{"cut in the header", IPv6, extension[:39], ErrShort, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			typ := map[Family]uint8{IPv4: 11, IPv6: 3}[tt.family]
			e, err := ParseError(tt.family, AppendError(nil, &Error{Family: tt.family, Type: typ}, tt.quoted))
			if !errors.Is(err, tt.err) || (e == nil) != (tt.err != nil) {
				t.Fatalf("%+v, %v; want error %v", e, err, tt.err)
			}
			if err != nil {
				return
			}
			q := e.Quote
			if q.Header.Proto != tt.proto || q.Header.HeaderLen != tt.headerLen || len(q.Payload) != tt.payload {
				t.Errorf("%+v, want protocol %d, header of %d and %d bytes", q, tt.proto, tt.headerLen, tt.payload)
			}
		})
	}
}

func TestParseErrorOfNoError(t *testing.T) {
	for _, tt := range []struct {
		family Family
		bytes  string
		want   error
	}{
		{IPv4, "", ErrShort},
		{IPv4, "0b000000000000", ErrShort},
		{IPv4, "0800000000010002", ErrInvalid},
		{IPv6, "8000000000010002", ErrInvalid},
		{IPv6, "0b00000000000000", ErrInvalid},
		{0, "0b00000000000000", ErrInvalid},
		{IPv6, "8900000000000000 fe8000000000000000000000000000fe", ErrShort},
	} {
		if e, err := ParseError(tt.family, unhex(t, tt.bytes)); !errors.Is(err, tt.want) || e != nil {
			t.Errorf("%s: %+v, %v; want %v", tt.bytes, e, err, tt.want)
		}
	}
}

func TestParseErrorOfARedirectWithoutQuote(t *testing.T) {
	const fixed = "8900000000000000 fe8000000000000000000000000000fe 20010db8000200000000000000000002"
	const quoted = "60000000 0000 3a 40 20010db8000100000000000000000001 20010db8000200000000000000000077"
	for name, options := range map[string]string{
		"no options":           "",
		"link-layer address":   "0201020000000001",
		"behind a length of 0": "0200000000000000 0406000000000000" + quoted,
		"quote cut short":      "0406000000000000" + quoted[:40],
		"quote is another's":   "0404000000000000 450000140000000001010000c0000201c6336402 00000000",
		"option longer by far": "02ff000000000000",
	} {
		e, err := ParseError(IPv6, unhex(t, fixed+options))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		equal(t, name, *e, Error{Family: IPv6, Type: 137, Class: Redirect, Gateway: gateway6,
			Quote: Quote{Header: Header{Family: IPv6, Dst: far6}}})
	}
}

func TestAppendErrorOfARedirectWithoutQuote(t *testing.T) {
	want := Error{Family: IPv6, Type: 137, Class: Redirect, Gateway: gateway6,
		Quote: Quote{Header: Header{Family: IPv6, Dst: far6}}}
	got, err := ParseError(IPv6, AppendError(nil, &want, nil))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "redirect", *got, want)
}
