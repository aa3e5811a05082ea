// Package stats keeps statistics of round trips in bounded memory, however long a
// measurement runs. Its types are folds: they take values in and hold no clock, no
// lock and no goroutine.
package stats

import (
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// exactSamples is how many round trips are kept one by one. Up to here percentiles
	// are exact; it is more than most runs have, and costs at most 2 KiB.
	exactSamples = 256

	// longest is the largest round trip that a histogram tells apart, in which a
	// percentile above it is reported as no more than this or Max allow.
	longest = 2 * time.Hour

	// digits are the significant decimal digits of a histogram: two make its buckets at
	// most 1/128 of their value wide, which keeps the promised one per cent.
	digits = 2
)

// RTT folds round-trip times. Its zero value is an RTT without samples, ready to use.
//
// N, Min, Max, Mean and StdDev are exact. Percentiles are exact up to 256 samples, and
// within 1 % of the exact value after that, for round trips up to two hours. An RTT with one
// sample takes less than 300 bytes, and one with any number of them less than 64 KiB, as a
// rule a few: memory grows with how much the round trips differ.
type RTT struct {
	n        int64
	min, max time.Duration
	mean, m2 float64 // nanoseconds; m2 is the sum of squared differences from the mean

	sorted []time.Duration               // the samples, ascending; nil once there is a histogram
	hist   *hdrhistogram.PackedHistogram // nil while the samples are kept
}

// Add counts the round trip d. A negative one counts as 0.
func (r *RTT) Add(d time.Duration) {
	d = max(0, d)
	if r.n == 0 {
		r.min = d
	}
	r.n++
	r.min, r.max = min(r.min, d), max(r.max, d)
	// Welford's recurrence: a mean of squares less a square of the mean would lose all
	// digits where the spread is small beside the value.
	delta := float64(d) - r.mean
	r.mean += delta / float64(r.n)
	r.m2 += delta * (float64(d) - r.mean)
	r.keep(d)
}

// keep remembers d for the percentiles.
func (r *RTT) keep(d time.Duration) {
	if r.hist == nil && len(r.sorted) < exactSamples {
		at, _ := slices.BinarySearch(r.sorted, d)
		r.sorted = slices.Insert(r.sorted, at, d)
		return
	}
	if r.hist == nil {
		r.hist = hdrhistogram.NewPacked(1, int64(longest), digits)
		for _, s := range r.sorted {
			record(r.hist, s)
		}
		r.sorted = nil
	}
	record(r.hist, d)
}

// record adds d to h. The only errors are a value outside its range, which is held
// within, and a count above 2^63.
func record(h *hdrhistogram.PackedHistogram, d time.Duration) {
	_ = h.RecordValue(int64(min(d, longest)))
}

// N returns the number of round trips.
func (r *RTT) N() int64 { return r.n }

// Min returns the shortest round trip, 0 if there is none.
func (r *RTT) Min() time.Duration { return r.min }

// Max returns the longest round trip, 0 if there is none.
func (r *RTT) Max() time.Duration { return r.max }

// Mean returns the arithmetic mean, 0 if there is no round trip.
func (r *RTT) Mean() time.Duration { return time.Duration(math.Round(r.mean)) }

// StdDev returns the standard deviation of the population, as BSD ping does: the square
// root of the mean square less the square of the mean. It is 0 for fewer than two round trips.
func (r *RTT) StdDev() time.Duration {
	if r.n < 2 {
		return 0
	}
	return time.Duration(math.Round(math.Sqrt(r.m2 / float64(r.n))))
}

// Percentile returns the round trip that p per cent (0 to 100) of all do not exceed: by
// nearest rank, so always one that was measured, or after 256 samples one within 1 % of
// it. It returns 0 if there is none.
func (r *RTT) Percentile(p float64) time.Duration {
	if r.n == 0 {
		return 0
	}
	k := rank(p, r.n)
	if r.hist == nil {
		return r.sorted[k-1]
	}
	// Asking for a rank of its own: the histogram's rounds to the nearest, which for a
	// distribution with two humps can be the other hump.
	v := r.hist.ValueAtPercentile(100 * float64(k) / float64(r.n))
	return min(max(time.Duration(v), r.min), r.max)
}

// rank returns which of n ascending samples, counted from 1, is the p-th percentile.
func rank(p float64, n int64) int64 {
	// The subtraction takes back what p/100 rounded up: 70 % of 10 is the seventh, and
	// not the eighth because 0.7 has no exact binary form.
	k := math.Ceil(p/100*float64(n) - 1e-9)
	if !(k >= 1) { // NaN as well
		return 1
	}
	return min(int64(k), n)
}
