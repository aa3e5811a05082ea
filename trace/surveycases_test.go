package trace

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/internal/netsim"
)

// text shows a graph, a line a link, without the prefix that the addresses of Layers have in common.
func (g *graph) text() string {
	name := func(v Vertex) string {
		if v.Silent > 0 {
			return fmt.Sprintf("*%d.%d", v.TTL, v.Silent)
		}
		return strings.NewReplacer("198.51.100.1", "target", ".0.", ".").Replace(strings.TrimPrefix(v.Addr.String(), "10."))
	}
	var lines []string
	for _, l := range g.links {
		lines = append(lines, name(l.From)+" "+name(l.To))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// balancers lists the nodes that balance.
func (g *graph) balancers() (list []string) {
	for _, n := range g.nodes {
		if n.Balancer != None {
			list = append(list, fmt.Sprintf("%v %v", n.Addr, n.Balancer))
		}
	}
	return list
}

// surveys repeats a survey, with little probability to miss anything, with so many seeds.
func surveys(t *testing.T, w *walkable, n int, each func(seed int, s *survey, g *graph)) {
	t.Helper()
	var tables stopTables
	for seed := range n {
		w.n.Reseed(uint64(seed))
		s, g := w.explore(0.001, &tables)
		each(seed, s, &g)
	}
}

// TestSilentInDiamonds has silent routers beside others, and alone at a TTL.
func TestSilentInDiamonds(t *testing.T) {
	for _, test := range []struct {
		name   string
		topo   netsim.Topology
		silent []string
		want   string
	}{
		{"one of three", netsim.Diamond(1, 3, 1), []string{"r2.2"},
			"*2.1 3.1\n1.1 *2.1\n1.1 2.1\n1.1 2.3\n2.1 3.1\n2.3 3.1\n3.1 target"},
		{"all of a TTL", netsim.Diamond(1, 1, 1), []string{"r2.1"},
			"*2.1 3.1\n1.1 *2.1\n3.1 target"},
		{"two on branches of their own", netsim.Plain(1, 3, 3, 3, 1), []string{"r3.1", "r3.2"},
			"*3.1 4.1\n*3.2 4.2\n1.1 2.1\n1.1 2.2\n1.1 2.3\n2.1 *3.1\n2.2 *3.2\n2.3 3.3\n3.3 4.3\n4.1 5.1\n4.2 5.1\n4.3 5.1\n5.1 target"},
	} {
		for _, name := range test.silent {
			test.topo.Router(name).SilentExpired = true
		}
		surveys(t, walkOver(t, test.topo), 20, func(seed int, s *survey, g *graph) {
			got := g.text()
			swapped := strings.NewReplacer("*3.1", "*3.2", "*3.2", "*3.1").Replace(got) // which is first is chance
			lines := strings.Split(swapped, "\n")
			slices.Sort(lines)
			if got != test.want && strings.Join(lines, "\n") != test.want {
				t.Errorf("%s, seed %d:\n%s", test.name, seed, got)
			}
		})
	}
}

// TestBalancers tells the kinds of balancers apart.
func TestBalancers(t *testing.T) {
	for _, kind := range []netsim.Balance{netsim.PerFlow, netsim.PerPacket, netsim.PerDestination} {
		topo := netsim.Diamond(1, 1, 2, 1)
		topo.Hosts[0].Addrs = netsim.Prefixes("198.51.100.0/24")
		topo.Router("r2.1").Balance = kind
		w := walkOver(t, topo)
		w.target = netip.MustParseAddr("198.51.100.1")
		for i := range byte(8) {
			w.others = append(w.others, netip.AddrFrom4([4]byte{198, 51, 100, 2 + i}))
		}
		wrong := 0
		surveys(t, w, 400, func(seed int, s *survey, g *graph) {
			want := []string{"10.2.0.1 per-" + string(kind)}
			if got := g.balancers(); !slices.Equal(got, want) {
				wrong++
			}
			if len(g.caveats) > 0 && kind != netsim.PerPacket {
				t.Errorf("%s, seed %d: caveats %q", kind, seed, g.caveats)
			}
		})
		// By packets: all repeats stay with a probability of at most repeatDoubt. By destination: all 8 others go the same way.
		t.Logf("%s: %d of 400 wrong", kind, wrong)
		if _, high := within(wrong, 400, repeatDoubt); float64(wrong) > high {
			t.Errorf("%s: %d of 400 are told to be something else", kind, wrong)
		}
	}
}

// TestPerPacketInventsNoLinks has two routers behind each of two to which packets are spread one by one.
func TestPerPacketInventsNoLinks(t *testing.T) {
	topo := netsim.Plain(1, 2, 2, 1)
	topo.Router("r1.1").Balance = netsim.PerPacket
	surveys(t, walkOver(t, topo), 100, func(seed int, s *survey, g *graph) {
		if len(g.caveats) == 0 {
			return // not noticed: rare
		}
		for link := range strings.SplitSeq(g.text(), "\n") {
			if strings.HasPrefix(link, "2.") && strings.Contains(link, " 3.") {
				t.Errorf("seed %d: link %q", seed, link)
			}
		}
	})
}

// TestUnequalDiamond has a diamond one branch of which has a router more.
func TestUnequalDiamond(t *testing.T) {
	topo := netsim.Diamond(1, 4, 4, 1)
	topo.Lengthen("r3.4", "r4.1")
	w := walkOver(t, topo)
	probes := 0
	right := 0
	surveys(t, w, 100, func(seed int, s *survey, g *graph) {
		probes += w.sent
		addrs := make(map[netip.Addr]bool)
		for _, n := range g.nodes {
			addrs[n.Addr] = true
		}
		if len(addrs) == w.nodes {
			right++
		}
		for _, l := range g.links {
			for _, flow := range l.Flows {
				if s.seenAt(l.From.TTL, flow) != l.From.Addr || s.seenAt(l.To.TTL, flow) != l.To.Addr || l.To.TTL != l.From.TTL+1 {
					t.Fatalf("seed %d: flow %d did not pass %+v", seed, flow, l)
				}
			}
		}
	})
	t.Logf("%d probes in the mean, all of %d routers in %d of 100", probes/100, w.nodes, right)
	if right < 99 {
		t.Errorf("all routers found in %d of 100 only", right)
	}
}

// TestRandomNetworks explores networks drawn at random. What is found is there, and the search ends.
func TestRandomNetworks(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for n := range 150 {
		widths := []int{1}
		for range 2 + rng.IntN(4) {
			widths = append(widths, 1+rng.IntN(5))
		}
		share := rng.Float64()
		linked := make(map[[3]int]bool)
		topo := netsim.Layers(widths, func(layer, from, to int) bool {
			key := [3]int{layer, from, to}
			if _, ok := linked[key]; !ok {
				// One link at least for each node of either side.
				linked[key] = from%widths[layer] == to-1 || to%widths[layer-1] == from-1 || rng.Float64() < share
			}
			return linked[key]
		})
		w := walkOver(t, topo)
		w.n.Reseed(uint64(n))
		var tables stopTables
		s, g := w.explore(0.05, &tables)
		nodes, links := w.truth()
		for _, node := range g.nodes {
			if !nodes[Vertex{TTL: node.TTL, Addr: node.Addr}] {
				t.Errorf("network %d: node %+v", n, node)
			}
		}
		for _, l := range g.links {
			if !links[[2]Vertex{l.From, l.To}] {
				t.Errorf("network %d: link %+v", n, l)
			}
		}
		if s.asked >= mostAsks {
			t.Errorf("network %d of %v: %d probes", n, widths, s.asked)
		}
	}
}
