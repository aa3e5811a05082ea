package probe

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// sitting is a session whose loop is the test.
type sitting struct {
	*session
	now time.Time
}

// sit opens one for targets at one address.
func sit(cfg Config, ports ...*Target) *sitting {
	rest := ports
	return &sitting{openSession(cfg.filled(), always(silent).system(), func() (*Target, bool) {
		if len(rest) == 0 {
			return nil, false
		}
		t := rest[0]
		rest = rest[1:]
		return t, true
	}, 100), time.Unix(1e9, 0)}
}

// deeds takes what is to be done.
func (s *sitting) deeds() (done []deed) {
	for _, a := range s.acts {
		done = append(done, a.what)
	}
	s.acts = nil
	return done
}

// TestLastWord counts what is known of an attempt only by the time that it is dropped.
func TestLastWord(t *testing.T) {
	for _, c := range []struct {
		name  string
		o     rawsock.Outcome
		state State
		reset bool
	}{
		{"nothing", rawsock.Outcome{SYNs: 4}, Filtered, false},
		{"connected", rawsock.Outcome{Connected: true, SYNs: 1}, Open, false},
		{"refused", rawsock.Outcome{Err: syscall.ECONNREFUSED}, Closed, false},
		{"reset", rawsock.Outcome{Connected: true, Err: syscall.ECONNRESET}, Open, true},
	} {
		s := sit(Config{}, ports("192.0.2.1", 80)...)
		a := s.start(s.now)
		s.expire(s.now.Add(DefaultTimeout - 1))
		if d := s.deeds(); d != nil {
			t.Fatalf("%s: %v before the time", c.name, d)
		}
		s.expire(s.now.Add(DefaultTimeout))
		if d := s.deeds(); !slices.Equal(d, []deed{drop}) {
			t.Fatalf("%s: %v", c.name, d)
		}
		s.dropped(a, &c.o, s.now.Add(DefaultTimeout+time.Hour))
		if e := s.events[0]; e.State != c.state || e.Reset != c.reset || c.state == Filtered && e.Took != DefaultTimeout {
			t.Errorf("%s: %+v", c.name, e)
		}
		if s.start(s.now); !s.finished() || !s.wake(s.now).IsZero() {
			t.Errorf("%s: it is not finished", c.name)
		}
	}
}

// TestWatchedToTheEnd takes a reset that is known only by the time that the connection is dropped.
func TestWatchedToTheEnd(t *testing.T) {
	for reset, last := range map[bool]error{false: nil, true: syscall.ECONNRESET} {
		s := sit(Config{}, ports("192.0.2.1", 80)...)
		a := s.start(s.now)
		s.start(s.now) // there is no more
		s.outcome(&rawsock.Outcome{ID: a.id, Connected: true, SYNs: 1, RTT: 5 * ms}, s.now)
		if at := s.wake(s.now); at.Sub(s.now) != 10*ms || len(s.events) > 0 {
			t.Errorf("watched for %v, told %v", at.Sub(s.now), s.events)
		}
		s.expire(s.now.Add(10 * ms))
		s.dropped(a, &rawsock.Outcome{ID: a.id, Connected: true, Err: last}, s.now)
		if e := s.events[0]; e.State != Open || e.Reset != reset || e.RTT != 5*ms {
			t.Errorf("%+v", e)
		}
	}
}

// TestStrangers ignores outcomes of attempts that are over.
func TestStrangers(t *testing.T) {
	s := sit(Config{}, ports("192.0.2.1", 80)...)
	a := s.start(s.now)
	for range 2 {
		s.outcome(&rawsock.Outcome{ID: a.id, Err: syscall.ECONNREFUSED}, s.now)
	}
	s.outcome(&rawsock.Outcome{ID: 99, Connected: true}, s.now)
	s.dropped(a, &rawsock.Outcome{ID: a.id}, s.now)
	s.said(a, &Said{}, s.now)
	if len(s.events) != 2 || s.underWay != 0 {
		t.Errorf("%+v, %d under way", s.events, s.underWay)
	}
}

// TestMissedTurns are not made up for in a burst, but for those that a wait's inexactness costs.
func TestMissedTurns(t *testing.T) {
	p := newPacer(1000)
	now := time.Unix(1e9, 0)
	turns := func() (n int) {
		for !p.next.After(now) {
			p.take(now)
			n++
		}
		return n
	}
	for _, c := range []struct {
		later time.Duration
		want  int
	}{{0, 1}, {time.Millisecond, 1}, {500 * time.Microsecond, 0}, {1500 * time.Microsecond, 2}, {time.Hour, 3}, {0, 0}} {
		now = now.Add(c.later)
		if got := turns(); got != c.want {
			t.Errorf("%v later: %d turns, want %d", c.later, got, c.want)
		}
	}
	for _, rate := range []float64{1e-300, 1e300} {
		if p := newPacer(rate); p.gap <= 0 {
			t.Errorf("%v a second: %v", rate, p.gap)
		}
	}
}

// TestOverdue begins a probe late where none could begin in time, and goes on from there.
func TestOverdue(t *testing.T) {
	s := sit(Config{Count: 3, Timeout: time.Hour}, ports("192.0.2.1", 80)...)
	for _, c := range []struct{ at, next time.Duration }{
		{0, time.Second},
		{1100 * ms, 2 * time.Second}, // late, but the schedule holds
	} {
		if s.start(s.now.Add(c.at)) == nil {
			t.Fatalf("nothing begins at %v", c.at)
		}
		if s.start(s.now.Add(c.at)) != nil {
			t.Fatalf("two begin at %v", c.at)
		}
		if got := s.wake(s.now.Add(c.at)).Sub(s.now); got != c.next {
			t.Errorf("after %v the next one is due at %v, want %v", c.at, got, c.next)
		}
	}
}
