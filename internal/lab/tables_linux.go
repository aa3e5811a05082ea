package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// quiet leaves link without a link-local address of the kernel's making.
func quiet(ns *Namespace, link netlink.Link) error {
	const addrGenModeNone = 1 // IN6_ADDR_GEN_MODE_NONE
	err := ns.route.LinkSetIP6AddrGenMode(link, addrGenModeNone)
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil // a kernel without IPv6 makes none
	}
	return err
}

// addAddr adds an address, without detecting duplicates, and returns when packets to it
// are received. Adding what is there does nothing.
func addAddr(ns *Namespace, link netlink.Link, p netip.Prefix) error {
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	if err := ns.route.AddrReplace(link, a); err != nil {
		return fmt.Errorf("lab: address %v on %s in %s: %w", p, link.Attrs().Name, ns.name, err)
	}
	if p.Addr().Is4() {
		return nil
	}
	// The local route of an IPv6 address is added by work that the kernel does later,
	// within microseconds.
	through := &netlink.RouteGetOptions{OifIndex: link.Attrs().Index}
	err := await(func() (bool, error) {
		routes, err := ns.route.RouteGetWithOptions(p.Addr().AsSlice(), through)
		if errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH) {
			return false, nil
		}
		return len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL, err
	})
	if err != nil {
		return fmt.Errorf("lab: waiting for address %v on %s in %s: %w", p, link.Attrs().Name, ns.name, err)
	}
	return nil
}

// awaitCarrier waits until the kernel sends through link. The end of a veth pair that
// was set up first learns of the other, too, by work that the kernel does later, and drops
// packets before.
func awaitCarrier(ns *Namespace, link netlink.Link) error {
	err := await(func() (bool, error) {
		now, err := ns.route.LinkByIndex(link.Attrs().Index)
		return err == nil && now.Attrs().OperState == netlink.OperUp, err
	})
	if err != nil {
		return fmt.Errorf("lab: waiting for %s in %s: %w", link.Attrs().Name, ns.name, err)
	}
	return nil
}

// await asks until the answer is yes. It is for what takes the kernel microseconds, and no event tells.
func await(ask func() (bool, error)) error {
	const limit = 5 * time.Second
	for start := time.Now(); time.Since(start) < limit; {
		if yes, err := ask(); yes || err != nil {
			return err
		}
	}
	return fmt.Errorf("not within %v", limit)
}

// addRoute adds a route through link, or replaces it.
func addRoute(ns *Namespace, link netlink.Link, r Route) error {
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(r.Dst.Masked())}
	if r.Via.IsValid() {
		route.Gw = r.Via.AsSlice()
	} else if r.Dst.Addr().Is4() {
		route.Scope = netlink.SCOPE_LINK
	}
	if err := ns.route.RouteReplace(route); err != nil {
		return fmt.Errorf("lab: route to %v on %s in %s: %w", r.Dst, link.Attrs().Name, ns.name, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
