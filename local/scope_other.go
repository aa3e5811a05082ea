//go:build windows || darwin || dragonfly || freebsd || netbsd || openbsd

package local

import "net/netip"

// scopeOf returns how far an address is valid, where the system does not tell by the address itself (RFC 4007).
func scopeOf(addr netip.Addr) string {
	switch {
	case addr.IsLoopback():
		return "host"
	case addr.IsLinkLocalUnicast():
		return "link"
	}
	return "global"
}
