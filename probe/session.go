package probe

import (
	"errors"
	"math"
	"net/netip"
	"syscall"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// session decides what is attempted when, and what its outcome means. It is pure: outcomes and the time come in as
// values, attempts to start (start) and what else is to be done (acts) go out, events collect in a slice.
type session struct {
	cfg    Config // filled
	events []Event
	acts   []act
	err    error // of a target that cannot be probed, which ends the source

	source  source
	begun   int64           // targets
	live    int             // of them, those that are not done
	courses agenda[*course] // by when their next probe is due
	ready   []*attempt      // to be started before any other
	pacer   pacer
	width   width
	held    time.Time // nothing is started before

	route   func(to netip.Addr) error // asks whether there is one, and a source address
	sourced netip.Addr                // one for which there is

	last        int64 // id
	underWay    int   // attempts started that have not ended
	attempts    map[int64]*attempt
	waits       agenda[*attempt] // by when something is to be done about them
	established int64            // connections
	suspects    suspects
	stopping    ending
	leaving     []*course // those that were not done then
}

// attempt is one connection, or one exchange of datagrams.
type attempt struct {
	alarm         // when something is to be done about it
	id      int64 // also its order
	target  *Target
	to      netip.AddrPort
	trial   *trial   // that it is of; nil: of none
	index   int      // of its address in the target
	suspect *suspect // that it is to convict, where it is of no trial
	stage   stage
	started time.Time
	payload []byte
	sent    int   // datagrams
	nth     int64 // connection of the run
	event   Event // the outcome, once it is connected
}

// stage is how far an attempt is.
type stage uint8

const (
	pending stage = iota // it has not been started
	waiting              // for an answer
	watched              // connected, and watched for a reset
	talking              // connected, and taken
	ended
)

// act is something that the loop does for the session.
type act struct {
	what deed
	a    *attempt
}

// deed is what an act does.
type deed uint8

const (
	drop   deed = iota // the connector's attempt; what is known of it then goes to session.dropped
	resend             // a datagram
	take               // the connection and talk; the end of it goes to session.said
	hangUp             // end the talk
)

// openSession opens one for a filled cfg. There are at most limit attempts under way at a time.
func openSession(cfg Config, sys system, targets func() (*Target, bool), limit int) *session {
	return &session{
		cfg:      cfg,
		source:   source{read: targets},
		pacer:    newPacer(cfg.Rate),
		width:    newWidth(max(1, min(cfg.Concurrency, limit))),
		attempts: map[int64]*attempt{},
		route: func(to netip.Addr) error {
			_, _, err := sys.route(cfg.way(), to)
			return err
		},
		suspects: suspects{random: sys.random, off: cfg.NoMiddleboxes || cfg.UDP},
	}
}

func (s *session) emit(e Event) { s.events = append(s.events, e) }

func (s *session) do(what deed, a *attempt) { s.acts = append(s.acts, act{what, a}) }

// attempt makes an attempt, which is not started yet.
func (s *session) attempt(target *Target, to netip.AddrPort) *attempt {
	s.last++
	a := &attempt{alarm: alarm{order: s.last, place: -1}, id: s.last, target: target, to: to}
	if s.cfg.UDP {
		a.payload = s.cfg.Payload(to.Port())
	}
	return a
}

// finished reports whether nothing is left to start or to wait for.
func (s *session) finished() bool {
	return s.source.ended && s.live == 0 && s.underWay == 0 && len(s.ready) == 0
}

// start returns the next attempt that is to be started now; nil if there is none.
func (s *session) start(now time.Time) *attempt {
	if s.underWay >= s.width.now || s.pacer.next.After(now) || s.held.After(now) {
		return nil
	}
	a := s.next(now)
	if a == nil {
		return nil
	}
	s.pacer.take(now)
	a.stage, a.started, a.sent = waiting, now, 1
	s.underWay++
	s.attempts[a.id] = a
	s.waits.set(a, now.Add(s.patience(a)))
	return a
}

// next returns the attempt whose turn it is, nil if there is none.
func (s *session) next(now time.Time) *attempt {
	if len(s.ready) > 0 {
		a := s.ready[0]
		s.ready = s.ready[1:]
		return a
	}
	due := s.courses.next(now)
	// Those that end come before new ones, so that few are kept at a time. Those that
	// may never end would starve the new ones where the rate is too low for all.
	if due == nil || s.endless() {
		if t := s.source.take(now); t != nil {
			if s.err = t.check(); s.err != nil {
				s.lastTurn()
			} else {
				s.begun++
				s.live++
				due = &course{alarm: alarm{due: now, order: s.begun, place: -1}, target: t}
			}
		}
	}
	if due == nil {
		return nil
	}
	return s.begin(due, now)
}

// endless reports whether targets are probed without limit.
func (s *session) endless() bool { return s.cfg.Count == 0 || s.cfg.Count == math.MaxInt64 }

// lastTurn ends the source, and gives the targets that are probed without limit one probe more, so that there is an end.
func (s *session) lastTurn() {
	s.source.ended = true
	if s.endless() {
		s.cfg.Count = 1
	}
}

// datagrams are sent by UDP at most: the second after a quarter of the timeout, the third after a half.
const datagrams = 3

// confirmTimeout is the longest wait for an answer from a suspect, which has answered before.
const confirmTimeout = time.Second

// patience returns how long after its last datagram or SYN something is to be done about a.
func (s *session) patience(a *attempt) time.Duration {
	timeout := s.cfg.Timeout
	if a.trial == nil {
		timeout = min(timeout, confirmTimeout)
	}
	switch {
	case !s.cfg.UDP:
		return timeout
	case a.sent < datagrams:
		return timeout / 4
	}
	return timeout - (datagrams-1)*(timeout/4)
}

// wake returns when something is due next; the zero Time if nothing ever is.
func (s *session) wake(now time.Time) time.Time {
	var at time.Time
	consider := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if len(s.waits) > 0 {
		consider(s.waits[0].due)
	}
	if s.underWay >= s.width.now {
		return at // nothing can be started before something ends
	}
	free := later(now, later(s.pacer.next, s.held))
	if len(s.ready) > 0 {
		consider(free)
	}
	if len(s.courses) > 0 {
		consider(later(s.courses[0].due, free))
	}
	if !s.source.ended {
		consider(later(s.source.ask, free))
	}
	return at
}

// outcome takes what became of an attempt.
func (s *session) outcome(o *rawsock.Outcome, now time.Time) {
	a := s.attempts[o.ID]
	if a == nil || a.stage != waiting {
		return
	}
	if o.Connected && o.Err == nil {
		s.connected(a, o, now)
	} else {
		s.failed(a, o, now)
	}
}

// judge returns what o means for a.
func (s *session) judge(a *attempt, o *rawsock.Outcome) Event {
	e := Event{Kind: Result, Target: a.target, Addr: a.to, UDP: s.cfg.UDP}
	if a.trial != nil {
		e.Seq = a.trial.seq
	}
	e.judge(o)
	if s.cfg.UDP && e.SYNs == 0 && e.State != Failed {
		e.SYNs = a.sent
	}
	return e
}

// connected goes on with an attempt that was answered.
func (s *session) connected(a *attempt, o *rawsock.Outcome, now time.Time) {
	s.width.short = time.Time{}
	a.event = s.judge(a, o)
	s.established++
	a.nth = s.established
	switch {
	case s.cfg.UDP, a.event.Self, a.trial == nil, a.trial.over:
		s.do(drop, a)
		s.settle(a, a.event, now)
	case s.cfg.Talk != nil:
		a.stage = talking
		s.waits.drop(a)
		s.do(take, a)
	default:
		a.stage = watched
		s.waits.set(a, now.Add(a.event.watch()))
	}
}

// failed ends an attempt that failed, or has it tried again where this machine is at fault.
func (s *session) failed(a *attempt, o *rawsock.Outcome, now time.Time) {
	n := s.shortage(a, o)
	if n == 0 {
		s.explain(a, o)
		s.width.short = time.Time{}
		s.settle(a, s.judge(a, o), now)
		return
	}
	s.forget(a)
	if s.refused(a, o.Err, n, now) {
		a.stage = pending
		s.ready = append(s.ready, a)
		return
	}
	s.concern(a, s.judge(a, o), now)
}

// settleReset notes that the connection of a has been reset, if o says so.
func (s *session) settleReset(a *attempt, o *rawsock.Outcome) {
	if o.Err != nil {
		var e Event
		e.failed(o.Err)
		a.event.Reset = e.Reset
	}
}

// over ends an attempt with the outcome that it had when it was connected.
func (s *session) over(a *attempt, now time.Time) { s.settle(a, a.event, now) }

// settle ends an attempt with its outcome.
func (s *session) settle(a *attempt, e Event, now time.Time) {
	s.forget(a)
	s.width.done()
	s.concern(a, e, now)
}

// concern hands the outcome of an attempt that ended to what it was made for.
func (s *session) concern(a *attempt, e Event, now time.Time) {
	switch {
	case a.trial == nil:
		s.suspects.heard(s, a, &e, now)
	case !a.trial.over:
		s.tried(a, e, now)
	}
}

// forget makes a one that is not under way any more.
func (s *session) forget(a *attempt) {
	a.stage = ended
	s.waits.drop(a)
	delete(s.attempts, a.id)
	s.underWay--
}

// end ends an attempt whose outcome nobody waits for, if it has been started.
func (s *session) end(a *attempt) {
	switch a.stage {
	case waiting, watched:
		s.do(drop, a)
		s.forget(a)
	case talking:
		s.do(hangUp, a)
	}
}

// expire says what is to be done about the attempts for which it is time. Everything
// that was known by then must have been taken before.
func (s *session) expire(now time.Time) {
	for a := s.waits.next(now); a != nil; a = s.waits.next(now) {
		if s.cfg.UDP && a.stage == waiting && a.sent < datagrams {
			a.sent++
			s.waits.set(a, a.due.Add(s.patience(a)))
			s.do(resend, a)
			continue
		}
		s.waits.drop(a)
		s.do(drop, a)
	}
}

// dropped takes the last that is known of an attempt that was dropped.
func (s *session) dropped(a *attempt, o *rawsock.Outcome, now time.Time) {
	switch {
	case a.stage == watched:
		s.settleReset(a, o)
		s.over(a, now)
	case a.stage != waiting:
	case o.Err != nil || o.Connected:
		// It was known in the very moment.
		if o.Connected && o.Err == nil {
			s.established++
		}
		s.settle(a, s.judge(a, o), now)
	default:
		s.silent(a, o, now)
	}
}

// silent ends an attempt that had no answer in its time, or in that of the run.
func (s *session) silent(a *attempt, o *rawsock.Outcome, now time.Time) {
	e := s.judge(a, o)
	if s.stopping == going {
		e.At = a.due // everything until then has been taken, however late it is now
	} else {
		e.At, e.Cut = now, true
		if s.stopping == interrupted || a.trial == nil || a.trial.told {
			s.forget(a)
			return
		}
	}
	e.Took = e.At.Sub(a.started)
	s.settle(a, e, now)
}

// said takes what was said over a connection that was taken.
func (s *session) said(a *attempt, said *Said, now time.Time) {
	if a.stage != talking {
		return
	}
	a.event.Said, a.event.Cut = said, errors.Is(said.Err, errTimeUp)
	if said.Err != nil && said.TLS == nil && len(said.Plain)+len(said.Heard) == 0 && errno(said.Err) == syscall.ECONNRESET {
		a.event.Reset = true
	}
	s.over(a, now)
}
