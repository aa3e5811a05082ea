package netsim

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// ConnConfig says how a Conn behaves. Its zero value is a ping socket without stamps.
type ConnConfig struct {
	// Raw makes it a raw socket, with a filter on its identifier: it also gets messages
	// with a bad checksum, and on IPv4 sends the identifier and the checksum that it is
	// given. Else it is a ping socket, which the identifier belongs to.
	Raw bool
	// ID is its ICMP identifier; 0: one from the seed.
	ID uint16
	// Flows makes it what rawsock.OpenFlows opens: it sends UDP, TCP and ICMP, and hears what
	// comes for the source ports from FirstPort to LastPort, both included. Raw tells whether
	// all of it is on raw sockets, or without privilege, on a socket for each flow.
	Flows               bool
	FirstPort, LastPort uint16
	// NoPing leaves it without a ping socket where Flows is set and Raw is not: its identifier
	// is 0, and ICMP is refused with EACCES.
	NoPing bool
	// Stamps sets the kernel's stamp of what is received, and delivers that of what is sent, by a
	// packet of Kind Sent, where it asks for one.
	Stamps      bool
	TTL         int          // of packets with none of their own, 1 to 255; 0: 64
	TOS         int          // of packets with none of their own, 0 to 255
	Source      netip.Addr   // source address; zero: the vantage's first of the family
	PMTU        rawsock.PMTU // PMTUDont: sent without DF; else with it, as of flows always
	MessageSize int          // longest message received whole, in bytes; 0: 2048
	// ReceiveQueue is how many packets may wait to be read; more are dropped, which Drops
	// counts. 0: no limit.
	ReceiveQueue int
	// WriteError, if set, is asked about each packet to send; n counts those tried, from
	// 1. An error is the system's refusal (syscall.ENOBUFS, EPERM, EMSGSIZE,
	// ENETUNREACH): the packet is not sent, and WriteBatch returns it wrapped.
	WriteError func(n int64, p rawsock.Packet) error
}

// Conn is a simulated ICMP socket at the vantage point, or the sockets of many flows, opened by Network.Conn. It
// behaves as Linux's do, and takes the time from package time: within a testing/synctest
// bubble, in which it must then have been opened, a packet is received at exactly the
// moment that it arrives. All Conns of a Network hear what comes for any of them, as far
// as their identifiers let it in.
type Conn struct {
	n      *Network
	config ConnConfig
	stop   func() // ends listening to Inject

	// writing is held by WriteBatch, for the fields behind it.
	writing    sync.Mutex
	tried      int64
	ipID       uint16
	header     packet.Header // of what is sent, with message behind it in datagram
	message    []byte
	datagram   []byte
	deliveries []Delivery

	flows flows
	inbox inbox
}

var _ rawsock.Conn = (*Conn)(nil)

// Conn opens a simulated socket at the vantage point.
func (n *Network) Conn(config ConnConfig) *Conn {
	c := &Conn{n: n, config: config}
	c.inbox.changed = make(chan struct{}, 1)
	c.inbox.limit = config.ReceiveQueue
	n.mu.Lock()
	n.sockets++
	for c.config.ID == 0 && !c.withoutPing() {
		c.config.ID = uint16(newHash(n.seed).word(n.sockets).sum())
		n.sockets++
	}
	n.conns = append(n.conns, c)
	c.flows.open(newHash(n.seed).word(n.sockets).sum())
	n.mu.Unlock()
	if c.config.MessageSize == 0 {
		c.config.MessageSize = 2048
	}
	c.stop = n.Notify(c.arrive)
	return c
}

// Socket implements rawsock.Conn. There is no socket of a family that the vantage has no
// address of.
func (c *Conn) Socket(f packet.Family) rawsock.Socket {
	s := rawsock.Socket{ID: c.config.ID, Raw: c.config.Raw}
	if !c.n.Vantage(f).IsValid() {
		s.Err = fmt.Errorf("netsim: the vantage has no address of IPv%d: %w", f, syscall.EAFNOSUPPORT)
	}
	return s
}

// WriteBatch implements rawsock.Conn.
func (c *Conn) WriteBatch(ps []rawsock.Packet) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.inbox.isClosed() {
		return 0, net.ErrClosed
	}
	for i := range ps {
		if err := c.write(&ps[i]); err != nil {
			return i, fmt.Errorf("netsim: send to %v: %w", ps[i].Addr, err)
		}
	}
	return len(ps), nil
}

// write sends p.
func (c *Conn) write(p *rawsock.Packet) error {
	c.tried++
	if c.config.WriteError != nil {
		if err := c.config.WriteError(c.tried, *p); err != nil {
			return err
		}
	}
	if err := c.build(p); err != nil {
		return refusal(err)
	}
	if zone := p.Addr.Zone(); zone != "" {
		c.inbox.setZone(zone)
	}
	now := time.Now()
	p.Stamp = rawsock.Stamp{Time: now}
	if c.config.Stamps && p.WantStamp && (c.config.Raw || c.header.Proto != packet.ProtoTCP) {
		c.addSent(now, p)
	}
	if c.config.Flows {
		c.flushResets(now)
		c.remember(now)
	}
	c.send(now, c.datagram)
	return nil
}

// refusal makes of err the system's refusal to send.
func refusal(err error) error {
	if _, ok := errors.AsType[*rawsock.SendError](err); ok {
		return err
	}
	return &rawsock.SendError{Err: err}
}

// addSent has the kernel tell that p has left.
func (c *Conn) addSent(now time.Time, p *rawsock.Packet) {
	sent := rawsock.Packet{
		Kind: rawsock.Sent, Addr: p.Addr, Local: p.Local, TTL: p.TTL, TOS: p.TOS,
		Data: slices.Clone(c.message), Stamp: rawsock.Stamp{Kernel: now.Round(0)},
	}
	if c.config.Flows {
		sent.Proto, sent.ID, sent.Flow = c.header.Proto, c.header.ID, c.header.Flow
	}
	c.inbox.add(now, sent, nil)
}

// send hands the network a packet, and what comes back to all who listen.
func (c *Conn) send(now time.Time, pkt []byte) {
	clear(c.deliveries)
	c.deliveries = c.n.AppendSend(c.deliveries[:0], now, pkt)
	if len(c.deliveries) == 0 {
		return
	}
	conns := c.n.openConns()
	for _, d := range c.deliveries {
		for _, other := range conns {
			other.arrive(d)
		}
		if c.config.Flows {
			c.n.reset(d)
		}
	}
}

// build makes c.message and c.datagram of p, as the kernel does.
func (c *Conn) build(p *rawsock.Packet) error {
	h := &c.header
	*h = packet.Header{
		Family: packet.FamilyOf(p.Addr), Dst: p.Addr.Unmap().WithZone(""), Src: p.Local.Unmap().WithZone(""),
		TTL: uint8(firstSet(p.TTL, c.config.TTL, 64)), TOS: uint8(firstSet(p.TOS, c.config.TOS, 0)),
	}
	if h.Family == 0 {
		return syscall.EINVAL
	}
	if !h.Src.IsValid() {
		h.Src = c.source(h.Dst)
	}
	h.Proto = h.Family.ICMPProto()
	if c.config.Flows {
		switch p.Proto {
		case 0, packet.ProtoICMP, packet.ProtoICMPv6:
		case packet.ProtoUDP, packet.ProtoTCP:
			h.Proto = p.Proto
		default:
			return syscall.EPROTONOSUPPORT
		}
	}
	switch {
	case packet.FamilyOf(h.Src) != h.Family:
		return syscall.EAFNOSUPPORT
	case len(p.Data) < packet.EchoHeaderLen:
		return syscall.EINVAL
	case len(p.Data) > 65535-20:
		return syscall.EMSGSIZE
	}
	c.ipID++
	h.ID = c.ipID
	h.DontFragment = c.config.PMTU != rawsock.PMTUDont
	c.message = append(c.message[:0], p.Data...)
	if c.config.Flows {
		if err := c.buildFlow(p); err != nil {
			return err
		}
	} else {
		c.buildEcho(h)
	}
	c.datagram = h.Append(c.datagram[:0], c.message)
	if mtu := c.n.linkMTU(); c.config.Flows && mtu > 0 && len(c.datagram) > mtu {
		return &rawsock.SendError{Err: syscall.EMSGSIZE, MTU: mtu}
	}
	return nil
}

// buildEcho has the kernel fill in what it owns of c.message, an ICMP message.
func (c *Conn) buildEcho(h *packet.Header) {
	if _, err := packet.ParseEcho(h.Family, c.message); err == nil && !c.config.Raw {
		c.message[4], c.message[5] = uint8(c.config.ID>>8), uint8(c.config.ID)
	}
	if !c.config.Raw || h.Family == packet.IPv6 {
		packet.SetChecksum(h.Proto, h.Src, h.Dst, c.message)
	}
}

// source returns the address to send to dst from: on a link-local one's link, a
// link-local one.
func (c *Conn) source(dst netip.Addr) netip.Addr {
	family := packet.FamilyOf(dst)
	if packet.FamilyOf(c.config.Source) == family {
		return c.config.Source.Unmap().WithZone("")
	}
	for _, a := range c.n.nodes[0].addrs {
		if packet.FamilyOf(a) == family && a.IsLinkLocalUnicast() == dst.IsLinkLocalUnicast() {
			return a
		}
	}
	return c.n.Vantage(family)
}

// firstSet returns the first of values that is not 0, or else the last.
func firstSet(values ...int) int {
	for _, v := range values {
		if v != 0 {
			return v
		}
	}
	return 0
}

// openConns returns the Conns of the network.
func (n *Network) openConns() []*Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.conns
}

// Close implements rawsock.Conn. A second Close returns net.ErrClosed.
func (c *Conn) Close() error {
	if !c.inbox.close() {
		return net.ErrClosed
	}
	c.stop()
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	// A new slice: openConns hands out the old one.
	c.n.conns = slices.DeleteFunc(slices.Clone(c.n.conns), func(other *Conn) bool { return other == c })
	return nil
}
