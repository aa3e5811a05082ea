package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netdiag/netdiag/trace"
)

// traceTarget is a target with what is known of the way to it.
type traceTarget struct {
	*host
	hops    []*trace.Hop // the latest of each TTL, in order
	nodes   []trace.Node
	links   []trace.Link
	last    map[hopAddr]trace.Probe // the latest answer of each address at each TTL
	probes  int64                   // that have an outcome
	failure error                   // the last refusal of this machine to send
	result  *trace.Result           // nil until it is over
}

func newTraceTarget(h *host) *traceTarget {
	return &traceTarget{host: h, last: make(map[hopAddr]trace.Probe)}
}

// hopAddr is an address at a TTL.
type hopAddr struct {
	ttl  int
	addr netip.Addr
}

// add keeps what e tells.
func (t *traceTarget) add(e *trace.Event) {
	switch e.Kind {
	case trace.Timeout:
		t.probes++
	case trace.Answer:
		t.probes++
		t.last[hopAddr{e.TTL, e.From}] = e.Probe
	case trace.Late:
		t.last[hopAddr{e.TTL, e.From}] = e.Probe
	case trace.SendError:
		t.failure = e.Err
	case trace.HopDone:
		i, known := slices.BinarySearchFunc(t.hops, e.Hop.TTL, func(h *trace.Hop, ttl int) int { return h.TTL - ttl })
		if known {
			t.hops[i] = e.Hop
			return
		}
		t.hops = slices.Insert(t.hops, i, e.Hop)
	case trace.NodeFound:
		t.nodes = append(t.nodes, *e.Node)
	case trace.LinkFound:
		t.links = append(t.links, *e.Link)
	case trace.Done:
		t.result = e.Result
	}
}

// verdict is the exit status that a target's end asks for.
func (t *traceTarget) verdict() status {
	switch r := t.result; {
	case t.err != nil, r == nil, r.Stop == trace.StopError:
		return unable
	case r.Reached:
		return yes
	case r.Probes == 0:
		return unable
	}
	return no
}

// named returns err with the target that it is about, if it does not say.
func (t *traceTarget) named(err error) error {
	if strings.Contains(err.Error(), t.addr.String()) {
		return err
	}
	return fmt.Errorf("%s: %w", t.text, err)
}

// traceView shows a run. Its methods return the first error of writing.
type traceView interface {
	start() error                               // once, first
	begin(t *traceTarget) error                 // the target will be traced to
	event(t *traceTarget, e *trace.Event) error // nil t: about none of them
	done(t *traceTarget) error                  // the target has ended, or could not begin
	finish() error                              // once, last
}

// traceRun keeps what happens to each target and hands it to a view. The view may wait for names while packets must
// not: trace runs in a goroutine of its own, which posts what is to be done here.
type traceRun struct {
	outcome
	view   traceView
	called *callers
	posted chan func()                // to be done in turn
	drawn  func(t *traceTarget) error // writes the graph of a target that is over; nil: none is asked for

	active map[int]*traceTarget // by trace's index, until done
}

// mostPosted is how far trace may be ahead of what is shown.
const mostPosted = 1 << 14

func newTraceRun(diag diagnostics, called *callers) *traceRun {
	return &traceRun{outcome: newOutcome(diag), called: called, posted: make(chan func(), mostPosted), active: make(map[int]*traceTarget)}
}

// show does what is posted until that ends, and returns the exit status. A write that fails ends
// the run by stop.
func (r *traceRun) show(stop func()) (status, error) {
	for {
		var do func()
		more := true
		select {
		case do, more = <-r.posted:
		default:
			r.note(r.flush()) // nothing stays behind in a wait
			do, more = <-r.posted
		}
		if !more {
			break
		}
		if do(); r.broken != nil {
			stop()
		}
	}
	r.note(r.view.finish())
	r.note(r.flush())
	return r.status, r.broken
}

// begin has the view begin, before there is anything to wait for.
func (r *traceRun) begin() {
	r.note(r.view.start())
	r.note(r.flush())
}

// event keeps e and shows it.
func (r *traceRun) event(e *trace.Event) {
	var t *traceTarget
	if e.Target.IsValid() {
		t = r.active[e.Index]
	}
	if t == nil {
		if len(r.active) > 0 {
			r.note(r.view.event(nil, e))
		}
		return // nothing follows the last target's end
	}
	t.add(e)
	r.note(r.view.event(t, e))
	if e.Kind == trace.Done {
		delete(r.active, e.Index)
		r.end(t)
	}
}

// traceRefused helps where access is refused.
const traceRefused = "a route of this machine prohibits it, which ip route get ADDRESS shows"

// end counts a target's verdict and shows what it came to.
func (r *traceRun) end(t *traceTarget) {
	r.status = worst(r.status, t.verdict())
	r.note(r.view.done(t))
	if t.result == nil {
		return
	}
	if t.result.Err != nil && t.err == nil {
		r.fail(advise(t.named(t.result.Err), traceRefused))
	}
	r.hint(advise(t.failure, traceRefused))
	if r.drawn != nil {
		if err := r.drawn(t); err != nil {
			r.unable(err)
		}
	}
}

// add makes t known by the index that trace will use for it.
func (r *traceRun) add(index int, t *traceTarget) {
	r.active[index] = t
	r.note(r.view.begin(t))
}

// forget takes back what add has made known, because there is no way to that address of the target.
func (r *traceRun) forget(index int, why error) {
	delete(r.active, index)
	r.note(r.flush())
	r.diag.warn("%v, trying the next address", why)
}

// refuse ends a target that cannot be traced to, and says why.
func (r *traceRun) refuse(h *host, err error) {
	h.err = err
	r.fail(err)
	r.end(newTraceTarget(h))
}

// skip ends a target whose turn did not come.
func (r *traceRun) skip(h *host, why error) {
	h.err, h.skipped = why, true
	r.end(newTraceTarget(h))
}

// rest ends all targets that the run left without an end, because of err if it is not nil.
func (r *traceRun) rest(err error) {
	var left []*traceTarget
	for _, t := range r.active {
		left = append(left, t)
	}
	inOrder(left)
	for _, t := range left {
		t.err = err
		r.end(t)
	}
	clear(r.active)
	if err != nil {
		r.unable(err)
	}
}
