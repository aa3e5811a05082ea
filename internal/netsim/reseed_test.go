package netsim_test

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// talk sends packets of all kinds, and returns what comes back.
func talk(n *netsim.Network, now time.Time) (ds []netsim.Delivery) {
	for i := range 61 { // odd: the last fragment waits for another
		for _, f := range families {
			for _, p := range []send{
				to(n, f).echo(uint16(i), data...),
				to(n, f).udp(uint16(i), 33434, data...),
				to(n, f).udp(uint16(i/2), 7, data...),
				to(n, f).tcp(packet.TCP{SrcPort: uint16(i / 3), DstPort: 80, Seq: uint32(i) << 20, Flags: packet.SYN}),
			} {
				p.ttl = uint8(1 + i%6)
				ds = n.AppendSend(ds, now.Add(time.Duration(i)*100*ms), p.bytes())
			}
		}
		part := to(n, v4).echo(9, make([]byte, 56)...)
		part.bytes()
		ds = n.AppendSend(ds, now, fragment(part, i%2*32, 32, 7))
	}
	return ds
}

func same(a, b netsim.Delivery) bool { return a.At.Equal(b.At) && bytes.Equal(a.Packet, b.Packet) }

// TestReseed makes a network begin anew, with the same seed and others, as if it had just been built.
func TestReseed(t *testing.T) {
	chance := netsim.Diamond(1, 3, 2, 1)
	for i := range chance.Links {
		l := &chance.Links[i]
		l.Loss, l.Jitter, l.InOrder = 0.02, ms, i%2 == 0
	}
	r := chance.Router("r1.1")
	r.Balance, r.Salt = netsim.PerPacket, "salt"
	r.ErrorLimit = &netsim.Limit{Rate: 5, Burst: 2, PerDestination: true}
	chance.Router("r2.1").Salt = "another"
	chance.Router("r4.1").NAT = &netsim.NAT{Outside: netsim.Addrs("203.0.113.1", "2001:db8:e::1")}
	h := chance.Host("target")
	h.ErrorLimit = &netsim.Limit{Rate: 5, Burst: 2}
	h.TCPOpen, h.UDPEcho = []netsim.Ports{netsim.Port(80)}, []netsim.Ports{netsim.Port(7)}
	h.Faults = []netsim.Fault{{Delays: []time.Duration{0, ms, 2 * ms}}, {When: netsim.When{First: 10, Probability: 0.5}, TTL: new(9)}}
	chance.Router("r3.1").ErrorFaults = []netsim.Fault{{When: netsim.When{Every: 3}, Foreign: &netsim.Foreign{}}, {Delays: []time.Duration{0, ms, 2 * ms}}}
	chance.Injections = []netsim.Injection{{At: time.Second, Packet: []byte{0x45}}}

	dated := chance
	dated.Epoch = t0.Add(-time.Hour)
	for name, top := range map[string]netsim.Topology{"epoch by the first packet": chance, "epoch given": dated} {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t, top)
			var before []netsim.Delivery
			for i, seed := range []uint64{1, 1, 2, 1 << 63, 1} {
				if i > 0 {
					n.Reseed(seed)
				}
				now := t0.Add(time.Duration(i) * time.Minute)
				top.Seed = seed
				got, want := talk(n, now), talk(mustNew(t, top), now)
				if !slices.EqualFunc(want, got, same) {
					t.Fatalf("run %d with seed %d: other packets", i, seed)
				}
				if seed == 2 && slices.EqualFunc(before, got, same) {
					t.Error("another seed makes no difference")
				}
				before = got
			}
		})
	}
}

// TestReseedSalt has other seeds lead flows other ways where the routers' salts are given, too.
func TestReseedSalt(t *testing.T) {
	top := netsim.Diamond(1, 2, 1)
	top.Router("r1.1").Salt = "salt"
	n := mustNew(t, top)
	ways := func() (s string) {
		for i := range 64 {
			p := to(n, v4).udp(uint16(i), 33434)
			p.ttl = 2
			s += one(t, n, t0, p).h.Src.String() + " "
		}
		return s
	}
	before := ways()
	n.Reseed(2)
	if ways() == before {
		t.Error("another seed makes no difference")
	}
}

// BenchmarkReseed is what a seeded run costs before its first packet.
func BenchmarkReseed(b *testing.B) {
	n := mustNew(b, netsim.Diamond(1, 16, 1))
	pkt := send{src: n.Vantage(v4), dst: netip.MustParseAddr("198.51.100.1"), ttl: 64}.udp(1, 33434).bytes()
	seed := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		seed++
		n.Reseed(seed)
	}
	if len(n.Send(t0, pkt)) != 1 {
		b.Error("no answer")
	}
}
