package local

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/windows"
)

// decide asks by GetBestRoute2, which has the best source address, too.
func decide(dst netip.Addr, ask Ask) (Decision, error) {
	if ask.Mark != 0 {
		return Decision{}, fmt.Errorf("local: a decision by a mark: %w", errors.ErrUnsupported)
	}
	scope, err := indexOf(ask.Interface)
	if err != nil {
		return Decision{}, err
	}
	if err := own(ask.Source); err != nil {
		return Decision{}, err
	}
	d := Decision{Dst: dst, Kind: kindNone}
	row, source, err := bestRoute(dst, ask.Source, scope)
	for _, none := range []error{windows.ERROR_NETWORK_UNREACHABLE, windows.ERROR_HOST_UNREACHABLE, windows.ERROR_NOT_FOUND} {
		if errors.Is(err, none) {
			return d, nil
		}
	}
	if err != nil {
		return Decision{}, fmt.Errorf("local: asking Windows for the way to %v: %w", dst, err)
	}
	names, err := linkNames()
	if err != nil {
		return Decision{}, err
	}
	r, ok := routeOf(&row, names)
	if !ok {
		return Decision{}, fmt.Errorf("local: Windows names no route to %v", dst)
	}
	d = Decision{
		Dst: dst, Interface: r.Interface, Gateway: r.Gateway, Matched: r.Dst, Kind: r.Kind, Metric: r.Metric, Protocol: r.Protocol,
	}
	d.Source, _ = addrOf(&source)
	if ask.Source.IsValid() {
		d.Source = ask.Source
	}
	of := windows.MibIpInterfaceRow{Family: row.DestinationPrefix.Prefix.Family, InterfaceIndex: row.InterfaceIndex}
	if windows.GetIpInterfaceEntry(&of) == nil && of.NlMtu < 1<<31 {
		d.MTU = int(of.NlMtu)
	}
	d.Hop, err = hop(d)
	return d, err
}

// bestRoute asks for the route to dst, and for the source address of the packet.
func bestRoute(dst, from netip.Addr, scope int) (row windows.MibIpForwardRow2, source windows.RawSockaddrInet, err error) {
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
