package main

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/netdiag/netdiag/serve"
)

// serveError is why there is no listening on an address.
type serveError struct {
	text  string
	err   error // the system's
	hints []string
}

func (e *serveError) Error() string   { return e.text }
func (e *serveError) Unwrap() error   { return e.err }
func (e *serveError) Hints() []string { return e.hints }

// or adds what would help, too, and returns e.
func (e *serveError) or(hint string) *serveError {
	if len(e.hints) > 0 {
		hint = "or " + hint
	}
	e.hints = append(e.hints, hint)
	return e
}

// explain returns an error of listening with what is to be known about it.
func (s *serveSide) explain(err error, at listenAddr) error {
	addr := at.AddrPort
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return s.inUse(err, at)
	case errors.Is(err, syscall.EACCES):
		return s.privileged(err, addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return s.notOwn(err, addr)
	case errors.Is(err, syscall.EAFNOSUPPORT) && addr.Addr().Is6():
		return &serveError{fmt.Sprintf("%v: this machine has no IPv6", addr), err, []string{fmt.Sprintf("over IPv4: netdiag serve 0.0.0.0:%d", addr.Port())}}
	}
	return err
}

// family4 returns the family of a.
func family4(a netip.Addr) family {
	if a.Is4() {
		return ipv4
	}
	return ipv6
}

// having returns those of all for which ok.
func having[T any](all []T, ok func(T) bool) (some []T) {
	for _, v := range all {
		if ok(v) {
			some = append(some, v)
		}
	}
	return some
}

// nextPort returns another port to suggest.
func nextPort(port uint16) uint16 {
	if port == math.MaxUint16 {
		return serve.DefaultPort
	}
	return port + 1
}

// privileged says what this system's rule about low ports is, and what would allow addr's.
func (s *serveSide) privileged(err error, addr netip.AddrPort) error {
	port := addr.Port()
	switch {
	case s.first == 0: // there is no such rule, or it is not known
		return &serveError{fmt.Sprintf("%v: permission denied", addr), err, nil}
	case int(port) >= s.first:
		return &serveError{fmt.Sprintf("%v: permission denied, though ports from %d on are free for every program here: a security module forbids it", addr, s.first), err, nil}
	}
	above := int(port) + 8000 // 80 is 8080 then, and 443 8443
	if above < s.first || above > math.MaxUint16 {
		above = max(s.first, serve.DefaultPort)
	}
	e := &serveError{text: fmt.Sprintf("%v: permission denied: on this system ports below %d need a privilege", addr, s.first), err: err}
	if above <= math.MaxUint16 {
		e.or("take a port above: netdiag serve " + netip.AddrPortFrom(addr.Addr(), uint16(above)).String())
	}
	for _, hint := range privilegeHints(port, s.program) {
		e.or(hint)
	}
	return e
}

// notOwn says which addresses this machine has.
func (s *serveSide) notOwn(err error, addr netip.AddrPort) error {
	const most = 12
	var own []string
	for _, i := range s.interfaces {
		for _, a := range i.Addrs {
			if x := a.Prefix.Addr(); i.Up && x.Is4() == addr.Addr().Is4() && x != addr.Addr() {
				own = append(own, fmt.Sprintf("%v (%s)", x, i.Name))
			}
		}
	}
	e := &serveError{text: fmt.Sprintf("%v is not an address of this machine", addr.Addr()), err: err}
	if s.flagged(addr.Addr(), "tentative", "dadfailed") {
		e.text = fmt.Sprintf("%v cannot be used: whether another machine has it is being found out, or it is known that one does", addr.Addr())
	}
	if more := len(own) - most; more > 0 {
		own = append(own[:most], fmt.Sprintf("%d more", more))
	}
	if len(own) > 0 {
		e.hints = append(e.hints, "this machine has "+strings.Join(own, ", "))
	}
	everywhere := netip.IPv4Unspecified()
	if addr.Addr().Is6() {
		everywhere = netip.IPv6Unspecified()
	}
	return e.or("listen on all of them: netdiag serve " + netip.AddrPortFrom(everywhere, addr.Port()).String())
}

// besides says which other listeners there are on the port of a server, whose clients are therefore not its own.
func (s *serveSide) besides(at listenAddr) (texts []string) {
	sockets, _, err := s.sockets(at.Port())
	if err != nil {
		return nil
	}
	for _, h := range having(sockets, listens) {
		a, b := at.Addr(), h.Addr.Addr()
		var text string
		switch {
		case h.PID == s.pid, h.PID == 0 && h.Addr == at.AddrPort:
			continue
		case a.Is4() != b.Is4() && (b.IsUnspecified() || b.IsLoopback()) && (a.IsUnspecified() || a.IsLoopback()):
			text = fmt.Sprintf("%s listens on %v: clients that use %v, as for the name localhost they may, reach that", holder(h), h.Addr, family4(b))
		case a.Is4() == b.Is4() && a.IsUnspecified() || a == netip.IPv6Unspecified() && !at.v6only:
			text = fmt.Sprintf("%s listens on %v: clients of that address reach that", holder(h), h.Addr)
		}
		if text != "" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return texts
}
