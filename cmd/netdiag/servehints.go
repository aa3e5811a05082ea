package main

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/netdiag/netdiag/local"
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

// inUse says who holds the port.
func (s *serveSide) inUse(err error, at listenAddr) error {
	addr := at.AddrPort
	e := &serveError{text: fmt.Sprintf("%v is in use", addr), err: err}
	sockets, failed := s.sockets(addr.Port())
	holders, waiting := splitSockets(sockets)
	if some := having(holders, func(h local.Socket) bool { return at.collides(h) }); len(some) > 0 {
		holders = some
	}
	switch {
	case failed != nil:
		e.text += fmt.Sprintf("; by whom is not known: %v", failed)
	case len(holders) > 0:
		e.text += ": " + strings.Join(describeAll(holders), " and ")
		e.hints = s.holderHints(addr, holders)
	case waiting > 0:
		e.text += fmt.Sprintf(": no program listens, but %s it for up to a minute more (TIME_WAIT)",
			counted(int64(waiting), "connection that has ended holds", "connections that have ended hold"))
	default:
		e.text += ", but no program listens there: one has bound it"
	}
	return e.or("take another port: netdiag serve " + netip.AddrPortFrom(addr.Addr(), nextPort(addr.Port())).String())
}

// holderHints says what can be done about the holders of a port.
func (s *serveSide) holderHints(addr netip.AddrPort, holders []local.Socket) (hints []string) {
	unknown := having(holders, func(h local.Socket) bool { return h.PID == 0 })
	if len(unknown) > 0 && s.uid != 0 {
		hints = append(hints, "run as root to see which program that is")
	}
	for _, h := range holders {
		if h.Addr.Addr().IsUnspecified() || !addr.Addr().IsUnspecified() {
			return hints
		}
	}
	if a, ok := s.outside(family4(addr.Addr())); ok && !slices.ContainsFunc(holders, func(h local.Socket) bool { return h.Addr.Addr() == a }) {
		hints = append(hints, fmt.Sprintf("that is one address alone, and others are free: netdiag serve %v", netip.AddrPortFrom(a, addr.Port())))
	}
	return hints
}

// family4 returns the family of a.
func family4(a netip.Addr) family {
	if a.Is4() {
		return ipv4
	}
	return ipv6
}

// splitSockets returns those that listen, and how many are in TIME_WAIT.
func splitSockets(all []local.Socket) (listening []local.Socket, waiting int) {
	listening = having(all, func(s local.Socket) bool { return !s.TimeWait })
	return listening, len(all) - len(listening)
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

// collides reports whether a listener is in the way.
func (l listenAddr) collides(h local.Socket) bool {
	a, b := l.Addr(), h.Addr.Addr()
	both := func(x netip.Addr, v6only bool) bool { return x == netip.IPv6Unspecified() && !v6only }
	switch {
	case a.Is4() != b.Is4():
		return both(a, l.v6only) || both(b, h.V6Only)
	case a.IsUnspecified(), b.IsUnspecified():
		return true
	}
	return a.WithZone("") == b.WithZone("")
}

// describeAll says of each socket who listens where, each text once.
func describeAll(holders []local.Socket) (texts []string) {
	for _, h := range holders {
		if text := fmt.Sprintf("%s listens on %v", holder(h), h.Addr); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return texts
}

// holder names the program that has a socket, as far as it is known.
func holder(s local.Socket) string {
	switch {
	case s.PID > 0 && s.Program != "":
		return fmt.Sprintf("%s (pid %d)", s.Program, s.PID)
	case s.PID > 0:
		return fmt.Sprintf("a program (pid %d)", s.PID)
	case s.UID >= 0:
		return fmt.Sprintf("a program of the user with uid %d", s.UID)
	}
	return "a program"
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
	sockets, err := s.sockets(at.Port())
	if err != nil {
		return nil
	}
	holders, _ := splitSockets(sockets)
	for _, h := range holders {
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
