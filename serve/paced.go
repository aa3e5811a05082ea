package serve

import (
	"errors"
	"net"
	"os"
	"time"
)

// pacedConn is a connection on which reading and writing fail with os.ErrDeadlineExceeded when nothing could be
// read, or nothing of what is written was taken, for some time.
type pacedConn struct {
	net.Conn
	idle time.Duration // 0: for ever
	// until, if set, is when reading and writing fail, come what may.
	until time.Time
}

// within has all that is done until the returned function is called end in d; 0: no end.
func (c *pacedConn) within(d time.Duration) (release func()) {
	if d > 0 {
		c.until = time.Now().Add(d)
	}
	return func() { c.until = time.Time{} }
}

// deadline returns until when something must have happened; zero: never.
func (c *pacedConn) deadline() time.Time {
	switch {
	case !c.until.IsZero():
		return c.until
	case c.idle > 0:
		return time.Now().Add(c.idle)
	}
	return time.Time{}
}

// Read implements net.Conn.
func (c *pacedConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write implements net.Conn. A client that takes little at a time has not stopped taking: time counts from the
// last byte that was taken.
func (c *pacedConn) Write(p []byte) (done int, err error) {
	for {
		if err := c.SetWriteDeadline(c.deadline()); err != nil {
			return done, err
		}
		n, err := c.Conn.Write(p[done:])
		done += n
		if n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !c.until.IsZero() {
			return done, err
		}
	}
}
