//go:build !linux

package rawsock

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// conn is a Conn over x/net. Each socket has a goroutine, which only hands on what it reads: what
// that has not read yet is not here for ReadBatch.
type conn struct {
	sockets [2]*socket
	refused [2]error
	id      uint16
	origins [2]*origin // whose packets, by index of the family, for a Conn of many flows; else nil

	in       chan arrival
	wake     chan struct{}
	closed   chan struct{}
	once     sync.Once
	readers  sync.WaitGroup
	deadline atomic.Pointer[time.Time]
	dropped  atomic.Uint64
}

func newConn() *conn {
	return &conn{
		in:     make(chan arrival, 1024),
		wake:   make(chan struct{}, 1),
		closed: make(chan struct{}),
		id:     uint16(1 + rand.N(1<<16-1)),
	}
}

type arrival struct {
	p   Packet
	err error
}

// receive reads from s until it is closed.
func (c *conn) receive(s *socket, size int) {
	for {
		b := make([]byte, size+128)
		p, err := s.read(b)
		if err != nil {
			select {
			case c.in <- arrival{err: err}:
			case <-c.closed:
			}
			return
		}
		ours := false
		if o := c.origins[index(s.family)]; o != nil {
			ours = o.isOurs(&p, s.family.ICMPProto())
		} else {
			ours = p.isOurs(s.family, c.id, s.raw)
		}
		if !ours {
			continue
		}
		select {
		case c.in <- arrival{p: p}:
		default:
			c.dropped.Add(1)
		}
	}
}

// read reads one packet into b.
func (s *socket) read(b []byte) (p Packet, err error) {
	var n int
	var from net.Addr
	if s.family == packet.IPv4 {
		var cm *ipv4.ControlMessage
		n, cm, from, err = s.pc.IPv4PacketConn().ReadFrom(b)
		if cm != nil {
			p.TTL, p.Interface = cm.TTL, cm.IfIndex
			p.Local, _ = netip.AddrFromSlice(cm.Dst.To4())
		}
	} else {
		var cm *ipv6.ControlMessage
		n, cm, from, err = s.pc.IPv6PacketConn().ReadFrom(b)
		if cm != nil {
			p.TTL, p.TOS, p.Interface = cm.HopLimit, cm.TrafficClass, cm.IfIndex
			p.Local, _ = netip.AddrFromSlice(cm.Dst)
		}
	}
	if err != nil {
		return p, err
	}
	p.Stamp.Time = time.Now()
	p.Addr, p.Data, p.Truncated = netipOf(from), b[:n], n == len(b)
	return p, nil
}

func (c *conn) WriteBatch(ps []Packet) (int, error) {
	for i := range ps {
		p := &ps[i]
		f := packet.FamilyOf(p.Addr)
		s := c.sockets[index(f)]
		if s == nil {
			return i, &SendError{Err: c.refused[index(f)]}
		}
		p.Stamp = Stamp{Time: time.Now()}
		if err := s.write(p); err != nil {
			if errors.Is(err, net.ErrClosed) {
				return i, net.ErrClosed
			}
			return i, &SendError{Err: err}
		}
	}
	return len(ps), nil
}

// write sends p with what x/net lets one packet have of its own: a TTL, and on IPv6 a traffic class.
func (s *socket) write(p *Packet) error {
	ip := net.IP(p.Addr.Unmap().AsSlice())
	dst := net.Addr(&net.UDPAddr{IP: ip, Zone: p.Addr.Zone()})
	if s.raw {
		dst = &net.IPAddr{IP: ip, Zone: p.Addr.Zone()}
	}
	if s.family == packet.IPv4 {
		if pc := s.pc.IPv4PacketConn(); p.TTL != 0 {
			usual, err := pc.TTL()
			if err != nil {
				return err
			}
			if err := pc.SetTTL(p.TTL); err != nil {
				return err
			}
			defer pc.SetTTL(usual)
		}
		_, err := s.pc.WriteTo(p.Data, dst)
		return err
	}
	var cm *ipv6.ControlMessage
	if p.TTL != 0 || p.TOS != 0 || p.Local.IsValid() {
		cm = &ipv6.ControlMessage{HopLimit: p.TTL, TrafficClass: p.TOS, Src: p.Local.AsSlice()}
	}
	_, err := s.pc.IPv6PacketConn().WriteTo(p.Data, cm, dst)
	return err
}

func (c *conn) ReadBatch(ps []Packet) (n int, err error) {
	if len(ps) == 0 {
		return 0, nil
	}
	a, err := c.first()
	if err != nil {
		return 0, err
	}
	for {
		if a.err != nil {
			return n, a.err
		}
		ps[n] = a.p
		n++
		if n == len(ps) {
			return n, nil
		}
		select {
		case a = <-c.in:
		default:
			return n, nil
		}
	}
}

// first waits for an arrival until the deadline, which may change meanwhile.
func (c *conn) first() (arrival, error) {
	select { // what is here is read even after the deadline
	case a := <-c.in:
		return a, nil
	default:
	}
	var expired <-chan time.Time
	if d := c.deadline.Load(); d != nil && !d.IsZero() {
		timer := time.NewTimer(time.Until(*d))
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case a := <-c.in:
		return a, nil
	case <-expired:
		select { // both may have been ready
		case a := <-c.in:
			return a, nil
		default:
			return arrival{}, os.ErrDeadlineExceeded
		}
	case <-c.wake:
		return arrival{}, os.ErrDeadlineExceeded
	case <-c.closed:
		return arrival{}, net.ErrClosed
	}
}

// SetReadDeadline takes effect at the next ReadBatch; one that waits already returns
// early when the new deadline is passed.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.deadline.Store(&t)
	if !t.IsZero() && !t.After(time.Now()) {
		c.Wake()
	}
	return nil
}

func (c *conn) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *conn) Socket(f packet.Family) Socket {
	s := c.sockets[index(f)]
	if s == nil {
		return Socket{Err: c.refused[index(f)]}
	}
	return Socket{ID: c.id, Raw: s.raw}
}

// Drops counts what this process itself had no room for; the system does not tell its own.
func (c *conn) Drops() uint64 { return c.dropped.Load() }

func (c *conn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		close(c.closed)
		err = nil
		for _, s := range c.sockets {
			if s != nil {
				err = errors.Join(err, s.pc.Close())
			}
		}
		c.readers.Wait()
	})
	return err
}

// netipOf returns the address of a packet's sender.
func netipOf(a net.Addr) netip.Addr {
	var ip net.IP
	var zone string
	switch a := a.(type) {
	case *net.IPAddr:
		ip, zone = a.IP, a.Zone
	case *net.UDPAddr:
		ip, zone = a.IP, a.Zone
	}
	addr, _ := netip.AddrFromSlice(ip)
	if addr = addr.Unmap(); zone != "" {
		addr = addr.WithZone(zone)
	}
	return addr
}
