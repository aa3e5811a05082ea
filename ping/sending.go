package ping

import (
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// source reads the targets, at most one before its turn.
type source struct {
	next  func() (netip.Addr, bool) // false: there are no more
	ahead netip.Addr                // was read, and waits for its turn; zero: none
	ask   time.Time                 // when to ask again for one that was not known
	ended bool
}

// askEvery is how often Targets is asked for one that it does not know yet.
const askEvery = 5 * time.Millisecond

// peek returns the target whose turn is next; zero: there is none, or it is not known yet.
func (s *source) peek(now time.Time) netip.Addr {
	if s.ahead.IsValid() || s.ended || s.ask.After(now) {
		return s.ahead
	}
	addr, ok := s.next()
	s.ended = !ok
	if ok && !addr.IsValid() {
		s.ask = now.Add(askEvery)
	}
	s.ahead = addr.Unmap()
	return s.ahead
}

// take returns the target that peek did, as its turn has come.
func (s *source) take(now time.Time) netip.Addr {
	addr := s.peek(now)
	s.ahead = netip.Addr{}
	return addr
}

// drained reports whether all targets were taken.
func (s *source) drained() bool { return s.ended && !s.ahead.IsValid() }

// due adds to numbers, up to its capacity, those of the probes that are to be sent now. They are the
// window's last ones, and each must then be handed to sent, refused or postpone.
func (s *session) due(now time.Time, numbers []int64) []int64 {
	for len(numbers) < cap(numbers) && !s.held.After(now) {
		t := s.nextTarget(now)
		if t == nil {
			break
		}
		n, ok := s.window.add(t, t.tried, now, s.cfg.Timeout)
		if !ok {
			break
		}
		numbers = append(numbers, n)
		s.pacer.take(now)
		t.tried++
		t.open++
		s.reschedule(t, now)
	}
	return numbers
}

// nextTarget returns the target to be probed now: one that is due, or a new one; nil
// when it is nobody's turn.
func (s *session) nextTarget(now time.Time) *target {
	if !s.pacer.ready(now) || s.window.crowded() {
		return nil
	}
	var due *target
	if len(s.sched) > 0 && !s.sched[0].due.After(now) {
		due = s.sched[0]
	}
	// Those that end come before new ones, so that few are kept at a time. Those that
	// never end would starve the new ones where the rate is too low for all.
	if due != nil && s.cfg.Count > 0 {
		return due
	}
	if t := s.newTarget(now); t != nil {
		return t
	}
	return due
}

// newTarget begins the source's next target, if there is one.
func (s *session) newTarget(now time.Time) *target {
	addr := s.source.take(now)
	if !addr.IsValid() {
		return nil
	}
	t := &target{addr: addr, index: s.count, due: now, place: -1}
	if s.count == 0 {
		s.first = t
	}
	s.count++
	return t
}

// single reports whether the one target begun is the only one.
func (s *session) single(now time.Time) bool {
	return s.count == 1 && !s.source.peek(now).IsValid() && s.source.ended
}

// floodInterval is how long Flood waits for an answer.
const floodInterval = 10 * time.Millisecond

// reschedule says when t is due after a probe that was due at t.due.
func (s *session) reschedule(t *target, now time.Time) {
	t.before = t.due
	if s.cfg.Count > 0 && t.tried >= s.cfg.Count {
		t.finished = true
		s.sched.drop(t)
		return
	}
	interval := s.cfg.Interval
	switch {
	case t.tried < int64(s.cfg.Preload):
		interval = 0
	case s.cfg.Pace == Flood:
		interval = min(interval, floodInterval)
	}
	due := t.due.Add(interval)
	if now.Sub(due) >= interval {
		due = now.Add(interval) // what was missed is not made up for in a burst
	}
	s.sched.set(t, due)
}

// sent records that the probe with number n left.
func (s *session) sent(n int64, stamp rawsock.Stamp) {
	p := s.window.at(n)
	p.sent, p.state = stamp, pending
	s.emit(event(Sent, p, stamp.Time))
}

// refused records that the probe with number n could not be sent.
func (s *session) refused(n int64, err error, mtu int, now time.Time) {
	p := s.window.at(n)
	e := event(SendError, p, now)
	e.Err, e.MTU = err, mtu
	s.emit(e)
	p.sent.Time, p.state = now, abandoned
	s.settle(p.t, now)
}

// postpone takes back the probe with number n, which must be the last one, and holds all sending until later.
// The schedule of its target stays as it is.
func (s *session) postpone(n int64, until time.Time) {
	p := s.window.at(n)
	t := p.t
	t.tried--
	t.open--
	t.finished = false
	*p = probe{}
	s.window.next--
	s.sched.set(t, t.before)
	s.held = until
}
