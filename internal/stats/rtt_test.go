package stats

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestRTTZero(t *testing.T) {
	var r RTT
	if r.N() != 0 || r.Min() != 0 || r.Max() != 0 || r.Mean() != 0 || r.StdDev() != 0 || r.Percentile(50) != 0 {
		t.Errorf("an RTT without samples is not all zero: %+v", r)
	}
}

func TestRTT(t *testing.T) {
	tests := []struct {
		name                   string
		in                     []time.Duration
		min, max, mean, stddev time.Duration
		p50, p90               time.Duration
	}{
		{"one", []time.Duration{7}, 7, 7, 7, 0, 7, 7},
		{"a zero is a sample", []time.Duration{5, 0}, 0, 5, 3, 3, 0, 5}, // 2.5 and 2.5, rounded away from zero
		{"negative counts as zero", []time.Duration{-5}, 0, 0, 0, 0, 0, 0},
		{"eight", []time.Duration{2, 4, 4, 4, 5, 5, 7, 9}, 2, 9, 5, 2, 4, 9},
		{"ten", []time.Duration{100, 90, 80, 70, 60, 50, 40, 30, 20, 10}, 10, 100, 55, 29, 50, 90},
		{"long", []time.Duration{3 * time.Hour, 5 * time.Hour}, 3 * time.Hour, 5 * time.Hour, 4 * time.Hour, time.Hour, 3 * time.Hour, 5 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r RTT
			for _, d := range tt.in {
				r.Add(d)
			}
			if r.N() != int64(len(tt.in)) || r.Min() != tt.min || r.Max() != tt.max || r.Mean() != tt.mean || r.StdDev() != tt.stddev {
				t.Errorf("n/min/max/mean/stddev = %d/%d/%d/%d/%d, want %d/%d/%d/%d/%d", r.N(), r.Min(), r.Max(), r.Mean(), r.StdDev(),
					len(tt.in), tt.min, tt.max, tt.mean, tt.stddev)
			}
			if r.Percentile(50) != tt.p50 || r.Percentile(90) != tt.p90 {
				t.Errorf("p50/p90 = %d/%d, want %d/%d", r.Percentile(50), r.Percentile(90), tt.p50, tt.p90)
			}
		})
	}
}

// TestStdDevIsStable has a spread of a nanosecond about an hour, which the difference of
// two squares would lose.
func TestStdDevIsStable(t *testing.T) {
	var r RTT
	for i := range 100_000 {
		r.Add(time.Hour + time.Duration(i%2)*2)
	}
	if r.StdDev() != 1 || r.Mean() != time.Hour+1 {
		t.Errorf("stddev %d, mean %d; want 1 and %d", r.StdDev(), r.Mean(), time.Hour+1)
	}
}

func TestRank(t *testing.T) {
	tests := []struct {
		p    float64
		n    int64
		want int64
	}{
		{0, 10, 1}, {-3, 10, 1}, {math.NaN(), 10, 1}, {1, 10, 1}, {10, 10, 1}, {10.1, 10, 2}, {50, 10, 5}, {70, 10, 7},
		{99, 100, 99}, {99.9, 1000, 999}, {100, 10, 10}, {250, 10, 10}, {50, 1, 1}, {7, 100, 7}, {29, 100, 29},
	}
	for _, tt := range tests {
		if got := rank(tt.p, tt.n); got != tt.want {
			t.Errorf("rank(%v, %d) = %d, want %d", tt.p, tt.n, got, tt.want)
		}
	}
}

// shapes are distributions of round trips that networks have, and two they have not.
var shapes = []struct {
	name string
	draw func(*rand.Rand) time.Duration
}{
	{"loopback", func(r *rand.Rand) time.Duration { return time.Duration(5_000 + r.IntN(40_000)) }},
	{"nanoseconds", func(r *rand.Rand) time.Duration { return time.Duration(r.IntN(600)) }},
	{"normal about 20 ms", func(r *rand.Rand) time.Duration { return 20*time.Millisecond + time.Duration(r.NormFloat64()*3e5) }},
	{"long tail", func(r *rand.Rand) time.Duration { return time.Duration(1e6 * math.Exp(3*r.NormFloat64())) }},
	{"two humps", func(r *rand.Rand) time.Duration { return time.Duration(1+99*r.IntN(2)) * time.Millisecond }},
	{"up to an hour", func(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(int64(time.Hour))) }},
}

// TestPercentiles compares with a sorted copy: equal as long as samples are kept, within
// one per cent after that.
func TestPercentiles(t *testing.T) {
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			var r RTT
			var all []time.Duration
			for i := range 5000 {
				d := max(0, shape.draw(rng))
				r.Add(d)
				all = append(all, d)
				if n := i + 1; n <= 20 || n == 255 || n == 256 || n == 257 || n == 1000 || n == 5000 {
					checkPercentiles(t, &r, all)
				}
			}
		})
	}
}

func checkPercentiles(t *testing.T, r *RTT, all []time.Duration) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(all))
	for _, p := range []float64{0, 0.1, 1, 10, 25, 49.9, 50, 50.1, 75, 90, 95, 99, 99.9, 100} {
		want := sorted[rank(p, int64(len(sorted)))-1]
		tolerance := 0.0
		if len(all) > exactSamples {
			tolerance = 0.01 * float64(want)
		}
		if got := r.Percentile(p); math.Abs(float64(got-want)) > tolerance {
			t.Errorf("of %d samples the percentile %v is %v, want %v within %v", len(all), p, got, want, time.Duration(tolerance))
		}
	}
	if r.Percentile(100) != r.Max() || len(all) <= exactSamples && r.Percentile(0) != r.Min() {
		t.Errorf("percentiles 0 and 100 are %v and %v, want %v and %v", r.Percentile(0), r.Percentile(100), r.Min(), r.Max())
	}
}

// TestPercentileBeyondTheHistogram has round trips that no network has: they are held, not lost.
func TestPercentileBeyondTheHistogram(t *testing.T) {
	var r RTT
	for range 300 {
		r.Add(5 * time.Hour)
	}
	if got := r.Percentile(50); got != 5*time.Hour {
		t.Errorf("median %v, want it held to the minimum of 5h", got)
	}
}

// held returns how many bytes of heap what build returned keeps alive.
func held(build func() any) int64 {
	var before, after runtime.MemStats
	heap := func(m *runtime.MemStats) {
		runtime.GC() // once for what is garbage by now, once for what only that lets go
		runtime.GC()
		runtime.ReadMemStats(m)
	}
	heap(&before)
	kept := build()
	heap(&after)
	runtime.KeepAlive(kept)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

func TestMemory(t *testing.T) {
	const targets = 10_000
	each := held(func() any {
		rs := make([]struct {
			RTT
			Jitter
		}, targets)
		for i := range rs {
			rs[i].RTT.Add(time.Millisecond)
			rs[i].Jitter.Add(0, time.Millisecond)
		}
		return rs
	}) / targets
	if each > 300 {
		t.Errorf("a target with one reply takes %d bytes, more than 300", each)
	}

	for _, shape := range shapes {
		rng := rand.New(rand.NewPCG(3, 4))
		size := held(func() any {
			r := new(RTT)
			for range 1_000_000 {
				r.Add(shape.draw(rng))
			}
			return r
		})
		if size <= 0 || size > 64<<10 {
			t.Errorf("%s: a million samples take %d bytes, not up to 64 KiB", shape.name, size)
		}
		t.Logf("%s: %d bytes", shape.name, size)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	var r RTT
	var j Jitter
	rng := rand.New(rand.NewPCG(5, 6))
	draw := func() time.Duration { return 20*time.Millisecond + time.Duration(rng.IntN(1e6)) }
	for range 10_000 {
		r.Add(draw())
	}
	seq := int64(0)
	if n := testing.AllocsPerRun(1000, func() {
		r.Add(draw())
		j.Add(seq+1, draw()) // every second reply is overtaken
		j.Add(seq, draw())
		seq += 2
	}); n != 0 {
		t.Errorf("%v allocations a sample in the steady state", n)
	}
}

func BenchmarkRTTAdd(b *testing.B) {
	var r RTT
	rng := rand.New(rand.NewPCG(7, 8))
	b.ReportAllocs()
	for b.Loop() {
		r.Add(20*time.Millisecond + time.Duration(rng.IntN(1e6)))
	}
}
