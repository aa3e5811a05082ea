package packet

import (
	"encoding/hex"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// captures returns the frames of testdata/captures.txt by name.
func captures(tb testing.TB) map[string][]byte {
	tb.Helper()
	text, err := os.ReadFile("testdata/captures.txt")
	if err != nil {
		tb.Fatal(err)
	}
	frames := make(map[string][]byte)
	for line := range strings.Lines(string(text)) {
		if name, digits, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			frames[name] = unhex(tb, digits)
		}
	}
	return frames
}

// unhex decodes hexadecimal digits with spaces between them.
func unhex(tb testing.TB, digits string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// unwrap returns the IP header of a captured frame and what it carries.
func unwrap(tb testing.TB, frame []byte) (Header, []byte) {
	tb.Helper()
	b := FindIP(frame)
	h, err := ParseIP(b)
	if err != nil {
		tb.Fatalf("ParseIP: %v", err)
	}
	return h, h.Payload(b)
}

// equal compares values that hold addresses; nil and empty slices are the same.
func equal(tb testing.TB, what string, got, want any) {
	tb.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); diff != "" {
		tb.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestCapturesAreWhole(t *testing.T) {
	const ethernet = 14
	frames := captures(t)
	if len(frames) < 30 {
		t.Fatalf("%d captures", len(frames))
	}
	for name, frame := range frames {
		if got := FindIP(frame); len(got) != len(frame)-ethernet {
			t.Errorf("%s: FindIP found %d bytes, want %d", name, len(got), len(frame)-ethernet)
		}
		h, payload := unwrap(t, frame)
		if sum := TransportChecksum(h.Proto, h.Src, h.Dst, payload); sum != 0 {
			t.Errorf("%s: checksum over a packet that the kernel accepted is %#04x", name, sum)
		}
	}
}

// Networks of the captures: behind the router, with a host at .2 (::2), and one that
// only its routing table knows.
const (
	farDst4, tableDst4 = "198.51.100.", "203.0.113."
	farDst6, tableDst6 = "2001:db8:2::", "2001:db8:3::"
)

// capturedErrors is what each error in testdata was captured for.
var capturedErrors = map[string]struct {
	text           string
	class          Class
	dst            string
	proto          uint8
	ttl, headerLen int // of the quote
	payload        int // its bytes that are quoted
}{
	"v4-ttl":         {"Time to live exceeded", TimeExceeded, farDst4 + "2", ProtoICMP, 1, 20, 32},
	"v4-rr-ttl":      {"Time to live exceeded", TimeExceeded, farDst4 + "2", ProtoICMP, 1, 60, 32},
	"v4-ts-ttl":      {"Time to live exceeded", TimeExceeded, farDst4 + "2", ProtoICMP, 1, 60, 32},
	"v4-tcp-ttl":     {"Time to live exceeded", TimeExceeded, farDst4 + "2", ProtoTCP, 1, 20, 40},
	"v4-frag":        {"Frag reassembly time exceeded", TimeExceeded, farDst4 + "2", ProtoUDP, 63, 20, 16},
	"v4-net":         {"Destination Net Unreachable", Unreachable, tableDst4 + "3", ProtoICMP, 64, 20, 32},
	"v4-host":        {"Destination Host Unreachable", Unreachable, tableDst4 + "2", ProtoICMP, 64, 20, 32},
	"v4-hosttimeout": {"Destination Host Unreachable", Unreachable, farDst4 + "77", ProtoICMP, 63, 20, 32},
	"v4-prohibited":  {"Packet filtered", Unreachable, tableDst4 + "1", ProtoICMP, 64, 20, 32},
	"v4-proto":       {"Destination Protocol Unreachable", Unreachable, farDst4 + "2", 99, 63, 20, 8},
	"v4-udp-port":    {"Destination Port Unreachable", Unreachable, farDst4 + "2", ProtoUDP, 63, 20, 16},
	"v4-fragneeded":  {"Frag needed and DF set (mtu = 1400)", TooBig, farDst4 + "2", ProtoICMP, 64, 20, 528},
	"v4-badopt":      {"Parameter problem: pointer = 20", Parameter, farDst4 + "2", ProtoUDP, 64, 24, 16},
	"v4-redirect":    {"Redirect Host (new nexthop: 192.0.2.77)", Redirect, tableDst4 + "9", ProtoICMP, 63, 20, 32},

	"v6-ttl":               {"Time exceeded: Hop limit", TimeExceeded, farDst6 + "2", ProtoICMPv6, 1, 40, 32},
	"v6-ext-ttl":           {"Time exceeded: Hop limit", TimeExceeded, farDst6 + "2", ProtoUDP, 1, 64, 16},
	"v6-frag":              {"Time exceeded: Defragmentation failure", TimeExceeded, farDst6 + "2", ProtoUDP, 63, 48, 16},
	"v6-noroute":           {"Destination unreachable: No route", Unreachable, tableDst6 + "3", ProtoICMPv6, 64, 40, 32},
	"v6-unreachable-route": {"Destination unreachable: No route", Unreachable, tableDst6 + "2", ProtoICMPv6, 64, 40, 32},
	"v6-addrtimeout":       {"Destination unreachable: Address unreachable", Unreachable, farDst6 + "77", ProtoICMPv6, 63, 40, 32},
	"v6-prohibited":        {"Destination unreachable: Administratively prohibited", Unreachable, tableDst6 + "1", ProtoICMPv6, 64, 40, 32},
	"v6-udp-port":          {"Destination unreachable: Port unreachable", Unreachable, farDst6 + "2", ProtoUDP, 63, 40, 16},
	"v6-ext-port":          {"Destination unreachable: Port unreachable", Unreachable, farDst6 + "2", ProtoUDP, 63, 56, 16},
	"v6-proto":             {"Parameter problem: Unknown header at 6", Parameter, farDst6 + "2", 99, 63, 40, 8},
	"v6-badopt":            {"Parameter problem: Unknown option at 42", Parameter, farDst6 + "2", ProtoUDP, 63, 48, 16},
	"v6-toobig":            {"Packet too big (mtu = 1400)", TooBig, farDst6 + "2", ProtoICMPv6, 64, 40, 1192},
	"v6-redirect":          {"Redirect (new nexthop: fe80::77)", Redirect, tableDst6 + "9", ProtoICMPv6, 64, 40, 32},
}

func TestParseErrorOfCaptures(t *testing.T) {
	frames := captures(t)
	for name, want := range capturedErrors {
		t.Run(name, func(t *testing.T) {
			h, message := unwrap(t, frames[name])
			e, err := ParseError(h.Family, message)
			if err != nil {
				t.Fatal(err)
			}
			if e.Text() != want.text || e.Class != want.class || !IsError(h.Family, e.Type) {
				t.Errorf("%q of class %d, want %q of class %d", e.Text(), e.Class, want.text, want.class)
			}
			q := e.Quote.Header
			if q.Src != h.Dst || q.Dst.String() != want.dst || q.Proto != want.proto ||
				int(q.TTL) != want.ttl || q.HeaderLen != want.headerLen {
				t.Errorf("quote %+v, want %+v", q, want)
			}
			if len(e.Quote.Payload) != want.payload {
				t.Errorf("%d bytes of payload, want %d", len(e.Quote.Payload), want.payload)
			}
			if !e.Extensions.empty() {
				t.Errorf("extensions %+v, want none", e.Extensions)
			}
			if want.proto == h.Family.ICMPProto() {
				checkQuotedEcho(t, e)
			}
		})
	}
}

// checkQuotedEcho checks the echo request that e quotes, which if it is whole has a
// correct checksum.
func checkQuotedEcho(t *testing.T, e *Error) {
	t.Helper()
	q := e.Quote
	echo, err := ParseEcho(e.Family, q.Payload)
	if err != nil || echo.Reply || echo.Seq == 0 {
		t.Errorf("quoted echo %+v, %v", echo, err)
	}
	whole := q.Header.Length == q.Header.HeaderLen+len(q.Payload)
	if sum := TransportChecksum(q.Header.Proto, q.Header.Src, q.Header.Dst, q.Payload); whole && sum != 0 {
		t.Errorf("checksum over the quoted echo is %#04x", sum)
	}
}

func TestParseEchoOfCaptures(t *testing.T) {
	frames := captures(t)
	for name, reply := range map[string]bool{
		"v4-echo-request": false, "v4-echo-reply": true, "v4-rr-reply": true,
		"v6-echo-request": false, "v6-echo-reply": true,
	} {
		h, message := unwrap(t, frames[name])
		echo, err := ParseEcho(h.Family, message)
		if err != nil || echo.Reply != reply || echo.Seq != 1 || len(echo.Data) != 24 {
			t.Errorf("%s: %+v, %v", name, echo, err)
		}
		again := AppendEcho(nil, h.Family, echo)
		SetChecksum(h.Proto, h.Src, h.Dst, again)
		if !cmp.Equal(again, message) {
			t.Errorf("%s: appended again\n%x, want\n%x", name, again, message)
		}
		if IsError(h.Family, message[0]) {
			t.Errorf("%s is an error", name)
		}
		if _, err := ParseError(h.Family, message); err == nil {
			t.Errorf("%s parsed as an error", name)
		}
	}
}

func TestParseTCPOfCapture(t *testing.T) {
	_, segment := unwrap(t, captures(t)["v4-tcp-rst"])
	tcp, err := ParseTCP(segment)
	if err != nil || tcp.SrcPort != 443 || tcp.Flags != RST|ACK || tcp.HeaderLen != 20 || tcp.Seq != 0 {
		t.Errorf("%+v, %v", tcp, err)
	}
}
