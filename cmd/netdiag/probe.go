package main

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"os"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/probe"
)

// probeCommand is the table's entry of probe.
func probeCommand() command {
	f := newProbeFlags()
	return command{
		name:     "probe",
		summary:  "see whether ports are open, and if not, why",
		operands: "HOST:PORT...",
		also:     []string{"nc", "netcat", "tcping", "nmap", "scan", "connect"},
		about: `A HOST is a name, an address, a network (192.0.2.0/24) or a range (192.0.2.1-192.0.2.40), an IPv6
address in brackets. A PORT is a number or a service's name, a range (8000-8100) or a list of them
(22,80,8000-8100). HOST PORT as two words works, too.

A port is open (the connection was accepted), closed (a reset: a machine answered, and nothing listens),
rejected (a firewall said no by an ICMP error), unreachable (an ICMP error says that there is no way to it),
filtered (no answer in time), or an error (this machine could not try). The time of an open port is the
round trip of the handshake as the kernel measured it. A name's addresses are tried until one is open.

The exit status is 0 if every port is open, and with --tls its certificate is verified, and with --expect
the answer matches; 1 if not; 2 if one could not be tried, or the run ended before it was. With --wait all of
that is waited for, also a name that is not known yet. By UDP the round trip is that of the only datagram. There is no limit of attempts a second but --rate.`,
		examples: []example{
			{"netdiag probe 192.168.0.18:7777", "is anything listening there?"},
			{"netdiag probe --open 192.0.2.0/24:22,80,443", "which hosts of a network serve something"},
			{"netdiag probe --tls example.com:443", "who signed, and how many days are left"},
			{"netdiag probe --wait 1m db.example.com:postgresql", "wait until the database is up"},
			{"netdiag probe -c 10 --all example.com:https", "round trips to every address of a name"},
		},
		flags: f.flags(),
		run:   f.run,
	}
}

// probeDeps is what a run needs of this machine.
type probeDeps struct {
	run      func(context.Context, probe.Config) iter.Seq2[probe.Event, error]
	names    lookup
	services func() *services
	hints    *probeHints
	now      func() time.Time
}

// run is netdiag probe.
func (f *probeFlags) run(ctx context.Context, c *call) (status, error) {
	return f.runWith(ctx, c, probeDeps{probe.Run, newMachine(), systemServices(), newProbeHints(f.udp), time.Now})
}

// runWith is run with other ways to see this machine.
func (f *probeFlags) runWith(ctx context.Context, c *call, deps probeDeps) (status, error) {
	if err := f.check(c); err != nil {
		return unable, inCommand("probe", err)
	}
	list, excluded, err := f.plan(c, deps.services)
	if err != nil {
		return unable, inCommand("probe", err)
	}
	passes, err := f.passes(list)
	if err != nil {
		return unable, inCommand("probe", err)
	}
	f.remark(c, list)
	r := &probeRun{flags: f, deps: deps, active: make(map[*probe.Target]*probeTarget)}
	if wantsBar(c, f, list) {
		r.bar = newProbeBar(c.errs, barTotal(f, list))
		c.diagnostics = diagnostics{r.bar.beside(c.errs)}
	}
	r.outcome = newOutcome(c.diagnostics)
	r.view, r.flush = f.show(c, list, r)
	finder := &targetFinder{lookup: deps.names, family: f.family(c), flag: "-I", scoped: f.iface != "" || f.source.Zone() != ""}
	return r.run(ctx, f.config(), passes, probeSource{run: r, finder: finder, excluded: excluded, all: f.all})
}

// plan reads what is to be probed, and what is not.
func (f *probeFlags) plan(c *call, known func() *services) (*probeList, exclusion, error) {
	reader := portReader{services: known, proto: f.proto()}
	parser := &probeParser{portReader: reader}
	var errs []error
	if f.top > 0 {
		common := known().top[f.proto()]
		if f.top > len(common) {
			errs = append(errs, usagef("--top %d: %d ports are known as common", f.top, len(common)).hint("for all ports write HOST:1-65535"))
		}
		var seen portSet
		for _, port := range common[:min(f.top, len(common))] {
			parser.top = appendUnseen(parser.top, portRange{port, port}, &seen)
		}
	}
	list, err := newProbeList(c.args, f.file, c.in, parser)
	excluded, bad := parseExclusion(f.exclude, reader)
	if errs = append(errs, nonNil(err, bad)...); len(errs) > 0 {
		return nil, excluded, joined(errs)
	}
	return list, excluded, nil
}

// remark says what may be meant otherwise.
func (f *probeFlags) remark(c *call, list *probeList) {
	for i := range list.expressions {
		if a := list.expressions[i].host.Addr; a.IsValid() && a.IsUnspecified() {
			loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
			if a.Is6() {
				loopback = netip.IPv6Loopback()
			}
			c.warn("%v stands for this machine: it is as if %v were probed", a, loopback)
		}
	}
}

// show returns the view of a run, and how to flush what it writes.
func (f *probeFlags) show(c *call, list *probeList, r *probeRun) (view probeView, flush func() error) {
	out := r.bar.beside(c.out)
	if c.json {
		lines := render.NewJSON(out)
		return &probeJSON{out: lines, flags: f, services: r.deps.services, now: r.deps.now}, lines.Flush
	}
	text := render.NewWriter(out)
	v := &probeText{
		out: text, color: render.NewColor(c.color, c.out, os.Getenv), flags: f, services: r.deps.services, one: list.one(), verbose: c.verbose,
		warn: func(format string, args ...any) {
			r.note(text.Flush())
			c.warn("%s", fmt.Sprintf(format, args...))
		},
	}
	v.stats = probeStatistics{
		out: text, lines: &pingText{pingLines: pingLines{color: v.color}}, block: v.one && !f.all, verbose: c.verbose,
		head: func(t *probeTarget) string { return v.head(t.group, t.Text, t.addr, t.Port) },
	}
	return v, text.Flush
}
