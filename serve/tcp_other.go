//go:build !linux

package serve

import (
	"net"
	"time"
)

// roundTrip returns the kernel's round trip of a connection: 0, as it is not known here.
func roundTrip(net.Conn) time.Duration { return 0 }

// progressOf returns how far the client of a connection has come: false, as it is not known here.
func progressOf(net.Conn) (progress, bool) { return progress{}, false }

// backlog returns how many connections may wait at a listener: 0, as it is not known here.
func backlog(net.Listener) int { return 0 }

// awaitEnd waits until the client has closed the connection. The error is ECONNRESET or the like if it did so
// otherwise, or that of the read deadline, or of a connection closed here. It reads one byte, and cannot see
// the end of a client that has sent more.
func awaitEnd(conn net.Conn, idle time.Duration, stop <-chan struct{}) error {
	return awaitByte(conn, idle, stop)
}
