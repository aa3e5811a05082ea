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

// vanishings are the errors that say that a client, or the way to it, is not there any more.
func vanishings() []syscall.Errno {
	const (
		netUnreachable  = syscall.Errno(10051) // WSAENETUNREACH
		netReset        = syscall.Errno(10052) // WSAENETRESET
		timedOut        = syscall.Errno(10060) // WSAETIMEDOUT
		hostUnreachable = syscall.Errno(10065) // WSAEHOSTUNREACH
	)
	return []syscall.Errno{netUnreachable, netReset, timedOut, hostUnreachable}
}
