package serve

import (
	"net/netip"
	"time"
)

// Kind tells what an Event is about.
type Kind uint8

// The kinds.
const (
	Listening Kind = iota // the first
	Accepted              // a client is connected
	Ended                 // a client is gone
	Refused               // a client was reset because there were MaxClients
	// Strained tells that the system could not hand over a client (out of descriptors or memory): Err. That is tried
	// again until it goes well. The same error is told again only when there was none for 10 s.
	Strained
)

// End is how a client's connection ended.
type End uint8

// The ends.
const (
	Closed    End = iota // in order: it was served and closed
	Left                 // the client reset the connection, or was gone before it was served: Err
	TimedOut             // Config.Idle passed
	Stopped              // the server ended
	WasReset             // by Mode Reset
	Handshake            // TLS failed: Err
	Broken               // another error: Err
	// Vanished is a client that does not answer any more, or cannot be reached: Err.
	Vanished
)

func (e End) String() string {
	return [...]string{"closed", "left", "timed_out", "stopped", "reset", "handshake", "error", "vanished"}[e]
}

// Event is something that happened.
type Event struct {
	Kind   Kind
	At     time.Time
	Addr   netip.AddrPort // of Listening: what the server listens on
	Client netip.AddrPort // who
	ID     int64          // of the client, from 1; a Refused one has none
	// Sent and Received are bytes, of the application, with Ended. What the server's system took over counts
	// as sent, whether or not the client got it.
	Sent, Received int64
	Lasted         time.Duration // with Ended
	End            End           // with Ended
	// Greeted says, with Ended, that the whole message was sent. On Linux it is false where the client was dropped because it
	// did not take all of that.
	Greeted bool
	Err     error         // with Ended and Strained: what happened; nil: nothing
	Times   int64         // with Strained: failures with this error since it was last told, this one included
	Clients int           // at this moment
	RTT     time.Duration // the kernel's shortest round trip to the client so far; 0: not known
	TLS     string        // version, as "TLS 1.3", with Ended; "": none
}
