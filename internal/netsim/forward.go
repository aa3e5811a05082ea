package netsim

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// maxSteps ends the way of packets that a loop of hidden routers would keep for ever.
const maxSteps = 512

// flight is a packet on its way. Its header and its bytes agree.
type flight struct {
	at  time.Duration // since the epoch
	h   packet.Header
	pkt []byte
	// owner is the node that it is for; nil: nobody has the address.
	owner *node
}

// edge is one direction of a link.
type edge struct {
	Line
	from, to *node
	toAddrs  []netip.Addr // of the interface at the far end
	reverse  *edge
	number   uint64 // among the lines between these two nodes
	pcg      rand.PCG
	rng      *rand.Rand    // of pcg
	last     time.Duration // when the last packet arrived
}

// cross returns when a packet that enters the line at the given moment leaves it; ok is
// false where it does not.
func (e *edge) cross(at time.Duration) (arrival time.Duration, ok bool) {
	if within(e.Down, at) || e.Loss > 0 && e.rng.Float64() < e.Loss {
		return 0, false
	}
	at += e.Delay
	if e.Jitter > 0 {
		if e.Distribution == Normal {
			at += time.Duration(math.Abs(e.rng.NormFloat64()) * float64(e.Jitter))
		} else {
			at += time.Duration(e.rng.Int64N(int64(e.Jitter)))
		}
	}
	if e.Reorder > 0 && e.rng.Float64() < e.Reorder {
		at += e.ReorderBy
	}
	if e.InOrder {
		at = max(at, e.last)
		e.last = at
	}
	return at, true
}

// tooBig reports whether f is larger than the line takes and must not be fragmented.
func (e *edge) tooBig(f *flight) bool {
	return e.MTU > 0 && len(f.pkt) > e.MTU && (f.h.Family == packet.IPv6 || f.h.DontFragment)
}

// forward takes f from the vantage as far as it gets, and sends what answers it.
func (n *Network) forward(f *flight) {
	nd := n.nodes[0]
	n.trail = n.trail[:0]
	for range maxSteps {
		if within(nd.down, f.at) {
			return
		}
		if nd.isFor(f.owner) {
			n.local(nd, f)
			return
		}
		var e *edge
		switch {
		case nd.router != nil:
			e = n.transit(nd, f)
		case nd == n.nodes[0]:
			if e, _ = n.route(nd, f); e != nil && e.tooBig(f) {
				return
			}
		}
		if e == nil {
			return
		}
		at, ok := e.cross(f.at)
		if !ok {
			return
		}
		f.at = at
		n.trail = append(n.trail, e)
		nd = e.to
	}
}

// back takes pkt, which nd sends at the given moment, to the vantage: along the trail of
// what it answers, or by routes for the way back. It keeps pkt.
func (n *Network) back(nd *node, at time.Duration, pkt []byte) {
	pos := len(n.trail) // how many lines of the trail are still to retrace; -1: left it
	for step := range maxSteps {
		if nd == n.nodes[0] {
			n.deliver(at, pkt)
			return
		}
		if step > 0 && !n.transitBack(nd, at, pkt) {
			return
		}
		var e *edge
		e, pos = n.routeBack(nd, pos, pkt)
		if e == nil {
			return
		}
		var ok bool
		if at, ok = e.cross(at); !ok {
			return
		}
		nd = e.to
	}
}

// routeBack returns the line that nd sends pkt back by, and how much of the trail is left
// behind it.
func (n *Network) routeBack(nd *node, pos int, pkt []byte) (*edge, int) {
	if len(nd.backRoutes) == 0 && pos > 0 {
		return n.retrace(nd, pos)
	}
	h, err := packet.ParseIP(pkt)
	if err != nil {
		return nil, -1
	}
	for _, r := range nd.backRoutes {
		if r.To.Contains(h.Dst) {
			return nd.choose(r.via, r.Balance, &h, h.Payload(pkt)), -1
		}
	}
	if pos > 0 {
		return n.retrace(nd, pos)
	}
	cs := n.toward(nd, n.nodes[0])
	if len(cs) == 0 {
		return nil, -1
	}
	return nd.choose(cs, nd.balance, &h, h.Payload(pkt)), -1
}

// retrace returns the line of the trail that leads back from nd, which was reached by its
// first pos lines. Where nd was visited before, what lies between is a loop, and is left
// out.
func (n *Network) retrace(nd *node, pos int) (*edge, int) {
	for i, e := range n.trail[:pos] {
		if e.from == nd {
			pos = i
			break
		}
	}
	return n.trail[pos-1].reverse, pos - 1
}

// transitBack takes pkt through the node nd on its way back, and reports whether it gets
// through. Nobody is told where it does not: its sender is not the vantage.
func (n *Network) transitBack(nd *node, at time.Duration, pkt []byte) bool {
	r := nd.router
	if r == nil || within(nd.down, at) {
		return false
	}
	if !r.Hidden {
		ttl := ttlOf(pkt)
		if ttl <= 1 {
			return false
		}
		setTTL(pkt, ttl-1)
	}
	if r.nat != nil && !r.nat.inbound(pkt) {
		return false
	}
	if len(r.Firewall) == 0 {
		return true
	}
	h, err := packet.ParseIP(pkt)
	if err != nil {
		return false
	}
	rule := r.decide(nd, &flight{at: at, h: h, pkt: pkt}, true)
	return rule == nil || rule.Action == Accept
}

func ttlOf(pkt []byte) uint8 {
	if pkt[0]>>4 == 6 {
		return pkt[7]
	}
	return pkt[8]
}

// setTTL sets TTL or hop limit, and mends an IPv4 header checksum that was right before.
func setTTL(pkt []byte, ttl uint8) {
	if pkt[0]>>4 == 6 {
		pkt[7] = ttl
		return
	}
	proto := uint16(pkt[9])
	mendHeader(pkt, uint16(pkt[8])<<8|proto, uint16(ttl)<<8|proto)
	pkt[8] = ttl
}

// setTOS sets TOS or traffic class, and mends an IPv4 header checksum that was right
// before.
func setTOS(pkt []byte, tos uint8) {
	if pkt[0]>>4 == 6 {
		pkt[0] = pkt[0]&0xf0 | tos>>4
		pkt[1] = pkt[1]&0x0f | tos<<4
		return
	}
	first := uint16(pkt[0]) << 8
	mendHeader(pkt, first|uint16(pkt[1]), first|uint16(tos))
	pkt[1] = tos
}

func mendHeader(pkt []byte, from, to uint16) {
	field := pkt[10:12]
	binary.BigEndian.PutUint16(field, packet.UpdateChecksum(binary.BigEndian.Uint16(field), from, to))
}
