package netsim

import (
	"encoding/binary"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// arrive takes what the network delivers to the vantage, if this socket is to have it.
func (c *Conn) arrive(d Delivery) {
	h, err := packet.ParseIP(d.Packet)
	if err != nil || h.Length < h.HeaderLen || h.Length > len(d.Packet) || h.Proto != h.Family.ICMPProto() || h.FragOffset > 0 {
		return
	}
	message := h.Payload(d.Packet)
	if len(message) < packet.EchoHeaderLen {
		return
	}
	p := rawsock.Packet{Addr: h.Src, Local: h.Dst, TTL: int(h.TTL), TOS: int(h.TOS)}
	p.BadChecksum = packet.TransportChecksum(h.Proto, h.Src, h.Dst, message) != 0
	if p.BadChecksum && (!c.config.Raw || h.Family == packet.IPv6) {
		return // on IPv6 the kernel checks for raw sockets too
	}
	if h.Src.IsLinkLocalUnicast() && h.Family == packet.IPv6 {
		p.Addr = h.Src.WithZone(c.inbox.linkZone())
	}
	if packet.IsError(h.Family, message[0]) {
		if !c.takeError(&p, h.Family, message) {
			return
		}
	} else {
		e, err := packet.ParseEcho(h.Family, message)
		if err != nil || !e.Reply || e.ID != c.config.ID {
			return
		}
		p.Data = message
	}
	if len(p.Data) > c.config.MessageSize {
		p.Data, p.Truncated = p.Data[:c.config.MessageSize], true
	}
	if c.config.Stamps {
		p.Stamp.Kernel = d.At.Round(0)
	}
	c.inbox.add(d.At, p)
}

// takeError makes p of an ICMP error, if that is about an echo request of this socket. A
// raw socket sees the message; a ping socket what the kernel keeps of it in the error
// queue.
func (c *Conn) takeError(p *rawsock.Packet, f packet.Family, message []byte) bool {
	e, err := packet.ParseError(f, message)
	if err != nil || e.Quote.Header.Proto != f.ICMPProto() {
		return false
	}
	request, err := packet.ParseEcho(f, e.Quote.Payload)
	if err != nil || request.Reply || request.ID != c.config.ID {
		return false
	}
	p.Kind = rawsock.Error
	p.ICMP = e
	if !c.config.Raw {
		p.ICMP = queued(e, message)
	}
	p.Data = p.ICMP.Quote.Payload
	return true
}

// queued returns what is left of the error e, which message holds, in a ping socket's
// error queue.
func queued(e *packet.Error, message []byte) *packet.Error {
	var info uint32
	switch e.Class {
	case packet.TooBig:
		info = uint32(e.MTU)
	case packet.Parameter:
		info = uint32(e.Pointer)
	case packet.Redirect:
		if gateway := e.Gateway.Unmap(); gateway.Is4() {
			b := gateway.As4()
			info = binary.BigEndian.Uint32(b[:])
		}
	}
	quoted := e.Quote.Header
	payload, extension := e.Quote.Payload, 0
	if start := packet.EchoHeaderLen + quoted.HeaderLen; e.Class != packet.Redirect && start <= len(message) {
		payload = message[start:] // with all that follows the quote
		extension = extensionAt(e.Family, message) - start
	}
	return packet.QueuedError(e.Family, e.Type, e.Code, info, quoted.Dst, quoted.Proto, payload, extension)
}

// extensionAt returns where in an ICMP error the extension structure begins by its length
// attribute (RFC 4884 section 3), or 0.
func extensionAt(f packet.Family, message []byte) int {
	quoted := int(message[5]) * 4
	if f == packet.IPv6 {
		quoted = int(message[4]) * 8
	}
	if quoted == 0 || packet.EchoHeaderLen+quoted >= len(message) {
		return 0
	}
	return packet.EchoHeaderLen + quoted
}
