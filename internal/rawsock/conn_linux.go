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
	held    []Packet // ICMP errors read from an error queue, and not returned yet
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
