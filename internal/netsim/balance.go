package netsim

import (
	"encoding/binary"
	"net/netip"

	"github.com/netdiag/netdiag/internal/packet"
)

// Balance says how a node chooses between equal next hops.
type Balance string

// The ways to balance. Shares follow the weights of the next hops.
const (
	PerFlow        Balance = "flow"        // by a hash of what makes a flow (see Hash)
	PerPacket      Balance = "packet"      // at random
	PerDestination Balance = "destination" // by a hash of the destination address
)

// Hash says what makes a flow for PerFlow. All of them take source and destination
// address and protocol, and no port where there is none (fragments but the first).
type Hash string

// The hashes.
const (
	// HashAll takes also the ports of TCP and UDP, the first four bytes of other
	// protocols (on ICMP type, code and checksum), and the IPv6 flow label.
	HashAll Hash = "all"
	// HashPorts is HashAll without the flow label.
	HashPorts Hash = "ports"
	// HashLabel takes the flow label only (RFC 6438).
	HashLabel Hash = "label"
	// HashTOS is HashAll with TOS or traffic class.
	HashTOS Hash = "tos"
)

// candidate is a line that a packet may leave by.
type candidate struct {
	e      *edge
	weight uint64
}

// choose returns the line that a node sends the packet of h with upper layer upper by.
func (nd *node) choose(cs []candidate, b Balance, h *packet.Header, upper []byte) *edge {
	if len(cs) == 1 {
		return cs[0].e
	}
	var total uint64
	for _, c := range cs {
		total += c.weight
	}
	var pick uint64
	switch b {
	case PerPacket:
		pick = nd.rng.Uint64N(total)
	case PerDestination:
		pick = newHash(nd.salt).addr(h.Dst).sum() % total
	default:
		pick = nd.flow(h, upper) % total
	}
	for _, c := range cs {
		if pick < c.weight {
			return c.e
		}
		pick -= c.weight
	}
	return nil // not reached: pick is below total
}

// flow hashes what makes a flow to nd.
func (nd *node) flow(h *packet.Header, upper []byte) uint64 {
	s := newHash(nd.salt).addr(h.Src).addr(h.Dst).word(uint64(h.Proto))
	if nd.hash != HashPorts {
		s = s.word(uint64(h.Flow))
	}
	if nd.hash == HashTOS {
		s = s.word(uint64(h.TOS))
	}
	if nd.hash != HashLabel && h.FragOffset == 0 && !h.MoreFragments && len(upper) >= 4 {
		s = s.word(uint64(binary.BigEndian.Uint32(upper)))
	}
	return s.sum()
}

// hash64 is a hash of words, cheap and well mixed; it withstands no adversary.
type hash64 uint64

func newHash(salt uint64) hash64 { return hash64(0).word(salt) }

func (s hash64) word(w uint64) hash64 {
	s ^= hash64(w)
	s ^= s >> 32
	s *= 0xd6e8feb86659fd93
	s ^= s >> 32
	return s + 0x9e3779b97f4a7c15
}

func (s hash64) addr(a netip.Addr) hash64 {
	b := a.As16()
	return s.word(binary.BigEndian.Uint64(b[:])).word(binary.BigEndian.Uint64(b[8:]))
}

func (s hash64) text(t string) hash64 {
	for i := range len(t) {
		s = s.word(uint64(t[i]))
	}
	return s.word(uint64(len(t)))
}

func (s hash64) sum() uint64 { return uint64(s.word(0)) }
