package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/local"
)

// inUse says who holds the port, as far as this system tells: whoever listens; otherwise whoever has bound it or is connected
// from it; otherwise what is left of connections.
func (s *serveSide) inUse(err error, at listenAddr) error {
	addr := at.AddrPort
	e := &serveError{text: fmt.Sprintf("%v is in use", addr), err: err}
	sockets, all, failed := s.sockets(addr.Port())
	if some := having(sockets, at.collides); len(some) > 0 {
		sockets = some
	}
	holders := having(sockets, listens)
	if len(holders) == 0 {
		holders = having(sockets, owned)
	}
	switch {
	case failed != nil:
		e.text += fmt.Sprintf("; by whom is not known: %v", failed)
	case len(holders) > 0:
		e.text += ": " + strings.Join(describeAll(holders), " and ")
		e.hints = s.holderHints(addr, holders, having(sockets, owned))
	default:
		e.text += remains(sockets, all)
	}
	return e.or("take another port: netdiag serve " + netip.AddrPortFrom(addr.Addr(), nextPort(addr.Port())).String())
}

// listens reports whether a socket accepts connections.
func listens(s local.Socket) bool { return s.State == local.SocketListens }

// owned reports whether a program has a socket.
func owned(s local.Socket) bool { return s.State < local.SocketConnects || s.PID > 0 || s.UID >= 0 }

// remains says what holds a port that no program is known to hold; all: none that is not known does.
func remains(sockets []local.Socket, all bool) string {
	waiting := int64(len(having(sockets, func(s local.Socket) bool { return s.State == local.SocketTimeWait })))
	closing := int64(len(sockets)) - waiting
	var parts []string
	if closing > 0 {
		parts = append(parts, counted(closing, "connection of which no program knows any more holds", "connections of which no program knows any more hold")+
			" it until the other side has closed, too, or is given up")
	}
	if waiting > 0 {
		parts = append(parts, counted(waiting, "connection that has ended holds", "connections that have ended hold")+" it for up to a minute more (TIME_WAIT)")
	}
	rest := strings.Join(parts, ", and ")
	switch {
	case rest != "" && all:
		return ": no program has it, but " + rest
	case rest != "":
		return ": no program listens on it or is connected from it, but " + rest + ", or a program has bound it, which this system does not tell"
	case all:
		return ", but by now no program has it: try again"
	}
	return ", but no program listens on it or is connected from it: one has bound it, and this system does not tell which, or it is free by now"
}

// holderHints says what can be done about the holders of a port, among all the sockets of programs that are in the way.
func (s *serveSide) holderHints(addr netip.AddrPort, holders, all []local.Socket) (hints []string) {
	unknown := having(holders, func(h local.Socket) bool { return h.PID == 0 })
	if len(unknown) > 0 && s.uid != 0 {
		hints = append(hints, "run as root to see which program that is")
	}
	if !slices.ContainsFunc(holders, listens) && !slices.ContainsFunc(holders, func(h local.Socket) bool { return h.State == local.SocketBound }) {
		hints = append(hints, "it is free when that has ended: ss -tnp sport = :"+fmt.Sprint(addr.Port()))
	}
	if !addr.Addr().IsUnspecified() || slices.ContainsFunc(all, func(h local.Socket) bool { return h.Addr.Addr().IsUnspecified() }) {
		return hints
	}
	if a, ok := s.outside(family4(addr.Addr())); ok && !slices.ContainsFunc(all, func(h local.Socket) bool { return h.Addr.Addr() == a }) {
		hints = append(hints, fmt.Sprintf("that is one address alone, and others are free: netdiag serve %v", netip.AddrPortFrom(a, addr.Port())))
	}
	return hints
}

// collides reports whether a socket is in the way.
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

// mostHolders is how many holders of a port are named.
const mostHolders = 3

// describeAll says of each socket who does what with it, each text once, and of many how many more there are.
func describeAll(holders []local.Socket) (texts []string) {
	for _, h := range holders {
		if text := describeSocket(h); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	if more := len(texts) - mostHolders; more > 0 {
		texts = append(texts[:mostHolders], fmt.Sprintf("%d more", more))
	}
	return texts
}

// describeSocket says who does what with a socket.
func describeSocket(h local.Socket) string {
	switch h.State {
	case local.SocketListens:
		return fmt.Sprintf("%s listens on %v", holder(h), h.Addr)
	case local.SocketBound:
		return fmt.Sprintf("%s has bound %v, and does not listen", holder(h), h.Addr)
	}
	return fmt.Sprintf("%s has a connection between %v and %v", holder(h), h.Addr, h.Remote)
}

// holder names the program that has a socket, as far as it is known. A program may call itself whatever it likes.
func holder(s local.Socket) string {
	switch {
	case s.PID > 0 && s.Program != "":
		return fmt.Sprintf("%s (pid %d)", render.Harmless(s.Program), s.PID)
	case s.PID > 0:
		return fmt.Sprintf("a program (pid %d)", s.PID)
	case s.UID >= 0:
		return fmt.Sprintf("a program of the user with uid %d", s.UID)
	}
	return "a program"
}
