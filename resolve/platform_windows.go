package resolve

import (
	"cmp"
	"errors"
	"net/netip"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/netdiag/netdiag/hosts"
)

// thisPlatform is that of Windows, which has the name servers of each interface.
func thisPlatform() platform {
	p := platform{policy: standardPolicy(), dialect: func(bool) hosts.Dialect { return hosts.Windows() }}
	p.problems = []Problem{{Path: "Windows", Text: "its policy of names, its cache and its multicast DNS are not known here: " +
		"the name servers of the interfaces are asked, those of the interface with the least metric of IPv4 first"}}
	adapters, err := adapters()
	if err != nil {
		p.problems = append(p.problems, Problem{Path: "Windows", Err: err, Text: "cannot be asked for its name servers: " + err.Error()})
	}
	for _, a := range adapters {
		if a.OperStatus != windows.IfOperStatusUp {
			continue
		}
		p.servers = appendServers(p.servers, a)
		suffix := windows.UTF16PtrToString(a.DnsSuffix)
		if suffix != "" && !slices.Contains(p.search, suffix) {
			p.search = append(p.search, suffix)
		}
	}
	return p
}

// appendServers adds the name servers of an interface that are not there yet.
func appendServers(servers []netip.AddrPort, a *windows.IpAdapterAddresses) []netip.AddrPort {
	for s := a.FirstDnsServerAddress; s != nil; s = s.Next {
		addr, ok := netip.AddrFromSlice(s.Address.IP())
		// Site-local addresses (RFC 3879) are what Windows assumes where it has no server.
		if addr = addr.Unmap(); !ok || netip.MustParsePrefix("fec0::/10").Contains(addr) {
			continue
		}
		if server := netip.AddrPortFrom(addr, transports(UDP).port); !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
	}
	return servers
}

// adapters returns the interfaces, that with the least metric first.
func adapters() ([]*windows.IpAdapterAddresses, error) {
	const flags = windows.GAA_FLAG_SKIP_UNICAST | windows.GAA_FLAG_SKIP_ANYCAST | windows.GAA_FLAG_SKIP_MULTICAST
	size := uint32(16 << 10) // bytes; the call says how many it needs
	for {
		buf := make([]byte, size)
		first := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, flags, 0, first, &size)
		switch {
		case errors.Is(err, windows.ERROR_NO_DATA):
			return nil, nil
		case errors.Is(err, windows.ERROR_BUFFER_OVERFLOW) && size > uint32(len(buf)):
			continue
		case err != nil:
			return nil, os.NewSyscallError("GetAdaptersAddresses", err)
		}
		var all []*windows.IpAdapterAddresses
		for a := first; a != nil; a = a.Next {
			all = append(all, a)
		}
		slices.SortStableFunc(all, func(a, b *windows.IpAdapterAddresses) int { return cmp.Compare(a.Ipv4Metric, b.Ipv4Metric) })
		return all, nil
	}
}
