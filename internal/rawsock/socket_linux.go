package rawsock

import (
	"encoding/binary"
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
	sendBatch = 16
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

// lanes are those of a socket.
type lanes struct {
	send *lane
	// Of what is received, from the socket and from its error queue: one system call
	// each may fill them for a ReadBatch.
	receive, errors *lane
}

// newLanes returns lanes for one socket, which receives messages of so many bytes.
func newLanes(size int) lanes {
	return lanes{
		send:    newLane(sendBatch, sendControlSize, 0),
		receive: newLane(Batch, controlSize, size+envelope),
		errors:  newLane(Batch, controlSize, size+envelope),
	}
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

// socket is one socket: for ICMP, or one of a Conn of many flows.
type socket struct {
	fd            int
	family        packet.Family
	proto         uint8
	raw           bool
	id            uint16  // of echo requests
	port          uint16  // own port, of a UDP socket that is not raw
	origin        *origin // whose packets, on raw sockets of a Conn of many flows; else nil
	receiveBuffer int
	size          int // largest message received whole

	lanes
	zones    map[int]string // names of interfaces by index, for link-local addresses
	scopes   map[string]uint32
	readable bool // the last poll said so
	queued   bool // likewise of the error queue

	// For drops, of a raw socket:
	backlog bool   // many packets were waiting at once since it looked
	counted uint32 // what the kernel counted by then
	dropped uint64 // what of that is believed
}

// newSocket returns a socket for ICMP of a descriptor.
func newSocket(fd int, f packet.Family, raw bool, size int, l lanes) *socket {
	return &socket{
		fd: fd, family: f, proto: f.ICMPProto(), raw: raw, size: size, lanes: l,
		zones:  make(map[int]string),
		scopes: make(map[string]uint32),
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
	n, errno := s.mmsg(unix.SYS_SENDMMSG, l.hdrs[:len(ps)], 0)
	if errno == 0 {
		return n, nil
	}
	delete(s.scopes, ps[0].Addr.Zone()) // the interface may have come back as another
	return 0, errno
}

// writeAfterErrors is write, got over earlier ICMP errors: each is reported once, here, though it is not about
// this packet (see earlier); while such errors pour in, that may happen again.
func (s *socket) writeAfterErrors(ps []Packet) (n int, err error) {
	for range 1 + maxTold {
		if n, err = s.write(ps); err == nil || !earlier(err) {
			break
		}
	}
	return n, err
}

// prepare fills the i-th message header of the sending lane for p.
func (s *socket) prepare(i int, p *Packet) error {
	l := s.send
	data, port := p.Data, uint16(0)
	if s.proto == packet.ProtoUDP && !s.raw { // the kernel makes the header
		port = networkOrder(p.Data[2:])
		data = p.Data[smallest(s.proto):]
	}
	size, err := s.name(&l.names[i], p.Addr, port)
	if err != nil {
		return err
	}
	l.hdrs[i].hdr.Namelen = size
	l.iovs[i].Base = unsafe.SliceData(data)
	l.iovs[i].SetLen(len(data))
	l.control[i] = appendControl(l.control[i][:0], s.family, p)
	l.hdrs[i].hdr.Control = unsafe.SliceData(l.control[i])
	l.hdrs[i].hdr.SetControllen(len(l.control[i]))
	return nil
}

// name fills sa with an address and a port, as networkOrder has it, and returns its size.
func (s *socket) name(sa *unix.RawSockaddrInet6, a netip.Addr, port uint16) (size uint32, err error) {
	if s.family == packet.IPv4 {
		*(*unix.RawSockaddrInet4)(unsafe.Pointer(sa)) = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port, Addr: a.Unmap().As4()}
		return unix.SizeofSockaddrInet4, nil
	}
	*sa = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port, Addr: a.As16()}
	if zone := a.Zone(); zone != "" {
		scope, ok := s.scopes[zone]
		if !ok {
			if scope, err = scopeOf(zone); err != nil {
				return 0, err
			}
			s.scopes[zone] = scope
		}
		sa.Scope_id = scope
	}
	return unix.SizeofSockaddrInet6, nil
}

// networkOrder returns the port at the start of b as a sockaddr has it.
func networkOrder(b []byte) uint16 { return binary.NativeEndian.Uint16(b) }

// maxTold is how many errors of earlier packets a call gets over.
const maxTold = 8

// earlier reports whether err may be an ICMP error that arrived before, about any packet: on a socket
// that asks for such errors, the kernel also hands each to the next system call, once. The same
// call made again tells.
func earlier(err error) bool {
	errno, _ := err.(syscall.Errno) // 0, which is none, for another
	switch errno {
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
	before := n
	for told := 0; n < len(ps); {
		first := n
		got, errno := s.mmsg(unix.SYS_RECVMMSG, l.prepare(first, len(ps)), flags|unix.MSG_DONTWAIT)
		switch {
		case errno == unix.EAGAIN, earlier(errno) && told == maxTold:
			s.backlog = s.backlog || n-before >= s.manyWaiting()
			return n, nil
		case earlier(errno):
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
	}
	s.backlog = s.backlog || n-before >= s.manyWaiting()
	return n, nil
}

// manyWaiting is how many packets at once show that the receive queue may have been full: a batch, or half of what
// a small queue holds.
func (s *socket) manyWaiting() int {
	const each = 1 << 10 // about what the kernel counts for a small packet
	return max(1, min(Batch, s.receiveBuffer/(2*each)))
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

// drops returns how many packets the kernel says it dropped because the receive queue was full.
func (s *socket) drops() uint64 {
	const dropsIndex = 8 // SK_MEMINFO_DROPS of linux/sock_diag.h
	var info [9]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(s.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	if !s.raw {
		return uint64(info[dropsIndex])
	}
	// Of a raw socket the kernel also counts what came with a wrong checksum, for whichever process, and may
	// count each drop twice. So it is believed only after a backlog, and half: it is a lower bound.
	counted := info[dropsIndex]
	if s.backlog {
		s.dropped += uint64((counted - s.counted + 1) / 2)
	}
	s.counted, s.backlog = counted, false
	return s.dropped
}

// mmsg is sendmmsg or recvmmsg, begun again when a signal interrupts it. The sockets do not block. Of small messages
// the runtime is not told of the system call: a batch takes less than a tenth of a millisecond, and told of
// one that long the runtime would start another thread each time.
func (s *socket) mmsg(trap uintptr, hdrs []mmsghdr, flags int) (int, syscall.Errno) {
	call := unix.Syscall6
	if s.size <= defaultMessageSize {
		call = unix.RawSyscall6
	}
	for {
		n, _, errno := call(trap, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(hdrs))), uintptr(len(hdrs)), uintptr(flags), 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}
