package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/netdiag/netdiag/probe"
)

// probeTarget is a port that is probed, with what became of it.
type probeTarget struct {
	probe.Target
	group  *probeGroup
	order  int
	member *probeMember // of the addresses of a name, each of which is a target; nil: it is none
	stats  probe.Stats
	addr   netip.Addr // probed last

	last      probe.State
	reason    string
	complaint string // about what was said last; "": none
	missed    string // when what was waited for had not come; "": it has, or nothing was
	err       error  // why it could not be probed
}

func (t *probeTarget) place() int { return t.order }

// probeSet is a port of a name whose addresses are targets of their own.
type probeSet struct {
	group *probeGroup
	port  uint16
	left  int           // addresses without an end
	first []probe.Event // the first outcome of each address
}

// probeMember is one address of a set.
type probeMember struct {
	*probeSet
	index int
}

// probeResult is the outcome of a probe, or why there is none.
type probeResult struct {
	*probe.Event
	target  *probeTarget // nil: it could not be probed
	label   string       // what the user typed
	host    *probeGroup
	port    uint16 // 0: not known
	changed bool   // another outcome than the last one of this target
	matched *bool  // --expect was found; nil: not asked for
	err     error  // why it could not be probed
}

// probeCounts are the results of a run by their states.
type probeCounts struct {
	probes, open, closed, rejected, unreachable, filtered, errors uint64
	excluded                                                      uint64 // on purpose never probed
	notProbed                                                     uint64 // of targets, those that the run ended before
	targets                                                       uint64
}

// add counts a result.
func (n *probeCounts) add(s probe.State) {
	n.probes++
	switch s {
	case probe.Open:
		n.open++
	case probe.Closed:
		n.closed++
	case probe.Rejected:
		n.rejected++
	case probe.Unreachable:
		n.unreachable++
	case probe.Filtered:
		n.filtered++
	default:
		n.errors++
	}
}

// probeEnd is how a run ended.
type probeEnd struct {
	probeCounts
	took        time.Duration
	interrupted bool
	err         error // that ended it early
}

// probeView shows a run. Its methods return the first error of writing.
type probeView interface {
	start() error
	result(r *probeResult) error
	warning(e *probe.Event, message string) error
	ended(t *probeTarget) error // it had its last probe
	addresses(s *probeSet) error
	finish(end *probeEnd) error
}

// probeRun counts what happens and hands it to a view.
type probeRun struct {
	outcome
	flags *probeFlags
	deps  probeDeps
	view  probeView
	bar   *probeBar

	counts      probeCounts
	active      map[*probe.Target]*probeTarget // without an end
	complaints  int                            // told with -q
	begun       time.Time
	interrupted func() bool // by the user
}

// run probes all targets, and returns the exit status.
func (r *probeRun) run(ctx context.Context, cfg probe.Config, passes []probePass, source probeSource) (status, error) {
	r.begun = r.deps.now()
	r.note(r.view.start())
	r.note(r.flush())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.interrupted = func() bool { return ctx.Err() != nil && r.broken == nil }
	cfg.Idle = func() {
		r.note(r.flush())
		if r.broken != nil {
			cancel() // nobody takes the output: the run has no purpose
		}
	}
	var end probeEnd
	deadline := cfg.Deadline
	for _, p := range passes {
		if cfg.Deadline = deadline - r.deps.now().Sub(r.begun); deadline == 0 {
			cfg.Deadline = 0
		}
		if ctx.Err() != nil || end.err != nil || r.broken != nil || cfg.Deadline < 0 || deadline > 0 && cfg.Deadline == 0 {
			n, _ := p.list.count()
			r.leave(n)
			continue
		}
		s := source
		cfg.Talk = p.talk
		r.pass(ctx, cfg, p.list, &s, &end)
	}
	r.bar.end()
	return r.finish(&end)
}

// pass probes the targets of a list, and says in end how that ended.
func (r *probeRun) pass(ctx context.Context, cfg probe.Config, list *probeList, source *probeSource, end *probeEnd) {
	next, stop := newFeed(ctx, list.all(), list.file != "" && !regular(list.file))
	defer stop()
	source.feed, source.list = next, list
	cfg.Targets = source.targets(ctx)
	for e, err := range r.deps.run(ctx, cfg) {
		if err != nil {
			end.interrupted = ctx.Err() != nil && errors.Is(err, ctx.Err())
			if !end.interrupted {
				end.err = inOneLine(err)
			}
			break
		}
		if r.event(&e); r.broken != nil {
			break
		}
	}
	r.leave(source.rest())
	r.rest()
}

// finish tells what the run came to.
func (r *probeRun) finish(end *probeEnd) (status, error) {
	end.probeCounts, end.took = r.counts, r.deps.now().Sub(r.begun)
	if end.err == nil && end.probes+end.notProbed == 0 && !end.interrupted {
		end.err = errors.New("there is nothing to probe")
		if end.excluded > 0 {
			end.err = errors.New("there is nothing to probe: everything is excluded")
		}
	}
	if end.err != nil {
		r.unable(end.err)
	}
	if end.probes == 0 || end.notProbed > 0 {
		r.status = worst(r.status, unable)
	}
	r.note(r.view.finish(end))
	r.note(r.flush())
	return r.status, r.broken
}

// add makes a target known, and returns it as the run gets it.
func (r *probeRun) add(g *probeGroup, port uint16, addrs []netip.Addr, member *probeMember) *probe.Target {
	t := &probeTarget{
		Target: probe.Target{Addrs: addrs, Port: port, Text: g.label(port)},
		group:  g, member: member, order: int(r.counts.targets), addr: addrs[0],
	}
	if g.Name {
		t.Target.Name = g.Host
	}
	r.counts.targets++
	r.active[&t.Target] = t
	return &t.Target
}

// exclude counts targets that are left out.
func (r *probeRun) exclude(n uint64) { r.counts.excluded += n }

// leave counts ports whose turn never came.
func (r *probeRun) leave(n uint64) {
	r.counts.targets = capped(r.counts.targets, n)
	r.counts.notProbed = capped(r.counts.notProbed, n)
}

// refused counts a port of a host that cannot be probed.
func (r *probeRun) refused(g *probeGroup, port uint16, err error) {
	err = inOneLine(err)
	label := g.Text
	if port > 0 {
		label = g.label(port)
	}
	t := &probeTarget{Target: probe.Target{Port: port, Text: label}, group: g, order: int(r.counts.targets), last: probe.Failed, err: err}
	r.counts.targets++
	r.counts.add(probe.Failed)
	r.note(r.view.result(&probeResult{Event: &probe.Event{State: probe.Failed, At: r.deps.now(), Err: err}, label: label, host: g, port: port, changed: true, err: err}))
	if port > 0 {
		r.note(r.view.ended(t))
	}
}

// event counts e and shows it.
func (r *probeRun) event(e *probe.Event) {
	t := r.active[e.Target]
	switch {
	case e.Kind == probe.Middlebox, e.Kind == probe.Narrowed:
		r.warning(e)
	case t == nil:
	case e.Kind == probe.Done:
		r.end(t)
	case e.Kind == probe.Result:
		r.result(t, e)
	}
}

// result counts the outcome of a probe.
func (r *probeRun) result(t *probeTarget, e *probe.Event) {
	if e.UDP && e.State == probe.Open && e.SYNs == 1 && e.RTT == 0 {
		e.RTT = e.Took // of the only datagram
	}
	r.counts.add(e.State)
	t.stats.Add(*e)
	if t.member != nil && t.stats.Sent == 1 {
		t.member.first[t.member.index] = *e
	}
	if e.Addr.IsValid() {
		t.addr = e.Addr.Addr()
	}
	res := &probeResult{Event: e, target: t, label: t.Text, host: t.group, port: t.Port, matched: r.flags.matched(e)}
	reason, complaint := e.Reason(), r.flags.complaint(res)
	res.changed = t.last != e.State || t.reason != reason || t.complaint != complaint
	t.last, t.reason, t.complaint = e.State, reason, complaint
	if r.flags.until() == probe.UntilCount {
		r.status = worst(r.status, r.flags.verdict(res))
	}
	r.bar.tell(r.counts.probes)
	r.note(r.view.result(res))
	r.advise(res, complaint)
}

// advise tells beside the data what would help about a result, and with -q also what else hides why the status is not 0.
func (r *probeRun) advise(res *probeResult, complaint string) {
	if r.flags.quiet && complaint != "" && r.flags.until() == probe.UntilCount && r.complaints < mostProbeHints {
		r.complaints++
		r.note(r.flush())
		r.diag.warn("%s: %s", res.label, complaint)
	}
	if r.flags.open {
		return // nobody sees what a hint would be about
	}
	if err := r.deps.hints.advice(res); err != nil {
		r.note(r.flush()) // what it is about
		r.hint(err)
	}
}

// end shows a target that had its last probe.
func (r *probeRun) end(t *probeTarget) {
	delete(r.active, &t.Target)
	switch {
	case t.stats.Sent == 0:
		r.counts.notProbed++
	case r.flags.reached(t):
	case t.last == probe.Failed:
		r.status = worst(r.status, unable)
	default:
		r.status = worst(r.status, no)
	}
	if r.flags.until() != probe.UntilCount && !r.flags.reached(t) {
		t.missed = fmt.Sprintf("within %v", max(r.flags.wait, r.flags.waitClosed))
		if r.interrupted() {
			t.missed = fmt.Sprintf("when it was interrupted after %v", r.deps.now().Sub(r.begun).Round(10*time.Millisecond))
		}
	}
	r.note(r.view.ended(t))
	if t.member != nil {
		if t.member.left--; t.member.left == 0 {
			r.note(r.view.addresses(t.member.probeSet))
		}
	}
}

// rest ends the targets that the run left without an end.
func (r *probeRun) rest() {
	left := slices.Collect(maps.Values(r.active))
	inOrder(left)
	for _, t := range left {
		r.end(t)
	}
}

// warning says what the results of a run are to be judged by.
func (r *probeRun) warning(e *probe.Event) {
	var text string
	var hint error
	if e.Kind == probe.Middlebox {
		text = fmt.Sprintf("%v: ports that nobody asked for open as well (%s): something may answer for the host, and open says little",
			e.Addr.Addr(), joinPorts(e.Ports))
	} else {
		text = fmt.Sprintf("this machine cannot carry so many attempts at a time (%v): the run goes on with %d", e.Err, e.Concurrency)
		hint = shortageAdvice(e.Err)
	}
	r.note(r.flush())
	r.diag.warn("%s", text)
	r.hint(hint)
	r.note(r.view.warning(e, text))
}
