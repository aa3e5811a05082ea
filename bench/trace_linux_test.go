package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/netsim"
)

// traced is what a run of netdiag trace --json said.
type traced struct {
	hops    map[int][]string // addresses by TTL
	nodes   map[vertex]bool
	links   map[edge]bool
	summary summary
}

type vertex struct {
	ttl  int
	addr string
}

type edge struct {
	ttl      int // of from
	from, to string
}

type summary struct {
	Reached, Alive bool
	StopReason     string `json:"stop_reason"`
	Hops, Probes   int
	Seconds, Bound float64
	RateLimited    []int `json:"rate_limited"` // hops
}

// readTrace reads the lines that netdiag trace --json wrote.
func readTrace(b *testing.B, out []byte) *traced {
	b.Helper()
	t := &traced{hops: make(map[int][]string), nodes: make(map[vertex]bool), links: make(map[edge]bool)}
	for line := range bytes.Lines(out) {
		var kind struct {
			Type, From, To, Addr string
			TTL                  int
			Addrs                []struct{ Addr string }
		}
		if err := json.Unmarshal(line, &kind); err != nil {
			b.Fatalf("%v: %s", err, line)
		}
		switch kind.Type {
		case "hop":
			for _, a := range kind.Addrs {
				t.hops[kind.TTL] = append(t.hops[kind.TTL], a.Addr)
			}
		case "node":
			t.nodes[vertex{kind.TTL, kind.Addr}] = true
		case "link":
			t.links[edge{kind.TTL, kind.From, kind.To}] = true
		case "summary":
			if err := json.Unmarshal(line, &t.summary); err != nil {
				b.Fatalf("%v: %s", err, line)
			}
		}
	}
	return t
}

// tools collects what runs of several tools took, each by its name.
type tools struct {
	b  *testing.B
	ns *lab.Namespace
	ms map[string][]float64
}

// run runs a tool and returns what it wrote.
func (t *tools) run(name, path string, args ...string) []byte {
	t.b.Helper()
	r := measure(t.b, t.ns, path, args...)
	if t.ms == nil {
		t.ms = make(map[string][]float64)
	}
	t.ms[name] = append(t.ms[name], r.wall.Seconds()*1e3)
	return r.out
}

// report reports the medians.
func (t *tools) report() {
	t.b.ReportMetric(0, "ns/op")
	for name, ms := range t.ms {
		t.b.ReportMetric(median(ms), name+"-ms")
	}
}

// rising are the round trips to the hops of a path, at even distances up to that of the last.
func rising(hops int, last time.Duration) (rtts []time.Duration) {
	for i := range hops {
		rtts = append(rtts, last*time.Duration(i+1)/time.Duration(hops))
	}
	return rtts
}

// inLab opens a lab in front of a network.
func inLab(b *testing.B, topology netsim.Topology) (*lab.Namespace, *netsim.Network) {
	b.Helper()
	network, err := netsim.New(topology)
	if err != nil {
		b.Fatal(err)
	}
	return lab.Test(b, network).Namespace, network
}

// BenchmarkTrace traces over paths of routers beside other tools. What netdiag found is checked; a peer that
// takes longer than all others together runs once.
func BenchmarkTrace(b *testing.B) {
	ours := netdiag(b)
	quiet := netsim.Chain(rising(12, 104*time.Millisecond)...)
	quiet.Router("r6").Silent, quiet.Router("r9").Silent = true, true
	behind14 := append(rising(14, 300*time.Millisecond), 300*time.Millisecond)
	dead, mute := netsim.Chain(behind14...), netsim.Chain(behind14...)
	dead.Host("target").Down = []netsim.Window{{}}
	mute.Host("target").UDPSilent = true
	tracerouteArgs := []string{"-n"}
	for _, tt := range []struct {
		name     string
		topology netsim.Topology
		silent   []int // hops
		want     summary
		peers    map[string][]string
		once     map[string][]string
	}{
		{name: "15-hops-300ms", topology: netsim.Chain(rising(15, 300*time.Millisecond)...), want: summary{Reached: true, Alive: true, StopReason: "destination", Hops: 15},
			peers: map[string][]string{"traceroute": tracerouteArgs, "mtr": {"-n", "-r", "-c", "3"}}},
		{name: "12-hops-2-silent-104ms", topology: quiet, silent: []int{6, 9}, want: summary{Reached: true, Alive: true, StopReason: "destination", Hops: 12},
			peers: map[string][]string{"traceroute": tracerouteArgs}},
		{name: "dead-destination", topology: dead, want: summary{StopReason: "gap", Hops: 14},
			peers: map[string][]string{"traceroute": tracerouteArgs}, once: map[string][]string{"scamper": {"-c", "trace -P udp-paris", "-i"}}},
		{name: "silent-destination", topology: mute, want: summary{Alive: true, StopReason: "gap", Hops: 14},
			peers: map[string][]string{"traceroute": tracerouteArgs}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			for name := range tt.peers {
				peer(b, name)
			}
			ns, network := inLab(b, tt.topology)
			t := tools{b: b, ns: ns}
			target := network.Addr("target", 4).String()
			right, runs := 0, 0
			var probes []int
			for b.Loop() {
				found := readTrace(b, t.run("netdiag", ours, "trace", "-n", "--json", target))
				runs++
				if wrong := found.differs(tt.want, chainHops(network, tt.want, tt.silent)); wrong != "" {
					b.Logf("wrong: %s", wrong)
				} else {
					right++
				}
				probes = append(probes, found.summary.Probes)
				for name, args := range tt.peers {
					t.run(name, peer(b, name), append(slices.Clone(args), target)...)
				}
				for name, args := range tt.once {
					if len(t.ms[name]) == 0 {
						t.run(name, peer(b, name), append(slices.Clone(args), target)...)
					}
				}
			}
			t.report()
			b.ReportMetric(float64(median(probes)), "netdiag-probes")
			b.ReportMetric(100*float64(right)/float64(runs), "right-%")
		})
	}
}

// chainHops are the addresses that the hops of a netsim.Chain should show.
func chainHops(network *netsim.Network, want summary, silent []int) map[int][]string {
	hops := make(map[int][]string)
	for ttl := 1; ttl <= want.Hops; ttl++ {
		name := fmt.Sprintf("r%d", ttl)
		if want.Reached && ttl == want.Hops {
			name = "target"
		}
		if !slices.Contains(silent, ttl) {
			hops[ttl] = []string{network.Addr(name, 4).String()}
		}
	}
	return hops
}

// differs says in what a trace is not what it should be; "" if it is.
func (t *traced) differs(want summary, hops map[int][]string) string {
	s := t.summary
	if s.Reached != want.Reached || s.Alive != want.Alive || s.StopReason != want.StopReason || s.Hops != want.Hops {
		return fmt.Sprintf("%+v", s)
	}
	for ttl, addrs := range hops {
		if !slices.Equal(t.hops[ttl], addrs) {
			return fmt.Sprintf("hop %d: %v, want %v", ttl, t.hops[ttl], addrs)
		}
	}
	for ttl, addrs := range t.hops {
		if len(hops[ttl]) == 0 {
			return fmt.Sprintf("hop %d: %v, want none", ttl, addrs)
		}
	}
	return ""
}

// hostilePath is a path on which all goes wrong that can and leaves a trace possible: labels, address translation, losses, a
// router that limits its errors, one that forges and one that doubles what it says.
func hostilePath() netsim.Topology {
	t := netsim.Chain(rising(10, 100*time.Millisecond)...)
	t.Router("r2").Quote.MPLS = []netsim.Label{{Label: 24015, TC: 5, TTL: 1}}
	r3 := t.Router("r3")
	r3.NAT = &netsim.NAT{Outside: r3.Addrs}
	t.Router("r4").ErrorLoss = 0.15
	t.Router("r5").ErrorLimit = &netsim.Limit{Rate: 2, Burst: 2}
	forged := netip.MustParseAddr("203.0.113.66")
	t.Router("r6").ErrorFaults = []netsim.Fault{
		{Foreign: &netsim.Foreign{}}, {Foreign: &netsim.Foreign{ID: new(uint16(4711))}},
		{Error: &netsim.ErrorAnswer{Kind: netsim.TTLExceeded, From: forged, Misquote: &netsim.Misquote{Random: true}, WithReply: true}},
	}
	t.Router("r7").ErrorFaults = []netsim.Fault{{Copies: 2, Spacing: 5 * time.Millisecond}}
	t.Router("r8").Quote.Short = true
	for i := range t.Links {
		t.Links[i].Loss = 0.003
	}
	return t
}

// BenchmarkTraceHostile traces over hostilePath with another seed in each run: the share of runs in which every hop
// is right and none beside, and that in which the limit is named, of that router and no other.
func BenchmarkTraceHostile(b *testing.B) {
	ours, theirs := netdiag(b), peer(b, "traceroute")
	ns, network := inLab(b, hostilePath())
	t := tools{b: b, ns: ns}
	target := network.Addr("target", 4).String()
	want := summary{Reached: true, Alive: true, StopReason: "destination", Hops: 10}
	const each = 4 // runs an operation
	var seed uint64
	var runs, right, named, misnamed float64
	for b.Loop() {
		for range each {
			seed++
			network.Reseed(seed)
			found := readTrace(b, t.run("netdiag", ours, "trace", "-n", "--json", target))
			runs++
			if wrong := found.differs(want, chainHops(network, want, nil)); wrong != "" {
				b.Logf("seed %d: %s", seed, wrong)
			} else {
				right++
			}
			if slices.Contains(found.summary.RateLimited, 5) {
				named++
			}
			if slices.ContainsFunc(found.summary.RateLimited, func(ttl int) bool { return ttl != 5 }) {
				misnamed++
				b.Logf("seed %d: hops %v are said to limit their answers", seed, found.summary.RateLimited)
			}
		}
		network.Reseed(seed)
		t.run("traceroute", theirs, "-n", target)
	}
	t.report()
	b.ReportMetric(100*right/runs, "right-%")
	b.ReportMetric(100*named/runs, "limit-named-%")
	b.ReportMetric(100*misnamed/runs, "misnamed-%")
}
