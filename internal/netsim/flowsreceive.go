package netsim

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// dueResets takes those resets out of the queue that are due, in order.
func (n *Network) dueResets(now time.Time) []Delivery {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.resets) == 0 {
		return nil
	}
	slices.SortStableFunc(n.resets, func(a, b Delivery) int { return a.At.Compare(b.At) })
	count, _ := slices.BinarySearchFunc(n.resets, now, func(r Delivery, now time.Time) int {
		return cmp.Or(r.At.Compare(now), -1)
	})
	due := slices.Clone(n.resets[:count])
	n.resets = slices.Delete(n.resets, 0, count)
	return due
}

// takeSegment makes p of a UDP datagram or a TCP segment, if it is for a port of c.
func (c *Conn) takeSegment(p *rawsock.Packet, h *packet.Header, segment []byte) (*syn, bool) {
	isTCP := h.Proto == packet.ProtoTCP
	if !isTCP && h.Proto != packet.ProtoUDP || isTCP && len(segment) < smallestTCP {
		return nil, false
	}
	port := binary.BigEndian.Uint16(segment[2:])
	if !c.inRange(port) {
		return nil, false
	}
	p.Proto, p.Data = h.Proto, segment
	switch {
	case c.config.Raw:
		return nil, true
	case isTCP:
		return c.takeConnected(p, h, segment)
	}
	c.flows.mu.Lock()
	_, open := c.flows.udp[port]
	c.flows.mu.Unlock()
	if !open {
		return nil, false
	}
	p.Data = slices.Clone(segment)
	clear(p.Data[6:8])
	return nil, true
}

// takeConnected makes p of the segment that answers a SYN, as far as connect tells of it.
func (c *Conn) takeConnected(p *rawsock.Packet, h *packet.Header, segment []byte) (*syn, bool) {
	t, err := packet.ParseTCP(segment)
	if err != nil || t.Flags&packet.ACK == 0 || t.Flags&(packet.SYN|packet.RST) == 0 {
		return nil, false
	}
	s := c.flows.socket(netip.AddrPortFrom(h.Dst, t.DstPort), netip.AddrPortFrom(h.Src, t.SrcPort))
	if s == nil || t.Ack != s.wire+1 {
		return nil, false
	}
	told := packet.TCP{
		SrcPort: t.SrcPort, DstPort: t.DstPort, Ack: s.given + 1,
		Flags: t.Flags & (packet.SYN | packet.RST | packet.ACK),
	}
	p.Data = told.Append(nil, nil, nil)
	p.TTL, p.TOS = 0, 0
	return s, true
}

// socket returns the TCP socket that connects from local to remote, or nil.
func (f *flows) socket(local, remote netip.AddrPort) *syn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tcp[fourTuple{local, remote}]
}

// takeFlowError makes p of an ICMP error, if that is about a packet of c.
func (c *Conn) takeFlowError(p *rawsock.Packet, f packet.Family, message []byte) (*syn, bool) {
	e, err := packet.ParseError(f, message)
	if err != nil {
		return nil, false
	}
	p.Kind, p.ICMP, p.Data, p.Proto = rawsock.Error, e, e.Quote.Payload, e.Quote.Header.Proto
	if c.config.Raw {
		return nil, c.isAbout(e)
	}
	if len(p.Data) < packet.EchoHeaderLen {
		return nil, false // the kernel does not look at less
	}
	switch e.Quote.Header.Proto {
	case f.ICMPProto():
		return nil, !c.config.NoPing && c.takeError(p, f, message)
	case packet.ProtoUDP:
		return nil, c.takeUDPError(p, e, message)
	case packet.ProtoTCP:
		return c.takeTCPError(p, e, message)
	}
	return nil, false
}

// isAbout reports whether e may be about a packet of this raw socket: by the source port or
// identifier, or, since address translation may have changed that, by where it went.
func (c *Conn) isAbout(e *packet.Error) bool {
	h, payload := e.Quote.Header, e.Quote.Payload
	switch h.Proto {
	case packet.ProtoUDP, packet.ProtoTCP:
		if src, _, ok := portsOf(&h, payload); ok && c.inRange(src) {
			return true
		}
	case e.Family.ICMPProto():
		if echo, err := packet.ParseEcho(e.Family, payload); err == nil && !echo.Reply && echo.ID == c.config.ID {
			return true
		}
	default:
		return false
	}
	c.flows.mu.Lock()
	defer c.flows.mu.Unlock()
	_, ok := c.flows.sentTo[h.Dst]
	return ok
}

// isTold reports whether Linux tells a UDP or TCP socket of errors of this class.
func isTold(class packet.Class) bool {
	return class != packet.Redirect && class != packet.SourceQuench
}

// takeUDPError makes p of what is left of e in the error queue of a UDP socket. The kernel
// finds that by the source port alone, as it is not connected.
func (c *Conn) takeUDPError(p *rawsock.Packet, e *packet.Error, message []byte) bool {
	quoted := e.Quote
	src, dst, ok := portsOf(&quoted.Header, quoted.Payload)
	if !ok || !c.inRange(src) || !isTold(e.Class) {
		return false
	}
	if bound := c.config.Source; packet.FamilyOf(bound) == e.Family && bound.Unmap().WithZone("") != quoted.Header.Src {
		return false
	}
	c.flows.mu.Lock()
	_, open := c.flows.udp[src]
	c.flows.mu.Unlock()
	if !open {
		return false
	}
	p.ICMP = queued(e, message, packet.EchoHeaderLen)
	header := packet.UDP{SrcPort: src, DstPort: dst}.Append(nil, nil)
	clear(header[4:6])
	p.ICMP.Quote.Payload = append(header, p.ICMP.Quote.Payload...)
	p.Data = p.ICMP.Quote.Payload
	return true
}

// takeTCPError makes p of what is left of e in the error queue of the TCP socket that it is
// about: that of the four ports and addresses, and of the sequence number.
func (c *Conn) takeTCPError(p *rawsock.Packet, e *packet.Error, message []byte) (*syn, bool) {
	h := e.Quote.Header
	t, err := packet.ParseTCP(e.Quote.Payload)
	if err != nil || !c.inRange(t.SrcPort) || !isTold(e.Class) || e.Class == packet.TooBig {
		return nil, false
	}
	s := c.flows.socket(netip.AddrPortFrom(h.Src, t.SrcPort), netip.AddrPortFrom(h.Dst, t.DstPort))
	if s == nil || t.Seq != s.wire {
		return nil, false
	}
	p.ICMP = queued(e, message, 0)
	p.ICMP.Quote.Payload = slices.Clone(p.ICMP.Quote.Payload)
	binary.BigEndian.PutUint32(p.ICMP.Quote.Payload[4:], s.given)
	p.Data = p.ICMP.Quote.Payload
	return s, true
}
