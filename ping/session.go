package ping

import (
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// session decides what is sent when, and what each answer means. It is pure: time
// comes in as values, packets go out as bytes, events collect in a slice.
type session struct {
	cfg     Config // filled
	match   *matcher
	window  window
	sched   schedule
	pacer   pacer
	events  []Event
	targets func() (netip.Addr, bool) // the next one; false: no more
	ahead   *netip.Addr               // one that was read before its turn
	more    bool                      // targets may have more
	count   int                       // targets begun
	first   netip.Addr                // the first of them

	expired int64     // number before which every probe has its outcome or was sent too recently
	ask     time.Time // when to ask targets again
	held    time.Time // nothing is sent before: the system's queue was full
}

func newSession(cfg Config, cookie uint64, targets func() (netip.Addr, bool)) *session {
	return &session{
		cfg:     cfg,
		match:   newMatcher(&cfg, cookie),
		pacer:   newPacer(cfg.Rate),
		targets: targets,
		more:    true,
	}
}

func (s *session) emit(e Event) { s.events = append(s.events, e) }

// event begins an event about probe p.
func event(k Kind, p *probe, now time.Time) Event {
	return Event{Kind: k, Index: p.t.index, Target: p.t.addr, Seq: p.seq, Time: now}
}

// finished reports whether nothing is left to send or to wait for.
func (s *session) finished() bool { return !s.more && s.ahead == nil && len(s.sched) == 0 && s.idle() }

// idle reports whether no probe waits for its outcome.
func (s *session) idle() bool {
	s.skipResolved()
	return s.expired == s.window.next
}

// wake returns when something is due next; the zero Time if nothing ever is.
func (s *session) wake(now time.Time) time.Time {
	var at time.Time
	consider := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if s.skipResolved(); s.expired < s.window.next {
		consider(s.window.at(s.expired).sent.Time.Add(s.cfg.Timeout))
	}
	sending := s.pacer.next
	if s.held.After(sending) {
		sending = s.held
	}
	if s.crowded() {
		return at // nothing can be sent before a probe expires or is answered
	}
	if len(s.sched) > 0 {
		due := s.sched[0].due
		if !s.sched[0].finished && sending.After(due) {
			due = sending
		}
		consider(due)
	}
	if s.more || s.ahead != nil {
		asking := now
		for _, t := range []time.Time{sending, s.ask} {
			if t.After(asking) {
				asking = t
			}
		}
		consider(asking)
	}
	return at
}

// crowded reports whether the window holds as many probes without an outcome as it may.
func (s *session) crowded() bool {
	w := &s.window
	return w.next-w.tail == maxWindow && w.at(w.tail).state == pending
}

// due returns up to len(out) probes that are to be sent now, as packets with their
// bytes in buf. Their numbers are the window's last ones.
func (s *session) due(now time.Time, out []rawsock.Packet, build func(i int, n int64, t *target)) int {
	n := 0
	for n < len(out) && !s.held.After(now) {
		t := s.nextTarget(now)
		if t == nil {
			break
		}
		number, ok := s.window.add(t, t.tried, now, s.cfg.Timeout)
		if !ok {
			if t.place < 0 {
				s.sched.set(t, now)
			}
			break
		}
		s.pacer.take(now)
		t.tried++
		t.open++
		s.reschedule(t, now)
		build(n, number, t)
		n++
	}
	return n
}

// nextTarget returns the target to be probed now: one that is due, or else a new one; nil
// when it is nobody's turn. Finished targets that are due are done with on the way.
func (s *session) nextTarget(now time.Time) *target {
	for len(s.sched) > 0 && !s.sched[0].due.After(now) {
		t := s.sched[0]
		if !t.finished {
			if !s.pacer.ready(now) {
				return nil
			}
			return t
		}
		s.sched.drop(t)
		s.done(t, now)
	}
	if !s.pacer.ready(now) || s.crowded() {
		return nil
	}
	addr, ok := s.takeTarget(now)
	if !ok {
		return nil
	}
	t := &target{addr: addr, index: s.count, due: now, place: -1}
	if s.count == 0 {
		s.first = addr
	}
	s.count++
	return t
}

// takeTarget reads the next target.
func (s *session) takeTarget(now time.Time) (netip.Addr, bool) {
	if s.ahead != nil {
		addr := *s.ahead
		s.ahead = nil
		return addr, true
	}
	if !s.more || s.ask.After(now) {
		return netip.Addr{}, false
	}
	addr, ok := s.targets()
	s.more = ok
	if !addr.IsValid() { // not known yet
		s.ask = now.Add(askEvery)
		return addr, false
	}
	return addr.Unmap(), ok
}

// askEvery is how often Targets is asked for one that it does not know yet.
const askEvery = 5 * time.Millisecond

// single reports whether the one target begun is the only one.
func (s *session) single(now time.Time) bool {
	if s.ahead == nil {
		if addr, ok := s.takeTarget(now); ok {
			s.ahead = &addr
		}
	}
	return s.count == 1 && s.ahead == nil && !s.more
}

// reschedule says when t is due after a probe that was due at t.due.
func (s *session) reschedule(t *target, now time.Time) {
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
	if late := now.Sub(due); late > 0 && s.cfg.Pace != Steady || late > interval {
		due = now // what was missed is not made up for in a burst
	}
	s.sched.set(t, due)
}

// floodInterval is how long Flood waits for an answer.
const floodInterval = 10 * time.Millisecond

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
	s.close(p.t, 0, now)
}

// postpone takes back the probe with number n, the last one, and all sending until later.
func (s *session) postpone(n int64, until time.Time) {
	p := s.window.at(n)
	t := p.t
	t.tried--
	t.open--
	t.finished = false
	*p = probe{}
	s.window.next--
	s.sched.set(t, until)
	s.held = until
}

// expire gives every probe sent before now less the timeout its Timeout, if it has no
// outcome. Everything that had arrived by now must have been received before.
func (s *session) expire(now time.Time) {
	for ; s.expired < s.window.next; s.expired++ {
		p := s.window.at(s.expired)
		if p.state == unsent {
			return
		}
		if p.state != pending {
			continue
		}
		at := p.sent.Time.Add(s.cfg.Timeout)
		if at.After(now) {
			return
		}
		s.timeOut(p, at)
	}
}

func (s *session) timeOut(p *probe, now time.Time) {
	p.state = timedOut
	s.emit(event(Timeout, p, now))
	s.close(p.t, 0, now)
}

// skipResolved moves expired over probes that have their outcome.
func (s *session) skipResolved() {
	s.expired = max(s.expired, s.window.tail)
	for s.expired < s.window.next {
		if st := s.window.at(s.expired).state; st == pending || st == unsent {
			return
		}
		s.expired++
	}
}

// close records that a probe to t has its outcome. The last one ends the target, after
// it has lingered for duplicates.
func (s *session) close(t *target, linger time.Duration, now time.Time) {
	if t.done {
		return
	}
	t.open--
	t.linger = linger
	if t.finished && t.open == 0 {
		s.end(t, now)
	}
}

// end sees to it that t is done once it has lingered.
func (s *session) end(t *target, now time.Time) {
	t.finished = true
	if t.linger == 0 {
		s.sched.drop(t)
		s.done(t, now)
		return
	}
	s.sched.set(t, now.Add(t.linger))
}

func (s *session) done(t *target, now time.Time) {
	t.done = true
	s.emit(Event{Kind: Done, Index: t.index, Target: t.addr, Time: now})
}

// paused moves the schedule on by the time in which this process did not run.
func (s *session) paused(gap time.Duration, now time.Time) {
	s.emit(Event{Kind: Pause, Index: -1, Time: now, RTT: gap})
	s.sched.shift(gap)
	s.pacer.next = s.pacer.next.Add(gap)
}

// receive says what a received packet means.
func (s *session) receive(p *rawsock.Packet) {
	switch p.Kind {
	case rawsock.Message:
		s.receiveReply(p)
	case rawsock.Error:
		s.receiveError(p)
	case rawsock.Sent:
		e, err := packet.ParseEcho(packet.FamilyOf(p.Addr), p.Data)
		if err != nil || e.Reply {
			return
		}
		if n, ok := s.match.request(&s.window, p.Addr, e); ok {
			s.window.at(n).sent.Kernel = p.Stamp.Kernel
		}
	}
}
