package rawsock

import "github.com/netdiag/netdiag/internal/packet"

// isOurs makes the best of a message as a socket delivers it: it strips an IPv4 header, looks at the
// checksum where the kernel has not (raw: on IPv4), and takes an ICMP error apart. It reports whether the message is
// an echo reply with the identifier id, or an error about such a request.
func (p *Packet) isOurs(f packet.Family, id uint16, raw bool) bool {
	if f == packet.IPv4 && len(p.Data) > 0 && p.Data[0]>>4 == 4 {
		h, err := packet.ParseIP(p.Data)
		if err != nil || h.FragOffset != 0 {
			return false
		}
		p.TTL, p.TOS = int(h.TTL), int(h.TOS)
		p.Data = h.Payload(p.Data)
	}
	if len(p.Data) < packet.EchoHeaderLen {
		return false
	}
	p.BadChecksum = f == packet.IPv4 && raw && !p.Truncated && packet.Checksum(p.Data) != 0
	if !packet.IsError(f, p.Data[0]) {
		e, err := packet.ParseEcho(f, p.Data)
		return err == nil && e.Reply && e.ID == id
	}
	icmp, err := packet.ParseError(f, p.Data)
	if err != nil || p.BadChecksum {
		return false
	}
	e, err := packet.ParseEcho(f, icmp.Quote.Payload)
	if err != nil || e.Reply || e.ID != id {
		return false
	}
	p.Kind, p.ICMP, p.Data = Error, icmp, icmp.Quote.Payload
	return true
}
