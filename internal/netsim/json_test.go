package netsim_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// load makes a network of a file.
func load(tb testing.TB, file string) *netsim.Network {
	tb.Helper()
	f, err := os.Open(filepath.Join("testdata", file))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	top, err := netsim.ParseJSON(f)
	if err != nil {
		tb.Fatal(err)
	}
	return mustNew(tb, top)
}

// TestFiles walks through the networks in testdata.
func TestFiles(t *testing.T) {
	n := load(t, "small-office.json")
	web := send{src: n.Vantage(v4), dst: n.Addr("web", v4), ttl: 64}
	if g := one(t, n, t0, web.tcp(packet.TCP{SrcPort: 1, DstPort: 443, Flags: packet.SYN})); tcpOf(t, g).Flags != packet.SYN|packet.ACK {
		t.Errorf("web: %+v", g)
	}
	g := one(t, n, t0, web.udp(1, 33434))
	wantError(t, g, packet.Unreachable, 13, n.Addr("core", v4))
	if len(g.icmp.Extensions.MPLS) != 1 || g.icmp.Quote.Header.Src != n.Vantage(v4) {
		t.Errorf("core: %+v", g.icmp)
	}
	lost := 0
	flaky := send{src: n.Vantage(v4), dst: n.Addr("flaky", v4), ttl: 64}
	for i := range 100 {
		if len(sendAt(t, n, t0, flaky.echo(uint16(i)))) == 0 {
			lost++
		}
	}
	if lost < 25 || lost > 35 {
		t.Errorf("flaky lost %d of 100, want a quarter and a little", lost)
	}

	n = load(t, "unequal-diamond.json")
	if a := n.Addr("here", v4); a != n.Vantage(v4) {
		t.Errorf("the vantage has the address %v", a)
	}
	target := send{src: n.Vantage(v4), dst: netip.MustParseAddr("198.51.100.200"), ttl: 64}
	rtts := map[time.Duration]int{}
	begin := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	if gs := n.Send(begin, nil); len(gs) != 1 {
		t.Errorf("%d packets were injected, want 1", len(gs))
	}
	for i := range 1000 {
		rtts[one(t, n, begin, target.udp(uint16(i), 33434)).after]++
	}
	if long := rtts[10*ms]; !withinBounds(long, 1000, 0.75) || long+rtts[12*ms] != 1000 {
		t.Errorf("round trips %v, want three of 10 ms to one of 12 ms", rtts)
	}
}

// TestParseJSON compares what is read with the literal.
func TestParseJSON(t *testing.T) {
	const doc = `{
		"seed": 18446744073709551615, "epoch": "2030-01-01T00:00:00Z",
		"vantage": {"name": "v", "addrs": ["192.0.2.1"], "balance": "packet"},
		"routers": [{"name": "r", "set_ttl": 64, "raise_ttl": 1,
			"error_faults": [{"when": {"error": "ttl-exceeded", "every": 2}, "misquote": {"src": "192.0.2.9", "ttl": 0, "seq": -1, "random": true}}],
			"quote": {"short": true, "options": "01020304"}, "tos": 0, "down": [{"from": "1m", "to": "1m30s"}],
			"error_limit": {"rate": 0.5, "burst": 3, "per_destination": true}}],
		"hosts": [{"name": "h", "anycast": true, "quote": {"short": true}, "addrs": ["10.0.0.0/8", "2001:db8::1"], "tcp_open": [80, "8000-8010"],
			"faults": [{"when": {"seqs": [1]}, "delays": ["1s", "20ms"], "error": {"kind": "too-big", "code": 7}, "foreign": {"id": 65535}}]}],
		"links": [{"from": "v", "to": "r", "delay": "1.5ms", "loss": 0.25, "back": {"delay": "2us", "mtu": 1280}}],
		"injections": null
	}`
	want := netsim.Topology{
		Seed: 1<<64 - 1, Epoch: t0,
		Vantage: netsim.Vantage{Name: "v", Addrs: netsim.Addrs("192.0.2.1"), Balance: netsim.PerPacket},
		Routers: []netsim.Router{{
			Name: "r", SetTTL: 64, RaiseTTL: 1,
			ErrorFaults: []netsim.Fault{{
				When:     netsim.When{Error: netsim.TTLExceeded, Every: 2},
				Misquote: &netsim.Misquote{Src: netip.MustParseAddr("192.0.2.9"), TTL: new(0), Seq: -1, Random: true},
			}},
			Quote: netsim.Quote{Short: true, Options: []byte{1, 2, 3, 4}}, TOS: new(0),
			Down:       []netsim.Window{{From: time.Minute, To: 90 * time.Second}},
			ErrorLimit: &netsim.Limit{Rate: 0.5, Burst: 3, PerDestination: true},
		}},
		Hosts: []netsim.Host{{
			Name: "h", Anycast: true, Quote: netsim.Quote{Short: true}, Addrs: netsim.Prefixes("10.0.0.0/8", "2001:db8::1/128"),
			TCPOpen: []netsim.Ports{netsim.Port(80), {First: 8000, Last: 8010}},
			Faults: []netsim.Fault{{
				When: netsim.When{Seqs: []uint16{1}}, Delays: []time.Duration{time.Second, 20 * ms},
				Error:   &netsim.ErrorAnswer{Kind: netsim.TooBig, Code: new(uint8(7))},
				Foreign: &netsim.Foreign{ID: new(uint16(65535))},
			}},
		}},
		Links: []netsim.Link{{
			From: "v", To: "r", Line: netsim.Line{Delay: 1500 * time.Microsecond, Loss: 0.25},
			Back: &netsim.Line{Delay: 2 * time.Microsecond, MTU: 1280},
		}},
	}
	got, err := netsim.ParseJSON(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
}

// TestParseJSONErrors has every error say where it is.
func TestParseJSONErrors(t *testing.T) {
	for doc, want := range map[string]string{
		``:                                      "EOF",
		`{`:                                     "unexpected EOF",
		`{} {}`:                                 "more follows",
		`[]`:                                    "topology: [] is not an object",
		`{"sede": 1}`:                           `topology: unknown field "sede"`,
		`{"hosts": [{}, {"adrs": []}]}`:         `topology.hosts[1]: unknown field "adrs"`,
		`{"links": [{"dellay": "1s"}]}`:         `topology.links[0]: unknown field "dellay"`,
		`{"links": [{"delay": 10}]}`:            `topology.links[0].delay: not a duration`,
		`{"links": [{"delay": "10"}]}`:          `topology.links[0].delay: time: missing unit`,
		`{"links": [{"back": {"mtu": "big"}}]}`: `topology.links[0].back.mtu: big is not a number`,
		`{"links": [{"mtu": 1.5}]}`:             `topology.links[0].mtu`,
		`{"links": {}}`:                         `topology.links: map[] is not a list`,
		`{"seed": -1}`:                          `topology.seed`,
		`{"vantage": {"addrs": ["nowhere"]}}`:   `topology.vantage.addrs[0]`,
		`{"vantage": {"addrs": [1.2]}}`:         `topology.vantage.addrs[0]`,
		`{"hosts": [{"addrs": ["10.0.0.0/33"]}]}`: `topology.hosts[0].addrs[0]`,
		`{"hosts": [{"tcp_open": ["9-8"]}]}`:      `topology.hosts[0].tcp_open[0]: invalid ports "9-8"`,
		`{"hosts": [{"udp_silent": 1}]}`:          `topology.hosts[0].udp_silent: 1 is not true or false`,
		`{"hosts": [{"name": 1}]}`:                `topology.hosts[0].name: 1 is not a string`,
		`{"injections": [{"packet": "4x"}]}`:      `topology.injections[0].packet`,
	} {
		if _, err := netsim.ParseJSON(strings.NewReader(doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", doc, err, want)
		}
	}
}

// TestNewErrors has every error name the node and the field.
func TestNewErrors(t *testing.T) {
	tests := []struct {
		want   string
		change func(t *netsim.Topology)
	}{
		{"vantage: addrs: ", func(t *netsim.Topology) { t.Vantage.Addrs = nil }},
		{"r1: name: ", func(t *netsim.Topology) { t.Routers = append(t.Routers, t.Routers[0]) }},
		{"no name", func(t *netsim.Topology) { t.Hosts[0].Name = "" }},
		{"target: addrs: 10.1.0.1/32 is also r1's", func(t *netsim.Topology) { t.Hosts[0].Addrs = netsim.Prefixes("10.1.0.1") }},
		{"target: addrs: ", func(t *netsim.Topology) { t.Hosts[0].Addrs = nil }},
		{"target: addrs: ", func(t *netsim.Topology) { t.Hosts[0].Addrs = []netip.Prefix{{}} }},
		{"r1: addrs: ", func(t *netsim.Topology) { t.Routers[0].Addrs = netsim.Addrs("fe80::1%eth0") }},
		{`link 1: to: there is no node "nobody"`, func(t *netsim.Topology) { t.Links[1].To = "nobody" }},
		{`link 1: from: there is no node "nobody"`, func(t *netsim.Topology) { t.Links[1].From = "nobody" }},
		{"itself", func(t *netsim.Topology) { t.Links[1].To = "r1" }},
		{"target: no link", func(t *netsim.Topology) { t.Links = t.Links[:1] }},
		{"link 1: r1: addrs: ", func(t *netsim.Topology) { t.Links[1].FromAddrs = netsim.Addrs("198.51.100.1") }},
		{"link 0 (vantage to r1): delay: ", func(t *netsim.Topology) { t.Links[0].Delay = -1 }},
		{"link 0 (vantage to r1): back.loss: ", func(t *netsim.Topology) { t.Links[0].Back = &netsim.Line{Loss: 1.1} }},
		{"link 0 (vantage to r1): mtu: ", func(t *netsim.Topology) { t.Links[0].MTU = 10 }},
		{"link 0 (vantage to r1): distribution: ", func(t *netsim.Topology) { t.Links[0].Distribution = "flat" }},
		{"link 0 (vantage to r1): down: ", func(t *netsim.Topology) { t.Links[0].Down = []netsim.Window{{From: 2, To: 1}} }},
		{"r1: ttl: ", func(t *netsim.Topology) { t.Routers[0].TTL = 256 }},
		{"r1: tos: ", func(t *netsim.Topology) { t.Routers[0].TOS = new(-1) }},
		{"r1: balance: ", func(t *netsim.Topology) { t.Routers[0].Balance = "none" }},
		{"r1: hash: ", func(t *netsim.Topology) { t.Routers[0].Hash = "md5" }},
		{"r1: error_limit.rate: ", func(t *netsim.Topology) { t.Routers[0].ErrorLimit = &netsim.Limit{Burst: 1} }},
		{"r1: error_limit.burst: ", func(t *netsim.Topology) { t.Routers[0].ErrorLimit = &netsim.Limit{Rate: 1} }},
		{"r1: quote.options: ", func(t *netsim.Topology) { t.Routers[0].Quote.Options = make([]byte, 3) }},
		{"r1: quote.mpls: ", func(t *netsim.Topology) { t.Routers[0].Quote.MPLS = []netsim.Label{{Label: 1 << 20}} }},
		{"r1: nat.outside: ", func(t *netsim.Topology) { t.Routers[0].NAT = &netsim.NAT{} }},
		{"r1: firewall[0].action: ", func(t *netsim.Topology) { t.Routers[0].Firewall = []netsim.Rule{{}} }},
		{"r1: firewall[0].action: ", func(t *netsim.Topology) {
			t.Routers[0].Firewall = []netsim.Rule{{Back: true, Action: netsim.Reject}}
		}},
		{"r1: firewall[0].proto: ", func(t *netsim.Topology) {
			t.Routers[0].Firewall = []netsim.Rule{{Proto: "sctp", Action: netsim.Drop}}
		}},
		{"r1: routes[0].action: ", func(t *netsim.Topology) {
			t.Routers[0].Routes = []netsim.Route{{To: netip.MustParsePrefix("0.0.0.0/0")}}
		}},
		{"r1: routes[0].to: ", func(t *netsim.Topology) { t.Routers[0].Routes = []netsim.Route{{Action: netsim.Prohibit}} }},
		{`r1: routes[0].via: there is no node "x"`, func(t *netsim.Topology) {
			t.Routers[0].Routes = []netsim.Route{{To: netip.MustParsePrefix("0.0.0.0/0"), Via: []netsim.NextHop{{Node: "x"}}}}
		}},
		{`vantage: routes[0].via: no link leads to "target"`, func(t *netsim.Topology) {
			t.Vantage.Routes = []netsim.Route{{To: netip.MustParsePrefix("0.0.0.0/0"), Via: []netsim.NextHop{{Node: "target"}}}}
		}},
		{"target: routes[0].back: ", func(t *netsim.Topology) {
			t.Hosts[0].Routes = []netsim.Route{{To: netip.MustParsePrefix("0.0.0.0/0"), Via: []netsim.NextHop{{Node: "r1"}}}}
		}},
		{"target: faults[0].copies: ", func(t *netsim.Topology) { t.Hosts[0].Faults = []netsim.Fault{{Copies: -1}} }},
		{"target: faults[0].delays: ", func(t *netsim.Topology) { t.Hosts[0].Faults = []netsim.Fault{{Delays: []time.Duration{-1}}} }},
		{"target: faults[0].error.kind: ", func(t *netsim.Topology) {
			t.Hosts[0].Faults = []netsim.Fault{{Error: &netsim.ErrorAnswer{}}}
		}},
		{"target: quote.options: ", func(t *netsim.Topology) { t.Hosts[0].Quote.Options = make([]byte, 3) }},
		{"r1: error_faults[1].copies: ", func(t *netsim.Topology) { t.Routers[0].ErrorFaults = []netsim.Fault{{}, {Copies: -1}} }},
		{"r1: error_faults[0]: ", func(t *netsim.Topology) { t.Routers[0].ErrorFaults = []netsim.Fault{{Seq: 1}} }},
		{"r1: error_faults[0].when.error: ", func(t *netsim.Topology) {
			t.Routers[0].ErrorFaults = []netsim.Fault{{When: netsim.When{Error: "x"}}}
		}},
		{"r1: error_faults[0].misquote.ttl: ", func(t *netsim.Topology) {
			t.Routers[0].ErrorFaults = []netsim.Fault{{Misquote: &netsim.Misquote{TTL: new(256)}}}
		}},
		{"target: faults[0].error.misquote.tos: ", func(t *netsim.Topology) {
			t.Hosts[0].Faults = []netsim.Fault{{Error: &netsim.ErrorAnswer{Kind: netsim.TooBig, Misquote: &netsim.Misquote{TOS: new(-1)}}}}
		}},
		{"r1: set_ttl: ", func(t *netsim.Topology) { t.Routers[0].SetTTL = 256 }},
		{"r1: raise_ttl: ", func(t *netsim.Topology) { t.Routers[0].RaiseTTL = 255 }},
		{"other: addrs: 198.51.100.1/32 is also target's", func(t *netsim.Topology) {
			t.Hosts = append(t.Hosts, netsim.Host{Name: "other", Addrs: netsim.Prefixes("198.51.100.1"), Anycast: true})
		}},
		{"other: addrs: 198.51.100.1/32 is also target's", func(t *netsim.Topology) {
			t.Hosts[0].Anycast = true
			t.Hosts = append(t.Hosts, netsim.Host{Name: "other", Addrs: netsim.Prefixes("198.51.100.1")})
		}},
		{"target: faults[1].when.probability: ", func(t *netsim.Topology) {
			t.Hosts[0].Faults = []netsim.Fault{{}, {When: netsim.When{Probability: 2}}}
		}},
	}
	for _, tt := range tests {
		top := netsim.Chain(2*ms, 4*ms)
		tt.change(&top)
		if _, err := netsim.New(top); err == nil || !strings.HasPrefix(err.Error(), "netsim: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want one with %q", err, tt.want)
		}
	}
}

// TestShapes builds the shapes and asks their hosts.
func TestShapes(t *testing.T) {
	n := mustNew(t, netsim.Star(300, 8*ms))
	for _, f := range families {
		for _, host := range []string{"h1", "h300"} {
			p := send{src: n.Vantage(f), dst: n.Addr(host, f), ttl: 2}
			if g := one(t, n, t0, p.echo(1)); !g.echo.Reply || g.after != 8*ms {
				t.Errorf("star: %+v", g)
			}
		}
	}
	if a := n.Addr("h300", v4); a != netip.MustParseAddr("10.128.1.44") {
		t.Errorf("host 300 of the star is %v", a)
	}
	n = mustNew(t, netsim.Direct(3*ms, netsim.Prefixes("10.0.0.0/16", "2001:db8:5::/64")...))
	for _, dst := range []string{"10.0.255.255", "2001:db8:5::ffff"} {
		a := netip.MustParseAddr(dst)
		p := send{src: n.Vantage(packet.FamilyOf(a)), dst: a, ttl: 1}
		if g := one(t, n, t0, p.echo(1)); g.after != 3*ms || g.h.Src != a {
			t.Errorf("direct: %+v", g)
		}
	}
	n = mustNew(t, netsim.Chain())
	if g := one(t, n, t0, to(n, v4).echo(1)); g.after != 0 {
		t.Errorf("chain of nothing: %+v", g)
	}
	n = mustNew(t, netsim.Diamond(1, 250))
	if g := one(t, n, t0, to(n, v6).echo(1)); g.after != 6*ms {
		t.Errorf("diamond: %+v", g)
	}
	top := netsim.Chain(ms)
	if top.Router("target") != nil || top.Host("r1") != nil {
		t.Error("found what is not there")
	}
}
