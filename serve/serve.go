// Package serve is the other end to probe against: a TCP server that greets every client, or treats it in one of
// the ways in which servers fail. It serves many clients at once and outlives those that hang, reset or never read.
//
//	s, err := serve.Listen(ctx, serve.Config{})
//	...
//	for e, err := range s.Run(ctx) {
//		...
//	}
package serve

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
)

// Server listens, from Listen on, and serves while Run is ranged over.
type Server struct {
	cfg     Config
	ln      net.Listener
	addr    netip.AddrPort
	backlog int
	ran     atomic.Bool
}

// Listen binds. The error is a *ConfigError, or unwraps to the system's (EADDRINUSE, EACCES, EADDRNOTAVAIL ...).
//
// 0.0.0.0 is every IPv4 address of this machine and no IPv6 address; [::] is every address of both, unless
// Config.V6Only. SO_REUSEADDR is set where it means that connections that have ended (TIME_WAIT) do not hold the
// port, SO_REUSEPORT is not: a port has one listener.
func Listen(ctx context.Context, cfg Config) (*Server, error) {
	cfg = cfg.filled()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	// What looks up the holder of a port does not see a listener of Multipath TCP: the kernel's TCP socket under it
	// belongs to no process.
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(ctx, cfg.network(), cfg.Addr.String())
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	return newServer(cfg, ln), nil
}

// newServer returns the server on ln of a Config that is filled.
func newServer(cfg Config, ln net.Listener) *Server {
	return &Server{cfg: cfg, ln: ln, addr: addrPort(ln.Addr()), backlog: backlog(ln)}
}

// Addr is what the server listens on, with the port that the system chose if none was asked for.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// Backlog is how many connections may wait to be accepted (listen(2)): as many as the system lets a program have,
// which on Linux is net.core.somaxconn. 0: not known. What comes while they are that many is not answered.
func (s *Server) Backlog() int { return s.backlog }

// Run serves until ctx ends, or until the end of the first client with Config.Once, or of the last one after Close, and yields what
// happens in the order in which it becomes known. Each pair is an event and nil, or the zero Event and an error, which is last:
// ctx.Err() when ctx ends, after the Ended of all clients. Breaking out of the loop ends the server likewise. The
// listener and every client are closed when it ends, and nothing of it is left. It may be ranged over once.
//
// While the consumer is busy with an event, clients that are connected are served and others wait; no event is lost.
// When ctx ends meanwhile the listener and every client are closed at once, and the rest when the consumer is back.
func (s *Server) Run(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if s.ran.Swap(true) {
			yield(Event{}, errors.New("serve: a Server runs once"))
			return
		}
		newLoop(s, yield).run(ctx)
	}
}

// Close stops listening. A Run that is under way serves the clients that it has to their end, and then ends. After
// Run it does nothing, and before it there is no Run.
func (s *Server) Close() error {
	s.ran.Store(true)
	if err := s.ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// log returns the logger.
func (c *Config) log() *slog.Logger {
	if c.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Logger
}

// addrPort returns a as a netip.AddrPort, IPv4 as such; zero if it is no address of TCP.
func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
