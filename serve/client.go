package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"time"
)

// bufferSize is how many bytes are read at a time: few, as there may be thousands of clients.
const bufferSize = 4 << 10

// client serves one connection. Its goroutine alone uses it.
type client struct {
	cfg   *Config
	raw   net.Conn
	event Event           // what is known, in the end its Ended
	stop  <-chan struct{} // closed when the run ends
}

// newClient returns the client of a connection that was accepted as begun says.
func newClient(cfg *Config, raw net.Conn, begun Event) *client {
	return &client{cfg: cfg, raw: raw, event: begun}
}

// run serves the client to its end, or until ctx ends, closes the connection, and returns its Ended.
func (c *client) run(ctx context.Context) Event {
	c.stop = ctx.Done()
	defer context.AfterFunc(ctx, func() { _ = c.raw.Close() })() // what is waited for below fails then
	end, err := c.serve()
	if err != nil && ctx.Err() != nil { // the error is that of a connection closed here
		end, err = Stopped, nil
	}
	if rtt := roundTrip(c.raw); rtt > 0 {
		c.event.RTT = rtt
	}
	_ = c.raw.Close() // that it could not be closed in order changes nothing any more
	e := c.event
	e.Kind, e.At, e.End, e.Err = Ended, time.Now(), end, err
	e.Lasted = e.At.Sub(c.event.At)
	if end == TimedOut || end == Closed {
		e.Err = nil // the end says it
	}
	return e
}

// serve does what the mode says. The error is nil if the end was reached without one.
func (c *client) serve() (End, error) {
	if c.cfg.Mode == Reset {
		reset(c.raw)
		return WasReset, nil
	}
	paced := newPacedConn(c.raw, c.cfg.Idle)
	var conn net.Conn = paced
	if c.cfg.TLS != nil {
		secure := tls.Server(paced, c.cfg.TLS)
		if end, err := c.shakeHands(paced, secure); err != nil {
			return end, err
		}
		conn = secure
	}
	if c.cfg.Mode == Hold {
		return c.hold()
	}
	if err := c.greet(conn); err != nil {
		return c.failed(err)
	}
	if c.cfg.Mode == Echo {
		return c.echo(conn)
	}
	return c.finish(paced, conn)
}

// greet sends the message.
func (c *client) greet(conn net.Conn) error {
	if len(c.cfg.Message) > 0 {
		n, err := conn.Write(c.cfg.Message)
		c.event.Sent += int64(n)
		if err != nil {
			return err
		}
	}
	c.event.Greeted = c.cfg.Mode == Greet || len(c.cfg.Message) > 0
	return nil
}

// shakeHands makes the connection one of TLS, all within Idle.
func (c *client) shakeHands(paced *pacedConn, secure *tls.Conn) (End, error) {
	defer paced.within(c.cfg.Idle)()
	err := secure.Handshake()
	if err == nil {
		c.event.TLS = tls.VersionName(secure.ConnectionState().Version)
		return Closed, nil
	}
	if endOf(err) != Broken {
		return c.failed(err)
	}
	return Handshake, err
}

// echo sends back what comes until the client sends no more.
func (c *client) echo(conn net.Conn) (End, error) {
	buf := make([]byte, bufferSize)
	for {
		n, err := conn.Read(buf)
		c.event.Received += int64(n)
		if n > 0 {
			// The next is read when this is taken: a client that does not read is made to wait, and nothing piles up here.
			sent, err := conn.Write(buf[:n])
			c.event.Sent += int64(sent)
			if err != nil {
				return c.failed(err)
			}
		}
		if closed(err) {
			return Closed, nil
		}
		if err != nil {
			return c.failed(err)
		}
	}
}

// finish tells the client that all is sent, and waits until it has closed, too: for Idle, from when it last took
// something of what was sent.
func (c *client) finish(paced *pacedConn, conn net.Conn) (End, error) {
	paced.finish()
	for _, half := range []net.Conn{conn, c.raw} { // first what TLS has to say about it
		if w, ok := half.(interface{ CloseWrite() error }); ok {
			if err := w.CloseWrite(); err != nil {
				return c.failed(err)
			}
		}
	}
	buf := make([]byte, bufferSize)
	for {
		n, err := conn.Read(buf)
		c.event.Received += int64(n)
		switch {
		case closed(err):
			return Closed, nil
		case err != nil:
			if p, ok := progressOf(c.raw); ok && p.pending && endOf(err) == TimedOut {
				c.event.Greeted = false // it is sent, and the client did not take it
			}
			return c.failed(err)
		}
	}
}

// hold waits until the client ends the connection, within Idle.
func (c *client) hold() (End, error) {
	if c.cfg.Idle > 0 {
		if err := c.raw.SetReadDeadline(time.Now().Add(c.cfg.Idle)); err != nil {
			return endOf(err), err
		}
	}
	err := awaitEnd(c.raw, c.cfg.Idle, c.stop)
	if err == nil {
		return Closed, nil
	}
	return endOf(err), err
}

// failed returns the end by an error. A client that does nothing for Idle is dropped with all that waits for it,
// which the system would otherwise keep, and offer, for minutes.
func (c *client) failed(err error) (End, error) {
	end := endOf(err)
	if end == TimedOut {
		reset(c.raw)
	}
	return end, err
}

// closed reports whether err says that the client has sent all that it will. With TLS that should be said by an
// alert (RFC 8446 section 6.1), which many do not bother to send.
func closed(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// endOf returns the end that an error is.
func endOf(err error) End {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return TimedOut
	case closed(err), isOneOf(err, departures()):
		return Left
	case isOneOf(err, vanishings()):
		return Vanished
	}
	return Broken
}

// isOneOf reports whether err is one of the system's errors.
func isOneOf(err error, which []syscall.Errno) bool {
	return slices.ContainsFunc(which, func(e syscall.Errno) bool { return errors.Is(err, e) })
}

// reset closes a connection by a reset.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a connection that is gone cannot, and need not, be reset
	}
	_ = conn.Close() // likewise
}
