package main

import (
	"errors"
	"net/netip"
)

// addrValue is a flag's value that is an address.
type addrValue struct{ to *netip.Addr }

// Check implements value.
func (*addrValue) Check(s string) error {
	if _, err := netip.ParseAddr(s); err != nil {
		return errors.New("not an address")
	}
	return nil
}

// Set implements cli.Generic.
func (v *addrValue) Set(s string) error {
	addr, err := netip.ParseAddr(s)
	if err == nil {
		*v.to = addr.Unmap()
	}
	return err
}

func (v *addrValue) String() string {
	if v.to == nil || !v.to.IsValid() {
		return ""
	}
	return v.to.String()
}

// Limits implements value.
func (*addrValue) Limits() string { return "" }

// prefixValue is a flag's value that is a network in CIDR notation, whose host bits do not matter.
type prefixValue struct{ to *netip.Prefix }

// Check implements value.
func (*prefixValue) Check(s string) error {
	if _, err := netip.ParsePrefix(s); err != nil {
		return errors.New("not a prefix, it takes one as 192.0.2.0/24")
	}
	return nil
}

// Set implements cli.Generic.
func (v *prefixValue) Set(s string) error {
	prefix, err := netip.ParsePrefix(s)
	if err == nil {
		*v.to = prefix.Masked()
	}
	return err
}

func (v *prefixValue) String() string {
	if v.to == nil || !v.to.IsValid() {
		return ""
	}
	return v.to.String()
}

// Limits implements value.
func (*prefixValue) Limits() string { return "" }
