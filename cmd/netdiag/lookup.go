package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// family is a version of the Internet Protocol that the user wants.
type family uint8

// The families.
const (
	anyFamily family = 0
	ipv4      family = 4
	ipv6      family = 6
)

// has reports whether a is of the family.
func (f family) has(a netip.Addr) bool {
	return f == anyFamily || a.Is4() == (f == ipv4)
}

// network returns the family's name for package net.
func (f family) network() string {
	switch f {
	case ipv4:
		return "ip4"
	case ipv6:
		return "ip6"
	}
	return "ip"
}

func (f family) String() string {
	switch f {
	case ipv4:
		return "IPv4"
	case ipv6:
		return "IPv6"
	}
	return "IP"
}

// lookup finds the addresses of names.
type lookup interface {
	// Addrs returns the addresses of name in family f, at least one, in the order in which they
	// should be tried. It ends with ctx. The error names the name; it is a *lookupError if it is
	// about the name, and ctx's if that ended.
	Addrs(ctx context.Context, name string, f family) ([]netip.Addr, error)
}

// lookupError says why a name has no address.
type lookupError struct {
	name   string
	reason string
	hints  []string
	err    error // may be nil
}

func (e *lookupError) Error() string   { return e.name + ": " + e.reason }
func (e *lookupError) Hints() []string { return e.hints }
func (e *lookupError) Unwrap() error   { return e.err }

// addrsFunc is net.Resolver.LookupNetIP.
type addrsFunc func(ctx context.Context, network, name string) ([]netip.Addr, error)

// systemLookup finds names in the hosts file, then in DNS by the system's name servers. The
// special names of RFC 6761 are answered here: localhost and what is below it from the
// hosts file, and else as the loopback addresses; invalid and what is below it is never found.
type systemLookup struct {
	hosts addrsFunc // the hosts file alone
	all   addrsFunc // and then DNS
}

// newSystemLookup returns the lookup of this machine.
func newSystemLookup() lookup {
	nobody := func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no name server is asked for a special name")
	}
	return &systemLookup{
		hosts: (&net.Resolver{PreferGo: true, Dial: nobody}).LookupNetIP,
		all:   (&net.Resolver{PreferGo: true}).LookupNetIP,
	}
}

// Addrs implements lookup.
func (l *systemLookup) Addrs(ctx context.Context, name string, f family) ([]netip.Addr, error) {
	bare := strings.ToLower(strings.TrimSuffix(name, "."))
	switch {
	case under(bare, "invalid"):
		return nil, &lookupError{name: name, reason: "name not known"}
	case under(bare, "localhost"):
		return l.loopback(ctx, bare, f)
	}
	addrs, err := l.all(ctx, f.network(), name)
	if addrs = only(f, addrs); err == nil && len(addrs) > 0 {
		return addrs, nil
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: looking up the name: %w", name, ctx.Err())
	}
	if f != anyFamily {
		// To say that a name is not known because it lacks one family would be untrue.
		if others, err := l.all(ctx, anyFamily.network(), name); err == nil && len(others) > 0 {
			return nil, &lookupError{name: name, reason: fmt.Sprintf("the name has no %v address, only %v", f, others[0].Unmap())}
		}
	}
	return nil, explain(name, err)
}

// under reports whether name is zone or below it.
func under(name, zone string) bool {
	return name == zone || strings.HasSuffix(name, "."+zone)
}

// only returns those of addrs that are of family f, IPv4 as such, each once.
func only(f family, addrs []netip.Addr) []netip.Addr {
	var kept []netip.Addr
	for _, a := range addrs {
		if a = a.Unmap(); f.has(a) && !slices.Contains(kept, a) {
			kept = append(kept, a)
		}
	}
	return kept
}

// loopback returns what the hosts file has for a name of localhost, and else the addresses
// that it has anyway, of which IPv6's stands first if this machine has it.
func (l *systemLookup) loopback(ctx context.Context, name string, f family) ([]netip.Addr, error) {
	if addrs, err := l.hosts(ctx, anyFamily.network(), name); err == nil {
		if addrs = only(f, addrs); len(addrs) > 0 {
			return addrs, nil
		}
	}
	both := []netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	if !hasAddr(both[0]) {
		slices.Reverse(both)
	}
	return only(f, both), nil
}

// hasAddr reports whether a is an address of this machine: whether a socket can have it.
func hasAddr(a netip.Addr) bool {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// explain returns the error for people of a lookup that failed.
func explain(name string, err error) error {
	e := &lookupError{name: name, err: err, reason: "name not known"}
	dns, ok := errors.AsType[*net.DNSError](err)
	switch {
	case err == nil || ok && dns.IsNotFound:
	case ok && dns.IsTimeout:
		e.reason = "the name servers did not answer"
		e.hints = []string{"see which name servers this machine asks: /etc/resolv.conf"}
	case ok:
		e.reason = "looking up the name: " + dns.Err
	default:
		e.reason = "looking up the name: " + err.Error()
	}
	return e
}
