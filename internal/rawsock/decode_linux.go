package rawsock

import (
	"encoding/binary"
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
		Proto:     s.proto,
		Data:      l.data[i][:h.n],
		Truncated: h.hdr.Flags&unix.MSG_TRUNC != 0,
		Stamp:     Stamp{Time: now, Kernel: c.stamp},
	}
	switch {
	case c.queued || h.hdr.Flags&unix.MSG_ERRQUEUE != 0:
		return s.decodeQueued(p, &c, portOf(&l.names[i]))
	case s.origin != nil:
		return s.origin.isOurs(p, s.proto)
	case s.proto == packet.ProtoUDP:
		p.Data = packet.UDP{SrcPort: portOf(&l.names[i]), DstPort: s.port}.Append(nil, p.Data)
	case s.raw: // its filter let in what could not be ruled out in the kernel
		return p.isOurs(s.family, s.id, true)
	}
	return len(p.Data) >= smallest(s.proto)
}

// decodeQueued takes apart what the error queue holds: ICMP errors about packets to the given port, the kernel's
// send stamps with the packet they are of, and errors of this machine, which the send has told already.
func (s *socket) decodeQueued(p *Packet, c *control, port uint16) bool {
	switch c.extended.Origin {
	case unix.SO_EE_ORIGIN_ICMP, unix.SO_EE_ORIGIN_ICMP6:
		if s.raw {
			return false // it comes by the socket too, with the whole quote
		}
		s.setError(p, c)
		if s.proto == packet.ProtoUDP { // the kernel keeps the header to itself
			p.Data = packet.UDP{SrcPort: s.port, DstPort: port}.Append(nil, p.Data)
			p.Data[4], p.Data[5] = 0, 0 // a length that is not known
			p.ICMP.Quote.Payload = p.Data
		}
		return true
	case unix.SO_EE_ORIGIN_TIMESTAMPING:
		ip := packet.FindIP(p.Data)
		h, err := packet.ParseIP(ip)
		if err != nil {
			return false
		}
		p.Kind, p.Addr, p.Data = Sent, h.Dst, h.Payload(ip)
		p.Proto, p.ID, p.Flow = h.Proto, h.ID, h.Flow
		return true
	}
	return false
}

// setError makes p, whose Addr is where the quoted packet went, the ICMP error that c tells of.
func (s *socket) setError(p *Packet, c *control) {
	extension := int(*(*uint16)(unsafe.Pointer(&c.extended.Data)))
	p.ICMP = packet.QueuedError(s.family, c.extended.Type, c.extended.Code, c.extended.Info, p.Addr, s.proto, p.Data, extension)
	p.Kind, p.Addr, p.Data = Error, s.zoned(c.offender, int(c.offenderIf)), p.ICMP.Quote.Payload
}

// portOf returns the port in a sockaddr of either family.
func portOf(sa *unix.RawSockaddrInet6) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], sa.Port)
	return binary.BigEndian.Uint16(b[:])
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
