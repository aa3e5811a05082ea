//go:build !windows

package serve

import "syscall"

// departures are the errors that say that a client has reset the connection, or has gone.
func departures() []syscall.Errno {
	return []syscall.Errno{syscall.ECONNRESET, syscall.EPIPE, syscall.ENOTCONN}
}

// vanishings are the errors that say that a client, or the way to it, is not there any more.
func vanishings() []syscall.Errno {
	return []syscall.Errno{syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN}
}
