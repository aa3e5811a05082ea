package trace

import (
	"net/netip"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// FuzzReceive hands a session that has sent one probe of each flow and TTL any packet. It must not panic, and
// accept nothing that does not name one of them.
func FuzzReceive(f *testing.F) {
	for _, m := range []Method{UDP, ICMP, TCP} {
		s, sent := fuzzed(m, true)
		quote := packet.Header{Family: packet.IPv4, Src: netip.MustParseAddr("192.0.2.1"), Dst: sent[0].Addr, Proto: sent[0].Proto, ID: sent[0].ID}.Append(nil, sent[0].Data)
		f.Add(uint8(m), uint8(rawsock.Error), true, quote)
		f.Add(uint8(m), uint8(rawsock.Error), false, quote[:28])
		f.Add(uint8(m), uint8(rawsock.Message), true, sent[0].Data)
		f.Add(uint8(m), uint8(rawsock.Sent), true, sent[0].Data)
		_ = s
	}
	f.Fuzz(func(t *testing.T, method, kind uint8, raw bool, data []byte) {
		m := Method(method % uint8(len(methods)))
		s, sent := fuzzed(m, raw)
		p := rawsock.Packet{
			Kind: rawsock.Kind(kind % 3), Addr: sent[0].Addr, Data: data, Proto: sent[0].Proto,
			Stamp: rawsock.Stamp{Time: time.Unix(1, 0)},
		}
		if p.Kind == rawsock.Error {
			icmp, err := packet.ParseError(packet.IPv4, append([]byte{11, 0, 0, 0, 0, 0, 0, 0}, data...))
			if err != nil {
				return
			}
			if !raw {
				icmp.Quote.Header = packet.Header{Family: packet.IPv4, Dst: icmp.Quote.Header.Dst, Proto: icmp.Quote.Header.Proto}
			}
			p.ICMP, p.Data = icmp, icmp.Quote.Payload
		}
		s.receive(&p)
		answers := 0
		for _, e := range s.events {
			switch {
			case e.Kind == Answer && (e.TTL < 1 || e.TTL > window || e.Flow < 0 || e.Flow >= DefaultFlows):
				t.Fatalf("an answer to a probe that was not sent: %+v", e)
			case e.Kind == Answer:
				answers++
			}
		}
		if answers > 1 {
			t.Fatalf("%d answers in one packet", answers)
		}
	})
}

// fuzzed returns a session that has sent its first probes, and these.
func fuzzed(m Method, raw bool) (*session, []rawsock.Packet) {
	target := netip.MustParseAddr("198.51.100.1")
	targets := []netip.Addr{target}
	cfg := Config{Targets: Addrs(target), Method: m, Rate: -1}.filled()
	s := newSession(cfg, 0x1234567890abcdef, func() (netip.Addr, bool) {
		if len(targets) == 0 {
			return netip.Addr{}, false
		}
		targets = nil
		return target, true
	})
	s.raw = raw
	s.id.echoID[packet.IPv4] = 99
	s.route = func(netip.Addr) (netip.Addr, int, error) { return netip.MustParseAddr("192.0.2.1"), 1500, nil }
	now := time.Unix(0, 0)
	var sent []rawsock.Packet
	for _, p := range s.due(now, make([]*probe, 0, 100)) {
		sent = append(sent, p.packet(nil))
		p.sent = rawsock.Stamp{Time: now}
		p.target.sent(p)
	}
	return s, sent
}
