package rawsock

import (
	"bytes"
	"errors"
	"math"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// conn is a Conn over one socket a family. It waits with ppoll rather than the
// runtime's poller, which rounds waits up to a millisecond.
type conn struct {
	sockets [2]*socket // by index of the family; nil: refused says why
	refused [2]error
	held    []Packet      // ICMP errors read from an error queue, and not returned yet
	left    unix.Timespec // memory of timeout

	// open is held for reading by whoever uses a descriptor, and by Close for writing.
	open     sync.RWMutex
	wake     int // eventfd that ends a wait
	woken    atomic.Bool
	closed   atomic.Bool
	waiting  atomic.Bool
	base     time.Time
	deadline atomic.Int64 // since base; never for none
}

const never = math.MaxInt64

func (c *conn) openWake() (err error) {
	c.base = time.Now()
	c.deadline.Store(never)
	c.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return os.NewSyscallError("eventfd", err)
}

func (c *conn) WriteBatch(ps []Packet) (sent int, err error) {
	c.open.RLock()
	defer c.open.RUnlock()
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	for sent < len(ps) {
		f := packet.FamilyOf(ps[sent].Addr)
		end := sent + 1
		for end < len(ps) && end-sent < sendBatch && packet.FamilyOf(ps[end].Addr) == f {
			end++
		}
		n, err := c.write(f, ps[sent:end])
		sent += n
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// write sends ps, all of family f, until one fails for a reason of its own.
func (c *conn) write(f packet.Family, ps []Packet) (int, error) {
	s := c.sockets[index(f)]
	if s == nil {
		return 0, &SendError{Err: c.refused[index(f)]}
	}
	n, err := s.write(ps)
	// An earlier ICMP error is reported once, here, though it is not about this packet (see earlier);
	// while such errors pour in, that may happen again.
	for range maxTold {
		if err == nil || !earlier(err) {
			break
		}
		n, err = s.write(ps)
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, unix.EMSGSIZE):
		return n, &SendError{Err: err, MTU: routeMTU(ps[0].Addr)}
	}
	return n, &SendError{Err: err}
}

func (c *conn) ReadBatch(ps []Packet) (int, error) {
	c.open.RLock()
	defer c.open.RUnlock()
	ps = ps[:min(len(ps), Batch)]
	for len(ps) > 0 {
		if c.closed.Load() {
			return 0, net.ErrClosed
		}
		ready, err := c.wait()
		if err != nil {
			return 0, err
		}
		if ready {
			if n, err := c.drain(ps); n > 0 || err != nil {
				c.woken.Store(false)
				return n, err
			}
		}
		if d := c.deadline.Load(); c.woken.Swap(false) || d != never && int64(time.Since(c.base)) >= d {
			return 0, os.ErrDeadlineExceeded
		}
	}
	return 0, nil
}

// mostErrors is how many ICMP errors are held back at most.
const mostErrors = 1 << 12

// drain reads what the last wait found, each queue once. Error queues come first, as a send stamp should be
// known before the reply is looked at. Of the ICMP errors in them, though, it is not known which replies came
// before them until all replies are read, so they are held back until then.
func (c *conn) drain(ps []Packet) (n int, err error) {
	for _, s := range c.sockets {
		if s == nil {
			continue
		}
		if s.queued && len(c.held) < mostErrors {
			before := n
			n, _ = s.read(ps, n, unix.MSG_ERRQUEUE) // empty by now, at worst
			n = before + c.hold(ps[before:n])
		}
		if s.readable {
			if n, err = s.read(ps, n, 0); err != nil {
				return n, err
			}
		}
	}
	if n == len(ps) || len(c.held) == 0 {
		return n, nil
	}
	slices.SortStableFunc(c.held, compareArrival)
	taken := copy(ps[n:], c.held)
	c.held = slices.Delete(c.held, 0, taken)
	n += taken
	slices.SortStableFunc(ps[:n], compareArrival)
	return n, nil
}

// hold moves the ICMP errors among ps to what is held back, and returns how many others are left in ps.
func (c *conn) hold(ps []Packet) (n int) {
	for _, p := range ps {
		if p.Kind != Error {
			ps[n] = p
			n++
			continue
		}
		p.ICMP.Quote.Payload = bytes.Clone(p.ICMP.Quote.Payload) // it may outlive the buffer
		p.Data = p.ICMP.Quote.Payload
		c.held = append(c.held, p)
	}
	return n
}

// compareArrival orders received packets by when the kernel had them, send stamps first.
func compareArrival(a, b Packet) int {
	switch {
	case a.Kind == Sent && b.Kind == Sent:
		return 0
	case a.Kind == Sent:
		return -1
	case b.Kind == Sent:
		return 1
	}
	return a.Stamp.arrival().Compare(b.Stamp.arrival())
}

// arrival is when a received packet came, by the wall clock.
func (s Stamp) arrival() time.Time {
	if s.Kernel.IsZero() {
		return s.Time.Round(0)
	}
	return s.Kernel
}

// wait polls until there is something to read (true), or the deadline passed, or Wake or Close was called.
func (c *conn) wait() (ready bool, err error) {
	fds := [3]unix.PollFd{{Fd: int32(c.wake), Events: unix.POLLIN}, {Fd: -1}, {Fd: -1}}
	for i, s := range c.sockets {
		if s != nil {
			fds[1+i] = unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN}
		}
	}
	c.waiting.Store(true)
	err = unix.EINTR
	for errors.Is(err, unix.EINTR) {
		_, err = unix.Ppoll(fds[:], c.timeout(), nil)
	}
	c.waiting.Store(false)
	if err != nil {
		return false, os.NewSyscallError("ppoll", err)
	}
	ready = len(c.held) > 0
	for i, s := range c.sockets {
		if s != nil {
			events := fds[1+i].Revents
			s.queued = events&unix.POLLERR != 0
			s.readable = events&(unix.POLLIN|unix.POLLERR) != 0
			ready = ready || s.readable
		}
	}
	if fds[0].Revents != 0 {
		var b [8]byte
		_, _ = unix.Read(c.wake, b[:])
	}
	return ready, nil
}

// timeout returns how long to wait, nil for ever: not at all where there is reason to look at once.
func (c *conn) timeout() *unix.Timespec {
	d := c.deadline.Load()
	switch {
	case c.woken.Load() || len(c.held) > 0:
		d = 0
	case d == never:
		return nil
	default:
		d = max(0, d-int64(time.Since(c.base)))
	}
	c.left = unix.NsecToTimespec(d)
	return &c.left
}

func (c *conn) SetReadDeadline(t time.Time) error {
	d := int64(never)
	if !t.IsZero() {
		d = int64(t.Sub(c.base))
	}
	c.deadline.Store(d)
	if c.waiting.Load() {
		c.kick()
	}
	return nil
}

func (c *conn) Wake() {
	c.woken.Store(true)
	c.kick()
}

// kick ends a wait, which then looks again at what has changed.
func (c *conn) kick() {
	c.open.RLock()
	defer c.open.RUnlock()
	if c.wake < 0 {
		return
	}
	one := [8]byte{0: 1, 7: 1} // 1 at least, in either byte order
	_, _ = unix.Write(c.wake, one[:])
}

func (c *conn) Socket(f packet.Family) Socket {
	s := c.sockets[index(f)]
	if s == nil {
		return Socket{Err: c.refused[index(f)]}
	}
	return Socket{ID: s.id, Raw: s.raw, ReceiveBuffer: s.receiveBuffer}
}

func (c *conn) Drops() (n uint64) {
	c.open.RLock()
	defer c.open.RUnlock()
	if c.closed.Load() {
		return 0
	}
	for _, s := range c.sockets {
		if s != nil {
			n += s.drops()
		}
	}
	return n
}

// Close may be called while another goroutine reads: the wait ends first.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	c.kick()
	c.open.Lock()
	defer c.open.Unlock()
	var errs []error
	for _, s := range c.sockets {
		if s != nil {
			errs = append(errs, unix.Close(s.fd))
		}
	}
	errs = append(errs, unix.Close(c.wake))
	c.wake = -1
	return errors.Join(errs...)
}

// zoneName returns the name of an interface, or its number where it has gone.
func zoneName(ifindex int) string {
	if i, err := net.InterfaceByIndex(ifindex); err == nil {
		return i.Name
	}
	return strconv.Itoa(ifindex)
}

// routeMTU returns the MTU of the way to a as far as this machine knows it, 0 if it does not.
func routeMTU(a netip.Addr) int {
	f := packet.FamilyOf(a)
	level, name := unix.IPPROTO_IP, unix.IP_MTU
	if f == packet.IPv6 {
		level, name = unix.IPPROTO_IPV6, unix.IPV6_MTU
	}
	fd, err := unix.Socket(domain(f), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	sa, err := sockaddr(f, a)
	if err != nil {
		return 0
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		sa.Port = 9
	case *unix.SockaddrInet6:
		sa.Port = 9
	}
	if unix.Connect(fd, sa) != nil {
		return 0
	}
	mtu, err := unix.GetsockoptInt(fd, level, name)
	if err != nil {
		return 0
	}
	return mtu
}
