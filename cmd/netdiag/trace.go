package main

import (
	"context"
	"os"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/trace"
)

// traceCommand is the table's entry of trace.
func traceCommand() command {
	f := newTraceFlags()
	return command{
		name:     "trace",
		summary:  "see the way to a host: every router, every path, its MTU",
		operands: "HOST...",
		also:     []string{"traceroute", "traceroute6", "tracepath", "mtr", "tcptraceroute"},
		about: `Probes of all TTLs leave at once. Each of the three (-q) for a hop has a flow of its own, which is the same at
every hop: several addresses at one hop mean several paths. With -M all paths are found, up to the
probability that is asked for; "missed" is, for each hop, how probable it is at most that one was not.

Annotations are those of BSD: !N !H !P network, host, protocol unreachable, !X !A !Z prohibited, !F-mtu too big,
!S !U !W !I !Q !T !V !C further ones, !<n> another code, ! a reply whose TTL has just not ended. Of IPv6 they are
!N no route, !P prohibited, !S beyond scope, !A address unreachable, !H protocol not known.

In the table of --report losses are those of a hop; where a hop limits its answers, they say
nothing about the path. Control-C ends with what is known. The exit status is 0 if every target was
reached, 1 if one was not, 2 if one could not be traced to.`,
		examples: []example{
			{"netdiag trace xkcd.com", "the way there, as traceroute shows it"},
			{"netdiag trace -T -p 443 -A example.net", "with TCP to the port of HTTPS, and AS numbers"},
			{"netdiag trace -M --graph paths.html example.net", "every path, and a picture of them"},
			{"netdiag trace --report 10 example.net", "losses and times of each hop in ten rounds"},
			{"netdiag trace --mtu 2001:db8::1", "where packets get too big"},
		},
		flags: f.flags(),
		run:   f.run,
	}
}

// run is netdiag trace.
func (f *traceFlags) run(ctx context.Context, c *call) (status, error) {
	if err := f.check(c); err != nil {
		return unable, inCommand("trace", err)
	}
	list, err := newTargetList(c.args, f.file, c.in)
	if err == nil {
		err = list.check()
	}
	if err == nil {
		err = f.checkTargets(list)
	}
	if err != nil {
		return unable, inCommand("trace", err)
	}
	names := newMachine()
	finder := &targetFinder{lookup: names, family: f.family(c), flag: "-i", scoped: f.iface != "" || f.source.Zone() != ""}
	return f.trace(ctx, c, list, finder, names, trace.Run)
}

// trace traces to the targets of a list, with the given lookups and engine.
func (f *traceFlags) trace(ctx context.Context, c *call, list *targetList, finder *targetFinder, find reverse,
	engine func(context.Context, trace.Config) traceEvents,
) (status, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cfg := f.config(c)
	called := newCallers(ctx, find, !c.numeric, f.origins)
	r := newTraceRun(c.diagnostics, called)
	r.view, r.flush = f.view(c, cfg, list.one(), called)
	called.waits = func() { r.note(r.flush()) }
	if f.graph != "" {
		r.drawn = func(t *traceTarget) error { return writeGraph(f.graph, graphOf(t, f.multipath, called.of)) }
	}
	r.begin()
	p := &poster{run: r, engine: engine, others: f.others}
	go func() {
		defer close(r.posted)
		if list.one() {
			p.one(ctx, cfg, finder, list)
		} else {
			p.many(ctx, cfg, finder, list)
		}
	}()
	return r.show(cancel)
}

// view returns the view of a run, and how to flush what it writes.
func (f *traceFlags) view(c *call, cfg trace.Config, one bool, called *callers) (view traceView, flush func() error) {
	if c.json {
		out := render.NewJSON(c.out)
		return &traceJSON{out: out, cfg: cfg, called: called}, out.Flush
	}
	out := render.NewWriter(c.out)
	lines := traceLines{
		traceBlocks: newTraceBlocks(out, c.diagnostics, !one), cfg: cfg, called: called,
		color: render.NewColor(c.color, c.out, os.Getenv), extensions: f.extensions, verbose: c.verbose,
	}
	switch {
	case f.multipath:
		return &tracePaths{lines}, out.Flush
	case f.rounds > 0:
		return &traceReport{lines}, out.Flush
	}
	return &traceText{lines}, out.Flush
}
