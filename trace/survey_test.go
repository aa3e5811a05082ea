package trace

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// walkable answers the asks of a survey from a simulated network, a UDP datagram each.
type walkable struct {
	n              *netsim.Network
	target, source netip.Addr
	others         []netip.Addr
	packet         []byte
	answers        []netsim.Delivery
	sent           int
	nodes, links   int // that there are to find
}

func walkOver(t testing.TB, topo netsim.Topology) *walkable {
	t.Helper()
	n, err := netsim.New(topo)
	if err != nil {
		t.Fatal(err)
	}
	w := &walkable{n: n, target: n.Addr("target", packet.IPv4), source: n.Vantage(packet.IPv4), nodes: len(topo.Routers) + 1}
	for _, l := range topo.Links {
		if l.From != "vantage" {
			w.links++
		}
	}
	return w
}

// answer sends the datagram of an ask.
func (w *walkable) answer(x ask) sight {
	w.sent++
	udp := packet.UDP{SrcPort: uint16(20000 + x.flow), DstPort: DefaultUDPPort}.Append(nil, nil)
	h := packet.Header{Family: packet.IPv4, Src: w.source, Dst: w.target, Proto: packet.ProtoUDP, TTL: uint8(x.ttl), ID: uint16(w.sent)}
	if x.other > 0 {
		h.Dst = w.others[x.other-1]
	}
	w.packet = h.Append(w.packet[:0], udp)
	w.answers = w.n.AppendSend(w.answers[:0], time.Unix(0, 0), w.packet)
	s := sight{ask: x}
	if len(w.answers) == 0 {
		return s
	}
	ip, err := packet.ParseIP(w.answers[0].Packet)
	if err != nil {
		return s
	}
	s.from = ip.Src
	s.reached = ip.Payload(w.answers[0].Packet)[0] == 3
	return s
}

// explore runs a survey over a network, all that it wants at a time.
func (w *walkable) explore(alpha float64, tables *stopTables) (*survey, graph) {
	w.sent = 0
	s := newSurvey(surveyConfig{alpha: alpha, firstTTL: 1, maxTTL: 30, gap: 5, flows: 4096, others: len(w.others)}, tables)
	var asks []ask
	for {
		asks = s.next(asks[:0])
		if s.done() {
			return s, s.graph()
		}
		for _, x := range asks {
			s.see(w.answer(x))
		}
	}
}

// topologies are those that the literature measures by, with the probes that a plain implementation of the
// algorithms took (95 % a test; research figures are for MDA and MDA-Lite).
var topologies = []struct {
	name   string
	topo   netsim.Topology
	probes float64 // not more of them, in the mean
}{
	{"1-2-1", netsim.Diamond(1, 2, 1), 65},
	{"1-4-2-1 plain", netsim.Plain(1, 4, 2, 1), 100},
	{"1-4-2-1 meshed", netsim.Diamond(1, 4, 2, 1), 260},
	{"1-2-4-8-1", netsim.Plain(1, 2, 4, 8, 1), 230},
	{"1-16-1", netsim.Diamond(1, 16, 1), 180},
}

// runs is how many seeded runs there are a topology.
func runs(t *testing.T) int {
	if testing.Short() || raceEnabled {
		return 400
	}
	return 20000
}

// within reports whether so many of n could be misses if each has probability p: within 99.9 % of the binomial distribution,
// approximated by the normal one.
func within(misses, n int, p float64) (low, high float64) {
	const z = 3.29
	mean, dev := float64(n)*p, math.Sqrt(float64(n)*p*(1-p))
	return mean - z*dev - 1, mean + z*dev + 1
}

// TestWholeTrace explores each topology many times. How often a node or a link is missing is not above the bound
// that is told, nor above what was asked for; and nothing is found that is not there.
func TestWholeTrace(t *testing.T) {
	for _, test := range topologies {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := walkOver(t, test.topo)
			var tables stopTables
			n := runs(t)
			missed, probes, lite, bounds := 0, 0, 0, 0.0
			const alpha = 0.05
			for seed := range n {
				w.n.Reseed(uint64(seed))
				s, g := w.explore(alpha, &tables)
				probes += w.sent
				if len(g.nodes) > w.nodes || len(g.links) > w.links {
					t.Fatalf("seed %d: %d nodes and %d links of %d and %d", seed, len(g.nodes), len(g.links), w.nodes, w.links)
				}
				if len(g.nodes) < w.nodes || len(g.links) < w.links {
					missed++
				}
				if !s.full {
					lite++
				}
				sum := 0.0
				for _, b := range g.bounds {
					sum += b
				}
				if sum > alpha {
					t.Fatalf("seed %d: the bound is %v", seed, sum)
				}
				bounds += sum
			}
			bound, mean := bounds/float64(n), float64(probes)/float64(n)
			t.Logf("%.1f probes, missed %.2f %%, bound %.2f %%, light %.1f %%", mean, 100*float64(missed)/float64(n), 100*bound, 100*float64(lite)/float64(n))
			if _, high := within(missed, n, bound); float64(missed) > high {
				t.Errorf("%d of %d missed something, the bound is %.4f", missed, n, bound)
			}
			if mean > test.probes {
				t.Errorf("%.1f probes, want at most %v", mean, test.probes)
			}
		})
	}
}

// TestOneBalancer has one balancer with the stopping points of 95 %: the miss rate is the theory's.
func TestOneBalancer(t *testing.T) {
	for _, width := range []int{2, 4, 8, 16} {
		w := walkOver(t, netsim.Diamond(1, width, 1))
		points := newStopPoints(0.05)
		n := runs(t)
		missed := 0
		for seed := range n {
			w.n.Reseed(uint64(seed))
			found := make(map[netip.Addr]bool)
			for flow := 0; len(found) == 0 || flow < points.at(len(found)); flow++ {
				found[w.answer(ask{ttl: 2, flow: flow}).from] = true
			}
			if len(found) < width {
				missed++
			}
		}
		points.at(width)
		theory := points.miss[width]
		low, high := within(missed, n, theory)
		t.Logf("width %d: missed %.4f, theory %.4f", width, float64(missed)/float64(n), theory)
		if float64(missed) < low || float64(missed) > high {
			t.Errorf("width %d: %d of %d missed, theory has %.1f", width, missed, n, theory*float64(n))
		}
		if width == 2 && theory != 1.0/32 {
			t.Errorf("the theory for two is %v", theory)
		}
	}
}
