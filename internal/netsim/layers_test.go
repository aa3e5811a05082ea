package netsim_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// links returns the links between a layer and the next as "1-1 1-2", sorted.
func links(top netsim.Topology, layer int) string {
	var found []string
	for _, l := range top.Links {
		var a, i, b, j int
		if n, _ := fmt.Sscanf(l.From+" "+l.To, "r%d.%d r%d.%d", &a, &i, &b, &j); n == 4 && a == layer {
			found = append(found, fmt.Sprintf("%d-%d", i, j))
		}
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

// walk returns the paths that flows of UDP take to the target, as the names of the nodes that
// answer, and how many of count flows take each.
func walk(t *testing.T, n *netsim.Network, top netsim.Topology, f packet.Family, count int) map[string]int {
	t.Helper()
	names := map[netip.Addr]string{n.Addr("target", f): "target"}
	for _, r := range top.Routers {
		names[n.Addr(r.Name, f)] = r.Name
	}
	paths := make(map[string]int)
	for i := range count {
		var path []string
		for ttl := uint8(1); ttl < 40; ttl++ {
			p := to(n, f).udp(uint16(40000+i), 33434)
			p.ttl = ttl
			g := one(t, n, t0, p)
			path = append(path, names[g.h.Src])
			if g.icmp.Class == packet.Unreachable {
				break
			}
		}
		paths[strings.Join(path, " ")]++
	}
	return paths
}

// TestLayers looks at the links of the shapes, and has every path taken by its share of flows.
func TestLayers(t *testing.T) {
	pairs := func(layer, from, to int) bool { return layer != 2 || (from+1)/2 == to }
	tests := []struct {
		name  string
		top   netsim.Topology
		links []string           // from each layer to the next
		paths map[string]float64 // share by the routers of all layers, "1.3.2.1"; nil: not looked at
	}{
		{"simplest", netsim.Diamond(1, 2, 1), []string{"1-1 1-2", "1-1 2-1"},
			map[string]float64{"1.1.1": 0.5, "1.2.1": 0.5}},
		{"plain", netsim.Plain(1, 4, 2, 1), []string{"1-1 1-2 1-3 1-4", "1-1 2-1 3-2 4-2", "1-1 2-1"},
			map[string]float64{"1.1.1.1": 0.25, "1.2.1.1": 0.25, "1.3.2.1": 0.25, "1.4.2.1": 0.25}},
		{"by a function", netsim.Layers([]int{1, 4, 2, 1}, pairs), []string{"1-1 1-2 1-3 1-4", "1-1 2-1 3-2 4-2", "1-1 2-1"}, nil},
		{"meshed", netsim.Diamond(1, 4, 2, 1), []string{"1-1 1-2 1-3 1-4", "1-1 1-2 2-1 2-2 3-1 3-2 4-1 4-2", "1-1 2-1"},
			map[string]float64{
				"1.1.1.1": 0.125, "1.2.1.1": 0.125, "1.3.1.1": 0.125, "1.4.1.1": 0.125,
				"1.1.2.1": 0.125, "1.2.2.1": 0.125, "1.3.2.1": 0.125, "1.4.2.1": 0.125,
			}},
		{"a tree", netsim.Plain(1, 2, 4, 8, 1), []string{
			"1-1 1-2", "1-1 1-2 2-3 2-4", "1-1 1-2 2-3 2-4 3-5 3-6 4-7 4-8", "1-1 2-1 3-1 4-1 5-1 6-1 7-1 8-1",
		}, map[string]float64{
			"1.1.1.1.1": 0.125, "1.1.1.2.1": 0.125, "1.1.2.3.1": 0.125, "1.1.2.4.1": 0.125,
			"1.2.3.5.1": 0.125, "1.2.3.6.1": 0.125, "1.2.4.7.1": 0.125, "1.2.4.8.1": 0.125,
		}},
		{"uneven", netsim.Plain(1, 5, 3, 1), []string{"1-1 1-2 1-3 1-4 1-5", "1-1 2-1 3-2 4-2 5-3", "1-1 2-1 3-1"}, nil},
		{"uneven the other way", netsim.Plain(1, 3, 5, 1), []string{"1-1 1-2 1-3", "1-1 1-2 2-3 2-4 3-5", "1-1 2-1 3-1 4-1 5-1"}, nil},
	}
	const count = 2000
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for layer, want := range tt.links {
				if got := links(tt.top, layer+1); got != want {
					t.Errorf("links from layer %d: %s, want %s", layer+1, got, want)
				}
			}
			n := mustNew(t, tt.top)
			if tt.paths == nil {
				one(t, n, t0, to(n, v4).echo(1))
				return
			}
			taken := walk(t, n, tt.top, v4, count)
			for path, share := range tt.paths {
				var hops []string
				for l, router := range strings.Split(path, ".") {
					hops = append(hops, fmt.Sprintf("r%d.%s", l+1, router))
				}
				key := strings.Join(append(hops, "target"), " ")
				if !withinBounds(taken[key], count, share) {
					t.Errorf("%d of %d flows take %s, want a share of %v", taken[key], count, key, share)
				}
				delete(taken, key)
			}
			if len(taken) > 0 {
				t.Errorf("flows take %v, too", slices.Collect(maps.Keys(taken)))
			}
		})
	}
}

// TestLengthen makes one branch of a mesh longer than the others, and has all of them taken.
func TestLengthen(t *testing.T) {
	for _, f := range families {
		top := netsim.Diamond(1, 4, 4, 1)
		if first, second := top.Lengthen("r2.2", "r3.3"), top.Lengthen("r1.1", "r2.4"); first != "r2.2-r3.3" || second != "r1.1-r2.4" {
			t.Errorf("names %q, %q", first, second)
		}
		top.Lengthen("r2.2-r3.3", "r3.3")
		const count = 3000
		taken := walk(t, mustNew(t, top), top, f, count)
		if len(taken) != 16 {
			t.Errorf("%d paths, want 16", len(taken))
		}
		for path, flows := range taken {
			want := 5
			if strings.Contains(path, "r1.1-r2.4") {
				want++
			}
			if strings.Contains(path, "r2.2 r2.2-r3.3 r2.2-r3.3-r3.3 r3.3") {
				want += 2
			}
			if hops := strings.Count(path, " ") + 1; hops != want || !withinBounds(flows, count, 1.0/16) {
				t.Errorf("%d of %d flows take the path %s of %d hops, want %d", flows, count, path, hops, want)
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a link that there is not was made longer")
		}
	}()
	top := netsim.Chain(ms, ms)
	top.Lengthen("r1", "r2")
}

// anycast is a router with a host behind it, and another host of the same address one router
// further.
func anycast() netsim.Topology {
	top := netsim.Diamond(1)
	top.Hosts[0].Anycast = true
	far := top.Hosts[0]
	far.Name, far.TTL = "far", 255
	top.Hosts = append(top.Hosts, far)
	top.Routers = append(top.Routers, netsim.Router{Name: "r2.1", Addrs: netsim.Addrs("10.2.0.1", "2001:db8:1:2::1")})
	top.Links = append(top.Links, netsim.Link{From: "r1.1", To: "r2.1"}, netsim.Link{From: "r2.1", To: "far"})
	return top
}

// TestAnycast has two hosts of one address: the nearest is asked, or by the flow either, at different
// distances.
func TestAnycast(t *testing.T) {
	for _, f := range families {
		top := anycast()
		n := mustNew(t, top)
		for i := range 20 {
			if g := one(t, n, t0, to(n, f).udp(uint16(i), 33434)); g.h.TTL != 63 {
				t.Errorf("%s: not the nearest: %+v", name(f), g)
			}
		}
		for _, p := range top.Hosts[0].Addrs {
			top.Router("r1.1").Routes = append(top.Router("r1.1").Routes, netsim.Route{
				To: p, Via: []netsim.NextHop{{Node: "target", Weight: 3}, {Node: "r2.1"}},
			})
		}
		const count = 2000
		taken := walk(t, mustNew(t, top), top, f, count)
		if near := taken["r1.1 target"]; !withinBounds(near, count, 0.75) || near+taken["r1.1 r2.1 target"] != count {
			t.Errorf("%s: paths %v", name(f), taken)
		}
	}
}

// TestForwardedTTL has routers that set or raise the TTL of what they forward: hops behind them are
// never the one where it ends, or are left out.
func TestForwardedTTL(t *testing.T) {
	rtts := []time.Duration{2 * ms, 4 * ms, 6 * ms, 8 * ms, 10 * ms}
	for _, f := range families {
		top := netsim.Chain(rtts...)
		top.Router("r2").SetTTL = 64
		if taken := walk(t, mustNew(t, top), top, f, 1); taken["r1 r2 target"] != 1 {
			t.Errorf("%s: set: %v", name(f), taken)
		}
		top = netsim.Chain(rtts...)
		top.Router("r2").RaiseTTL = 1
		n := mustNew(t, top)
		if taken := walk(t, n, top, f, 1); taken["r1 r2 r4 target"] != 1 {
			t.Errorf("%s: raised: %v", name(f), taken)
		}
		top.Router("r2").RaiseTTL = 3
		p := to(n, f).echo(1)
		p.ttl = 255
		if g := one(t, mustNew(t, top), t0, p); !g.echo.Reply {
			t.Errorf("%s: raised beyond 255: %+v", name(f), g)
		}
		// A destination behind a router that translates its address: the errors of what is
		// behind it come from there, too.
		top = netsim.Chain(rtts...)
		top.Router("r4").ErrorFrom = netsim.Addrs("198.51.100.1", "2001:db8:ffff::1")
		if taken := walk(t, mustNew(t, top), top, f, 1); taken["r1 r2 r3 target target"] != 1 {
			t.Errorf("%s: translated: %v", name(f), taken)
		}
	}
}
