package rawsock

import (
	"errors"
	"os"
	"slices"
	"syscall"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/windows"
)

// ipv6TClass is IPV6_TCLASS of ws2ipdef.h; x/sys does not have it.
const ipv6TClass = 39

// control sets the options of a socket before it connects.
func (cfg *ConnectConfig) control(network, _ string, raw syscall.RawConn) error {
	level, ttl, tos := windows.IPPROTO_IP, windows.IP_TTL, windows.IP_TOS
	if familyOf(network) == packet.IPv6 {
		level, ttl, tos = windows.IPPROTO_IPV6, windows.IPV6_UNICAST_HOPS, ipv6TClass
	}
	var err error
	failed := raw.Control(func(fd uintptr) {
		h := windows.Handle(fd)
		if cfg.TTL != 0 {
			err = windows.SetsockoptInt(h, level, ttl, cfg.TTL)
		}
		if cfg.TOS != 0 {
			err = errors.Join(err, windows.SetsockoptInt(h, level, tos, cfg.TOS))
		}
		if !cfg.UDP { // or else an ICMP error looks like silence; before version 2004 of Windows 10 it does
			_ = windows.SetsockoptInt(h, windows.IPPROTO_TCP, windows.TCP_FAIL_CONNECT_ON_ICMP_ERROR, 1)
		}
	})
	return os.NewSyscallError("setsockopt", errors.Join(failed, err))
}

// isLocal reports whether an error can only be a refusal of this machine. That there is no route may also be what
// a router says.
func isLocal(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains([]syscall.Errno{
		windows.WSAEADDRNOTAVAIL, windows.WSAEADDRINUSE, windows.WSAEMFILE, windows.WSAENOBUFS, windows.WSAEACCES,
		windows.WSAEINVAL, windows.WSAEAFNOSUPPORT, windows.WSAENETDOWN, windows.WSAEMSGSIZE,
	}, errno)
}

// descriptorLimit is some of the handles that a process may have, which are many more than ports.
func descriptorLimit() int { return 1 << 14 }
