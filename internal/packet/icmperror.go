package packet

import "net/netip"

// Class says what an ICMP error means, the same for both families.
type Class uint8

// The classes of ICMP errors.
const (
	Unreachable  Class = iota + 1 // destination unreachable
	TimeExceeded                  // TTL ended on the way, or reassembly timed out
	TooBig                        // fragmentation needed, packet too big
	Parameter                     // parameter problem
	Redirect
	SourceQuench
)

// Error is an ICMP message about a packet that was sent before.
type Error struct {
	Family     Family
	Type, Code uint8
	Class      Class
	MTU        int        // of the next hop, with TooBig; 0: not given (RFC 1191)
	Gateway    netip.Addr // with Redirect
	Pointer    int        // with Parameter: byte offset of the problem
	Quote      Quote
	Extensions Extensions
}

// Quote is the packet that an ICMP error quotes, as far as it does.
type Quote struct {
	// Header is the quoted IP header. From an unprivileged socket's error queue only
	// Family, Dst and Proto are known, and Header.HeaderLen is 0.
	Header  Header
	Payload []byte // of the upper layer; at least its first 8 bytes, as a rule
}

// ParseError parses the ICMP error b of family f, with its quoted packet (whose
// options and extension headers are walked by length) and its extensions. A message
// that is no error, and one that ends before it says whose packet it quotes, give an
// error. Quote.Payload aliases b.
func ParseError(f Family, b []byte) (*Error, error) { panic("stub") }

// IsError reports whether a message of the given type is an error in family f (see Class).
func IsError(f Family, typ uint8) bool { panic("stub") }

// QueuedError makes an Error of what Linux keeps in a socket's error queue
// (IP_RECVERR): type and code of the message, info (ee_info: MTU), the destination
// and protocol of the quoted packet, its upper layer with what followed, and where in
// that the extension structure begins (ee_data of IP_RECVERR_RFC4884; 0 or less: unknown).
func QueuedError(f Family, typ, code uint8, info uint32, dst netip.Addr, proto uint8, payload []byte, extension int) *Error {
	panic("stub")
}

// AppendError appends the ICMP error e to b: type, code, MTU, Gateway or Pointer,
// quoted (bytes of the offending packet, from its IP header) and the extensions, with
// the length attribute of RFC 4884 where there are any. The checksum is set on IPv4;
// on IPv6 it is left 0. e.Quote is ignored.
func AppendError(b []byte, e *Error, quoted []byte) []byte { panic("stub") }

// Text returns what people know the error as, such as "Destination Host
// Unreachable", "Time to live exceeded" or "Frag needed and DF set (mtu = 1400)".
func (e *Error) Text() string { panic("stub") }
