package main

import (
	"math"
	"net/netip"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/netdiag/netdiag/ping"
)

// pingFlags are the flags of ping.
type pingFlags struct {
	count             int64
	interval, timeout time.Duration
	deadline          time.Duration
	preload           int
	flood, adaptive   bool
	rate              float64

	alive   bool
	retries int
	file    string

	untilUp         bool
	maxLoss, maxRTT float64 // negative: no limit

	size, ttl, tos int
	from           string
	pmtu           ping.PMTU
	pattern        []byte
	mark           uint32
	broadcast      bool
	socket         ping.Mode

	stamps, quiet, audible bool
}

// newPingFlags returns the defaults.
func newPingFlags() *pingFlags {
	return &pingFlags{
		interval: ping.DefaultInterval, timeout: ping.DefaultTimeout, rate: ping.DefaultRate, size: ping.DefaultSize,
		retries: 2, maxLoss: -1, maxRTT: -1, tos: -1,
	}
}

// flags returns the flags that set f, as help lists them.
func (f *pingFlags) flags() []cli.Flag {
	const day = 24 * time.Hour
	var flags []cli.Flag
	add := func(heading string, fs ...cli.Flag) { flags = append(flags, group(heading, fs...)...) }
	add("When",
		integer(&f.count, "c,count", "end after `N` probes to each target; without it, when interrupted", 1, math.MaxInt64),
		duration(&f.interval, "i,interval", "`TIME` between probes to one target", 0, day),
		duration(&f.timeout, "W,timeout", "`TIME` to wait for each reply; a later one is late", time.Microsecond, day),
		duration(&f.deadline, "w,deadline", "end the whole run after `TIME`", time.Millisecond, 1000*day),
		integer(&f.preload, "l,preload", "send the first `N` probes without waiting for the interval", 1, 1<<16),
		boolean(&f.adaptive, "A,adaptive", "send the next probe as soon as the last was answered"),
		boolean(&f.flood, "f,flood", "likewise, and after 10 ms at the latest; print dots; no --rate by itself"),
		number(&f.rate, "rate", "at most `N` probes a second over all targets, 0 for no limit", 0, math.MaxFloat64),
	)
	add("Many targets",
		boolean(&f.alive, "alive", "only say of each target whether it answers"),
		integer(&f.retries, "retries", "with --alive, try a silent target `N` times more", 0, 1000),
		text(&f.file, "file", "read more targets from `FILE`, - for standard input"),
	)
	add("Exit status",
		boolean(&f.untilUp, "until-up", "end with the first reply of each target"),
		number(&f.maxLoss, "max-loss", "exit with 1 if more than `PERCENT` are lost", 0, 100),
		number(&f.maxRTT, "max-rtt", "exit with 1 if a reply took more than `MS` milliseconds", 0, math.MaxFloat64),
	)
	add("Packets",
		integer(&f.size, "s,size", "`BYTES` of data", 0, ping.MaxSize),
		custom(&hexValue{&f.pattern, 16, "default bytes that count up"}, "p,pattern", "fill the data with these bytes, in `HEX`, 16 at most"),
		integer(&f.ttl, "t,ttl", "`TTL` of the requests", 1, 255),
		text(&f.from, "I,interface", "send from this `INTERFACE` or source address"),
		integer(&f.tos, "Q,tos", "`TOS` or traffic class of the requests", 0, 255),
		custom(&wordValue[ping.PMTU]{&f.pmtu, "default the system's", []word[ping.PMTU]{
			{"do", ping.PMTUDo}, {"want", ping.PMTUWant}, {"dont", ping.PMTUDont},
		}}, "M,pmtu", "who may fragment, by `HOW`: do (nobody), want (this machine), dont (routers too)"),
		integer(&f.mark, "m,mark", "fwmark `N` of the requests (Linux, privileged)", 1, 1<<32-1),
		boolean(&f.broadcast, "b,broadcast", "allow broadcast addresses"),
		custom(&wordValue[ping.Mode]{&f.socket, "default auto: ping, and raw where that is not permitted", []word[ping.Mode]{
			{"ping", ping.Unprivileged}, {"raw", ping.Privileged}, {"auto", ping.Auto},
		}}, "socket", "`KIND` of socket: ping, raw or auto"),
	)
	add("Output",
		boolean(&f.stamps, "D,timestamps", "print the time before each line"),
		boolean(&f.quiet, "q,quiet", "print the summary only"),
		boolean(&f.audible, "a,audible", "ring the bell for each reply"),
	)
	return flags
}

// check refuses flags that do not go together.
func (f *pingFlags) check(c *call) error {
	source, _ := f.source()
	switch {
	case f.flood && f.adaptive:
		return usagef("-f and -A exclude each other")
	case c.isSet("retries") && !f.alive:
		return usagef("--retries goes with --alive; without it, -c says how many probes are sent")
	case f.alive && c.isSet("c"):
		return usagef("--alive and -c exclude each other; --retries says how often a silent target is tried again")
	case f.alive && (f.flood || f.adaptive):
		return usagef("--alive excludes -f and -A")
	case source.IsValid() && !c.family().has(source):
		return usagef("-I %s is no %v address", f.from, c.family())
	}
	return nil
}

// source returns the address or the interface that -I names.
func (f *pingFlags) source() (addr netip.Addr, device string) {
	addr, err := netip.ParseAddr(f.from)
	if err != nil {
		return netip.Addr{}, f.from
	}
	return addr.Unmap(), ""
}

// family returns the family that the targets must have: what the user asked for, or that of the source address.
func (f *pingFlags) family(c *call) family {
	source, _ := f.source()
	switch {
	case !source.IsValid():
		return c.family()
	case source.Is4():
		return ipv4
	}
	return ipv6
}

// config is what the flags ask of ping.
func (f *pingFlags) config(c *call) ping.Config {
	cfg := ping.Config{
		Count: f.count, Interval: orNone(f.interval), Timeout: f.timeout, Deadline: f.deadline, Preload: f.preload,
		Until: f.untilUp || f.alive, Rate: orNone(f.rate), Size: orNone(f.size), Pattern: f.pattern, TTL: f.ttl,
		TOS: max(f.tos, 0), PMTU: f.pmtu, Mark: int(f.mark), Broadcast: f.broadcast, Mode: f.socket,
	}
	cfg.Source, cfg.Interface = f.source()
	if f.alive {
		cfg.Count = int64(f.retries) + 1
		if !c.isSet("i") {
			cfg.Interval = f.timeout
		}
	}
	switch {
	case f.flood:
		cfg.Pace = ping.Flood
	case f.adaptive:
		cfg.Pace = ping.Adaptive
	}
	if f.flood && !c.isSet("rate") {
		cfg.Rate = -1
	}
	return cfg
}

// orNone returns v, and for zero the value that stands for none in a ping.Config, where zero is the default.
func orNone[T int | float64 | time.Duration](v T) T {
	if v == 0 {
		return -1
	}
	return v
}
