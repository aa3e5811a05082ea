package packet

import (
	"encoding/binary"
	"math"
)

// AppendError appends the ICMP error e to b: type, code, MTU, Gateway or Pointer,
// quoted (bytes of the offending packet, from its IP header) and the extensions, with
// the length attribute of RFC 4884 where there are any. The checksum is set on IPv4;
// on IPv6 it is left 0. e.Quote and e.Class are ignored: the class follows from type
// and code. Types that cannot carry extensions are appended without; with
// extensions, quoted is padded with zeros to 128 bytes at least and cut to what the
// length attribute can say, 1020 bytes on IPv4 and 2040 on IPv6.
func AppendError(b []byte, e *Error, quoted []byte) []byte {
	start := len(b)
	b = append(b, e.Type, e.Code, 0, 0)
	k, _ := kindOf(e.Family, e.Type)
	switch {
	case k.typ == ndRedirect:
		b = appendNDRedirect(b, e, quoted)
	case !k.multipart || e.Extensions.empty():
		b = binary.BigEndian.AppendUint32(b, e.info(k))
		b = append(b, quoted...)
	default:
		unit := lengthUnit(e.Family)
		units := min(max(legacyQuoteLen, len(quoted)+unit-1)/unit, math.MaxUint8)
		quoted = quoted[:min(len(quoted), units*unit)]
		b = binary.BigEndian.AppendUint32(b, e.info(k))
		b[start+lengthOffset(e.Family)] = uint8(units)
		b = appendPadded(b, quoted, len(b)+units*unit)
		b = appendExtensions(b, e.Extensions)
	}
	if e.Family != IPv6 {
		binary.BigEndian.PutUint16(b[start+2:], Checksum(b[start:]))
	}
	return b
}

// info returns the second word of e's message but for the length attribute.
func (e *Error) info(k kind) uint32 {
	switch k.classOf(e.Code) {
	case TooBig:
		if e.Family == IPv4 {
			return uint32(min(max(e.MTU, 0), math.MaxUint16))
		}
		return uint32(max(e.MTU, 0))
	case Parameter:
		if e.Family == IPv4 {
			return uint32(min(max(e.Pointer, 0), math.MaxUint8)) << 24
		}
		return uint32(max(e.Pointer, 0))
	case Redirect:
		gateway := as4(e.Gateway)
		return binary.BigEndian.Uint32(gateway[:])
	}
	return 0
}

// appendPadded appends p to b, and zeros until b's length is end.
func appendPadded(b, p []byte, end int) []byte {
	b = append(b, p...)
	if n := end - len(b); n > 0 {
		b = append(b, make([]byte, n)...)
	}
	return b
}
