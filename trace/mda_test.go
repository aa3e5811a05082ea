package trace

import (
	"slices"
	"testing"
)

// TestStopPoints holds the stopping points against those known for one balancer.
func TestStopPoints(t *testing.T) {
	for alpha, want := range map[float64][]int{
		0.05: {6, 11, 16, 21, 27, 33, 39, 45, 51, 57, 63, 70, 76, 83, 90, 96},
		0.01: {8, 15, 21, 28, 36, 43, 51, 58, 66, 74, 82, 90, 98, 106, 115, 123},
	} {
		s := newStopPoints(alpha)
		var got []int
		for k := range want {
			got = append(got, s.at(k+1))
		}
		if !slices.Equal(got, want) {
			t.Errorf("alpha %v: %v, want %v", alpha, got, want)
		}
	}
}

// TestStopPointsKeepTheirWord checks, for every width, the probability to miss some against alpha, and that one probe fewer at the
// last point would be too few.
func TestStopPointsKeepTheirWord(t *testing.T) {
	for _, alpha := range []float64{0.25, 0.05, 0.01, 0.003, 1e-4} {
		s := newStopPoints(alpha)
		s.at(64)
		for k := 2; k <= 64; k++ {
			if s.miss[k] > alpha {
				t.Errorf("alpha %v: %d are missed with probability %v", alpha, k, s.miss[k])
			}
			if b := s.bound(k-1, s.at(k-1)-1); b <= alpha {
				t.Errorf("alpha %v: %d found with a probe fewer have the bound %v", alpha, k-1, b)
			}
			if b := s.bound(k-1, s.at(k-1)); b > alpha {
				t.Errorf("alpha %v: %d found have the bound %v", alpha, k-1, b)
			}
		}
	}
}

// TestStopTables gives points for no larger alpha than is asked for.
func TestStopTables(t *testing.T) {
	var tables stopTables
	for _, alpha := range []float64{0.9, 0.05, 0.049, 0.0031, 1e-5} {
		if got := tables.of(alpha).alpha; got > alpha || got < min(alpha, maxAlpha)*0.9 {
			t.Errorf("alpha %v: points for %v", alpha, got)
		}
	}
}
