package local

import (
	"encoding/binary"
	"errors"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// What linux/rtnetlink.h and linux/nexthop.h have and the packages do not.
const (
	rtaNexthop         = 30 // RTA_NH_ID
	sizeofNexthop      = 8  // struct nhmsg
	sizeofNexthopGroup = 8  // struct nexthop_grp
)

// nexthop is a way that stands on its own, or several as a group, for routes to name.
type nexthop struct {
	flags uint32
	attributes
}

// nexthops are those of a namespace by their number.
type nexthops map[uint32]nexthop

// parseNexthop reads an RTM_NEWNEXTHOP without its header.
func parseNexthop(b []byte) (nexthop, error) {
	if len(b) < sizeofNexthop {
		return nexthop{}, errShort
	}
	a, err := parseAttributes(b[sizeofNexthop:])
	return nexthop{binary.NativeEndian.Uint32(b[4:]), a}, err
}

// named reports whether a route says by the number of its nexthop alone where it leads, as
// net.ipv4.nexthop_compat_mode=0 has it.
func (m routeMessage) named() bool {
	_, one := m.attributes[unix.RTA_OIF]
	_, several := m.attributes[unix.RTA_MULTIPATH]
	return m.u32(rtaNexthop) != 0 && !one && !several
}

// readNexthops returns the nexthops that there are; a kernel that knows none has none.
func readNexthops() (nexthops, error) {
	all, err := dump("nexthops", dumpNexthops)
	if absent(err) {
		return nil, nil
	}
	return all, err
}

func dumpNexthops() (nexthops, error) {
	request := nl.NewNetlinkRequest(unix.RTM_GETNEXTHOP, unix.NLM_F_DUMP)
	request.AddRawData(make([]byte, sizeofNexthop))
	raw, disturbed := request.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEXTHOP)
	if disturbed != nil && !errors.Is(disturbed, netlink.ErrDumpInterrupted) {
		return nil, disturbed
	}
	all := make(nexthops, len(raw))
	for _, b := range raw {
		n, err := parseNexthop(b)
		if err != nil {
			return nil, err
		}
		all[n.u32(unix.NHA_ID)] = n
	}
	return all, disturbed
}

// follow fills in where a route of a nexthop leads; false: its interface is gone. Of a nexthop that is not known
// nothing is filled in.
func (r reader) follow(route *Route, id uint32) bool {
	n, ok := r.nexthops[id]
	if !ok {
		return true
	}
	group := n.attributes[unix.NHA_GROUP]
	if len(group) == 0 {
		h, there := r.hop(n)
		route.Gateway, route.Interface, route.Flags = h.Gateway, h.Interface, append(route.Flags, h.Flags...)
		return there
	}
	for ; len(group) >= sizeofNexthopGroup; group = group[sizeofNexthopGroup:] {
		h, there := r.hop(r.nexthops[binary.NativeEndian.Uint32(group)])
		if !there {
			return false
		}
		// The high byte is of kernels from 6.12 on, and zero before.
		h.Weight = int(group[4]) + int(group[5])<<8 + 1
		route.Hops = append(route.Hops, h)
	}
	return true
}

// hop returns the way of a nexthop that is no group; false: its interface is gone.
func (r reader) hop(n nexthop) (Hop, bool) {
	name, there := r.links.name(n.number(unix.NHA_OIF))
	return Hop{Gateway: n.addr(unix.NHA_GATEWAY), Interface: name, Weight: 1, Flags: routeFlags().of(n.flags)}, there
}
