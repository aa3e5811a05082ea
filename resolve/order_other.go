//go:build !linux

package resolve

import (
	"net"
	"net/netip"
)

// interfaceAddrs returns what the system says of this machine's addresses: here their networks, and nothing of
// states and tunnels.
func interfaceAddrs() map[netip.Addr]route {
	known := make(map[netip.Addr]route)
	interfaces, err := net.Interfaces()
	if err != nil {
		return known
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				known[p.Addr().WithZone("")] = route{prefix: p.Bits(), index: i.Index}
			}
		}
	}
	return known
}
