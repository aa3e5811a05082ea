//go:build unix && !linux

package rawsock

import (
	"errors"
	"os"
	"slices"
	"syscall"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// control sets the options of a socket before it connects.
func (cfg *ConnectConfig) control(network, _ string, raw syscall.RawConn) error {
	level, ttl, tos := unix.IPPROTO_IP, unix.IP_TTL, unix.IP_TOS
	if familyOf(network) == packet.IPv6 {
		level, ttl, tos = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, unix.IPV6_TCLASS
	}
	var err error
	failed := raw.Control(func(fd uintptr) {
		if cfg.TTL != 0 {
			err = unix.SetsockoptInt(int(fd), level, ttl, cfg.TTL)
		}
		if cfg.TOS != 0 {
			err = errors.Join(err, unix.SetsockoptInt(int(fd), level, tos, cfg.TOS))
		}
	})
	return os.NewSyscallError("setsockopt", errors.Join(failed, err))
}

// isLocal reports whether an error can only be a refusal of this machine. That there is no route may also be what
// a router says.
func isLocal(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains([]syscall.Errno{
		unix.EADDRNOTAVAIL, unix.EADDRINUSE, unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.EACCES, unix.EPERM,
		unix.EINVAL, unix.EAFNOSUPPORT, unix.ENETDOWN, unix.EMSGSIZE,
	}, errno)
}

// descriptorLimit is how many descriptors this process may have, without those that it may need otherwise.
func descriptorLimit() int {
	const reserve = 64
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return reserve
	}
	return int(min(uint64(limit.Cur), 1<<30)) - reserve
}
