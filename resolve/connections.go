package resolve

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// connections are those of a Client that are kept, one a server, for all queries to it.
type connections struct {
	mu   sync.Mutex
	kept map[Server]*connection
}

// connection is one of them.
type connection struct {
	of      *connections
	to      Server
	ready   chan struct{} // closed when carrier or err is known
	carrier carrier
	err     error
	given   bool        // whoever opened it gave up, which says nothing of the server
	served  atomic.Bool // it has carried an answer

	// Of these connections.mu is the guard.
	users   int
	dropped bool // nobody new may use it; the last to go closes it
}

// acquire returns the connection to a server, and whether it was made for the caller, who must release it.
func (c *Client) acquire(ctx context.Context, s Server) (*connection, bool, error) {
	for {
		e, mine := c.kept().connections.enter(s)
		if mine {
			e.open(ctx, c)
		}
		select {
		case <-e.ready:
		case <-ctx.Done():
			e.release()
			return nil, false, ctx.Err()
		}
		if e.err == nil && (mine || !over(e.carrier)) {
			return e, mine, nil
		}
		if e.err == nil {
			e.drop()
			e.release()
			continue
		}
		e.release()
		if mine || !e.given {
			return nil, mine, e.err
		}
	}
}

// over reports whether a carrier is known to have come to its end, as its server closed it.
func over(c carrier) bool {
	s, ok := c.(interface{ over() bool })
	return ok && s.over()
}

// enter returns the connection to a server with one user more, and whether that one must open it.
func (cs *connections) enter(s Server) (*connection, bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	e, there := cs.kept[s]
	if !there {
		e = &connection{of: cs, to: s, ready: make(chan struct{})}
		if cs.kept == nil {
			cs.kept = make(map[Server]*connection)
		}
		cs.kept[s] = e
	}
	e.users++
	return e, !there
}

// open sets the connection up.
func (e *connection) open(ctx context.Context, c *Client) {
	e.carrier, e.err = c.open(ctx, e.to)
	e.given = ctx.Err() != nil
	if e.err != nil {
		e.drop()
	}
	close(e.ready)
}

// open sets a connection to a server up, in the time that there is for it.
func (c *Client) open(ctx context.Context, s Server) (carrier, error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	way, err := transports(s.Transport).open(limited, c, s)
	if err != nil && limited.Err() != nil {
		err = &silentError{fmt.Sprintf("no connection in %v", c.timeout())}
	}
	return way, err
}

// answered reports whether the connection has carried an answer. A stream knows it before whoever waits for that.
func (e *connection) answered() bool {
	s, ok := e.carrier.(interface{ answered() bool })
	return e.served.Load() || ok && s.answered()
}

// drop leaves the connection to those who use it now.
func (e *connection) drop() {
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	e.dropped = true
	if e.of.kept[e.to] == e {
		delete(e.of.kept, e.to)
	}
}

// release ends one use.
func (e *connection) release() {
	e.of.mu.Lock()
	e.users--
	last := e.users == 0 && e.dropped
	e.of.mu.Unlock()
	if last && e.carrier != nil {
		e.carrier.close()
	}
}

// close ends all connections, whoever uses them.
func (cs *connections) close() error {
	cs.mu.Lock()
	all := cs.kept
	cs.kept = nil
	for _, e := range all {
		e.dropped = true
	}
	cs.mu.Unlock()
	var first error
	for _, e := range all {
		select {
		case <-e.ready:
			if e.carrier != nil {
				if err := e.carrier.close(); first == nil {
					first = err
				}
			}
		default: // whoever opens it closes it
		}
	}
	return first
}
