package rawsock

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// conn is a Conn over one socket a family.
type conn struct {
	waiter
	sockets [2]*socket // by index of the family; nil: refused says why
	refused [2]error
	held    []Packet // read and not returned yet: ICMP errors, and what had no room
	due     []Packet // memory of release
	between []Packet // memory of readBetween
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
	n, err := s.writeAfterErrors(ps)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, unix.EMSGSIZE):
		return n, &SendError{Err: err, MTU: pathMTU(ps[0].Addr)}
	}
	return n, &SendError{Err: err}
}

func (c *conn) ReadBatch(ps []Packet) (int, error) { return c.read(c, ps) }

// mostErrors is how many ICMP errors are held back at most.
const mostErrors = 1 << 12

// drain reads what the last wait found. Error queues come first, as a send stamp should be known before the
// reply is looked at. Of the ICMP errors in them, though, it is not known which replies came before them until all
// replies are read, so they are held back until then. Those that came while replies were read may belong
// before these, so error queues come last, too.
func (c *conn) drain(ps []Packet) (n int, err error) {
	var free [2]int // from where on buffers of the error queue are, by index of the socket
	for i, s := range c.sockets {
		if s != nil && s.queued && len(c.held) < mostErrors {
			free[i], _ = s.read(ps, n, unix.MSG_ERRQUEUE) // empty by now, at worst
			n += c.hold(ps[n:free[i]])
		}
	}
	early := len(c.held)
	var newest [2]time.Time // of the replies, by index of the family
	for i, s := range c.sockets {
		if s == nil || !s.readable {
			continue
		}
		before := n
		if n, err = s.read(ps, n, 0); err != nil {
			return n, err
		}
		if n > before {
			newest[i] = ps[n-1].Stamp.Kernel
			c.readBetween(s, free[i])
		}
	}
	if n == len(ps) {
		early = 0 // there may be more replies
	}
	return c.release(ps, n, early, newest), nil
}

// hold moves the ICMP errors among ps to what is held back, and returns how many others are left in ps.
func (c *conn) hold(ps []Packet) (n int) {
	for _, p := range ps {
		if p.Kind == Error {
			c.keep(p)
			continue
		}
		ps[n] = p
		n++
	}
	return n
}

// keep holds p back. It may outlive its buffer.
func (c *conn) keep(p Packet) {
	p.Data = bytes.Clone(p.Data)
	if p.Kind == Error {
		p.ICMP.Quote.Payload = p.Data
	}
	c.held = append(c.held, p)
}

// readBetween holds back what came into the error queue of s since that was read, with the buffers from the given
// one on.
func (c *conn) readBetween(s *socket, free int) {
	if len(c.held) >= mostErrors {
		return
	}
	if c.between == nil {
		c.between = make([]Packet, Batch)
	}
	n, _ := s.read(c.between, free, unix.MSG_ERRQUEUE)
	for _, p := range c.between[free:n] {
		c.keep(p)
	}
}

// release adds to the first n of ps what is held back before which no reply is missing, in the order of arrival, and
// returns how many they are then. That is so of the first early ones held, and of what came before a reply
// that was read: newest has the last of each family. What there is no room for is held back in its turn.
func (c *conn) release(ps []Packet, n, early int, newest [2]time.Time) int {
	if len(c.held) == 0 {
		return n
	}
	held := c.held
	c.due, c.held = append(c.due[:0], ps[:n]...), nil
	for i, p := range held {
		at := p.Stamp.Kernel
		if i < early || !at.IsZero() && !at.After(newest[index(p.family())]) {
			c.due = append(c.due, p)
		} else {
			c.held = append(c.held, p)
		}
	}
	slices.SortStableFunc(c.due, compareArrival)
	n = copy(ps, c.due)
	for _, p := range c.due[n:] {
		c.keep(p)
	}
	clear(c.due)
	return n
}

// family returns that of a received packet.
func (p *Packet) family() packet.Family {
	if p.Kind == Error {
		return p.ICMP.Family // its sender may not be known
	}
	return packet.FamilyOf(p.Addr)
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

func (c *conn) wait() (ready bool, err error) {
	fds := [3]unix.PollFd{{}, {Fd: -1}, {Fd: -1}}
	for i, s := range c.sockets {
		if s != nil {
			fds[1+i] = unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN}
		}
	}
	ready = len(c.held) > 0
	until := int64(never)
	if ready {
		until = 0
	}
	if err := c.poll(fds[:], until); err != nil {
		return false, err
	}
	for i, s := range c.sockets {
		if s != nil {
			events := fds[1+i].Revents
			s.queued = events&unix.POLLERR != 0
			s.readable = events&(unix.POLLIN|unix.POLLERR) != 0
			ready = ready || s.readable
		}
	}
	return ready, nil
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

func (c *conn) Close() error {
	return c.close(func() error {
		var errs []error
		for _, s := range c.sockets {
			if s != nil {
				errs = append(errs, unix.Close(s.fd))
			}
		}
		return errors.Join(errs...)
	})
}

// zoneName returns the name of an interface, or its number where it has gone.
func zoneName(ifindex int) string {
	if i, err := net.InterfaceByIndex(ifindex); err == nil {
		return i.Name
	}
	return strconv.Itoa(ifindex)
}
