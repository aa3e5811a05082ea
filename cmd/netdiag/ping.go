package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/ping"
)

// pingCommand is the table's entry of ping.
func pingCommand() command {
	f := newPingFlags()
	return command{
		name:     "ping",
		summary:  "see whether hosts answer ICMP echo requests, and how fast",
		operands: "HOST...",
		also:     []string{"ping4", "ping6", "fping"},
		about: `A HOST is a name, an address, a network (192.0.2.0/24) or a range (192.0.2.1-192.0.2.40).
A link-local address needs its interface: fe80::1%eth0.

Every probe ends as exactly one of: received, late (answered after -W), timed out, or answered by
an ICMP error. What is still in flight when the run is interrupted is not lost.

Control-C ends with the summary, Control-\ shows one in between. The exit status is 0 if every
target replied in time, 1 if one did not, 2 if one could not be measured.`,
		examples: []example{
			{"netdiag ping -c 3 google.com", "three echo requests, one a second"},
			{"netdiag ping --alive 192.0.2.0/24", "which addresses of a network answer"},
			{"netdiag ping --until-up 192.0.2.1", "wait for a machine to come up"},
			{"netdiag ping -c 100 -i 200ms --max-loss 1 --json example.net", "for a program to read"},
		},
		flags: f.flags(),
		run:   f.run,
	}
}

// run is netdiag ping.
func (f *pingFlags) run(ctx context.Context, c *call) (status, error) {
	if err := f.check(c); err != nil {
		return unable, inCommand("ping", err)
	}
	list, err := newTargetList(c.args, f.file, c.in)
	if err == nil {
		err = list.check()
	}
	if err != nil {
		return unable, inCommand("ping", err)
	}
	if f.size < 8 {
		c.warn("%d bytes of data have no room for the cookie that marks this run's probes: another process's replies can be mistaken for theirs", f.size)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cfg := f.config(c)
	r := newPingRun(c.diagnostics, f.verdict)
	r.view, r.flush = f.show(c, cfg, list.one(), r)
	cfg.Idle = func() {
		if r.idle() != nil {
			cancel() // nobody takes the output: the run has no purpose
		}
	}
	defer r.onSnapshot()()
	finder := &targetFinder{lookup: newMachine(), family: f.family(c), flag: "-I",
		scoped: cfg.Interface != "" || cfg.Source.Zone() != ""}
	if r.begin(); list.one() {
		r.one(ctx, cfg, finder, list)
	} else {
		r.many(ctx, cfg, finder, list)
	}
	return r.finish()
}

// show returns the view of a run, and how to flush what it writes.
func (f *pingFlags) show(c *call, cfg ping.Config, one bool, r *pingRun) (view pingView, flush func() error) {
	if c.json {
		out := render.NewJSON(c.out)
		return &pingJSON{out: out, cfg: cfg, size: f.size, quiet: f.quiet, drops: &r.drops}, out.Flush
	}
	out := render.NewWriter(c.out)
	lines := pingLines{out: out, color: render.NewColor(c.color, c.out, os.Getenv),
		quiet: f.quiet, flood: f.flood, stamps: f.stamps, bell: f.audible, verbose: c.verbose}
	switch {
	case f.alive:
		return &pingAlive{pingLines: lines, warn: c.warn}, out.Flush
	case one:
		return &pingText{pingLines: lines, size: f.size, timeout: f.timeout}, out.Flush
	}
	lines.named = true
	return &pingTable{pingLines: lines, warn: c.warn}, out.Flush
}

// verdict is the exit status that a target's end asks for.
func (f *pingFlags) verdict(t *pingTarget) status {
	s := &t.stats
	loss, _ := s.Loss()
	switch {
	case t.err != nil, s.Sent == 0:
		return unable
	case s.Received == 0:
		return no
	case f.maxLoss >= 0 && loss > f.maxLoss:
		return no
	case f.maxRTT >= 0 && render.Ms(t.slowest) > f.maxRTT:
		return no
	}
	return yes
}

// onSnapshot has the user's signal show an interim summary, until the returned function is called.
func (r *pingRun) onSnapshot() (stop func()) {
	signals := snapshotSignals()
	if len(signals) == 0 {
		return func() {}
	}
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, signals...)
	go func() {
		for range ch {
			r.interim()
		}
	}()
	return func() {
		signal.Stop(ch)
		close(ch)
	}
}

// one pings the only target: an address, or a name whose addresses are tried until there
// is a route to one.
func (r *pingRun) one(ctx context.Context, cfg ping.Config, finder *targetFinder, list *targetList) {
	started, begun := time.Now(), false
	h, addrs, failed := finder.sole(ctx, cfg.Deadline, list)
	if cfg.Deadline > 0 { // which the lookup has a part of
		cfg.Deadline = max(1, cfg.Deadline-time.Since(started))
	}
	for i, addr := range addrs {
		h.addr = addr
		cfg.Targets = func(yield func(netip.Addr) bool) {
			begun = true
			r.add(0, h)
			yield(addr)
		}
		failed = r.do(ctx, cfg)
		if failed == nil || i == len(addrs)-1 || !noRoute(failed) || !r.forget(0) {
			break
		}
		r.diag.warn("%v, trying the next address", failed)
	}
	switch {
	case begun:
		r.rest(failed)
		r.tell(failed)
	case failed != nil:
		r.refuse(h, failed)
	default:
		r.refuse(h, errNotBegun)
	}
}

// noRoute reports whether err means that this machine has no way to an address, and might have one to another.
func noRoute(err error) bool {
	for _, e := range []error{syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EAFNOSUPPORT, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// many pings several targets.
func (r *pingRun) many(ctx context.Context, cfg ping.Config, finder *targetFinder, list *targetList) {
	next, stop := newTargetFeed(ctx, list)
	defer stop()
	source := &targetSource{run: r, finder: finder, next: next}
	cfg.Targets = source.addrs(ctx)
	err := r.do(ctx, cfg)
	r.rest(err)
	r.tell(err) // before waiting for the rest
	source.rest(err)
	if source.order == 0 {
		r.tell(errors.New("no host was given"))
	}
}
