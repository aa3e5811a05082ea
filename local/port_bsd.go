//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package local

// firstUnprivileged returns IPPORT_RESERVED of netinet/in.h. macOS asks for privilege only where the address is not the
// unspecified one, and FreeBSD has the port in net.inet.ip.portrange.reservedhigh, to which few have put another.
func firstUnprivileged() int { return 1024 }
