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

// errorProbe returns a UDP packet whose TTL ends at the first router of twoHops.
func errorProbe(n *netsim.Network, f packet.Family) send {
	p := to(n, f).udp(40000, 33434, data...)
	p.ttl, p.flow = 1, 0x12345*uint32(f/v6)
	return p
}

// TestErrorFault has each fault act on the error of a router that a packet's TTL ends at, which takes
// 2 ms where it is right.
func TestErrorFault(t *testing.T) {
	elsewhere := map[packet.Family]netip.Addr{v4: netip.MustParseAddr("203.0.113.5"), v6: netip.MustParseAddr("2001:db8:5::5")}
	right := func(g got) bool {
		return g.sound && g.icmp.Class == packet.TimeExceeded && bytes.Equal(g.icmp.Quote.Payload[8:], data)
	}
	ports := func(g got) packet.UDP {
		u, err := packet.ParseUDP(g.icmp.Quote.Payload)
		if err != nil {
			t.Error(err)
		}
		return u
	}
	forged := &netsim.ErrorAnswer{
		Kind: netsim.PortUnreachable, From: elsewhere[v4], WithReply: true, After: 5 * ms, Misquote: &netsim.Misquote{Random: true},
	}
	tests := []struct {
		name  string
		fault netsim.Fault
		check func(g got) bool // of each packet that comes back
		after []time.Duration  // of each
	}{
		{"none", netsim.Fault{}, right, []time.Duration{2 * ms}},
		{"another kind", netsim.Fault{When: netsim.When{Error: netsim.TooBig}, Silent: true}, right, []time.Duration{2 * ms}},
		{"silent", netsim.Fault{When: netsim.When{Error: netsim.TTLExceeded}, Silent: true}, nil, nil},
		{"copies", netsim.Fault{Copies: 2, Spacing: 3 * ms}, right, []time.Duration{2 * ms, 5 * ms, 8 * ms}},
		{"delay", netsim.Fault{Delay: 3 * time.Second}, right, []time.Duration{3002 * ms}},
		{"elsewhere", netsim.Fault{From: elsewhere[v4]}, func(g got) bool {
			return right(g) && (g.h.Family == v6 || g.h.Src == elsewhere[v4])
		}, []time.Duration{2 * ms}},
		{"TTL and TOS", netsim.Fault{TTL: new(3), TOS: new(0x10)}, func(g got) bool {
			return right(g) && g.h.TTL == 3 && g.h.TOS == 0x10
		}, []time.Duration{2 * ms}},
		{"bad checksum", netsim.Fault{BadChecksum: true}, func(g got) bool {
			return !g.sound && bytes.Equal(g.icmp.Quote.Payload[8:], data)
		}, []time.Duration{2 * ms}},
		{"another error", netsim.Fault{Error: &netsim.ErrorAnswer{Kind: netsim.HostUnreachable, After: ms}}, func(g got) bool {
			return g.sound && g.icmp.Class == packet.Unreachable
		}, []time.Duration{3 * ms}},
		{"forged besides", netsim.Fault{Error: forged}, func(g got) bool {
			if g.icmp.Class == packet.TimeExceeded {
				return right(g)
			}
			return g.sound && g.icmp.Quote.Header.Proto == packet.ProtoUDP && !bytes.Contains(g.icmp.Quote.Payload, data[:8]) && ports(g).SrcPort != 40000
		}, []time.Duration{2 * ms, 7 * ms}},
		{"another process", netsim.Fault{Silent: true, Foreign: &netsim.Foreign{ID: new(uint16(5))}}, func(g got) bool {
			u := ports(g)
			return g.sound && u.SrcPort == 5 && u.DstPort == 33434 && int(u.Length) == 8+len(data) && !bytes.Contains(g.icmp.Quote.Payload, data[:8]) &&
				(g.h.Family == v6 || g.icmp.Quote.Header.ID != 0x1234)
		}, []time.Duration{2 * ms}},
		{"another process of the same port", netsim.Fault{Foreign: &netsim.Foreign{}}, func(g got) bool {
			return g.sound && ports(g).SrcPort == 40000
		}, []time.Duration{2 * ms, 2 * ms}},
	}
	for _, tt := range tests {
		for _, f := range families {
			t.Run(tt.name+"/"+name(f), func(t *testing.T) {
				n := mustNew(t, twoHops(func(r *netsim.Router) { r.ErrorFaults = []netsim.Fault{tt.fault} }))
				var after []time.Duration
				for _, g := range sendAt(t, n, t0, errorProbe(n, f)) {
					after = append(after, g.after)
					if g.icmp == nil || !tt.check(g) {
						t.Errorf("got %+v with %+v", g, g.icmp)
					}
				}
				if !slices.Equal(after, tt.after) {
					t.Errorf("errors after %v, want %v", after, tt.after)
				}
				// What passes, and what is for the router itself, is none of its transit errors.
				one(t, n, t0, to(n, f).echo(1))
				own := to(n, f).udp(1, 33434)
				own.dst = n.Addr("r1", f)
				if g := one(t, n, t0, own); g.after != 2*ms {
					t.Errorf("its own packet: %+v", g)
				}
			})
		}
	}
}

// TestErrorForeign looks at what is left of a packet that an error makes another process's.
func TestErrorForeign(t *testing.T) {
	for _, f := range families {
		n := mustNew(t, twoHops(func(r *netsim.Router) {
			r.ErrorFaults = []netsim.Fault{{Silent: true, Foreign: &netsim.Foreign{}}}
		}))
		p := to(n, f).tcp(packet.TCP{SrcPort: 9, DstPort: 80, Seq: 1, Flags: packet.SYN})
		p.ttl = 1
		h, err := packet.ParseTCP(one(t, n, t0, p).icmp.Quote.Payload)
		if err != nil || h.SrcPort != 9 || h.DstPort != 80 || h.Seq == 1 || h.Flags != packet.SYN || h.HeaderLen != 20 {
			t.Errorf("%s: TCP %+v, %v", name(f), h, err)
		}
		e, err := packet.ParseEcho(f, one(t, n, t0, p.echo(1, data...)).icmp.Quote.Payload)
		if err != nil || e.ID != 77 || e.Seq == 1 || len(e.Data) != len(data) || bytes.Contains(e.Data, data[:8]) {
			t.Errorf("%s: echo %+v, %v", name(f), e, err)
		}
	}
}

// TestErrorTruncated cuts a router's error.
func TestErrorTruncated(t *testing.T) {
	for _, f := range families {
		n := mustNew(t, twoHops(func(r *netsim.Router) { r.ErrorFaults = []netsim.Fault{{Truncate: new(8 + 12)}} }))
		ds := n.Send(t0, errorProbe(n, f).bytes())
		if len(ds) != 1 {
			t.Fatalf("%d packets came back", len(ds))
		}
		h, err := packet.ParseIP(ds[0].Packet)
		if upper := h.Payload(ds[0].Packet); err != nil || len(upper) != 20 || packet.TransportChecksum(h.Proto, h.Src, h.Dst, upper) != 0 {
			t.Errorf("%+v, %v", h, err)
		}
	}
}

// TestErrorCount selects the errors by their number, each kind for itself.
func TestErrorCount(t *testing.T) {
	n := mustNew(t, twoHops(func(r *netsim.Router) {
		r.ErrorLimit = &netsim.Limit{Rate: 1, Burst: 9}
		r.ErrorFaults = []netsim.Fault{{When: netsim.When{Error: netsim.TTLExceeded, First: 3, Last: 4}, Delay: ms}}
		r.Firewall = []netsim.Rule{{Action: netsim.Reject}}
	}))
	var hit []byte
	for i := range 12 {
		p := errorProbe(n, v4)
		if i%3 == 0 {
			p.ttl = 64 // prohibited
		}
		b := byte('-')
		for _, g := range sendAt(t, n, t0, p) {
			b = '0' + byte((g.after-2*ms)/ms)
		}
		hit = append(hit, b)
	}
	if string(hit) != "000011000---" {
		t.Errorf("late by %s", hit)
	}
}

// TestMisquote changes each field of the packet that an error quotes, and no other.
func TestMisquote(t *testing.T) {
	source := map[packet.Family]netip.Addr{v4: netip.MustParseAddr("203.0.113.5"), v6: netip.MustParseAddr("2001:db8:5::5")}
	tests := []struct {
		name     string
		misquote func(f packet.Family) netsim.Misquote
		header   func(h *packet.Header)
		upper    func(b []byte)
	}{
		{"nothing", func(packet.Family) netsim.Misquote { return netsim.Misquote{} }, nil, nil},
		{"source", func(f packet.Family) netsim.Misquote { return netsim.Misquote{Src: source[f]} },
			func(h *packet.Header) { h.Src = source[h.Family] }, nil},
		{"destination", func(f packet.Family) netsim.Misquote { return netsim.Misquote{Dst: source[f]} },
			func(h *packet.Header) { h.Dst = source[h.Family] }, nil},
		{"TTL and TOS", func(packet.Family) netsim.Misquote { return netsim.Misquote{TTL: new(7), TOS: new(3)} },
			func(h *packet.Header) { h.TTL, h.TOS = 7, 3 }, nil},
		{"identification", func(packet.Family) netsim.Misquote { return netsim.Misquote{ID: 2} },
			func(h *packet.Header) {
				if h.Family == v6 {
					h.Flow += 2
				} else {
					h.ID += 2
				}
			}, nil},
		{"length", func(packet.Family) netsim.Misquote { return netsim.Misquote{Length: -4} },
			func(h *packet.Header) { h.Length -= 4 }, nil},
		{"ports", func(packet.Family) netsim.Misquote { return netsim.Misquote{SrcPort: 1, DstPort: -1} }, nil,
			func(b []byte) { b[1]++; b[3]-- }},
		{"checksum", func(packet.Family) netsim.Misquote { return netsim.Misquote{Checksum: 0x100} }, nil, func(b []byte) { b[6]++ }},
		{"a sequence number that it has not", func(packet.Family) netsim.Misquote { return netsim.Misquote{Seq: 1} }, nil, nil},
	}
	for _, tt := range tests {
		for _, f := range families {
			t.Run(tt.name+"/"+name(f), func(t *testing.T) {
				m := tt.misquote(f)
				n := mustNew(t, twoHops(func(r *netsim.Router) { r.ErrorFaults = []netsim.Fault{{Misquote: &m}} }))
				p := errorProbe(n, f)
				sent := p.bytes()
				want, err := packet.ParseIP(sent)
				if err != nil {
					t.Fatal(err)
				}
				upper := bytes.Clone(p.upper)
				if tt.header != nil {
					tt.header(&want)
				}
				if tt.upper != nil {
					tt.upper(upper)
				}
				g := one(t, n, t0, p)
				h, payload := g.icmp.Quote.Header, g.icmp.Quote.Payload
				h.Options, want.Options = nil, nil
				if !g.sound || h.Src != want.Src || h.Dst != want.Dst || h.TTL != want.TTL || h.TOS != want.TOS || h.ID != want.ID ||
					h.Flow != want.Flow || h.Length != want.Length || h.Proto != want.Proto {
					t.Errorf("quoted %+v, want %+v", h, want)
				}
				if short := want.Length - h.HeaderLen; !bytes.Equal(payload, upper[:min(short, len(upper))]) {
					t.Errorf("quoted %x, want %x", payload, upper)
				}
				if f == v4 && packet.Checksum(g.upper[8:28]) != 0 {
					t.Error("the quoted header's checksum is wrong")
				}
			})
		}
	}
}

// TestMisquoteSequence changes the sequence numbers of TCP and of an echo, and its identifier; also where a
// host reports a closed port or a fault sends the error.
func TestMisquoteSequence(t *testing.T) {
	misquote := []netsim.Fault{{Misquote: &netsim.Misquote{Seq: 5, SrcPort: 3}}}
	for _, f := range families {
		n := mustNew(t, twoHops(func(r *netsim.Router) { r.ErrorFaults = misquote }))
		p := to(n, f).tcp(packet.TCP{SrcPort: 9, Seq: 1<<32 - 2, Flags: packet.SYN})
		p.ttl = 1
		if h, err := packet.ParseTCP(one(t, n, t0, p).icmp.Quote.Payload); err != nil || h.Seq != 3 || h.SrcPort != 12 {
			t.Errorf("%s: TCP %+v, %v", name(f), h, err)
		}
		p = p.echo(1)
		if e, err := packet.ParseEcho(f, one(t, n, t0, p).icmp.Quote.Payload); err != nil || e.Seq != 6 || e.ID != 80 {
			t.Errorf("%s: echo %+v, %v", name(f), e, err)
		}
		n = mustNew(t, withHost(func(h *netsim.Host) {
			h.Faults, h.Quote = misquote, netsim.Quote{Short: true}
		}))
		g := one(t, n, t0, to(n, f).udp(9, 33434, data...))
		if u, err := packet.ParseUDP(g.icmp.Quote.Payload); err != nil || u.SrcPort != 12 || len(g.icmp.Quote.Payload) != 8 {
			t.Errorf("%s: closed port: %+v, %v", name(f), u, err)
		}
		n = mustNew(t, withHost(func(h *netsim.Host) {
			h.Faults = []netsim.Fault{{Error: &netsim.ErrorAnswer{Kind: netsim.TTLExceeded, Misquote: misquote[0].Misquote}}}
		}))
		g = one(t, n, t0, to(n, f).udp(9, 33434, data...))
		if u, err := packet.ParseUDP(g.icmp.Quote.Payload); err != nil || u.SrcPort != 12 || g.h.Src != n.Addr("target", f) {
			t.Errorf("%s: time exceeded by the target: %+v, %v", name(f), u, err)
		}
	}
}
