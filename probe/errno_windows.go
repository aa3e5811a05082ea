package probe

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// hostDown is what some systems say of a neighbour that does not answer.
const hostDown = syscall.EHOSTDOWN

// posix returns an errno of Windows by its name in POSIX, or as it is where it has none.
func posix(n syscall.Errno) syscall.Errno {
	switch n {
	case windows.WSAECONNRESET:
		return syscall.ECONNRESET
	case windows.WSAECONNREFUSED:
		return syscall.ECONNREFUSED
	case windows.WSAETIMEDOUT:
		return syscall.ETIMEDOUT
	case windows.WSAEACCES:
		return syscall.EACCES
	case windows.WSAENETUNREACH:
		return syscall.ENETUNREACH
	case windows.WSAEHOSTUNREACH:
		return syscall.EHOSTUNREACH
	case windows.WSAEHOSTDOWN:
		return syscall.EHOSTDOWN
	case windows.WSAENETDOWN:
		return syscall.ENETDOWN
	case windows.WSAEMFILE:
		return syscall.EMFILE
	case windows.WSAENOBUFS:
		return syscall.ENOBUFS
	case windows.WSAEADDRINUSE:
		return syscall.EADDRINUSE
	case windows.WSAEADDRNOTAVAIL:
		return syscall.EADDRNOTAVAIL
	case windows.WSAEAFNOSUPPORT:
		return syscall.EAFNOSUPPORT
	case windows.WSAEINVAL:
		return syscall.EINVAL
	}
	return n
}
