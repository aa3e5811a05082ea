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
	n, v := s.match.reply(&s.window, e, p)
	switch v {
	case forgotten:
		return
	case unknown:
		s.strange(p)
		return
	}
	pr := s.window.at(n)
	if pr.t.done {
		return
	}
	switch v {
	case foreign:
		ev, _, _ := answer(Foreign, pr, p)
		s.emit(ev)
	case corrupt:
		ev, _, _ := answer(Corrupt, pr, p)
		s.emit(ev)
	case genuine:
		s.receiveGenuine(pr, p)
	}
}

// strange tells of a reply to no probe that is remembered.
func (s *session) strange(p *rawsock.Packet) {
	e := Event{Kind: Foreign, Index: -1, Seq: -1, Time: p.Stamp.Time}
	if s.count == 1 && !s.first.done {
		e.Index, e.Target = 0, s.first.addr
	}
	describe(&e, p)
	s.emit(e)
}

// receiveGenuine says what a reply to probe pr means, of which nothing is wrong.
func (s *session) receiveGenuine(pr *probe, p *rawsock.Packet) {
	s.giveUp(pr)
	e, rtt, kernel := answer(Duplicate, pr, p)
	e.RTT, e.Kernel = rtt, kernel
	switch {
	case pr.state == pending && rtt <= s.cfg.Timeout:
		e.Kind, pr.state = Reply, replied
		s.emit(e)
		s.answered(pr.t, rtt, e.Time)
	case pr.state == pending: // its timeout has passed without being told
		e.Kind, pr.state = Late, lateReply
		s.emit(event(Timeout, pr, pr.sent.Time.Add(s.cfg.Timeout)))
		s.emit(e)
		s.settle(pr.t, e.Time)
	case pr.state == timedOut:
		e.Kind, pr.state = Late, lateReply
		s.emit(e)
	case pr.state != abandoned:
		s.emit(e)
	}
}

// answered goes on after a reply in time from t.
func (s *session) answered(t *target, rtt time.Duration, now time.Time) {
	t.listen = later(t.listen, now.Add(min(max(rtt, minLinger), maxLinger)))
	if s.cfg.Until {
		s.abandon(t)
	}
	if s.cfg.Pace != Steady && !t.finished {
		s.sched.set(t, now)
	}
	s.settle(t, now)
}

// abandon ends the probing of t, which has given the answer that was waited for: no
// probe more, and those without an outcome stay so.
func (s *session) abandon(t *target) {
	t.finished, t.abandoned = true, true
	s.sched.drop(t)
	t.open = 1 // the probe that was answered
}

// giveUp settles a probe to a target that was abandoned. That is done when somebody comes across the probe, as a
// target does not know its own.
func (s *session) giveUp(p *probe) {
	if p.state == pending && p.t.abandoned {
		p.state = abandoned
	}
}

// receiveError says what an ICMP error means: the outcome of the probe it quotes, unless that has
// one or is due its timeout. A redirect, or a request to slow down, is none: the packet went on its way.
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
	s.giveUp(pr)
	kind := ICMPError
	if p.ICMP.Class == packet.Redirect || p.ICMP.Class == packet.SourceQuench {
		kind = Redirect
	}
	ev, after, _ := answer(kind, pr, p)
	if pr.state != pending || after > s.cfg.Timeout {
		return
	}
	ev.Size = errorSize(p.ICMP)
	ev.ICMPType, ev.ICMPCode = p.ICMP.Type, p.ICMP.Code
	ev.MTU, ev.Gateway, ev.Message = p.ICMP.MTU, p.ICMP.Gateway, p.ICMP.Text()
	s.emit(ev)
	if kind == ICMPError {
		pr.state = failed
		s.settle(pr.t, ev.Time)
	}
}

// errorSize returns the size of an ICMP error without its extensions. Of a quoted header that
// the system kept to itself the size is the usual one.
func errorSize(e *packet.Error) int {
	header := e.Quote.Header.HeaderLen
	switch {
	case header > 0:
	case e.Family == packet.IPv6:
		header = 40
	default:
		header = 20
	}
	return packet.EchoHeaderLen + header + len(e.Quote.Payload)
}

// answer begins an event about an answer to probe pr, and returns how long after the
// probe it came, however long it then lay in the socket, and whether the kernel says so.
func answer(k Kind, pr *probe, p *rawsock.Packet) (e Event, after time.Duration, kernel bool) {
	after, kernel = rawsock.RTT(pr.sent, p.Stamp)
	e = event(k, pr, pr.sent.Time.Add(after))
	describe(&e, p)
	return e, after, kernel
}

// describe sets what an event says of the packet that caused it.
func describe(e *Event, p *rawsock.Packet) {
	e.From, e.TTL, e.TOS, e.Size = p.Addr, p.TTL, p.TOS, len(p.Data)
}
