package trace

import (
	"encoding/binary"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

const udpHeaderLen = 8

// A UDP probe goes to a port where nobody should listen. Its flow is the source port; which
// probe of the flow it is says the token in the payload and, where routers quote no more than
// 8 bytes (RFC 792), on IPv4 the identification, on IPv6 the checksum, which follows from the token.
type udp struct{}

func (udp) name() string              { return "udp" }
func (udp) length(ip, size int) int   { return max(size, ip+udpHeaderLen+smallest) }
func (udp) port() int                 { return DefaultUDPPort }
func (udp) proto(packet.Family) uint8 { return packet.ProtoUDP }

func (udp) append(id *identity, b []byte, p *probe) ([]byte, uint16) {
	start := len(b)
	b = packet.UDP{SrcPort: id.port(p.flow), DstPort: p.target.port(p.method)}.Append(b, make([]byte, p.data(udpHeaderLen)))
	binary.BigEndian.PutUint64(b[start+udpHeaderLen:], id.token(p.wire))
	packet.SetChecksum(packet.ProtoUDP, p.target.source, p.dst(), b[start:])
	return b, binary.BigEndian.Uint16(b[start+6:])
}

func (udp) quoted(s *session, q *packet.Quote) claim {
	h, err := packet.ParseUDP(q.Payload)
	if err != nil {
		return claim{}
	}
	t := s.target(q.Header.Dst)
	ours := t != nil && h.DstPort == t.port(UDP)
	if len(q.Payload) >= udpHeaderLen+8 {
		token := binary.BigEndian.Uint64(q.Payload[udpHeaderLen:])
		if n, ok := s.id.parseToken(token); ok {
			return s.claimed(n, UDP)
		}
		if ours && token != 0 { // zeros may be padding (RFC 4884 section 5)
			return claim{verdict: foreign, note: "it quotes another's datagram"}
		}
	}
	if !ours {
		return claim{}
	}
	flow, known := s.id.flowOf(h.SrcPort)
	if q.Header.HeaderLen == 0 { // the kernel keeps the quoted header to itself
		if !known {
			return claim{}
		}
		return s.claimedByFlow(t, UDP, flow)
	}
	return shortUDP(s, t, q, h)
}

// shortUDP recognises a probe of which no payload is quoted.
func shortUDP(s *session, t *target, q *packet.Quote, h packet.UDP) claim {
	odd := claim{verdict: foreign, note: "it quotes a datagram that was not sent"}
	flow, known := s.id.flowOf(h.SrcPort)
	if q.Header.Family == packet.IPv6 {
		for p := range s.of(t, flow) {
			if known && p.method == UDP && p.sum == h.Checksum {
				return s.claimed(p.wire, UDP)
			}
		}
		return odd
	}
	c := s.claimed(q.Header.ID, UDP)
	p := c.probe
	switch {
	case p == nil || !p.wentTo(q.Header.Dst):
		return odd
	case h.SrcPort != s.id.port(p.flow) && h.Checksum != p.sum:
		odd.probe = p
		return odd
	}
	return c
}

func (udp) reply(s *session, p *rawsock.Packet) claim {
	h, err := packet.ParseUDP(p.Data)
	if err != nil {
		return claim{}
	}
	flow, known := s.id.flowOf(h.DstPort)
	t := s.target(p.Addr)
	if !known {
		return claim{}
	}
	if t == nil || h.SrcPort != t.port(UDP) {
		return claim{verdict: foreign, note: "it comes from elsewhere"}
	}
	if len(p.Data) >= udpHeaderLen+8 { // an echo service sends back what it got
		if n, ok := s.id.parseToken(binary.BigEndian.Uint64(p.Data[udpHeaderLen:])); ok {
			return s.claimed(n, UDP)
		}
	}
	return s.claimedByFlow(t, UDP, flow)
}

func (udp) reached(e *packet.Error) bool { return atPort(e) }

// atPort holds for port and protocol unreachable, which say that the packet was at its end.
func atPort(e *packet.Error) bool {
	if e.Family == packet.IPv6 {
		return e.Class == packet.Unreachable && e.Code == 4 || unknownNextHeader(e)
	}
	return e.Class == packet.Unreachable && (e.Code == 2 || e.Code == 3)
}

// unknownNextHeader is what IPv6 has for protocol unreachable (RFC 4443 section 3.4).
func unknownNextHeader(e *packet.Error) bool {
	return e.Family == packet.IPv6 && e.Class == packet.Parameter && e.Code == 1
}
