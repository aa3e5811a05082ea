package rawsock

import (
	"encoding/binary"
	"net/netip"
	"sync"

	"github.com/netdiag/netdiag/internal/packet"
)

// isOurs makes the best of a message as an ICMP socket delivers it: it strips an IPv4 header, looks at the
// checksum where the kernel has not (raw: on IPv4), and takes an ICMP error apart. It reports whether the message is
// an echo reply with the identifier id, or an error about such a request.
func (p *Packet) isOurs(f packet.Family, id uint16, raw bool) bool {
	return p.isICMP(f, id, raw, func(q *packet.Quote) bool { return quotesEcho(f, q, id) })
}

// isICMP is isOurs with errors about whatever packets the given function knows.
func (p *Packet) isICMP(f packet.Family, id uint16, raw bool, known func(*packet.Quote) bool) bool {
	if !p.strip(f) || len(p.Data) < packet.EchoHeaderLen {
		return false
	}
	p.BadChecksum = f == packet.IPv4 && raw && !p.Truncated && packet.Checksum(p.Data) != 0
	if !packet.IsError(f, p.Data[0]) {
		e, err := packet.ParseEcho(f, p.Data)
		return err == nil && e.Reply && e.ID == id
	}
	icmp, err := packet.ParseError(f, p.Data)
	if err != nil || p.BadChecksum || !known(&icmp.Quote) {
		return false
	}
	p.Kind, p.ICMP, p.Data = Error, icmp, icmp.Quote.Payload
	return true
}

// strip takes what an IPv4 header says out of p, if p begins with one, and that header off.
func (p *Packet) strip(f packet.Family) bool {
	if f != packet.IPv4 || len(p.Data) == 0 || p.Data[0]>>4 != 4 {
		return true
	}
	h, err := packet.ParseIP(p.Data)
	if err != nil || h.FragOffset != 0 {
		return false
	}
	p.Local, p.TTL, p.TOS = h.Dst, int(h.TTL), int(h.TOS)
	p.Data = h.Payload(p.Data)
	return true
}

// quotesEcho reports whether an ICMP error quotes an echo request with the identifier id.
func quotesEcho(f packet.Family, q *packet.Quote, id uint16) bool {
	e, err := packet.ParseEcho(f, q.Payload)
	return err == nil && !e.Reply && e.ID == id
}

// protocol is that of p's data, 0 where it is none that a Conn of many flows sends.
func (p *Packet) protocol(f packet.Family) uint8 {
	switch p.Proto {
	case packet.ProtoUDP, packet.ProtoTCP:
		return p.Proto
	case 0, packet.ProtoICMP, packet.ProtoICMPv6:
		return f.ICMPProto()
	}
	return 0
}

// smallest is the length of the shortest upper layer of a protocol: its header.
func smallest(proto uint8) int {
	if proto == packet.ProtoTCP {
		return 20
	}
	return packet.EchoHeaderLen // as long as UDP's
}

// origin knows, of a Conn of many flows on raw sockets, what packets it sends in one family.
type origin struct {
	family      packet.Family
	first, last uint16 // source ports, both included
	id          uint16 // of echo requests

	mu sync.Mutex
	// recent and older are where packets were sent to: the last mostDestinations at least.
	recent, older map[netip.Addr]struct{}
}

// mostDestinations is how many destinations a generation of them has.
const mostDestinations = 1 << 14

// sentTo remembers a destination.
func (o *origin) sentTo(a netip.Addr) {
	a = a.Unmap().WithZone("")
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.recent[a]; ok {
		return
	}
	if o.recent == nil || len(o.recent) >= mostDestinations {
		o.recent, o.older = make(map[netip.Addr]struct{}), o.recent
	}
	o.recent[a] = struct{}{}
}

// isDestination reports whether packets were sent to a.
func (o *origin) isDestination(a netip.Addr) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, recent := o.recent[a]
	_, older := o.older[a]
	return recent || older
}

// isOurs makes the best of what a raw socket of the protocol proto delivers, and reports whether it is for us.
func (o *origin) isOurs(p *Packet, proto uint8) bool {
	if p.Proto = proto; proto != o.family.ICMPProto() {
		return p.strip(o.family) && len(p.Data) >= smallest(proto) && o.isPort(p.Data[2:])
	}
	if !p.isICMP(o.family, o.id, true, o.quotes) {
		return false
	}
	if p.Kind == Error {
		p.Proto = p.ICMP.Quote.Header.Proto
	}
	return true
}

// isPort reports whether b begins with one of the ports.
func (o *origin) isPort(b []byte) bool {
	port := binary.BigEndian.Uint16(b)
	return o.first <= port && port <= o.last
}

// quotes reports whether an ICMP error quotes a packet from our ports or with our identifier or, as on the
// way those may have been rewritten, to where we sent some.
func (o *origin) quotes(q *packet.Quote) bool {
	switch q.Header.Proto {
	case packet.ProtoUDP, packet.ProtoTCP:
		if len(q.Payload) >= 2 && o.isPort(q.Payload) {
			return true
		}
	case o.family.ICMPProto():
		if quotesEcho(o.family, q, o.id) {
			return true
		}
	default:
		return false
	}
	return o.isDestination(q.Header.Dst)
}
