package rawsock

import (
	"log/slog"
	"net"
	"net/netip"
	"time"
)

// ConnectConfig says how to open a Connector. Its zero value connects by TCP over both families.
type ConnectConfig struct {
	UDP       bool       // UDP instead of TCP
	Interface string     // bind to this interface; empty: the routes decide
	Source    netip.Addr // source address; zero: the system chooses
	TTL       int        // 1 to 255; 0: the system's
	TOS       int        // 0 to 255
	Mark      int        // fwmark (Linux, needs CAP_NET_ADMIN); 0: none
	// Reset ends established connections with a reset, so that they leave nothing behind here (TIME_WAIT); also those
	// that are taken.
	Reset  bool
	Logger *slog.Logger // nil: silent
}

// Outcome is what became of an attempt to connect, as far as it is known.
type Outcome struct {
	ID int64 // as given to Start
	// Err is nil while connecting and once connected (UDP: when an answer came); otherwise it unwraps to the system's
	// error, a syscall.Errno. ECONNRESET says that a connection was accepted and then reset, EPIPE that the peer had
	// closed it in order before: Connected is set, too, and the attempt is over.
	Err error
	// Connected says that the connection is established (UDP: that an answer came).
	Connected bool
	// Local says that this machine refused by itself, before anything was sent.
	Local bool
	// ICMP is the ICMP error that Err comes from; nil: there was none, or this system does not tell.
	ICMP *ICMPError
	// At is when it was known, and Took how long after the start: of this process, monotonic.
	At   time.Time
	Took time.Duration
	// RTT is the round trip of the handshake as the kernel measured it; 0: not known. It is no measurement
	// where SYNs is more than 1.
	RTT time.Duration
	// SYNs is how many SYNs were sent (UDP: datagrams); 0: not known.
	SYNs int
	// Own is the local end of the connection; zero: not known.
	Own netip.AddrPort
	// Answer is the first answer by UDP.
	Answer []byte
}

// ICMPError is an ICMP error as a socket's error queue tells it.
type ICMPError struct {
	From       netip.Addr // who sent it; zero: not known. One of this machine's own: the neighbour did not answer
	Type, Code uint8
	V6         bool // of ICMPv6 (RFC 4443), not of ICMP (RFC 792)
	// Own says that this machine's own kernel said so, without a packet: nobody at that address, or at the
	// router's, answered ARP or neighbour solicitation. A firewall of this machine that refuses in just these words
	// (host or address unreachable) cannot be told from it. OnLink says, with Own, that the destination is in a network of
	// this machine, so that it was asked for the destination itself.
	Own, OnLink bool
	// Local says that From is an address of this machine, and not the destination.
	Local bool
}

// Connector makes many connections at a time. One goroutine uses it; Wake and Close may be called by any.
type Connector interface {
	// Start begins an attempt under an ID of the caller's choice that is not in use. By UDP it sends payload.
	// What becomes of it Wait tells, also where it failed at once.
	Start(id int64, to netip.AddrPort, payload []byte)
	// Send sends a datagram once more (UDP).
	Send(id int64, payload []byte)
	// Wait fills out with what is known by now and was not told before, one Outcome an attempt, and waits
	// for the first until the given time, for ever if that is zero. A time that has passed polls. At that time, and after Wake,
	// it returns 0 and nil. An attempt that failed is over; one that is connected stays until Drop or Take.
	Wait(out []Outcome, until time.Time) (int, error)
	// Drop ends an attempt and returns the last that is known of it: also a reset that has come since it was connected.
	Drop(id int64) Outcome
	// Take hands an established connection over.
	Take(id int64) (net.Conn, error)
	// SetReset changes ConnectConfig.Reset for what ends from now on.
	SetReset(reset bool)
	// Limit is how many attempts may be under way at a time, by the descriptors that this process may have.
	Limit() int
	// Wake ends the present Wait, or else the next one.
	Wake()
	// Close ends every attempt.
	Close() error
}

// Connect opens a Connector. A configuration that no attempt could be made with is an error here.
//
// All that an Outcome has is known on Linux only, without privilege. Other systems make what they like of an ICMP error,
// and do not tell of it, nor of most refusals whether they are their own; see the connector of each.
func Connect(cfg ConnectConfig) (Connector, error) { return connect(cfg) }
