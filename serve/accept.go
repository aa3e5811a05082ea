package serve

import (
	"context"
	"errors"
	"net"
	"time"
)

// How long accept waits before it tries again what failed, from the first time on.
const (
	shortestPause = 5 * time.Millisecond
	longestPause  = time.Second
)

// quietSpell is for how long accepting must not have failed with an error for that to be told again: a server
// that is short of something fails between clients that it does accept, hundreds of times.
const quietSpell = 10 * time.Second

// accept hands over clients until the listener is closed, which it hands over last. Nothing else ends it: what
// fails now, for lack of descriptors or memory say, goes well when something was freed.
func (l *loop) accept(ctx context.Context) {
	var pause time.Duration // 0: the last one went well
	failures := make(map[string]*failure)
	for {
		conn, err := l.s.ln.Accept()
		if err == nil {
			pause = 0
			if !l.hand(ctx, arrival{conn: conn}) {
				_ = conn.Close() // nobody has seen it
				return
			}
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			l.hand(ctx, arrival{err: net.ErrClosed})
			return
		}
		f := failures[err.Error()]
		if f == nil {
			f = new(failure)
			failures[err.Error()] = f
		}
		if f.add(time.Now()) {
			if !l.hand(ctx, arrival{err: err, times: f.untold}) {
				return
			}
			f.untold = 0
		}
		pause = min(max(shortestPause, 2*pause), longestPause)
		if !l.rest(ctx, pause) {
			return
		}
	}
}

// failure counts how often accepting failed with one error.
type failure struct {
	untold int64     // times
	last   time.Time // zero: never
}

// add counts a failure, and reports whether it is to be told.
func (f *failure) add(now time.Time) bool {
	quiet := f.last.IsZero() || now.Sub(f.last) >= quietSpell
	f.untold++
	f.last = now
	return quiet
}

// hand gives a to the loop. It is false when the run ends.
func (l *loop) hand(ctx context.Context, a arrival) bool {
	select {
	case l.arrivals <- a:
		return true
	case <-ctx.Done():
		return false
	}
}

// rest waits for d, or until a client has gone. It is false when the run ends.
func (l *loop) rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.freed:
	case <-ctx.Done():
		return false
	}
	return true
}
