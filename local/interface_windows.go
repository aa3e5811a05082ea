package local

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/windows"
)

// interfaces asks for the adapters (GetAdaptersAddresses) and for each adapter's counters.
func interfaces() ([]Interface, error) {
	var list []Interface
	err := adapters(func(a *windows.IpAdapterAddresses) {
		index := a.IfIndex
		if index == 0 { // without IPv4
			index = a.Ipv6IfIndex
		}
		i := Interface{
			Index: int(index), Name: windows.UTF16PtrToString(a.FriendlyName), Kind: kindOfAdapter(a.IfType),
			State: stateName(a.OperStatus), Up: a.OperStatus == windows.IfOperStatusUp,
		}
		if n := a.PhysicalAddressLength; n > 0 && int(n) <= len(a.PhysicalAddress) {
			i.MAC = append(i.MAC, a.PhysicalAddress[:n]...)
		}
		if a.Mtu < 1<<31 { // the loopback interface has all bits set
			i.MTU = int(a.Mtu)
		}
		for u := a.FirstUnicastAddress; u != nil; u = u.Next {
			if addr, ok := netip.AddrFromSlice(u.Address.IP()); ok {
				p := netip.PrefixFrom(addr.Unmap(), int(u.OnLinkPrefixLength))
				i.Addrs = append(i.Addrs, Addr{Prefix: p, Scope: scopeOf(p.Addr()), Flags: addrFlags(u)})
			}
		}
		i.count(index)
		list = append(list, i)
	})
	return list, err
}

// adapters calls f for each adapter.
func adapters(f func(*windows.IpAdapterAddresses)) error {
	const flags = windows.GAA_FLAG_SKIP_ANYCAST | windows.GAA_FLAG_SKIP_MULTICAST | windows.GAA_FLAG_SKIP_DNS_SERVER
	// What Windows recommends to begin with; it says how much more it takes, which changes meanwhile.
	size := uint32(15_000)
	for range 5 {
		b := make([]byte, size)
		first := (*windows.IpAdapterAddresses)(unsafe.Pointer(&b[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, flags, 0, first, &size)
		switch {
		case errors.Is(err, windows.ERROR_BUFFER_OVERFLOW) && size > uint32(len(b)):
			continue
		case errors.Is(err, windows.ERROR_NO_DATA):
			return nil
		case err != nil:
			return fmt.Errorf("local: asking Windows for interfaces: %w", err)
		}
		for a := first; a != nil; a = a.Next {
			f(a)
		}
		return nil
	}
	return fmt.Errorf("local: interfaces: %w", windows.ERROR_BUFFER_OVERFLOW)
}

// count fills in what only the interface's own entry has: the counters, the carrier, and whether it is set up.
func (i *Interface) count(index uint32) {
	row := windows.MibIfRow2{InterfaceIndex: index}
	if windows.GetIfEntry2Ex(windows.MibIfTableNormal, &row) != nil {
		return
	}
	const up, connected, disconnected = 1, 1, 2 // NET_IF_ADMIN_STATUS_UP, NET_IF_MEDIA_CONNECT_STATE
	i.Up = row.AdminStatus == up
	switch row.MediaConnectState {
	case connected:
		i.Signal = CarrierYes
	case disconnected:
		i.Signal = CarrierNo
	}
	i.Counters = &Counters{
		RxBytes: row.InOctets, TxBytes: row.OutOctets, RxPackets: row.InUcastPkts + row.InNUcastPkts,
		TxPackets: row.OutUcastPkts + row.OutNUcastPkts, RxErrors: row.InErrors, TxErrors: row.OutErrors,
		RxDropped: row.InDiscards, TxDropped: row.OutDiscards,
	}
}

// kindOfAdapter returns the name of an interface type (IANAifType).
func kindOfAdapter(typ uint32) string {
	switch typ {
	case windows.IF_TYPE_ETHERNET_CSMACD:
		return "ethernet"
	case windows.IF_TYPE_IEEE80211:
		return "wifi"
	case windows.IF_TYPE_SOFTWARE_LOOPBACK:
		return "loopback"
	case windows.IF_TYPE_PPP:
		return "ppp"
	case windows.IF_TYPE_TUNNEL:
		return "tunnel"
	case windows.IF_TYPE_IEEE1394:
		return "firewire"
	case 53: // propVirtual: WireGuard's and others'
		return "tun"
	}
	return fmt.Sprintf("type %d", typ)
}

// stateName returns an operational state in the words of RFC 2863.
func stateName(status uint32) string {
	switch status {
	case windows.IfOperStatusUp:
		return "up"
	case windows.IfOperStatusDown:
		return "down"
	case windows.IfOperStatusTesting:
		return "testing"
	case windows.IfOperStatusDormant:
		return "dormant"
	case windows.IfOperStatusNotPresent:
		return "not-present"
	case windows.IfOperStatusLowerLayerDown:
		return "lower-layer-down"
	}
	return "unknown"
}

// addrFlags returns what is known of an address.
func addrFlags(u *windows.IpAdapterUnicastAddress) (flags []string) {
	if u.SuffixOrigin == windows.IpSuffixOriginRandom && u.PrefixOrigin == windows.IpPrefixOriginRouterAdvertisement {
		flags = append(flags, "temporary")
	}
	switch u.DadState {
	case windows.IpDadStateTentative:
		flags = append(flags, "tentative")
	case windows.IpDadStateDuplicate:
		flags = append(flags, "dadfailed")
	case windows.IpDadStateDeprecated:
		flags = append(flags, "deprecated")
	}
	if u.ValidLifetime == 1<<32-1 {
		flags = append(flags, "permanent")
	}
	return flags
}
