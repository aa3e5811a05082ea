//go:build !windows

package serve

import "syscall"

// departures are the errors that say that a client has reset the connection, or has gone.
func departures() []syscall.Errno {
	return []syscall.Errno{syscall.ECONNRESET, syscall.EPIPE, syscall.ENOTCONN}
}
