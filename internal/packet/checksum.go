package packet

import "net/netip"

// Checksum returns the Internet checksum of b (RFC 1071): the complement of the
// one's complement sum of its 16-bit words. Over bytes that include a correct
// checksum field it is 0.
func Checksum(b []byte) uint16 { panic("stub") }

// TransportChecksum returns the checksum of the upper-layer packet b of protocol
// proto between src and dst, over their pseudo-header (RFC 768, RFC 9293, RFC 8200
// section 8.1) except for ICMP of IPv4, which has none.
func TransportChecksum(proto uint8, src, dst netip.Addr, b []byte) uint16 { panic("stub") }

// SetChecksum sets the checksum field of the upper-layer packet b of protocol
// proto, in place; UDP's 0 becomes 0xffff. Unknown protocols are left alone.
func SetChecksum(proto uint8, src, dst netip.Addr, b []byte) { panic("stub") }

// UpdateChecksum returns checksum sum after a 16-bit word that it covers changed
// from one value to another (RFC 1624).
func UpdateChecksum(sum, from, to uint16) uint16 { panic("stub") }
