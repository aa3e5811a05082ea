package serve

import "syscall"

// departures are the errors that say that a client has reset the connection, or has gone.
func departures() []syscall.Errno {
	const (
		aborted      = syscall.Errno(10053) // WSAECONNABORTED
		notConnected = syscall.Errno(10057) // WSAENOTCONN
		shutDown     = syscall.Errno(10058) // WSAESHUTDOWN
	)
	return []syscall.Errno{syscall.WSAECONNRESET, aborted, notConnected, shutDown}
}
