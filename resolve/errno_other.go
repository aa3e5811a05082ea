//go:build !windows

package resolve

import "syscall"

// unreachableErrors are those by which the network or the other side says that it cannot be had. Those of
// IPv6 that say prohibited arrive as EACCES.
var unreachableErrors = []syscall.Errno{
	syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.EHOSTUNREACH,
	syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN, syscall.ENOPROTOOPT, syscall.EACCES,
}

// timeoutErrors are those of a connection that the system gave up.
var timeoutErrors = []syscall.Errno{syscall.ETIMEDOUT}
