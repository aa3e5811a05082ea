package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"github.com/netdiag/netdiag/serve"
)

// serveStart is what is known when a server listens.
type serveStart struct {
	addr        netip.AddrPort
	v6only      bool
	connect     []netip.AddrPort // for clients; none where there is no address
	backlog     int
	fingerprint string // of the certificate; "": no TLS
}

// serveCounts is what became of the clients. Each client that was served is in one of closed to failed.
type serveCounts struct {
	clients  int64 // served
	closed   int64 // ended in order
	left     int64 // by them, otherwise than in order
	reset    int64 // by them, or by --reset
	hung     int64
	stopped  int64 // with the server
	vanished int64
	failed   int64
	greeted  int64 // of all these, those that the whole message was sent to
	refused  int64 // reset because there were too many; not served
	sent     int64 // bytes
	received int64
	took     time.Duration // of the run
}

// add counts an end.
func (n *serveCounts) add(e serve.Event) {
	n.clients++
	n.sent += e.Sent
	n.received += e.Received
	if e.Greeted {
		n.greeted++
	}
	switch {
	case e.End == serve.Closed:
		n.closed++
	case e.End == serve.TimedOut:
		n.hung++
	case e.End == serve.Stopped:
		n.stopped++
	case e.End == serve.WasReset, wasReset(e):
		n.reset++
	case e.End == serve.Left:
		n.left++
	case e.End == serve.Vanished:
		n.vanished++
	default:
		n.failed++
	}
}

// serveView shows a run. Its methods return the first error of writing.
type serveView interface {
	start() error                                  // once, first
	listening(s *serveStart) error                 // once, if it comes to that
	event(e serve.Event) error                     // Accepted, Ended, Refused
	warning(at time.Time, kind, text string) error // what standard error is told, too
	finish(n *serveCounts, err error) error        // once, last; err: why there was no serving
}

// serveRun counts what happens and hands it to a view.
type serveRun struct {
	outcome
	view    serveView
	began   time.Time
	counts  serveCounts
	stalled bool // nobody takes what the view writes: it is still at it
}

// begin shows that the server listens, and says what is to be known about that.
func (r *serveRun) begin(s *serveStart, remarks []string) {
	r.note(r.view.listening(s))
	r.note(r.flush())
	for _, text := range remarks {
		if text != "" {
			r.diag.warn("%s", text)
		}
	}
}

// farewell is how long clients that are connected have to get their greeting when nobody takes the output any more.
const farewell = time.Second

// run serves until ctx ends, --once is done, or nobody takes the output. None of these is an error.
func (r *serveRun) run(ctx context.Context, s *serve.Server) error {
	if r.broken != nil {
		return nil
	}
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	q := newServeQueue(func(e queued, last bool) {
		if r.broken != nil {
			return
		}
		r.show(e)
		if last {
			r.note(r.flush())
		}
		if r.broken != nil {
			_ = s.Close() // the run ends when those who are connected have their greeting
			time.AfterFunc(farewell, cancel)
		}
	})
	var failed error
	for e, err := range s.Run(serving) {
		switch {
		case err != nil && serving.Err() == nil:
			failed = err
		case err != nil || e.Kind == serve.Listening:
			continue
		case e.Kind == serve.Ended:
			r.counts.add(e)
		case e.Kind == serve.Refused:
			r.counts.refused++
		}
		if err == nil {
			q.put(e)
		}
	}
	omitted, ok := q.end(ctx)
	if r.stalled = !ok; ok && r.broken == nil {
		r.leftOut(time.Now(), omitted)
	}
	return failed
}

// show shows an event.
func (r *serveRun) show(e queued) {
	r.leftOut(e.At, e.omitted)
	if e.Kind != serve.Strained {
		r.note(r.view.event(e.Event))
		return
	}
	text := fmt.Sprintf("a client had to wait: %v", e.Err)
	if e.Times > 1 {
		text += fmt.Sprintf(" (%s since this was last told)", counted(e.Times, "time", "times"))
	}
	r.warn(e.At, "strained", text)
	r.hint(strainAdvice(e.Err))
}

// leftOut tells that events were not shown; 0: there were none.
func (r *serveRun) leftOut(at time.Time, events int64) {
	if events > 0 {
		r.warn(at, "left_out", fmt.Sprintf("%s left out here, as standard output is read too slowly; the counts have them", counted(events, "event is", "events are")))
	}
}

// warn tells standard error and the view.
func (r *serveRun) warn(at time.Time, kind, text string) {
	r.note(r.view.warning(at, kind, text))
	r.note(r.flush())
	r.diag.warn("%s", text)
}

// strainAdvice adds to an error of accepting what would help.
func strainAdvice(err error) error {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return &advised{err, "more descriptors: ulimit -n, or fewer clients at a time: --max-clients"}
	}
	return err
}

// finish ends the run, by err if that is not nil, and returns the exit status. When ctx ends it does not wait for long
// for somebody to read what it writes.
func (r *serveRun) finish(ctx context.Context, err error) (status, error) {
	r.counts.took = time.Since(r.began)
	if !r.stalled {
		r.stalled = !within(ctx, func() {
			if err != nil {
				r.unable(err)
			}
			r.note(r.view.finish(&r.counts, err))
			r.note(r.flush())
		})
	}
	if r.stalled {
		// Standard error may be the same pipe.
		within(ctx, func() { r.diag.warn("standard output is not read: what there was to say is lost") })
		return unable, nil
	}
	return r.status, r.broken
}
