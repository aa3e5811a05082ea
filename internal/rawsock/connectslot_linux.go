package rawsock

import (
	"errors"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// slot is a place for an attempt, with the socket that it is made by.
type slot struct {
	number  int32 // in connector.slots
	fd      int   // -1: the slot is vacant
	side    *side
	watched bool
	once    bool // it can serve no other attempt: by UDP, or bound to an interface by a zone

	// Of the attempt:
	phase phase
	id    int64
	begun time.Time
	sent  int                   // datagrams
	name  unix.RawSockaddrInet6 // the destination
	size  uint32                // of name
}

// phase is how far an attempt is.
type phase uint8

const (
	idle phase = iota // there is none
	connecting
	established
)

// begin begins an attempt. An error is this machine's refusal.
func (c *connector) begin(id int64, to netip.AddrPort, payload []byte, now time.Time) error {
	addr := to.Addr().Unmap()
	if !addr.IsValid() {
		return unix.EINVAL
	}
	by := &c.sides[index(packet.FamilyOf(addr))]
	if by.refused != nil {
		return by.refused
	}
	s, err := c.acquire(by)
	if err != nil {
		return err
	}
	s.id, s.begun, s.sent = id, now, 0
	if err := c.launch(s, netip.AddrPortFrom(addr, to.Port()), payload); err != nil {
		delete(by.scopes, addr.Zone()) // the interface may have come back as another
		_, _, empty := c.queued(s)
		c.rest(s, empty)
		return err
	}
	s.phase = connecting
	c.byID[id] = s
	return nil
}

// launch sends the first packet of an attempt. What connect(2) says is the news of this machine: whatever
// answers a SYN, even over loopback, is not heard before it returns, as it holds the socket's lock.
func (c *connector) launch(s *slot, to netip.AddrPort, payload []byte) (err error) {
	if s.size, err = s.side.socket.name(&s.name, to.Addr(), bigEndian(to.Port())); err != nil {
		return err
	}
	s.once = to.Addr().Zone() != "" || c.config.UDP
	if errno := s.connect(); errno != 0 && errno != unix.EINPROGRESS {
		return errno
	}
	if !s.watched { // not before it connects: what does not counts as ready
		e := unix.EpollEvent{Events: unix.EPOLLOUT | unix.EPOLLET, Fd: s.number}
		if c.config.UDP {
			e.Events = unix.EPOLLIN | unix.EPOLLET
		}
		if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, s.fd, &e); err != nil {
			s.disconnect()
			return os.NewSyscallError("epoll_ctl", err)
		}
		s.watched = true
	}
	if c.config.UDP {
		return s.send(payload)
	}
	return nil
}

// acquire returns a slot with a socket for an attempt of a family: one that is idle, or a new one.
func (c *connector) acquire(by *side) (*slot, error) {
	if last := len(by.idle) - 1; last >= 0 {
		s := by.idle[last]
		by.idle = by.idle[:last]
		return s, nil
	}
	kind := unix.SOCK_STREAM
	if c.config.UDP {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(domain(by.family), kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EMFILE) && c.dismiss() {
		fd, err = unix.Socket(domain(by.family), kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	}
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	config := Config{Interface: c.config.Interface}
	if err = setOptions(fd, config, by.options); err == nil && c.config.Source.IsValid() {
		err = bind(fd, by.family, c.config.Source, 0)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return c.occupy(fd, by), nil
}

// occupy returns a slot for a socket.
func (c *connector) occupy(fd int, by *side) *slot {
	var s *slot
	if last := len(c.vacant) - 1; last >= 0 {
		s = c.slots[c.vacant[last]]
		c.vacant = c.vacant[:last]
	} else {
		s = &slot{number: int32(len(c.slots))}
		c.slots = append(c.slots, s)
	}
	*s = slot{number: s.number, fd: fd, side: by}
	return s
}

// vacate makes the slot of a socket that is no longer its own a vacant one.
func (c *connector) vacate(s *slot) {
	s.fd, s.phase = -1, idle
	c.vacant = append(c.vacant, s.number)
}

// end ends the attempt of s, with a reset if the connection is to leave nothing behind here, or is not known to be one.
func (c *connector) end(s *slot) {
	delete(c.byID, s.id)
	if s.phase == connecting || c.config.Reset {
		if !c.config.UDP && s.disconnect() {
			_, _, empty := c.queued(s)
			c.rest(s, empty)
			return
		}
	}
	c.shut(s)
}

// rest keeps s, which is not connected and has no attempt, for the next one if it can serve it. What its error
// queue still held would be taken for news of that.
func (c *connector) rest(s *slot, queueEmpty bool) {
	s.phase = idle
	if s.once || !queueEmpty || len(s.side.idle) >= mostIdle {
		c.shut(s)
		return
	}
	s.side.idle = append(s.side.idle, s)
}

// shut closes the socket of one slot, which takes it off the epoll instance, too.
func (c *connector) shut(s *slot) {
	_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(s.fd), 0, 0)
	c.vacate(s)
}

// dismiss closes the sockets that are idle, and reports whether there were any.
func (c *connector) dismiss() (any bool) {
	for i := range c.sides {
		for _, s := range c.sides[i].idle {
			c.shut(s)
			any = true
		}
		c.sides[i].idle = c.sides[i].idle[:0]
	}
	return any
}

// Of the system calls below the runtime is not told: none of them blocks, and telling it costs as much as they do.

// connect begins to connect or, on a socket that connects, says what became of it: 0 that it is connected,
// EALREADY that it is not known yet. After any other error the socket is as it was before.
func (s *slot) connect() unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_CONNECT, uintptr(s.fd), uintptr(unsafe.Pointer(&s.name)), uintptr(s.size))
	return errno
}

// disconnect resets what connection there is or may come, and makes the socket one that is not connected.
func (s *slot) disconnect() bool {
	s.name = unix.RawSockaddrInet6{Family: unix.AF_UNSPEC}
	return s.connect() == 0
}

// send sends a datagram.
func (s *slot) send(payload []byte) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(payload))), uintptr(len(payload)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	s.sent++
	return nil
}

// pendingError returns the error that the socket has, which it then has no more.
func (s *slot) pendingError() unix.Errno {
	value, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return 0
	}
	return unix.Errno(value)
}
