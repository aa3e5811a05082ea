package ping

import (
	"slices"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
)

// TestLoss measures a link that loses a tenth in each direction: what was measured must lie within four
// standard deviations, as all but one of some 15,000 seeds have it.
func TestLoss(t *testing.T) {
	const n, p = 20_000, 1 - 0.9*0.9
	topology := netsim.Chain(20 * ms)
	topology.Seed = 3
	topology.Links[0].Loss = 0.1
	bubble(t, topology, netsim.ConnConfig{}, func(t *testing.T, s *simulation) {
		s.run(t.Context(), t, Config{Targets: Addrs(host4), Count: n, Interval: ms, Rate: -1}, nil)
		st := &s.check.all
		off := float64(st.Lost()) - n*p
		if st.Sent != n || st.Received+st.Lost() != n || off*off > 16*n*p*(1-p) {
			t.Errorf("%d of %d lost, want about %.0f: %+v", st.Lost(), st.Sent, n*p, st)
		}
		loss, ok := st.Loss()
		if want := float64(100*st.Lost()) / n; !ok || loss != want {
			t.Errorf("loss %v, %t; want %v", loss, ok, want)
		}
	})
}

// TestJitterAndReordering compares what Stats makes of events with what a look at all of them does.
func TestJitterAndReordering(t *testing.T) {
	topology := netsim.Chain(20 * ms)
	line := &topology.Links[0].Line
	line.Jitter, line.Distribution, line.Loss = 3*ms, netsim.Normal, 0.05
	line.Reorder, line.ReorderBy = 0.1, 30*ms
	bubble(t, topology, netsim.ConnConfig{}, func(t *testing.T, s *simulation) {
		s.run(t.Context(), t, Config{Targets: Addrs(host6), Count: 5000, Interval: 2 * ms, Timeout: 80 * ms, Rate: -1}, nil)
		rtts := make(map[int64]time.Duration)
		reordered, latest := int64(0), int64(-1)
		var all []time.Duration
		for _, e := range s.events {
			if e.Kind != Reply {
				continue
			}
			rtts[e.Seq] = e.RTT
			all = append(all, e.RTT)
			if e.Seq < latest {
				reordered++
			}
			latest = max(latest, e.Seq)
		}
		var sum, last time.Duration
		differences := time.Duration(-1)
		for seq := range int64(5000) {
			if rtt, ok := rtts[seq]; ok {
				if differences++; differences > 0 {
					sum += (rtt - last).Abs()
				}
				last = rtt
			}
		}
		slices.Sort(all)
		st := &s.check.all
		if st.Reordered != reordered || reordered == 0 {
			t.Errorf("%d reordered, want %d", st.Reordered, reordered)
		}
		if jitter, ok := st.Jitter(); !ok || jitter != sum/differences || jitter == 0 {
			t.Errorf("jitter %v, %t; want %v", jitter, ok, sum/differences)
		}
		rtt := st.RTT()
		if rtt.N != int64(len(all)) || rtt.Min != all[0] || rtt.Max != all[len(all)-1] {
			t.Errorf("%+v of %d from %v to %v", rtt, len(all), all[0], all[len(all)-1])
		}
		for _, p := range []struct {
			got  time.Duration
			rank int
		}{{rtt.P50, (len(all) + 1) / 2}, {rtt.P90, (len(all)*90 + 99) / 100}, {rtt.P99, (len(all)*99 + 99) / 100}} {
			if want := all[p.rank-1]; (p.got - want).Abs() > want/100 {
				t.Errorf("percentile %v, want %v within 1%%", p.got, want)
			}
		}
		if st.Late == 0 || st.Timeouts == 0 {
			t.Errorf("nothing was late or lost: %+v", st)
		}
	})
}

// TestStatsOfNothing has no value where there is none.
func TestStatsOfNothing(t *testing.T) {
	var s Stats
	for _, e := range []Event{{Kind: Sent}, {Kind: Pause}, {Kind: LocalDrops}, {Kind: Done}} {
		s.Add(e)
	}
	if _, ok := s.Loss(); ok || s.InFlight() != 1 || s.RTT() != (RTT{}) {
		t.Errorf("%+v", s)
	}
	if _, ok := s.Jitter(); ok {
		t.Error("jitter of no replies")
	}
}

func TestKindString(t *testing.T) {
	seen := make(map[string]bool)
	for k := Sent; k <= Done; k++ {
		if s := k.String(); s == "unknown" || seen[s] {
			t.Errorf("kind %d is %q", k, s)
		} else {
			seen[s] = true
		}
	}
	for _, k := range []Kind{0, Done + 1, 255} {
		if s := k.String(); s != "unknown" {
			t.Errorf("kind %d is %q", k, s)
		}
	}
}

// TestStampBudget gives a stamp to each of the first probes, and then to so many a second.
func TestStampBudget(t *testing.T) {
	var b stampBudget
	taken := 0
	at := t0
	for range 100_000 { // a second
		if b.take(at) {
			taken++
		}
		at = at.Add(10 * time.Microsecond)
	}
	if want := stampBurst + stampRate; taken < want-1 || taken > want+1 {
		t.Errorf("%d stamps in the first second, want %d", taken, want)
	}
	if at = at.Add(time.Hour); !b.take(at) || b.left > stampBurst {
		t.Errorf("after a rest there is room for %v", b.left)
	}
}
