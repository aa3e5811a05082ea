// Package packet turns bytes from the network into structs, and structs into bytes.
//
// It knows IPv4 and IPv6 headers (RFC 791, RFC 8200), ICMP and ICMPv6 (RFC 792,
// RFC 4443) with the packet that an error quotes, the multi-part extensions of such
// errors (RFC 4884, RFC 4950, RFC 5837), and the headers of UDP and TCP. It opens no
// socket and reads no clock, keeps no reference to what it was handed unless a doc
// says so, and never panics on any input.
package packet

import (
	"errors"
	"net/netip"
)

// Family is a version of the Internet Protocol: 4 or 6.
type Family uint8

// The two families.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// FamilyOf returns the family of a, which is IPv4 for an IPv4-mapped IPv6 address
// and 0 for the zero Addr.
func FamilyOf(a netip.Addr) Family {
	switch {
	case a.Is4(), a.Is4In6():
		return IPv4
	case a.Is6():
		return IPv6
	}
	return 0
}

// Numbers of the protocols above IP (IANA protocol numbers).
const (
	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
)

// ICMPProto returns the protocol number of ICMP in family f.
func (f Family) ICMPProto() uint8 {
	if f == IPv6 {
		return ProtoICMPv6
	}
	return ProtoICMP
}

// ErrShort is returned, wrapped, where bytes end before the structure that they should hold.
var ErrShort = errors.New("packet too short")

// ErrInvalid is returned, wrapped, where bytes cannot be what was asked for.
var ErrInvalid = errors.New("packet not valid")
