package packet

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Lengths of the IP headers without options and extension headers.
const (
	ipv4HeaderLen = 20
	ipv6HeaderLen = 40
)

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

// The errors of the hot path are made once, so that it allocates nothing even where
// every packet is a stranger's.
var (
	errIPShort   = fmt.Errorf("packet: IP header: %w", ErrShort)
	errIPVersion = fmt.Errorf("packet: IP header: %w: version is neither 4 nor 6", ErrInvalid)
	errIPLength  = fmt.Errorf("packet: IP header: %w: header length below 20", ErrInvalid)
)

// ParseIP parses the header of the IPv4 or IPv6 packet b. The upper layer is
// b[h.HeaderLen:] up to h.Length where b is that long (see Payload): a quoted packet
// may end anywhere behind its header, and b may carry padding. No checksum is looked
// at, and Length is not: some systems and routers hand out headers with a Length of
// their own. It allocates nothing.
//
// The error wraps ErrShort or ErrInvalid. Where only options or extension headers
// are cut short, h holds all that is known nonetheless (Dst.IsValid tells): HeaderLen
// are the bytes that were understood, and Proto on IPv6 is the number of the
// extension header that was cut.
func ParseIP(b []byte) (h Header, err error) {
	if len(b) == 0 {
		return h, errIPShort
	}
	switch b[0] >> 4 {
	case 4:
		err = h.parse4(b)
	case 6:
		err = h.parse6(b)
	default:
		err = errIPVersion
	}
	return h, err
}

func (h *Header) parse4(b []byte) error {
	if len(b) < ipv4HeaderLen {
		return errIPShort
	}
	headerLen := int(b[0]&0x0f) * 4
	if headerLen < ipv4HeaderLen {
		return errIPLength
	}
	fragment := binary.BigEndian.Uint16(b[6:])
	h.Family = IPv4
	h.TOS = b[1]
	h.Length = int(binary.BigEndian.Uint16(b[2:]))
	h.ID = binary.BigEndian.Uint16(b[4:])
	h.DontFragment = fragment&0x4000 != 0
	h.MoreFragments = fragment&0x2000 != 0
	h.FragOffset = int(fragment&0x1fff) * 8
	h.TTL = b[8]
	h.Proto = b[9]
	h.Src = netip.AddrFrom4([4]byte(b[12:]))
	h.Dst = netip.AddrFrom4([4]byte(b[16:]))
	h.HeaderLen = min(headerLen, len(b))
	if h.HeaderLen > ipv4HeaderLen {
		h.Options = b[ipv4HeaderLen:h.HeaderLen:h.HeaderLen]
	}
	if headerLen > len(b) {
		return errIPShort
	}
	return nil
}

func (h *Header) parse6(b []byte) error {
	if len(b) < ipv6HeaderLen {
		return errIPShort
	}
	first := binary.BigEndian.Uint32(b)
	h.Family = IPv6
	h.TOS = uint8(first >> 20)
	h.Flow = first & 0xfffff
	h.Length = ipv6HeaderLen + int(binary.BigEndian.Uint16(b[4:]))
	h.Proto = b[6]
	h.TTL = b[7]
	h.Src = netip.AddrFrom16([16]byte(b[8:]))
	h.Dst = netip.AddrFrom16([16]byte(b[24:]))
	h.HeaderLen = ipv6HeaderLen
	return h.walkExtensions(b)
}

// The extension headers that are walked. ESP is not: what follows it is encrypted.
const (
	extHopByHop    = 0
	extRouting     = 43
	extFragment    = 44
	extAuth        = 51
	extDestination = 60
)

// extensionLen returns the length in bytes of the IPv6 extension header proto whose
// second byte is n (RFC 8200 section 4, RFC 4302 section 2.2), which is 8 at least,
// or 0 where proto is the upper layer.
func extensionLen(proto, n uint8) int {
	switch proto {
	case extHopByHop, extRouting, extDestination:
		return 8 + 8*int(n)
	case extAuth:
		return 8 + 4*int(n)
	case extFragment:
		return 8 // the byte is reserved
	}
	return 0
}

// walkExtensions moves Proto and HeaderLen behind the extension headers of the IPv6
// packet b.
func (h *Header) walkExtensions(b []byte) error {
	for extensionLen(h.Proto, 0) != 0 {
		rest := b[h.HeaderLen:]
		if len(rest) < 8 {
			return errIPShort
		}
		length := extensionLen(h.Proto, rest[1])
		if len(rest) < length {
			return errIPShort
		}
		if h.Proto == extFragment {
			fragment := binary.BigEndian.Uint16(rest[2:])
			h.FragOffset = int(fragment &^ 7)
			h.MoreFragments = fragment&1 != 0
		}
		h.Proto = rest[0]
		h.HeaderLen += length
		if h.FragOffset != 0 {
			break // what follows is the middle of something
		}
	}
	return nil
}

// Payload returns the upper layer of b, whose header h is: what is there of it, but
// no padding. A Length that does not even cover the header is not believed.
func (h Header) Payload(b []byte) []byte {
	start := min(h.HeaderLen, len(b))
	end := len(b)
	if h.Length >= start {
		end = min(h.Length, end)
	}
	return b[start:end]
}

// Append appends the packet of h with the upper layer payload to b. It sets length,
// header length and, on IPv4, the header checksum itself and ignores h.Length and
// h.HeaderLen; the payload's checksum is the caller's (see SetChecksum). Of Options
// the first 40 bytes are used, padded to a multiple of 4. On IPv6 there are neither
// options nor fragments, so that those fields are ignored.
func (h Header) Append(b, payload []byte) []byte {
	start := len(b)
	if h.Family == IPv6 {
		b = binary.BigEndian.AppendUint32(b, 6<<28|uint32(h.TOS)<<20|h.Flow&0xfffff)
		b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
		b = append(b, h.Proto, h.TTL)
		src, dst := h.Src.As16(), h.Dst.As16()
		b = append(b, src[:]...)
		b = append(b, dst[:]...)
		return append(b, payload...)
	}
	options := h.Options[:min(len(h.Options), 40)]
	headerLen := ipv4HeaderLen + (len(options)+3)&^3
	fragment := uint16(h.FragOffset>>3) & 0x1fff
	if h.DontFragment {
		fragment |= 0x4000
	}
	if h.MoreFragments {
		fragment |= 0x2000
	}
	b = append(b, 0x40|uint8(headerLen/4), h.TOS)
	b = binary.BigEndian.AppendUint16(b, uint16(headerLen+len(payload)))
	b = binary.BigEndian.AppendUint16(b, h.ID)
	b = binary.BigEndian.AppendUint16(b, fragment)
	b = append(b, h.TTL, h.Proto, 0, 0)
	src, dst := as4(h.Src), as4(h.Dst)
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	b = append(b, options...)
	for len(b) < start+headerLen {
		b = append(b, 0) // end of options
	}
	binary.BigEndian.PutUint16(b[start+10:], Checksum(b[start:]))
	return append(b, payload...)
}

// as4 returns the bytes of an IPv4 address, or zeros for one that is none.
func as4(a netip.Addr) [4]byte {
	if a = a.Unmap(); a.Is4() {
		return a.As4()
	}
	return [4]byte{}
}
