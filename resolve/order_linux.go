package resolve

import (
	"net/netip"
	"syscall"
	"unsafe"
)

// Link types of interfaces that are tunnels (if_arp.h), as the C library knows them.
const (
	linkTunnel  = 768
	linkTunnel6 = 769
	linkSit     = 776
)

// States of addresses (if_addr.h).
const (
	addrHome       = 0x10
	addrDeprecated = 0x20
)

// interfaceAddrs returns what the kernel says of this machine's addresses. What it does not say is missing.
func interfaceAddrs() map[netip.Addr]route {
	tunnels := make(map[uint32]bool)
	eachMessage(syscall.RTM_GETLINK, func(m syscall.NetlinkMessage) {
		if len(m.Data) >= syscall.SizeofIfInfomsg {
			info := (*syscall.IfInfomsg)(unsafe.Pointer(&m.Data[0]))
			switch info.Type {
			case linkTunnel, linkTunnel6, linkSit:
				tunnels[uint32(info.Index)] = true
			}
		}
	})
	known := make(map[netip.Addr]route)
	eachMessage(syscall.RTM_GETADDR, func(m syscall.NetlinkMessage) {
		if len(m.Data) < syscall.SizeofIfAddrmsg {
			return
		}
		info := (*syscall.IfAddrmsg)(unsafe.Pointer(&m.Data[0]))
		r := route{prefix: int(info.Prefixlen), index: int(info.Index), deprecated: info.Flags&addrDeprecated != 0,
			home: info.Flags&addrHome != 0, tunnel: tunnels[info.Index]}
		attributes, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			return
		}
		// On a point-to-point link the address is the peer's, and the local one this machine's.
		var addr netip.Addr
		for _, a := range attributes {
			if value, ok := netip.AddrFromSlice(a.Value); ok {
				if a.Attr.Type == syscall.IFA_LOCAL || a.Attr.Type == syscall.IFA_ADDRESS && !addr.IsValid() {
					addr = value
				}
			}
		}
		if addr.IsValid() {
			known[addr] = r
		}
	})
	return known
}

// eachMessage asks the kernel for a whole table of its routing.
func eachMessage(request int, do func(syscall.NetlinkMessage)) {
	table, err := syscall.NetlinkRIB(request, syscall.AF_UNSPEC)
	if err != nil {
		return
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return
	}
	for _, m := range messages {
		do(m)
	}
}
