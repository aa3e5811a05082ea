package packet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// seed calls add with the header, the packet and the upper layer of each capture, and with
// their first halves.
func seed(f *testing.F, add func(h Header, ip, payload []byte)) {
	for _, frame := range captures(f) {
		ip := FindIP(frame)
		h, payload := unwrap(f, frame)
		add(h, ip, payload)
		add(h, ip[:len(ip)/2], payload[:len(payload)/2])
	}
}

func family(six bool) Family {
	if six {
		return IPv6
	}
	return IPv4
}

// known fails where err wraps neither of the package's errors.
func known(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, ErrShort) && !errors.Is(err, ErrInvalid) {
		t.Fatalf("error of no kind: %v", err)
	}
}

func FuzzParseIP(f *testing.F) {
	seed(f, func(_ Header, ip, payload []byte) {
		f.Add(ip)
		if len(payload) > 8 {
			f.Add(payload[8:]) // the quote of an error
		}
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseIP(b)
		known(t, err)
		payload := h.Payload(b)
		if h.HeaderLen > len(b) || len(payload) > len(b)-h.HeaderLen {
			t.Fatalf("header %+v of %d bytes", h, len(b))
		}
		if err != nil || h.Family == IPv6 && extensionLen(h.Proto, 0) != 0 {
			return // the latter: a later fragment, whose payload Append cannot tell from headers
		}
		again, err := ParseIP(h.Append(nil, payload))
		if err != nil {
			t.Fatalf("%+v does not parse again: %v", h, err)
		}
		if h.Family == IPv4 {
			again.Length = h.Length
			equal(t, "header", again, h)
		}
	})
}

func FuzzFindIP(f *testing.F) {
	for _, frame := range captures(f) {
		f.Add(frame)
		f.Add(frame[14:])
		f.Add(append([]byte{0x81, 0, 0, 1}, frame[12:]...))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		b := FindIP(frame)
		if b == nil {
			return
		}
		h, err := ParseIP(b)
		if h.Length != len(b) || !bytes.HasSuffix(frame, b) {
			t.Fatalf("found %d bytes, header %+v, %v", len(b), h, err)
		}
	})
}

func FuzzParseEcho(f *testing.F) {
	seed(f, func(h Header, _, payload []byte) { f.Add(h.Family == IPv6, payload, uint16(1), uint16(2)) })
	f.Fuzz(func(t *testing.T, six bool, b []byte, id, seq uint16) {
		fam := family(six)
		e, err := ParseEcho(fam, b)
		known(t, err)
		if err != nil {
			return
		}
		again := AppendEcho(nil, fam, e)
		if again[0] != b[0] || !bytes.Equal(again[4:], b[4:]) || fam == IPv4 && Checksum(again) != 0 {
			t.Fatalf("%+v appended again: %x", e, again)
		}
		e.ID, e.Seq = id, seq
		PatchEcho(fam, again, id, seq)
		if want := AppendEcho(nil, fam, e); !bytes.Equal(again, want) {
			t.Fatalf("patched: %x, want %x", again, want)
		}
	})
}

func FuzzParseError(f *testing.F) {
	seed(f, func(h Header, _, payload []byte) { f.Add(h.Family == IPv6, payload) })
	for _, fam := range []Family{IPv4, IPv6} {
		e := Error{Family: fam, Type: 3, Extensions: someExtensions()}
		f.Add(fam == IPv6, AppendError(nil, &e, probe(fam, 30)))
		f.Add(fam == IPv6, AppendError(nil, &e, probe(fam, 200)))
	}
	f.Fuzz(func(t *testing.T, six bool, b []byte) {
		fam := family(six)
		e, err := ParseError(fam, b)
		known(t, err)
		if (e == nil) != (err != nil) {
			t.Fatalf("%+v and %v", e, err)
		}
		if err != nil {
			return
		}
		if !IsError(fam, b[0]) || e.Class == 0 || e.Text() == "" || !e.Quote.Header.Dst.IsValid() ||
			e.Quote.Header.HeaderLen+len(e.Quote.Payload) > len(b) {
			t.Fatalf("%+v", e)
		}
		checkAppendedAgain(t, e)
	})
}

// checkAppendedAgain checks that the fields of e survive AppendError and ParseError.
func checkAppendedAgain(t *testing.T, e *Error) {
	t.Helper()
	again, err := ParseError(e.Family, AppendError(nil, e, probe(e.Family, 0)))
	if err != nil {
		t.Fatal(err)
	}
	again.Quote = e.Quote
	if len(e.Extensions.MPLS) > 16382 {
		return // several stacks that do not fit into one
	}
	equal(t, "appended again", *again, *e)
}

func FuzzQueuedError(f *testing.F) {
	for fam, echo := range map[Family]string{IPv4: queuedEcho4, IPv6: queuedEcho6} {
		place := map[Family]int{IPv4: 108, IPv6: 88}[fam]
		b := append(appendPadded(nil, unhex(f, echo), place), unhex(f, queuedExt)...)
		f.Add(fam == IPv6, uint8(11), uint8(0), uint32(0), uint8(1), b, place)
		f.Add(fam == IPv6, uint8(3), uint8(4), uint32(1400), uint8(17), b, 0)
	}
	f.Fuzz(func(t *testing.T, six bool, typ, code uint8, info uint32, proto uint8, b []byte, at int) {
		fam := family(six)
		e := QueuedError(fam, typ, code, info, far6, proto, b, at)
		if (e.Class != 0) != IsError(fam, typ) || e.Text() == "" || e.MTU < 0 || e.Pointer < 0 {
			t.Fatalf("%+v", e)
		}
		if q := e.Quote; q.Header.Dst != far6 || q.Header.Proto != proto || !bytes.HasPrefix(b, q.Payload) {
			t.Fatalf("%+v", q)
		}
		if e.Extensions.empty() {
			return
		}
		rest := b[len(e.Quote.Payload):]
		if rest[0]>>4 != 2 || binary.BigEndian.Uint16(rest[2:]) != 0 && Checksum(rest) != 0 {
			t.Fatalf("extensions from %x", rest)
		}
	})
}

func FuzzParseUDP(f *testing.F) {
	seed(f, func(_ Header, _, payload []byte) { f.Add(payload) })
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := ParseUDP(b)
		known(t, err)
		if err != nil {
			return
		}
		again := u.Append(nil, b[8:])
		if !bytes.Equal(again[:4], b[:4]) || int(uint16(len(b))) != int(binary.BigEndian.Uint16(again[4:])) {
			t.Fatalf("%+v appended again: %x", u, again)
		}
	})
}

func FuzzParseTCP(f *testing.F) {
	seed(f, func(_ Header, _, payload []byte) { f.Add(payload) })
	f.Fuzz(func(t *testing.T, b []byte) {
		tcp, err := ParseTCP(b)
		known(t, err)
		if err != nil || tcp.HeaderLen == 0 || tcp.HeaderLen > len(b) {
			return
		}
		again, err := ParseTCP(tcp.Append(nil, b[20:tcp.HeaderLen], nil))
		again.Checksum = tcp.Checksum
		if err != nil || again != tcp {
			t.Fatalf("%+v appended and parsed again: %+v, %v", tcp, again, err)
		}
	})
}

func FuzzChecksum(f *testing.F) {
	seed(f, func(h Header, _, payload []byte) { f.Add(h.Proto, payload) })
	f.Fuzz(func(t *testing.T, proto uint8, b []byte) {
		if got, want := Checksum(b), ^slowSum(b); got != want {
			t.Fatalf("%#04x, want %#04x", got, want)
		}
		before := bytes.Clone(b)
		SetChecksum(proto, host6, far6, b)
		changed := !bytes.Equal(before, b)
		if sum := TransportChecksum(proto, host6, far6, b); changed && sum != 0 {
			t.Fatalf("checksum over the result is %#04x", sum)
		}
	})
}
