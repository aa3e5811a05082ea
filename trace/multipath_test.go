package trace

import (
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
)

// truth returns the links that a great many flows pass, and the nodes at their ends.
func (w *walkable) truth() (nodes map[Vertex]bool, links map[[2]Vertex]bool) {
	nodes, links = make(map[Vertex]bool), make(map[[2]Vertex]bool)
	for flow := range 600 {
		var before Vertex
		for ttl := 1; ; ttl++ {
			x := w.answer(ask{ttl: ttl, flow: flow})
			v := Vertex{TTL: ttl, Addr: x.from}
			nodes[v] = true
			if ttl > 1 {
				links[[2]Vertex{before, v}] = true
			}
			if before = v; x.reached {
				break
			}
		}
	}
	return nodes, links
}

// TestFindsAll runs whole traces over networks with 80 ms to the destination, with many seeds: in nearly all of them every
// node and link is found, with so many probes in the mean, and in so much time at most.
func TestFindsAll(t *testing.T) {
	mesh := netsim.Diamond(1, 4, 4, 1)
	mesh.Lengthen("r3.4", "r4.1")
	for _, test := range []struct {
		name   string
		topo   netsim.Topology
		probes int64
		took   time.Duration
	}{
		{"16 then 5", netsim.Diamond(1, 1, 16, 1, 5, 1), 410, 2500 * time.Millisecond},
		{"mesh with a longer branch", mesh, 400, 2 * time.Second},
	} {
		for i := range test.topo.Links {
			test.topo.Links[i].Delay = ms(40) / 7
		}
		right, n := 0, 100
		var probes int64
		var took time.Duration
		for seed := range n {
			test.topo.Seed = uint64(seed)
			nodes, links := walkOver(t, test.topo).truth()
			s := simulate(t, test.topo, true)
			r := s.trace(t, Config{Targets: Addrs(s.target(4)), Multipath: true})
			res := r.result()
			found := 0
			for _, e := range r.of(NodeFound) {
				if !nodes[e.Node.Vertex] {
					t.Fatalf("%s, seed %d: node %+v", test.name, seed, e.Node)
				}
				found++
			}
			for _, e := range r.of(LinkFound) {
				if !links[[2]Vertex{e.Link.From, e.Link.To}] {
					t.Fatalf("%s, seed %d: link %+v", test.name, seed, e.Link)
				}
				found++
			}
			if found == len(nodes)+len(links) {
				right++
			}
			probes, took = probes+res.Probes, max(took, res.Took)
		}
		probes /= int64(n)
		t.Logf("%s: %d of %d, %d probes in the mean, at most %v", test.name, right, n, probes, took)
		if right < 90 || probes > test.probes || took > test.took {
			t.Errorf("%s: %d of %d, %d probes, %v", test.name, right, n, probes, took)
		}
	}
}
