package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/ping"
)

// pingTarget is a target with what became of its probes.
type pingTarget struct {
	*host
	stats   ping.Stats
	slowest time.Duration // of all replies, late ones too
	failure string        // what was last said against it: by an ICMP error, or by this machine, which refused to send
}

// add counts e.
func (t *pingTarget) add(e ping.Event) {
	t.stats.Add(e)
	switch e.Kind {
	case ping.Reply, ping.Late:
		t.slowest = max(t.slowest, e.RTT)
	case ping.ICMPError:
		t.failure = fmt.Sprintf("%s, from %v", e.Message, e.From)
	case ping.SendError:
		t.failure = e.Err.Error()
	}
}

// pingView shows a run. Its methods return the first error of writing.
type pingView interface {
	start() error                            // once, first
	begin(t *pingTarget) error               // the target will be probed
	event(t *pingTarget, e ping.Event) error // nil t: about none of them
	done(t *pingTarget) error                // the target has ended, or could not begin
	finish() error                           // once, last
}

// pingRun counts what happens to each target and hands it to a view.
type pingRun struct {
	mu sync.Mutex // held for all of it: SIGQUIT looks at it from aside
	outcome
	view    pingView
	verdict func(t *pingTarget) status

	active map[int]*pingTarget // by ping's index, until done
	ended  []*pingTarget       // done, and not told the view yet
	drops  uint64              // replies that this machine dropped
	warned uint64              // those of them that a warning has told of
}

func newPingRun(diag diagnostics, verdict func(*pingTarget) status) *pingRun {
	return &pingRun{outcome: newOutcome(diag), verdict: verdict, active: make(map[int]*pingTarget)}
}

// begin has the view begin, before there is anything to wait for.
func (r *pingRun) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(r.view.start())
	r.note(r.flush())
}

// add makes h known by the index that ping will use for it.
func (r *pingRun) add(index int, h *host) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &pingTarget{host: h}
	r.active[index] = t
	r.note(r.view.begin(t))
}

// forget takes back what add has made known, unless something was sent to it.
func (r *pingRun) forget(index int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.active[index]; t == nil || t.stats.Sent > 0 {
		return false
	}
	delete(r.active, index)
	return true
}

// refuse ends a target that cannot be measured, and says why.
func (r *pingRun) refuse(h *host, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h.err = err
	r.fail(err)
	r.end(&pingTarget{host: h})
}

// skip ends a target whose turn did not come.
func (r *pingRun) skip(h *host, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h.err, h.skipped = why, true
	r.end(&pingTarget{host: h})
}

// tell says why ping could not measure; nil is no news.
func (r *pingRun) tell(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unable(err)
}

// end counts a target's verdict and shows its summary.
func (r *pingRun) end(t *pingTarget) {
	r.status = worst(r.status, r.verdict(t))
	r.note(r.view.done(t))
}

// pingRefused helps where access is refused.
const pingRefused = "for a broadcast address give -b; for any other, a route of this machine prohibits it, which ip route get ADDRESS shows"

// do runs ping to its end. The error is ping's own, but for that of an ended context, which is a normal end.
func (r *pingRun) do(ctx context.Context, cfg ping.Config) error {
	for e, err := range ping.Run(ctx, cfg) {
		if err != nil {
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return nil
			}
			return advise(err, pingRefused)
		}
		if !r.event(e) {
			return nil
		}
	}
	return nil
}

// event counts e and shows it. It is false when the output is broken.
func (r *pingRun) event(e ping.Event) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.active[e.Index]
	switch e.Kind {
	case ping.Done:
		delete(r.active, e.Index)
		r.ended = append(r.ended, t)
		return r.broken == nil
	case ping.Pause:
		r.diag.warn("this process did not run for %.1f s (stopped, or its output was not taken); probes were held back for as long", e.RTT.Seconds())
	case ping.LocalDrops:
		if r.drops += e.Drops; r.warned == 0 {
			r.warnOfDrops()
		}
	case ping.SendError:
		r.hint(advise(e.Err, pingRefused))
	}
	if t != nil {
		t.add(e)
	}
	r.note(r.view.event(t, e))
	return r.broken == nil
}

// warnOfDrops tells how many replies were dropped by now.
func (r *pingRun) warnOfDrops() {
	r.warned = r.drops
	r.diag.warn("this machine dropped %d packets before they could be read, as its receive queue was full or (raw IPv6 sockets) their checksums were wrong: "+
		"some timeouts may not be the network's", r.drops)
}

// settle ends the targets that are done. They end only before a wait, when all that has happened is told:
// a summary tells of everything before it, and nothing follows the last one.
func (r *pingRun) settle() {
	for _, t := range r.ended {
		r.end(t)
	}
	r.ended = r.ended[:0]
}

// idle ends what is done and writes out what waits.
func (r *pingRun) idle() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle()
	r.note(r.flush())
	return r.broken
}

// left returns the targets that are being probed.
func (r *pingRun) left() []*pingTarget {
	ts := slices.Collect(maps.Values(r.active))
	inOrder(ts)
	return ts
}

// rest ends all targets that the run left without an end, because of err if it is not nil.
func (r *pingRun) rest(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle()
	for _, t := range r.left() {
		t.err = err
		r.end(t)
	}
	clear(r.active)
}

// finish writes what was held back, and returns the exit status.
func (r *pingRun) finish() (status, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.drops > r.warned {
		r.warnOfDrops()
	}
	r.note(r.view.finish())
	r.note(r.flush())
	return r.status, r.broken
}

// interim shows what is known so far, as warnings: for SIGQUIT.
func (r *pingRun) interim() {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := r.left()
	if len(left) == 0 {
		r.diag.warn("no target is being probed")
	}
	const most = 20
	for i, t := range left {
		if i == most {
			r.diag.warn("and %d targets more", len(left)-most)
			break
		}
		r.diag.warn("%s", interim(t))
	}
}

// interim is what is known of a target, in a line.
func interim(t *pingTarget) string {
	s, rtt := &t.stats, t.stats.RTT()
	line := fmt.Sprintf("%s: %d/%d packets", t.text, s.Received, s.Sent)
	if loss, ok := s.Loss(); ok {
		line += ", " + percent(loss) + " loss"
	}
	if rtt.N > 0 {
		line += fmt.Sprintf(", min/avg/p50/max = %s/%s/%s/%s ms",
			render.Millis(rtt.Min), render.Millis(rtt.Mean), render.Millis(rtt.P50), render.Millis(rtt.Max))
	}
	return line
}
