package trace

import (
	"encoding/binary"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

const tcpHeaderLen = 20

// tcpOptions are those of an ordinary SYN: largest segment, selective acknowledgements, window scale; and padding, so
// that a SYN is as long as the other probes.
var tcpOptions = [20]byte{2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7}

// A TCP probe is a SYN. Its flow is the source port; which probe of it says the sequence
// number, which is within the 8 bytes that every router quotes, and which the
// destination acknowledges.
type tcp struct{}

func (tcp) name() string                 { return "tcp" }
func (tcp) length(ip, size int) int      { return max(size, ip+tcpHeaderLen+len(tcpOptions)) }
func (tcp) port() int                    { return DefaultTCPPort }
func (tcp) proto(packet.Family) uint8    { return packet.ProtoTCP }
func (tcp) reached(e *packet.Error) bool { return atPort(e) }

func (tcp) append(id *identity, b []byte, p *probe) ([]byte, uint16) {
	start := len(b)
	h := packet.TCP{
		SrcPort: id.port(p.flow), DstPort: p.target.port(p.method),
		Seq: id.sequence(p.wire), Flags: packet.SYN, Window: 64240,
	}
	b = h.Append(b, tcpOptions[:], make([]byte, p.data(tcpHeaderLen+len(tcpOptions))))
	packet.SetChecksum(packet.ProtoTCP, p.target.source, p.dst(), b[start:])
	return b, binary.BigEndian.Uint16(b[start+16:])
}

func (tcp) quoted(s *session, q *packet.Quote) claim {
	h, err := packet.ParseTCP(q.Payload)
	if err != nil {
		return claim{}
	}
	t := s.target(q.Header.Dst)
	_, known := s.id.flowOf(h.SrcPort)
	n, ok := s.id.parseSequence(h.Seq)
	switch {
	case ok && t != nil && h.DstPort == t.port(TCP):
		return s.claimed(n, TCP)
	case known && t != nil && h.DstPort == t.port(TCP):
		return claim{verdict: foreign, note: "it quotes a segment that was not sent"}
	}
	return claim{}
}

func (tcp) reply(s *session, p *rawsock.Packet) claim {
	h, err := packet.ParseTCP(p.Data)
	if err != nil {
		return claim{}
	}
	flow, known := s.id.flowOf(h.DstPort)
	if !known {
		return claim{}
	}
	t := s.target(p.Addr)
	n, ok := s.id.parseSequence(h.Ack - 1)
	if data := (tcp{}).length(0, s.cfg.Size-ipHeaderLen(packet.FamilyOf(p.Addr))) - tcpHeaderLen - len(tcpOptions); !ok && data > 0 {
		n, ok = s.id.parseSequence(h.Ack - 1 - uint32(data)) // a closed port acknowledges the data, too
	}
	ok = ok && h.Flags&packet.ACK != 0
	if c := s.claimed(n, TCP); ok && c.probe != nil && c.probe.target.ended {
		return claim{}
	}
	switch {
	case t == nil || h.SrcPort != t.port(TCP):
		return claim{verdict: foreign, note: "it comes from elsewhere"}
	case ok && h.Flags&(packet.SYN|packet.RST) != 0:
		return s.claimed(n, TCP)
	case ok:
		// A challenge (RFC 5961 section 4): it acknowledges the first SYN, whichever it answers.
		return claim{verdict: ambiguous, target: t, flow: flow}
	case h.Flags&packet.RST != 0 && h.Flags&packet.ACK == 0:
		return s.claimedByFlow(t, TCP, flow)
	}
	return claim{verdict: foreign, note: "it acknowledges what was not sent"}
}
