package main

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"net/netip"
	"slices"
)

// host is a target of a run: an address that is measured, or a name that has none.
type host struct {
	text    string // what the user typed; of a range, the address
	order   int    // place among all targets
	addr    netip.Addr
	err     error // why it was not, or not to the end, measured
	skipped bool  // its turn never came, and err says why
}

func (h *host) place() int { return h.order }

// inOrder sorts targets as the command line has them.
func inOrder[T interface{ place() int }](ts []T) {
	slices.SortFunc(ts, func(a, b T) int { return cmp.Compare(a.place(), b.place()) })
}

// targetRun is a measurement of targets from a targetSource.
type targetRun interface {
	add(index int, h *host)     // it will be measured, under this index
	refuse(h *host, err error)  // it cannot be
	skip(h *host, reason error) // its turn did not come
}

// targetSource turns targets of the command line into those of a measurement. Names are looked up aside,
// several at a time, while others are probed already.
type targetSource struct {
	run    targetRun
	finder *targetFinder
	next   targetFeed

	results chan lookedUp
	looking map[*host]struct{} // the lookups under way
	ended   bool               // next has no more
	order   int                // targets read
	index   int                // targets handed to the measurement
}

// lookedUp is what became of a name.
type lookedUp struct {
	t    *host
	addr netip.Addr
	err  error
}

const lookupsAtOnce = 16

// addrs yields the targets' addresses for a Config's Targets: the zero Addr where the next one
// is not known yet.
func (s *targetSource) addrs(ctx context.Context) iter.Seq[netip.Addr] {
	s.results = make(chan lookedUp, lookupsAtOnce)
	s.looking = make(map[*host]struct{})
	return func(yield func(netip.Addr) bool) {
		for !s.ended || len(s.looking) > 0 {
			var addr netip.Addr
			var skip bool
			select {
			case r := <-s.results:
				addr, skip = s.settle(r)
			default:
				addr, skip = s.read(ctx)
			}
			if !skip && !yield(addr) {
				return
			}
		}
	}
}

// read takes the list's next target and returns its address: the zero Addr where nothing is known
// yet. With skip it has got on, but not to an address.
func (s *targetSource) read(ctx context.Context) (addr netip.Addr, skip bool) {
	if s.ended || len(s.looking) == lookupsAtOnce {
		return netip.Addr{}, false
	}
	target, ok, ended := s.next(false)
	if s.ended = ended; !ok {
		return netip.Addr{}, ended
	}
	t := s.target(target)
	switch {
	case target.err != nil:
		s.run.refuse(t, target.err)
	case target.Name:
		s.look(ctx, t, target.Target)
	default:
		addrs, err := s.finder.addrs(ctx, target.Target)
		if err == nil {
			return s.hand(t, addrs[0]), false
		}
		s.run.refuse(t, err)
	}
	return netip.Addr{}, true
}

// target begins the next target.
func (s *targetSource) target(from given) *host {
	t := &host{text: from.Text, order: s.order, addr: from.Addr}
	s.order++
	return t
}

// look looks up a target's name.
func (s *targetSource) look(ctx context.Context, t *host, target Target) {
	s.looking[t] = struct{}{}
	go func() {
		r := lookedUp{t: t}
		addrs, err := s.finder.addrs(ctx, target)
		if r.err = err; err == nil {
			r.addr = addrs[0]
		}
		s.results <- r
	}()
}

// settle returns the address of a name that was looked up, or skip where it has none.
func (s *targetSource) settle(r lookedUp) (addr netip.Addr, skip bool) {
	delete(s.looking, r.t)
	if r.err != nil {
		s.run.refuse(r.t, r.err)
		return netip.Addr{}, true
	}
	return s.hand(r.t, r.addr), false
}

// hand makes a known to the run as the address of t, which the measurement gets next.
func (s *targetSource) hand(t *host, a netip.Addr) netip.Addr {
	t.addr = a
	s.run.add(s.index, t)
	s.index++
	return a
}

// errNotBegun is why a target has no measurement in a run that has ended early.
var errNotBegun = errors.New("the run ended before its first probe")

// mostUnread is how many targets that were never read get an end of their own.
const mostUnread = 1 << 16

// rest ends all targets that the measurement never got, for a reader that awaits one summary each. With a
// reason, for which ping could not begin, it waits for those that are still to be read.
func (s *targetSource) rest(reason error) {
	why := reason
	if why == nil {
		why = errNotBegun
	}
	left := slices.Collect(maps.Keys(s.looking))
	inOrder(left)
	for _, t := range left {
		s.run.skip(t, why)
	}
	for range mostUnread {
		target, ok, ended := s.next(reason != nil)
		if s.ended = ended; !ok {
			return
		}
		t := s.target(target)
		if target.err != nil {
			s.run.refuse(t, target.err)
			continue
		}
		s.run.skip(t, why)
	}
}
