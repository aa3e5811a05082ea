package netsim

import "github.com/netdiag/netdiag/internal/packet"

// Kind names what an ICMP error says, for both families.
type Kind string

// The kinds, with type and code in IPv4 (RFC 792, RFC 1812) and in IPv6 (RFC 4443).
const (
	NetUnreachable      Kind = "net-unreachable"      // 3/0, 1/0
	HostUnreachable     Kind = "host-unreachable"     // 3/1, 1/3
	ProtocolUnreachable Kind = "protocol-unreachable" // 3/2, 4/1
	PortUnreachable     Kind = "port-unreachable"     // 3/3, 1/4
	TooBig              Kind = "too-big"              // 3/4, 2/0
	HostProhibited      Kind = "host-prohibited"      // 3/10, 1/1
	Prohibited          Kind = "prohibited"           // 3/13, 1/1
	TTLExceeded         Kind = "ttl-exceeded"         // 11/0, 3/0
	ReassemblyTimeout   Kind = "reassembly-timeout"   // 11/1, 3/1
	ParameterProblem    Kind = "parameter-problem"    // 12/0, 4/0
	SourceQuench        Kind = "source-quench"        // 4/0, none
	RedirectHost        Kind = "redirect"             // 5/1, 137/0 (RFC 4861)
)

// typeCode is the type and the code of an ICMP message.
type typeCode struct{ typ, code uint8 }

// wire returns the type and code of k in family f; ok is false where there is none.
func (k Kind) wire(f packet.Family) (tc typeCode, ok bool) {
	v6 := f == packet.IPv6
	pick := func(four, six typeCode) (typeCode, bool) {
		if v6 {
			return six, true
		}
		return four, true
	}
	switch k {
	case NetUnreachable:
		return pick(typeCode{3, 0}, typeCode{1, 0})
	case HostUnreachable:
		return pick(typeCode{3, 1}, typeCode{1, 3})
	case ProtocolUnreachable:
		return pick(typeCode{3, 2}, typeCode{4, 1})
	case PortUnreachable:
		return pick(typeCode{3, 3}, typeCode{1, 4})
	case TooBig:
		return pick(typeCode{3, 4}, typeCode{2, 0})
	case HostProhibited:
		return pick(typeCode{3, 10}, typeCode{1, 1})
	case Prohibited:
		return pick(typeCode{3, 13}, typeCode{1, 1})
	case TTLExceeded:
		return pick(typeCode{11, 0}, typeCode{3, 0})
	case ReassemblyTimeout:
		return pick(typeCode{11, 1}, typeCode{3, 1})
	case ParameterProblem:
		return pick(typeCode{12, 0}, typeCode{4, 0})
	case SourceQuench:
		return typeCode{4, 0}, !v6
	case RedirectHost:
		return pick(typeCode{5, 1}, typeCode{137, 0})
	}
	return typeCode{}, false
}

// known reports whether there is such a kind.
func (k Kind) known() bool {
	_, ok := k.wire(packet.IPv4)
	return ok
}
