package serve

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// loop is a run of a Server. One goroutine accepts, each client has one, and that of the consumer, which alone uses
// the fields below running, counts them. What must go on, or end, while the consumer is busy does not wait for it.
type loop struct {
	cfg   *Config
	s     *Server
	yield func(Event, error) bool

	arrivals chan arrival
	ended    chan Event
	freed    chan struct{} // a client has gone: what it used may be had again
	running  sync.WaitGroup

	clients int
	last    int64 // ID given
	closed  bool  // nobody else is accepted
	gone    bool  // the consumer
}

// arrival is what accepting came to: a connection or an error, which net.ErrClosed ends.
type arrival struct {
	conn  net.Conn
	err   error
	times int64 // failures with err since that was last handed over
}

func newLoop(s *Server, yield func(Event, error) bool) *loop {
	return &loop{
		cfg: &s.cfg, s: s, yield: yield,
		arrivals: make(chan arrival), ended: make(chan Event), freed: make(chan struct{}, 1),
	}
}

// run serves until ctx or the consumer ends it, or until nobody is left to serve. The context that ends with the run closes the listener and each
// client, also while the consumer is busy.
func (l *loop) run(outer context.Context) {
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	defer context.AfterFunc(ctx, l.stopListening)()
	l.tell(Event{Kind: Listening, At: time.Now(), Addr: l.s.addr})
	l.running.Go(func() { l.accept(ctx) })
	for !l.gone && ctx.Err() == nil && !(l.closed && l.clients == 0) {
		select {
		case <-ctx.Done():
		case a := <-l.arrivals:
			l.arrive(ctx, a)
		case e := <-l.ended:
			l.leave(e)
		}
	}
	cancel()
	l.stopListening()
	for l.clients > 0 {
		l.leave(<-l.ended)
	}
	l.running.Wait()
	if err := outer.Err(); err != nil && !l.gone {
		l.yield(Event{}, err)
	}
}

// stopListening closes the listener, if that was not done.
func (l *loop) stopListening() {
	if err := l.s.ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		l.cfg.log().Warn("closing the listener", "err", err)
	}
}

// tell yields e.
func (l *loop) tell(e Event) {
	e.Clients = l.clients
	l.gone = l.gone || !l.yield(e, nil)
}

// arrive begins to serve a client, or refuses it.
func (l *loop) arrive(ctx context.Context, a arrival) {
	now := time.Now()
	switch {
	case errors.Is(a.err, net.ErrClosed):
		l.closed = true
		return
	case a.err != nil:
		l.tell(Event{Kind: Strained, At: now, Err: a.err, Times: a.times})
		return
	case l.clients >= l.cfg.MaxClients, l.cfg.Once && l.last > 0:
		reset(a.conn)
		l.tell(Event{Kind: Refused, At: now, Client: addrPort(a.conn.RemoteAddr())})
		return
	}
	l.last++
	l.clients++
	c := newClient(l.cfg, a.conn, Event{At: now, Client: addrPort(a.conn.RemoteAddr()), ID: l.last, RTT: roundTrip(a.conn)})
	if l.cfg.Once {
		l.closed = true
		l.stopListening() // whoever else connects is refused by the system
	}
	e := c.event
	e.Kind = Accepted
	l.running.Go(func() { l.ended <- c.run(ctx) })
	l.tell(e)
}

// leave forgets a client.
func (l *loop) leave(e Event) {
	l.clients--
	select {
	case l.freed <- struct{}{}:
	default:
	}
	l.tell(e)
}
