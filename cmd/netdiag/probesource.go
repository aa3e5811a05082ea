package main

import (
	"context"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/netdiag/netdiag/probe"
)

// probeSource turns what a user wants probed into the targets of a run. Names are looked up aside, several at a
// time, while others are probed already.
type probeSource struct {
	run      *probeRun
	finder   *targetFinder
	feed     feed[probeGroup]
	list     *probeList
	excluded exclusion
	all      bool // every address of a name is a target of its own

	results chan probeFound
	looking map[*probeGroup]error // the lookups under way, each with why the one before failed
	ended   bool                  // feed has no more
	taken   uint64                // ports that feed yielded
	handled uint64                // of them, those that were begun, refused or left out
}

// probeFound is what became of a name.
type probeFound struct {
	group *probeGroup
	addrs []netip.Addr
	err   error
	again bool // it is looked up again
}

// targets yields what is to be probed, nil where the next one is not known yet.
func (s *probeSource) targets(ctx context.Context) iter.Seq[*probe.Target] {
	s.results = make(chan probeFound, lookupsAtOnce)
	s.looking = make(map[*probeGroup]error)
	return func(yield func(*probe.Target) bool) {
		for {
			found, ok := s.find(ctx)
			switch {
			case ok:
				if !s.expand(found, yield) {
					return
				}
			case s.exhausted():
				return
			case !yield(nil):
				return
			}
		}
	}
}

// find returns the next host whose addresses are known; not ok: there is none by now.
func (s *probeSource) find(ctx context.Context) (found probeFound, ok bool) {
	for {
		select {
		case found = <-s.results:
			if found.again {
				s.wait(found)
				continue
			}
			delete(s.looking, found.group)
			return found, true
		default:
		}
		if s.ended || len(s.looking) == lookupsAtOnce {
			return probeFound{}, false
		}
		next, ok, ended := s.feed()
		if s.ended = ended; !ok {
			return probeFound{}, false
		}
		g := &next.value
		s.taken = capped(s.taken, g.ports.count())
		if next.err != nil {
			return probeFound{group: g, err: next.err}, true
		}
		if !g.Name {
			addrs, err := s.finder.addrs(ctx, g.Target)
			return probeFound{group: g, addrs: addrs, err: err}, true
		}
		s.looking[g] = nil
		go s.look(ctx, g)
	}
}

// look looks up a name; where something is waited for again and again, until it is known.
func (s *probeSource) look(ctx context.Context, g *probeGroup) {
	for {
		found := probeFound{group: g}
		found.addrs, found.err = s.finder.addrs(ctx, g.Target)
		if ctx.Err() != nil {
			return // the run is over
		}
		found.again = found.err != nil && s.run.flags.until() != probe.UntilCount
		select {
		case s.results <- found:
		case <-ctx.Done():
			return
		}
		if !found.again {
			return
		}
		select {
		case <-time.After(max(s.run.flags.interval, shortestLookup)):
		case <-ctx.Done():
			return
		}
	}
}

// shortestLookup is the least time between two lookups of a name that is not known.
const shortestLookup = 100 * time.Millisecond

// wait says once of a name why it is not known.
func (s *probeSource) wait(found probeFound) {
	if s.looking[found.group] == nil {
		s.run.note(s.run.flush())
		s.run.diag.warn("%v: it is looked up again until the time is up", found.err)
	}
	s.looking[found.group] = found.err
}

// expand yields the targets of a host whose addresses are known, and returns whether to go on.
func (s *probeSource) expand(found probeFound, yield func(*probe.Target) bool) bool {
	g := found.group
	addrs := slices.DeleteFunc(found.addrs, s.excluded.addr)
	switch {
	case found.err != nil:
		s.refuse(g, found.err)
		return true
	case len(addrs) == 0:
		s.handled = capped(s.handled, g.ports.count())
		s.run.exclude(g.ports.count())
		return true
	}
	for port := range g.ports.all() {
		s.handled++
		if s.excluded.port(port) {
			s.run.exclude(1)
			continue
		}
		if !s.hand(g, port, addrs, yield) {
			return false
		}
	}
	return true
}

// hand yields a port of a host: one target, or with all one for each of its addresses.
func (s *probeSource) hand(g *probeGroup, port uint16, addrs []netip.Addr, yield func(*probe.Target) bool) bool {
	if !s.all || !g.Name {
		return yield(s.run.add(g, port, addrs, nil))
	}
	set := &probeSet{group: g, port: port, left: len(addrs), first: make([]probe.Event, len(addrs))}
	for i := range addrs {
		if !yield(s.run.add(g, port, addrs[i:i+1], &probeMember{set, i})) {
			return false
		}
	}
	return true
}

// refuse ends a host that cannot be probed: every port of it that is asked for.
func (s *probeSource) refuse(g *probeGroup, err error) {
	s.handled = capped(s.handled, g.ports.count())
	s.run.unable(err)
	for port := range g.ports.all() {
		if !s.excluded.port(port) {
			s.run.refused(g, port, err)
		}
	}
	if len(g.ports) == 0 { // a line of a file that could not be read
		s.run.refused(g, 0, err)
	}
}

// exhausted reports whether all targets were yielded.
func (s *probeSource) exhausted() bool { return s.ended && len(s.looking) == 0 }

// rest ends the hosts whose addresses were not known when the run ended, and returns how many ports were never begun.
func (s *probeSource) rest() uint64 {
	for g, err := range s.looking {
		if err != nil {
			s.refuse(g, err)
		}
	}
	return capped(s.taken-s.handled, s.list.left(s.feed, s.taken))
}
