//go:build windows || darwin || dragonfly || freebsd || netbsd || openbsd

package local

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// unsupported returns the error of a decision by what the system does not decide by, or does not tell.
func unsupported(by string) error {
	return fmt.Errorf("local: a decision by %s on this system: %w", by, errors.ErrUnsupported)
}

// decide asks the system for its best route, which is all that it tells.
func decide(dst netip.Addr, ask Ask) (Decision, error) {
	switch {
	case ask.Mark != 0:
		return Decision{}, unsupported("a mark")
	case ask.User != nil:
		return Decision{}, unsupported("the user")
	case ask.Protocol != 0:
		return Decision{}, unsupported("the protocol")
	}
	scope, err := indexOf(ask.Interface)
	if err != nil {
		return Decision{}, err
	}
	if err := own(ask.Source); err != nil {
		return Decision{}, err
	}
	r, found, err := bestRoute(dst, ask.Source, scope)
	switch {
	case err != nil:
		return Decision{}, err
	case !found:
		return Decision{Dst: dst, Kind: KindNone}, nil
	case ask.Source.IsLoopback() && r.Kind != KindLocal && !dst.IsLoopback():
		return Decision{}, errLoopback(ask.Source, dst)
	}
	d := Decision{
		Dst: dst, Interface: r.Interface, Gateway: r.Gateway, Source: r.Source, MTU: r.MTU, Matched: r.Dst, Kind: r.Kind,
		Metric: r.Metric, Protocol: r.Protocol,
	}
	if ask.Source.IsValid() {
		d.Source = ask.Source
	}
	if i, err := net.InterfaceByName(d.Interface); err == nil && d.MTU == 0 {
		d.MTU = i.MTU
	}
	d.Hop, err = hop(d)
	return d, err
}

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
	if d.Kind != KindUnicast {
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
