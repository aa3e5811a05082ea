package packet

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Checksum returns the Internet checksum of b (RFC 1071): the complement of the
// one's complement sum of its 16-bit words. Over bytes that include a correct
// checksum field it is 0.
func Checksum(b []byte) uint16 { return ^sum16(b) }

// TransportChecksum returns the checksum of the upper-layer packet b of protocol
// proto between src and dst, over their pseudo-header (RFC 768, RFC 9293, RFC 8200
// section 8.1) except for ICMP of IPv4, which has none. Its checksum field counts as
// it stands: with 0 there the result is what belongs into it, with a correct value
// the result is 0.
func TransportChecksum(proto uint8, src, dst netip.Addr, b []byte) uint16 {
	sum := sum16(b)
	if proto == ProtoICMP {
		return ^sum
	}
	// The pseudo-headers of the two families differ in where their fields stand and
	// how wide they are, which a sum of words does not see.
	sum = add16(sum, sumAddr(src))
	sum = add16(sum, sumAddr(dst))
	sum = add16(sum, uint16(len(b)>>16))
	sum = add16(sum, uint16(len(b)))
	return ^add16(sum, uint16(proto))
}

// SetChecksum sets the checksum field of the upper-layer packet b of protocol
// proto, in place; UDP's 0 becomes 0xffff. Unknown protocols, and packets too short
// for the field, are left alone.
func SetChecksum(proto uint8, src, dst netip.Addr, b []byte) {
	at := 0
	switch proto {
	case ProtoICMP, ProtoICMPv6:
		at = 2
	case ProtoUDP:
		at = 6
	case ProtoTCP:
		at = 16
	default:
		return
	}
	if len(b) < at+2 {
		return
	}
	field := b[at : at+2]
	clear(field)
	sum := TransportChecksum(proto, src, dst, b)
	if sum == 0 && proto == ProtoUDP {
		sum = 0xffff // 0 on the wire says that there is no checksum
	}
	binary.BigEndian.PutUint16(field, sum)
}

// UpdateChecksum returns checksum sum after a 16-bit word that it covers changed
// from one value to another (RFC 1624, equation 3).
func UpdateChecksum(sum, from, to uint16) uint16 {
	if from == to {
		return sum
	}
	return ^add16(add16(^sum, ^from), to)
}

// sum16 returns the one's complement sum of the big-endian 16-bit words of b, the
// last one padded with a zero byte. It adds eight bytes at a time: such a sum does
// not depend on the order of bytes (RFC 1071 section 2), so that words are loaded as
// most processors have them and only the result is swapped.
func sum16(b []byte) uint16 {
	var sum, carry uint64
	for len(b) >= 32 {
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b), 0)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b[8:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b[16:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b[24:]), carry)
		sum += carry // cannot overflow: a sum that carried is below the maximum
		b = b[32:]
	}
	for len(b) >= 8 {
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b), 0)
		sum += carry
		b = b[8:]
	}
	var tail uint64
	for i, c := range b {
		tail |= uint64(c) << (8 * i)
	}
	sum, carry = bits.Add64(sum, tail, 0)
	sum += carry
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	return bits.ReverseBytes16(uint16(sum))
}

// sumAddr returns the one's complement sum of the words of a; that of an
// IPv4-mapped IPv6 address is the IPv4 address's, of the zero Addr 0.
func sumAddr(a netip.Addr) uint16 {
	switch a = a.Unmap(); {
	case a.Is4():
		v4 := a.As4()
		return sum16(v4[:])
	case a.Is6():
		v6 := a.As16()
		return sum16(v6[:])
	}
	return 0
}

// add16 adds in one's complement.
func add16(a, b uint16) uint16 {
	sum, carry := bits.Add32(uint32(a)<<16, uint32(b)<<16, 0)
	return uint16(sum>>16) + uint16(carry)
}
