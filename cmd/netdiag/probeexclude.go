package main

import (
	"net/netip"
)

// exclusion is what is not to be probed. Its zero value excludes nothing.
type exclusion struct {
	addrs []addrRange
	ports *portSet // nil: none
}

// addrRange is all addresses from one to another, both included.
type addrRange struct{ first, last netip.Addr }

// has reports whether a is in r. A range without a zone has it in every zone.
func (r addrRange) has(a netip.Addr) bool {
	if r.first.Zone() == "" {
		a = a.WithZone("")
	}
	return a.BitLen() == r.first.BitLen() && a.Zone() == r.first.Zone() && !a.Less(r.first) && !r.last.Less(a)
}

// parseExclusion reads addresses, networks (all of their addresses), ranges, and ports with ranges of them.
// The error tells of every item that is wrong.
func parseExclusion(items []string, reader portReader) (x exclusion, err error) {
	var errs []error
	for _, item := range items {
		if startsAsNumber(item) {
			part, err := reader.item(item)
			if err != nil {
				errs = append(errs, usagef("--exclude %v", err))
				continue
			}
			if x.ports == nil {
				x.ports = new(portSet)
			}
			for port := range (portList{part}).all() {
				x.ports.add(port)
			}
			continue
		}
		r, err := excludedAddrs(item)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		x.addrs = append(x.addrs, r)
	}
	return x, joined(errs)
}

// excludedAddrs reads an address, a network or a range.
func excludedAddrs(item string) (addrRange, error) {
	item = unbracketed(item)
	if prefix, err := netip.ParsePrefix(item); err == nil && !prefix.Addr().Is4In6() {
		first, last := bounds(prefix.Addr(), prefix.Bits())
		return addrRange{first, last}, nil
	}
	e, err := parseExpression(item)
	switch {
	case err != nil:
		return addrRange{}, usagef("--exclude %v", err)
	case e.host.Name:
		return addrRange{}, usagef("--exclude %s: a name; it takes addresses, networks, ranges and ports", item)
	case e.first.IsValid():
		return addrRange{e.first, e.last}, nil
	}
	return addrRange{e.host.Addr, e.host.Addr}, nil
}

// port reports whether a port is excluded.
func (x *exclusion) port(p uint16) bool { return x.ports != nil && x.ports.has(p) }

// addr reports whether an address is excluded.
func (x *exclusion) addr(a netip.Addr) bool {
	for _, r := range x.addrs {
		if r.has(a) {
			return true
		}
	}
	return false
}
