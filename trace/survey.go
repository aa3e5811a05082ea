package trace

import (
	"net/netip"
)

// ask is a probe that a plan wants sent.
type ask struct {
	ttl, flow int
	other     int // 0: to the target; else to Config.Others[other-1]
	again     int // number of the repetition of a probe that was sent before (same ttl, flow, other), from 0
}

// sight is the outcome of an ask.
type sight struct {
	ask
	from    netip.Addr // who answered; zero: nobody, in the end: the session has tried again
	reached bool       // the probe got to its destination
	stopped bool       // it can get no further
}

// survey decides what to ask to find every path: the Multipath Detection Algorithm, in its light form
// (MDA-Lite) as long as that is valid. It is pure: asks out, sights in.
//
// The unit of the light form is a TTL. Flows are sent there until the stopping rule says that no further node is likely to be
// there. All TTLs have the same flows as far as possible, so that links come free; nodes without a link to
// the TTL before or behind get a flow more. That holds where a TTL's nodes have equal shares of the flows and where every
// node of the wider of two neighbouring TTLs has one link to the narrower. Both are tested, and where they fail the TTLs between two that have
// one node are asked node by node: flows that were seen to pass a node are sent on (node control) until the stopping rule
// says that no further successor is likely. What was seen before counts there.
//
// A flow that gets no answer from a TTL passes a silent node, of which there is one at a TTL here (see graph for
// how they are told apart), unless it is the only one at a TTL that answers others: then it was lost, and counts for nothing.
type survey struct {
	cfg     surveyConfig
	tables  *stopTables
	layers  []layer     // by TTL, and two that stay empty
	ends    map[int]int // TTL at which a flow ended, by flow
	lastEnd int         // the highest of them; negative: to be found
	top     int         // what limit returned; 0: to be found
	// farthest is the highest TTL at which a router answered that passes packets on.
	farthest  int
	open      int // asks without a sight
	asked     int
	elsewhere map[ask]sight // on the ways to other destinations
	scatters  bool          // a flow does not stay on one path
	full      bool          // the light form was not enough somewhere
}

// surveyConfig is what a survey is to find, and may do.
type surveyConfig struct {
	alpha            float64 // probability, at most, to miss a node or link of all
	firstTTL, maxTTL int
	gap              int // silent TTLs in a row that end it; negative: never
	flows            int // that there are
	others           int // further destinations that may be asked
}

// Limits of a survey.
const (
	mostAsks = 20000 // of one survey
	// firstGuess is how many TTLs there are thought to be before the end of the path is known.
	firstGuess = 10
)

// spot is what is known of a flow at a TTL.
type spot struct {
	state spotState
	from  netip.Addr
}

type spotState uint8

const (
	unasked spotState = iota
	waiting
	seen
	lost
	beyond // the flow ends before
)

// layer is what is known of a TTL.
type layer struct {
	spots   []spot  // by flow
	alpha   float64 // its share in what may be missed
	full    bool    // what is behind its nodes is asked node by node
	repeats map[int]*repeats
	dirty   bool
	sum     summary
}

// summary is what the spots of a layer come to.
type summary struct {
	nodes   []netip.Addr // that answered, in the order of flows; then the zero Addr if there is a silent one
	flows   [][]int      // of each node
	sighted int          // flows in nodes
	waiting int
}

// repeats are probes of one flow sent again, to see whether it stays where it is.
type repeats struct {
	asked, same, other int
}

// newSurvey makes a survey with stopping points from tables, which may serve others, too.
func newSurvey(cfg surveyConfig, tables *stopTables) *survey {
	return &survey{cfg: cfg, layers: make([]layer, cfg.maxTTL+3), tables: tables, ends: make(map[int]int), elsewhere: make(map[ask]sight)}
}

// spot returns the place of a flow at a TTL.
func (s *survey) spot(ttl, flow int) *spot {
	l := &s.layers[ttl]
	for len(l.spots) <= flow {
		l.spots = append(l.spots, spot{})
	}
	return &l.spots[flow]
}

// state is the state of a flow at a TTL.
func (s *survey) state(ttl, flow int) spotState {
	if spots := s.layers[ttl].spots; flow < len(spots) {
		return spots[flow].state
	}
	return unasked
}

// at returns what the spots of a TTL come to.
func (s *survey) at(ttl int) *summary {
	l := &s.layers[ttl]
	if !l.dirty {
		return &l.sum
	}
	l.dirty = false
	l.sum = summary{}
	index := make(map[netip.Addr]int)
	var silent []int
	for flow, x := range l.spots {
		switch x.state {
		case waiting:
			l.sum.waiting++
		case lost:
			silent = append(silent, flow)
		case seen:
			i, ok := index[x.from]
			if !ok {
				i = len(l.sum.nodes)
				index[x.from] = i
				l.sum.nodes = append(l.sum.nodes, x.from)
				l.sum.flows = append(l.sum.flows, nil)
			}
			l.sum.flows[i] = append(l.sum.flows[i], flow)
			l.sum.sighted++
		}
	}
	if len(silent) > 1 || len(silent) == 1 && len(l.sum.nodes) == 0 {
		l.sum.nodes = append(l.sum.nodes, netip.Addr{})
		l.sum.flows = append(l.sum.flows, silent)
		l.sum.sighted += len(silent)
	}
	return &l.sum
}

// answering returns a flow that a node answers at a TTL, negative if there is none.
func (s *survey) answering(ttl int) int {
	if sum := s.at(ttl); len(sum.nodes) > 0 && sum.nodes[0].IsValid() {
		return sum.flows[0][0]
	}
	return -1
}

// last is the highest TTL that answered, or that a flow ended at.
func (s *survey) last() int {
	if s.lastEnd < 0 {
		s.lastEnd = 0
		for _, end := range s.ends {
			s.lastEnd = max(s.lastEnd, end)
		}
	}
	return max(s.farthest, s.lastEnd)
}

// The scout is the flow that goes where nobody has answered yet, so many TTLs at once.
const (
	scout       = 0
	scoutWindow = 8
)

// limit is the highest TTL that the scout goes to.
func (s *survey) limit() int {
	if s.top == 0 {
		s.top = s.findLimit()
	}
	return s.top
}

func (s *survey) findLimit() int {
	gap := s.cfg.gap
	if gap < 0 {
		gap = DefaultGap
	}
	limit := max(s.cfg.firstTTL, s.farthest) + max(gap, scoutWindow)
	if len(s.ends) > 0 {
		limit = max(s.last(), s.farthest+1)
	} else if s.cfg.gap < 0 { // silence does not end it
		for ttl := s.cfg.firstTTL; ttl <= s.cfg.maxTTL && s.at(ttl).sighted > 0; ttl++ {
			limit = max(limit, ttl+gap)
		}
	}
	return min(limit, s.cfg.maxTTL)
}

// mayGo reports whether a flow may be asked at a TTL.
func (s *survey) mayGo(flow, ttl int) bool {
	if ttl < s.cfg.firstTTL || ttl > s.cfg.maxTTL || flow >= s.cfg.flows {
		return false
	}
	if end := s.ends[flow]; end > 0 {
		return ttl <= end
	}
	if ttl <= max(s.farthest, s.cfg.firstTTL) {
		return true
	}
	// The destination answers to whatever reaches it: only what is past the TTL before shows where it is.
	before := s.state(ttl-1, flow)
	return ttl <= s.limit() && (flow == scout || before == seen || before == lost && ttl <= s.last())
}

// see takes in the outcome of an ask. That of one that had none may be told again, with an answer.
func (s *survey) see(x sight) {
	s.top = 0
	l := &s.layers[x.ttl]
	if x.other == 0 && x.again == 0 && s.spot(x.ttl, x.flow).state != waiting {
		s.open++ // its outcome was told before, and this corrects it
	}
	s.open--
	switch {
	case x.other > 0:
		s.elsewhere[x.ask] = x
		return
	case x.again > 0:
		s.repeated(x)
		return
	}
	l.dirty = true
	p := s.spot(x.ttl, x.flow)
	if end := s.ends[x.flow]; end > 0 && x.ttl > end {
		*p = spot{state: beyond}
		return
	}
	if !x.from.IsValid() {
		p.state = lost
		return
	}
	*p = spot{seen, x.from}
	if !x.reached && !x.stopped {
		s.farthest = max(s.farthest, x.ttl)
		return
	}
	s.setEnd(x.flow, x.ttl)
}

// setEnd notes where a flow ends: what it showed behind was the destination again.
func (s *survey) setEnd(flow, end int) {
	s.ends[flow] = end
	s.lastEnd, s.top = -1, 0
	for ttl := end + 1; ttl < len(s.layers); ttl++ {
		if b := &s.layers[ttl]; flow < len(b.spots) && b.spots[flow].state != unasked && b.spots[flow].state != waiting {
			b.spots[flow] = spot{state: beyond}
			b.dirty = true
		}
	}
}
