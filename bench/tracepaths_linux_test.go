package bench

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
)

// graph is all that there is between the vantage and the destination: what each node can be followed by at each TTL.
func graph(topology netsim.Topology, network *netsim.Network) (nodes map[vertex]bool, links map[edge]bool) {
	nodes, links = make(map[vertex]bool), make(map[edge]bool)
	layer := map[string]bool{topology.Vantage.Name: true}
	for ttl := 1; len(layer) > 0; ttl++ {
		next := make(map[string]bool)
		for _, l := range topology.Links {
			if !layer[l.From] {
				continue
			}
			next[l.To] = true
			nodes[vertex{ttl, network.Addr(l.To, 4).String()}] = true
			if ttl > 1 {
				links[edge{ttl - 1, network.Addr(l.From, 4).String(), network.Addr(l.To, 4).String()}] = true
			}
		}
		layer = next
	}
	return nodes, links
}

// sameSet reports whether two sets have the same elements, as far as they are in them.
func sameSet[K comparable](a, b map[K]bool) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if !b[k] {
			return false
		}
	}
	return true
}

// even gives all links the same delay, so that the round trip over so many is as given.
func even(t netsim.Topology, rtt time.Duration, hops int) netsim.Topology {
	for i := range t.Links {
		t.Links[i].Delay = rtt / 2 / time.Duration(hops)
	}
	return t
}

// meshed is a mesh of 4 by 4 routers of which one branch is longer by a hop.
func meshed() netsim.Topology {
	t := netsim.Diamond(1, 4, 4, 1)
	t.Lengthen("r2.2", "r3.3")
	return even(t, 80*time.Millisecond, 5)
}

var tracelb = regexp.MustCompile(`(\d+) nodes, (\d+) links, (\d+) probes`)

// BenchmarkPaths finds every path, with another seed in each run: the share of runs with all nodes and links and nothing
// else, what they take, and the bound that they state. scamper's tracelb runs once: it takes a minute. What it counts
// are nodes and links by address.
func BenchmarkPaths(b *testing.B) {
	ours := netdiag(b)
	for _, tt := range []struct {
		name     string
		topology netsim.Topology
	}{
		{"diamonds-16-5", even(netsim.Diamond(1, 1, 16, 1, 5, 1), 80*time.Millisecond, 7)},
		{"mesh-4x4", meshed()},
	} {
		b.Run(tt.name, func(b *testing.B) {
			ns, network := inLab(b, tt.topology)
			nodes, links := graph(tt.topology, network)
			t := tools{b: b, ns: ns}
			target := network.Addr("target", 4).String()
			const each = 12 // runs an operation
			var seed uint64
			var complete, runs float64
			var probes, seconds, bounds []float64
			for b.Loop() {
				for range each {
					seed++
					network.Reseed(seed)
					found := readTrace(b, t.run("netdiag", ours, "trace", "-M", "-n", "--json", target))
					runs++
					if sameSet(found.nodes, nodes) && sameSet(found.links, links) {
						complete++
					} else {
						b.Logf("seed %d: %d nodes of %d, %d links of %d", seed, len(found.nodes), len(nodes), len(found.links), len(links))
					}
					probes = append(probes, float64(found.summary.Probes))
					seconds = append(seconds, found.summary.Seconds)
					bounds = append(bounds, found.summary.Bound)
				}
			}
			b.StopTimer()
			if m := tracelb.FindSubmatch(t.run("scamper", peer(b, "scamper"), "-c", "tracelb", "-i", target)); m != nil {
				for i, unit := range []string{"scamper-nodes", "scamper-links", "scamper-probes"} {
					n, err := strconv.Atoi(string(m[i+1]))
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(n), unit)
				}
			}
			t.report()
			b.ReportMetric(100*complete/runs, "complete-%")
			b.ReportMetric(100*percentile(bounds, 100), "bound-%")
			b.ReportMetric(median(probes), "probes")
			b.ReportMetric(percentile(probes, 90), "p90-probes")
			b.ReportMetric(median(seconds), "seconds")
			b.ReportMetric(percentile(seconds, 90), "p90-seconds")
		})
	}
}
