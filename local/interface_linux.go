package local

import (
	"maps"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// interfaces reads the addresses before the interfaces, so that an address without its interface is one that is gone.
func interfaces() ([]Interface, error) {
	addrs, err := dump("addresses", func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, err
	}
	all, err := readLinks()
	if err != nil {
		return nil, err
	}
	wifi := wirelessLinks()
	list := make([]Interface, 0, len(all))
	for _, index := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all.iface(all[index], wifi))
	}
	for _, a := range addrs {
		n, ok := slices.BinarySearchFunc(list, a.LinkIndex, func(i Interface, index int) int { return i.Index - index })
		if !ok {
			continue
		}
		if addr, ok := addressOf(a, list[n].Name); ok {
			list[n].Addrs = append(list[n].Addrs, addr)
		}
	}
	return list, nil
}

// iface returns what the kernel says of a link.
func (l links) iface(link netlink.Link, wifi map[int]bool) Interface {
	a := link.Attrs()
	i := Interface{
		Index: a.Index, Name: a.Name, AltNames: a.AltNames, Kind: kindOfLink(link), MTU: a.MTU,
		Up: a.RawFlags&unix.IFF_UP != 0, State: stateName(a.OperState), Signal: signalOf(a.RawFlags),
		Flags: linkFlags().of(a.RawFlags),
	}
	if wifi[a.Index] {
		i.Kind = "wifi"
	}
	i.Master, _ = l.name(a.MasterIndex)
	if a.NetNsID == -1 { // otherwise the index is one of another namespace
		i.Parent, _ = l.name(parentOf(link))
	}
	if !tunnel(a.EncapType) {
		i.MAC = a.HardwareAddr
	}
	if s := a.Statistics; s != nil {
		i.Counters = &Counters{
			RxBytes: s.RxBytes, TxBytes: s.TxBytes, RxPackets: s.RxPackets, TxPackets: s.TxPackets,
			RxErrors: s.RxErrors, TxErrors: s.TxErrors, RxDropped: s.RxDropped, TxDropped: s.TxDropped,
		}
	}
	return i
}

// parentOf returns the index of the link that a link is made on, or of its other end; 0: none.
func parentOf(link netlink.Link) int {
	if l, ok := link.(*netlink.Vxlan); ok && l.ParentIndex == 0 {
		return l.VtepDevIndex
	}
	return link.Attrs().ParentIndex
}

// signalOf returns the carrier, which the kernel watches of interfaces that are set up.
func signalOf(flags uint32) Carrier {
	switch {
	case flags&unix.IFF_UP == 0:
		return CarrierUnknown
	case flags&unix.IFF_LOWER_UP != 0:
		return CarrierYes
	}
	return CarrierNo
}

// stateName returns an operational state in the words of RFC 2863.
func stateName(s netlink.LinkOperState) string {
	switch s {
	case netlink.OperUp:
		return "up"
	case netlink.OperDown:
		return "down"
	case netlink.OperDormant:
		return "dormant"
	case netlink.OperLowerLayerDown:
		return "lower-layer-down"
	case netlink.OperTesting:
		return "testing"
	case netlink.OperNotPresent:
		return "not-present"
	}
	return "unknown"
}

// addressOf returns an address of the interface of the given name.
func addressOf(a netlink.Addr, iface string) (Addr, bool) {
	p, ok := prefixOf(a.IPNet)
	if !ok {
		return Addr{}, false
	}
	addr := Addr{Prefix: p, Scope: scopeName(uint8(a.Scope)), Flags: addrFlags(p.Addr().Is4()).of(uint32(a.Flags))}
	if peer, ok := prefixOf(a.Peer); ok {
		addr.Peer = peer.Addr()
		addr.Prefix = netip.PrefixFrom(p.Addr(), peer.Bits())
	}
	if a.Label != iface {
		addr.Label = a.Label
	}
	return addr, true
}

// prefixOf returns what the netlink package has as the package net does; false: there is none.
func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(addr, bits), ok
}

// flag is a bit with its name.
type flag struct {
	bit  uint32
	name string
}

// flags are bits in the order in which they are named.
type flags []flag

// of returns the names of the bits that are set.
func (all flags) of(bits uint32) (names []string) {
	for _, f := range all {
		if bits&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return names
}

func linkFlags() flags {
	return flags{
		{unix.IFF_LOOPBACK, "LOOPBACK"}, {unix.IFF_BROADCAST, "BROADCAST"}, {unix.IFF_POINTOPOINT, "POINTOPOINT"},
		{unix.IFF_MULTICAST, "MULTICAST"}, {unix.IFF_NOARP, "NOARP"}, {unix.IFF_ALLMULTI, "ALLMULTI"},
		{unix.IFF_PROMISC, "PROMISC"}, {unix.IFF_MASTER, "MASTER"}, {unix.IFF_SLAVE, "SLAVE"}, {unix.IFF_DEBUG, "DEBUG"},
		{unix.IFF_DYNAMIC, "DYNAMIC"}, {unix.IFF_AUTOMEDIA, "AUTOMEDIA"}, {unix.IFF_PORTSEL, "PORTSEL"},
		{unix.IFF_NOTRAILERS, "NOTRAILERS"}, {unix.IFF_UP, "UP"}, {unix.IFF_RUNNING, "RUNNING"},
		{unix.IFF_LOWER_UP, "LOWER_UP"}, {unix.IFF_DORMANT, "DORMANT"}, {unix.IFF_ECHO, "ECHO"},
	}
}

// addrFlags names the flags of an address. One bit is a secondary address of IPv4 and a temporary one of IPv6 (RFC 8981).
func addrFlags(is4 bool) flags {
	shared := "temporary"
	if is4 {
		shared = "secondary"
	}
	return flags{
		{unix.IFA_F_SECONDARY, shared}, {unix.IFA_F_NODAD, "nodad"}, {unix.IFA_F_OPTIMISTIC, "optimistic"},
		{unix.IFA_F_DADFAILED, "dadfailed"}, {unix.IFA_F_HOMEADDRESS, "home"}, {unix.IFA_F_DEPRECATED, "deprecated"},
		{unix.IFA_F_TENTATIVE, "tentative"}, {unix.IFA_F_PERMANENT, "permanent"},
		{unix.IFA_F_MANAGETEMPADDR, "mngtmpaddr"}, {unix.IFA_F_NOPREFIXROUTE, "noprefixroute"},
		{unix.IFA_F_MCAUTOJOIN, "autojoin"}, {unix.IFA_F_STABLE_PRIVACY, "stable-privacy"},
	}
}
