//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package local

import (
	"fmt"
	"math/bits"
	"net"
	"net/netip"

	"golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

// dumpRoutes returns the routes of a kind of table.
func dumpRoutes(typ route.RIBType, arg int) ([]*route.RouteMessage, error) {
	rib, err := route.FetchRIB(unix.AF_UNSPEC, typ, arg)
	if err != nil {
		return nil, fmt.Errorf("local: asking the kernel for routes: %w", err)
	}
	messages, err := route.ParseRIB(typ, rib)
	if err != nil {
		return nil, fmt.Errorf("local: routes: %w", err)
	}
	var list []*route.RouteMessage
	for _, m := range messages {
		if r, ok := m.(*route.RouteMessage); ok && r.Flags&unix.RTF_UP != 0 {
			list = append(list, r)
		}
	}
	return list, nil
}

// routes returns the one table that there is, IPv4 first. Neighbours, which some systems keep in it, are left out.
func routes(bool) ([]Route, error) {
	messages, err := dumpRoutes(route.RIBTypeRoute, 0)
	if err != nil {
		return nil, err
	}
	names, err := linkNames()
	if err != nil {
		return nil, err
	}
	byFamily := make(map[int][]Route)
	for _, m := range messages {
		if m.Flags&unix.RTF_LLINFO != 0 && m.Flags&unix.RTF_HOST != 0 {
			continue
		}
		if r, ok := routeOf(m, names); ok {
			byFamily[r.Family] = append(byFamily[r.Family], r)
		}
	}
	return append(byFamily[4], byFamily[6]...), nil
}

// routeOf returns the route of a message; false: it is of neither family.
func routeOf(m *route.RouteMessage, names map[int]string) (Route, bool) {
	dst, ok := addressAt(m, unix.RTAX_DST)
	if !ok {
		return Route{}, false
	}
	r := Route{
		Family: family(dst.Is4()), Dst: netip.PrefixFrom(dst, maskBits(m, dst)), Interface: names[m.Index],
		Kind: kindOfRoute(m.Flags, dst), Scope: "global", Protocol: "kernel",
	}
	if m.Flags&unix.RTF_STATIC != 0 {
		r.Protocol = "static"
	}
	if m.Flags&unix.RTF_DYNAMIC != 0 {
		r.Protocol = "redirect"
	}
	if gw, ok := addressAt(m, unix.RTAX_GATEWAY); ok && m.Flags&unix.RTF_GATEWAY != 0 {
		r.Gateway = gw
	} else {
		r.Scope = "link"
	}
	if source, ok := addressAt(m, unix.RTAX_IFA); ok {
		r.Source = source
	}
	if r.Kind == KindBlackhole || r.Kind == KindUnreachable {
		r.Interface, r.Gateway = "", netip.Addr{}
	}
	r.MTU = pathMTU(m)
	return r, true
}

// kindOfRoute returns what is done by a route with these flags.
func kindOfRoute(flags int, dst netip.Addr) string {
	switch {
	case flags&unix.RTF_BLACKHOLE != 0:
		return KindBlackhole
	case flags&unix.RTF_REJECT != 0:
		return KindUnreachable
	case flags&rtfLocal != 0:
		return KindLocal
	case flags&rtfBroadcast != 0:
		return KindBroadcast
	case dst.IsMulticast():
		return KindMulticast
	}
	return KindUnicast
}

// addressAt returns one of the addresses of a message. An IPv6 address has no zone, nor the index of one in it as
// KAME has it.
func addressAt(m *route.RouteMessage, at int) (netip.Addr, bool) {
	if at >= len(m.Addrs) {
		return netip.Addr{}, false
	}
	switch a := m.Addrs[at].(type) {
	case *route.Inet4Addr:
		return netip.AddrFrom4(a.IP), true
	case *route.Inet6Addr:
		ip := a.IP
		if addr := netip.AddrFrom16(ip); addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast() {
			ip[2], ip[3] = 0, 0
		}
		return netip.AddrFrom16(ip), true
	}
	return netip.Addr{}, false
}

// maskBits returns the length of a route's prefix. A host's route has no mask, and that of the default route may be
// missing as well.
func maskBits(m *route.RouteMessage, dst netip.Addr) int {
	mask, ok := addressAt(m, unix.RTAX_NETMASK)
	switch {
	case m.Flags&unix.RTF_HOST != 0:
		return dst.BitLen()
	case !ok:
		return 0
	}
	n := 0
	for _, b := range mask.AsSlice()[:min(mask.BitLen(), dst.BitLen())/8] {
		n += bits.OnesCount8(b)
	}
	return n
}

// pathMTU returns the MTU of a route; 0: none of its own.
func pathMTU(m *route.RouteMessage) int {
	for _, s := range m.Sys() {
		if metrics, ok := s.(*route.RouteMetrics); ok {
			return metrics.PathMTU
		}
	}
	return 0
}

// linkNames returns the names of the interfaces by their indexes.
func linkNames() (map[int]string, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("local: asking the kernel for interfaces: %w", err)
	}
	names := make(map[int]string, len(all))
	for _, i := range all {
		names[i.Index] = i.Name
	}
	return names, nil
}

// rules returns none: these systems have no policy rules.
func rules() ([]Rule, error) { return nil, nil }

// neighbours returns the entries of the routing table that have a link-layer address.
func neighbours() ([]Neighbour, error) {
	messages, err := dumpRoutes(unix.NET_RT_FLAGS, unix.RTF_LLINFO)
	if err != nil {
		return nil, err
	}
	names, err := linkNames()
	if err != nil {
		return nil, err
	}
	var list []Neighbour
	for _, m := range messages {
		addr, ok := addressAt(m, unix.RTAX_DST)
		if !ok || unix.RTAX_GATEWAY >= len(m.Addrs) {
			continue
		}
		link, ok := m.Addrs[unix.RTAX_GATEWAY].(*route.LinkAddr)
		if !ok {
			continue
		}
		n := Neighbour{Addr: addr, Interface: names[m.Index], State: "incomplete"}
		if len(link.Addr) > 0 {
			n.MAC, n.State = link.Addr, "reachable"
		}
		if n.MAC != nil && m.Flags&unix.RTF_STATIC != 0 {
			n.State = "permanent"
		}
		list = append(list, n)
	}
	return list, nil
}
