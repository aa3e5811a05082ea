package trace

import (
	"cmp"
	"maps"
	"math"
	"net/netip"
	"slices"
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
	cfg    surveyConfig
	tables *stopTables
	layers [256]layer // by TTL
	ends   map[int]int
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
	return &survey{cfg: cfg, tables: tables, ends: make(map[int]int), elsewhere: make(map[ask]sight)}
}

// spot returns the place of a flow at a TTL.
func (s *survey) spot(ttl, flow int) *spot {
	l := &s.layers[ttl]
	for len(l.spots) <= flow {
		l.spots = append(l.spots, spot{})
	}
	return &l.spots[flow]
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

// last is the highest TTL that answered, or that a flow ended at.
func (s *survey) last() int {
	last := s.farthest
	for _, end := range s.ends {
		last = max(last, end)
	}
	return last
}

// The scout is the flow that goes where nobody has answered yet, so many TTLs at once.
const (
	scout       = 0
	scoutWindow = 8
)

// limit is the highest TTL that the scout goes to.
func (s *survey) limit() int {
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
	before := s.spot(ttl-1, flow).state
	return ttl <= s.limit() && (flow == scout || before == seen || before == lost && ttl <= s.last())
}

// see takes in the outcome of an ask. That of one that had none may be told again, with an answer.
func (s *survey) see(x sight) {
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

// confirm makes sure of where flows end. One that got no answer from a TTL but reached the destination behind it, where others
// reached it at that TTL, has lost a probe.
func (a *asking) confirm() {
	s := a.s
	nearest := 0
	for flow, end := range s.ends {
		if (end == s.cfg.firstTTL || s.spot(end-1, flow).state == seen) && (nearest == 0 || end < nearest) {
			nearest = end
		}
	}
	for _, flow := range slices.Sorted(maps.Keys(s.ends)) {
		end := s.ends[flow]
		if end > s.cfg.firstTTL {
			a.flow(end-1, flow)
		}
		for end > nearest && nearest > 0 && s.spot(end-1, flow).state == lost {
			end--
		}
		if end < s.ends[flow] {
			s.setEnd(flow, end)
		}
	}
}

// setEnd notes where a flow ends: what it showed behind was the destination again.
func (s *survey) setEnd(flow, end int) {
	s.ends[flow] = end
	for ttl := end + 1; ttl < len(s.layers); ttl++ {
		if b := &s.layers[ttl]; flow < len(b.spots) && b.spots[flow].state != unasked && b.spots[flow].state != waiting {
			b.spots[flow] = spot{state: beyond}
			b.dirty = true
		}
	}
}

// asking collects asks.
type asking struct {
	s    *survey
	asks []ask
}

// flow asks a flow at a TTL, if it has not been and may be. It reports whether it does.
func (a *asking) flow(ttl, flow int) bool {
	if !a.s.mayGo(flow, ttl) || a.s.spot(ttl, flow).state != unasked || a.s.asked >= mostAsks {
		return false
	}
	a.s.spot(ttl, flow).state = waiting
	a.s.layers[ttl].dirty = true
	a.send(ask{ttl: ttl, flow: flow})
	return true
}

func (a *asking) send(x ask) {
	a.asks = append(a.asks, x)
	a.s.asked++
	a.s.open++
}

// next appends what has become wanted since it was called last, the most urgent first. Each ask is
// returned once, and see must be told of each.
func (s *survey) next(asks []ask) []ask {
	a := &asking{s, asks}
	a.confirm()
	s.share()
	limit := s.limit()
	for ttl := s.cfg.firstTTL; ttl <= limit; ttl++ {
		a.hop(ttl)
	}
	last := s.last()
	for ttl := s.cfg.firstTTL - 1; ttl < last; ttl++ {
		if !s.wide(ttl) {
			a.classify(ttl)
		}
	}
	for ttl := s.cfg.firstTTL; ttl <= last; ttl++ {
		a.links(ttl)
		a.mesh(ttl)
		a.nodeByNode(ttl)
	}
	for ttl := s.cfg.firstTTL; ttl < last && s.open == 0; ttl++ { // the shares are known best now
		if s.wide(ttl) {
			a.classify(ttl)
		}
	}
	if s.open == 0 {
		a.elsewhere()
	}
	return a.asks
}

// done reports whether all is known. It holds right after next only.
func (s *survey) done() bool { return s.open == 0 }

// share sets what each TTL may contribute to the probability to miss anything. It is in proportion to the nodes, or
// where it is asked node by node to the links: about what a smaller share costs there in probes.
func (s *survey) share() {
	last := s.last()
	total := 0.0
	if len(s.ends) == 0 {
		total = max(0, float64(firstGuess-(last-s.cfg.firstTTL+1)))
	}
	for ttl := s.cfg.firstTTL; ttl <= last; ttl++ {
		l := &s.layers[ttl]
		l.alpha = float64(max(1, len(s.at(ttl).nodes)))
		if ttl > s.cfg.firstTTL && s.layers[ttl-1].full {
			out, _ := s.degrees(ttl - 1)
			l.alpha = 0
			for _, n := range out {
				l.alpha += float64(max(1, n))
			}
		}
		total += l.alpha
	}
	for ttl := s.cfg.firstTTL; ttl <= last; ttl++ {
		s.layers[ttl].alpha *= s.cfg.alpha / total
	}
}

// Of a TTL's share so much is for nodes, if links have to be tested, too.
const nodeShare = 0.75

// points are the stopping points for the nodes of a TTL.
func (s *survey) points(ttl int) *stopPoints {
	alpha := s.layers[ttl].alpha
	if s.wide(ttl-1) && s.wide(ttl) {
		alpha *= nodeShare
	}
	return s.tables.of(alpha)
}

// nodePoints are those for the successors of one node of a TTL.
func (s *survey) nodePoints(ttl int) *stopPoints {
	return s.tables.of(s.layers[ttl+1].alpha / float64(max(1, len(s.at(ttl).nodes))))
}

// wide reports whether a TTL has several nodes.
func (s *survey) wide(ttl int) bool { return ttl >= s.cfg.firstTTL && len(s.at(ttl).nodes) > 1 }

// hop sends flows to a TTL until no further node is likely.
func (a *asking) hop(ttl int) {
	s := a.s
	if ttl > s.last() {
		a.flow(ttl, scout)
		return
	}
	if ttl > s.cfg.firstTTL && s.layers[ttl-1].full && !s.scattered(ttl-1) {
		return // nodeByNode sends more
	}
	sum := s.at(ttl)
	want := s.points(ttl).at(min(maxWidth, max(1, len(sum.nodes)))) - sum.sighted - sum.waiting
	for flow := 0; want > 0 && flow < s.cfg.flows; flow++ {
		if a.flow(ttl, flow) {
			want--
		}
	}
}

// links sends a flow more to each node of a TTL and of the one behind that has no link between them.
func (a *asking) links(ttl int) {
	for _, way := range [2][2]int{{ttl, ttl + 1}, {ttl + 1, ttl}} {
		for _, flows := range a.s.at(way[0]).flows {
			a.connect(flows, way[1], 1)
		}
	}
}

// connect sends flows to a TTL until so many of them have been asked there.
func (a *asking) connect(flows []int, ttl, want int) {
	for _, flow := range flows {
		if st := a.s.spot(ttl, flow).state; st == seen || st == waiting || st == lost {
			want--
		}
	}
	for _, flow := range flows {
		if want <= 0 {
			return
		}
		if a.flow(ttl, flow) {
			want--
		}
	}
}

// Each node of the wider of two TTLs is held against the narrower with so many flows.
const phi = 2

// mesh tests whether the nodes of the wider of two TTLs have one link each to the narrower, and as many of them
// to each there. If not, all between the TTLs around that have one node is asked node by node.
func (a *asking) mesh(ttl int) {
	s := a.s
	if !s.wide(ttl) || !s.wide(ttl+1) || s.layers[ttl].full || s.scattered(ttl) {
		return
	}
	wider, other := ttl, ttl+1
	if len(s.at(ttl+1).nodes) > len(s.at(ttl).nodes) {
		wider, other = ttl+1, ttl
	}
	if s.meshed(ttl) || s.layers[ttl-1].full && s.wide(ttl-1) || s.layers[ttl+1].full {
		s.goFull(ttl)
		return
	}
	want := s.meshFlows(ttl+1, len(s.at(wider).nodes))
	each := max(phi, (want+len(s.at(wider).nodes)-1)/len(s.at(wider).nodes))
	for _, flows := range s.at(wider).flows {
		a.connect(flows, other, each)
	}
	if s.settled(ttl) && s.settled(ttl+1) && !s.uniform(ttl) {
		s.goFull(ttl)
	}
}

// meshFlows is how many flows have to be seen at a TTL and at the one before: if each of so many nodes had two links, all of a node's would take
// the same with a probability of 1/2 to the number of its flows less one.
func (s *survey) meshFlows(ttl, nodes int) int {
	return nodes + int(math.Ceil(-math.Log2(s.layers[ttl].alpha*(1-nodeShare))))
}

// settled reports whether nothing is awaited from a TTL.
func (s *survey) settled(ttl int) bool { return s.at(ttl).waiting == 0 }

// links are those between two TTLs: how many flows showed each, by the index of the nodes at both ends.
type links struct {
	flows    []int
	from, to int
}

func (l *links) at(from, to int) int { return l.flows[from*l.to+to] }

// successors returns how many links a node of the first TTL has, and how many flows showed them.
func (l *links) successors(from int) (n, flows int) {
	for _, k := range l.flows[from*l.to : (from+1)*l.to] {
		flows += k
		n += min(k, 1)
	}
	return n, flows
}

// pairs returns the links between a TTL and the one behind, as far as one flow showed both ends.
func (s *survey) pairs(ttl int) *links {
	near, far := s.at(ttl), s.at(ttl+1)
	l := &links{from: len(near.nodes), to: len(far.nodes)}
	l.flows = make([]int, l.from*l.to)
	behind := make([]int, max(len(s.layers[ttl].spots), len(s.layers[ttl+1].spots))) // node, from 1, by flow
	for j, flows := range far.flows {
		for _, flow := range flows {
			behind[flow] = j + 1
		}
	}
	for i, flows := range near.flows {
		for _, flow := range flows {
			if j := behind[flow]; j > 0 {
				l.flows[i*l.to+j-1]++
			}
		}
	}
	return l
}

// degrees returns how many links each node has to the TTL behind, and each there to this one.
func (s *survey) degrees(ttl int) (out, in []int) {
	l := s.pairs(ttl)
	out, in = make([]int, l.from), make([]int, l.to)
	for i := range out {
		for j := range in {
			if l.at(i, j) > 0 {
				out[i]++
				in[j]++
			}
		}
	}
	return out, in
}

// meshed reports whether a node of the wider TTL has several links to the narrower.
func (s *survey) meshed(ttl int) bool {
	out, in := s.degrees(ttl)
	return len(out) >= len(in) && slices.Max(out) > 1 || len(in) >= len(out) && slices.Max(in) > 1
}

// uniform reports whether all nodes of the narrower TTL have as many links.
func (s *survey) uniform(ttl int) bool {
	degrees, in := s.degrees(ttl)
	if len(degrees) > len(in) {
		degrees = in
	}
	return slices.Min(degrees) == slices.Max(degrees)
}

// goFull has the TTLs around that have several nodes asked node by node.
func (s *survey) goFull(ttl int) {
	s.full = true
	from, to := ttl, ttl+1
	for s.wide(from - 1) {
		from--
	}
	for to < s.last() && s.wide(to+1) {
		to++
	}
	for ; from <= to; from++ {
		s.layers[from].full = true
	}
}

// nodeByNode sends flows that pass a node on until no further successor is likely, and new flows to the TTL until enough
// pass the node.
func (a *asking) nodeByNode(ttl int) {
	s := a.s
	if !s.layers[ttl].full || s.scattered(ttl) {
		return
	}
	points, pairs, sum := s.nodePoints(ttl), s.pairs(ttl), s.at(ttl)
	most, node := 0, 0
	for i, flows := range sum.flows {
		successors, _ := pairs.successors(i)
		want := points.at(min(maxWidth, max(1, successors)))
		a.connect(flows, ttl+1, want)
		ends := slices.ContainsFunc(flows, func(flow int) bool { return s.ends[flow] == ttl })
		// No new flows for a silent node: one may be a router that lost a few.
		if want -= len(flows); want > most && !ends && sum.nodes[i].IsValid() {
			most, node = want, i
		}
	}
	if most > 0 {
		// The shares are estimates: the second half follows when the first has been seen.
		a.through(ttl, node, float64(most+1)/2)
	}
}

// through sends new flows to a TTL until so many can be expected to pass one of its nodes, those first that are the most likely to.
func (a *asking) through(ttl, node int, want float64) {
	s := a.s
	chance := s.chances(ttl, node)
	type candidate struct {
		flow   int
		chance float64
	}
	var candidates []candidate
	fresh := max(1, int(want/chance(-1))) // flows never seen before TTL that are worth a look
	for flow := 0; flow < s.cfg.flows && fresh > 0; flow++ {
		switch x := s.spot(ttl, flow); {
		case x.state == waiting:
			want -= chance(flow)
		case x.state == unasked && s.mayGo(flow, ttl):
			candidates = append(candidates, candidate{flow, chance(flow)})
			if flow >= len(s.layers[s.cfg.firstTTL].spots) {
				fresh--
			}
		}
	}
	slices.SortStableFunc(candidates, func(x, y candidate) int { return cmp.Compare(y.chance, x.chance) })
	for _, c := range candidates {
		if want <= 0 {
			return
		}
		if a.flow(ttl, c.flow) {
			want -= c.chance
		}
	}
}

// chances returns how likely a flow is to pass a node, from where it was seen last before, as flows were spread from there.
// Of a flow that was seen nowhere that is the node's share.
func (s *survey) chances(ttl, node int) func(flow int) float64 {
	sum := s.at(ttl)
	share := float64(len(sum.flows[node])+1) / float64(sum.sighted+len(sum.nodes))
	by := make(map[int]float64) // flow
	to := make([]float64, len(sum.nodes))
	to[node] = 1
	for before := ttl - 1; before >= s.cfg.firstTTL; before-- {
		pairs := s.pairs(before)
		from := make([]float64, pairs.from)
		for i := range from {
			_, all := pairs.successors(i)
			if all == 0 {
				from[i] = share
				continue
			}
			for j := range to {
				from[i] += to[j] * float64(pairs.at(i, j)) / float64(all)
			}
		}
		for i, flows := range s.at(before).flows {
			for _, flow := range flows {
				if _, ok := by[flow]; !ok {
					by[flow] = from[i]
				}
			}
		}
		to = from
	}
	return func(flow int) float64 {
		if c, ok := by[flow]; ok {
			return c
		}
		return share
	}
}
