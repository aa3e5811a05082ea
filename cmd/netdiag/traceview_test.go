package main

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netdiag/netdiag/trace"
)

// fakeReverse is a reverse lookup from tables.
type fakeReverse struct {
	names   map[string]string
	origins map[string][]uint32
	slow    map[string]time.Duration // how long an answer takes; by default none
}

func (f *fakeReverse) wait(ctx context.Context, a netip.Addr) bool {
	select {
	case <-time.After(f.slow[a.String()]):
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *fakeReverse) Name(ctx context.Context, a netip.Addr) string {
	if !f.wait(ctx, a) {
		return ""
	}
	return f.names[a.String()]
}

func (f *fakeReverse) Origins(ctx context.Context, a netip.Addr) []uint32 {
	if !f.wait(ctx, a) {
		return nil
	}
	return f.origins[a.String()]
}

// traceScene is a run with an engine that tells what a test wants.
type traceScene struct {
	args    string
	targets []string // with their addresses behind "="; none: 192.0.2.9
	find    fakeReverse
	events  []trace.Event
	err     error                                           // that ends the run
	engine  func(context.Context, trace.Config) traceEvents // nil: it yields events, then err
}

// lookup finds the addresses that the scene has for names; more than one stand apart by "/".
func (s *traceScene) lookup() lookup {
	return lookupFunc(func(ctx context.Context, name string) ([]netip.Addr, error) {
		select { // a name is never known at once, but when it is asked for again
		case <-time.After(ms / 10):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		for _, target := range s.targets {
			if text, addrs, ok := strings.Cut(target, "="); ok && text == name {
				var all []netip.Addr
				for a := range strings.SplitSeq(addrs, "/") {
					all = append(all, netip.MustParseAddr(a))
				}
				return all, nil
			}
		}
		return nil, &lookupError{name: name, reason: "name not known"}
	})
}

// play is the engine: it takes its targets as they come, and tells what the scene has.
func (s *traceScene) play(ctx context.Context, cfg trace.Config) traceEvents {
	return func(yield func(trace.Event, error) bool) {
		next := 0
		for a := range cfg.Targets {
			if next++; !a.IsValid() {
				time.Sleep(time.Millisecond) // in the bubble: the next one is asked for a little later
			}
		}
		for _, e := range s.events {
			if !yield(e, nil) {
				return
			}
		}
		if s.err != nil {
			yield(trace.Event{}, s.err)
		}
	}
}

// showTrace has the command show a scene, and returns what it writes and the exit status. It runs in a bubble.
func showTrace(t *testing.T, scene traceScene) (stdout, stderr string, st status) {
	t.Helper()
	if len(scene.targets) == 0 {
		scene.targets = []string{"192.0.2.9"}
	}
	var hosts []string
	for _, target := range scene.targets {
		text, _, _ := strings.Cut(target, "=")
		hosts = append(hosts, text)
	}
	if scene.engine == nil {
		scene.engine = scene.play
	}
	var out, errs bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		out.Reset()
		f, c, err := traceFlagged(t, append(strings.Fields(scene.args), hosts...)...)
		if err != nil {
			t.Fatal(err)
		}
		c.out, c.diagnostics = &out, diagnostics{&errs}
		list, err := newTargetList(c.args, f.file, c.in)
		if err != nil {
			t.Fatal(err)
		}
		finder := &targetFinder{lookup: scene.lookup(), family: f.family(c), flag: "-i"}
		if st, err = f.trace(t.Context(), c, list, finder, &scene.find, scene.engine); err != nil {
			t.Error(err)
		}
	})
	for line := range strings.Lines(errs.String()) {
		if !strings.HasPrefix(line, "netdiag: ") {
			t.Errorf("on standard error: %q", line)
		}
	}
	return out.String(), errs.String(), st
}

// walk makes the events of a trace to a target.
type walk struct {
	index  int
	target netip.Addr
	seq    int64
	events []trace.Event
}

func walkTo(index int, target string) *walk {
	return &walk{index: index, target: netip.MustParseAddr(target)}
}

func (w *walk) tell(e trace.Event) *walk {
	e.Index, e.Target, e.Time = w.index, w.target, eventTime
	w.events = append(w.events, e)
	return w
}

// probe tells of a probe that got p back, or of nothing for a p from nobody.
func (w *walk) probe(ttl, flow int, p trace.Probe) trace.Probe {
	p.TTL, p.Flow, p.Seq = ttl, flow, w.seq
	w.seq++
	kind := trace.Answer
	if !p.From.IsValid() {
		kind = trace.Timeout
	}
	w.tell(trace.Event{Kind: kind, Probe: p})
	return p
}

// hop tells of a hop whose flows got the given probes back.
func (w *walk) hop(ttl int, probes ...trace.Probe) *walk {
	return w.hopLike(trace.Hop{TTL: ttl}, probes...)
}

// hopLike is hop with all else that h has.
func (w *walk) hopLike(h trace.Hop, probes ...trace.Probe) *walk {
	for flow, p := range probes {
		p = w.probe(h.TTL, flow, p)
		h.Probes = append(h.Probes, p)
		h.Sent++
		if !p.From.IsValid() {
			h.Lost++
			continue
		}
		i := slices.IndexFunc(h.Addrs, func(a trace.HopAddr) bool { return a.Addr == p.From })
		if i < 0 {
			i = len(h.Addrs)
			h.Addrs = append(h.Addrs, trace.HopAddr{Addr: p.From})
		}
		h.Addrs[i].RTT.Add(p.RTT)
		h.Addrs[i].Flows = append(h.Addrs[i].Flows, flow)
	}
	return w.tell(trace.Event{Kind: trace.HopDone, Hop: &h})
}

// done ends the trace.
func (w *walk) done(r trace.Result) []trace.Event {
	r.Source = netip.MustParseAddr("192.0.2.100")
	if w.target.Is6() {
		r.Source = netip.MustParseAddr("2001:db8::100")
	}
	r.Probes, r.Took = w.seq, 123456789
	return w.tell(trace.Event{Kind: trace.Done, Result: &r}).events
}

// silent is a probe that nobody answered.
var silent trace.Probe

// exceededBy is the answer of a router.
func exceededBy(addr string, rtt time.Duration) trace.Probe {
	p := answerBy(addr, 11, 0, rtt)
	if p.From.Is6() {
		p.ICMPType = 3
	}
	p.Message = "time to live exceeded"
	return p
}

// answerBy is an answer by ICMP.
func answerBy(addr string, typ, code uint8, rtt time.Duration) trace.Probe {
	return trace.Probe{From: netip.MustParseAddr(addr), RTT: rtt, ICMP: true, ICMPType: typ, ICMPCode: code, ReplyTTL: 60, Back: 4}
}

// portClosed is the answer of a destination to UDP.
func portClosed(addr string, rtt time.Duration) trace.Probe {
	p := answerBy(addr, 3, 3, rtt)
	if p.From.Is6() {
		p.ICMPType, p.ICMPCode = 1, 4
	}
	p.Reached, p.Message = true, "port unreachable"
	return p
}

// stopped is an answer that says that the way ends.
func stopped(addr string, typ, code uint8, rtt time.Duration) trace.Probe {
	p := answerBy(addr, typ, code, rtt)
	p.Stopped, p.Message = true, "destination unreachable"
	return p
}

const us = time.Microsecond

// TestTraceText has the form of BSD's traceroute, byte for byte.
func TestTraceText(t *testing.T) {
	events := walkTo(0, "151.101.0.67").
		hop(1, exceededBy("192.168.1.1", 1234*us), exceededBy("192.168.1.1", 987*us), exceededBy("192.168.1.1", 1001*us)).
		hop(2, exceededBy("10.0.0.1", 9512*us), exceededBy("10.0.0.2", 9700*us), exceededBy("10.0.0.1", 9611*us)).
		hop(3, silent, silent, silent).
		hop(4, silent, exceededBy("198.51.100.7", 12*ms), silent).
		hop(5, portClosed("151.101.0.67", 12345*us), portClosed("151.101.0.67", 12*ms), portClosed("151.101.0.67", 11999*us)).
		done(trace.Result{Reached: true, Stop: trace.StopDestination, Hops: 5})
	names := map[string]string{"192.168.1.1": "router.lan", "10.0.0.1": "a.example.net", "10.0.0.2": "b.example.net"}
	const want = `traceroute to xkcd.com (151.101.0.67), 64 hops max, 60 byte packets
 1  router.lan (192.168.1.1)  1.234 ms  0.987 ms  1.001 ms
 2  a.example.net (10.0.0.1)  9.512 ms
    b.example.net (10.0.0.2)  9.700 ms
    a.example.net (10.0.0.1)  9.611 ms
 3  * * *
 4  * 198.51.100.7 (198.51.100.7)  12.000 ms *
 5  151.101.0.67 (151.101.0.67)  12.345 ms  12.000 ms  11.999 ms
`
	out, errs, st := showTrace(t, traceScene{targets: []string{"xkcd.com=151.101.0.67"}, find: fakeReverse{names: names}, events: events})
	if out != want || errs != "" || st != yes {
		t.Errorf("status %d, on standard error %q, got\n%swant\n%s", st, errs, out, want)
	}
	out, _, _ = showTrace(t, traceScene{args: "-n", targets: []string{"xkcd.com=151.101.0.67"}, find: fakeReverse{names: names}, events: events})
	numeric := `traceroute to xkcd.com (151.101.0.67), 64 hops max, 60 byte packets
 1  192.168.1.1  1.234 ms  0.987 ms  1.001 ms
 2  10.0.0.1  9.512 ms
    10.0.0.2  9.700 ms
    10.0.0.1  9.611 ms
 3  * * *
 4  * 198.51.100.7  12.000 ms *
 5  151.101.0.67  12.345 ms  12.000 ms  11.999 ms
`
	if out != numeric {
		t.Errorf("-n: got\n%swant\n%s", out, numeric)
	}
}
