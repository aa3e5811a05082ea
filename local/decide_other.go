//go:build windows || darwin || dragonfly || freebsd || netbsd || openbsd

package local

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// indexOf returns the index of the interface of a name, or of a number as zones may be; 0: of none.
func indexOf(name string) (int, error) {
	if name == "" {
		return 0, nil
	}
	if i, err := net.InterfaceByName(name); err == nil {
		return i.Index, nil
	}
	if index, err := strconv.Atoi(name); err == nil && index > 0 {
		if i, err := net.InterfaceByIndex(index); err == nil {
			return i.Index, nil
		}
	}
	return 0, fmt.Errorf("local: there is no interface %q", name)
}

// own returns an error if source is no address of this machine.
func own(source netip.Addr) error {
	if !source.IsValid() || source.IsLoopback() {
		return nil
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return fmt.Errorf("local: asking the kernel for addresses: %w", err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(n.IP); ok && addr.Unmap() == source {
				return nil
			}
		}
	}
	return fmt.Errorf("local: the source %v is no address of this machine", source)
}

// hop returns the neighbour that a packet is given to; nil: none that is known.
func hop(d Decision) (*Neighbour, error) {
	if d.Kind != kindUnicast {
		return nil, nil
	}
	to := d.Dst
	if d.Gateway.IsValid() {
		to = d.Gateway
	}
	all, err := neighbours()
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		if n.Addr == to && n.Interface == d.Interface {
			return &n, nil
		}
	}
	return nil, nil
}
