package probe

import (
	"net/netip"
	"slices"
	"time"
)

// course is the probing of one target.
type course struct {
	alarm    // of the next probe
	target   *Target
	seq      int64 // of the next probe
	first    int   // index of the address that probes begin with
	underWay []*trial
	told     bool // it has had a Result
	finished bool // no further probe begins
	done     bool // and none is under way
}

// trial is one probe of a target: its addresses in turn.
type trial struct {
	*course
	seq      int64
	first    int // course.first when it began: other trials may change that meanwhile
	current  *attempt
	outcomes []Event // of the addresses tried, in that order
	over     bool
}

// addr returns the address whose turn it is, and its index.
func (t *trial) addr() (addr netip.Addr, index int) {
	switch n := len(t.outcomes); {
	case n == 0:
		index = t.first
	case n <= t.first:
		index = n - 1
	default:
		index = n
	}
	return reached(t.target.Addrs[index]), index
}

// reached returns the address that a connection to a really goes to: loopback where a is unspecified, as then the local end
// would not be that which was asked for, nor the sender of an ICMP error.
func reached(a netip.Addr) netip.Addr {
	a = a.Unmap()
	switch {
	case a == netip.IPv4Unspecified():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case a.WithZone("") == netip.IPv6Unspecified():
		return netip.IPv6Loopback()
	}
	return a
}

// begin begins the next probe of c.
func (s *session) begin(c *course, now time.Time) *attempt {
	t := &trial{course: c, seq: c.seq, first: c.first}
	c.seq++
	c.underWay = append(c.underWay, t)
	s.reschedule(c, now)
	return s.try(t)
}

// try makes the attempt at the address of t whose turn it is.
func (s *session) try(t *trial) *attempt {
	addr, index := t.addr()
	a := s.attempt(t.target, netip.AddrPortFrom(addr, t.target.Port))
	a.trial, a.index = t, index
	t.current = a
	return a
}

// reschedule says when c is due after a probe that was due at c.due.
func (s *session) reschedule(c *course, now time.Time) {
	if s.cfg.Count > 0 && c.seq >= s.cfg.Count {
		c.finished = true
		s.courses.drop(c)
		return
	}
	if s.cfg.Interval == 0 {
		s.courses.drop(c) // until the outcome is there
		return
	}
	due := c.due.Add(s.cfg.Interval)
	if now.Sub(due) >= s.cfg.Interval {
		due = now.Add(s.cfg.Interval) // what was missed is not made up for in a burst
	}
	s.courses.set(c, due)
}

// tried takes the outcome of an address of a trial: the next one's turn comes, or the trial has its result.
func (s *session) tried(a *attempt, e Event, now time.Time) {
	t := a.trial
	t.outcomes = append(t.outcomes, e)
	s.suspects.note(s, a, &e)
	switch {
	case e.State == Open:
		t.course.first = a.index
	case len(t.outcomes) < len(t.target.Addrs) && s.stopping == going:
		s.ready = append(s.ready, s.try(t))
		return
	}
	s.conclude(t, now)
}

// conclude tells the result of t.
func (s *session) conclude(t *trial, now time.Time) {
	best := 0
	for i := range t.outcomes {
		if t.outcomes[i].State == Open || t.outcomes[i].tells() > t.outcomes[best].tells() {
			best = i
		}
	}
	e := t.outcomes[best]
	if len(t.outcomes) > 1 {
		e.Before = slices.Delete(t.outcomes, best, best+1)
	}
	s.emit(e)
	c := t.course
	c.told = true
	if s.fulfils(&e) {
		s.fulfil(c)
	}
	s.leave(t, now)
}

// fulfils reports whether e is what was waited for.
func (s *session) fulfils(e *Event) bool {
	switch {
	case s.cfg.Until == UntilOpen && e.State != Open, s.cfg.Until == UntilClosed && e.State != Closed, s.cfg.Until == UntilCount:
		return false
	}
	return s.cfg.Enough == nil || s.cfg.Enough(e)
}

// fulfil ends c, as what was waited for has come: other probes of it that are under way have no result.
func (s *session) fulfil(c *course) {
	c.finished = true
	s.courses.drop(c)
	for _, t := range c.underWay {
		t.over = true
		s.end(t.current)
	}
	s.ready = slices.DeleteFunc(s.ready, func(a *attempt) bool { return a.trial != nil && a.trial.over })
}

// leave takes t out of its course, which is done if it was the last one.
func (s *session) leave(t *trial, now time.Time) {
	c := t.course
	t.over = true
	c.underWay = slices.DeleteFunc(c.underWay, func(o *trial) bool { return o.over })
	switch {
	case len(c.underWay) > 0:
	case c.finished:
		s.done(c, now)
	case s.cfg.Interval == 0:
		s.courses.set(c, now)
	}
}

// done tells that c had its last probe.
func (s *session) done(c *course, now time.Time) {
	if c.done {
		return
	}
	c.done = true
	s.live--
	s.emit(Event{Kind: Done, Target: c.target, At: now})
}
