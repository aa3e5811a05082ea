package main

import (
	"testing"
	"time"

	"github.com/netdiag/netdiag/trace"
)

// reportEvents is a trace in two rounds: a hop of two addresses, one that limits its answers, a silent one.
func reportEvents() []trace.Event {
	w := walkTo(0, "192.0.2.9")
	sums := make(map[int]*trace.Hop)
	for round := range 2 {
		hop := func(ttl int, probes ...trace.Probe) {
			h := sums[ttl]
			if h == nil {
				h = &trace.Hop{TTL: ttl, RateLimited: ttl == 3}
				sums[ttl] = h
			}
			for i := range probes {
				probes[i].Round = round
				probes[i].RTT += time.Duration(round*i) * ms
			}
			h.Probes = nil
			w.hopLike(*h, probes...)
			*h = *w.events[len(w.events)-1].Hop
		}
		hop(1, exceededBy("10.0.0.1", 1500*us), exceededBy("10.0.0.1", 1700*us), exceededBy("10.0.0.1", 1600*us))
		hop(2, exceededBy("10.0.0.2", 3*ms), exceededBy("10.0.0.22", 4*ms), exceededBy("10.0.0.2", 5*ms))
		hop(3, exceededBy("10.0.0.3", 7*ms), silent, silent)
		hop(4, silent, silent, silent)
		hop(5, portClosed("192.0.2.9", 123*ms), portClosed("192.0.2.9", 124*ms), portClosed("192.0.2.9", 1250*ms))
		w.tell(trace.Event{Kind: trace.RoundDone, Probe: trace.Probe{Round: round}})
	}
	return w.done(trace.Result{Reached: true, Stop: trace.StopDestination, Hops: 5})
}

func TestTraceReport(t *testing.T) {
	names := map[string]string{"10.0.0.1": "router\x1b.lan", "10.0.0.22": "a-router-whose-name-is-long.pop-17.backbone.example.net"}
	scene := traceScene{args: "--report 2", targets: []string{"host.example=192.0.2.9"}, find: fakeReverse{names: names}, events: reportEvents()}
	out, errs, st := showTrace(t, scene)
	if st != yes {
		t.Errorf("status %d", st)
	}
	checkGolden(t, "trace/report.txt", out+"== standard error\n"+errs)
	labelled := exceededBy("10.0.0.1", ms)
	labelled.Labels = []trace.Label{{Label: 24015, Bottom: true, TTL: 1}}
	scene = traceScene{args: "--report 1 -A -e", find: fakeReverse{origins: map[string][]uint32{"10.0.0.1": {64496}}},
		events: walkTo(0, "192.0.2.9").hop(1, labelled, silent).done(trace.Result{Stop: trace.StopMaxTTL})}
	out, errs, st = showTrace(t, scene)
	if st != no {
		t.Errorf("status %d", st)
	}
	checkGolden(t, "trace/report-labels.txt", out+"== standard error\n"+errs)
}

// TestTraceMany has targets whose events come in any order: blocks are whole, and in the order of the command line.
func TestTraceMany(t *testing.T) {
	short := func(index int, addr string) []trace.Event {
		return walkTo(index, addr).hop(1, exceededBy("10.0.0.1", ms)).hop(2, portClosed(addr, 2*ms)).
			done(trace.Result{Reached: true, Stop: trace.StopDestination, Hops: 2})
	}
	first := walkTo(0, "192.0.2.1").hop(1, exceededBy("10.0.0.1", ms), silent).hop(2, stopped("10.0.0.2", 3, 1, 2*ms)).
		done(trace.Result{Stop: trace.StopUnreachable, Hops: 2, Foreign: 1})
	second, third := short(1, "192.0.2.2"), short(2, "192.0.2.77")
	events := append(append(second[:2:2], first[:3]...), third...)
	events = append(append(events, second[2:]...), first[3:]...)
	targets := []string{"192.0.2.1", "192.0.2.2", "nowhere.example", "name.example=192.0.2.77", "fe80::1"}
	out, errs, st := showTrace(t, traceScene{targets: targets, events: events})
	if st != unable {
		t.Errorf("status %d", st)
	}
	checkGolden(t, "trace/many.txt", out+"== standard error\n"+errs)
	out, errs, _ = showTrace(t, traceScene{args: "--report 1", targets: targets, events: events})
	checkGolden(t, "trace/many-report.txt", out+"== standard error\n"+errs)
	out, errs, _ = showTrace(t, traceScene{args: "--json -n", targets: targets, events: events})
	checkGolden(t, "trace/many.json", out+"== standard error\n"+errs)
}
