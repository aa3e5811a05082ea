package netsim

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// flows is what a Conn of many flows remembers of what it has sent.
type flows struct {
	mu     sync.Mutex
	sentTo map[netip.Addr]struct{}
	udp    map[uint16]struct{} // source ports that have a socket
	tcp    map[fourTuple]*syn  // the sockets that connect
	// connecting is the socket of the segment that is being built, with its addresses; nil: none.
	connecting *syn
	tuple      fourTuple
	number     uint64 // SYNs so far
	salt       uint64 // of the kernel's sequence numbers
}

// fourTuple names a TCP connection, as the vantage sees it.
type fourTuple struct{ local, remote netip.AddrPort }

// smallestTCP is the length of a TCP header without options.
const smallestTCP = 20

// connectFor is how long package rawsock waits for the answer to a SYN that the kernel numbers:
// somewhat less than the second after which that would send it again.
const connectFor = 950 * time.Millisecond

// syn is a TCP socket that connects. All but the first two is guarded by the inbox's lock.
type syn struct {
	given, wire uint32    // sequence numbers: that handed in, and the kernel's
	closes      time.Time // when its time is over, or a further SYN took its place
	ended       bool      // it has been answered
}

// end takes an answer at the given moment, and reports whether the socket still waited for one.
func (s *syn) end(at time.Time) bool {
	waited := !s.ended && at.Before(s.closes)
	s.ended = s.ended || waited
	return waited
}

func (f *flows) open(salt uint64) {
	f.salt = salt
	f.sentTo = make(map[netip.Addr]struct{})
	f.udp = make(map[uint16]struct{})
	f.tcp = make(map[fourTuple]*syn)
}

// withoutPing reports whether c can have no ICMP echo.
func (c *Conn) withoutPing() bool { return c.config.Flows && !c.config.Raw && c.config.NoPing }

// inRange reports whether port is one of the source ports of c.
func (c *Conn) inRange(port uint16) bool {
	return c.config.FirstPort <= port && port <= c.config.LastPort
}

// buildFlow makes of c.message and c.header what a socket of flows sends of p.
func (c *Conn) buildFlow(p *rawsock.Packet) error {
	h := &c.header
	c.flows.connecting = nil
	h.DontFragment = true
	h.Flow = p.Flow & 0xfffff
	if p.Proto == packet.ProtoTCP && len(p.Data) < smallestTCP {
		return syscall.EINVAL
	}
	if !c.config.Raw {
		return c.buildUnprivileged(h)
	}
	if p.ID != 0 {
		h.ID = p.ID
	}
	return nil
}

// buildUnprivileged makes of c.message, which was handed in, what a socket without
// privilege sends of it.
func (c *Conn) buildUnprivileged(h *packet.Header) error {
	switch h.Proto {
	case packet.ProtoUDP:
		binary.BigEndian.PutUint16(c.message[4:], uint16(len(c.message)))
	case packet.ProtoTCP:
		return c.connect(h)
	case h.Family.ICMPProto():
		if _, err := packet.ParseEcho(h.Family, c.message); err != nil {
			return syscall.EINVAL
		}
		if c.config.NoPing {
			return syscall.EACCES
		}
		c.message[4], c.message[5] = uint8(c.config.ID>>8), uint8(c.config.ID)
	}
	packet.SetChecksum(h.Proto, h.Src, h.Dst, c.message)
	return nil
}

// connect makes of c.message, a SYN, the one that the kernel sends: with a sequence number and
// options of its own.
func (c *Conn) connect(h *packet.Header) error {
	t, err := packet.ParseTCP(c.message)
	if err != nil || t.Flags&(packet.SYN|packet.ACK|packet.RST|packet.FIN) != packet.SYN {
		return syscall.EINVAL
	}
	f := &c.flows
	f.number++
	s := &syn{given: t.Seq, wire: uint32(newHash(f.salt).word(f.number).sum())}
	f.connecting = s
	f.tuple = fourTuple{netip.AddrPortFrom(h.Src, t.SrcPort), netip.AddrPortFrom(h.Dst, t.DstPort)}
	wire := packet.TCP{SrcPort: t.SrcPort, DstPort: t.DstPort, Seq: s.wire, Flags: packet.SYN, Window: 64240}
	// Maximum segment size 1460, selective acknowledgements, window scale 7.
	c.message = wire.Append(c.message[:0], []byte{2, 4, 0x05, 0xb4, 4, 2, 1, 3, 3, 7}, nil)
	packet.SetChecksum(h.Proto, h.Src, h.Dst, c.message)
	return nil
}

// linkMTU returns the size of the largest packet that may leave the vantage; 0: no limit.
func (n *Network) linkMTU() int {
	largest := 0
	for _, e := range n.nodes[0].edges {
		if e.MTU == 0 || e.BlackHole {
			return 0
		}
		largest = max(largest, e.MTU)
	}
	return largest
}

// remember keeps what tells an answer to c.datagram, which is sent now, from other packets.
func (c *Conn) remember(now time.Time) {
	f := &c.flows
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sentTo[c.header.Dst] = struct{}{}
	if c.config.Raw {
		return
	}
	if c.header.Proto == packet.ProtoUDP {
		f.udp[binary.BigEndian.Uint16(c.message)] = struct{}{}
	}
	if f.connecting == nil {
		return
	}
	if before := f.tcp[f.tuple]; before != nil {
		c.inbox.replace(before, now)
	}
	f.connecting.closes = now.Add(connectFor)
	f.tcp[f.tuple] = f.connecting
	f.connecting = nil
}

// replace closes the socket s, if it has not been.
func (b *inbox) replace(s *syn, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at.Before(s.closes) {
		s.closes = at
	}
}

// reset has the vantage's kernel answer what d is, if it is a TCP segment: with a reset, since
// there is no connection. Where there is a socket that connects, that is closed once it has been answered,
// which leads to the same.
func (n *Network) reset(d Delivery) {
	h, err := packet.ParseIP(d.Packet)
	if err != nil || h.Proto != packet.ProtoTCP || h.Length > len(d.Packet) {
		return
	}
	upper := h.Payload(d.Packet)
	if packet.TransportChecksum(h.Proto, h.Src, h.Dst, upper) != 0 {
		return
	}
	segment, ok := resetFor(&flight{h: h, pkt: d.Packet})
	if !ok {
		return
	}
	back := packet.Header{Family: h.Family, Src: h.Dst, Dst: h.Src, Proto: h.Proto, TTL: 64, DontFragment: true}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.resets = append(n.resets, Delivery{At: d.At, Packet: back.Append(nil, segment)})
}

// flushResets sends the resets that have become due. They change nothing but hosts, so
// that it is soon enough to do so before the next packet.
func (c *Conn) flushResets(now time.Time) {
	for _, r := range c.n.dueResets(now) {
		c.send(r.At, r.Packet)
	}
}
