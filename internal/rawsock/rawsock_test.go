package rawsock

import (
	"testing"
	"time"
)

func TestRTT(t *testing.T) {
	start := time.Now()
	at := func(d time.Duration) time.Time { return start.Add(d) }
	wall := func(d time.Duration) time.Time { return start.Add(d).Round(0) }
	const ms = time.Millisecond
	for _, tt := range []struct {
		name           string
		sent, received Stamp
		want           time.Duration
		kernel         bool
	}{
		{"process clocks only", Stamp{Time: at(0)}, Stamp{Time: at(10 * ms)}, 10 * ms, false},
		{"kernel receive stamp", Stamp{Time: at(0)}, Stamp{at(10 * ms), wall(9 * ms)}, 9 * ms, true},
		{"both kernel stamps", Stamp{at(0), wall(1 * ms)}, Stamp{at(10 * ms), wall(9 * ms)}, 8 * ms, true},
		{"read two seconds after it came", Stamp{Time: at(0)}, Stamp{at(2000 * ms), wall(9 * ms)}, 9 * ms, true},
		{"stamp from the future", Stamp{Time: at(0)}, Stamp{at(10 * ms), wall(11 * ms)}, 10 * ms, false},
		{"stamp before sending", Stamp{Time: at(0)}, Stamp{at(10 * ms), wall(-1 * ms)}, 10 * ms, false},
		{"send stamp before sending", Stamp{at(0), wall(-5 * ms)}, Stamp{at(10 * ms), wall(9 * ms)}, 9 * ms, true},
		{"send stamp after receiving", Stamp{at(0), wall(20 * ms)}, Stamp{at(10 * ms), wall(9 * ms)}, 9 * ms, true},
		{"send stamp after a wait for a neighbour", Stamp{at(0), wall(8 * ms)}, Stamp{at(10 * ms), wall(9 * ms)}, 9 * ms, true},
		{"never negative", Stamp{Time: at(5 * ms)}, Stamp{Time: at(0)}, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, kernel := RTT(tt.sent, tt.received)
			if got != tt.want || kernel != tt.kernel {
				t.Errorf("RTT = %v, %v; want %v, %v", got, kernel, tt.want, tt.kernel)
			}
		})
	}
}

// TestRTTClockStep steps the wall clock between sending and receiving, in both
// directions: the span is monotonic, so nothing changes.
func TestRTTClockStep(t *testing.T) {
	start := time.Now()
	for _, step := range []time.Duration{-time.Hour, time.Hour} {
		received := Stamp{Time: start.Add(10 * time.Millisecond)}
		// A stepped clock cannot be made of a time.Time that keeps its monotonic reading, so step the
		// kernel's stamp against it instead: it is then impossible, and is not used.
		received.Kernel = received.Time.Round(0).Add(step)
		got, kernel := RTT(Stamp{Time: start}, received)
		if got != 10*time.Millisecond || kernel {
			t.Errorf("step %v: RTT = %v, %v; want 10ms, false", step, got, kernel)
		}
	}
}
