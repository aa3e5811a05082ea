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

// twoHops returns vantage - r1 - r2 - target with round trips of 2, 4 and 6 ms.
func twoHops(change func(r *netsim.Router)) netsim.Topology {
	top := netsim.Chain(2*ms, 4*ms, 6*ms)
	change(top.Router("r1"))
	return top
}

// expiring returns an echo request whose TTL ends at the first router.
func expiring(n *netsim.Network, f packet.Family) send {
	p := to(n, f).echo(1, bytes.Repeat([]byte{0xab}, 1300)...)
	p.ttl = 1
	return p
}

// TestQuote looks at what errors carry.
func TestQuote(t *testing.T) {
	tests := []struct {
		name  string
		quote netsim.Quote
		lens  map[packet.Family]int // of the quoted upper layer
		check func(t *testing.T, e *packet.Error)
	}{
		{name: "full", lens: map[packet.Family]int{v4: 576 - 28 - 20, v6: 1280 - 48 - 40}},
		{name: "short", quote: netsim.Quote{Short: true}, lens: map[packet.Family]int{v4: 8, v6: 8}},
		{
			name:  "options",
			quote: netsim.Quote{Options: []byte{7, 7, 4, 0, 0, 0, 0, 0}, Short: true},
			lens:  map[packet.Family]int{v4: 8, v6: 8},
			check: func(t *testing.T, e *packet.Error) {
				if e.Family == v4 && e.Quote.Header.HeaderLen != 28 {
					t.Errorf("the quoted header has %d bytes, want 28", e.Quote.Header.HeaderLen)
				}
			},
		},
		{
			name:  "labels",
			quote: netsim.Quote{MPLS: []netsim.Label{{Label: 24001, TC: 3, TTL: 1}, {Label: 16, TTL: 254}}},
			lens:  map[packet.Family]int{v4: 128 - 20, v6: 128 - 40},
			check: func(t *testing.T, e *packet.Error) {
				want := []packet.Label{{Label: 24001, TC: 3, TTL: 1}, {Label: 16, TTL: 254, Bottom: true}}
				if !slices.Equal(e.Extensions.MPLS, want) {
					t.Errorf("labels %+v, want %+v", e.Extensions.MPLS, want)
				}
			},
		},
		{
			name:  "interface",
			quote: netsim.Quote{Interface: &netsim.Interface{Index: 7, Addr: netip.MustParseAddr("203.0.113.7"), Name: "ge-0/0/7", MTU: 9000}},
			lens:  map[packet.Family]int{v4: 128 - 20, v6: 128 - 40},
			check: func(t *testing.T, e *packet.Error) {
				want := []packet.Interface{{Index: 7, Addr: netip.MustParseAddr("203.0.113.7"), Name: "ge-0/0/7", MTU: 9000}}
				if !slices.Equal(e.Extensions.Interfaces, want) {
					t.Errorf("interfaces %+v, want %+v", e.Extensions.Interfaces, want)
				}
			},
		},
	}
	for _, tt := range tests {
		for _, f := range families {
			t.Run(tt.name+"/"+name(f), func(t *testing.T) {
				n := mustNew(t, twoHops(func(r *netsim.Router) { r.Quote = tt.quote }))
				p := expiring(n, f)
				g := one(t, n, t0, p)
				wantError(t, g, packet.TimeExceeded, 0, n.Addr("r1", f))
				q := g.icmp.Quote
				if len(q.Payload) != tt.lens[f] || !bytes.HasPrefix(p.upper, q.Payload) {
					t.Errorf("quoted %d bytes %x, want the first %d", len(q.Payload), q.Payload, tt.lens[f])
				}
				if tt.check != nil {
					tt.check(t, g.icmp)
				}
			})
		}
	}
}

// TestSilence covers the ways of a router not to report.
func TestSilence(t *testing.T) {
	tests := []struct {
		name             string
		change           func(r *netsim.Router)
		expired, refused int // errors to 1000 probes that expire, and that there is no route for
		pinged           int // replies to 1000 pings
	}{
		{"none", func(*netsim.Router) {}, 1000, 1000, 1000},
		{"silent", func(r *netsim.Router) { r.Silent = true }, 0, 0, 0},
		{"silent when expired", func(r *netsim.Router) { r.SilentExpired = true }, 0, 1000, 1000},
		{"loss", func(r *netsim.Router) { r.ErrorLoss = 0.25 }, 750, 750, 1000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := mustNew(t, twoHops(tt.change))
			var expired, refused, pinged int
			for range 1000 {
				expired += len(sendAt(t, n, t0, expiring(n, v4)))
				nowhere := send{src: n.Vantage(v4), dst: netip.MustParseAddr("203.0.113.1"), ttl: 9}
				refused += len(sendAt(t, n, t0, nowhere.echo(1)))
				ping := send{src: n.Vantage(v4), dst: n.Addr("r1", v4), ttl: 9}
				pinged += len(sendAt(t, n, t0, ping.echo(1)))
			}
			for _, c := range [][2]int{{expired, tt.expired}, {refused, tt.refused}, {pinged, tt.pinged}} {
				if !withinBounds(c[0], 1000, float64(c[1])/1000) {
					t.Errorf("expired %d, refused %d, pinged %d; want %d, %d, %d",
						expired, refused, pinged, tt.expired, tt.refused, tt.pinged)
				}
			}
			one(t, n, t0, to(n, v4).echo(1)) // it forwards all the same
		})
	}
}

// TestErrorSource covers where errors come from, and when.
func TestErrorSource(t *testing.T) {
	for _, f := range families {
		t.Run(name(f), func(t *testing.T) {
			ingress, other := netsim.Addrs("203.0.113.1", "2001:db8:e::1"), netsim.Addrs("203.0.113.2", "2001:db8:e::2")
			top := twoHops(func(*netsim.Router) {})
			top.Links[0].ToAddrs = ingress
			n := mustNew(t, top)
			at := slices.IndexFunc(ingress, func(a netip.Addr) bool { return packet.FamilyOf(a) == f })
			wantError(t, one(t, n, t0, expiring(n, f)), packet.TimeExceeded, 0, ingress[at])
			ping := send{src: n.Vantage(f), dst: ingress[at], ttl: 1}
			if g := one(t, n, t0, ping.echo(1)); !g.echo.Reply || g.h.Src != ingress[at] {
				t.Errorf("a ping of the interface: %+v", g)
			}
			top.Router("r1").ErrorFrom = other
			top.Router("r1").ErrorDelay = 5 * ms
			top.Router("r1").ErrorJitter = 2 * ms
			n = mustNew(t, top)
			g := one(t, n, t0, expiring(n, f))
			wantError(t, g, packet.TimeExceeded, 0, other[at])
			if g.after < 7*ms || g.after >= 9*ms {
				t.Errorf("after %v, want 7 to 9 ms", g.after)
			}
			// A router without an address of the family has none to report from.
			top.Router("r1").ErrorFrom, top.Links[0].ToAddrs = nil, nil
			top.Router("r1").Addrs = []netip.Addr{ingress[1-at]}
			none(t, mustNew(t, top), t0, expiring(n, f))
		})
	}
}

// TestTTL covers routers that count it wrongly.
func TestTTL(t *testing.T) {
	for _, f := range families {
		t.Run(name(f), func(t *testing.T) {
			n := mustNew(t, twoHops(func(r *netsim.Router) { r.ForwardZeroTTL = true }))
			g := one(t, n, t0, expiring(n, f))
			wantError(t, g, packet.TimeExceeded, 0, n.Addr("r2", f))
			if g.icmp.Quote.Header.TTL != 0 {
				t.Errorf("quoted TTL %d, want 0", g.icmp.Quote.Header.TTL)
			}
			n = mustNew(t, twoHops(func(r *netsim.Router) { r.Hidden = true }))
			g = one(t, n, t0, expiring(n, f))
			wantError(t, g, packet.TimeExceeded, 0, n.Addr("r2", f))
			if g.icmp.Quote.Header.TTL != 1 || g.h.TTL != 255 {
				t.Errorf("quoted TTL %d in a packet of TTL %d, want 1 and 255", g.icmp.Quote.Header.TTL, g.h.TTL)
			}
			n = mustNew(t, twoHops(func(r *netsim.Router) { r.TTL = 64 }))
			if g = one(t, n, t0, expiring(n, f)); g.h.TTL != 64 {
				t.Errorf("TTL of the error is %d, want 64", g.h.TTL)
			}
		})
	}
}

// TestTOS sees rewritten bits in the packet that the next router quotes.
func TestTOS(t *testing.T) {
	tests := []struct {
		name   string
		change func(r *netsim.Router)
		want   uint8
	}{
		{"kept", func(*netsim.Router) {}, 0xbb},
		{"bleached", func(r *netsim.Router) { r.BleachECN = true }, 0xb8},
		{"rewritten", func(r *netsim.Router) { r.TOS = new(0x28) }, 0x28},
	}
	for _, tt := range tests {
		for _, f := range families {
			t.Run(tt.name+"/"+name(f), func(t *testing.T) {
				n := mustNew(t, twoHops(tt.change))
				p := to(n, f).echo(1)
				p.ttl, p.tos, p.flow = 2, 0xbb, 0xabcde*uint32(f/v6)
				q := one(t, n, t0, p).icmp.Quote.Header
				if q.TOS != tt.want || q.Flow != p.flow {
					t.Errorf("quoted TOS %#x and label %#x, want %#x and %#x", q.TOS, q.Flow, tt.want, p.flow)
				}
				p.ttl = 64
				if g := one(t, n, t0, p); g.h.TOS != tt.want || !g.sound {
					t.Errorf("the reply has TOS %#x, want that of the request as it came, %#x", g.h.TOS, tt.want)
				}
			})
		}
	}
}

// TestRedirect gets both a redirect and the reply.
func TestRedirect(t *testing.T) {
	for _, f := range families {
		t.Run(name(f), func(t *testing.T) {
			gateway := map[packet.Family]netip.Addr{v4: netip.MustParseAddr("192.0.2.254"), v6: netip.MustParseAddr("fe80::9")}[f]
			n := mustNew(t, twoHops(func(r *netsim.Router) {
				r.Redirects = []netsim.RedirectRule{
					{To: netip.MustParsePrefix("198.51.100.0/24"), Gateway: netip.MustParseAddr("192.0.2.254")},
					{To: netip.MustParsePrefix("2001:db8:ffff::/48"), Gateway: netip.MustParseAddr("fe80::9")},
				}
			}))
			gs := sendAt(t, n, t0, to(n, f).echo(1))
			if len(gs) != 2 || !gs[1].echo.Reply {
				t.Fatalf("got %d packets, want a redirect and a reply", len(gs))
			}
			code := map[packet.Family]uint8{v4: 1, v6: 0}[f]
			wantError(t, gs[0], packet.Redirect, code, n.Addr("r1", f))
			if gs[0].icmp.Gateway != gateway {
				t.Errorf("gateway %v, want %v", gs[0].icmp.Gateway, gateway)
			}
		})
	}
}

// TestFirewall sends probes at rules.
func TestFirewall(t *testing.T) {
	rules := []netsim.Rule{
		{Proto: "tcp", Ports: []netsim.Ports{netsim.Port(80)}, Action: netsim.Accept},
		{Proto: "tcp", Ports: []netsim.Ports{{First: 1, Last: 1023}}, Action: netsim.Reset},
		{Proto: "udp", Ports: []netsim.Ports{netsim.Port(53)}, Action: netsim.Drop},
		{Proto: "udp", Ports: []netsim.Ports{netsim.Port(54)}, Action: netsim.Reject},
		{Proto: "udp", Ports: []netsim.Ports{netsim.Port(55)}, Action: netsim.Reject, Error: netsim.HostProhibited},
		{Proto: "udp", Ports: []netsim.Ports{netsim.Port(56)}, Action: netsim.Reject, Code: new(uint8(2))},
		{Proto: "icmp", Back: true, Action: netsim.Drop},
	}
	top := twoHops(func(r *netsim.Router) { r.Firewall = rules })
	top.Host("target").TCPOpen = []netsim.Ports{netsim.Port(80)}
	n := mustNew(t, top)
	for _, f := range families {
		t.Run(name(f), func(t *testing.T) {
			syn := func(port uint16) send {
				return to(n, f).tcp(packet.TCP{SrcPort: 999, DstPort: port, Seq: 41, Flags: packet.SYN})
			}
			if g := one(t, n, t0, syn(80)); tcpOf(t, g).Flags != packet.SYN|packet.ACK || g.after != 6*ms {
				t.Errorf("accepted: %+v", g)
			}
			g := one(t, n, t0, syn(81))
			if h := tcpOf(t, g); h.Flags != packet.RST|packet.ACK || h.Ack != 42 || g.after != 2*ms || g.h.Src != n.Addr("target", f) {
				t.Errorf("reset: %+v %+v", g, h)
			}
			none(t, n, t0, to(n, f).udp(1, 53))
			code := func(four, six uint8) uint8 { return map[packet.Family]uint8{v4: four, v6: six}[f] }
			wantError(t, one(t, n, t0, to(n, f).udp(1, 54)), packet.Unreachable, code(13, 1), n.Addr("r1", f))
			wantError(t, one(t, n, t0, to(n, f).udp(1, 55)), packet.Unreachable, code(10, 1), n.Addr("r1", f))
			wantError(t, one(t, n, t0, to(n, f).udp(1, 56)), packet.Unreachable, 2, n.Addr("r1", f))
			none(t, n, t0, to(n, f).echo(1)) // the reply is ICMP, and so is the error about:
			none(t, n, t0, to(n, f).udp(1, 57))
			wantError(t, one(t, n, t0, expiring(n, f)), packet.TimeExceeded, 0, n.Addr("r1", f))
		})
	}
}

func tcpOf(t *testing.T, g got) packet.TCP {
	t.Helper()
	h, err := packet.ParseTCP(g.upper)
	if g.h.Proto != packet.ProtoTCP || err != nil || !g.sound {
		t.Fatalf("want a sound TCP segment, got %+v", g)
	}
	return h
}

// TestNoErrorsAboutErrors sends what must not be answered with an ICMP error.
func TestNoErrorsAboutErrors(t *testing.T) {
	n := mustNew(t, twoHops(func(*netsim.Router) {}))
	for _, f := range families {
		quoted := expiring(n, f)
		p := to(n, f)
		p.ttl, p.proto = 1, f.ICMPProto()
		typ := map[packet.Family]uint8{v4: 3, v6: 1}[f]
		p.upper = packet.AppendError(nil, &packet.Error{Family: f, Type: typ}, quoted.bytes())
		none(t, n, t0, p)
		p = expiring(n, f)
		p.dst = map[packet.Family]netip.Addr{v4: netip.MustParseAddr("224.0.0.1"), v6: netip.MustParseAddr("ff02::1")}[f]
		none(t, n, t0, p)
	}
	// The second fragment of a packet.
	h := packet.Header{Family: v4, Src: n.Vantage(v4), Dst: n.Addr("target", v4), TTL: 1, Proto: 1, FragOffset: 1480}
	if ds := n.Send(t0, h.Append(nil, make([]byte, 100))); len(ds) != 0 {
		t.Error("an error about a fragment that is not the first")
	}
}

// TestLimit sees a token bucket let through exactly what it holds.
func TestLimit(t *testing.T) {
	// passed returns which of the probes, sent at these times to these of the target's
	// addresses, are answered.
	passed := func(limit netsim.Limit, times []time.Duration, last ...byte) string {
		top := netsim.Chain(0, 0)
		top.Host("target").Addrs = netsim.Prefixes("198.51.100.0/24")
		top.Router("r1").ErrorLimit = &limit
		n := mustNew(t, top)
		var s []byte
		for i, at := range times {
			p := to(n, v4).echo(1)
			p.ttl = 1
			if len(last) > 0 {
				p.dst = netip.AddrFrom4([4]byte{198, 51, 100, last[i%len(last)]})
			}
			s = append(s, '0'+byte(len(sendAt(t, n, t0.Add(at), p))))
		}
		return string(s)
	}
	every := func(step time.Duration, count int) (ts []time.Duration) {
		for i := range count {
			ts = append(ts, time.Duration(i)*step)
		}
		return ts
	}
	tests := []struct {
		name  string
		limit netsim.Limit
		times []time.Duration
		last  []byte
		want  string
	}{
		{"a burst", netsim.Limit{Rate: 1, Burst: 6}, every(0, 10), nil, "1111110000"},
		{"then one a second", netsim.Limit{Rate: 1, Burst: 2}, every(250*ms, 13), nil, "1100100010001"},
		{"to the nanosecond", netsim.Limit{Rate: 10, Burst: 1}, []time.Duration{0, 100*ms - 1, 100 * ms, 200*ms - 1, 200 * ms}, nil, "10101"},
		{"full again", netsim.Limit{Rate: 1, Burst: 3}, append(every(0, 4), 3*time.Second, 3*time.Second, 3*time.Second, 3*time.Second), nil, "11101110"},
		{"shared", netsim.Limit{Rate: 1, Burst: 2}, every(0, 6), []byte{1, 2}, "110000"},
		{"per destination", netsim.Limit{Rate: 1, Burst: 2, PerDestination: true}, every(0, 6), []byte{1, 2}, "111100"},
		{"time going back", netsim.Limit{Rate: 1, Burst: 1}, []time.Duration{5 * time.Second, 0, 6 * time.Second}, nil, "101"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := passed(tt.limit, tt.times, tt.last...); got != tt.want {
				t.Errorf("answered %s, want %s", got, tt.want)
			}
		})
	}
}
