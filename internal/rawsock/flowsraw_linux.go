package rawsock

import (
	"math"
	"os"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// rawHalf sends and receives by raw sockets.
type rawHalf struct {
	config    Config
	family    packet.Family
	origin    *origin
	out       *socket // sends what it is given, from the IP header on
	in        *socket // for ICMP
	ttl, tos  int     // of packets with none of their own
	datagram  []byte
	enveloped [1]Packet // memory of write
}

// openRaw opens the raw sockets of a family: one to send, and one each to receive ICMP, UDP and TCP.
func (c *flows) openRaw(f packet.Family) (half, error) {
	h := &rawHalf{
		config: c.config.Config, family: f,
		origin: &origin{family: f, first: c.config.FirstPort, last: c.config.LastPort, id: newIdentifier()},
	}
	var err error
	if h.out, err = c.rawSocket(f, unix.IPPROTO_RAW, nil); err != nil {
		return nil, err
	}
	ip := optionsOf(f)
	if h.ttl, err = unix.GetsockoptInt(h.out.fd, ip.level, ip.ttl); err != nil {
		return nil, os.NewSyscallError("getsockopt", err)
	}
	if h.tos, err = unix.GetsockoptInt(h.out.fd, ip.level, ip.tos); err != nil {
		return nil, os.NewSyscallError("getsockopt", err)
	}
	if h.in, err = c.rawSocket(f, f.ICMPProto(), h.origin); err != nil {
		return nil, err
	}
	for _, proto := range []uint8{packet.ProtoUDP, packet.ProtoTCP} {
		if _, err = c.rawSocket(f, proto, h.origin); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// rawSocket opens a raw socket: to receive what is of origin o or, with none, to send.
func (c *flows) rawSocket(f packet.Family, proto uint8, o *origin) (*socket, error) {
	fd, err := c.socket(f, unix.SOCK_RAW, int(proto))
	if err != nil {
		return nil, &OpenError{Raw: err}
	}
	s := newSocket(fd, f, true, c.config.messageSize(), c.lanes)
	s.proto, s.origin = proto, o
	options := s.receiveOptions(c.config.Config)
	switch {
	case o == nil:
		options = append(wayOptions(c.config.Config), errorOptions(f)...)
		options = append(options, sendOptions(f, c.config.Config)...)
	case proto == f.ICMPProto():
		s.id = o.id
		err = setFilter(fd, f, flowsProgram(f, o.id))
	default:
		err = attach(fd, portsProgram(f, o.first, o.last))
	}
	if err == nil {
		err = s.configure(c.config.Config, options)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	if _, err := c.watch(s, unix.EPOLLIN); err != nil {
		return nil, err
	}
	return s, nil
}

func (h *rawHalf) socket() Socket {
	return Socket{ID: h.in.id, Raw: true, ReceiveBuffer: h.in.receiveBuffer}
}

// write sends p behind an IP header of ours. The kernel fills in the checksum of IPv4's and nothing else, but
// for a source address that is missing.
func (h *rawHalf) write(one []Packet, proto uint8) error {
	p := &one[0]
	header := packet.Header{
		Family: h.family, Src: p.Local, Dst: p.Addr.WithZone(""), Proto: proto,
		TTL: uint8(h.ttl), TOS: uint8(h.tos), ID: p.ID, Flow: p.Flow, DontFragment: true,
	}
	if p.TTL != 0 {
		header.TTL = uint8(p.TTL)
	}
	if p.TOS != 0 {
		header.TOS = uint8(p.TOS)
	}
	if !header.Src.IsValid() {
		header.Src = h.config.Source
	}
	if !header.Src.IsValid() && h.family == packet.IPv6 {
		var err error
		if header.Src, _, err = route(h.config, p.Addr); err != nil {
			return err
		}
	}
	if !fits(h.family, len(p.Data)) {
		return unix.EMSGSIZE
	}
	h.origin.sentTo(p.Addr)
	h.datagram = header.Append(h.datagram[:0], p.Data)
	e := &h.enveloped[0]
	*e = Packet{Addr: p.Addr, Local: header.Src, Interface: p.Interface, Data: h.datagram, WantStamp: p.WantStamp}
	_, err := h.out.writeAfterErrors(h.enveloped[:])
	p.Stamp = e.Stamp
	return err
}

// fits reports whether an upper layer of n bytes fits into a packet.
func fits(f packet.Family, n int) bool {
	if f == packet.IPv4 {
		n += 20
	}
	return n <= math.MaxUint16
}
