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

// String returns the state in lower case; that of Failed is "error".
func (s State) String() string {
	names := [...]string{"none", "open", "closed", "rejected", "unreachable", "filtered", "error"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// Kind tells what an Event is about.
type Kind uint8

// The kinds.
const (
	Result    Kind = iota // one probe of a target has its outcome
	Done                  // a target had its last probe
	Middlebox             // at Addr, of which the port is 0, Ports that nobody asked for open as well, and none was seen to refuse
	Narrowed              // this machine cannot carry as many attempts as it should: told once for each Err
)

// String returns the kind in lower case.
func (k Kind) String() string {
	names := [...]string{"result", "done", "middlebox", "narrowed"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Event is something that happened in a run. Fields that its kind or state does not have are zero.
type Event struct {
	Kind   Kind
	Target *Target // with Middlebox: one of the address; with Narrowed: the one that was about to be tried
	Addr   netip.AddrPort
	UDP    bool      // Result: it was probed by UDP
	Seq    int64     // of the probe, from 0
	At     time.Time // when it became known

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
	// Cut says that Config.Deadline ended it: with Filtered the wait, before Config.Timeout, with Open what was being
	// said (Said.Err). Of waits that it cut off only the first of a target without any result is told.
	Cut bool
	// Err unwraps to the system's error: with Failed, with Narrowed, and with Rejected and Unreachable where the state rests on
	// it alone as ICMP is nil.
	Err error
	Own netip.AddrPort // the local end; zero: not known
	// Before are the outcomes of the other addresses that were tried, in that order. An Open one is the last that
	// is tried; where none is, the event itself has the one that tells most.
	Before []Event
	// Said is what was said over the connection, with Config.Talk; nil: nothing.
	Said *Said
	// Answer is what a UDP probe was answered.
	Answer []byte
	// Ports are, with Middlebox, the ports found open that nobody asked for.
	Ports []uint16
	// Concurrency is, with Narrowed, how many attempts may be under way from there on.
	Concurrency int
}

// ICMP is an ICMP error about a probe.
type ICMP struct {
	From       netip.Addr // who sent it; zero: not known
	Type, Code uint8
	V6         bool // of ICMPv6 (RFC 4443), not of ICMP (RFC 792)
	// Own says that this machine's kernel said so by itself: nobody answered ARP or neighbour solicitation, neither a host
	// of that address nor, unless OnLink, the router towards it. OnLink is known where a network of this machine has the address.
	Own, OnLink bool
	// Local says that From is an address of this machine, and not the one that was asked: but for Own, a firewall of its own.
	Local bool
}
