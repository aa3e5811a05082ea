package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// pingFinder finds the addresses of targets.
type pingFinder struct {
	lookup lookup
	family family
	scoped bool // the interface of link-local addresses is given otherwise
}

// addrs returns the addresses of target that may be probed, at least one.
func (f *pingFinder) addrs(ctx context.Context, target Target) ([]netip.Addr, error) {
	if !target.Name {
		return []netip.Addr{target.Addr}, f.check(target.Addr)
	}
	found, err := f.lookup.Addrs(ctx, target.Host, f.family)
	if err != nil {
		return nil, err
	}
	var usable []netip.Addr
	for _, a := range found {
		if bad := f.check(a); bad != nil {
			err = fmt.Errorf("%s: %w", target.Text, bad)
			continue
		}
		usable = append(usable, a)
	}
	if len(usable) > 0 {
		return usable, nil
	}
	return nil, err
}

// before is addrs with a limit of time; 0 is none.
func (f *pingFinder) before(ctx context.Context, limit time.Duration, target Target) (addrs []netip.Addr, err error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	if addrs, err = f.addrs(ctx, target); err != nil {
		return nil, err
	}
	return addrs, nil
}

// check refuses an address of the wrong family, and one that does not say on which link it is.
func (f *pingFinder) check(a netip.Addr) error {
	if !f.family.has(a) {
		return fmt.Errorf("%v is no %v address", a, f.family)
	}
	if f.scoped {
		return nil
	}
	return checkScope(a)
}

// pingSource turns targets of the command line into ping's. Names are looked up aside, several at a
// time, while others are probed already.
type pingSource struct {
	run    *pingRun
	finder *pingFinder
	next   targetFeed

	results chan lookedUp
	looking map[*pingTarget]struct{} // the lookups under way
	ended   bool                     // next has no more
	order   int                      // targets read
	index   int                      // targets handed to ping
}

// lookedUp is what became of a name.
type lookedUp struct {
	t    *pingTarget
	addr netip.Addr
	err  error
}

const lookupsAtOnce = 16

// addrs yields the targets' addresses for ping.Config.Targets: the zero Addr where the next one
// is not known yet.
func (s *pingSource) addrs(ctx context.Context) iter.Seq[netip.Addr] {
	s.results = make(chan lookedUp, lookupsAtOnce)
	s.looking = make(map[*pingTarget]struct{})
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
func (s *pingSource) read(ctx context.Context) (addr netip.Addr, skip bool) {
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
func (s *pingSource) target(from given) *pingTarget {
	t := &pingTarget{text: from.Text, order: s.order, addr: from.Addr}
	s.order++
	return t
}

// look looks up a target's name.
func (s *pingSource) look(ctx context.Context, t *pingTarget, target Target) {
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
func (s *pingSource) settle(r lookedUp) (addr netip.Addr, skip bool) {
	delete(s.looking, r.t)
	if r.err != nil {
		s.run.refuse(r.t, r.err)
		return netip.Addr{}, true
	}
	return s.hand(r.t, r.addr), false
}

// hand makes a known to the run as the address of t, which ping gets next.
func (s *pingSource) hand(t *pingTarget, a netip.Addr) netip.Addr {
	t.addr = a
	s.run.add(s.index, t)
	s.index++
	return a
}

// errNotBegun is why a target has no measurement in a run that has ended early.
var errNotBegun = errors.New("the run ended before its first probe")

// mostUnread is how many targets that were never read get an end of their own.
const mostUnread = 1 << 16

// rest ends all targets that ping never got, for a reader that awaits one summary each. With a
// reason, for which ping could not begin, it waits for those that are still to be read.
func (s *pingSource) rest(reason error) {
	why := reason
	if why == nil {
		why = errNotBegun
	}
	left := slices.Collect(maps.Keys(s.looking))
	sortTargets(left)
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
