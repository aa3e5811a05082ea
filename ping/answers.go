package ping

import (
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// Bounds of how long a target is listened to after its last reply.
const (
	minLinger = 3 * time.Millisecond
	maxLinger = 100 * time.Millisecond
)

// receiveReply says what an echo reply means.
func (s *session) receiveReply(p *rawsock.Packet) {
	e, err := packet.ParseEcho(packet.FamilyOf(p.Addr), p.Data)
	if err != nil || !e.Reply {
		return
	}
	n, v, ok := s.match.reply(&s.window, e, p)
	if !ok || s.window.at(n).t == nil {
		s.strange(p)
		return
	}
	pr := s.window.at(n)
	if pr.t.done {
		return
	}
	switch v {
	case foreign:
		s.emit(s.answer(Foreign, pr, p))
	case corrupt:
		s.emit(s.answer(Corrupt, pr, p))
	case genuine:
		s.receiveGenuine(pr, p)
	}
}

// strange tells of a reply to no probe that is remembered.
func (s *session) strange(p *rawsock.Packet) {
	e := Event{Kind: Foreign, Index: -1, Seq: -1}
	if s.count == 1 {
		e.Index, e.Target = 0, s.first
	}
	describe(&e, p)
	s.emit(e)
}

// receiveGenuine says what a reply to probe pr means, of which nothing is wrong.
func (s *session) receiveGenuine(pr *probe, p *rawsock.Packet) {
	e := s.answer(Duplicate, pr, p)
	e.RTT, e.Kernel = rawsock.RTT(pr.sent, p.Stamp)
	e.Time = pr.sent.Time.Add(e.RTT) // when it came, however long it then lay in the socket
	if pr.state == pending && e.RTT > s.cfg.Timeout {
		s.timeOut(pr, e.Time)
	}
	switch pr.state {
	case pending:
		e.Kind, pr.state = Reply, replied
		s.emit(e)
		s.answered(pr.t, e.RTT, e.Time)
		return
	case timedOut:
		e.Kind, pr.state = Late, lateReply
	case unsent, abandoned:
		return
	}
	s.emit(e)
}

// answered goes on after a reply in time from t.
func (s *session) answered(t *target, rtt time.Duration, now time.Time) {
	linger := min(max(rtt, minLinger), maxLinger)
	if s.cfg.Until {
		s.abandon(t)
	}
	if s.cfg.Pace != Steady && !t.finished {
		s.sched.set(t, now)
	}
	s.close(t, linger, now)
}

// abandon ends the probing of t, which has given the answer that was waited for: no
// probe more, and those without an outcome stay so.
func (s *session) abandon(t *target) {
	t.finished = true
	for n := s.expired; n < s.window.next && t.open > 1; n++ {
		if p := s.window.at(n); p.t == t && p.state == pending {
			p.state = abandoned
			t.open--
		}
	}
}

// receiveError says what an ICMP error means: the outcome of the probe it quotes, unless that has
// one. A redirect, or a request to slow down, is none: the packet went on its way.
func (s *session) receiveError(p *rawsock.Packet) {
	quote := &p.ICMP.Quote
	e, err := packet.ParseEcho(p.ICMP.Family, quote.Payload)
	if err != nil || e.Reply {
		return
	}
	n, ok := s.match.request(&s.window, quote.Header.Dst, e)
	if !ok {
		return
	}
	pr := s.window.at(n)
	if pr.t == nil || pr.state != pending {
		return
	}
	kind := ICMPError
	if p.ICMP.Class == packet.Redirect || p.ICMP.Class == packet.SourceQuench {
		kind = Redirect
	}
	ev := s.answer(kind, pr, p)
	ev.ICMPType, ev.ICMPCode = p.ICMP.Type, p.ICMP.Code
	ev.MTU, ev.Gateway, ev.Message = p.ICMP.MTU, p.ICMP.Gateway, p.ICMP.Text()
	s.emit(ev)
	if kind == ICMPError {
		pr.state = failed
		s.close(pr.t, 0, ev.Time)
	}
}

// answer begins an event about an answer to probe pr.
func (s *session) answer(k Kind, pr *probe, p *rawsock.Packet) Event {
	e := event(k, pr, time.Time{})
	describe(&e, p)
	return e
}

// describe sets what an event says of the packet that caused it.
func describe(e *Event, p *rawsock.Packet) {
	e.Time, e.From, e.TTL, e.TOS = p.Stamp.Time, p.Addr, p.TTL, p.TOS
	e.Size = len(p.Data)
}
