package serve

import (
	"errors"
	"net"
	"os"
	"time"
)

// How often it is looked after what the other side acknowledges: several times within idle, as a client is dropped that much
// later at most, and never more rarely than longestStep.
const (
	stepsOfIdle = 8
	longestStep = time.Second
)

// pacedConn is a connection on which reading and writing fail with os.ErrDeadlineExceeded when the other side has
// neither sent nor taken anything for some time.
//
// What was written is in the buffers of this system long before it is taken, so what counts is what the other side has
// acknowledged, where the system tells that; elsewhere what the system took over.
type pacedConn struct {
	net.Conn
	idle   time.Duration // 0: for ever
	active time.Time     // when it last sent or took something
	acked  uint64        // bytes that it had acknowledged when that was last looked at
	// until, if set, is when reading and writing fail, come what may.
	until time.Time
	// finishing says that what it sends counts no more, but only what it takes.
	finishing bool
	progress  func(net.Conn) (progress, bool)
}

// newPacedConn returns conn, of which the other side is active now.
func newPacedConn(conn net.Conn, idle time.Duration) *pacedConn {
	c := &pacedConn{Conn: conn, idle: idle, active: time.Now(), progress: progressOf}
	p, _ := c.progress(conn)
	c.acked = p.acked
	return c
}

// within has all that is done until the returned function is called end in d; 0: no end.
func (c *pacedConn) within(d time.Duration) (release func()) {
	if d > 0 {
		c.until = time.Now().Add(d)
	}
	return func() { c.until, c.active = time.Time{}, time.Now() }
}

// finish has the other side sent all that there is: from now on it has idle since it last took something of that.
func (c *pacedConn) finish() { c.finishing, c.active = true, time.Now() }

// deadline returns until when to wait for something to happen; zero: for ever. Where the other side still has something to
// take, as it has while something is written, that is not when it is too late, but when to look how far it has come.
func (c *pacedConn) deadline(writing bool) time.Time {
	switch {
	case !c.until.IsZero():
		return c.until
	case c.idle == 0:
		return time.Time{}
	}
	late := c.active.Add(c.idle)
	if p, ok := c.progress(c.Conn); ok && (writing || p.pending) {
		if look := time.Now().Add(min(c.idle/stepsOfIdle, longestStep)); look.Before(late) {
			return look
		}
	}
	return late
}

// late reports whether a deadline that has passed was the last: the other side has done nothing for idle.
func (c *pacedConn) late() bool {
	if !c.until.IsZero() {
		return true
	}
	now := time.Now()
	if p, ok := c.progress(c.Conn); ok && p.acked > c.acked {
		c.acked = p.acked
		// Not before it took something, and perhaps later: probes of a window that is closed are acknowledged, too.
		if took := now.Add(-p.heard); took.After(c.active) {
			c.active = took
		}
	}
	return now.Sub(c.active) >= c.idle
}

// Read implements net.Conn.
func (c *pacedConn) Read(p []byte) (int, error) {
	for {
		if err := c.SetReadDeadline(c.deadline(false)); err != nil {
			return 0, err
		}
		n, err := c.Conn.Read(p)
		if n > 0 && !c.finishing {
			c.active = time.Now()
		}
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.late() {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c *pacedConn) Write(p []byte) (done int, err error) {
	for {
		if err := c.SetWriteDeadline(c.deadline(true)); err != nil {
			return done, err
		}
		n, err := c.Conn.Write(p[done:])
		done += n
		if _, told := c.progress(c.Conn); n > 0 && !told {
			c.active = time.Now()
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.late() {
			return done, err
		}
	}
}

// progress is how far the other side of a connection has come with what was sent to it.
type progress struct {
	acked   uint64        // bytes that it has acknowledged
	heard   time.Duration // since it last acknowledged anything
	pending bool          // it has more to acknowledge
}
