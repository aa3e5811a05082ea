package main

import (
	"errors"
	"net/netip"
	"syscall"
)

// advised is an error with something that would help.
type advised struct {
	error
	hint string
}

// Hints implements hinter.
func (e *advised) Hints() []string { return []string{e.hint} }

// Unwrap returns the error without the hint.
func (e *advised) Unwrap() error { return e.error }

// advise adds to a refusal to send what would help, if that is known; refused is what helps where access is.
func advise(err error, refused string) error {
	switch {
	case err == nil || len(hintsOf(err)) > 0:
		return err
	case errors.Is(err, syscall.EACCES):
		return &advised{err, refused}
	case errors.Is(err, syscall.EPERM):
		return &advised{err, "a firewall of this machine does not let the requests out, see nft list ruleset"}
	}
	return err
}

// checkScope returns an error for a link-local address that does not say on which link, as flag could.
func checkScope(a netip.Addr, flag string) error {
	if !a.Is6() || !a.IsLinkLocalUnicast() || a.Zone() != "" {
		return nil
	}
	return &advised{errors.New(a.String() + ": a link-local address needs its interface"),
		"write the interface behind it, as fe80::1%eth0, or give it with " + flag}
}
