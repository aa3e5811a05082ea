package trace

import "math"

// maxWidth is the number of nodes at one TTL, or behind one node, up to which all of them are looked for.
const maxWidth = 128

// stopPoints are the stopping points of a test for all successors of a balancer that spreads flows evenly
// (the Multipath Detection Algorithm): a test that has found k of them ends with its at(k)-th probe. With
// these points the probability to end before all K successors are found is at most alpha, whatever K is, and
// including that it ends with fewer than K-1.
type stopPoints struct {
	alpha float64
	n     []int     // by the number found; n[0] is not used
	miss  []float64 // by the true number: probability to end too early
}

// newStopPoints returns the stopping points for alpha, above 0 and at most maxAlpha.
func newStopPoints(alpha float64) *stopPoints {
	return &stopPoints{alpha: alpha, n: []int{0}, miss: []float64{0, 0}}
}

// maxAlpha is the largest alpha for which stopping points exist for every width: with a larger one so much may be
// missed early that nothing later makes up for it.
const maxAlpha = 0.25

// at returns how many probes end a test that has found k successors, from 1 to maxWidth.
func (s *stopPoints) at(k int) int {
	for len(s.n) <= k {
		s.extend()
	}
	return s.n[k]
}

// extend finds the next point: the smallest that keeps the probability to miss one of a successor more within alpha.
func (s *stopPoints) extend() {
	k := len(s.n)
	w := newWalk(k + 1)
	for ; ; w.probe() {
		if k > 1 && w.probes <= s.n[k-1] {
			w.end(s.n, k-1)
			continue
		}
		if miss := w.ended + w.found[k]; miss <= s.alpha {
			s.n = append(s.n, w.probes)
			s.miss = append(s.miss, miss)
			return
		}
	}
}

// bound returns how likely at most a test that has found k successors with the given number of probes has
// missed some: the largest probability to miss one of K successors for any K up to k+1, with probes as
// the last stopping point.
func (s *stopPoints) bound(k, probes int) float64 {
	if probes < 1 {
		return 1
	}
	s.at(k)
	bound := 0.0
	for true_ := 2; true_ <= k; true_++ {
		bound = max(bound, s.miss[true_])
	}
	w := newWalk(k + 1)
	for w.end(s.n, k-1); w.probes < probes; w.end(s.n, k-1) {
		w.probe()
	}
	miss := w.ended
	for j := 1; j <= k; j++ {
		miss += w.found[j]
	}
	return min(1, max(bound, miss))
}

// walk is the distribution of the number of successors found, of so many that are equally likely.
type walk struct {
	probes int
	found  []float64 // by number: probability to have found it and go on
	ended  float64   // probability to have ended
}

// newWalk returns the walk after its first probe.
func newWalk(successors int) *walk {
	w := &walk{probes: 1, found: make([]float64, successors+1)}
	w.found[1] = 1
	return w
}

// probe adds a probe.
func (w *walk) probe() {
	all := len(w.found) - 1
	for j := all; j > 0; j-- {
		w.found[j] = (w.found[j]*float64(j) + w.found[j-1]*float64(all-j+1)) / float64(all)
	}
	w.probes++
}

// end ends the tests that have found at most k successors and are at their stopping point.
func (w *walk) end(n []int, k int) {
	for j := 1; j <= k; j++ {
		if n[j] == w.probes {
			w.ended += w.found[j]
			w.found[j] = 0
		}
	}
}

// stopTables holds stopping points by alpha. The zero value is ready; it may serve any number of surveys, one
// after the other.
type stopTables struct {
	byGrain map[int]*stopPoints
}

// grains is how many values of alpha there are to a factor of two.
const grains = 8

// of returns the stopping points for alpha or the next smaller value that there are tables for. It is at
// most 8 % smaller.
func (t *stopTables) of(alpha float64) *stopPoints {
	grain := int(math.Ceil(-math.Log2(min(alpha, maxAlpha)) * grains))
	s := t.byGrain[grain]
	if s == nil {
		s = newStopPoints(math.Exp2(-float64(grain) / grains))
		if t.byGrain == nil {
			t.byGrain = make(map[int]*stopPoints)
		}
		t.byGrain[grain] = s
	}
	return s
}
