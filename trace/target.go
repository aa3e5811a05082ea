package trace

import (
	"net/netip"
	"slices"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// target is a destination that is being traced to: its probes in flight, and what each hop has shown of its speed. What
// to ask is its plan's.
type target struct {
	s       *session
	index   int
	addr    netip.Addr
	family  packet.Family
	source  netip.Addr // without zone
	linkMTU int        // of the first link; 0: not known
	begun   time.Time
	plan    plan

	queue    []ask // wanted and not sent, the most urgent first
	retries  []retry
	checks   []*probe // wanted, of alive.go and mtu.go
	hops     []hop    // by TTL, 256; of the first those of checks
	ended    bool
	farthest int  // TTL that answered
	arrived  bool // a probe has reached the destination
	inFlight int
	elapsed  time.Duration // at most the round trip of an answer that does not say which probe it is about
	serial   map[int]bool  // flows that have routers which do not tell their probes apart
	seq      int64
	res      Result
}

// plan decides what is asked, and says when all is known.
type plan interface {
	// next is handed the asks that were not sent yet and returns those that are wanted now, the most urgent first.
	next(now time.Time, asks []ask) []ask
	// see is told the outcome of an ask: what p found, or that it was lost, after it was tried again.
	see(p *probe, now time.Time)
	// wants reports whether the outcome of p, which got lost, still matters.
	wants(p *probe) bool
	// mostTries is how often it wants a lost probe of a hop to be sent again, and revisits says whether one, too, that was told
	// to be lost.
	mostTries(h *hop) int
	revisits() bool
	// wake returns when next has something new if nothing comes before: zero for never.
	wake(now time.Time) time.Time
	done() bool
	stop() StopReason
	// finish tells what was held back till the end, and completes the result.
	finish(now time.Time)
}

// hop is what is known of the speed of a TTL.
type hop struct {
	open       []*probe // in the order of sending
	sent, lost int64
	answered   int64
	slowest    time.Duration // round trip
	last       time.Time     // when a probe was sent
	gap        time.Duration // that there is to be between two probes; 0: none
	slowed     time.Time     // when gap was raised last
	good       int           // answers since gap was changed
	attempts   int           // probes of flows that were answered, one at last
	resent     int           // probes sent again
	recovered  int           // of them, those that were lost
	given      []*probe      // that were given up before the hop had answered any
	pattern    pattern
	again      outcomes // of probes that were sent again, slowly
	crawl      outcomes // of those at the slowest pace
}

func newTarget(s *session, index int, a netip.Addr, now time.Time) *target {
	t := &target{s: s, index: index, addr: a, family: packet.FamilyOf(a), begun: now, serial: make(map[int]bool)}
	t.hops = make([]hop, 256)
	t.res = Result{Method: s.cfg.Method, Raw: s.raw}
	if s.cfg.Multipath {
		t.plan = newMultipath(t)
		t.res.Confidence = s.cfg.Confidence
	} else {
		t.plan = newClassic(t)
	}
	return t
}

// port is the destination port for a method.
func (t *target) port(m Method) uint16 {
	if m == t.s.cfg.Method {
		return uint16(t.s.cfg.Port)
	}
	return uint16(methods[m].port())
}

// refill asks the plan.
func (t *target) refill(now time.Time) { t.queue = t.plan.next(now, t.queue) }

// take returns the next probe that may be sent now, nil if there is none.
func (t *target) take(now time.Time) *probe {
	if len(t.checks) > 0 {
		p := t.checks[0]
		t.checks = t.checks[1:]
		return t.ready(p, now)
	}
	for i, r := range t.retries {
		if !r.at.After(now) && t.free(r.ask, now) {
			t.retries = slices.Delete(t.retries, i, i+1)
			again := *r.probe
			t.hops[r.ttl].resent++
			again.try, again.told, again.found = r.try+1, 0, Probe{}
			return t.ready(&again, now)
		}
	}
	for i, a := range t.queue {
		if t.free(a, now) {
			t.queue = slices.Delete(t.queue, i, i+1)
			return t.ready(&probe{ask: a, target: t, method: t.s.cfg.Method, size: t.s.cfg.Size, round: t.round()}, now)
		}
	}
	return nil
}

// free reports whether a may be sent now, as far as its hop and its flow are concerned.
func (t *target) free(a ask, now time.Time) bool {
	h := &t.hops[a.ttl]
	if h.gap > 0 && now.Before(h.last.Add(h.gap)) {
		return false
	}
	return !t.oneByOne(a.flow) || !t.busy(a.flow)
}

// oneByOne reports whether a flow may have one probe in flight only. Without privilege a TCP flow is a connection.
func (t *target) oneByOne(flow int) bool {
	return t.serial[flow] || !t.s.raw && t.s.cfg.Method == TCP
}

// busy reports whether a flow has a probe in flight.
func (t *target) busy(flow int) bool {
	for range t.s.of(t, flow) {
		return true
	}
	return false
}

// ready makes p one that is about to be sent.
func (t *target) ready(p *probe, now time.Time) *probe {
	p.seq = t.seq
	p.alone = !t.busy(p.flow)
	t.seq++
	h := &t.hops[p.ttl]
	p.gap = never
	if !h.last.IsZero() {
		p.gap = now.Sub(h.last)
	}
	h.last = now
	h.open = append(h.open, p)
	p.open = true
	t.inFlight++
	t.s.numberProbe(p)
	return p
}

// never is longer than any wait.
const never = 100 * 365 * 24 * time.Hour

func (t *target) round() int {
	if c, ok := t.plan.(*classic); ok {
		return c.round
	}
	return 0
}

// sent notes that p has left.
func (t *target) sent(p *probe) {
	if t.ended {
		return
	}
	t.res.Probes++
	if p.check {
		t.res.Checks++
		return
	}
	t.hops[p.ttl].sent++
}

// refused notes that this machine would not send p: again says that it should be tried once more in a moment.
func (t *target) refused(p *probe, err error, again bool, now time.Time) {
	t.close(p)
	if p.turnedAway++; again && p.turnedAway < mostRefusals && !p.check {
		p.try-- // it was none
		t.retries = append(t.retries, retry{p, now.Add(pushBack)})
		return
	}
	if p.check {
		p.err = err
		t.checked(p, now)
		return
	}
	t.res.SendErrors++
	if t.res.Err == nil {
		t.res.Err = err
	}
	e := t.event(SendError, p, now)
	e.Err = err
	t.tell(e)
	p.found = Probe{}
	t.plan.see(p, now)
}

// A packet that this machine has no room for is tried again a little later, but not for ever.
const (
	pushBack     = 5 * time.Millisecond
	mostRefusals = 50
)

// close takes p from those in flight.
func (t *target) close(p *probe) {
	if !p.open {
		return
	}
	p.open = false
	h := &t.hops[p.ttl]
	if i := slices.Index(h.open, p); i >= 0 {
		h.open = slices.Delete(h.open, i, i+1)
	}
	t.inFlight--
}

// event makes an event about p.
func (t *target) event(k Kind, p *probe, now time.Time) Event {
	e := Event{Kind: k, Index: t.index, Target: t.addr, Time: now}
	if p != nil {
		e.Probe = p.found
		e.Seq, e.TTL, e.Flow, e.Round = p.seq, p.ttl, p.flow, p.round
	}
	return e
}

func (t *target) tell(e Event) { t.s.events = append(t.s.events, e) }

// finish tells the end.
func (t *target) finish(why StopReason, now time.Time) {
	t.plan.finish(now)
	t.res.Stop = why
	t.res.Took = now.Sub(t.begun)
	for ttl := 1; ttl < len(t.hops); ttl++ {
		t.res.InFlight += int64(len(t.hops[ttl].open))
	}
	e := t.event(Done, nil, now)
	e.Result = new(t.res)
	t.tell(e)
	// Its probes are remembered, by their wire numbers; the rest is not needed any more.
	t.ended = true
	t.plan, t.queue, t.retries, t.checks, t.hops, t.serial = nil, nil, nil, nil, nil, nil
}
