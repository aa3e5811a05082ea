package trace

import (
	"fmt"
	"slices"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// receive takes in a packet.
func (s *session) receive(p *rawsock.Packet) {
	var c claim
	switch p.Kind {
	case rawsock.Sent:
		s.stamp(p)
		return
	case rawsock.Error:
		if p.ICMP.Class == 0 || p.ICMP.Class == packet.Redirect || p.ICMP.Class == packet.SourceQuench {
			return // they are no outcome
		}
		if m, ok := methodOf(p.ICMP.Quote.Header.Proto); ok {
			c = methods[m].quoted(s, &p.ICMP.Quote)
		}
	case rawsock.Message:
		if m, ok := methodOf(p.Proto); ok {
			c = methods[m].reply(s, p)
		}
	}
	switch c.verdict {
	case foreign:
		s.foreign(c, p)
	case ambiguous:
		c.target.ambiguous(c.flow, p.Stamp.Time)
	case genuine:
		c.probe.target.answer(c, p)
	}
}

// methodOf returns the method whose protocol that is; 0 is ICMP of either family (see rawsock.Packet).
func methodOf(proto uint8) (Method, bool) {
	switch proto {
	case packet.ProtoUDP:
		return UDP, true
	case packet.ProtoTCP:
		return TCP, true
	case 0, packet.ProtoICMP, packet.ProtoICMPv6:
		return ICMP, true
	}
	return 0, false
}

// stamp takes in when the kernel sent a packet.
func (s *session) stamp(p *rawsock.Packet) {
	m, ok := methodOf(p.Proto)
	if !ok {
		return
	}
	q := packet.Quote{Header: packet.Header{Family: packet.FamilyOf(p.Addr), Dst: p.Addr, Proto: p.Proto}, Payload: p.Data}
	if c := methods[m].quoted(s, &q); c.verdict == genuine {
		c.probe.sent.Kernel = p.Stamp.Kernel
	}
}

// foreign tells of a packet that looks like an answer.
func (s *session) foreign(c claim, p *rawsock.Packet) {
	t := c.target
	switch {
	case c.probe != nil:
		t = c.probe.target
		if t.ended {
			return
		}
	case t == nil && p.Kind == rawsock.Error:
		t = s.target(p.ICMP.Quote.Header.Dst)
	case t == nil:
		t = s.target(p.Addr)
	}
	if t == nil && p.Kind == rawsock.Message && s.ended[p.Addr.WithZone("")] {
		return
	}
	if t == nil && len(s.active) > 0 {
		t = s.active[0] // it is addressed to a port of ours, whoever it is from
	}
	if t == nil {
		return
	}
	t.res.Foreign++
	e := t.event(Foreign, nil, p.Stamp.Time)
	if c.probe != nil {
		e.TTL, e.Flow, e.Round, e.Seq = c.probe.ttl, c.probe.flow, c.probe.round, c.probe.seq
	}
	e.Probe.fill(p)
	e.From, e.Note = p.Addr, c.note
	t.tell(e)
}

// ambiguous notes that routers on a flow do not tell its probes apart: from now on one at a time is in flight.
func (t *target) ambiguous(flow int, now time.Time) {
	t.serial[flow] = true
	for p := range t.s.of(t, flow) {
		t.elapsed = max(t.elapsed, now.Sub(p.sent.Time))
		p.alone = false
		p.notes = "answers on this flow do not say which probe they are about: one at a time now"
	}
}

// answer takes in an answer to one of t's probes.
func (t *target) answer(c claim, in *rawsock.Packet) {
	if t.ended {
		return
	}
	p := c.probe
	now := in.Stamp.Time
	var found Probe
	found.fill(in)
	found.From = in.Addr
	found.Note = c.note
	found.RTT, found.Kernel = rawsock.RTT(p.sent, in.Stamp)
	t.judge(p, in, &found)
	if p.told != 0 || p.check && !p.open {
		t.again(p, found, now)
		return
	}
	t.close(p)
	t.arrived = t.arrived || found.Reached
	p.found, p.told = found, Answer
	p.found.Seq, p.found.TTL, p.found.Flow, p.found.Round = p.seq, p.ttl, p.flow, p.round
	if p.check {
		t.checked(p, now)
		return
	}
	h := &t.hops[p.ttl]
	h.answered++
	h.attempts += p.try + 1
	h.recovered += p.try
	h.slowest = max(h.slowest, found.RTT)
	h.count(p, func(n *outcomes) { n.answered++ })
	h.speedUp()
	if !found.Reached && !found.Stopped {
		t.farthest = max(t.farthest, p.ttl)
	}
	t.tell(t.event(Answer, p, now))
	t.plan.see(p, now)
	t.revisit(h, now)
}

// again tells of an answer to a probe that has an outcome.
func (t *target) again(p *probe, found Probe, now time.Time) {
	if p.check {
		return
	}
	k := Duplicate
	if p.told == Timeout {
		k = Late
	} else {
		t.res.Duplicates++
	}
	found.Seq, found.TTL, found.Flow, found.Round = p.seq, p.ttl, p.flow, p.round
	e := t.event(k, p, now)
	e.Probe = found
	t.tell(e)
	if k == Late {
		t.late(p, found, now)
	}
}

// late takes back that p was lost. If it was to be sent again, it is not.
func (t *target) late(p *probe, found Probe, now time.Time) {
	p.found, p.told = found, Answer
	t.res.Late++
	h := &t.hops[p.ttl]
	h.lost--
	h.answered++
	h.slowest = max(h.slowest, min(found.RTT, t.s.cfg.Wait))
	h.count(p, func(n *outcomes) { n.lost--; n.answered++ })
	i := slices.IndexFunc(t.retries, func(r retry) bool { return r.probe == p })
	if i < 0 {
		return
	}
	t.retries = slices.Delete(t.retries, i, i+1)
	t.plan.see(p, now)
}

// judge says what an answer means.
func (t *target) judge(p *probe, in *rawsock.Packet, found *Probe) {
	if in.Kind == rawsock.Message {
		found.Reached = true
		switch p.method {
		case ICMP:
			found.ICMP, found.ICMPType, found.Message = true, in.Data[0], "echo reply"
		case TCP:
			if h, err := packet.ParseTCP(in.Data); err == nil {
				found.TCPFlags = uint8(h.Flags)
				found.Message = "port open"
				if h.Flags&packet.RST != 0 {
					found.Message = "port closed"
				}
			}
		case UDP:
			found.Message = "datagram"
		}
		return
	}
	e := in.ICMP
	found.Reached = methods[p.method].reached(e)
	found.Stopped = !found.Reached && e.Class != packet.TimeExceeded
	p.tooBig = e.Class == packet.TooBig
	if t.s.raw {
		p.quotedTTL = int(e.Quote.Header.TTL)
		found.Changes = p.changes(&e.Quote, e.Class)
	}
}

// fill sets what a packet says of itself.
func (r *Probe) fill(p *rawsock.Packet) {
	r.ReplyTTL, r.ReplyTOS = p.TTL, p.TOS
	r.Back = hopsBack(p.TTL)
	if p.Kind != rawsock.Error {
		return
	}
	e := p.ICMP
	r.ICMP, r.ICMPType, r.ICMPCode, r.Message, r.MTU = true, e.Type, e.Code, e.Text(), e.MTU
	for _, l := range e.Extensions.MPLS {
		r.Labels = append(r.Labels, Label(l))
	}
	for _, i := range e.Extensions.Interfaces {
		r.Interfaces = append(r.Interfaces, Interface(i))
	}
	for _, o := range e.Extensions.Unknown {
		r.Objects = append(r.Objects, Object(o))
	}
}

// hopsBack is how many hops a packet took that arrived with the given TTL and left with the usual TTL next above.
func hopsBack(ttl int) int {
	if ttl == 0 {
		return 0
	}
	for _, initial := range []int{64, 128, 255} {
		if ttl <= initial {
			return initial - ttl + 1
		}
	}
	return 0
}

// changes returns in what a quoted packet differs from p as it was sent.
func (p *probe) changes(q *packet.Quote, class packet.Class) (list []Change) {
	h := q.Header
	add := func(f Field, sent, quoted any) {
		if sent != quoted {
			list = append(list, Change{f, fmt.Sprint(sent), fmt.Sprint(quoted)})
		}
	}
	t := p.target
	add(FieldSource, t.source, h.Src)
	tos := t.s.cfg.TOS
	add(FieldDSCP, tos>>2, int(h.TOS>>2))
	add(FieldECN, tos&3, int(h.TOS&3))
	add(FieldLength, p.length(), h.Length)
	if class == packet.TimeExceeded && h.TTL != 1 {
		add(FieldTTL, 1, int(h.TTL))
	}
	if t.family == packet.IPv4 {
		add(FieldID, p.wire, h.ID)
	} else {
		add(FieldFlow, t.s.id.label(p.flow), h.Flow)
	}
	switch p.method {
	case UDP:
		if u, err := packet.ParseUDP(q.Payload); err == nil {
			add(FieldSourcePort, t.s.id.port(p.flow), u.SrcPort)
			add(FieldChecksum, p.sum, u.Checksum)
		}
	case TCP:
		if s, err := packet.ParseTCP(q.Payload); err == nil {
			add(FieldSourcePort, t.s.id.port(p.flow), s.SrcPort)
		}
	case ICMP:
		if e, err := packet.ParseEcho(t.family, q.Payload); err == nil {
			add(FieldSourcePort, t.s.id.echoID[t.family], e.ID)
		}
	}
	return list
}

// packet makes p's packet, in b.
func (p *probe) packet(b []byte) rawsock.Packet {
	t := p.target
	m := methods[p.method]
	var upper []byte
	upper, p.sum = m.append(&t.s.id, b, p)
	local := t.source
	if z := t.res.Source.Zone(); z != "" {
		local = local.WithZone(z)
	}
	out := rawsock.Packet{
		Addr: p.dst(), Local: local, TTL: p.ttl, TOS: t.s.cfg.TOS, Data: upper, WantStamp: true,
		Proto: m.proto(t.family), ID: p.wire, Flow: t.s.id.label(p.flow),
	}
	if p.check {
		out.TTL = orDefault(p.sendTTL, checkTTL)
	}
	return out
}

// checkTTL is that of probes which are to reach the destination.
const checkTTL = 64
