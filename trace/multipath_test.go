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

// TestLossIsNoNode runs traces over a diamond of four: with a silent branch, with routers and a destination that answer six probes
// and then one a second, with little loss and with much. What is lost makes no silent node, a silent branch is one, and all of it ends in
// reasonable time.
func TestLossIsNoNode(t *testing.T) {
	limit := &netsim.Limit{Rate: 1, Burst: 6}
	for _, test := range []struct {
		name   string
		change func(*netsim.Topology)
		took   time.Duration
		silent int
	}{
		{"silent branch", func(n *netsim.Topology) { n.Router("r2.2").SilentExpired = true }, 8 * time.Second, 1},
		{"limits", func(n *netsim.Topology) {
			for i := range n.Routers {
				n.Routers[i].ErrorLimit = limit
			}
			n.Hosts[0].ErrorLimit = limit
		}, 15 * time.Second, 0},
		{"2 % loss a link", lossy(0.02), 8 * time.Second, 0},
		{"10 % loss a link", lossy(0.1), 40 * time.Second, 0},
	} {
		right := 0
		const n = 40
		for seed := range n {
			topo := netsim.Diamond(1, 4, 1)
			topo.Seed = uint64(seed)
			test.change(&topo)
			s := simulate(t, topo, true)
			r := s.trace(t, Config{Targets: Addrs(s.target(4)), Multipath: true})
			res := r.result()
			silent := 0
			for _, e := range r.of(NodeFound) {
				silent += min(e.Node.Silent, 1)
			}
			if silent > test.silent || res.Nodes > 7 || res.Links > 9 || res.Took > test.took {
				t.Errorf("%s, seed %d: %d nodes, %d of them silent, %d links, %v", test.name, seed, res.Nodes, silent, res.Links, res.Took)
			}
			if outcomes := int64(len(r.of(Answer, Timeout))); outcomes != res.Probes-res.InFlight {
				t.Errorf("%s, seed %d: %d probes, %d in flight, %d outcomes", test.name, seed, res.Probes, res.InFlight, outcomes)
			}
			if silent == test.silent && res.Nodes == 7 && res.Links == 9 {
				right++
			}
		}
		if right < n*85/100 {
			t.Errorf("%s: %d of %d are right", test.name, right, n)
		}
	}
}

// lossy gives every link a probability of loss, each way.
func lossy(p float64) func(*netsim.Topology) {
	return func(n *netsim.Topology) {
		for i := range n.Links {
			n.Links[i].Loss = p
		}
	}
}
