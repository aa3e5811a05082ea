package local

import (
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// neighbours reads the neighbours before the interfaces, so that one without its interface is gone.
func neighbours() ([]Neighbour, error) {
	var all []netlink.Neigh
	for _, f := range families() {
		some, err := dump("neighbours", func() ([]netlink.Neigh, error) { return netlink.NeighList(0, int(f)) })
		if err != nil && !absent(err) {
			return nil, err
		}
		all = append(all, some...)
	}
	l, err := readLinks()
	if err != nil {
		return nil, err
	}
	var list []Neighbour
	for _, n := range all {
		name, there := l.name(n.LinkIndex)
		if neighbour, ok := neighbourOf(n, name); ok && there {
			list = append(list, neighbour)
		}
	}
	return list, nil
}

// neighbourOf returns a neighbour on the interface of the given name; false: it has no address.
func neighbourOf(n netlink.Neigh, iface string) (Neighbour, bool) {
	addr, ok := netip.AddrFromSlice(n.IP)
	return Neighbour{
		Addr: addr, Interface: iface, MAC: n.HardwareAddr, State: stateOf(n.State),
		Router: n.Flags&netlink.NTF_ROUTER != 0,
	}, ok
}

// neighbour returns what the kernel knows of addr on a link; nil: nothing.
func neighbour(link netlink.Link, addr netip.Addr) *Neighbour {
	f := unix.AF_INET
	if addr.Is6() {
		f = unix.AF_INET6
	}
	request := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, 0)
	request.AddData(&netlink.Ndmsg{Family: uint8(f), Index: uint32(link.Attrs().Index)})
	request.AddData(nl.NewRtAttr(netlink.NDA_DST, addr.AsSlice()))
	messages, err := request.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGH)
	if err != nil || len(messages) == 0 { // ENOENT, as a rule; a kernel before 5.0 has no such request
		return nil
	}
	n, err := netlink.NeighDeserialize(messages[0])
	if err != nil {
		return nil
	}
	found, ok := neighbourOf(*n, link.Attrs().Name)
	if !ok {
		return nil
	}
	return &found
}
