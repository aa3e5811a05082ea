package main

import (
	"context"
	"net/netip"
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
