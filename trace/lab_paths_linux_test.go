package trace

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/netdiag/netdiag/internal/packet"
)

// TestMultipathOverKernels finds all that there is: r1, three in the middle, an interface of r2 behind each, and the
// destination. How likely it is to miss something is beyond doubt here: of the ways of this test one fails by chance in a
// thousand runs.
func TestMultipathOverKernels(t *testing.T) {
	eachWay(t, func(t *testing.T, f packet.Family, cfg Config) {
		t.Parallel()
		for _, h := range hashes(cfg) {
			k := openKernels(t, kernelsConfig{hash: h, freely: true})
			cfg.Targets, cfg.Multipath, cfg.Confidence, cfg.Rate = Addrs(k.target(f)), true, 0.9999, 3000
			r := traceIn(t, k.vantage, cfg)
			middle, r2 := k.farEnds(f, toMiddle), k.farEnds(f, toR2)
			if cfg.Method == ICMP && (h == byPorts || f == packet.IPv4) { // an echo has nothing that this kernel would hash
				middle, r2 = middle[:1], r2[:1]
			}
			k.wantPaths(r, f, middle, r2)
		}
	})
}

// wantPaths checks the nodes and links of a trace that finds all paths: so many pass the middle, each to an interface
// of r2.
func (k *kernels) wantPaths(r *traced, f packet.Family, middle, r2 []netip.Addr) {
	r.t.Helper()
	res := r.result()
	if !res.Reached || res.Stop != StopDestination || res.Hops != 4 || res.Nodes != len(r.of(NodeFound)) || res.Links != len(r.of(LinkFound)) || res.Bound > 1-res.Confidence {
		r.t.Errorf("%+v", res)
	}
	byTTL := make(map[int][]netip.Addr)
	for _, e := range r.of(NodeFound) {
		n := e.Node
		byTTL[n.TTL] = append(byTTL[n.TTL], n.Addr)
		want := None
		if n.TTL == 1 && len(middle) > 1 {
			want = PerFlow
		}
		if n.Balancer != want || n.Loop || n.Reached != (n.TTL == 4) {
			r.t.Errorf("%+v", n)
		}
	}
	follows := make(map[netip.Addr]netip.Addr) // what is behind a node of the middle
	for _, e := range r.of(LinkFound) {
		if e.Link.From.TTL == 2 {
			if was, again := follows[e.Link.From.Addr]; again {
				r.t.Errorf("behind %v there are %v and %v", e.Link.From.Addr, was, e.Link.To.Addr)
			}
			follows[e.Link.From.Addr] = e.Link.To.Addr
		}
	}
	all := len(byTTL[1]) == 1 && len(byTTL[2]) == len(middle) && len(byTTL[4]) == 1 && len(byTTL) == 4
	for i, m := range k.farEnds(f, toMiddle) {
		if a, ok := follows[m]; ok && a != k.farEnds(f, toR2)[i] && (f == packet.IPv4 || a != k.farEnds(f, toR2)[0]) {
			r.t.Errorf("behind %v there is %v", m, a)
		}
	}
	if !all || len(follows) != len(middle) || len(byTTL[3]) != len(r2) && f == packet.IPv4 || slices.Contains(byTTL[2], netip.Addr{}) {
		r.t.Errorf("nodes %v, links behind the second hop %v", byTTL, follows)
	}
}
