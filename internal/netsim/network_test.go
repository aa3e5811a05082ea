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

// TestChain follows a path hop by hop: who answers, after exactly how long, with what
// TTL, and quoting what.
func TestChain(t *testing.T) {
	rtts := []time.Duration{1 * ms, 3 * ms, 10 * ms, 50 * ms}
	for _, f := range families {
		t.Run(name(f), func(t *testing.T) {
			n := mustNew(t, netsim.Chain(rtts...))
			for i, rtt := range rtts {
				p := to(n, f).echo(7, []byte("some data of this probe, and more")...)
				p.ttl = uint8(i + 1)
				g := one(t, n, t0, p)
				if g.after != rtt {
					t.Errorf("TTL %d: answered after %v, want %v", p.ttl, g.after, rtt)
				}
				if i == len(rtts)-1 {
					want := packet.Echo{Reply: true, ID: 77, Seq: 7, Data: p.upper[8:]}
					if g.h.Src != p.dst || g.echo.Seq != 7 || g.echo.ID != 77 || !g.echo.Reply || !bytes.Equal(g.echo.Data, want.Data) || !g.sound {
						t.Errorf("got %+v, want a sound reply %+v", g, want)
					}
					if g.h.TTL != 64-3 {
						t.Errorf("TTL of the reply is %d, want 61", g.h.TTL)
					}
					continue
				}
				wantError(t, g, packet.TimeExceeded, 0, n.Addr(fmt.Sprintf("r%d", i+1), f))
				if g.h.TTL != uint8(255-i) {
					t.Errorf("TTL of the error is %d, want %d", g.h.TTL, 255-i)
				}
				q := g.icmp.Quote
				if q.Header.TTL != 1 || q.Header.Dst != p.dst || !bytes.Equal(q.Payload, p.upper) {
					t.Errorf("quoted %+v", q)
				}
			}
		})
	}
}

// TestDeterminism sends the same through a network with every kind of chance, twice.
func TestDeterminism(t *testing.T) {
	chance := func(seed uint64) netsim.Topology {
		top := netsim.Diamond(1, 4, 2, 1)
		top.Seed = seed
		for i := range top.Links {
			l := &top.Links[i]
			l.Jitter, l.Loss, l.Reorder, l.ReorderBy = 3*ms, 0.02, 0.1, 10*ms
		}
		top.Router("r1.1").Balance = netsim.PerPacket
		top.Router("r2.1").ErrorLoss = 0.3
		top.Host("target").Faults = []netsim.Fault{
			{When: netsim.When{Probability: 0.2}, Copies: 2, Foreign: &netsim.Foreign{}},
		}
		return top
	}
	run := func(seed uint64) []netsim.Delivery {
		n := mustNew(t, chance(seed))
		var ds []netsim.Delivery
		for i := range 500 {
			p := to(n, families[i%2]).echo(uint16(i), 1, 2, 3)
			p.ttl = uint8(2 + i%4)
			ds = n.AppendSend(ds, t0.Add(time.Duration(i)*ms), p.bytes())
		}
		return ds
	}
	same := func(a, b netsim.Delivery) bool { return a.At.Equal(b.At) && bytes.Equal(a.Packet, b.Packet) }
	first := run(1)
	if len(first) < 300 {
		t.Fatalf("only %d packets came back", len(first))
	}
	if !slices.EqualFunc(first, run(1), same) {
		t.Error("the same seed and the same calls gave another result")
	}
	if slices.EqualFunc(first, run(2), same) {
		t.Error("another seed gave the same result")
	}
}

// TestIndependence changes chance in one part of a network and sees that another keeps
// its own.
func TestIndependence(t *testing.T) {
	run := func(loss float64) []int {
		top := netsim.Star(2, 10*ms)
		top.Links[1].Loss, top.Links[2].Loss = loss, 0.5
		n := mustNew(t, top)
		var replied []int
		for i := range 100 {
			for _, host := range []string{"h1", "h2"} {
				p := send{src: n.Vantage(v4), dst: n.Addr(host, v4), ttl: 64}.echo(uint16(i))
				if len(sendAt(t, n, t0, p)) > 0 && host == "h2" {
					replied = append(replied, i)
				}
			}
		}
		return replied
	}
	if a, b := run(0), run(0.9); !slices.Equal(a, b) {
		t.Errorf("loss on the way to h1 changed what h2 answers: %v, %v", a, b)
	}
}

func TestLine(t *testing.T) {
	const count = 4000
	tests := []struct {
		name  string
		line  netsim.Line
		check func(t *testing.T, rtts []time.Duration)
	}{
		{"loss", netsim.Line{Loss: 0.1}, func(t *testing.T, rtts []time.Duration) {
			// Both directions lose.
			if !withinBounds(len(rtts), count, 0.81) {
				t.Errorf("%d of %d came back, want 81%%", len(rtts), count)
			}
		}},
		{"uniform jitter", netsim.Line{Delay: 5 * ms, Jitter: 2 * ms}, func(t *testing.T, rtts []time.Duration) {
			low, high, mean := slices.Min(rtts), slices.Max(rtts), meanOf(rtts)
			if len(rtts) != count || low < 10*ms || low > 10200*time.Microsecond || high >= 14*ms || high < 13800*time.Microsecond {
				t.Errorf("%d replies from %v to %v, want %d over 10 to 14 ms", len(rtts), low, high, count)
			}
			// The sum of two uniform draws of 2 ms has a standard deviation of 0.8165 ms;
			// the mean of 4000 one of 13 µs.
			if d := (mean - 12*ms).Abs(); d > 52*time.Microsecond {
				t.Errorf("mean %v, want 12 ms", mean)
			}
		}},
		{"normal jitter", netsim.Line{Delay: 5 * ms, Jitter: 2 * ms, Distribution: netsim.Normal}, func(t *testing.T, rtts []time.Duration) {
			// |N(0, 2 ms)| has a mean of 1.596 ms and a deviation of 1.206 ms; of two
			// added, the mean of 4000: 27 µs.
			if d := (meanOf(rtts) - 13192*time.Microsecond).Abs(); d > 108*time.Microsecond || slices.Min(rtts) < 10*ms {
				t.Errorf("mean %v, least %v; want 13.192 ms, 10 ms", meanOf(rtts), slices.Min(rtts))
			}
		}},
		{"reorder", netsim.Line{Delay: 5 * ms, Reorder: 0.25, ReorderBy: 30 * ms}, func(t *testing.T, rtts []time.Duration) {
			count := map[time.Duration]int{}
			for _, rtt := range rtts {
				count[rtt]++
			}
			if !withinBounds(count[10*ms], len(rtts), 0.5625) || !withinBounds(count[70*ms], len(rtts), 0.0625) || len(count) != 3 {
				t.Errorf("round trips: %v", count)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			top := netsim.Chain(0)
			top.Links[0].Line = tt.line
			n := mustNew(t, top)
			var rtts []time.Duration
			for i := range count {
				for _, g := range sendAt(t, n, t0.Add(time.Duration(i)*ms), to(n, families[i%2]).echo(uint16(i))) {
					rtts = append(rtts, g.after)
				}
			}
			tt.check(t, rtts)
		})
	}
}

func meanOf(ds []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range ds {
		sum += d
	}
	return sum / time.Duration(len(ds))
}

// TestInOrder has jitter larger than the time between packets overtake, or not.
func TestInOrder(t *testing.T) {
	overtakes := func(inOrder bool) int {
		top := netsim.Chain(10 * ms)
		top.Links[0].Line = netsim.Line{Delay: 5 * ms, Jitter: 20 * ms, InOrder: inOrder}
		n := mustNew(t, top)
		var last time.Duration
		overtaken := 0
		for i := range 200 {
			at := time.Duration(i) * ms
			arrival := at + one(t, n, t0.Add(at), to(n, v4).echo(1)).after
			if arrival < last {
				overtaken++
			}
			last = arrival
		}
		return overtaken
	}
	if o := overtakes(true); o != 0 {
		t.Errorf("%d packets overtook others on a line in order", o)
	}
	if o := overtakes(false); o < 20 {
		t.Errorf("%d packets overtook others on a line with jitter, want many", o)
	}
}

// TestMTU sends packets of the sizes around a link's MTU.
func TestMTU(t *testing.T) {
	for _, f := range families {
		t.Run(name(f), func(t *testing.T) {
			header := map[packet.Family]int{v4: 20, v6: 40}[f]
			top := netsim.Chain(2*ms, 4*ms)
			top.Links[1].MTU = 1400
			n := mustNew(t, top)
			p := to(n, f).echo(1, make([]byte, 1400-header-8)...)
			p.df = true
			if g := one(t, n, t0, p); g.icmp != nil {
				t.Errorf("a packet of 1400 bytes: %v", g.icmp.Text())
			}
			p = to(n, f).echo(1, make([]byte, 1401-header-8)...)
			p.df = true
			g := one(t, n, t0, p)
			code := map[packet.Family]uint8{v4: 4, v6: 0}[f]
			wantError(t, g, packet.TooBig, code, n.Addr("r1", f))
			if g.icmp.MTU != 1400 || g.after != 2*ms {
				t.Errorf("MTU %d after %v, want 1400 after 2ms", g.icmp.MTU, g.after)
			}
			if f == v4 {
				p.df = false
				if g := one(t, n, t0, p); g.icmp != nil {
					t.Errorf("a packet that may be fragmented: %v", g.icmp.Text())
				}
				p.df = true
			}
			top.Links[1].BlackHole = true
			none(t, mustNew(t, top), t0, p)
			top.Links[0].MTU = 1300
			none(t, mustNew(t, top), t0, p)
		})
	}
}

// TestDown has a link, a router and a host fail for a time, counted from the first packet
// or from an epoch.
func TestDown(t *testing.T) {
	window := []netsim.Window{{From: time.Second, To: 2 * time.Second}}
	tests := map[string]func(t *netsim.Topology){
		"link":   func(t *netsim.Topology) { t.Links[1].Down = window },
		"back":   func(t *netsim.Topology) { t.Links[1].Back = &netsim.Line{Down: window} },
		"router": func(t *netsim.Topology) { t.Routers[0].Down = window },
		"host":   func(t *netsim.Topology) { t.Hosts[0].Down = window },
	}
	for what, fail := range tests {
		for _, epoch := range []time.Time{{}, t0.Add(-10 * time.Second)} {
			t.Run(fmt.Sprintf("%s/epoch=%v", what, !epoch.IsZero()), func(t *testing.T) {
				top := netsim.Chain(0, 0)
				top.Epoch = epoch
				fail(&top)
				n := mustNew(t, top)
				begin := t0
				if !epoch.IsZero() {
					begin = epoch
				}
				for _, at := range []time.Duration{0, 999 * ms, 1000 * ms, 1999 * ms, 2000 * ms} {
					up := at < 1000*ms || at >= 2000*ms
					if came := len(sendAt(t, n, begin.Add(at), to(n, v6).echo(1))); (came == 1) != up {
						t.Errorf("at %v: %d replies, up %v", at, came, up)
					}
				}
			})
		}
	}
}

// TestAsymmetric gives a link another delay, and answers another path, on the way back.
func TestAsymmetric(t *testing.T) {
	top := netsim.Chain(2*ms, 4*ms)
	top.Links[1].Back = &netsim.Line{Delay: 30 * ms}
	n := mustNew(t, top)
	if g := one(t, n, t0, to(n, v4).echo(1)); g.after != 33*ms {
		t.Errorf("a link with 1 ms out and 30 ms back: %v, want 33ms", g.after)
	}

	// Out by r2.1, back by r2.2, which is farther.
	top = netsim.Diamond(1, 2, 1)
	top.Router("r1.1").Routes = []netsim.Route{
		{To: netip.MustParsePrefix("198.51.100.0/24"), Via: []netsim.NextHop{{Node: "r2.1"}}},
	}
	top.Router("r3.1").Routes = []netsim.Route{
		{To: netip.MustParsePrefix("192.0.2.0/24"), Via: []netsim.NextHop{{Node: "r2.2"}}, Back: true},
	}
	for i := range top.Links {
		if l := &top.Links[i]; l.From == "r2.2" || l.To == "r2.2" {
			l.Delay = 20 * ms
		}
	}
	n = mustNew(t, top)
	if g := one(t, n, t0, to(n, v4).echo(1)); g.after != (1+1+1+1)*ms+(1+20+20+1)*ms || g.h.TTL != 61 {
		t.Errorf("another path back: after %v with TTL %d, want 46ms and 61", g.after, g.h.TTL)
	}
}

// TestRoutes covers what a route can do with a packet.
func TestRoutes(t *testing.T) {
	prefix := netip.MustParsePrefix
	tests := []struct {
		name   string
		dst    string
		routes []netsim.Route
		class  packet.Class // 0: the echo is answered, or nothing comes
		code   uint8
		answer bool
	}{
		{name: "automatic", dst: "198.51.100.1", answer: true},
		{name: "nobody's address", dst: "203.0.113.9", class: packet.Unreachable, code: 0},
		{name: "nobody's address of IPv6", dst: "2001:db8:dead::1", class: packet.Unreachable, code: 0},
		{
			name: "prohibit", dst: "198.51.100.1", class: packet.Unreachable, code: 13,
			routes: []netsim.Route{{To: prefix("198.51.100.0/24"), Action: netsim.Prohibit}},
		},
		{
			name: "prohibit of IPv6", dst: "2001:db8:ffff::1", class: packet.Unreachable, code: 1,
			routes: []netsim.Route{{To: prefix("2001:db8:ffff::/48"), Action: netsim.Prohibit}},
		},
		{
			name: "blackhole", dst: "198.51.100.1",
			routes: []netsim.Route{{To: prefix("198.51.100.0/24"), Action: netsim.Blackhole}},
		},
		{
			name: "host unreachable", dst: "198.51.100.9", class: packet.Unreachable, code: 1,
			routes: []netsim.Route{{To: prefix("198.51.100.0/24"), Action: netsim.Unreachable, Error: netsim.HostUnreachable, Unowned: true}},
		},
		{
			name: "but the host is there", dst: "198.51.100.1", answer: true,
			routes: []netsim.Route{{To: prefix("198.51.100.0/24"), Action: netsim.Unreachable, Error: netsim.HostUnreachable, Unowned: true}},
		},
		{
			name: "longest prefix", dst: "198.51.100.1", answer: true,
			routes: []netsim.Route{
				{To: prefix("0.0.0.0/0"), Action: netsim.Blackhole},
				{To: prefix("198.51.100.1/32"), Via: []netsim.NextHop{{Node: "target"}}},
				{To: prefix("198.51.100.0/24"), Action: netsim.Prohibit},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			top := netsim.Chain(2*ms, 4*ms)
			top.Routers[0].Routes = tt.routes
			n := mustNew(t, top)
			dst := netip.MustParseAddr(tt.dst)
			f := packet.FamilyOf(dst)
			p := send{src: n.Vantage(f), dst: dst, ttl: 64}.echo(1)
			switch {
			case tt.class != 0:
				wantError(t, one(t, n, t0, p), tt.class, tt.code, n.Addr("r1", f))
			case tt.answer:
				if g := one(t, n, t0, p); !g.echo.Reply {
					t.Errorf("got %+v", g)
				}
			default:
				none(t, n, t0, p)
			}
		})
	}
}

// TestTwoWays asks hosts behind two routers in turn, which one with several links leads to.
func TestTwoWays(t *testing.T) {
	top := netsim.Star(2, 8*ms)
	for i := range 2 {
		between := netsim.Router{Name: string(rune('a' + i)), Addrs: netsim.Addrs([]string{"10.9.0.1", "10.9.0.2"}[i])}
		top.Routers = append(top.Routers, between)
		host := top.Links[i+1].To
		top.Links[i+1].To = between.Name
		top.Links = append(top.Links, netsim.Link{From: between.Name, To: host})
	}
	n := mustNew(t, top)
	for range 3 {
		for _, host := range []string{"h1", "h2"} {
			p := send{src: n.Vantage(v4), dst: n.Addr(host, v4), ttl: 64}
			if g := one(t, n, t0, p.echo(1)); g.h.Src != p.dst {
				t.Errorf("%s: answered by %v", host, g.h.Src)
			}
		}
	}
}

// TestLoop sends packets into a loop: every TTL is answered, and the way back leaves the
// loop out.
func TestLoop(t *testing.T) {
	top := netsim.Chain(2*ms, 4*ms, 6*ms)
	top.Router("r2").Routes = []netsim.Route{
		{To: netip.MustParsePrefix("198.51.100.1/32"), Via: []netsim.NextHop{{Node: "r1"}}},
	}
	n := mustNew(t, top)
	for ttl := 1; ttl <= 255; ttl++ {
		p := to(n, v4).echo(1)
		p.ttl = uint8(ttl)
		g := one(t, n, t0, p)
		from, back := "r1", 1
		if ttl%2 == 0 {
			from, back = "r2", 2
		}
		wantError(t, g, packet.TimeExceeded, 0, n.Addr(from, v4))
		if want := time.Duration(ttl+back) * ms; g.after != want {
			t.Fatalf("TTL %d: after %v, want %v", ttl, g.after, want)
		}
	}
}

// TestVantage sends to the vantage's own address, and things that are no packets.
func TestVantage(t *testing.T) {
	n := mustNew(t, netsim.Chain(2*ms))
	for _, f := range families {
		self := send{src: n.Vantage(f), dst: n.Vantage(f), ttl: 1}
		if g := one(t, n, t0, self.echo(1)); g.after != 0 || !g.echo.Reply {
			t.Errorf("%s: to itself: %+v", name(f), g)
		}
	}
	whole := to(n, v4).echo(1, 1, 2, 3, 4).bytes()
	for _, pkt := range [][]byte{nil, {0x45}, make([]byte, 60), whole[:len(whole)-1], whole[:20]} {
		if ds := n.Send(t0, pkt); len(ds) != 0 {
			t.Errorf("%x was answered", pkt)
		}
	}
	if ds := n.Send(t0, append(whole, 0, 0)); len(ds) != 1 {
		t.Error("a packet with padding behind it was not answered")
	}
	if a := n.Addr("nobody", v4); a.IsValid() {
		t.Errorf("a node that does not exist has the address %v", a)
	}
}

// TestInject delivers packets that nothing caused: from the topology, and by a call.
func TestInject(t *testing.T) {
	pkt := send{src: netip.MustParseAddr("203.0.113.1"), dst: netip.MustParseAddr("192.0.2.1"), ttl: 9}.echo(3).bytes()
	top := netsim.Chain(2 * ms)
	top.Injections = []netsim.Injection{{At: 5 * ms, Packet: pkt}}
	n := mustNew(t, top)
	ds := n.Send(t0, to(n, v4).echo(1).bytes())
	if len(ds) != 2 || !ds[1].At.Equal(t0.Add(5*ms)) || !bytes.Equal(ds[1].Packet, pkt) {
		t.Errorf("got %v, want the reply and the injected packet", ds)
	}
	if ds := n.Send(t0, to(n, v4).echo(1).bytes()); len(ds) != 1 {
		t.Errorf("got %d packets the second time, want 1", len(ds))
	}
	var heard []netsim.Delivery
	stop := n.Notify(func(d netsim.Delivery) { heard = append(heard, d) })
	n.Inject(t0.Add(ms), pkt)
	stop()
	n.Inject(t0.Add(ms), pkt)
	if len(heard) != 1 || !heard[0].At.Equal(t0.Add(ms)) || !bytes.Equal(heard[0].Packet, pkt) {
		t.Errorf("heard %v, want one packet after 1 ms", heard)
	}
}
