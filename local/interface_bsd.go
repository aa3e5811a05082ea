//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package local

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

// interfaces joins what the standard library has of them with their types, which only the interface list tells.
func interfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("local: asking the kernel for interfaces: %w", err)
	}
	types, err := linkTypes()
	if err != nil {
		return nil, err
	}
	list := make([]Interface, 0, len(all))
	for _, n := range all {
		i := Interface{
			Index: n.Index, Name: n.Name, Kind: kindOfLink(types[n.Index], n.Name), MTU: n.MTU, MAC: n.HardwareAddr,
			Up: n.Flags&net.FlagUp != 0, State: "unknown", Flags: flagNames(n.Flags),
		}
		if !i.Up {
			i.State = "down"
		}
		addrs, err := n.Addrs()
		if err != nil { // it is gone
			continue
		}
		for _, a := range addrs {
			if p, ok := prefixOf(a); ok {
				i.Addrs = append(i.Addrs, Addr{Prefix: p, Scope: scopeOf(p.Addr())})
			}
		}
		list = append(list, i)
	}
	return list, nil
}

// linkTypes returns the types of the interfaces by their indexes.
func linkTypes() (map[int]int, error) {
	rib, err := route.FetchRIB(unix.AF_UNSPEC, route.RIBTypeInterface, 0)
	if err != nil {
		return nil, fmt.Errorf("local: asking the kernel for interfaces: %w", err)
	}
	messages, err := route.ParseRIB(route.RIBTypeInterface, rib)
	if err != nil {
		return nil, fmt.Errorf("local: interfaces: %w", err)
	}
	types := make(map[int]int)
	for _, m := range messages {
		link, ok := m.(*route.InterfaceMessage)
		if !ok {
			continue
		}
		for _, s := range link.Sys() {
			if metrics, ok := s.(*route.InterfaceMetrics); ok {
				types[link.Index] = metrics.Type
			}
		}
	}
	return types, nil
}

// kindOfLink returns what kind of interface one of a type (IANAifType, net/if_types.h) is. Many are of a type that says
// nothing, and named after the driver.
func kindOfLink(typ int, name string) string {
	driver := strings.TrimRight(name, "0123456789")
	for _, k := range []struct{ driver, kind string }{
		{"utun", "tun"}, {"tun", "tun"}, {"tap", "tap"}, {"wg", "wireguard"}, {"gif", "gif"}, {"gre", "gre"}, {"stf", "stf"},
		{"bridge", "bridge"}, {"vlan", "vlan"}, {"lagg", "bond"}, {"bond", "bond"}, {"vxlan", "vxlan"}, {"epair", "veth"},
		{"awdl", "wifi"}, {"llw", "wifi"}, {"wlan", "wifi"}, {"ipsec", "ipsec"}, {"feth", "veth"},
	} {
		if driver == k.driver {
			return k.kind
		}
	}
	switch typ {
	case 6:
		return "ethernet"
	case 23:
		return "ppp"
	case 24:
		return "loopback"
	case 71:
		return "wifi"
	case 135:
		return "vlan"
	case 209:
		return "bridge"
	}
	return driver
}

// flagNames returns the names of an interface's flags.
func flagNames(set net.Flags) (names []string) {
	for _, f := range []struct {
		bit  net.Flags
		name string
	}{
		{net.FlagLoopback, "LOOPBACK"}, {net.FlagBroadcast, "BROADCAST"}, {net.FlagPointToPoint, "POINTOPOINT"},
		{net.FlagMulticast, "MULTICAST"}, {net.FlagUp, "UP"}, {net.FlagRunning, "RUNNING"},
	} {
		if set&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return names
}

// prefixOf returns an address as the package net has it.
func prefixOf(a net.Addr) (netip.Prefix, bool) {
	n, ok := a.(*net.IPNet)
	if !ok {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), bits), ok
}
