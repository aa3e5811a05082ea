package netsim_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// data is what the probes of the tests of faults carry: 16 bytes of a stamp, then more.
var data = []byte("stamp of 16 byte, then a cookie and more")

// TestFault has each fault act on an echo reply, which takes 10 ms where it is right.
func TestFault(t *testing.T) {
	elsewhere := map[packet.Family]netip.Addr{v4: netip.MustParseAddr("203.0.113.5"), v6: netip.MustParseAddr("2001:db8:5::5")}
	tests := []struct {
		name  string
		fault netsim.Fault
		check func(g got) bool // of each packet that comes back
		after []time.Duration  // of each
	}{
		{"none", netsim.Fault{}, func(g got) bool { return g.sound && bytes.Equal(g.echo.Data, data) }, []time.Duration{10 * ms}},
		{"silent", netsim.Fault{Silent: true}, nil, nil},
		{"copies", netsim.Fault{Copies: 2, Spacing: 3 * ms}, func(g got) bool { return g.sound && bytes.Equal(g.echo.Data, data) },
			[]time.Duration{10 * ms, 13 * ms, 16 * ms}},
		{"delay", netsim.Fault{Delay: 3 * time.Second}, func(g got) bool { return g.sound }, []time.Duration{3010 * ms}},
		{"elsewhere", netsim.Fault{From: elsewhere[v4]}, func(g got) bool {
			return g.sound && (g.h.Family == v6 || g.h.Src == elsewhere[v4])
		}, []time.Duration{10 * ms}},
		{"TTL and TOS", netsim.Fault{TTL: new(3), TOS: new(0x10)}, func(g got) bool {
			return g.sound && g.h.TTL == 3 && g.h.TOS == 0x10
		}, []time.Duration{10 * ms}},
		{"truncate", netsim.Fault{Truncate: new(20)}, func(g got) bool {
			return g.sound && bytes.Equal(g.echo.Data, data[:12])
		}, []time.Duration{10 * ms}},
		{"truncate to less than a header", netsim.Fault{Truncate: new(8)}, func(g got) bool {
			return g.sound && len(g.echo.Data) == 0
		}, []time.Duration{10 * ms}},
		{"bad checksum", netsim.Fault{BadChecksum: true}, func(g got) bool {
			return !g.sound && bytes.Equal(g.echo.Data, data)
		}, []time.Duration{10 * ms}},
		{"wrong sequence number", netsim.Fault{Seq: 1000}, func(g got) bool { return g.sound && g.echo.Seq == 1001 }, []time.Duration{10 * ms}},
		{"wrong identifier", netsim.Fault{ID: 1}, func(g got) bool { return g.sound && g.echo.ID == 78 }, []time.Duration{10 * ms}},
		{"flipped bit", netsim.Fault{FlipBit: new(8 * 20)}, func(g got) bool {
			want := slices.Clone(data)
			want[20] ^= 1
			return g.sound && bytes.Equal(g.echo.Data, want)
		}, []time.Duration{10 * ms}},
		{"forged stamp", netsim.Fault{ForgeStamp: true}, func(g got) bool {
			return g.sound && bytes.Equal(g.echo.Data[:16], make([]byte, 16)) && bytes.Equal(g.echo.Data[16:], data[16:])
		}, []time.Duration{10 * ms}},
		{"overwritten", netsim.Fault{Overwrite: &netsim.Overwrite{At: 30, Bytes: bytes.Repeat([]byte{9}, 50)}}, func(g got) bool {
			return g.sound && bytes.Equal(g.echo.Data[:30], data[:30]) && bytes.Equal(g.echo.Data[30:], bytes.Repeat([]byte{9}, len(data)-30))
		}, []time.Duration{10 * ms}},
		{"error instead", netsim.Fault{Error: &netsim.ErrorAnswer{Kind: netsim.TooBig, MTU: 1400}}, func(g got) bool {
			return g.sound && g.icmp != nil && g.icmp.Class == packet.TooBig && g.icmp.MTU == 1400
		}, []time.Duration{10 * ms}},
		{"error afterwards", netsim.Fault{Error: &netsim.ErrorAnswer{Kind: netsim.HostUnreachable, WithReply: true, After: 5 * ms}}, func(g got) bool {
			return g.sound && (g.icmp != nil) == (g.after == 15*ms)
		}, []time.Duration{10 * ms, 15 * ms}},
		{"error with options in its quote", netsim.Fault{Error: &netsim.ErrorAnswer{
			Kind: netsim.TTLExceeded, From: elsewhere[v4], Quote: netsim.Quote{Options: make([]byte, 40), Short: true},
		}}, func(g got) bool {
			return g.sound && g.icmp.Class == packet.TimeExceeded && len(g.icmp.Quote.Payload) == 8 &&
				(g.h.Family == v6 || g.h.Src == elsewhere[v4] && g.icmp.Quote.Header.HeaderLen == 60)
		}, []time.Duration{10 * ms}},
		{"error of a code without a name", netsim.Fault{Error: &netsim.ErrorAnswer{Kind: netsim.HostUnreachable, Code: new(uint8(200))}}, func(g got) bool {
			return g.sound && g.icmp.Code == 200
		}, []time.Duration{10 * ms}},
		{"another process of the same identifier", netsim.Fault{Silent: true, Foreign: &netsim.Foreign{}}, func(g got) bool {
			return g.sound && g.echo.ID == 77 && g.echo.Seq == 1 && len(g.echo.Data) == len(data) && !bytes.Equal(g.echo.Data, data)
		}, []time.Duration{10 * ms}},
		{"another process", netsim.Fault{Foreign: &netsim.Foreign{ID: new(uint16(5))}}, func(g got) bool {
			return g.sound && (g.echo.ID == 5) != bytes.Equal(g.echo.Data, data)
		}, []time.Duration{10 * ms, 10 * ms}},
	}
	for _, tt := range tests {
		for _, f := range families {
			t.Run(tt.name+"/"+name(f), func(t *testing.T) {
				n := mustNew(t, withHost(func(h *netsim.Host) { h.Faults = []netsim.Fault{tt.fault} }))
				gs := sendAt(t, n, t0, to(n, f).echo(1, data...))
				var after []time.Duration
				for _, g := range gs {
					after = append(after, g.after)
					if !tt.check(g) {
						t.Errorf("got %+v", g)
					}
				}
				if !slices.Equal(after, tt.after) {
					t.Errorf("answers after %v, want %v", after, tt.after)
				}
			})
		}
	}
}

// TestFaultsCombine has several faults act together, and on what is no echo reply.
func TestFaultsCombine(t *testing.T) {
	n := mustNew(t, withHost(func(h *netsim.Host) {
		h.UDPEcho = []netsim.Ports{netsim.Port(7)}
		h.Faults = []netsim.Fault{{Copies: 1, Spacing: ms}, {Delay: 5 * ms, BadChecksum: true}, {Seq: 3}, {Seq: 4, TTL: new(9)}}
	}))
	gs := sendAt(t, n, t0, to(n, v4).echo(1, data...))
	if len(gs) != 2 || gs[0].after != 15*ms || gs[1].after != 16*ms || gs[1].echo.Seq != 8 || gs[1].sound || gs[1].h.TTL != 9 {
		t.Errorf("echo: %+v", gs)
	}
	gs = sendAt(t, n, t0, to(n, v6).udp(1, 7, 1, 2, 3))
	if len(gs) != 2 || gs[0].after != 15*ms || gs[0].sound {
		t.Errorf("UDP: %+v", gs)
	}
	n = mustNew(t, withHost(func(h *netsim.Host) { h.Faults = []netsim.Fault{{Copies: 1, Delay: 5 * ms, TTL: new(9)}} }))
	gs = sendAt(t, n, t0, to(n, v6).udp(1, 8))
	if len(gs) != 2 || gs[0].icmp == nil || gs[0].after != 15*ms || gs[0].h.TTL != 9 {
		t.Errorf("an error of its own: %+v", gs)
	}
}

// TestWhen looks at which of twelve probes a fault hits.
func TestWhen(t *testing.T) {
	tests := []struct {
		name string
		when netsim.When
		want string
	}{
		{"all", netsim.When{}, "111111111111"},
		{"every third", netsim.When{Every: 3}, "001001001001"},
		{"the fifth only", netsim.When{First: 5, Last: 5}, "000010000000"},
		{"from the tenth", netsim.When{First: 10}, "000000000111"},
		{"even ones up to the sixth", netsim.When{Every: 2, Last: 6}, "010101000000"},
		{"sequence numbers", netsim.When{Seqs: []uint16{0, 3}}, "100100000000"},
		{"addresses", netsim.When{To: netsim.Prefixes("198.51.100.1")}, "111111111111"},
		{"other addresses", netsim.When{To: netsim.Prefixes("198.51.100.2")}, "000000000000"},
		{"pings", netsim.When{Proto: "icmp"}, "111111111111"},
		{"not pings", netsim.When{Proto: "17"}, "000000000000"},
		{"ports", netsim.When{Ports: []netsim.Ports{netsim.Port(7)}}, "000000000000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := mustNew(t, withHost(func(h *netsim.Host) { h.Faults = []netsim.Fault{{When: tt.when, Delay: ms}} }))
			var hit []byte
			for i := range 12 {
				b := byte('0')
				if one(t, n, t0, to(n, v4).echo(uint16(i))).after == 11*ms {
					b = '1'
				}
				hit = append(hit, b)
			}
			if string(hit) != tt.want {
				t.Errorf("hit %s, want %s", hit, tt.want)
			}
		})
	}
}

// TestDelays has every probe held back by a time of its own, the second past the third.
func TestDelays(t *testing.T) {
	n := mustNew(t, withHost(func(h *netsim.Host) {
		h.Faults = []netsim.Fault{{When: netsim.When{Every: 2}, Delays: []time.Duration{30 * ms, 50 * ms}}}
	}))
	var after []time.Duration
	for i := range 6 {
		after = append(after, one(t, n, t0, to(n, v4).echo(uint16(i))).after)
	}
	if want := []time.Duration{10 * ms, 40 * ms, 10 * ms, 60 * ms, 10 * ms, 40 * ms}; !slices.Equal(after, want) {
		t.Errorf("answers after %v, want %v", after, want)
	}
}

// TestChance covers the patterns that are drawn.
func TestChance(t *testing.T) {
	const count = 4000
	probe := func(n *netsim.Network, i int) send {
		p := to(n, v4)
		p.dst = netip.AddrFrom4([4]byte{10, 5, byte(i >> 8), byte(i)})
		return p.echo(1)
	}
	n := mustNew(t, withHost(func(h *netsim.Host) {
		h.Addrs = netsim.Prefixes("10.5.0.0/16")
		h.Faults = []netsim.Fault{{When: netsim.When{Share: 0.1}, Silent: true}}
	}))
	var dead []string
	for range 2 {
		var hit []int
		for i := range count {
			if len(sendAt(t, n, t0, probe(n, i))) == 0 {
				hit = append(hit, i)
			}
		}
		if !withinBounds(len(hit), count, 0.1) {
			t.Errorf("%d of %d addresses are silent, want a tenth", len(hit), count)
		}
		dead = append(dead, fmt.Sprint(hit))
	}
	if dead[0] != dead[1] {
		t.Error("other addresses were silent the second time")
	}
	n = mustNew(t, withHost(func(h *netsim.Host) {
		h.Faults = []netsim.Fault{{When: netsim.When{Probability: 0.3}, Silent: true}}
	}))
	lost := 0
	for i := range count {
		lost += 1 - len(sendAt(t, n, t0, to(n, v6).echo(uint16(i))))
	}
	if !withinBounds(lost, count, 0.3) {
		t.Errorf("%d of %d probes hit, want 30%%", lost, count)
	}
}
