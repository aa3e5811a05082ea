package main

import (
	"context"
	"errors"
	"os"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/resolve"
)

// resolveCommand is the table's entry of resolve.
func resolveCommand() command {
	f := &resolveFlags{class: resolve.ClassIN}
	return command{
		name:     "resolve",
		summary:  "find what a name means: for this machine, or in DNS",
		operands: "[@SERVER...] NAME... [TYPE...]",
		also:     []string{"dig", "host", "nslookup", "getent", "drill", "kdig", "delv", "dns", "lookup"},
		about: `With names alone: the addresses that a program on this machine would get, in the order in which it would
try them, and where each comes from: the hosts file, DNS, or what is built in. Where the hosts file says something
else than DNS, a warning tells. With -v every source that was asked, every name and server that was tried, and
the rule of RFC 6724 that put each address before the next.

With a TYPE (A, AAAA, MX, TXT, TYPE65, IXFR=SERIAL, ...) or a @SERVER: what DNS says, A records if there is no TYPE. The first
argument is always a name, so "resolve mx" looks up the name mx. All types and all servers are asked at the same
time. Without @SERVER the name servers of this machine are asked, as the C library tries them. A server is @1.1.1.1,
@1.1.1.1:5353, @[2001:db8::53]:53 or @dns.example, by another transport @tcp://, @tls://, @https://HOST/PATH or
@quic:// in front of it. An address in place of a name is looked up in reverse. -4 and -6 choose between A and
AAAA and, with a TYPE, how servers are reached. -v prints what --dig does.

A verdict always tells what came of it. The exit status is 0 if every question has an answer; 1 if one has not: no
such name (NXDOMAIN), no such records (NODATA), bogus; 2 if one could not be found out.`,
		examples: []example{
			{"netdiag resolve example.com", "the addresses that programs here get, and from where"},
			{"netdiag resolve -v localhost", "and every step on the way"},
			{"netdiag resolve example.com mx txt", "records of two types from the name servers of this machine"},
			{"netdiag resolve @192.0.2.53 @192.0.2.54 example.com", "two servers, and whether they agree"},
			{"netdiag resolve @tls://dns.example example.com aaaa", "by DNS over TLS"},
			{"netdiag resolve 2001:db8::1", "the name of an address"},
			{"netdiag resolve --dig example.com soa", "everything that the server says, in dig's form"},
		},
		flags: f.flags(),
		run:   f.run,
	}
}

// run is netdiag resolve.
func (f *resolveFlags) run(ctx context.Context, c *call) (status, error) {
	plan, err := f.plan(c)
	if err != nil {
		return unable, inCommand("resolve", err)
	}
	system, err := resolve.LoadSystem(resolve.Files{Hosts: f.hostsFile, Resolv: f.resolvConf, Nsswitch: f.nsswitchConf})
	if err != nil {
		return f.unable(c, plan, err)
	}
	client := f.client(plan)
	defer client.Close()
	if err := f.adapt(system, client, plan); err != nil {
		return f.unable(c, plan, inCommand("resolve", err))
	}
	return f.resolve(ctx, c, plan, system, client, system.Problems)
}

// unable ends a run that err keeps from beginning. Programs get their summaries all the same.
func (f *resolveFlags) unable(c *call, plan *resolvePlan, err error) (status, error) {
	if !c.json {
		return unable, err
	}
	view, flush := f.view(c, plan, newResolveRemarks(c, f.short, nil))
	_ = view.start() // an error of writing sticks and comes back below
	for _, q := range plan.inquiries {
		for place := range q.replies {
			r := &response{err: err}
			if place < len(plan.servers) {
				r.server = plan.servers[place]
			}
			q.put(place, r)
			_ = view.reply(q, r)
		}
	}
	return unable, errors.Join(err, flush())
}

// resolve does what is planned, with the given ways to find out.
func (f *resolveFlags) resolve(ctx context.Context, c *call, plan *resolvePlan, here thisMachine, servers asker, problems []resolve.Problem) (status, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &resolveRun{
		outcome: newOutcome(c.diagnostics), plan: plan, here: here, servers: servers,
		remarks: newResolveRemarks(c, f.short, problems), replies: make(chan replied), said: make(map[string]bool),
	}
	r.view, r.flush = f.view(c, plan, r.remarks)
	return r.run(ctx, cancel)
}

// view returns the view of a run, and how to flush what it writes.
func (f *resolveFlags) view(c *call, plan *resolvePlan, remarks *resolveRemarks) (view resolveView, flush func() error) {
	if c.json {
		out := render.NewJSON(c.out)
		return &resolveJSON{out: out, plan: plan, remarks: remarks, said: make(map[said]bool)}, out.Flush
	}
	out := render.NewWriter(c.out)
	blocks := resolveBlocks{out: out, color: render.NewColor(c.color, c.out, os.Getenv), verbose: c.verbose}
	switch {
	case f.short:
		return &resolveShort{out}, out.Flush
	case plan.dns && (f.dig || c.verbose):
		return &resolveDig{blocks}, out.Flush
	}
	return &resolveText{blocks}, out.Flush
}
