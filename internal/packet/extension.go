package packet

import "net/netip"

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
	Role  uint8 // 0 incoming, 1 its sub-IP component, 2 outgoing, 3 next hop
	Index uint32
	Addr  netip.Addr
	Name  string // as the router has it: not made harmless
	MTU   int
}

// Object is an extension object of a class not known here.
type Object struct {
	Class, Type uint8
	Data        []byte // behind the object's header
}
