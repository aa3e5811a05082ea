package trace

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// walkable answers the asks of a survey from a simulated network, a UDP datagram each.
type walkable struct {
	n      *netsim.Network
	target netip.Addr
	source netip.Addr
	buf    []byte
	reply  []netsim.Delivery
	sent   int
}

func walkNet(t testing.TB, topo netsim.Topology) *walkable {
	t.Helper()
	n, err := netsim.New(topo)
	if err != nil {
		t.Fatal(err)
	}
	return &walkable{n: n, target: n.Addr("target", 4), source: n.Vantage(4)}
}

// answer sends the datagram of an ask.
func (w *walkable) answer(x ask) sight {
	w.sent++
	udp := packet.UDP{SrcPort: uint16(20000 + x.flow), DstPort: 33434}.Append(nil, nil)
	h := packet.Header{Family: packet.IPv4, Src: w.source, Dst: w.target, Proto: packet.ProtoUDP, TTL: uint8(x.ttl), ID: uint16(w.sent)}
	w.buf = h.Append(w.buf[:0], udp)
	w.reply = w.n.AppendSend(w.reply[:0], time.Unix(0, 0), w.buf)
	s := sight{ask: x}
	if len(w.reply) == 0 {
		return s
	}
	ip, err := packet.ParseIP(w.reply[0].Packet)
	if err != nil {
		return s
	}
	s.from = ip.Src
	s.reached = ip.Payload(w.reply[0].Packet)[0] == 3
	return s
}

// explore runs a survey over a network, all that it wants at a time.
func explore(w *walkable, cfg surveyConfig) (*survey, graph) {
	w.sent = 0
	s := newSurvey(cfg)
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

func TestSurveyCounts(t *testing.T) {
	for name, topo := range map[string]netsim.Topology{
		"1-2-1": netsim.Diamond(1, 2, 1), "1-4-1": netsim.Diamond(1, 4, 1), "1-4-2-1 plain": netsim.Plain(1, 4, 2, 1), "1-4-2-1 meshed": netsim.Diamond(1, 4, 2, 1),
		"1-2-4-8-1": netsim.Plain(1, 2, 4, 8, 1), "1-8-8-1": netsim.Plain(1, 8, 8, 1), "1-16-1": netsim.Diamond(1, 16, 1), "1-1-16-1-5-1": netsim.Diamond(1, 1, 16, 1, 5, 1), "1-4-4-1": netsim.Diamond(1, 4, 4, 1),
		"4x4x4x4": netsim.Diamond(1, 4, 4, 4, 4, 1),
	} {
		w := walkNet(t, topo)
		probes, right, full := 0, 0, 0
		nodes, links := len(topo.Routers)+1, 0
		for _, l := range topo.Links {
			if l.From != "vantage" {
				links++
			}
		}
		var bound float64
		const runs = 200
		for seed := range runs {
			w.n.Reseed(uint64(seed))
			s, g := explore(w, surveyConfig{alpha: 0.05, firstTTL: 1, maxTTL: 64, gap: 5, flows: 4096})
			probes += w.sent
			if len(g.nodes) == nodes && len(g.links) == links {
				right++
			} else if len(g.nodes) > nodes || len(g.links) > links {
				t.Fatalf("%d nodes, %d links", len(g.nodes), len(g.links))
			}
			if s.full {
				full++
			}
			for _, b := range g.bounds {
				bound += b
			}
		}
		fmt.Printf("%-16s %5.1f probes, right %d/%d, full %d, bound %.4f (%d nodes %d links)\n", name, float64(probes)/runs, right, runs, full, bound/runs, nodes, links)
	}
}
