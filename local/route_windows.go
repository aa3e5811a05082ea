package local

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/windows"
)

// routes returns the one table that there is, IPv4 first.
func routes(bool) ([]Route, error) {
	names, err := linkNames()
	if err != nil {
		return nil, err
	}
	var list []Route
	for _, f := range []uint16{windows.AF_INET, windows.AF_INET6} {
		var table *windows.MibIpForwardTable2
		if err := windows.GetIpForwardTable2(f, &table); err != nil {
			return nil, fmt.Errorf("local: asking Windows for routes: %w", err)
		}
		for _, row := range table.Rows() {
			if r, ok := routeOf(&row, names); ok {
				list = append(list, r)
			}
		}
		windows.FreeMibTable(unsafe.Pointer(table))
	}
	return list, nil
}

// linkNames returns the names of the interfaces by their indexes.
func linkNames() (map[uint32]string, error) {
	names := make(map[uint32]string)
	err := adapters(func(a *windows.IpAdapterAddresses) {
		for _, index := range []uint32{a.IfIndex, a.Ipv6IfIndex} {
			if index != 0 {
				names[index] = windows.UTF16PtrToString(a.FriendlyName)
			}
		}
	})
	return names, err
}

// routeOf returns the route of a row; false: it is of neither family.
func routeOf(row *windows.MibIpForwardRow2, names map[uint32]string) (Route, bool) {
	dst, ok := addrOf(&row.DestinationPrefix.Prefix)
	if !ok {
		return Route{}, false
	}
	r := Route{
		Family: family(dst.Is4()), Dst: netip.PrefixFrom(dst, int(row.DestinationPrefix.PrefixLength)),
		Interface: names[row.InterfaceIndex], Metric: int(row.Metric), Protocol: protocolOf(row), Scope: "global",
		Kind: kindOfRoute(row, dst),
	}
	if gw, ok := addrOf(&row.NextHop); ok && !gw.IsUnspecified() {
		r.Gateway = gw
	} else {
		r.Scope = "link"
	}
	// Windows adds the metric of the interface.
	of := windows.MibIpInterfaceRow{Family: row.DestinationPrefix.Prefix.Family, InterfaceIndex: row.InterfaceIndex}
	if windows.GetIpInterfaceEntry(&of) == nil {
		r.Metric += int(of.Metric)
	}
	return r, true
}

// kindOfRoute returns what a row is for: Windows has no kinds, but routes to its own addresses, of its loopback
// interface or of a host.
func kindOfRoute(row *windows.MibIpForwardRow2, dst netip.Addr) string {
	switch {
	case dst.IsMulticast():
		return KindMulticast
	case row.Loopback != 0 || dst.IsLoopback():
		return KindLocal
	}
	return KindUnicast
}

// protocolOf returns who has made a route (NL_ROUTE_PROTOCOL, NL_ROUTE_ORIGIN).
func protocolOf(row *windows.MibIpForwardRow2) string {
	switch row.Protocol {
	case windows.MIB_IPPROTO_LOCAL:
		return "kernel"
	case windows.MIB_IPPROTO_ICMP:
		return "redirect"
	case windows.MIB_IPPROTO_RIP:
		return "rip"
	case windows.MIB_IPPROTO_OSPF:
		return "ospf"
	case windows.MIB_IPPROTO_BGP:
		return "bgp"
	case windows.MIB_IPPROTO_DHCP:
		return "dhcp"
	}
	switch row.Origin {
	case windows.NlroDHCP:
		return "dhcp"
	case windows.NlroRouterAdvertisement:
		return "ra"
	}
	return "static"
}

// addrOf returns the address of a SOCKADDR_INET, without a zone; false: it is of neither family.
func addrOf(sa *windows.RawSockaddrInet) (netip.Addr, bool) {
	switch sa.Family {
	case windows.AF_INET:
		return netip.AddrFrom4((*windows.RawSockaddrInet4)(unsafe.Pointer(sa)).Addr), true
	case windows.AF_INET6:
		return netip.AddrFrom16((*windows.RawSockaddrInet6)(unsafe.Pointer(sa)).Addr), true
	}
	return netip.Addr{}, false
}

// sockaddr returns an address as a SOCKADDR_INET, of the interface of an index unless that is 0.
func sockaddr(addr netip.Addr, scope int) windows.RawSockaddrInet {
	if !addr.IsValid() {
		return windows.RawSockaddrInet{}
	}
	if addr.Is4() {
		a := addr.As4()
		return windows.RawSockaddrInet{Family: windows.AF_INET, Data: [6]uint32{binary.NativeEndian.Uint32(a[:])}}
	}
	sa := windows.RawSockaddrInet{Family: windows.AF_INET6}
	a := addr.As16()
	for n := range 4 {
		sa.Data[1+n] = binary.NativeEndian.Uint32(a[4*n:])
	}
	if addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast() {
		sa.Data[5] = uint32(scope)
	}
	return sa
}

// rules returns none: Windows has no policy rules.
func rules() ([]Rule, error) { return nil, nil }
