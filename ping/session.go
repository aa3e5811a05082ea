package ping

import (
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// session decides what is sent when (sending.go), and what each answer means (answers.go). It is
// pure: time comes in as values, numbers of probes to send go out, events collect in a slice.
type session struct {
	cfg    Config // filled
	match  *matcher
	window window
	oldest int64 // number before which every probe has its outcome
	events []Event

	source source
	count  int      // targets begun
	first  *target  // the first of them
	sched  schedule // targets by when their next probe is due
	ending schedule // targets without one, by until when they are listened to for duplicates
	pacer  pacer
	held   time.Time // nothing is sent before: the system's queue was full
}

func newSession(cfg Config, cookie uint64, targets func() (netip.Addr, bool)) *session {
	return &session{
		cfg:    cfg,
		match:  newMatcher(&cfg, cookie),
		window: newWindow(cfg.Size >= numberedSize),
		source: source{next: targets},
		pacer:  newPacer(cfg.Rate),
	}
}

func (s *session) emit(e Event) { s.events = append(s.events, e) }

// event begins an event about probe p.
func event(k Kind, p *probe, now time.Time) Event {
	return Event{Kind: k, Index: p.t.index, Target: p.t.addr, Seq: p.seq, Time: now}
}

// finished reports whether nothing is left to send or to wait for.
func (s *session) finished() bool {
	return s.source.drained() && len(s.sched) == 0 && len(s.ending) == 0 && s.waiting() == nil
}

// waiting returns the oldest probe without an outcome, nil if there is none.
func (s *session) waiting() *probe {
	for s.oldest = max(s.oldest, s.window.tail); s.oldest < s.window.next; s.oldest++ {
		p := s.window.at(s.oldest)
		s.giveUp(p)
		if !p.state.settled() {
			return p
		}
	}
	return nil
}

// wake returns when something is due next; the zero Time if nothing ever is.
func (s *session) wake(now time.Time) time.Time {
	var at time.Time
	consider := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if p := s.waiting(); p != nil {
		consider(p.sent.Time.Add(s.cfg.Timeout))
	}
	if len(s.ending) > 0 {
		consider(s.ending[0].due)
	}
	if s.window.crowded() {
		return at // nothing can be sent before a probe expires or is answered
	}
	sending := later(s.pacer.next, s.held)
	if len(s.sched) > 0 {
		consider(later(s.sched[0].due, sending))
	}
	if !s.source.drained() {
		consider(later(now, later(s.source.ask, sending)))
	}
	return at
}

// later returns the later of two moments.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// expire tells what has ended by now: the probes sent a timeout ago without an outcome, and the
// targets that were listened to for long enough. Everything that had arrived by now must have been received before. It is
// true when it has not told all, so that the events can be taken before there are too many.
func (s *session) expire(now time.Time) (more bool) {
	for p := s.waiting(); p != nil && p.state == pending; p = s.waiting() {
		at := p.sent.Time.Add(s.cfg.Timeout)
		if at.After(now) {
			break
		}
		if len(s.events) >= manyEvents {
			return true
		}
		p.state = timedOut
		s.emit(event(Timeout, p, at))
		s.settle(p.t, at)
	}
	for len(s.ending) > 0 && !s.ending[0].due.After(now) {
		if len(s.events) >= manyEvents {
			return true
		}
		t := s.ending[0]
		s.ending.drop(t)
		s.done(t, t.due)
	}
	return false
}

// manyEvents is how many events expire collects, give or take one.
const manyEvents = 1 << 10

// settle records that a probe to t got its outcome. The last one ends the target, after it was
// listened to for duplicates.
func (s *session) settle(t *target, now time.Time) {
	t.open--
	switch {
	case !t.finished || t.open > 0:
	case t.listen.After(now):
		s.ending.set(t, t.listen)
	default:
		s.done(t, now)
	}
}

func (s *session) done(t *target, now time.Time) {
	t.done = true
	s.emit(Event{Kind: Done, Index: t.index, Target: t.addr, Time: now})
}

// paused tells that this process did not run for the time gap until now, and moves the schedule on by
// what it missed of it, so that the targets keep their distances instead of all being due at once.
func (s *session) paused(gap time.Duration, now time.Time) {
	s.emit(Event{Kind: Pause, Index: -1, Time: now, RTT: gap})
	if len(s.sched) > 0 {
		s.sched.shift(min(gap, max(0, now.Sub(s.sched[0].due))))
	}
}

// receive says what a received packet means.
func (s *session) receive(p *rawsock.Packet) {
	switch p.Kind {
	case rawsock.Message:
		s.receiveReply(p)
	case rawsock.Error:
		s.receiveError(p)
	case rawsock.Sent:
		s.receiveStamp(p)
	}
}

// receiveStamp notes when the kernel sent a probe.
func (s *session) receiveStamp(p *rawsock.Packet) {
	e, err := packet.ParseEcho(packet.FamilyOf(p.Addr), p.Data)
	if err != nil || e.Reply {
		return
	}
	if n, ok := s.match.request(&s.window, p.Addr, e); ok {
		s.window.at(n).sent.Kernel = p.Stamp.Kernel
	}
}
