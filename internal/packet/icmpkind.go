package packet

import "fmt"

// kind is what there is to know of a type of ICMP error.
type kind struct {
	family Family
	typ    uint8
	class  Class
	// multipart types have the length attribute and extensions of RFC 4884.
	multipart bool
	name      string   // of a code without a text of its own
	codes     []string // by code
	// pointer stands before the pointer of a parameter problem.
	pointer string
}

// kinds holds the ICMP errors of both families: RFC 792, RFC 1122, RFC 1812, RFC 4443,
// RFC 4861, RFC 7112, RFC 8883. The words are those of the ping of BSD and Linux, which
// people search for. It is never written to.
var kinds = [...]kind{
	{
		family: IPv4, typ: icmpUnreachable, class: Unreachable, multipart: true, name: "Destination unreachable",
		codes: []string{
			0:              "Destination Net Unreachable",
			1:              "Destination Host Unreachable",
			2:              "Destination Protocol Unreachable",
			3:              "Destination Port Unreachable",
			icmpFragNeeded: "Frag needed and DF set",
			5:              "Source Route Failed",
			6:              "Destination Net Unknown",
			7:              "Destination Host Unknown",
			8:              "Source Host Isolated",
			9:              "Destination Net Prohibited",
			10:             "Destination Host Prohibited",
			11:             "Destination Net Unreachable for Type of Service",
			12:             "Destination Host Unreachable for Type of Service",
			13:             "Packet filtered",
			14:             "Precedence Violation",
			15:             "Precedence Cutoff",
		},
	},
	{family: IPv4, typ: 4, class: SourceQuench, name: "Source Quench", codes: []string{"Source Quench"}},
	{
		family: IPv4, typ: 5, class: Redirect, name: "Redirect",
		codes: []string{
			"Redirect Network",
			"Redirect Host",
			"Redirect Type of Service and Network",
			"Redirect Type of Service and Host",
		},
	},
	{
		family: IPv4, typ: 11, class: TimeExceeded, multipart: true, name: "Time exceeded",
		codes: []string{"Time to live exceeded", "Frag reassembly time exceeded"},
	},
	{
		family: IPv4, typ: 12, class: Parameter, multipart: true, name: "Parameter problem",
		codes: []string{
			"Parameter problem",
			"Parameter problem: Required option missing",
			"Parameter problem: Bad length",
		},
		pointer: ": pointer = ",
	},
	{
		family: IPv6, typ: 1, class: Unreachable, multipart: true, name: "Destination unreachable",
		codes: []string{
			"Destination unreachable: No route",
			"Destination unreachable: Administratively prohibited",
			"Destination unreachable: Beyond scope of source address",
			"Destination unreachable: Address unreachable",
			"Destination unreachable: Port unreachable",
			"Destination unreachable: Source address failed ingress/egress policy",
			"Destination unreachable: Reject route to destination",
			"Destination unreachable: Error in source routing header",
			"Destination unreachable: Headers too long",
		},
	},
	{family: IPv6, typ: 2, class: TooBig, name: "Packet too big", codes: []string{"Packet too big"}},
	{
		family: IPv6, typ: 3, class: TimeExceeded, multipart: true, name: "Time exceeded",
		codes: []string{"Time exceeded: Hop limit", "Time exceeded: Defragmentation failure"},
	},
	{
		family: IPv6, typ: 4, class: Parameter, name: "Parameter problem",
		codes: []string{
			"Parameter problem: Wrong header field",
			"Parameter problem: Unknown header",
			"Parameter problem: Unknown option",
			"Parameter problem: Incomplete header chain in first fragment",
			"Parameter problem: Segment routing upper-layer header error",
			"Parameter problem: Unknown next header at a router",
			"Parameter problem: Extension header too big",
			"Parameter problem: Extension header chain too long",
			"Parameter problem: Too many extension headers",
			"Parameter problem: Too many options in an extension header",
			"Parameter problem: Option too big",
		},
		pointer: " at ",
	},
	{family: IPv6, typ: ndRedirect, class: Redirect, name: "Redirect", codes: []string{"Redirect"}},
}

const (
	icmpUnreachable = 3 // of IPv4
	icmpFragNeeded  = 4 // its code that is a class of its own
	ndRedirect      = 137
)

// kindOf returns the kind of ICMP errors of type typ, or false where they are none.
func kindOf(f Family, typ uint8) (kind, bool) {
	for i := range kinds {
		if k := &kinds[i]; k.typ == typ && k.family == f {
			return *k, true
		}
	}
	return kind{}, false
}

// classOf returns the class of k's messages with the given code.
func (k kind) classOf(code uint8) Class {
	if k.family == IPv4 && k.typ == icmpUnreachable && code == icmpFragNeeded {
		return TooBig
	}
	return k.class
}

// IsError reports whether a message of the given type is an error in family f (see Class).
func IsError(f Family, typ uint8) bool {
	_, ok := kindOf(f, typ)
	return ok
}

// Text returns what people know the error as, such as "Destination Host
// Unreachable", "Time to live exceeded" or "Frag needed and DF set (mtu = 1400)".
// Types and codes that have no name here are given by number.
func (e *Error) Text() string {
	k, ok := kindOf(e.Family, e.Type)
	if !ok {
		return fmt.Sprintf("ICMP type %d, code %d", e.Type, e.Code)
	}
	text := fmt.Sprintf("%s: unknown code %d", k.name, e.Code)
	if int(e.Code) < len(k.codes) {
		text = k.codes[e.Code]
	}
	switch class := k.classOf(e.Code); {
	case class == TooBig && e.MTU != 0:
		text += fmt.Sprintf(" (mtu = %d)", e.MTU)
	case class == Redirect && e.Gateway.IsValid():
		text += fmt.Sprintf(" (new nexthop: %s)", e.Gateway)
	case class == Parameter:
		text += fmt.Sprintf("%s%d", k.pointer, e.Pointer)
	}
	return text
}
