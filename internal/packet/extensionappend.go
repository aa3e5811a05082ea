package packet

import (
	"encoding/binary"
	"math"
)

// The parts that an interface information object has, bits of its type (RFC 5837
// section 4.1), in the order in which they follow.
const (
	hasIndex = 8 >> iota
	hasAddr
	hasName
	hasMTU
)

const maxNameLen = 63 // of an interface (RFC 5837 section 4.3)

// Address family numbers (IANA).
const (
	afiIPv4 = 1
	afiIPv6 = 2
)

// appendExtensions appends the extension structure of x with its checksum: all labels
// as one stack, then the interfaces, then the others.
func appendExtensions(b []byte, x Extensions) []byte {
	start := len(b)
	b = append(b, 2<<4, 0, 0, 0)
	if len(x.MPLS) > 0 {
		b = appendLabels(b, x.MPLS)
	}
	for _, i := range x.Interfaces {
		b = appendInterface(b, i)
	}
	for _, o := range x.Unknown {
		at := len(b)
		b = append(b, 0, 0, o.Class, o.Type)
		b = append(b, o.Data[:min(len(o.Data), math.MaxUint16-4)]...)
		setObjectLen(b[at:])
	}
	binary.BigEndian.PutUint16(b[start+2:], Checksum(b[start:]))
	return b
}

func appendLabels(b []byte, labels []Label) []byte {
	at := len(b)
	b = append(b, 0, 0, classMPLS, typeMPLSIn)
	for _, l := range labels[:min(len(labels), (math.MaxUint16-4)/4)] {
		entry := l.Label<<12 | uint32(l.TC&7)<<9 | uint32(l.TTL)
		if l.Bottom {
			entry |= 1 << 8
		}
		b = binary.BigEndian.AppendUint32(b, entry)
	}
	setObjectLen(b[at:])
	return b
}

func appendInterface(b []byte, i Interface) []byte {
	at := len(b)
	b = append(b, 0, 0, classInterface, i.Role<<6)
	if i.Index != 0 {
		b[at+3] |= hasIndex
		b = binary.BigEndian.AppendUint32(b, i.Index)
	}
	if addr := i.Addr.Unmap(); addr.IsValid() {
		b[at+3] |= hasAddr
		afi := byte(afiIPv6)
		if addr.Is4() {
			afi = afiIPv4
		}
		b = append(b, 0, afi, 0, 0)
		b = append(b, addr.AsSlice()...)
	}
	if name := i.Name[:min(len(i.Name), maxNameLen)]; name != "" {
		b[at+3] |= hasName
		length := (1 + len(name) + 3) &^ 3
		end := len(b) + length
		b = append(b, uint8(length)) // counts itself and the padding
		b = appendPadded(b, []byte(name), end)
	}
	if i.MTU > 0 {
		b[at+3] |= hasMTU
		b = binary.BigEndian.AppendUint32(b, uint32(i.MTU))
	}
	setObjectLen(b[at:])
	return b
}

// setObjectLen writes the length of the object, which b ends with, into its header.
func setObjectLen(object []byte) {
	binary.BigEndian.PutUint16(object, uint16(len(object)))
}
