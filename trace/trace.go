package trace

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// Run traces to cfg.Targets and yields what happens, in the order in which it becomes known. Each
// pair is an event and nil, or the zero Event and an error, which is last: a *ConfigError, one that
// satisfies errors.Is(err, os.ErrPermission) when the sockets may not be opened, or ctx.Err() when ctx ends,
// before which every target begun has its Done. Breaking out of the loop releases everything. Ranging again is a new
// run, as far as cfg.Targets can be ranged again.
func Run(ctx context.Context, cfg Config) iter.Seq2[Event, error] {
	return run(ctx, cfg, system{rawsock.OpenFlows, rawsock.Route, rand.Uint64})
}

// system is what a run needs of this machine.
type system struct {
	open  func(rawsock.FlowsConfig) (rawsock.Conn, error)
	route func(rawsock.Config, netip.Addr) (source netip.Addr, mtu int, err error)
	// random makes the number that the run's packets are recognised by.
	random func() uint64
}

func run(ctx context.Context, cfg Config, sys system) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := cfg.check(); err != nil {
			yield(Event{}, err)
			return
		}
		cfg := cfg.filled()
		next, stop := iter.Pull(cfg.Targets)
		defer stop()
		s := newSession(cfg, sys.random(), next)
		sockets := cfg.sockets(s)
		conn, err := sys.open(sockets)
		if err != nil {
			yield(Event{}, fmt.Errorf("trace: %w", err))
			return
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, conn.Wake)()
		for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
			socket := conn.Socket(f)
			s.id.echoID[f] = socket.ID
			s.raw = s.raw || socket.Raw
		}
		s.route = func(a netip.Addr) (netip.Addr, int, error) { return sys.route(sockets.Config, a) }
		l := &loop{cfg: cfg, conn: conn, s: s, yield: yield, in: make([]rawsock.Packet, rawsock.Batch)}
		if err := l.run(ctx); err != nil && err != errStopped {
			yield(Event{}, err)
		}
	}
}

// sockets is what a filled c asks of the sockets.
func (c *Config) sockets(s *session) rawsock.FlowsConfig {
	mode := map[Mode]rawsock.Mode{Auto: rawsock.Auto, Unprivileged: rawsock.Unprivileged, Privileged: rawsock.Privileged}
	return rawsock.FlowsConfig{
		Config: rawsock.Config{
			Mode: mode[c.Mode], Interface: c.Interface, Source: c.Source, TOS: c.TOS, Mark: c.Mark, Logger: c.Logger,
		},
		Proto:     methods[c.Method].proto(packet.IPv4),
		FirstPort: s.id.firstPort,
		LastPort:  s.id.firstPort + uint16(s.id.ports-1),
	}
}

// loop drives a session over a connection: one goroutine, no locks.
type loop struct {
	cfg   Config
	conn  rawsock.Conn
	s     *session
	yield func(Event, error) bool

	in    []rawsock.Packet
	out   []rawsock.Packet
	batch []*probe // of out
	end   time.Time
	now   time.Time
}

// errStopped ends the loop because the consumer did.
var errStopped = errors.New("the consumer stopped")

// mostAtOnce is how many packets are sent between two looks at what has arrived.
const mostAtOnce = 32

// run sends, tells and reads in turn until the session is finished, or ctx or the deadline ends it.
func (l *loop) run(ctx context.Context) error {
	l.now = time.Now()
	if l.cfg.Deadline > 0 {
		l.end = l.now.Add(l.cfg.Deadline)
	}
	l.batch = make([]*probe, 0, mostAtOnce)
	for {
		switch {
		case ctx.Err() != nil:
			l.s.stopAll(StopInterrupted, l.now)
		case !l.end.IsZero() && !l.now.Before(l.end):
			l.s.stopAll(StopDeadline, l.now)
		default:
			if err := l.send(); err != nil {
				return err
			}
		}
		if err := l.tell(); err != nil {
			return err
		}
		if l.s.finished() {
			return ctx.Err()
		}
		if err := l.receive(); err != nil {
			return err
		}
	}
}

// tell yields what the session has to tell.
func (l *loop) tell() error {
	for i := range l.s.events {
		if !l.yield(l.s.events[i], nil) {
			return errStopped
		}
	}
	clear(l.s.events)
	l.s.events = l.s.events[:0]
	return nil
}

// receive waits for packets, or until there is something to do, and hands them to the session. Only
// when it has caught up, so that no answer lies unread, are probes given up.
func (l *loop) receive() error {
	wake := l.s.wake(l.now)
	if !l.end.IsZero() && (wake.IsZero() || l.end.Before(wake)) {
		wake = l.end
	}
	if l.cfg.Idle != nil {
		l.cfg.Idle()
	}
	if err := l.conn.SetReadDeadline(wake); err != nil {
		return fmt.Errorf("trace: receive: %w", err)
	}
	asked := time.Now()
	n, err := l.conn.ReadBatch(l.in)
	l.now = time.Now()
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("trace: receive: %w", err)
	}
	for i := range n {
		l.s.receive(&l.in[i])
	}
	if n < len(l.in) {
		// What had arrived when the read began has been read, and if it ended by itself what had until then.
		if n == 0 && !wake.IsZero() && !wake.After(l.now) {
			asked = later(asked, wake)
		}
		l.s.expire(asked)
	}
	return nil
}

// send sends a batch of what is due.
func (l *loop) send() error {
	clear(l.out)
	l.batch, l.out = l.s.due(l.now, l.batch[:0]), l.out[:0]
	for _, p := range l.batch {
		l.out = append(l.out, p.packet(nil))
	}
	for i := 0; i < len(l.out); {
		n, err := l.conn.WriteBatch(l.out[i:])
		for j := range n {
			p := l.batch[i+j]
			p.sent = l.out[i+j].Stamp
			p.target.sent(p)
		}
		if i += n; err == nil {
			continue
		}
		if errors.Is(err, os.ErrClosed) {
			return fmt.Errorf("trace: send: %w", err)
		}
		p := l.batch[i]
		i++
		full := errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOBUFS)
		taken := errors.Is(err, syscall.EADDRINUSE)
		if taken {
			l.s.id.movePort(p.flow)
		}
		p.target.refused(p, err, full || taken, l.now)
	}
	return nil
}
