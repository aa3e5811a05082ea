package trace

import (
	"encoding/binary"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// An ICMP probe is an echo request. Load balancers hash the first four bytes behind the IP header, where
// ICMP has type, code and checksum: so its flow is the checksum, which a word in the data makes come out the
// same for all sequence numbers. The sequence number says which probe it is.
type icmp struct{}

func (icmp) name() string                { return "icmp" }
func (icmp) length(ip, size int) int     { return max(size, ip+packet.EchoHeaderLen+smallest) }
func (icmp) port() int                   { return 0 }
func (icmp) proto(f packet.Family) uint8 { return f.ICMPProto() }
func (icmp) reached(*packet.Error) bool  { return false }

func (icmp) append(id *identity, b []byte, p *probe) ([]byte, uint16) {
	f := p.target.family
	data := make([]byte, p.data(packet.EchoHeaderLen))
	binary.BigEndian.PutUint64(data, id.token(p.wire))
	start := len(b)
	b = packet.AppendEcho(b, f, packet.Echo{ID: id.echoID[f], Seq: p.wire, Data: data})
	want := id.checksum(p.flow)
	message := b[start:]
	binary.BigEndian.PutUint16(message[2:], want)
	// The checksum over all of it, with the wanted one in its field, is what is missing.
	missing := packet.TransportChecksum(f.ICMPProto(), p.target.source, p.dst(), message)
	binary.BigEndian.PutUint16(message[packet.EchoHeaderLen+8:], missing)
	return b, want
}

func (icmp) quoted(s *session, q *packet.Quote) claim {
	e, err := packet.ParseEcho(q.Header.Family, q.Payload)
	if err != nil || e.Reply {
		return claim{}
	}
	if len(e.Data) >= 8 {
		if n, ok := s.id.parseToken(binary.BigEndian.Uint64(e.Data)); ok && n == e.Seq {
			return s.claimed(n, ICMP)
		}
	}
	t := s.target(q.Header.Dst)
	if t == nil || e.ID != s.id.echoID[q.Header.Family] {
		return claim{}
	}
	c := s.claimed(e.Seq, ICMP)
	if c.probe == nil || !c.probe.wentTo(q.Header.Dst) || len(e.Data) >= 8 && binary.BigEndian.Uint64(e.Data) != 0 {
		return claim{verdict: foreign, probe: c.probe, note: "it quotes another's echo request"}
	}
	if sum := binary.BigEndian.Uint16(q.Payload[2:]); sum != c.probe.sum {
		return claim{verdict: foreign, probe: c.probe, note: "it quotes an echo request that was not sent"}
	}
	return c
}

func (icmp) reply(s *session, p *rawsock.Packet) claim {
	f := packet.FamilyOf(p.Addr)
	e, err := packet.ParseEcho(f, p.Data)
	if err != nil || !e.Reply || e.ID != s.id.echoID[f] {
		return claim{}
	}
	var token uint64
	if len(e.Data) >= 8 {
		token = binary.BigEndian.Uint64(e.Data)
	}
	n, ok := s.id.parseToken(token)
	if !ok || n != e.Seq || p.BadChecksum {
		return claim{verdict: foreign, note: "its data is not what was sent"}
	}
	c := s.claimed(n, ICMP)
	if c.probe != nil && !c.probe.wentTo(p.Addr) {
		return claim{verdict: foreign, probe: c.probe, note: "it comes from elsewhere"}
	}
	return c
}
