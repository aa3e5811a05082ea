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
	connect     []netip.AddrPort // for clients, at least one
	backlog     int
	fingerprint string // of the certificate; "": no TLS
}

// serveCounts is what became of the clients. Each client that was served is in one of closed to failed.
type serveCounts struct {
	clients  int64 // served
	greeted  int64 // of them, those that the whole message was sent to
	closed   int64 // ended in order
	left     int64 // gone before they were served
	reset    int64 // by them, or by --reset
	hung     int64
	stopped  int64 // with the server
	failed   int64
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
	default:
		n.failed++
	}
}

// wasReset reports whether the client reset the connection, rather than having closed it early.
func wasReset(e serve.Event) bool {
	return e.End == serve.Left && errors.Is(e.Err, syscall.ECONNRESET)
}

// serveView shows a run. Its methods return the first error of writing.
type serveView interface {
	start() error                           // once, first
	listening(s *serveStart) error          // once, if it comes to that
	event(e serve.Event) error              // Accepted, Ended, Refused
	finish(n *serveCounts, err error) error // once, last; err: why there was no serving
}

// serveRun counts what happens and hands it to a view.
type serveRun struct {
	outcome
	view   serveView
	began  time.Time
	counts serveCounts
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

// run serves until ctx ends, --once is done, or nobody takes the output. None of these is an error.
func (r *serveRun) run(ctx context.Context, s *serve.Server) error {
	for e, err := range s.Run(ctx) {
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		switch e.Kind {
		case serve.Listening:
			continue
		case serve.Strained:
			r.diag.warn("a client had to wait: %v", e.Err)
			r.hint(strainAdvice(e.Err))
			continue
		case serve.Ended:
			r.counts.add(e)
		case serve.Refused:
			r.counts.refused++
		}
		r.note(r.view.event(e))
		r.note(r.flush())
		if r.broken != nil {
			break
		}
	}
	return nil
}

// strainAdvice adds to an error of accepting what would help.
func strainAdvice(err error) error {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return &advised{err, "more descriptors: ulimit -n, or fewer clients at a time: --max-clients"}
	}
	return err
}

// finish ends the run, by err if that is not nil, and returns the exit status.
func (r *serveRun) finish(err error) (status, error) {
	if err != nil {
		r.unable(err)
	}
	r.counts.took = time.Since(r.began)
	r.note(r.view.finish(&r.counts, err))
	r.note(r.flush())
	return r.status, r.broken
}

// endReason says in words how a client ended that was served by cfg.
func endReason(e serve.Event, cfg *serve.Config) string {
	idle := fmt.Sprintf("%s s", inSeconds(cfg.Idle))
	switch e.End {
	case serve.Closed:
		if cfg.Mode == serve.Greet {
			return "greeted"
		}
		return "closed"
	case serve.Left:
		if wasReset(e) {
			return "reset by the client"
		}
		return "left before it was served"
	case serve.TimedOut:
		return "hung: " + hungReason(e, cfg, idle)
	case serve.Stopped:
		return "stopped with the server"
	case serve.WasReset:
		return "reset"
	case serve.Handshake:
		return fmt.Sprintf("TLS failed: %v", e.Err)
	}
	return fmt.Sprintf("failed: %v", e.Err)
}

// hungReason says what a client did not do for so long.
func hungReason(e serve.Event, cfg *serve.Config, idle string) string {
	switch {
	case cfg.TLS != nil && e.TLS == "":
		return "no TLS handshake within " + idle
	case cfg.Mode == serve.Hold:
		return "it did not end the connection within " + idle
	case cfg.Mode == serve.Echo:
		return "it neither sent nor took anything for " + idle
	case e.Greeted:
		return "it did not close within " + idle + " of the greeting"
	}
	return "it took nothing for " + idle
}
