package stats

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// event is one call of Add, or of Skip where rtt is skipped.
type event struct {
	seq int64
	rtt time.Duration
}

func (e event) apply(j *Jitter) {
	if e.rtt == skipped {
		j.Skip(e.seq)
		return
	}
	j.Add(e.seq, e.rtt)
}

func TestJitter(t *testing.T) {
	tests := []struct {
		name string
		in   []event
		want time.Duration
		n    int64
	}{
		{"none", nil, 0, 0},
		{"one", []event{{0, 5}}, 0, 0},
		{"two", []event{{0, 5}, {1, 9}}, 4, 1},
		{"order of sending", []event{{0, 10}, {2, 10}, {1, 20}}, 10, 2},
		{"a lost one is skipped over", []event{{0, 10}, {1, skipped}, {2, 16}}, 6, 1},
		{"lost, known late", []event{{0, 10}, {2, 16}, {3, 20}, {1, skipped}}, 5, 2},
		{"a reply after its skip", []event{{0, 10}, {1, skipped}, {1, 99}, {2, 16}}, 6, 1},
		{"a reply after its skip, window open", []event{{1, skipped}, {1, 99}, {2, 16}, {0, 10}}, 6, 1},
		{"a duplicate changes nothing", []event{{0, 10}, {0, 50}, {1, 14}}, 4, 1},
		{"a skip after its reply", []event{{0, 10}, {1, 14}, {1, skipped}}, 4, 1},
		{"an outstanding one is looked over", []event{{1, 10}, {3, 14}}, 4, 1},
		{"first ones lost", []event{{0, skipped}, {1, skipped}, {2, 3}, {3, 5}}, 2, 1},
		{"negative is zero", []event{{0, -7}, {1, 4}}, 4, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var j Jitter
			for _, e := range tt.in {
				e.apply(&j)
			}
			if j.Mean() != tt.want || j.N() != tt.n {
				t.Errorf("mean %d of %d, want %d of %d", j.Mean(), j.N(), tt.want, tt.n)
			}
		})
	}
}

// reference computes the jitter of all outcomes, indexed by sequence number, at once.
func reference(outcomes []time.Duration) (mean time.Duration, n int64) {
	var sum time.Duration
	last := skipped
	for _, v := range outcomes {
		if v < 0 {
			continue
		}
		if last >= 0 {
			sum += (v - last).Abs()
			n++
		}
		last = v
	}
	if n == 0 {
		return 0, 0
	}
	return sum / time.Duration(n), n
}

// TestJitterAgainstReference shuffles outcomes within a window, with repeats of what is
// known already, and compares after every step.
func TestJitterAgainstReference(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 9))
			probes, window := 1+rng.IntN(120), 1+rng.IntN(40)
			order := make([]event, probes)
			for i := range order {
				order[i] = event{int64(i), time.Duration(rng.IntN(1000))}
				if rng.IntN(4) == 0 {
					order[i].rtt = skipped
				}
			}
			for i := range order {
				j := min(probes-1, i+rng.IntN(window))
				order[i], order[j] = order[j], order[i]
			}
			known := make([]time.Duration, probes)
			for i := range known {
				known[i] = outstanding
			}
			var j Jitter
			for i, e := range order {
				e.apply(&j)
				known[e.seq] = e.rtt
				if rng.IntN(3) == 0 { // once more, with another outcome
					event{order[rng.IntN(i+1)].seq, 5000}.apply(&j)
				}
				mean, n := reference(known)
				if j.Mean() != mean || j.N() != n {
					t.Fatalf("after %d events: mean %d of %d, want %d of %d", i+1, j.Mean(), j.N(), mean, n)
				}
			}
			if held := len(j.window) - j.head; held != 0 {
				t.Errorf("%d probes are still held though every one has its outcome", held)
			}
		})
	}
}

// TestJitterIsBounded never tells the outcome of probe 0.
func TestJitterIsBounded(t *testing.T) {
	var j Jitter
	for seq := int64(1); seq <= 3*windowLimit; seq++ {
		j.Add(seq, time.Duration(seq%2))
	}
	if len(j.window) > windowLimit || cap(j.window) > 2*windowLimit {
		t.Errorf("the window holds %d of %d", len(j.window), cap(j.window))
	}
	if j.Mean() != 1 || j.N() != 3*windowLimit-1 {
		t.Errorf("mean %d of %d, want 1 of %d", j.Mean(), j.N(), 3*windowLimit-1)
	}
	j.Skip(1 << 40) // as if everything between was lost
	if j.N() != 3*windowLimit-1 || len(j.window) > windowLimit {
		t.Errorf("after a leap: %d differences, window %d", j.N(), len(j.window))
	}
}

// TestJitterFollowsWhatIsInFlight keeps 10 probes in flight over a long run.
func TestJitterFollowsWhatIsInFlight(t *testing.T) {
	var j Jitter
	for seq := int64(0); seq < 1_000_000; seq += 10 {
		for i := int64(9); i >= 0; i-- {
			j.Add(seq+i, time.Duration(i))
		}
	}
	if cap(j.window) > 64 {
		t.Errorf("the window took %d places for 10 probes in flight", cap(j.window))
	}
}
