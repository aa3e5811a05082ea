//go:build !linux

package rawsock

import (
	"errors"
	"math"
	"net"
	"syscall"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// flows is a Conn of many flows over raw sockets of x/net: what comes is ICMP.
type flows struct {
	*conn
	senders [2]sender // by index of the family
}

// sender sends packets of one family.
type sender interface {
	// write sends p, the upper layer of which is of the given protocol.
	write(p *Packet, proto uint8) error
	Close() error
}

// openFlows opens what the system can have of it. No system but Linux hands TCP segments to raw sockets, and without
// privilege none tells whom its ICMP errors are from.
func openFlows(cfg FlowsConfig) (Conn, error) {
	cfg.PMTU = PMTUDefault
	if err := supported(cfg.Config); err != nil {
		return nil, err
	}
	switch {
	case cfg.Mode == Unprivileged:
		return nil, unsupported("probing without privilege")
	case cfg.Proto == packet.ProtoTCP:
		return nil, unsupported("probing by TCP")
	}
	cfg.Mode = Privileged
	c := &flows{conn: newConn()}
	for i, f := range families {
		c.origins[i] = &origin{family: f, first: cfg.FirstPort, last: cfg.LastPort, id: c.id}
	}
	c.openSenders(cfg)
	if err := c.open(cfg.Config); err != nil {
		c.Close()
		return nil, err
	}
	logSockets(cfg.Logger, c)
	return c, nil
}

// openSenders opens what sends UDP, and on IPv4 all else, too. A family without is refused, unless it can do
// without.
func (c *flows) openSenders(cfg FlowsConfig) {
	for i, f := range families {
		if !wanted(cfg.Config, f) {
			continue
		}
		s, err := openSender(cfg.Config, f)
		switch {
		case err == nil:
			c.senders[i] = s
		case !errors.Is(err, errors.ErrUnsupported):
			c.refused[i] = &OpenError{Raw: err}
		case cfg.Proto == 0 || cfg.Proto == packet.ProtoUDP:
			c.refused[i] = err
		}
	}
}

// WriteBatch implements Conn.
func (c *flows) WriteBatch(ps []Packet) (int, error) {
	for i := range ps {
		if err := c.write(&ps[i]); err != nil {
			if errors.Is(err, net.ErrClosed) {
				return i, net.ErrClosed
			}
			return i, &SendError{Err: err}
		}
	}
	return len(ps), nil
}

// write sends p.
func (c *flows) write(p *Packet) error {
	f := packet.FamilyOf(p.Addr)
	proto := p.protocol(f)
	switch {
	case f == 0 || len(p.Data) < smallest(proto):
		return syscall.EINVAL
	case len(p.Data) > math.MaxUint16-20:
		return unsupported("so long a packet")
	case c.sockets[index(f)] == nil:
		return c.refused[index(f)]
	case proto == 0 || proto == packet.ProtoTCP:
		return unsupported("probing by that protocol")
	}
	c.origins[index(f)].sentTo(p.Addr)
	p.Stamp = Stamp{Time: time.Now()}
	s := c.senders[index(f)]
	switch {
	case s != nil && (f == packet.IPv4 || proto == packet.ProtoUDP):
		return s.write(p, proto)
	case proto == packet.ProtoUDP:
		return unsupported("probing by UDP")
	}
	return c.sockets[index(f)].write(p)
}

// Close implements Conn.
func (c *flows) Close() error {
	err := c.conn.Close()
	for _, s := range c.senders {
		if s != nil {
			err = errors.Join(err, s.Close())
		}
	}
	return err
}
