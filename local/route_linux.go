package local

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// routeMessage is a route as rtnetlink(7) tells it.
type routeMessage struct {
	unix.RtMsg
	attributes
}

// parseRouteMessage reads an RTM_NEWROUTE or RTM_NEWRULE without its header.
func parseRouteMessage(b []byte) (routeMessage, error) {
	if len(b) < unix.SizeofRtMsg {
		return routeMessage{}, errShort
	}
	a, err := parseAttributes(b[unix.SizeofRtMsg:])
	m := unix.RtMsg{
		Family: b[0], Dst_len: b[1], Src_len: b[2], Tos: b[3], Table: b[4], Protocol: b[5], Scope: b[6], Type: b[7],
		Flags: binary.NativeEndian.Uint32(b[8:]),
	}
	return routeMessage{m, a}, err
}

// table returns the routing table, whose number is beside the message where it is beyond its 8 bits.
func (m routeMessage) table() uint32 {
	if _, ok := m.attributes[unix.RTA_TABLE]; ok {
		return m.u32(unix.RTA_TABLE)
	}
	return uint32(m.Table)
}

// routes reads the routes before the interfaces, so that a route without its interface is one that is gone.
func routes(all bool) ([]Route, error) {
	var messages []routeMessage
	for _, family := range families() {
		some, err := dump("routes", func() ([]routeMessage, error) { return dumpRoutes(family) })
		if absent(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		messages = append(messages, some...)
	}
	r, err := newReader(messages...)
	if err != nil {
		return nil, err
	}
	var list []Route
	for _, m := range messages {
		if !all && m.table() != unix.RT_TABLE_MAIN {
			continue
		}
		if route, ok := r.route(m); ok {
			list = append(list, route)
		}
	}
	return list, nil
}

// dumpRoutes returns a family's routes, without those that the kernel keeps of what it has learnt about a destination.
func dumpRoutes(family uint8) ([]routeMessage, error) {
	request := nl.NewNetlinkRequest(unix.RTM_GETROUTE, unix.NLM_F_DUMP)
	request.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: family}})
	raw, disturbed := request.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWROUTE)
	if disturbed != nil && !errors.Is(disturbed, netlink.ErrDumpInterrupted) {
		return nil, disturbed
	}
	messages := make([]routeMessage, 0, len(raw))
	for _, b := range raw {
		m, err := parseRouteMessage(b)
		if err != nil {
			return nil, err
		}
		if m.Family == family && m.Flags&unix.RTM_F_CLONED == 0 {
			messages = append(messages, m)
		}
	}
	return messages, disturbed
}

// reader turns numbers of the kernel into names, and nexthops into ways.
type reader struct {
	links     links
	nexthops  nexthops
	tables    names
	protocols names
}

// newReader returns a reader for routes.
func newReader(routes ...routeMessage) (r reader, err error) {
	if slices.ContainsFunc(routes, routeMessage.named) {
		if r.nexthops, err = readNexthops(); err != nil {
			return reader{}, err
		}
	}
	r.tables, r.protocols = tableNames(), protocolNames()
	r.links, err = readLinks()
	return r, err
}

// route returns the route of a message; false: its interface is gone, and so is the route.
func (r reader) route(m routeMessage) (Route, bool) {
	route := Route{
		Family: family(m.Family == unix.AF_INET),
		Dst:    m.prefix(unix.RTA_DST, m.Dst_len, m.Family), Gateway: m.gateway(), Source: m.addr(unix.RTA_PREFSRC),
		Metric: m.number(unix.RTA_PRIORITY), MTU: m.mtu(), Table: number(m.table()), TableName: r.tables.of(m.table()),
		Protocol: r.protocols.of(uint32(m.Protocol)), Scope: scopeName(m.Scope), Kind: kindName(m.Type),
		Flags: routeFlags().of(m.Flags), TOS: m.Tos, Nexthop: m.number(rtaNexthop),
	}
	if m.Src_len > 0 {
		route.From = m.prefix(unix.RTA_SRC, m.Src_len, m.Family)
	}
	hops, there := r.hops(m.attributes[unix.RTA_MULTIPATH])
	if !there {
		return Route{}, false
	}
	route.Hops = hops
	// IPv6 has the loopback interface where a route leads nowhere.
	if !refuses(route.Kind) && route.Kind != KindThrow {
		route.Interface, there = r.links.name(m.number(unix.RTA_OIF))
	}
	if there && m.named() {
		there = r.follow(&route, m.u32(rtaNexthop))
	}
	return route, there
}

// gateway returns the next hop of a route, or of one of its ways.
func (a attributes) gateway() netip.Addr {
	if gw := a.addr(unix.RTA_GATEWAY); gw.IsValid() {
		return gw
	}
	// struct rtvia of linux/rtnetlink.h: a family and an address of it
	if via := a[unix.RTA_VIA]; len(via) > 2 {
		gw, _ := netip.AddrFromSlice(via[2:])
		return gw
	}
	return netip.Addr{}
}

// mtu returns the MTU among the metrics; 0: none.
func (a attributes) mtu() int {
	metrics, err := parseAttributes(a[unix.RTA_METRICS])
	if err != nil {
		return 0
	}
	return metrics.number(unix.RTAX_MTU)
}

// hops reads the ways of a route over several; false: one of their interfaces is gone.
func (r reader) hops(b []byte) (hops []Hop, there bool) {
	for len(b) >= unix.SizeofRtNexthop {
		length := int(binary.NativeEndian.Uint16(b))
		if length < unix.SizeofRtNexthop || length > len(b) {
			break
		}
		a, err := parseAttributes(b[unix.SizeofRtNexthop:length])
		if err != nil {
			break
		}
		name, ok := r.links.name(int(binary.NativeEndian.Uint32(b[4:])))
		if !ok {
			return nil, false
		}
		hops = append(hops, Hop{
			Gateway: a.gateway(), Interface: name, Weight: int(b[3]) + 1, Flags: routeFlags().of(uint32(b[2])),
		})
		b = b[min(aligned(length), len(b)):]
	}
	return hops, true
}

func routeFlags() flags {
	return flags{
		{unix.RTNH_F_DEAD, "dead"}, {unix.RTNH_F_ONLINK, "onlink"}, {unix.RTNH_F_PERVASIVE, "pervasive"},
		{unix.RTNH_F_LINKDOWN, "linkdown"}, {unix.RTNH_F_UNRESOLVED, "unresolved"}, {unix.RTNH_F_OFFLOAD, "offload"},
		{unix.RTNH_F_TRAP, "trap"}, {unix.RTM_F_OFFLOAD, "rt_offload"}, {unix.RTM_F_TRAP, "rt_trap"},
		{unix.RTM_F_OFFLOAD_FAILED, "rt_offload_failed"},
	}
}
