package probe

import (
	"bytes"
	"encoding/binary"
	"slices"

	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// TestDatagrams sends three, at a quarter and at half of the timeout, until there is an answer.
func TestDatagrams(t *testing.T) {
	for _, c := range []struct {
		name  string
		reply reply
		state State
		sends []time.Duration
		end   time.Duration
	}{
		{"silent", silent, Filtered, []time.Duration{time.Second, 2 * time.Second}, 4 * time.Second},
		{"answer", reply{after: ms, connect: true, rtt: ms, answer: []byte("x")}, Open, nil, ms},
		{"late", reply{after: 1500 * ms, connect: true}, Open, []time.Duration{time.Second}, 1500 * ms},
		{"closed", closes, Closed, nil, ms},
	} {
		w := always(c.reply)
		h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", 53)), UDP: true, Timeout: 4 * time.Second})
		e := h.events[0]
		if e.State != c.state || !e.UDP || !slices.Equal(w.sends, c.sends) || h.took != c.end || !bytes.Equal(e.Answer, c.reply.answer) {
			t.Errorf("%s: %+v, sent again at %v, took %v", c.name, e, w.sends, h.took)
		}
	}
}

// TestPayload has valid requests for some ports and nothing for the others.
func TestPayload(t *testing.T) {
	for port, name := range map[uint16]string{53: ".", 5353: "_services._dns-sd._udp.local."} {
		var m dnsmessage.Message
		if err := m.Unpack(Payload(port)); err != nil {
			t.Fatal(err)
		}
		if len(m.Questions) != 1 || m.Questions[0].Name.String() != name || m.Response || m.RecursionDesired != (port == 53) {
			t.Errorf("%d: %+v", port, m)
		}
	}
	if b := Payload(123); len(b) != 48 || b[0] != 0x23 || slices.ContainsFunc(b[1:], func(b byte) bool { return b != 0 }) {
		t.Errorf("NTP: %x", b)
	}
	if b := Payload(3478); len(b) != 20 || binary.BigEndian.Uint32(b) != 0x00010000 || binary.BigEndian.Uint32(b[4:]) != 0x2112A442 {
		t.Errorf("STUN: %x", b)
	}
	for _, port := range []uint16{1, 80, 161, 7777, 65535} {
		if b := Payload(port); len(b) != 0 {
			t.Errorf("%d: %x", port, b)
		}
	}
}
