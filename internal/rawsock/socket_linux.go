package rawsock

import (
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

const (
	// sendBatch packets share one system call, and so one time stamp of this process: large
	// enough for most of the gain, small enough to keep that stamp within some microseconds of each.
	sendBatch          = 16
	defaultMessageSize = 2048
	// envelope is room for what a received message may come in: IPv4 header with options, or
	// the link and IP headers that a looped-back packet has.
	envelope = 128
)

// mmsghdr is struct mmsghdr of sendmmsg(2) and recvmmsg(2), which x/sys does not have.
// Straight system calls, since x/net's batches allocate an address for each packet.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// lane is the memory for one system call of either direction, allocated once.
type lane struct {
	hdrs    []mmsghdr
	iovs    []unix.Iovec
	names   []unix.RawSockaddrInet6
	control [][]byte
	data    [][]byte // receive buffers; nil when sending, which points into the packets themselves
}

func newLane(n, controlSize, dataSize int) *lane {
	l := &lane{
		hdrs:    make([]mmsghdr, n),
		iovs:    make([]unix.Iovec, n),
		names:   make([]unix.RawSockaddrInet6, n),
		control: make([][]byte, n),
		data:    make([][]byte, n),
	}
	for i := range n {
		l.control[i] = make([]byte, controlSize)
		if dataSize > 0 {
			l.data[i] = make([]byte, dataSize)
		}
		h := &l.hdrs[i].hdr
		h.Name = (*byte)(unsafe.Pointer(&l.names[i]))
		h.Iov = &l.iovs[i]
		h.SetIovlen(1)
	}
	return l
}

// socket is one ICMP socket.
type socket struct {
	fd            int
	family        packet.Family
	raw           bool
	id            uint16
	receiveBuffer int
	size          int // largest message received whole

	send *lane
	// The lanes of what is received, from the socket and from its error queue: one system call
	// each may fill them for a ReadBatch.
	receive, errors *lane
	zones           map[int]string // names of interfaces by index, for link-local addresses
	scopes          map[string]uint32
	readable        bool // the last poll said so
	queued          bool // likewise of the error queue
}

func newSocket(fd int, f packet.Family, raw bool, size int) *socket {
	if size == 0 {
		size = defaultMessageSize
	}
	return &socket{
		fd: fd, family: f, raw: raw, size: size,
		send:    newLane(sendBatch, 128, 0),
		receive: newLane(Batch, controlSize, size+envelope),
		errors:  newLane(Batch, controlSize, size+envelope),
		zones:   make(map[int]string),
		scopes:  make(map[string]uint32),
	}
}

// write sends ps, at most sendBatch, all of this family.
func (s *socket) write(ps []Packet) (int, error) {
	l := s.send
	for i := range ps {
		if err := s.prepare(i, &ps[i]); err != nil {
			if i == 0 {
				return 0, err
			}
			ps = ps[:i]
			break
		}
	}
	now := time.Now()
	for i := range ps {
		ps[i].Stamp = Stamp{Time: now}
	}
	n, errno := mmsg(unix.SYS_SENDMMSG, s.fd, l.hdrs[:len(ps)], 0)
	if errno == unix.EAGAIN {
		n, errno = sendWaiting(s.fd, l.hdrs[:len(ps)])
	}
	if errno == 0 {
		return n, nil
	}
	return 0, errno
}

// prepare fills the i-th message header of the sending lane for p.
func (s *socket) prepare(i int, p *Packet) error {
	l := s.send
	sa := &l.names[i]
	if s.family == packet.IPv6 {
		*sa = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: p.Addr.As16()}
		if zone := p.Addr.Zone(); zone != "" {
			scope, ok := s.scopes[zone]
			if !ok {
				var err error
				if scope, err = scopeOf(zone); err != nil {
					return err
				}
				s.scopes[zone] = scope
			}
			sa.Scope_id = scope
		}
		l.hdrs[i].hdr.Namelen = unix.SizeofSockaddrInet6
	} else {
		*(*unix.RawSockaddrInet4)(unsafe.Pointer(sa)) = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: p.Addr.Unmap().As4()}
		l.hdrs[i].hdr.Namelen = unix.SizeofSockaddrInet4
	}
	l.iovs[i].Base = unsafe.SliceData(p.Data)
	l.iovs[i].SetLen(len(p.Data))
	l.control[i] = appendControl(l.control[i][:0], s.family, p)
	l.hdrs[i].hdr.Control = unsafe.SliceData(l.control[i])
	l.hdrs[i].hdr.SetControllen(len(l.control[i]))
	return nil
}

// maxTold is how many errors of earlier packets a call gets over.
const maxTold = 8

// earlier reports whether errno may be an ICMP error that arrived before, about any
// packet: on a ping socket that asks for such errors, the kernel also hands each to the next system
// call, once. The same call made again tells.
func (s *socket) earlier(errno error) bool {
	no, ok := errno.(syscall.Errno)
	if s.raw || !ok {
		return false
	}
	switch no {
	case unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ECONNREFUSED, unix.EMSGSIZE, unix.EPROTO, unix.EACCES,
		unix.EREMOTEIO, unix.ENOPROTOOPT, unix.EHOSTDOWN, unix.ENONET, unix.EOPNOTSUPP:
		return true
	}
	return false
}

// read fills ps, at most Batch, from its n-th on, from the socket or with MSG_ERRQUEUE in flags from its
// error queue, without waiting, until it is full or no more is there, and returns how full it is.
func (s *socket) read(ps []Packet, n, flags int) (int, error) {
	l := s.receive
	if flags&unix.MSG_ERRQUEUE != 0 {
		l = s.errors
	}
	for told := 0; n < len(ps); {
		first := n
		got, errno := mmsg(unix.SYS_RECVMMSG, s.fd, l.prepare(first, len(ps)), flags)
		switch {
		case errno == unix.EAGAIN:
			return n, nil
		case errno != 0 && s.earlier(errno) && told < maxTold:
			told++
			continue
		case errno != 0:
			return n, os.NewSyscallError("recvmmsg", errno)
		}
		now := time.Now()
		for i := first; i < first+got; i++ {
			if s.decode(l, &ps[n], i, now) {
				// What is kept stands in front; the rest of the buffers is free again.
				l.data[i], l.data[n] = l.data[n], l.data[i]
				n++
			}
		}
		if first+got < len(ps) {
			break // that was all
		}
	}
	return n, nil
}

// prepare makes the headers from first to last ready to receive, and returns them.
func (l *lane) prepare(first, last int) []mmsghdr {
	for i := first; i < last; i++ {
		h := &l.hdrs[i].hdr
		h.Namelen = unix.SizeofSockaddrInet6
		h.Control = unsafe.SliceData(l.control[i])
		h.SetControllen(controlSize)
		h.Flags = 0
		l.iovs[i].Base = unsafe.SliceData(l.data[i])
		l.iovs[i].SetLen(len(l.data[i]))
	}
	return l.hdrs[first:last]
}

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
	case s.raw:
		return s.decodeRaw(p)
	}
	return len(p.Data) >= packet.EchoHeaderLen
}

// decodeRaw strips what a raw socket delivers before the message, and takes an ICMP
// error apart. Its filter let in what could not be ruled out in the kernel; this rules it out.
func (s *socket) decodeRaw(p *Packet) bool {
	if s.family == packet.IPv4 {
		h, err := packet.ParseIP(p.Data)
		if err != nil || h.FragOffset != 0 {
			return false
		}
		p.TTL, p.TOS = int(h.TTL), int(h.TOS)
		p.Data = h.Payload(p.Data)
		p.BadChecksum = !p.Truncated && packet.Checksum(p.Data) != 0
	}
	if len(p.Data) < packet.EchoHeaderLen {
		return false
	}
	if !packet.IsError(s.family, p.Data[0]) {
		e, err := packet.ParseEcho(s.family, p.Data)
		return err == nil && e.Reply && e.ID == s.id
	}
	icmp, err := packet.ParseError(s.family, p.Data)
	if err != nil || p.BadChecksum {
		return false
	}
	e, err := packet.ParseEcho(s.family, icmp.Quote.Payload)
	if err != nil || e.Reply || e.ID != s.id {
		return false
	}
	p.Kind, p.ICMP, p.Data = Error, icmp, icmp.Quote.Payload
	return true
}

// decodeQueued takes apart what the error queue holds: ICMP errors, the kernel's send
// stamps with the packet they are of, and errors of this machine, which the send has told already.
func (s *socket) decodeQueued(p *Packet, c *control) bool {
	switch c.extended.Origin {
	case unix.SO_EE_ORIGIN_ICMP, unix.SO_EE_ORIGIN_ICMP6:
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

// drops returns how many packets the kernel dropped because the receive queue was full.
func (s *socket) drops() uint64 {
	const dropsIndex = 8 // SK_MEMINFO_DROPS of linux/sock_diag.h
	var info [9]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(s.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	return uint64(info[dropsIndex])
}

// mmsg is sendmmsg or recvmmsg without waiting, begun again when a signal interrupts it. The runtime is not
// told of the system call: it takes less than a tenth of a millisecond, and to be told of one that long
// the runtime would start another thread each time.
func mmsg(trap uintptr, fd int, hdrs []mmsghdr, flags int) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(hdrs))),
			uintptr(len(hdrs)), uintptr(flags|unix.MSG_DONTWAIT), 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// sendWaiting sends the first of hdrs once there is room for it in the queue towards the network, or
// fails when that takes too long (SO_SNDTIMEO).
func sendWaiting(fd int, hdrs []mmsghdr) (int, syscall.Errno) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(hdrs))), 1, 0, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}
