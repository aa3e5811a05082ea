package local

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/windows"
)

// bestRoute asks by GetBestRoute2 for the route to dst by the interface of an index, unless that is 0, with the best source
// address; false: there is none.
func bestRoute(dst, source netip.Addr, scope int) (Route, bool, error) {
	row, best, err := askBest(dst, source, scope)
	for _, none := range []error{windows.ERROR_NETWORK_UNREACHABLE, windows.ERROR_HOST_UNREACHABLE, windows.ERROR_NOT_FOUND} {
		if errors.Is(err, none) {
			return Route{}, false, nil
		}
	}
	if err != nil {
		return Route{}, false, fmt.Errorf("local: asking Windows for the way to %v: %w", dst, err)
	}
	names, err := linkNames()
	if err != nil {
		return Route{}, false, err
	}
	r, ok := routeOf(&row, names)
	if !ok {
		return Route{}, false, fmt.Errorf("local: Windows names no route to %v", dst)
	}
	r.Source, _ = addrOf(&best)
	of := windows.MibIpInterfaceRow{Family: row.DestinationPrefix.Prefix.Family, InterfaceIndex: row.InterfaceIndex}
	if windows.GetIpInterfaceEntry(&of) == nil && of.NlMtu < 1<<31 {
		r.MTU = int(of.NlMtu)
	}
	return r, true, nil
}

// askBest asks for the route to dst, and for the source address of the packet.
func askBest(dst, from netip.Addr, scope int) (row windows.MibIpForwardRow2, source windows.RawSockaddrInet, err error) {
	to, given := sockaddr(dst, scope), sockaddr(from, scope)
	var constraint *windows.RawSockaddrInet
	if from.IsValid() {
		constraint = &given
	}
	f, err := iphlpapi("GetBestRoute2")
	if err != nil {
		return row, source, err
	}
	status, _, _ := f.Call(0, uintptr(scope), uintptr(unsafe.Pointer(constraint)), uintptr(unsafe.Pointer(&to)), 0,
		uintptr(unsafe.Pointer(&row)), uintptr(unsafe.Pointer(&source)))
	return row, source, statusOf(status)
}
