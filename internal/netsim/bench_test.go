package netsim_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
)

// BenchmarkAppendSend is an echo to a host with many addresses, to one behind routers,
// and the error of a router.
func BenchmarkAppendSend(b *testing.B) {
	tests := []struct {
		name string
		top  netsim.Topology
		dst  string
		ttl  uint8
	}{
		{"direct", netsim.Direct(ms, netip.MustParsePrefix("10.0.0.0/16")), "10.0.77.1", 64},
		{"star", netsim.Star(1000, ms), "10.128.2.3", 64},
		{"diamond", netsim.Diamond(1, 4, 1, 1), "198.51.100.1", 64},
		{"expired", netsim.Chain(ms, ms, ms), "198.51.100.1", 1},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			n := mustNew(b, tt.top)
			p := send{src: n.Vantage(v4), dst: netip.MustParseAddr(tt.dst), ttl: tt.ttl}
			pkt := p.echo(1, make([]byte, 56)...).bytes()
			var ds []netsim.Delivery
			now := t0
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(time.Microsecond)
				ds = n.AppendSend(ds[:0], now, pkt)
			}
			if len(ds) != 1 {
				b.Fatalf("%d packets came back", len(ds))
			}
		})
	}
}

// BenchmarkExpired is what a trace costs most: a UDP packet of ever another flow whose TTL
// ends three hops into a network with several paths.
func BenchmarkExpired(b *testing.B) {
	for _, f := range families {
		b.Run(name(f), func(b *testing.B) {
			n := mustNew(b, netsim.Diamond(1, 4, 2, 1))
			p := to(n, f).udp(40000, 33434, make([]byte, 32)...)
			p.ttl = 3
			pkt := p.bytes()
			port := len(pkt) - len(p.upper)
			var ds []netsim.Delivery
			b.ReportAllocs()
			for b.Loop() {
				pkt[port+1]++
				ds = n.AppendSend(ds[:0], t0, pkt)
			}
			if len(ds) != 1 {
				b.Fatalf("%d packets came back", len(ds))
			}
		})
	}
}

// BenchmarkNew builds a network.
func BenchmarkNew(b *testing.B) {
	top := netsim.Diamond(1, 16, 1)
	b.ReportAllocs()
	for b.Loop() {
		mustNew(b, top)
	}
}
