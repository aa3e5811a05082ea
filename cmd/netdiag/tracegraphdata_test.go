package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netdiag/netdiag/trace"
)

// graphLines writes a graph down: its nodes with their flows, then its links.
func graphLines(g traceGraph) (lines []string) {
	name := func(i int) string {
		if i == 0 {
			return "source"
		}
		return vertexID(g.Nodes[i].Vertex)
	}
	for i, n := range g.Nodes {
		line := fmt.Sprintf("%d %s %v", n.TTL, name(i), n.Flows)
		if n.RTT.N() > 0 {
			line += fmt.Sprint(" ", n.RTT.Mean())
		}
		if n.Reached {
			line += " reached"
		}
		if n.Name != "" {
			line += " " + n.Name
		}
		lines = append(lines, line)
	}
	for _, l := range g.Links {
		lines = append(lines, fmt.Sprintf("%s -> %s %v", name(l.From), name(l.To), l.Flows))
	}
	return lines
}

// targetAfter returns the target of events.
func targetAfter(events []trace.Event) *traceTarget {
	t := newTraceTarget(&host{text: "host.example", addr: netip.MustParseAddr("192.0.2.9")})
	for _, e := range events {
		t.add(&e)
	}
	return t
}

func named(a netip.Addr) (string, []uint32) {
	if a == netip.MustParseAddr("10.0.0.1") {
		return "gw", []uint32{64496}
	}
	return "", nil
}

// hopGraph is what the probes of hops show.
type hopGraph struct {
	name   string
	events []trace.Event
	want   string
}

func hopGraphs() []hopGraph {
	a, b, c := exceededBy("10.0.0.1", ms), exceededBy("10.0.0.2", 2*ms), exceededBy("10.0.0.3", 3*ms)
	end := portClosed("192.0.2.9", 5*ms)
	done := trace.Result{Reached: true, Stop: trace.StopDestination}
	return []hopGraph{
		{"one way", walkTo(0, "192.0.2.9").hop(1, a, a).hop(2, end, end).done(done),
			`0 source []
1 10.0.0.1 [0 1] 1ms gw
2 192.0.2.9 [0 1] 5ms reached
10.0.0.1 -> 192.0.2.9 [0 1]
source -> 10.0.0.1 [0 1]`},
		{"a diamond", walkTo(0, "192.0.2.9").hop(1, a, a, a).hop(2, b, c, b).hop(3, end, end, end).done(done),
			`0 source []
1 10.0.0.1 [0 1 2] 1ms gw
2 10.0.0.2 [0 2] 2ms
2 10.0.0.3 [1] 3ms
3 192.0.2.9 [0 1 2] 5ms reached
10.0.0.1 -> 10.0.0.2 [0 2]
10.0.0.1 -> 10.0.0.3 [1]
10.0.0.2 -> 192.0.2.9 [0 2]
10.0.0.3 -> 192.0.2.9 [1]
source -> 10.0.0.1 [0 1 2]`},
		// Flows 0 and 1 meet the same silence between the same nodes; flow 2 another one, as it comes from elsewhere.
		{"silence", walkTo(0, "192.0.2.9").hop(1, a, a, b).hop(2, silent, silent, silent).hop(3, silent, silent, silent).hop(4, end, end, end).hop(5, silent, silent, silent).done(done),
			`0 source []
1 10.0.0.1 [0 1] 1ms gw
1 10.0.0.2 [2] 2ms
2 *2.1 [0 1]
2 *2.2 [2]
3 *3.1 [0 1]
3 *3.2 [2]
4 192.0.2.9 [0 1 2] 5ms reached
10.0.0.1 -> *2.1 [0 1]
10.0.0.2 -> *2.2 [2]
*2.1 -> *3.1 [0 1]
*2.2 -> *3.2 [2]
*3.1 -> 192.0.2.9 [0 1]
*3.2 -> 192.0.2.9 [2]
source -> 10.0.0.1 [0 1]
source -> 10.0.0.2 [2]`},
		{"ways of unequal length", walkTo(0, "192.0.2.9").hop(1, a, silent).hop(2, end, b).hop(3, silent, end).hop(4, silent).done(done),
			`0 source []
1 10.0.0.1 [0] 1ms gw
1 *1.1 [1]
2 10.0.0.2 [1] 2ms
2 192.0.2.9 [0] 5ms reached
3 192.0.2.9 [1] 5ms reached
10.0.0.1 -> 192.0.2.9 [0]
*1.1 -> 10.0.0.2 [1]
10.0.0.2 -> 192.0.2.9 [1]
source -> 10.0.0.1 [0]
source -> *1.1 [1]`},
		{"nobody", walkTo(0, "192.0.2.9").hop(1, silent, silent).done(trace.Result{Stop: trace.StopGap}), "0 source []"},
	}
}

func TestGraphOfHops(t *testing.T) {
	for _, tt := range hopGraphs() {
		g := graphOf(targetAfter(tt.events), false, named)
		want := strings.Split(tt.want, "\n")
		if diff := cmp.Diff(want, graphLines(g)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestGraphOfRetries has a probe sent again beside the lost one.
func TestGraphOfRetries(t *testing.T) {
	h := &trace.Hop{TTL: 1}
	for _, p := range []trace.Probe{silent, exceededBy("10.0.0.1", ms), silent} {
		p.TTL = 1
		h.Probes = append(h.Probes, p)
	}
	nodes, links := pathsOf([]*trace.Hop{h})
	if len(nodes) != 1 || len(links) != 0 || nodes[0].Addr != netip.MustParseAddr("10.0.0.1") || !slices.Equal(nodes[0].Flows, []int{0}) {
		t.Errorf("%+v, %+v", nodes, links)
	}
}

func TestGraphOfPaths(t *testing.T) {
	events := pathsEvents([][]int{{1}, {1, -1}, {1}}, map[int][][2]int{1: {{1, 1}, {1, -1}}, 2: {{1, 1}, {-1, 1}}}, trace.Result{})
	stray := trace.Event{Kind: trace.LinkFound, Link: &trace.Link{From: vertexAt(7, 1), To: vertexAt(8, 1)}}
	g := graphOf(targetAfter(append(events, stray)), true, named)
	want := strings.Split(`0 source []
1 10.1.0.1 [0] 1.001ms
2 10.2.0.1 [0] 2.001ms
2 *2.1 [1]
3 10.3.0.1 [0] 3.001ms reached
10.1.0.1 -> 10.2.0.1 [0]
10.1.0.1 -> *2.1 [1]
10.2.0.1 -> 10.3.0.1 [0]
*2.1 -> 10.3.0.1 [1]
source -> 10.1.0.1 [0]`, "\n")
	if diff := cmp.Diff(want, graphLines(g)); diff != "" || !g.Multipath || g.Target != "host.example" || g.Nodes[0].Addr.String() != "192.0.2.100" {
		t.Errorf("%+v (-want +got):\n%s", g, diff)
	}
}

// TestTraceGraph writes the file when the trace is over, and says so where it cannot.
func TestTraceGraph(t *testing.T) {
	dir := t.TempDir()
	events := walkTo(0, "192.0.2.9").hop(1, exceededBy("10.0.0.1", ms)).hop(2, portClosed("192.0.2.9", ms)).done(trace.Result{Reached: true, Stop: trace.StopDestination})
	for _, ext := range []string{".dot", ".svg", ".html"} {
		file := filepath.Join(dir, "paths"+ext)
		_, errs, st := showTrace(t, traceScene{args: "-n --graph " + file, events: events})
		if b, err := os.ReadFile(file); err != nil || len(b) == 0 || st != yes || errs != "" {
			t.Errorf("%s: %d bytes, %v, status %d, %q", ext, len(b), err, st, errs)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "directory.svg"), 0o755); err != nil {
		t.Fatal(err)
	}
	out, errs, st := showTrace(t, traceScene{args: "-n --graph " + filepath.Join(dir, "directory.svg"), events: events})
	if st != unable || !strings.Contains(errs, "directory.svg") || !strings.Contains(out, " 2  192.0.2.9") {
		t.Errorf("status %d, %q, %q", st, out, errs)
	}
	file := filepath.Join(dir, "none.svg")
	_, _, st = showTrace(t, traceScene{args: "-n --graph " + file, targets: []string{"nowhere.example"}})
	if _, err := os.Stat(file); err == nil || st != unable {
		t.Errorf("a graph of nothing: %v, status %d", err, st)
	}
}
