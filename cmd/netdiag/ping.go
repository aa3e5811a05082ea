package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/netdiag/netdiag/internal/render"
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
	pmtu           pmtuValue
	pattern        patternValue
	mark           uint32
	broadcast      bool
	socket         socketValue

	stamps, quiet, audible bool
}

// pingCommand is the table's entry of ping.
func pingCommand() command {
	f := &pingFlags{
		interval: ping.DefaultInterval, timeout: ping.DefaultTimeout, rate: ping.DefaultRate, size: ping.DefaultSize,
		retries: 2, maxLoss: -1, maxRTT: -1, tos: -1, pmtu: "system", socket: "auto",
	}
	return command{
		name:     "ping",
		summary:  "see whether hosts answer ICMP echo requests, and how fast",
		operands: "HOST...",
		also:     []string{"ping4", "ping6", "fping"},
		about: `A HOST is a name, an address, a network (192.0.2.0/24) or a range (192.0.2.1-192.0.2.40).

Every probe ends as exactly one of: received, late (answered after -W), timed out, or answered by an ICMP
error. What is still in flight when the run is interrupted is not lost.`,
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

func (f *pingFlags) flags() []cli.Flag {
	const day = 24 * time.Hour
	var flags []cli.Flag
	add := func(heading string, fs ...cli.Flag) { flags = append(flags, group(heading, fs...)...) }
	add("When",
		integer(&f.count, "c,count", "end after `N` probes to each target; without it, when interrupted", 1, 1<<62),
		duration(&f.interval, "i,interval", "`TIME` between probes to one target", 0, day),
		duration(&f.timeout, "W,timeout", "`TIME` to wait for each reply; a later one is late", time.Microsecond, day),
		duration(&f.deadline, "w,deadline", "end the whole run after `TIME`", time.Millisecond, 1000*day),
		integer(&f.preload, "l,preload", "send `N` probes without waiting for the interval", 1, 1<<16),
		boolean(&f.adaptive, "A,adaptive", "send the next probe when the last was answered"),
		boolean(&f.flood, "f,flood", "the same, after 10 ms at the latest, and print dots; no --rate by itself"),
		number(&f.rate, "rate", "at most `N` probes a second over all targets, 0 for no limit", 0, 1e9),
	)
	add("Many targets",
		boolean(&f.alive, "alive", "only say of each target whether it answers"),
		integer(&f.retries, "retries", "with --alive, try `N` times more before giving up", 0, 1000),
		text(&f.file, "file", "read more targets from `FILE`, - for standard input"),
	)
	add("Exit status",
		boolean(&f.untilUp, "until-up", "end with the first reply of each target"),
		number(&f.maxLoss, "max-loss", "exit with 1 if more than `PERCENT` are lost", 0, 100),
		number(&f.maxRTT, "max-rtt", "exit with 1 if a reply took more than `MS` milliseconds", 0, 1e9),
	)
	add("Packets",
		integer(&f.size, "s,size", "`BYTES` of data", 0, ping.MaxSize),
		custom(&f.pattern, "p,pattern", "fill the data with these `HEX` bytes, 16 at most"),
		integer(&f.ttl, "t,ttl", "`TTL` of the requests", 1, 255),
		text(&f.from, "I,interface", "send from this `INTERFACE` or source address"),
		integer(&f.tos, "Q,tos", "`TOS` or traffic class of the requests", 0, 255),
		custom(&f.pmtu, "M,pmtu", "fragmentation: `HOW` is do (never), want (here only) or dont (forbid nothing)"),
		integer(&f.mark, "m,mark", "fwmark `N` of the requests (Linux, privileged)", 1, 1<<32-1),
		boolean(&f.broadcast, "b,broadcast", "allow broadcast addresses"),
		custom(&f.socket, "socket", "`KIND` of socket: ping, raw or auto"),
	)
	add("Output",
		boolean(&f.stamps, "D,timestamps", "print the time before each line"),
		boolean(&f.quiet, "q,quiet", "print the summary only"),
		boolean(&f.audible, "a,audible", "ring the bell for each reply"),
	)
	return flags
}

// pmtuValue is the value of -M.
type pmtuValue string

var pmtus = map[pmtuValue]ping.PMTU{"system": ping.PMTUDefault, "do": ping.PMTUDo, "want": ping.PMTUWant, "dont": ping.PMTUDont}

func (v *pmtuValue) Set(s string) error { *v = pmtuValue(s); return v.Check(s) }
func (v *pmtuValue) String() string     { return string(*v) }
func (v *pmtuValue) Limits() string     { return "default as the system is set up" }
func (v *pmtuValue) Check(s string) error {
	if _, ok := pmtus[pmtuValue(s)]; !ok || s == "system" {
		return errors.New("not known, it takes do, want or dont")
	}
	return nil
}

// socketValue is the value of --socket.
type socketValue string

var sockets = map[socketValue]ping.Mode{"auto": ping.Auto, "ping": ping.Unprivileged, "raw": ping.Privileged}

func (v *socketValue) Set(s string) error { *v = socketValue(s); return v.Check(s) }
func (v *socketValue) String() string     { return string(*v) }
func (v *socketValue) Limits() string     { return "default auto: the first that may be opened" }
func (v *socketValue) Check(s string) error {
	if _, ok := sockets[socketValue(s)]; !ok {
		return errors.New("not known, it takes ping, raw or auto")
	}
	return nil
}

// patternValue is the value of -p.
type patternValue []byte

func (v *patternValue) Set(s string) (err error) { *v, err = decodePattern(s); return err }
func (v *patternValue) String() string           { return hex.EncodeToString(*v) }
func (v *patternValue) Limits() string           { return "default bytes that count up" }
func (v *patternValue) Check(s string) error     { _, err := decodePattern(s); return err }

func decodePattern(s string) ([]byte, error) {
	if len(s) == 1 {
		s = "0" + s
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) == 0 || len(b) > 16 {
		return nil, errors.New("not a pattern, it takes 1 to 16 bytes in hexadecimal as ff or 00ff")
	}
	return b, nil
}

// check refuses flags that do not go together.
func (f *pingFlags) check(c *call) error {
	switch {
	case f.flood && f.adaptive:
		return usagef("-f and -A exclude each other")
	case c.isSet("retries") && !f.alive:
		return usagef("--retries goes with --alive; without it, -c says how many probes are sent")
	case f.alive && c.isSet("c"):
		return usagef("--alive and -c exclude each other; --retries says how often a silent host is tried again")
	case f.alive && (f.flood || f.adaptive):
		return usagef("--alive excludes -f and -A")
	}
	return nil
}

// config is what the flags ask of ping.
func (f *pingFlags) config(c *call) ping.Config {
	cfg := ping.Config{
		Count: f.count, Interval: f.interval, Timeout: f.timeout, Deadline: f.deadline, Preload: f.preload,
		Until: f.untilUp || f.alive, Rate: f.rate, Size: f.size, Pattern: f.pattern, TTL: f.ttl, TOS: max(f.tos, 0),
		PMTU: pmtus[f.pmtu], Mark: int(f.mark), Broadcast: f.broadcast, Mode: sockets[f.socket],
	}
	if f.interval == 0 {
		cfg.Interval = -1
	}
	if f.size == 0 {
		cfg.Size = -1
	}
	if f.rate == 0 || f.flood && !c.isSet("rate") {
		cfg.Rate = -1
	}
	if f.alive {
		cfg.Count = int64(f.retries) + 1
		cfg.Interval = f.timeout
	}
	switch {
	case f.flood:
		cfg.Pace = ping.Flood
	case f.adaptive:
		cfg.Pace = ping.Adaptive
	}
	if source, err := netip.ParseAddr(f.from); err == nil {
		cfg.Source = source.Unmap()
	} else {
		cfg.Interface = f.from
	}
	return cfg
}

// run is netdiag ping.
func (f *pingFlags) run(ctx context.Context, c *call) (status, error) {
	if err := f.check(c); err != nil {
		return unable, inCommand("ping", err)
	}
	list, err := newTargetList(c.args, f.file, c.in)
	if err != nil {
		return unable, inCommand("ping", err)
	}
	cfg := f.config(c)
	if f.size < 8 {
		c.warn("%d bytes of data have no room for the cookie that marks this run's probes: another process's replies can be mistaken for theirs", f.size)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opt := pingOptions{
		many: !list.one(), alive: f.alive, quiet: f.quiet, flood: f.flood, stamps: f.stamps, bell: f.audible, verbose: c.verbose,
		size: f.size, count: cfg.Count, interval: max(0, cfg.Interval), timeout: cfg.Timeout,
	}
	r := &pingRun{warn: c.warn, active: make(map[int]*pingTarget), verdict: f.verdict}
	flush := r.show(c, opt)
	cfg.Idle = func() {
		if r.idle(flush) != nil {
			cancel() // nobody takes the output: the run has no purpose
		}
	}
	defer r.onSnapshot()()
	if list.one() {
		err = r.one(ctx, c, cfg, list)
	} else {
		err = r.many(ctx, c, cfg, list)
	}
	r.finish()
	if flushed := flush(); r.broken == nil {
		r.broken = flushed
	}
	if err == nil {
		err = r.broken
	}
	return r.status, err
}

// show sets the view, and returns how to flush what it writes.
func (r *pingRun) show(c *call, opt pingOptions) (flush func() error) {
	if c.json {
		out := render.NewJSON(c.out)
		r.view = &pingJSON{out: out, opt: opt, run: r}
		return out.Flush
	}
	out := render.NewWriter(c.out)
	color := render.NewColor(c.color, c.out, os.Getenv)
	r.view = &pingText{out: out, color: color, opt: opt}
	if opt.alive {
		r.view = &pingAlive{out: out, color: color, opt: opt}
	}
	return out.Flush
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
	case f.maxLoss >= 0 && loss*100 > f.maxLoss:
		return no
	case f.maxRTT >= 0 && render.Ms(s.RTT().Max) > f.maxRTT:
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
func (r *pingRun) one(ctx context.Context, c *call, cfg ping.Config, list *targetList) error {
	t, addrs := &pingTarget{}, []netip.Addr(nil)
	var failed error
	for target, err := range list.all() {
		t.text, addrs, failed = target.Text, []netip.Addr{target.Addr}, err
		if err == nil && target.Name {
			addrs, failed = newSystemLookup().Addrs(ctx, target.Host, c.family())
		} else if err == nil && !c.family().has(target.Addr) {
			failed = wrongFamily(c.family(), target.Addr)
		}
	}
	r.note(r.view.start())
	for i := 0; failed == nil && i < len(addrs); i++ {
		t.addr = addrs[i]
		cfg.Targets = func(yield func(netip.Addr) bool) {
			r.add(0, t)
			yield(t.addr)
		}
		err := r.do(ctx, cfg)
		if err == nil || t.stats.Sent > 0 || i == len(addrs)-1 || !noRoute(err) {
			failed = err
			break
		}
		clear(r.active)
		c.warn("%v, trying the next address", err)
	}
	if failed != nil {
		r.active[0] = t
	}
	r.rest(failed)
	return failed
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
func (r *pingRun) many(ctx context.Context, c *call, cfg ping.Config, list *targetList) error {
	system := newSystemLookup()
	source := &pingSource{run: r, family: c.family(), lookup: func(ctx context.Context, name string) ([]netip.Addr, error) {
		return system.Addrs(ctx, name, c.family())
	}}
	cfg.Targets = source.addrs(ctx, list.all())
	r.note(r.view.start())
	err := r.do(ctx, cfg)
	if err != nil && source.order == 0 { // it never came to the first target
		r.none(list.all(), err)
	}
	r.rest(err)
	return err
}

// none ends all targets of a run that could not begin, for a reader that awaits one
// summary each.
func (r *pingRun) none(targets iter.Seq2[Target, error], reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for target, err := range targets {
		if err == nil {
			err = reason
		}
		r.end(&pingTarget{text: target.Text, addr: target.Addr, err: err})
	}
}

// wrongFamily is the error about an address that -4 or -6 rule out.
func wrongFamily(f family, a netip.Addr) error {
	return fmt.Errorf("%v is no %v address", a, f)
}
