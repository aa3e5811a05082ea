package resolve

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// unreachableErrors are those by which the network or the other side says that it cannot be had. An ICMP
// error for a datagram arrives as a reset.
var unreachableErrors = []syscall.Errno{
	windows.WSAECONNREFUSED, windows.WSAECONNRESET, windows.WSAECONNABORTED, windows.WSAEHOSTUNREACH,
	windows.WSAENETUNREACH, windows.WSAEHOSTDOWN, windows.WSAENETDOWN, windows.WSAENETRESET,
}

// timeoutErrors are those of a connection that the system gave up.
var timeoutErrors = []syscall.Errno{windows.WSAETIMEDOUT}
