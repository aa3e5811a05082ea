package main

import (
	"context"
	"time"

	"github.com/netdiag/netdiag/serve"
)

// mostQueued is how many events may wait to be shown: whoever reads standard output slowly, or not at all, does not
// keep clients waiting.
const mostQueued = 4096

// stallGrace is how long after an interrupt what there is to show may take to be taken.
const stallGrace = 2 * time.Second

// queued is an event to show, before which others were left out.
type queued struct {
	serve.Event
	omitted int64
}

// serveQueue shows events in the order in which they come, beside what goes on.
type serveQueue struct {
	events  chan queued
	done    chan struct{} // closed when all is shown
	omitted int64         // since the last that is shown
}

// newServeQueue returns a queue of which show shows each event; last: no other is waiting.
func newServeQueue(show func(e queued, last bool)) *serveQueue {
	q := &serveQueue{events: make(chan queued, mostQueued), done: make(chan struct{})}
	go func() {
		defer close(q.done)
		for e := range q.events {
			show(e, len(q.events) == 0)
		}
	}()
	return q
}

// put has e shown, unless too many are waiting.
func (q *serveQueue) put(e serve.Event) {
	select {
	case q.events <- queued{e, q.omitted}:
		q.omitted = 0
	default:
		q.omitted++
	}
}

// end has no more shown, and returns how many were left out at the end. It is false if ctx has ended and what is waiting is not taken.
func (q *serveQueue) end(ctx context.Context) (omitted int64, ok bool) {
	close(q.events)
	return q.omitted, patiently(ctx, q.done)
}

// patiently waits for done, but when ctx ends only for stallGrace more. It is false if that was too little.
func patiently(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	timer := time.NewTimer(stallGrace)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// within does what may be kept waiting, as patiently has it.
func within(ctx context.Context, do func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	return patiently(ctx, done)
}
