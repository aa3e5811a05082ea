package trace

import (
	"net/netip"
	"time"
)

// Kind says what an Event tells.
type Kind uint8

// The kinds of events. A probe gets one of Answer and Timeout; Late replaces a Timeout told before.
const (
	Answer    Kind = iota + 1 // a probe was answered
	Timeout                   // no answer came in the time that it was given
	Late                      // one came after that; its Timeout came before
	Duplicate                 // a further answer to a probe that has one
	Foreign                   // a packet that looks like an answer and is none: another process's, forged, misaddressed (see Note)
	SendError                 // this machine refused to send a probe; it never was sent
	HopDone                   // all is known of a TTL: Hop; in the order of TTLs
	NodeFound                 // Multipath: Node; once all is known, in the order of TTLs
	LinkFound                 // Multipath: Link; likewise
	RoundDone                 // all probes of a round have their outcome; the last round's comes before Done
	Done                      // the trace to a target is over: Result
)

var kinds = [...]string{Answer: "answer", Timeout: "timeout", Late: "late", Duplicate: "duplicate", Foreign: "foreign",
	SendError: "send_error", HopDone: "hop", NodeFound: "node", LinkFound: "link", RoundDone: "round", Done: "done"}

// String returns the kind in lower case with underscores, such as "send_error".
func (k Kind) String() string {
	if int(k) < len(kinds) && kinds[k] != "" {
		return kinds[k]
	}
	return "unknown"
}

// Event is something that happened to a probe (see Probe), to a hop or to a target. Fields that its kind does
// not have are zero.
type Event struct {
	Kind   Kind
	Index  int // of the target in Config.Targets, from 0
	Target netip.Addr
	Time   time.Time // when it happened: received, expired, ended

	Probe          // of Answer, Timeout, Late, Duplicate, Foreign (as far as one is meant: else TTL 0), SendError
	Err    error   // SendError: the system's error
	Hop    *Hop    // HopDone
	Node   *Node   // NodeFound
	Link   *Link   // LinkFound
	Result *Result // Done
}

// Probe is a probe with what came back.
type Probe struct {
	Seq   int64 // number of the probe among those to its target, from 0
	TTL   int
	Flow  int // number of the flow, from 0
	Round int // from 0

	From   netip.Addr    // who answered; zero: nobody
	RTT    time.Duration // round trip
	Kernel bool          // RTT rests on the kernel's receive time stamp

	// Reached tells that the probe got to its destination, by what the answer is and not by
	// who sent it; Stopped that it can get no further for another reason (an ICMP unreachable).
	Reached, Stopped bool
	// ICMP tells that the answer is an ICMP message, of the given type and code; else it is TCP with the
	// given flags, or UDP.
	ICMP               bool
	ICMPType, ICMPCode uint8
	TCPFlags           uint8  // as in a TCP header: SYN 2, RST 4, ACK 16
	Message            string // what the answer means, in words
	MTU                int    // that an ICMP error names, in bytes; 0: none

	ReplyTTL int // TTL of the answer as it arrived; 0: not known
	ReplyTOS int
	Back     int // hops that the answer took, if it was sent with the nearest usual TTL (64, 128, 255); 0: not known

	Labels     []Label     // MPLS label stack that the probe had (RFC 4950), from the top
	Interfaces []Interface // of the router (RFC 5837)
	Objects    []Object    // other extensions of the ICMP message (RFC 4884)
	// Changes are what the quoted packet has that the probe sent had not. Only raw sockets see them.
	Changes []Change
	// Note says what is remarkable, such as why the packet of a Foreign is no answer; empty: nothing.
	Note string
}

// Label is an entry of an MPLS label stack (RFC 4950).
type Label struct {
	Label  uint32 // 20 bits
	TC     uint8  // traffic class, 3 bits
	Bottom bool   // of the stack
	TTL    uint8
}

// Interface is an interface of the router that answered (RFC 5837).
type Interface struct {
	Role  uint8      // 0 incoming, 1 its sub-IP component, 2 outgoing, 3 next hop
	Index uint32     // ifIndex; 0: not given
	Addr  netip.Addr // zero: not given
	Name  string     // as the router has it: not made harmless; empty: not given
	MTU   int        // in bytes; 0: not given
}

// Object is an extension object of a class not known here (RFC 4884).
type Object struct {
	Class, Type uint8
	Data        []byte // behind the object's header
}

// Field names what a Change changed.
type Field string

// The fields.
const (
	FieldSource     Field = "source"      // source address: address translation
	FieldSourcePort Field = "source-port" // or ICMP identifier: address translation
	FieldChecksum   Field = "checksum"    // of UDP or ICMP: address translation that is not undone in quotes
	FieldDSCP       Field = "dscp"
	FieldECN        Field = "ecn"
	FieldLength     Field = "length"
	FieldTTL        Field = "ttl" // 0: the router before forwarded a packet whose TTL had ended; above 1: it was raised
	FieldID         Field = "id"  // IPv4 identification
	FieldFlow       Field = "flow-label"
)

// Change is a difference between a probe as it was sent and as it was quoted.
type Change struct {
	Field        Field
	Sent, Quoted string
}
