package probe

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// ending says how a run ends early.
type ending uint8

const (
	going       ending = iota // it does not
	interrupted               // by the caller's context
	late                      // by Config.Deadline
)

// stop ends the run early: every attempt under way is dropped. Those that talk have ended before. Nothing is started
// any more; once the acts are done, close ends what is left.
func (s *session) stop(why ending, now time.Time) {
	s.stopping = why
	s.leaving = slices.Clone(s.courses)
	for _, a := range slices.Clone(s.ready) {
		t := a.trial
		if t == nil {
			continue
		}
		s.leaving = append(s.leaving, t.course)
		if why == late && !t.told && len(t.outcomes) > 0 {
			s.conclude(t, now) // by the addresses whose turn came
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.attempts)) {
		a := s.attempts[id]
		if a.trial != nil {
			s.leaving = append(s.leaving, a.trial.course)
		}
		s.do(drop, a)
	}
}

// close tells that every target begun is done.
func (s *session) close(now time.Time) {
	slices.SortFunc(s.leaving, func(a, b *course) int { return cmp.Compare(a.order, b.order) })
	for _, c := range s.leaving {
		s.done(c, now)
	}
}
