package packet

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/icmp"
)

// Extensions are the objects of a multi-part ICMP message (RFC 4884).
type Extensions struct {
	MPLS       []Label
	Interfaces []Interface
	Unknown    []Object
}

// Label is an entry of an MPLS label stack (RFC 4950).
type Label struct {
	Label  uint32 // 20 bits
	TC     uint8  // traffic class, 3 bits
	Bottom bool   // of the stack
	TTL    uint8
}

// Interface is an interface of the router that sent the error (RFC 5837).
type Interface struct {
	Role  uint8      // 0 incoming, 1 its sub-IP component, 2 outgoing, 3 next hop
	Index uint32     // ifIndex; 0: not given
	Addr  netip.Addr // zero: not given
	Name  string     // as the router has it: not made harmless; at most 63 bytes, empty: not given
	MTU   int        // in bytes; 0: not given
}

// Object is an extension object of a class not known here, or of a known class whose
// content makes no sense.
type Object struct {
	Class, Type uint8
	Data        []byte // behind the object's header; a copy
}

// Classes and types of extension objects (IANA ICMP parameters).
const (
	classMPLS      = 1
	classInterface = 2
	typeMPLSIn     = 1 // incoming label stack, the only type
)

// legacyQuoteLen is the length of the quote before extensions, in bytes, from routers
// that send no length attribute (RFC 4884 section 5.5), and the least from those that do.
const legacyQuoteLen = 128

// extensionHeaderLen is the length of the extension structure's header.
const extensionHeaderLen = 4

func (x Extensions) empty() bool {
	return len(x.MPLS) == 0 && len(x.Interfaces) == 0 && len(x.Unknown) == 0
}

// lengthUnit returns what the length attribute counts in family f, in bytes.
func lengthUnit(f Family) int {
	if f == IPv6 {
		return 8
	}
	return 4
}

// lengthOffset returns where in a message of family f the length attribute is.
func lengthOffset(f Family) int {
	if f == IPv6 {
		return 4
	}
	return 5
}

// lengthAttribute returns the length of the quote in bytes that the multi-part message
// b states, 0 where it states none.
func lengthAttribute(f Family, b []byte) int {
	return lengthUnit(f) * int(b[lengthOffset(f)])
}

// splitExtensions splits b, which follows the header of a multi-part message, into the
// quoted packet and the extensions, which begin at the length attribute if there is one.
func splitExtensions(b []byte, length int) ([]byte, Extensions) {
	if length < legacyQuoteLen {
		length = 0 // not compliant: not enough for a quote to stand before extensions
	}
	return splitExtensionsAt(b, length, legacyQuoteLen)
}

// splitExtensionsAt splits b at the extension structure that begins at offset at (0
// or less: not known) or, by an old router's habit, at legacy. Without one b is
// returned whole.
func splitExtensionsAt(b []byte, at, legacy int) ([]byte, Extensions) {
	for _, try := range [...]struct {
		at      int
		guessed bool
	}{{at, false}, {legacy, true}} {
		if try.at <= 0 || try.at > len(b) || !isExtension(b[try.at:], try.guessed) {
			continue
		}
		return b[:try.at:try.at], parseExtensions(b[try.at:])
	}
	return b, Extensions{}
}

// isExtension reports whether b is an extension structure (RFC 4884 section 7). A
// checksum of 0 says that there is none, which is not enough where only a guess says
// that b is one.
func isExtension(b []byte, guessed bool) bool {
	if len(b) < 2*extensionHeaderLen || b[0]>>4 != 2 {
		return false
	}
	if b[2] == 0 && b[3] == 0 {
		return !guessed
	}
	return Checksum(b) == 0
}

// parseExtensions parses the objects of the extension structure b. An object that
// makes no sense becomes an Unknown one and takes no other with it; at a length that
// cannot be, parsing ends.
func parseExtensions(b []byte) (x Extensions) {
	for b = b[extensionHeaderLen:]; len(b) >= 4; {
		length := int(binary.BigEndian.Uint16(b))
		if length < 4 || length > len(b) {
			break
		}
		x.add(b[:length])
		b = b[length:]
	}
	return x
}

// add adds the object b, its header included.
func (x *Extensions) add(b []byte) {
	class, typ := b[2], b[3]
	if class == classInterface || class == classMPLS && typ == typeMPLSIn {
		switch ext := parseObject(b).(type) {
		case *icmp.MPLSLabelStack:
			for _, l := range ext.Labels {
				x.MPLS = append(x.MPLS, Label{Label: uint32(l.Label), TC: uint8(l.TC), Bottom: l.S, TTL: uint8(l.TTL)})
			}
			return
		case *icmp.InterfaceInfo:
			x.Interfaces = append(x.Interfaces, interfaceOf(ext))
			return
		}
	}
	x.Unknown = append(x.Unknown, Object{Class: class, Type: typ, Data: append([]byte(nil), b[4:]...)})
}

// parseObject returns the object b as x/net/icmp has it, or nil. That parses messages
// only and drops all objects of one if any is malformed, so each object gets a message
// of its own: a destination unreachable with an empty quote and no checksum.
func parseObject(b []byte) icmp.Extension {
	const quoteEnd = icmpErrorHeaderLen + legacyQuoteLen
	message := make([]byte, quoteEnd+extensionHeaderLen, quoteEnd+extensionHeaderLen+len(b))
	message[0] = icmpUnreachable
	message[quoteEnd] = 2 << 4 // the version
	m, err := icmp.ParseMessage(ProtoICMP, append(message, b...))
	if err != nil {
		return nil
	}
	body, ok := m.Body.(*icmp.DstUnreach)
	if !ok || len(body.Extensions) != 1 {
		return nil
	}
	return body.Extensions[0]
}

// interfaceOf converts an interface information object.
func interfaceOf(info *icmp.InterfaceInfo) Interface {
	i := Interface{Role: uint8(info.Type) >> 6}
	if info.Interface != nil {
		i.Index = uint32(info.Interface.Index)
		i.Name = info.Interface.Name
		i.MTU = max(0, info.Interface.MTU)
	}
	if info.Addr != nil {
		addr, _ := netip.AddrFromSlice(info.Addr.IP)
		i.Addr = addr.Unmap()
	}
	return i
}
