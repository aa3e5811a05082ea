package rawsock

import (
	"net/netip"
	"time"
	"unsafe"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// decode makes p of the i-th message received in l. It is false for what is not ours, or
// not to be understood.
func (s *socket) decode(l *lane, p *Packet, i int, now time.Time) bool {
	h := &l.hdrs[i]
	c := parseControl(l.control[i][:h.hdr.Controllen])
	from, scope := addrOf(&l.names[i])
	*p = Packet{
		Addr:      s.zoned(from, int(scope)),
		Local:     c.local,
		Interface: c.ifindex,
		TTL:       c.ttl,
		TOS:       c.tos,
		Data:      l.data[i][:h.n],
		Truncated: h.hdr.Flags&unix.MSG_TRUNC != 0,
		Stamp:     Stamp{Time: now, Kernel: c.stamp},
	}
	switch {
	case c.queued || h.hdr.Flags&unix.MSG_ERRQUEUE != 0:
		return s.decodeQueued(p, &c)
	case s.raw: // its filter let in what could not be ruled out in the kernel
		return p.isOurs(s.family, s.id, true)
	}
	return len(p.Data) >= packet.EchoHeaderLen
}

// decodeQueued takes apart what the error queue holds: ICMP errors, the kernel's send
// stamps with the packet they are of, and errors of this machine, which the send has told already.
func (s *socket) decodeQueued(p *Packet, c *control) bool {
	switch c.extended.Origin {
	case unix.SO_EE_ORIGIN_ICMP, unix.SO_EE_ORIGIN_ICMP6:
		if s.raw {
			return false // it comes by the socket too, with the whole quote
		}
		extension := int(*(*uint16)(unsafe.Pointer(&c.extended.Data)))
		p.ICMP = packet.QueuedError(s.family, c.extended.Type, c.extended.Code, c.extended.Info,
			p.Addr, s.family.ICMPProto(), p.Data, extension)
		p.Kind, p.Addr, p.Data = Error, s.zoned(c.offender, int(c.offenderIf)), p.ICMP.Quote.Payload
		return true
	case unix.SO_EE_ORIGIN_TIMESTAMPING:
		ip := packet.FindIP(p.Data)
		h, err := packet.ParseIP(ip)
		if err != nil {
			return false
		}
		p.Kind, p.Addr, p.Data = Sent, h.Dst, h.Payload(ip)
		return true
	}
	return false
}

// zoned gives a link-local address the name of the interface it belongs to.
func (s *socket) zoned(a netip.Addr, ifindex int) netip.Addr {
	if ifindex == 0 || !a.Is6() || !(a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast()) {
		return a
	}
	name, ok := s.zones[ifindex]
	if !ok {
		name = zoneName(ifindex)
		s.zones[ifindex] = name
	}
	return a.WithZone(name)
}
