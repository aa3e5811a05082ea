package main

import (
	"context"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/trace"
)

// evidenceEvents is a trace with all that answers can have beside their address.
func evidenceEvents() []trace.Event {
	labelled := exceededBy("10.0.0.1", 2*ms)
	labelled.Labels = []trace.Label{{Label: 24015, TC: 1, TTL: 1}, {Label: 16, Bottom: true, TTL: 63}}
	other := labelled
	other.Labels = []trace.Label{{Label: 24016, Bottom: true, TTL: 1}}
	named := exceededBy("10.0.0.2", 3*ms)
	named.Interfaces = []trace.Interface{
		{Role: 0, Index: 7, Addr: netip.MustParseAddr("10.9.9.1"), Name: "ge-0/0/1\x1b[2J\u202e", MTU: 9000}, {Role: 2, Index: 8}, {Role: 9},
	}
	named.Objects = []trace.Object{{Class: 250, Type: 1, Data: []byte{0xde, 0xad}}}
	odd := exceededBy("10.0.0.3", 4*ms)
	odd.ReplyTTL, odd.Back, odd.Note = 251, 5, "its quote is cut short\n"
	changed := trace.Hop{TTL: 3, Changes: []trace.Change{{Field: trace.FieldSource, Sent: "192.0.2.100", Quoted: "203.0.113.5"}, {Field: trace.FieldECN, Sent: "1", Quoted: "0"}}}
	forged := trace.Probe{From: netip.MustParseAddr("10.6.6.6"), Note: "it quotes another's datagram"}
	return walkTo(0, "192.0.2.9").
		hop(1, labelled, labelled, other).
		hop(2, named, silent, exceededBy("10.0.0.2", 3*ms)).
		tell(trace.Event{Kind: trace.Foreign, Probe: forged}).
		hopLike(changed, odd, odd, odd).
		hop(4, portClosed("192.0.2.9", 5*ms)).
		done(trace.Result{Reached: true, Stop: trace.StopDestination, Hops: 4, Foreign: 1})
}

// remarkable is a trace about which there is all to say that there can be.
func remarkable() []trace.Event {
	return walkTo(0, "192.0.2.9").
		hopLike(trace.Hop{TTL: 1, RateLimited: true}, exceededBy("10.0.0.1", 2*ms), silent, silent).
		hopLike(trace.Hop{TTL: 2, RateLimited: true}, exceededBy("10.0.0.2", 2*ms), silent, silent).
		tell(trace.Event{Kind: trace.SendError, Err: syscall.EPERM, Probe: trace.Probe{TTL: 3}}).
		hop(3, stopped("10.0.0.3", 3, 13, 3*ms), stopped("10.0.0.3", 3, 13, 3*ms), stopped("10.0.0.4", 3, 1, 3*ms)).
		done(trace.Result{Stop: trace.StopUnreachable, Hops: 3, Late: 1, Duplicates: 2, Foreign: 3, SendErrors: 1,
			Caveats: []string{"quoted TTLs are not known without raw sockets"}})
}

func TestTraceViews(t *testing.T) {
	harm := map[string]string{"10.0.0.1": "a\x1b[31mb\n\u202ec.example", "10.0.0.2": "bücher.example"}
	origins := map[string][]uint32{"10.0.0.1": {64496}, "10.0.0.2": {64496, 64497}}
	six := walkTo(0, "2001:db8::9").
		hop(1, exceededBy("fe80::1%eth0", ms), silent, exceededBy("2001:db8:1::1", ms)).
		hop(2, portClosed("2001:db8::9", 2*ms)).
		done(trace.Result{Reached: true, Stop: trace.StopDestination, Hops: 2})
	quiet := walkTo(0, "192.0.2.9").hop(1, exceededBy("10.0.0.1", ms), exceededBy("10.0.0.2", ms), exceededBy("10.0.0.1", ms))
	for ttl := range 5 {
		quiet.hop(ttl+2, silent, silent, silent)
	}
	alive := quiet.done(trace.Result{Stop: trace.StopGap, Hops: 1, Alive: true, AliveBy: "echo"})
	dead := walkTo(0, "192.0.2.9").hop(1, silent).done(trace.Result{Stop: trace.StopGap})
	reach := func(m *trace.PathMTU) []trace.Event {
		return walkTo(0, "192.0.2.9").hop(1, portClosed("192.0.2.9", ms)).done(trace.Result{Reached: true, Stop: trace.StopDestination, Hops: 1, PathMTU: m})
	}
	steps := []trace.MTUStep{{MTU: 9000}, {TTL: 3, From: netip.MustParseAddr("10.0.0.3"), MTU: 1500}, {From: netip.MustParseAddr("10.0.0.4"), MTU: 1400}}
	tests := []struct {
		file  string
		scene traceScene
		want  status
	}{
		{"evidence.txt", traceScene{args: "-e", events: evidenceEvents()}, yes},
		{"verbose.txt", traceScene{args: "-v -n", events: evidenceEvents()}, yes},
		{"plain.txt", traceScene{args: "--size 1400 -m 30 -s 192.0.2.100", events: evidenceEvents()}, yes},
		{"harm.txt", traceScene{targets: []string{"192.0.2.9"}, find: fakeReverse{names: harm}, events: alive}, no},
		{"as.txt", traceScene{args: "-A", find: fakeReverse{names: harm, origins: origins}, events: alive}, no},
		{"as-numeric.txt", traceScene{args: "-A -n", find: fakeReverse{origins: origins}, events: alive}, no},
		{"ipv6.txt", traceScene{targets: []string{"host.example=2001:db8::9"}, events: six}, yes},
		{"remarks.txt", traceScene{events: remarkable()}, no},
		{"color.txt", traceScene{args: "--color always", events: remarkable()}, no},
		{"gap.txt", traceScene{args: "--gap 1", events: dead}, no},
		{"max-ttl.txt", traceScene{args: "-m 2", events: walkTo(0, "192.0.2.9").hop(1, silent).done(trace.Result{Stop: trace.StopMaxTTL})}, no},
		{"deadline.txt", traceScene{events: walkTo(0, "192.0.2.9").hop(1, silent).done(trace.Result{Stop: trace.StopDeadline})}, no},
		{"interrupted.txt", traceScene{events: walkTo(0, "192.0.2.9").hop(1, silent).done(trace.Result{Stop: trace.StopInterrupted})}, no},
		{"no-route.txt", traceScene{events: walkTo(0, "192.0.2.9").done(trace.Result{Stop: trace.StopError, Err: syscall.ENETUNREACH})}, unable},
		{"no-permission.txt", traceScene{err: &advised{syscall.EPERM, "do something"}}, unable},
		{"unknown.txt", traceScene{targets: []string{"nowhere.example"}}, unable},
		{"mtu.txt", traceScene{args: "--mtu", events: reach(&trace.PathMTU{MTU: 1380, Steps: steps, BlackHole: 5})}, yes},
		{"mtu-none.txt", traceScene{args: "--mtu", events: reach(&trace.PathMTU{})}, yes},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			out, errs, st := showTrace(t, tt.scene)
			if st != tt.want {
				t.Errorf("status %d, want %d", st, tt.want)
			}
			checkGolden(t, "trace/"+tt.file, out+"== standard error\n"+errs)
		})
	}
}

// TestTraceNamesDoNotHoldUp has a name that comes after 2 s: lines wait for it half a second in all, and later
// lines have it.
func TestTraceNamesDoNotHoldUp(t *testing.T) {
	line := exceededBy("10.0.0.1", ms)
	began := time.Time{}
	var took time.Duration
	scene := traceScene{
		find: fakeReverse{names: map[string]string{"10.0.0.1": "slow.example", "10.0.0.2": "slower.example"}, slow: map[string]time.Duration{"10.0.0.1": 2 * time.Second, "10.0.0.2": time.Hour}},
	}
	scene.engine = func(_ context.Context, cfg trace.Config) traceEvents {
		return func(yield func(trace.Event, error) bool) {
			for range cfg.Targets {
			}
			began = time.Now()
			w := walkTo(0, "192.0.2.9").hop(1, line, line).hop(2, exceededBy("10.0.0.2", ms)).hop(3, line)
			told := 0
			tell := func() {
				for ; told < len(w.events); told++ {
					yield(w.events[told], nil)
				}
			}
			tell()
			took = time.Since(began)
			time.Sleep(3 * time.Second)
			w.hop(4, line).done(trace.Result{Reached: true, Stop: trace.StopDestination})
			tell()
		}
	}
	out, _, _ := showTrace(t, scene)
	want := []string{
		" 1  10.0.0.1 (10.0.0.1)  1.000 ms  1.000 ms", " 2  10.0.0.2 (10.0.0.2)  1.000 ms",
		" 3  10.0.0.1 (10.0.0.1)  1.000 ms", " 4  slow.example (10.0.0.1)  1.000 ms",
	}
	if got := strings.Split(strings.TrimSpace(out), "\n")[1:]; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", out)
	}
	if took != 0 {
		t.Errorf("the engine was held up for %v", took)
	}
}

func TestProbeSize(t *testing.T) {
	for _, tt := range []struct {
		method    trace.Method
		size      int
		four, six int
	}{
		{trace.UDP, 0, 60, 80}, {trace.TCP, 0, 60, 80}, {trace.UDP, 1, 38, 58}, {trace.ICMP, 50, 50, 58}, {trace.TCP, 50, 60, 80}, {trace.UDP, 1500, 1500, 1500},
	} {
		cfg := trace.Config{Method: tt.method, Size: tt.size}
		if four, six := cfg.ProbeSize(netip.MustParseAddr("192.0.2.9")), cfg.ProbeSize(netip.MustParseAddr("2001:db8::9")); four != tt.four || six != tt.six {
			t.Errorf("%v, size %d: %d and %d", tt.method, tt.size, four, six)
		}
	}
}
