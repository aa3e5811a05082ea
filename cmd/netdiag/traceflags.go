package main

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/netdiag/netdiag/trace"
)

// traceFlags are the flags of trace.
type traceFlags struct {
	udp, icmp, tcp bool
	port, sport    int
	flows          int
	first, max     int
	wait, deadline time.Duration
	gap            int
	rate           float64

	size, tos int
	iface     string
	source    netip.Addr
	mark      uint32
	socket    trace.Mode

	mtu        bool
	multipath  bool
	confidence float64
	others     netip.Prefix
	rounds     int

	origins, extensions bool
	graph               string
	file                string
	atOnce              int
}

// newTraceFlags returns the defaults.
func newTraceFlags() *traceFlags {
	return &traceFlags{
		flows: trace.DefaultFlows, first: 1, max: trace.DefaultMaxTTL, wait: trace.DefaultWait, gap: trace.DefaultGap,
		rate: trace.DefaultRate, confidence: trace.DefaultConfidence, atOnce: trace.DefaultAtOnce,
	}
}

// flags returns the flags that set f, as help lists them.
func (f *traceFlags) flags() []cli.Flag {
	const day = 24 * time.Hour
	var flags []cli.Flag
	add := func(heading string, fs ...cli.Flag) { flags = append(flags, group(heading, fs...)...) }
	add("Probes",
		boolean(&f.udp, "U,udp", "probe with UDP datagrams (default)"),
		boolean(&f.icmp, "I,icmp", "probe with ICMP echo requests"),
		boolean(&f.tcp, "T,tcp", "probe with TCP SYNs"),
		integer(&f.port, "p,port", fmt.Sprintf("destination `PORT`, default %d (UDP) or %d (TCP)", trace.DefaultUDPPort, trace.DefaultTCPPort), 1, math.MaxUint16),
		integer(&f.sport, "sport", "source `PORT` of the first flow, the others have those behind it", 1, math.MaxUint16),
		integer(&f.flows, "q,queries", "`N` probes for each hop, each of a flow of its own", 1, trace.MaxFlows),
		integer(&f.first, "f,first", "begin with this `TTL`", 1, 255),
		integer(&f.max, "m,max", "end with this `TTL`", 1, 255),
		integer(&f.size, "size", "`BYTES` of a probe with its IP header, default 60 (IPv4) or 80 (IPv6)", 1, trace.MaxSize),
		integer(&f.tos, "t,tos", "`TOS` or traffic class of the probes", 0, 255),
		text(&f.iface, "i,interface", "send from this `INTERFACE`"),
		custom(&addrValue{&f.source}, "s,source", "send from this `ADDRESS`"),
		integer(&f.mark, "mark", "fwmark `N` of the probes (Linux, privileged)", 1, math.MaxUint32),
		custom(&wordValue[trace.Mode]{&f.socket, "default auto: raw if that is permitted", []word[trace.Mode]{
			{"raw", trace.Privileged}, {"user", trace.Unprivileged}, {"auto", trace.Auto},
		}}, "socket", "`KIND` of sockets: raw, user or auto"),
	)
	add("When",
		duration(&f.wait, "w,wait", "longest `TIME` to wait for an answer, which adapts below it", time.Millisecond, day),
		integer(&f.gap, "gap", "end after `N` silent hops in a row, 0 for never", 0, 255),
		number(&f.rate, "rate", "at most `N` probes a second over all targets, 0 for no limit", 0, math.MaxFloat64),
		duration(&f.deadline, "deadline", "end the whole run after `TIME`", time.Millisecond, 1000*day),
	)
	add("Paths",
		boolean(&f.multipath, "M,multipath", "find every path, and what balances between them"),
		number(&f.confidence, "confidence", "with -M, the `PROBABILITY` that nothing is missed", 0.01, 0.999999),
		custom(&prefixValue{&f.others}, "destinations", "with -M, others of this `PREFIX` may be probed, too, to tell balancers by destination"),
		text(&f.graph, "graph", "write the paths to `FILE`, a .dot, .svg or .html"),
		boolean(&f.mtu, "mtu", "find the path MTU, and where packets get too big"),
		integer(&f.rounds, "report", "probe everything `N` times and print a table", 1, 1_000_000),
	)
	add("Many targets",
		text(&f.file, "file", "read more targets from `FILE`, - for standard input"),
		integer(&f.atOnce, "at-once", "trace to `N` targets at the same time", 1, 1000),
	)
	add("Output",
		boolean(&f.origins, "A,as", "show AS numbers, by DNS from origin.asn.cymru.com"),
		boolean(&f.extensions, "e,extensions", "show what ICMP extensions say: MPLS labels, interfaces"),
	)
	return flags
}

// check refuses flags that do not go together.
func (f *traceFlags) check(c *call) error {
	methods := 0
	for _, is := range [...]bool{f.udp, f.icmp, f.tcp} {
		if is {
			methods++
		}
	}
	switch {
	case methods > 1:
		return usagef("-U, -I and -T exclude each other")
	case f.icmp && f.port > 0:
		return usagef("-p goes with -U and -T: ICMP has no ports")
	case f.icmp && f.sport > 0:
		return usagef("--sport goes with -U and -T: ICMP has no ports")
	case f.sport > 0 && f.sport+f.flows-1 > math.MaxUint16:
		return usagef("--sport %d: %d flows need the ports up to %d, above %d", f.sport, f.flows, f.sport+f.flows-1, math.MaxUint16)
	case f.first > f.max:
		return usagef("-f %d is above -m %d", f.first, f.max)
	case f.source.IsValid() && !c.family().has(f.source):
		return usagef("-s %v is no %v address", f.source, c.family())
	}
	if err := f.checkPaths(c); err != nil {
		return err
	}
	return f.checkGraph()
}

// checkPaths refuses what does not go with -M, or without.
func (f *traceFlags) checkPaths(c *call) error {
	switch {
	case f.multipath && f.rounds > 0:
		return usagef("-M and --report exclude each other")
	case f.multipath && c.isSet("q"):
		return usagef("-M and -q exclude each other; --confidence says how thoroughly -M looks")
	case !f.multipath && c.isSet("confidence"):
		return usagef("--confidence goes with -M")
	case !f.multipath && f.others.IsValid():
		return usagef("--destinations goes with -M")
	case f.others.IsValid() && !c.family().has(f.others.Addr()):
		return usagef("--destinations %v is no %v prefix", f.others, c.family())
	}
	return nil
}

// checkGraph refuses a file for the graph that cannot be meant, or not be written.
func (f *traceFlags) checkGraph() error {
	if f.graph == "" {
		return nil
	}
	if graphFormat(f.graph) == nil {
		return usagef("--graph %s: its name does not end in .dot, .svg or .html", f.graph)
	}
	if info, err := os.Stat(filepath.Dir(f.graph)); err != nil || !info.IsDir() {
		return usagef("--graph %s: there is no directory %s", f.graph, filepath.Dir(f.graph))
	}
	return nil
}

// checkTargets refuses what goes with one target alone.
func (f *traceFlags) checkTargets(list *targetList) error {
	switch {
	case list.one():
		return nil
	case f.graph != "":
		return usagef("--graph goes with one target")
	case f.others.IsValid():
		return usagef("--destinations goes with one target")
	}
	return nil
}

// method is the kind of probe.
func (f *traceFlags) method() trace.Method {
	switch {
	case f.icmp:
		return trace.ICMP
	case f.tcp:
		return trace.TCP
	}
	return trace.UDP
}

// family returns the family that the targets must have: what the user asked for, or that of
// an address among the flags.
func (f *traceFlags) family(c *call) family {
	for _, a := range [...]netip.Addr{f.source, f.others.Addr()} {
		switch {
		case a.Is4():
			return ipv4
		case a.Is6():
			return ipv6
		}
	}
	return c.family()
}

// config is what the flags ask of trace.
func (f *traceFlags) config(c *call) trace.Config {
	cfg := trace.Config{
		AtOnce: f.atOnce, Method: f.method(), Port: f.port, SourcePort: f.sport, Flows: f.flows, FirstTTL: f.first, MaxTTL: f.max,
		Rounds: f.rounds, Wait: f.wait, Gap: orNone(f.gap), Deadline: f.deadline, Size: f.size, TOS: f.tos, Source: f.source,
		Interface: f.iface, Mark: int(f.mark), Mode: f.socket, MTU: f.mtu, Multipath: f.multipath, Confidence: f.confidence,
	}
	if c.isSet("rate") {
		cfg.Rate = orNone(f.rate)
	}
	return cfg
}

// mostOthers is how many destinations beside the target are named to trace.
const mostOthers = 8

// otherThan returns addresses of the prefix, the nearest ones of a first: neither a itself nor an IPv4 network's
// own address and broadcast address. The error says that the prefix has not got a.
func otherThan(a netip.Addr, prefix netip.Prefix) ([]netip.Addr, error) {
	if !prefix.Contains(a) {
		return nil, usagef("--destinations %v does not have the target, %v", prefix, a)
	}
	e, err := parseExpression(prefix.Masked().String())
	if err != nil {
		return nil, err
	}
	within := func(b netip.Addr) bool { return b.IsValid() && !b.Less(e.first) && !e.last.Less(b) }
	var others []netip.Addr
	for up, down := a.Next(), a.Prev(); len(others) < mostOthers && (within(up) || within(down)); up, down = up.Next(), down.Prev() {
		for _, b := range [...]netip.Addr{up, down} {
			if within(b) && len(others) < mostOthers {
				others = append(others, b)
			}
		}
	}
	return others, nil
}
