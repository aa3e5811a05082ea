package main

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/netdiag/netdiag/probe"
)

// probeFlags are the flags of probe.
type probeFlags struct {
	count             int64
	interval, timeout time.Duration
	deadline          time.Duration
	wait, waitClosed  time.Duration // 0: not given

	udp         bool
	all         bool
	top         int
	file        string
	exclude     []string
	rate        float64
	concurrency int

	tls        bool
	starttls   string
	serverName string
	alpn       []string
	ca         string
	banner     bool
	send       []byte
	expect     *regexp.Regexp

	source   netip.Addr
	iface    string
	ttl, tos int
	mark     uint32
	reset    bool

	open, quiet, stamps bool
}

// newProbeFlags returns the defaults.
func newProbeFlags() *probeFlags {
	return &probeFlags{count: 1, interval: probe.DefaultInterval, timeout: probe.DefaultTimeout}
}

const (
	probeDay  = 24 * time.Hour
	probeLong = 1000 * probeDay
)

// flags returns the flags that set f, as help lists them.
func (f *probeFlags) flags() []cli.Flag {
	var flags []cli.Flag
	add := func(heading string, fs ...cli.Flag) { flags = append(flags, group(heading, fs...)...) }
	add("When",
		integer(&f.count, "c,count", "`N` probes of each port, 0: until interrupted", 0, math.MaxInt64),
		duration(&f.interval, "i,interval", "`TIME` between the probes of a port", 0, probeDay),
		duration(&f.timeout, "W,timeout", "`TIME` to wait for an answer; by the default at least three SYNs were sent", time.Millisecond, probeDay),
		duration(&f.deadline, "w,deadline", "end the whole run after `TIME`", time.Millisecond, probeLong),
		duration(&f.wait, "wait", "probe until the port is open, for `TIME` at most", time.Millisecond, probeLong),
		duration(&f.waitClosed, "wait-closed", "probe until the port is closed, for `TIME` at most", time.Millisecond, probeLong),
	)
	add("What",
		boolean(&f.udp, "u,udp", "probe UDP ports"),
		boolean(&f.all, "all", "probe every address of a name, and say which one a browser would use"),
		integer(&f.top, "top", "the `N` most common ports; hosts then stand without", 1, math.MaxUint16),
		text(&f.file, "file", "read more targets from `FILE`, one a line, - for standard input"),
		custom(&listValue{&f.exclude}, "exclude", "leave out this `LIST` of addresses, networks, ranges and ports"),
	)
	add("Many targets",
		number(&f.rate, "rate", "at most `N` attempts a second, 0 for no limit", 0, math.MaxFloat64),
		integer(&f.concurrency, "concurrency", fmt.Sprintf("at most `N` attempts under way, default %d or what this process may", probe.DefaultConcurrency), 1, 1<<20),
		boolean(&f.open, "open", "print the open ones only"),
	)
	add("Talking",
		boolean(&f.tls, "tls", "shake hands by TLS, show and verify the certificates"),
		text(&f.starttls, "starttls", "ask for TLS in `PROTOCOL` first: "+startTLSWords()+", or auto: as is usual at each port"),
		text(&f.serverName, "server-name", "the `NAME` to ask for and to verify, default the host's"),
		custom(&listValue{&f.alpn}, "alpn", "offer this `LIST` of protocols, as h2,http/1.1"),
		text(&f.ca, "ca", "trust the certificates in `FILE` (PEM) instead of the system's"),
		boolean(&f.banner, "banner", "show what the server says"),
		custom(&escapedValue{&f.send}, "send", `send this `+"`TEXT`"+`, which may have \r \n \t \0 \xNN`),
		custom(&regexpValue{&f.expect}, "expect", "exit with 1 unless `REGEXP` is in what the server says"),
	)
	add("Packets",
		custom(&addrValue{&f.source}, "S,source", "send from this `ADDRESS`"),
		text(&f.iface, "I,interface", "send from this `INTERFACE`"),
		integer(&f.ttl, "t,ttl", "`TTL` of the packets", 1, 255),
		integer(&f.tos, "Q,tos", "`TOS` or traffic class of the packets", 0, 255),
		integer(&f.mark, "m,mark", "fwmark `N` of the packets (Linux, privileged)", 1, math.MaxUint32),
		boolean(&f.reset, "rst", "end connections with a reset, which leaves nothing behind here"),
	)
	add("Output",
		boolean(&f.stamps, "D,timestamps", "print the time before each line"),
		boolean(&f.quiet, "q,quiet", "print the counts only"),
	)
	return flags
}

// proto is the protocol whose ports are probed.
func (f *probeFlags) proto() protocol {
	if f.udp {
		return overUDP
	}
	return overTCP
}

// repeats reports whether ports are probed more than once, for statistics.
func (f *probeFlags) repeats() bool { return f.count != 1 && f.until() == probe.UntilCount }

// until is what the probing of a port waits for.
func (f *probeFlags) until() probe.Until {
	switch {
	case f.wait > 0:
		return probe.UntilOpen
	case f.waitClosed > 0:
		return probe.UntilClosed
	}
	return probe.UntilCount
}

// check refuses flags that do not go together.
func (f *probeFlags) check(c *call) error {
	waits := f.until() != probe.UntilCount
	switch {
	case f.wait > 0 && f.waitClosed > 0:
		return usagef("--wait and --wait-closed exclude each other")
	case waits && c.isSet("c"):
		return usagef("--wait and -c exclude each other: it probes until it has what it waits for")
	case waits && f.deadline > 0:
		return usagef("--wait and -w exclude each other: --wait has the time in it")
	case f.count == 1 && c.isSet("i") && !waits:
		return usagef("-i goes with -c or --wait: each port is probed once")
	case f.open && f.waitClosed > 0:
		return usagef("--open and --wait-closed exclude each other")
	case f.source.IsValid() && !c.family().has(f.source):
		return usagef("-S %v is no %v address", f.source, c.family())
	}
	return f.checkTalk(c)
}

// checkTalk refuses what cannot be said.
func (f *probeFlags) checkTalk(c *call) error {
	secure := f.secure()
	for _, only := range []struct {
		set  bool
		flag string
	}{
		{c.isSet("server-name"), "--server-name"}, {len(f.alpn) > 0, "--alpn"}, {f.ca != "", "--ca"},
	} {
		if only.set && !secure {
			return usagef("%s goes with --tls", only.flag)
		}
	}
	switch {
	case f.udp && secure:
		return usagef("--udp excludes --tls and --starttls, which need TCP")
	case f.udp && f.reset:
		return usagef("--udp excludes --rst: only TCP has resets")
	case f.waitClosed > 0 && f.talks():
		return usagef("--wait-closed excludes --tls, --banner, --send and --expect: nobody is there to talk to")
	case c.isSet("server-name") && f.serverName == "":
		return usagef("--server-name needs a name")
	case f.starttls != "" && f.starttls != autoStartTLS && !slices.Contains(probe.StartTLSProtocols(), f.starttls):
		err := usagef("--starttls %s: not known, it takes %s or %s", f.starttls, startTLSWords(), autoStartTLS)
		if near, ok := nearest(f.starttls, append(probe.StartTLSProtocols(), autoStartTLS)); ok {
			err.text += ", did you mean " + near + "?"
		}
		return err
	}
	return nil
}

// family returns the family that the targets must have: what the user asked for, or that of the source address.
func (f *probeFlags) family(c *call) family {
	switch {
	case !f.source.IsValid():
		return c.family()
	case f.source.Is4():
		return ipv4
	}
	return ipv6
}

// config is what the flags ask of probe, but for the targets.
func (f *probeFlags) config() probe.Config {
	cfg := probe.Config{
		UDP: f.udp, Count: f.count, Interval: orNone(f.interval), Timeout: f.timeout, Until: f.until(),
		Deadline: max(f.deadline, f.wait, f.waitClosed), Rate: f.rate, Concurrency: f.concurrency,
		Source: f.source, Interface: f.iface, TOS: f.tos, TTL: f.ttl, Mark: int(f.mark), Reset: f.reset,
	}
	switch {
	case cfg.Until != probe.UntilCount:
		cfg.Count = 0
	case f.count == 0:
		cfg.Count = math.MaxInt64
	}
	if f.insists() {
		cfg.Enough = func(e *probe.Event) bool { return f.complaint(&probeResult{Event: e, matched: f.matched(e)}) == "" }
	}
	if f.udp && f.send != nil {
		cfg.Payload = func(uint16) []byte { return f.send }
	}
	return cfg
}
