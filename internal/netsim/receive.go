package netsim

import (
	"encoding/binary"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// arrive takes what the network delivers to the vantage, if this socket is to have it.
func (c *Conn) arrive(d Delivery) {
	h, err := packet.ParseIP(d.Packet)
	if err != nil || h.Length < h.HeaderLen || h.Length > len(d.Packet) || h.FragOffset > 0 {
		return
	}
	message := h.Payload(d.Packet)
	if len(message) < packet.EchoHeaderLen {
		return
	}
	p := rawsock.Packet{Addr: h.Src, Local: h.Dst, TTL: int(h.TTL), TOS: int(h.TOS)}
	if !c.sum(&p, &h, message) {
		return
	}
	if h.Src.IsLinkLocalUnicast() && h.Family == packet.IPv6 {
		p.Addr = h.Src.WithZone(c.inbox.linkZone())
	}
	answered, ok := c.take(&p, &h, message)
	if !ok {
		return
	}
	// A reset that answers connect has no stamp.
	isReset := answered != nil && p.Kind == rawsock.Message && packet.TCPFlags(p.Data[13])&packet.RST != 0
	if len(p.Data) > c.config.MessageSize {
		p.Data, p.Truncated = p.Data[:c.config.MessageSize], true
	}
	if c.config.Stamps && !isReset {
		p.Stamp.Kernel = d.At.Round(0)
	}
	c.inbox.add(d.At, p, answered)
}

// sum looks at the checksum of message, whose header is h, and reports whether the kernel lets it in.
// For raw sockets it looks at that of ICMP of IPv6 only.
func (c *Conn) sum(p *rawsock.Packet, h *packet.Header, message []byte) bool {
	isICMP := h.Proto == h.Family.ICMPProto()
	if c.config.Raw && !isICMP {
		return true
	}
	unsummed := h.Proto == packet.ProtoUDP && message[6] == 0 && message[7] == 0 && h.Family == packet.IPv4
	if unsummed || packet.TransportChecksum(h.Proto, h.Src, h.Dst, message) == 0 {
		return true
	}
	p.BadChecksum = c.config.Raw && h.Family == packet.IPv4
	return p.BadChecksum
}

// take makes p of message, whose header is h, if this socket is to have it. Where it answers a
// SYN to which only one answer is heard, answered is that.
func (c *Conn) take(p *rawsock.Packet, h *packet.Header, message []byte) (answered *syn, ok bool) {
	switch {
	case h.Proto != h.Family.ICMPProto():
		if !c.config.Flows {
			return nil, false
		}
		return c.takeSegment(p, h, message)
	case packet.IsError(h.Family, message[0]):
		if p.BadChecksum {
			return nil, false // nobody can say what it is about
		}
		if c.config.Flows {
			return c.takeFlowError(p, h.Family, message)
		}
		return nil, c.takeError(p, h.Family, message)
	}
	e, err := packet.ParseEcho(h.Family, message)
	if err != nil || !e.Reply || e.ID != c.config.ID || c.withoutPing() {
		return nil, false
	}
	p.Data = message
	if c.config.Flows {
		p.Proto = h.Proto
	}
	return nil, true
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
		p.ICMP = queued(e, message, 0)
	}
	p.Data = p.ICMP.Quote.Payload
	return true
}

// queued returns what is left of the error e, which message holds, in the error queue of a
// socket that did not send skip bytes of the upper layer's header itself.
func queued(e *packet.Error, message []byte, skip int) *packet.Error {
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
	payload, extension := e.Quote.Payload[min(skip, len(e.Quote.Payload)):], 0
	if start := packet.EchoHeaderLen + quoted.HeaderLen + skip; e.Class != packet.Redirect && start <= len(message) {
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
