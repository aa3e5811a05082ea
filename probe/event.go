package probe

import (
	"net/netip"
	"time"
)

// State is what a probe found.
type State uint8

// The states.
const (
	Open        State = iota + 1 // the connection was accepted (UDP: something answered)
	Closed                       // a reset (UDP: port unreachable): a machine answered, and nothing listens; or a connection to itself
	Rejected                     // an ICMP error: prohibited, port or protocol unreachable
	Unreachable                  // an ICMP error: network or host unreachable, or the TTL ended
	Filtered                     // no answer in time
	Failed                       // this machine could not try: Err
)

func (s State) String() string {
	return [...]string{"none", "open", "closed", "rejected", "unreachable", "filtered", "error"}[s]
}

// Kind tells what an Event is about.
type Kind uint8

// The kinds.
const (
	Result    Kind = iota // one probe of a target has its outcome
	Done                  // a target had its last probe
	Middlebox             // every port of Addr opens, also those that nobody uses: what answers is not the host itself
)

// Event is something that happened in a run.
type Event struct {
	Kind   Kind
	Target *Target // with Middlebox: one of the address
	Addr   netip.AddrPort
	Seq    int64 // of the probe, from 0
	At     time.Time

	State State
	// RTT is the round trip of the handshake as the kernel measured it; 0: not known, as always where SYNs is not 1.
	RTT time.Duration
	// Took is the time from the start to the outcome as this process saw it.
	Took time.Duration
	// SYNs is how many SYNs were sent (UDP: datagrams); 0: not known.
	SYNs int
	ICMP *ICMP // the ICMP error that decided; nil: none, or this system does not tell
	// Reset says that the connection was accepted and then reset, Self that it was connected to itself.
	Reset, Self bool
	Err         error          // with Failed: unwraps to the system's error
	Own         netip.AddrPort // the local end; zero: not known
	// Before are the outcomes of the addresses that were tried before Addr.
	Before []Event
	// Said is what was said over the connection, with Config.Talk; nil: nothing.
	Said *Said
	// Answer is what a UDP probe was answered.
	Answer []byte
	// Ports are, with Middlebox, the unused ports that were found open.
	Ports []uint16
}

// ICMP is an ICMP error about a probe.
type ICMP struct {
	From       netip.Addr // who sent it; zero: not known
	Type, Code uint8
	V6         bool // of ICMPv6 (RFC 4443), not of ICMP (RFC 792)
	Own        bool // this machine's kernel said so by itself: nobody answered ARP or neighbour solicitation
}

// Reason says in words, with the evidence, why e is in its state; "" where the state says all.
func (e *Event) Reason() string { return "" }
