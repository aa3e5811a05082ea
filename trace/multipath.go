package trace

import (
	"slices"
	"time"

	"github.com/netdiag/netdiag/internal/stats"
)

// multipath is the plan of a trace that finds every path. A survey decides what is asked; this hands it what
// was seen, and tells the result.
type multipath struct {
	t       *target
	survey  *survey
	tests   limitTests
	news    bool // something was seen since the survey was asked
	log     [256]hopLog
	seen    map[Vertex]*witness
	stopped map[int][]Probe // by TTL: one of those that could get no further
	over    bool
}

// witness is what the answers of a node said beside its address.
type witness struct {
	rtt     stats.RTT
	labels  []Label
	reached bool
	stopped bool
}

func newMultipath(t *target) *multipath {
	cfg := &t.s.cfg
	return &multipath{t: t, tests: make(limitTests), seen: make(map[Vertex]*witness), stopped: make(map[int][]Probe), survey: newSurvey(surveyConfig{
		alpha:    1 - cfg.Confidence,
		firstTTL: cfg.FirstTTL, maxTTL: cfg.MaxTTL, gap: cfg.Gap,
		flows: t.s.id.ports, others: len(cfg.Others),
	}, &t.s.tables)}
}

func (m *multipath) next(_ time.Time, asks []ask) []ask {
	if m.over {
		return nil
	}
	// Asks that have to wait for their turn are not added to: what is seen meanwhile makes for better ones.
	const enough = 4
	if len(asks) >= enough || !m.news && len(asks) > 0 {
		return asks
	}
	m.news = false
	asks = m.survey.next(asks)
	if m.survey.done() && len(m.t.retries) == 0 && m.t.inFlight == 0 && len(asks) == 0 {
		m.over = m.tested()
		asks = m.tests.next(m.t, asks)
	}
	return slices.DeleteFunc(asks, func(a ask) bool {
		// The flow has turned out to end before.
		stale := a.other == 0 && a.again == 0 && !m.survey.mayGo(a.flow, a.ttl)
		if stale {
			m.survey.see(sight{ask: a})
		}
		return stale
	})
}

// tested reports whether no hop needs to be tested for a limit any more.
func (m *multipath) tested() bool {
	all := true
	for ttl := m.t.s.cfg.FirstTTL; ttl <= m.survey.last(); ttl++ {
		all = m.tests.tested(m.t, ttl, m.survey.answering) && all
	}
	return all
}

func (m *multipath) wants(p *probe) bool { return p.again == 0 && m.survey.mayGo(p.flow, p.ttl) }

func (m *multipath) revisits() bool { return true }

// mostTries is enough for a hop that loses two probes of three.
func (m *multipath) mostTries(*hop) int { return 30 }

func (m *multipath) see(p *probe, _ time.Time) {
	m.news = true
	f := &p.found
	if !m.tests.see(p) {
		m.survey.see(sight{p.ask, f.From, f.Reached, f.Stopped})
	}
	if !f.From.IsValid() || p.other > 0 {
		return
	}
	m.log[p.ttl].add(p)
	if f.Stopped && m.stopped[p.ttl] == nil {
		m.stopped[p.ttl] = []Probe{*f}
	}
	v := Vertex{TTL: p.ttl, Addr: f.From}
	w := m.seen[v]
	if w == nil {
		w = &witness{}
		m.seen[v] = w
	}
	w.rtt.Add(f.RTT)
	w.reached = w.reached || f.Reached
	w.stopped = w.stopped || f.Stopped
	if len(f.Labels) > 0 {
		w.labels = f.Labels
	}
}

func (m *multipath) wake(time.Time) time.Time { return time.Time{} }

func (m *multipath) done() bool { return m.over }

func (m *multipath) stop() StopReason {
	stopped := false
	for _, w := range m.seen {
		if w.reached {
			return StopDestination
		}
		stopped = stopped || w.stopped
	}
	switch {
	case m.t.res.Probes == 0 && m.t.res.Err != nil:
		return StopError
	case stopped:
		return StopUnreachable
	case m.survey.limit() < m.t.s.cfg.MaxTTL:
		return StopGap
	}
	return StopMaxTTL
}

func (m *multipath) finish(now time.Time) {
	r := &m.t.res
	g := m.survey.graph()
	r.Hops = m.survey.last()
	r.Nodes, r.Links, r.Lite, r.Caveats = len(g.nodes), len(g.links), !m.survey.full, g.caveats
	for ttl := m.t.s.cfg.FirstTTL; ttl <= r.Hops; ttl++ {
		h := m.log[ttl].hop(ttl)
		h.Sent, h.Lost = m.t.hops[ttl].sent, m.t.hops[ttl].lost
		h.Bound, h.Probes = g.bounds[ttl], m.stopped[ttl]
		r.Bound += h.Bound
		if h.RateLimited = m.t.hops[ttl].pattern.limited(); h.RateLimited {
			r.Limited = append(r.Limited, ttl)
		}
		e := m.t.event(HopDone, nil, now)
		e.Hop = h
		m.t.tell(e)
	}
	r.Bound = min(1, r.Bound)
	if len(g.nodes) == 0 {
		r.Bound = 1
	}
	for i := range g.nodes {
		n := &g.nodes[i]
		if w := m.seen[n.Vertex]; w != nil {
			n.RTT, n.Labels, n.Reached = w.rtt, w.labels, w.reached
		}
		r.Reached = r.Reached || n.Reached
		e := m.t.event(NodeFound, nil, now)
		e.Node = n
		m.t.tell(e)
	}
	for i := range g.links {
		e := m.t.event(LinkFound, nil, now)
		e.Link = &g.links[i]
		m.t.tell(e)
	}
}
