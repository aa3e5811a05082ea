package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/netdiag/netdiag/trace"
)

// vertexAt returns the address of node n at a TTL, or for a negative n a silent one.
func vertexAt(ttl, n int) trace.Vertex {
	if n < 0 {
		return trace.Vertex{TTL: ttl, Silent: -n}
	}
	return trace.Vertex{TTL: ttl, Addr: netip.AddrFrom4([4]byte{10, byte(ttl), 0, byte(n)})}
}

// pathsEvents is a trace with -M over hops of the given nodes; links has for each TTL the pairs of nodes that are
// joined with the next one. A node with several links is a balancer by flow.
func pathsEvents(hops [][]int, links map[int][][2]int, r trace.Result) []trace.Event {
	w := walkTo(0, "192.0.2.9")
	for i, nodes := range hops {
		var probes []trace.Probe
		for _, n := range nodes {
			p := silent
			if n >= 0 {
				p = exceededBy(vertexAt(i+1, n).Addr.String(), time.Duration(i+1)*ms+time.Duration(n)*us)
			}
			probes = append(probes, p)
		}
		w.hopLike(trace.Hop{TTL: i + 1, Bound: 0.05 / float64(i+1)}, probes...)
	}
	for i, nodes := range hops {
		for flow, n := range nodes {
			node := trace.Node{Vertex: vertexAt(i+1, n), Flows: []int{flow}, Reached: i == len(hops)-1}
			if n >= 0 {
				node.RTT.Add(time.Duration(i+1)*ms + time.Duration(n)*us)
			}
			out := 0
			for _, l := range links[i+1] {
				if l[0] == n {
					out++
				}
			}
			if out > 1 {
				node.Balancer, node.Confidence = trace.PerFlow, 0.9987
			}
			w.tell(trace.Event{Kind: trace.NodeFound, Node: &node})
			r.Nodes++
		}
	}
	for ttl := 1; ttl <= len(hops); ttl++ {
		for i, l := range links[ttl] {
			w.tell(trace.Event{Kind: trace.LinkFound, Link: &trace.Link{From: vertexAt(ttl, l[0]), To: vertexAt(ttl+1, l[1]), Flows: []int{i}}})
			r.Links++
		}
	}
	r.Stop, r.Reached, r.Confidence = trace.StopDestination, true, 0.95
	return w.done(r)
}

// all joins each of some nodes with each of others.
func all(from, to []int) (pairs [][2]int) {
	for _, a := range from {
		for _, b := range to {
			pairs = append(pairs, [2]int{a, b})
		}
	}
	return pairs
}

func TestTracePaths(t *testing.T) {
	one, four := []int{1}, []int{1, 2, 3, 4}
	var sixteen []int
	for i := range 16 {
		sixteen = append(sixteen, i+1)
	}
	five := []int{1, 2, 3, 4, 5}
	names := map[string]string{"10.1.0.1": "gw\x1b.lan", "10.2.0.1": "core1.example.net", "10.3.0.2": "\u202erouter"}
	wide := map[int][][2]int{1: all(one, one), 2: all(one, sixteen), 3: nil, 4: all(five, one), 5: all(one, one)}
	for i, n := range sixteen {
		wide[3] = append(wide[3], [2]int{n, i%5 + 1})
	}
	special := pathsEvents([][]int{one, {1, 2}, {1, 2}, one}, map[int][][2]int{1: all(one, []int{1, 2}), 2: {{1, 1}, {2, 2}}, 3: all([]int{1, 2}, one)}, trace.Result{Bound: 0.00001})
	for _, e := range special {
		if n := e.Node; n != nil {
			switch {
			case n.TTL == 1:
				n.Balancer, n.Confidence = trace.PerPacket, 0
			case n.TTL == 2 && n.Flows[0] == 0:
				n.Balancer, n.Confidence, n.Labels = trace.PerDestination, 0.95, []trace.Label{{Label: 7, Bottom: true, TTL: 1}}
			case n.TTL == 3:
				n.Loop = true
			}
		}
	}
	tests := []struct {
		file  string
		args  string
		scene []trace.Event
	}{
		{"paths-mesh.txt", "-M", pathsEvents([][]int{one, one, four, {1, 2}, one, one},
			map[int][][2]int{1: all(one, one), 2: all(one, four), 3: all(four, []int{1, 2}), 4: all([]int{1, 2}, one), 5: all(one, one)},
			trace.Result{Bound: 0.0312})},
		{"paths-silent.txt", "-M -n", pathsEvents([][]int{one, {1, 2, -1, -2}, {1, 2, -1}, one, {1, 2}, one},
			map[int][][2]int{1: all(one, []int{1, 2, -1, -2}), 2: {{1, 1}, {2, 2}, {-1, -1}, {-2, 1}}, 3: all([]int{1, 2, -1}, one), 4: all(one, []int{1, 2}), 5: all([]int{1, 2}, one)},
			trace.Result{Bound: 0.05, Lite: true})},
		{"paths-wide.txt", "-M", pathsEvents([][]int{one, one, sixteen, five, one, one}, wide, trace.Result{Bound: 0.043, Lite: true})},
		{"paths-wide-numeric.txt", "-M -n", pathsEvents([][]int{one, sixteen, sixteen, one}, map[int][][2]int{1: all(one, sixteen),
			2: append(all(sixteen[:4], sixteen[:14]), all(sixteen[4:], sixteen[:2])...), 3: all(sixteen, one)}, trace.Result{Bound: 0.043})},
		{"paths-kinds.txt", "-M -n -e", special},
		{"paths-interrupted.txt", "-M -n", walkTo(0, "192.0.2.9").hop(1, exceededBy("10.0.0.1", ms)).
			hop(2, exceededBy("10.0.0.2", ms), exceededBy("10.0.0.3", ms), silent).done(trace.Result{Stop: trace.StopInterrupted, Confidence: 0.95})},
		{"paths-color.txt", "-M -n --color always", special},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			out, errs, _ := showTrace(t, traceScene{args: tt.args, find: fakeReverse{names: names}, events: tt.scene})
			checkGolden(t, "trace/"+tt.file, out+"== standard error\n"+errs)
		})
	}
	out, errs, _ := showTrace(t, traceScene{args: "-M --json", find: fakeReverse{names: names}, events: special})
	checkGolden(t, "trace/paths.json", out+"== standard error\n"+errs)
}

func TestProbabilities(t *testing.T) {
	for p, want := range map[float64]string{0: "0%", 0.00001: "<0.01%", 0.0001: "0.01%", 0.00011: "0.02%", 0.0312: "3.2%", 0.05: "5.0%", 0.0501: "5.1%", 0.5: "50%", 1: "100%"} {
		if got := atMost(p); got != want {
			t.Errorf("atMost(%v) = %s, want %s", p, got, want)
		}
	}
	for p, want := range map[float64]string{0.95: "95.0%", 0.9987: "99.8%", 0.99999: "99.9%", 1: "100.0%"} {
		if got := sureness(p); got != want {
			t.Errorf("sureness(%v) = %s, want %s", p, got, want)
		}
	}
}
