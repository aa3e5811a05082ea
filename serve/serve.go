// Package serve is the other end to probe against: a TCP server that greets every client.
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"iter"
	"log/slog"
	"net/netip"
	"time"
)

// Mode is what is done with a client.
type Mode uint8

// The modes.
const (
	Greet Mode = iota // sends the message and closes
	Echo              // sends back what the client sends, after the message if there is one
	Hold              // accepts, and says and reads nothing
	Reset             // accepts and resets
)

// Defaults of Config.
const (
	DefaultMessage    = "Hello, world!\n"
	DefaultIdle       = 10 * time.Second
	DefaultMaxClients = 1000
)

// Config says what to serve. Its zero value greets on 0.0.0.0:7777.
type Config struct {
	Addr       netip.AddrPort // zero: 0.0.0.0:7777; port 0: one that the system chooses
	Mode       Mode
	Message    []byte        // nil: DefaultMessage with Greet, otherwise nothing
	Once       bool          // ends after the first client
	MaxClients int           // at a time, further ones are reset at once; 0: 1000
	Idle       time.Duration // a client that neither sends nor takes anything for so long is dropped; 0: 10 s; negative: never
	TLS        *tls.Config   // nil: without
	Logger     *slog.Logger  // nil: silent
}

// Kind tells what an Event is about.
type Kind uint8

// The kinds.
const (
	Listening Kind = iota // the first
	Accepted              // a client is connected
	Ended                 // a client is gone
	Refused               // a client was reset because there were MaxClients
)

// End is how a client's connection ended.
type End uint8

// The ends.
const (
	Closed    End = iota // in order: it was served and closed
	Left                 // the client reset the connection
	TimedOut             // Config.Idle passed
	Stopped              // the server ended
	WasReset             // by Mode Reset
	Handshake            // TLS failed: Err
	Broken               // another error: Err
)

// Event is something that happened.
type Event struct {
	Kind           Kind
	At             time.Time
	Addr           netip.AddrPort // of Listening: what the server listens on
	Client         netip.AddrPort // who
	ID             int64          // of the client, from 1
	Sent, Received int64          // bytes, of the application; with Ended
	Lasted         time.Duration  // with Ended
	End            End            // with Ended
	Err            error          // with Ended: what happened; nil: nothing
	Clients        int            // at this moment
	RTT            time.Duration  // the kernel's round trip to the client; 0: not known
	TLS            string         // version, with Ended; "": none
}

// Server listens.
type Server struct{}

// Listen binds. The error unwraps to the system's (EADDRINUSE, EACCES, EADDRNOTAVAIL).
func Listen(ctx context.Context, cfg Config) (*Server, error) { return nil, errors.ErrUnsupported }

// Addr is what the server listens on.
func (s *Server) Addr() netip.AddrPort { return netip.AddrPort{} }

// Run serves until ctx ends, or until the first client with Once, and yields what happens. It may be ranged once. The listener
// and every client are closed when it ends. Where ctx ends, the clients' Ended come first and then ctx.Err().
func (s *Server) Run(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { yield(Event{}, errors.ErrUnsupported) }
}

// Close stops listening without Run.
func (s *Server) Close() error { return nil }
