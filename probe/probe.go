package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// Run probes cfg.Targets and yields what is found, in the order in which it becomes known. Each pair is an event and
// nil, or the zero Event and an error, which is last: a *ConfigError, the system's refusal of what cfg asks of the
// sockets, or ctx.Err() when ctx ends. Before that, and where Config.Deadline ends the run, what is known of the connections
// that are there is told, and the Done of every target begun. Breaking out of the loop releases
// everything. Ranging again is a new run, as far as cfg.Targets can be ranged again.
func Run(ctx context.Context, cfg Config) iter.Seq2[Event, error] {
	return run(ctx, cfg, system{rawsock.Connect, rawsock.Route, converse, rand.Uint64})
}

// system is what a run needs of this machine.
type system struct {
	connect func(rawsock.ConnectConfig) (rawsock.Connector, error)
	route   func(rawsock.Config, netip.Addr) (source netip.Addr, mtu int, err error)
	talk    talker
	random  func() uint64
}

func run(ctx context.Context, cfg Config, sys system) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := cfg.check(); err != nil {
			yield(Event{}, err)
			return
		}
		cfg := cfg.filled()
		conn, err := sys.connect(cfg.sockets())
		if err != nil {
			yield(Event{}, fmt.Errorf("probe: %w", err))
			return
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, conn.Wake)()
		next, stop := iter.Pull(cfg.Targets)
		defer stop()
		l := &loop{
			cfg:   cfg,
			conn:  conn,
			s:     openSession(cfg, sys, next, conn.Limit()),
			yield: yield,
			in:    make([]rawsock.Outcome, atOnce),
			reset: cfg.Reset,
		}
		l.talks = newTalks(ctx, cfg, sys.talk, conn.Wake, l.s.width.most)
		defer l.talks.close(interrupted)
		if err := l.run(ctx); err != nil && err != errStopped {
			yield(Event{}, err)
		}
	}
}

// loop drives a session over a connector: one goroutine, no locks.
type loop struct {
	cfg   Config
	conn  rawsock.Connector
	s     *session
	yield func(Event, error) bool
	talks *talks

	in      []rawsock.Outcome
	now     time.Time
	end     time.Time // of the run; zero: none
	flushed time.Time // when Idle was called last
	reset   bool      // what the connector was told of how connections end
}

// errStopped ends the loop because the consumer did.
var errStopped = errors.New("the consumer stopped")

// atOnce is how many attempts are started between two looks at what is known, and how many outcomes are taken at a time.
const atOnce = 256

// mostOrderly is how many connections of a run are closed in order.
const mostOrderly = 100

// run starts, tells and waits in turn until the session is finished, or ctx or the deadline ends it.
func (l *loop) run(ctx context.Context) error {
	l.now = time.Now()
	if l.cfg.Deadline > 0 {
		l.end = l.now.Add(l.cfg.Deadline)
	}
	for {
		switch {
		case ctx.Err() != nil:
			return l.stop(ctx, interrupted)
		case !l.end.IsZero() && !l.now.Before(l.end):
			return l.stop(ctx, late)
		}
		l.start()
		if l.s.finished() {
			return l.s.err
		}
		if err := l.receive(); err != nil {
			return err
		}
	}
}

// start starts some of the attempts that are due.
func (l *loop) start() {
	for range atOnce {
		a := l.s.start(l.now)
		if a == nil {
			return
		}
		l.conn.Start(a.id, a.to, a.payload)
	}
}

// receive waits until something is known or due, and hands it to the session. Only when it has caught up, so that nothing
// known is left, are attempts given up.
func (l *loop) receive() error {
	wake := l.s.wake(l.now)
	if !l.end.IsZero() && (wake.IsZero() || l.end.Before(wake)) {
		wake = l.end
	}
	asked := time.Now()
	l.idle(asked, wake)
	n, err := l.conn.Wait(l.in, wake)
	l.now = time.Now()
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	for i := range n {
		l.s.outcome(&l.in[i], l.now)
	}
	l.s.warn()
	for _, t := range l.talks.ended() {
		l.s.said(t.a, t.said, l.now)
	}
	if n < len(l.in) {
		// What was known when the wait began has been told, and if it ended by itself what was until then.
		if n == 0 && !wake.IsZero() && !wake.After(l.now) {
			asked = later(asked, wake)
		}
		l.s.expire(asked)
	}
	l.act()
	return l.tell()
}

// idleEvery is how often Idle is called when there is no wait.
const idleEvery = 5 * time.Millisecond

// idle calls Idle, if it is time to.
func (l *loop) idle(now, wake time.Time) {
	if l.cfg.Idle == nil || !wake.IsZero() && !wake.After(now) && now.Sub(l.flushed) < idleEvery {
		return
	}
	l.flushed = now
	l.cfg.Idle()
}

// act does what the session wants done.
func (l *loop) act() {
	for i := 0; i < len(l.s.acts); i++ { // what is done may add to them
		a := l.s.acts[i].a
		switch l.s.acts[i].what {
		case drop:
			l.setReset(a)
			o := l.conn.Drop(a.id)
			l.s.dropped(a, &o, l.now)
		case resend:
			l.conn.Send(a.id, a.payload)
		case take:
			l.setReset(a)
			conn, err := l.conn.Take(a.id)
			if err != nil {
				l.s.said(a, &Said{Err: err}, l.now)
				continue
			}
			l.talks.begin(a, conn)
		case hangUp:
			l.talks.hangUp(a)
		}
	}
	clear(l.s.acts)
	l.s.acts = l.s.acts[:0]
}

// setReset has the connector end the connection of a as it should.
func (l *loop) setReset(a *attempt) {
	if reset := l.cfg.Reset || a.nth > mostOrderly; a.nth > 0 && reset != l.reset {
		l.reset = reset
		l.conn.SetReset(reset)
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

// stop ends the run early, and tells what is known by now.
func (l *loop) stop(ctx context.Context, why ending) error {
	l.talks.close(why)
	for _, t := range l.talks.ended() {
		l.s.said(t.a, t.said, l.now)
	}
	l.s.stop(why, l.now)
	l.act()
	l.s.close(l.now)
	if err := l.tell(); err != nil {
		return err
	}
	return cmp.Or(ctx.Err(), l.s.err)
}
