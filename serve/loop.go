package serve

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// loop is a run of a Server. One goroutine accepts, each client has one, and that of the consumer, which alone uses
// the fields below clients, knows them all.
type loop struct {
	cfg   *Config
	s     *Server
	yield func(Event, error) bool

	arrivals chan arrival
	ended    chan Event
	freed    chan struct{} // a client has gone: what it used may be had again
	stop     chan struct{} // closed when the run ends
	running  sync.WaitGroup

	clients map[int64]net.Conn
	last    int64 // ID given
	gone    bool  // the consumer
}

// arrival is what accepting came to: a connection or an error.
type arrival struct {
	conn net.Conn
	err  error
}

func newLoop(s *Server, yield func(Event, error) bool) *loop {
	return &loop{
		cfg: &s.cfg, s: s, yield: yield,
		arrivals: make(chan arrival), ended: make(chan Event), freed: make(chan struct{}, 1), stop: make(chan struct{}),
		clients: make(map[int64]net.Conn),
	}
}

// run serves until ctx, the consumer or the last client ends it.
func (l *loop) run(ctx context.Context) {
	l.tell(Event{Kind: Listening, At: time.Now(), Addr: l.s.addr})
	l.running.Go(l.accept)
	for !l.gone && ctx.Err() == nil && !(l.cfg.Once && l.last > 0 && len(l.clients) == 0) {
		select {
		case <-ctx.Done():
		case a := <-l.arrivals:
			l.arrive(a)
		case e := <-l.ended:
			l.leave(e)
		}
	}
	l.shutDown()
	if err := ctx.Err(); err != nil && !l.gone {
		l.yield(Event{}, err)
	}
}

// shutDown closes everything and waits until nothing is left.
func (l *loop) shutDown() {
	close(l.stop)
	if err := l.s.ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) { // with Once it is closed by now
		l.cfg.log().Warn("closing the listener", "err", err)
	}
	for _, conn := range l.clients {
		_ = conn.Close() // it is the client's goroutine that tells how it ended
	}
	for len(l.clients) > 0 {
		l.leave(<-l.ended)
	}
	l.running.Wait()
}

// tell yields e.
func (l *loop) tell(e Event) {
	e.Clients = len(l.clients)
	l.gone = l.gone || !l.yield(e, nil)
}

// arrive begins to serve a client, or refuses it.
func (l *loop) arrive(a arrival) {
	now := time.Now()
	switch {
	case a.err != nil:
		l.tell(Event{Kind: Strained, At: now, Err: a.err})
		return
	case len(l.clients) >= l.cfg.MaxClients, l.cfg.Once && l.last > 0:
		reset(a.conn)
		l.tell(Event{Kind: Refused, At: now, Client: addrPort(a.conn.RemoteAddr())})
		return
	}
	l.last++
	c := newClient(l.cfg, a.conn, Event{At: now, Client: addrPort(a.conn.RemoteAddr()), ID: l.last, RTT: roundTrip(a.conn)})
	l.clients[l.last] = a.conn
	if l.cfg.Once {
		_ = l.s.ln.Close() // whoever else connects is refused by the system
	}
	e := c.event
	e.Kind = Accepted
	l.running.Go(func() { l.ended <- c.run(l.stop) })
	l.tell(e)
}

// leave forgets a client.
func (l *loop) leave(e Event) {
	delete(l.clients, e.ID)
	select {
	case l.freed <- struct{}{}:
	default:
	}
	l.tell(e)
}

// How long accept waits before it tries again what failed, from the first time on.
const (
	shortestPause = 5 * time.Millisecond
	longestPause  = time.Second
)

// accept hands over clients until the listener is closed. Nothing else ends it: what fails now, for lack of
// descriptors or memory say, goes well when something was freed.
func (l *loop) accept() {
	var pause time.Duration // 0: the last one went well
	var told string
	for {
		conn, err := l.s.ln.Accept()
		switch {
		case err == nil:
			pause, told = 0, ""
			if !l.hand(arrival{conn: conn}) {
				_ = conn.Close() // nobody has seen it
				return
			}
			continue
		case errors.Is(err, net.ErrClosed):
			return
		case err.Error() != told:
			told = err.Error()
			if !l.hand(arrival{err: err}) {
				return
			}
		}
		pause = min(max(shortestPause, 2*pause), longestPause)
		if !l.rest(pause) {
			return
		}
	}
}

// hand gives a to the loop. It is false when the run ends.
func (l *loop) hand(a arrival) bool {
	select {
	case l.arrivals <- a:
		return true
	case <-l.stop:
		return false
	}
}

// rest waits for d, or until a client has gone. It is false when the run ends.
func (l *loop) rest(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.freed:
	case <-l.stop:
		return false
	}
	return true
}
