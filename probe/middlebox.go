package probe

import (
	"net/netip"
	"slices"
	"time"
)

// suspects are the addresses of which every port may open. Those with an open port are kept, and the first mostRefusing of
// those where one refused; after these no address becomes a suspect, as it might have refused before.
type suspects struct {
	random   func() uint64
	off      bool
	hosts    map[netip.Addr]*suspect
	refusing map[netip.Addr]struct{}
}

// suspect is an address with open ports.
type suspect struct {
	open    []uint16 // ports, each once
	settled bool     // it is none, or it has been asked
	refused bool     // a port of it did
	asking  int      // attempts at unused ports that have no outcome yet
	found   []uint16 // of these ports, those that opened
}

const (
	manyOpen     = 8 // open ports, with none closed, make an address a suspect
	mostRefusing = 1 << 16
	unused       = 2 // ports that nobody asked for convict it if they open as well
	firstHigh    = 49152
	highPorts    = 1<<16 - firstHigh // from there on, the dynamic ports of RFC 6335 section 6
)

// note takes the outcome of an attempt of a trial, and has a suspect's unused ports tried.
func (u *suspects) note(s *session, a *attempt, e *Event) {
	if u.off {
		return
	}
	h := u.host(a.to.Addr(), e.State)
	switch {
	case h == nil:
		return
	case e.State == Closed || e.State == Rejected:
		h.settled, h.refused, h.open = true, true, nil
	case h.settled:
		return
	case e.State == Open && !slices.Contains(h.open, a.to.Port()):
		h.open = append(h.open, a.to.Port())
	}
	if len(h.open) < manyOpen || s.stopping != going {
		return
	}
	for range unused {
		port := u.unusedPort(h.open)
		h.open = append(h.open, port)
		c := s.attempt(a.target, netip.AddrPortFrom(a.to.Addr(), port))
		c.suspect = h
		s.ready = append(s.ready, c)
	}
	h.settled, h.asking, h.open = true, unused, nil
}

// host returns what is kept of an address where a port was found in a state; nil: nothing.
func (u *suspects) host(a netip.Addr, state State) *suspect {
	h := u.hosts[a]
	if h != nil {
		return h
	}
	_, refused := u.refusing[a]
	full := len(u.refusing) >= mostRefusing
	switch {
	case (state == Closed || state == Rejected) && !full:
		if u.refusing == nil {
			u.refusing = map[netip.Addr]struct{}{}
		}
		u.refusing[a] = struct{}{}
	case state == Open && !refused && !full:
		if u.hosts == nil {
			u.hosts = map[netip.Addr]*suspect{}
		}
		h = &suspect{}
		u.hosts[a] = h
	}
	return h
}

// unusedPort returns a port that was not asked for, as far as is known.
func (u *suspects) unusedPort(asked []uint16) uint16 {
	port := uint16(firstHigh + u.random()%highPorts)
	for slices.Contains(asked, port) {
		port = firstHigh + (port+1)%highPorts
	}
	return port
}

// heard takes the outcome of an attempt at an unused port.
func (u *suspects) heard(s *session, a *attempt, e *Event, now time.Time) {
	h := a.suspect
	if e.State == Open {
		h.found = append(h.found, a.to.Port())
	}
	if h.asking--; h.asking == 0 && len(h.found) == unused && !h.refused {
		slices.Sort(h.found)
		s.emit(Event{Kind: Middlebox, Target: a.target, Addr: netip.AddrPortFrom(a.to.Addr(), 0), At: now, Ports: h.found})
	}
}
