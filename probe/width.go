package probe

import (
	"log/slog"
	"slices"
	"syscall"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// width is how many attempts may be under way at a time. It is halved where this machine is short of something, and grows
// again by one each time that as many attempts have ended as it allows.
type width struct {
	most, now int
	ended     int             // since it grew last
	told      []syscall.Errno // what this machine was found short of
	news      []Event         // of that, to be told
	short     time.Time       // since when not even one could be begun; zero: one could
}

func newWidth(most int) width { return width{most: most, now: most} }

// narrow lowers it, as an attempt beside those under way found this machine short of something.
func (w *width) narrow(underWay int) {
	w.now = max(1, min(w.now, underWay/2))
	w.ended = 0
}

// done counts an attempt that ended.
func (w *width) done() {
	if w.now == w.most {
		return
	}
	if w.ended++; w.ended >= w.now {
		w.now++
		w.ended = 0
	}
}

// shortages are the errors that say that something of this machine is used up which ends of other attempts give back.
// It is never written to.
var shortages = [...]syscall.Errno{
	syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.EADDRINUSE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EAGAIN,
	syscall.ENOSPC, // watches of epoll
}

// shortage returns of what this machine is short by the outcome of an attempt, 0 if that says something else. An
// address that is not available may be a used up port, or that there is no source address: one of another machine was given,
// or the family is switched off.
func (s *session) shortage(a *attempt, o *rawsock.Outcome) syscall.Errno {
	n := errno(o.Err)
	if !o.Local || !slices.Contains(shortages[:], n) {
		return 0
	}
	if n == syscall.EADDRNOTAVAIL && s.sourced != a.to.Addr() {
		if err := s.route(a.to.Addr()); errno(err) == n {
			o.Err = explainedError{o.Err, "this machine has no source address for it: the one given is another's, or the family is switched off"}
			return 0
		}
		s.sourced = a.to.Addr()
	}
	return n
}

// warn tells what this machine is short of, if that is news. It comes after a whole batch of outcomes: of attempts
// that were begun together many find the same.
func (s *session) warn() {
	for _, e := range s.width.news {
		e.Concurrency = s.width.now
		s.emit(e)
		if s.cfg.Logger != nil {
			s.cfg.Logger.Warn("this machine cannot carry so many attempts at a time",
				slog.Int("concurrency", e.Concurrency), slog.Any("err", e.Err))
		}
	}
	s.width.news = nil
}

// shortPause is how long the next attempt waits where this machine could not even carry one.
const shortPause = 20 * time.Millisecond

// refused handles the shortage that an attempt found, which is not counted as under way any more. It
// reports whether the attempt is to be tried again: where others are under way, or it has not been so for Timeout.
func (s *session) refused(a *attempt, err error, n syscall.Errno, now time.Time) (again bool) {
	w := &s.width
	w.narrow(s.underWay)
	if !slices.Contains(w.told, n) {
		w.told = append(w.told, n)
		w.news = append(w.news, Event{Kind: Narrowed, Target: a.target, Addr: a.to, UDP: s.cfg.UDP, At: now, Err: err})
	}
	if s.underWay > 0 {
		return true
	}
	if w.short.IsZero() {
		w.short = now
	}
	if now.Sub(w.short) >= s.cfg.Timeout {
		return false
	}
	s.held = now.Add(shortPause)
	return true
}
