//go:build !linux

package rawsock

import (
	"net"
	"net/netip"

	"github.com/netdiag/netdiag/internal/packet"
)

// route has the system choose the way by connecting a UDP socket, which sends nothing. The MTU is that of the interface
// that has the source address.
func route(cfg Config, dst netip.Addr) (source netip.Addr, mtu int, err error) {
	if err := supported(cfg); err != nil {
		return netip.Addr{}, 0, err
	}
	const discard = 9 // a port, as connecting takes one
	network := map[packet.Family]string{packet.IPv4: "udp4", packet.IPv6: "udp6"}[packet.FamilyOf(dst)]
	var own *net.UDPAddr
	if cfg.Source.IsValid() {
		own = net.UDPAddrFromAddrPort(netip.AddrPortFrom(cfg.Source, 0))
	}
	c, err := net.DialUDP(network, own, net.UDPAddrFromAddrPort(netip.AddrPortFrom(dst, discard)))
	if err != nil {
		return netip.Addr{}, 0, err
	}
	defer c.Close()
	source = netipOf(c.LocalAddr())
	return source, mtuAt(source), nil
}

// mtuAt returns the MTU of the interface that has the address a, or 0.
func mtuAt(a netip.Addr) int {
	interfaces, err := net.Interfaces()
	if err != nil {
		return 0
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, own := range addrs {
			prefix, err := netip.ParsePrefix(own.String())
			if err == nil && prefix.Addr().WithZone("") == a.WithZone("") {
				return i.MTU
			}
		}
	}
	return 0
}
