package trace

import (
	"math/bits"

	"github.com/netdiag/netdiag/internal/packet"
)

// identity is what makes a packet recognisable as one of this run, and two flows different. All of
// it follows from a random cookie.
//
// A probe has a wire number of 16 bits. It stands in the packet where routers quote it: as the IPv4
// identification and in the payload (UDP), as the sequence number of the echo (ICMP), in the sequence number
// (TCP); in payloads and in the 32 bits of TCP together with a code that nobody makes who does not know the cookie.
type identity struct {
	cookie    uint64
	echoID    map[packet.Family]uint16
	firstPort uint16 // of the source ports
	ports     int    // how many there are
	// moved are the flows whose port another program has: they have one from the end of the range.
	moved map[int]uint16
}

// mix makes every bit of x bear on every bit of the result.
func mix(x uint64) uint64 {
	x ^= x >> 32
	x *= 0xe9846af9b1a615d
	x ^= x >> 32
	x *= 0xe9846af9b1a615d
	return x ^ x>>28
}

// token is wire number n as it stands in a payload: 16 bits, and 48 that only this run makes of them.
func (id *identity) token(n uint16) uint64 {
	code := mix(id.cookie ^ uint64(n)<<40)
	return code<<16 | uint64(n^uint16(id.cookie))
}

// parseToken returns the wire number in a token of this run.
func (id *identity) parseToken(token uint64) (n uint16, ok bool) {
	n = uint16(token) ^ uint16(id.cookie)
	return n, token == id.token(n)
}

// sequence is wire number n as a TCP sequence number: half of it is the code.
func (id *identity) sequence(n uint16) uint32 {
	code := uint16(mix(id.cookie ^ uint64(n)<<24 ^ 1))
	return uint32(code)<<16 | uint32(n^uint16(id.cookie))
}

// parseSequence returns the wire number in a sequence number of this run.
func (id *identity) parseSequence(seq uint32) (n uint16, ok bool) {
	n = uint16(seq) ^ uint16(id.cookie)
	return n, seq == id.sequence(n)
}

// port is the source port of a flow.
func (id *identity) port(flow int) uint16 {
	if port, ok := id.moved[flow]; ok {
		return port
	}
	return id.firstPort + uint16(flow)
}

// flowOf is the flow of a source port.
func (id *identity) flowOf(port uint16) (int, bool) {
	for flow, other := range id.moved {
		if other == port {
			return flow, true
		}
	}
	flow := int(port) - int(id.firstPort)
	_, away := id.moved[flow]
	return flow, flow >= 0 && flow < id.ports && !away
}

// movePort gives a flow another port, the next one from the end of the range.
func (id *identity) movePort(flow int) {
	next := id.firstPort + uint16(id.ports) - 1
	for _, other := range id.moved {
		next = min(next, other-1)
	}
	if id.moved == nil {
		id.moved = make(map[int]uint16)
	}
	id.moved[flow] = max(next, id.firstPort)
}

// checksum is that of a flow's echo requests: never 0 or 0xffff, which are two ways to write one sum.
func (id *identity) checksum(flow int) uint16 {
	const values = 1<<16 - 2
	// 7919 has no factor in common with the number of values, so different flows have different ones.
	start := bits.Reverse64(id.cookie) >> 48
	return uint16(1 + (start+uint64(flow)*7919)%values)
}

// label is the IPv6 flow label of a flow: 20 bits, not 0, which would be no label.
func (id *identity) label(flow int) uint32 {
	const values = 1<<20 - 1
	start := id.cookie >> 20 & values
	return uint32(1 + (start+uint64(flow)*7919)%values)
}
