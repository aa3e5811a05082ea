package trace

import (
	"iter"
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// session decides what is sent when, and says what became of it. It is pure: it is handed packets and the time, and
// touches neither socket nor clock. One session has all the targets of a run, which
// share pace and wire numbers.
type session struct {
	cfg    Config
	id     identity
	raw    bool // the packets that errors quote are known whole
	pace   pacer
	tables stopTables
	next   func() (netip.Addr, bool) // of Config.Targets
	route  func(netip.Addr) (source netip.Addr, mtu int, err error)

	active []*target
	begun  int                    // targets taken from next
	all    bool                   // there are no more
	held   netip.Addr             // was read from next, and is being traced to already
	later  time.Time              // when to ask next again that did not know its address yet; zero: at once
	byAddr map[netip.Addr]*target // where probes of active targets go, without zones
	ended  map[netip.Addr]bool    // targets that were active, without zones: what still comes from them is no news
	turn   int                    // which of active is asked first

	wires  [1 << 16]*probe // by wire number, the latest
	number uint16          // of the last probe
	events []Event         // to be told
}

func newSession(cfg Config, cookie uint64, next func() (netip.Addr, bool)) *session {
	s := &session{cfg: cfg, pace: newPacer(cfg.Rate), next: next, byAddr: make(map[netip.Addr]*target), ended: make(map[netip.Addr]bool)}
	s.id = identity{cookie: cookie, echoID: make(map[packet.Family]uint16)}
	s.id.firstPort, s.id.ports = cfg.portRange(cookie)
	s.number = uint16(mix(cookie))
	return s
}

// Ports of a run that finds all paths, and spare ones of one that does not.
const (
	multipathPorts = 4096
	sparePorts     = 64
	lowestPort     = 33434 - 1024 // above it systems choose ports for others, too, but few
)

// portRange returns the first source port, and how many there are.
func (c *Config) portRange(cookie uint64) (first uint16, n int) {
	n = c.Flows + sparePorts
	if c.Multipath {
		n = multipathPorts
	}
	if c.SourcePort != 0 && c.Method != ICMP {
		return uint16(c.SourcePort), min(n, 1<<16-c.SourcePort)
	}
	room := 1<<16 - lowestPort - n
	return uint16(lowestPort + int(cookie>>40)%room), n
}

// probe is a packet that was sent, or is about to be.
type probe struct {
	ask
	target  *target
	method  Method
	wire    uint16
	seq     int64
	size    int // wanted of the whole packet, in bytes; 0: Config.Size or the default
	sum     uint16
	round   int
	try     int  // how often it was sent before
	check   bool // it does not belong to the trace (see alive.go, mtu.go): its ask has TTL 0
	sendTTL int  // of a check; 0: checkTTL

	sent       rawsock.Stamp
	gap        time.Duration // since the probe before at this TTL
	alone      bool          // no other of its flow was in flight
	open       bool          // it has no outcome yet
	told       Kind          // Answer or Timeout; 0: neither
	notes      string
	tooBig     bool  // the answer says that it is too big
	quotedTTL  int   // that the answer quotes; 0: not known
	err        error // why it could not be sent
	turnedAway int   // how often this machine had no room for it
	found      Probe // the answer, with told
}

// dst is where p goes.
func (p *probe) dst() netip.Addr {
	if p.other > 0 {
		return p.target.s.cfg.Others[p.other-1]
	}
	return p.target.addr
}

// wentTo reports whether p was sent to a; zones are not looked at.
func (p *probe) wentTo(a netip.Addr) bool {
	return p.dst().WithZone("") == a.Unmap().WithZone("")
}

// target returns the target that probes to a are of, or nil.
func (s *session) target(a netip.Addr) *target { return s.byAddr[a.Unmap().WithZone("")] }

// claimed is the claim of a packet that names a wire number.
func (s *session) claimed(wire uint16, m Method) claim {
	p := s.wires[wire]
	if p == nil || p.method != m {
		return claim{verdict: foreign, note: "it is about a probe that was not sent"}
	}
	return claim{verdict: genuine, probe: p}
}

// of returns the probes of one flow to t that are in flight.
func (s *session) of(t *target, flow int) iter.Seq[*probe] {
	return func(yield func(*probe) bool) {
		for i := range t.hops {
			for _, p := range t.hops[i].open {
				if p.flow == flow && p.other == 0 && !yield(p) {
					return
				}
			}
		}
	}
}

// claimedByFlow is the claim of a packet that names a flow only: it is about its one probe in flight,
// if there is but one.
func (s *session) claimedByFlow(t *target, m Method, flow int) claim {
	if t == nil {
		return claim{}
	}
	c := claim{verdict: foreign, note: "no probe of its flow waits for an answer"}
	for p := range s.of(t, flow) {
		if p.method != m {
			continue
		}
		if c.probe != nil {
			return claim{verdict: ambiguous, target: t, flow: flow}
		}
		c = claim{verdict: genuine, probe: p}
	}
	if c.probe != nil && !c.probe.alone {
		// Others of its flow were in flight when it was sent. The answer could be one of theirs, late.
		return claim{verdict: ambiguous, target: t, flow: flow}
	}
	return c
}

// finished reports whether there is nothing more to do.
func (s *session) finished() bool { return s.all && len(s.active) == 0 }

// askAgainAfter is how long it takes until Config.Targets is asked again for an address that was not known yet.
const askAgainAfter = 5 * time.Millisecond

// begin takes on targets as far as there is room.
func (s *session) begin(now time.Time) {
	for !s.all && len(s.active) < s.cfg.AtOnce && !now.Before(s.later) {
		a, ok := s.held, s.held.IsValid()
		if s.held = (netip.Addr{}); !ok {
			a, ok = s.next()
		}
		switch {
		case !ok:
			s.all = true
			return
		case !a.IsValid():
			s.later = now.Add(askAgainAfter)
			return
		case s.target(a) != nil: // two traces with the same flows could not be told apart
			s.held = a
			return
		}
		t := newTarget(s, s.begun, a, now)
		s.begun++
		source, mtu, err := s.route(t.addr)
		t.res.Source, t.source, t.linkMTU = source, source.WithZone(""), mtu
		if err != nil {
			t.res.Err = err
			t.finish(StopError, now)
			continue
		}
		s.active = append(s.active, t)
		for _, a := range append([]netip.Addr{t.addr}, s.cfg.Others...) {
			if a = a.WithZone(""); s.byAddr[a] == nil {
				s.byAddr[a] = t
			}
		}
	}
}

// due appends what is to be sent now to ps, at most up to its capacity.
func (s *session) due(now time.Time, ps []*probe) []*probe {
	s.begin(now)
	for i := 0; i < len(s.active); {
		t := s.active[i]
		t.refill(now)
		if !t.plan.done() {
			i++
			continue
		}
		s.end(t, t.plan.stop(), now)
		s.begin(now)
	}
	for idle := 0; idle < len(s.active) && len(ps) < cap(ps); {
		if s.pace.wait(now) > 0 {
			break
		}
		s.turn = (s.turn + 1) % len(s.active)
		p := s.active[s.turn].take(now)
		if p == nil {
			idle++
			continue
		}
		idle = 0
		s.pace.take(now)
		ps = append(ps, p)
	}
	return ps
}

// number gives p the next wire number.
func (s *session) numberProbe(p *probe) {
	s.number++
	if s.number == 0 { // of an IPv4 packet's identification, that would mean: none
		s.number++
	}
	p.wire = s.number
	s.wires[p.wire] = p
}

// end takes t out of the session with its Done.
func (s *session) end(t *target, why StopReason, now time.Time) {
	for i, other := range s.active {
		if other == t {
			s.active = append(s.active[:i], s.active[i+1:]...)
			break
		}
	}
	for a, other := range s.byAddr {
		if other == t {
			delete(s.byAddr, a)
		}
	}
	s.ended[t.addr.WithZone("")] = true
	s.turn = 0
	t.finish(why, now)
}

// stopAll ends everything.
func (s *session) stopAll(why StopReason, now time.Time) {
	for len(s.active) > 0 {
		s.end(s.active[0], why, now)
	}
	s.all = true
}

// expire gives up on the probes that have waited long enough by now. Everything that had
// arrived by then must have been received before.
func (s *session) expire(now time.Time) {
	for _, t := range s.active {
		t.expire(now)
	}
}

// wake returns when to look again at the latest: zero for when a packet comes.
func (s *session) wake(now time.Time) (at time.Time) {
	if !s.all && !s.held.IsValid() && len(s.active) < s.cfg.AtOnce {
		at = s.later
	}
	pace := now.Add(max(0, s.pace.wait(now)))
	for _, t := range s.active {
		w := t.wake(now, pace)
		if !w.IsZero() && (at.IsZero() || w.Before(at)) {
			at = w
		}
	}
	return at
}
