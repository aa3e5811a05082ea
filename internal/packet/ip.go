package packet

import "net/netip"

// Header is an IP header with what stands between it and the upper layer: IPv4
// options, IPv6 extension headers.
type Header struct {
	Family   Family
	Src, Dst netip.Addr
	Proto    uint8  // of the upper layer, behind all extension headers
	TTL      uint8  // TTL or hop limit
	TOS      uint8  // TOS or traffic class: DSCP and ECN
	ID       uint16 // IPv4 identification; 0 on IPv6
	Flow     uint32 // IPv6 flow label, 20 bits; 0 on IPv4

	DontFragment  bool
	MoreFragments bool
	FragOffset    int // in bytes; not 0: Proto's header is not in this packet

	// Length is the length of the whole packet in bytes as its header has it, which
	// in a quoted packet is more than what was quoted. HeaderLen counts the bytes
	// before the upper layer, options and extension headers included.
	Length    int
	HeaderLen int
	// Options holds IPv4 options (a multiple of 4 bytes, at most 40) when marshalling,
	// and aliases the parsed bytes when parsing. Nil on IPv6.
	Options []byte
}

// ParseIP parses the header of the IPv4 or IPv6 packet b. The upper layer is
// b[h.HeaderLen:] up to h.Length where b is that long: a quoted packet may end
// anywhere behind its header, and b may carry padding.
func ParseIP(b []byte) (h Header, err error) { panic("stub") }

// Append appends the packet of h with the upper layer payload to b. It sets length,
// header length and, on IPv4, the header checksum itself and ignores h.Length and
// h.HeaderLen; the payload's checksum is the caller's (see SetChecksum).
func (h Header) Append(b, payload []byte) []byte { panic("stub") }

// FindIP returns the IP packet within frame, which may begin with a link-layer
// header of unknown length (as the frames that Linux loops back with a transmit
// time stamp do), or nil. It believes a header only whose length is exactly that of
// the rest, and on IPv4 whose checksum holds.
func FindIP(frame []byte) []byte { panic("stub") }
