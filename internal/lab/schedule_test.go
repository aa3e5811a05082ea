package lab

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestScheduleOrder takes packets out in the order of their moments, and of their
// arrival where those are the same, whatever was pushed and popped between.
func TestScheduleOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var s schedule
	var want []scheduled // what s holds, in order of push
	for n := range uint64(5000) {
		if len(want) > 0 && rng.IntN(5) < 2 {
			slices.SortStableFunc(want, func(a, b scheduled) int { return int(a.due - b.due) })
			due, ok := s.next()
			if !ok || due != want[0].due {
				t.Fatalf("next = %v, %v; want %v", due, ok, want[0].due)
			}
			if got := s.pop(); &got[0] != &want[0].packet[0] {
				t.Fatalf("pop %d = packet %d, want %d", n, binary.BigEndian.Uint64(got), want[0].order)
			}
			want = want[1:]
			continue
		}
		due := time.Duration(rng.IntN(50)) // many the same
		packet := binary.BigEndian.AppendUint64(nil, n)
		s.push(due, packet)
		want = append(want, scheduled{due, n, packet})
	}
	for range want {
		s.pop()
	}
	if due, ok := s.next(); ok {
		t.Errorf("empty schedule: next = %v, true", due)
	}
}
