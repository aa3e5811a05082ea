package netsim_test

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// A network as a literal: one router that labels what it forwards, and a host that
// answers every second ping twice.
func ExampleNew() {
	n, err := netsim.New(netsim.Topology{
		Vantage: netsim.Vantage{Addrs: netsim.Addrs("192.0.2.1")},
		Routers: []netsim.Router{{
			Name: "r1", Addrs: netsim.Addrs("10.0.0.1"),
			Quote: netsim.Quote{MPLS: []netsim.Label{{Label: 24001, TTL: 1}}},
		}},
		Hosts: []netsim.Host{{
			Name: "target", Addrs: netsim.Prefixes("198.51.100.0/24"),
			Faults: []netsim.Fault{{When: netsim.When{Every: 2}, Copies: 1, Spacing: time.Millisecond}},
		}},
		Links: []netsim.Link{
			{From: "vantage", To: "r1", Line: netsim.Line{Delay: 2 * time.Millisecond}},
			{From: "r1", To: "target", Line: netsim.Line{Delay: 5 * time.Millisecond}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	request := packet.AppendEcho(nil, packet.IPv4, packet.Echo{ID: 1, Seq: 1})
	for _, ttl := range []uint8{1, 64, 64} {
		h := packet.Header{
			Family: packet.IPv4, Proto: packet.ProtoICMP, TTL: ttl,
			Src: n.Vantage(packet.IPv4), Dst: netip.MustParseAddr("198.51.100.7"),
		}
		for _, d := range n.Send(now, h.Append(nil, request)) {
			h, _ := packet.ParseIP(d.Packet)
			fmt.Println("TTL", ttl, "answered by", h.Src, "after", d.At.Sub(now))
		}
	}
	// Output:
	// TTL 1 answered by 10.0.0.1 after 4ms
	// TTL 64 answered by 198.51.100.7 after 14ms
	// TTL 64 answered by 198.51.100.7 after 14ms
	// TTL 64 answered by 198.51.100.7 after 15ms
}

// The same as a file.
func ExampleParseJSON() {
	t, err := netsim.ParseJSON(strings.NewReader(`{
		"seed": 1,
		"vantage": {"addrs": ["192.0.2.1"]},
		"routers": [{"name": "r1", "addrs": ["10.0.0.1"], "quote": {"mpls": [{"label": 24001, "ttl": 1}]}}],
		"hosts": [{
			"name": "target", "addrs": ["198.51.100.0/24"],
			"faults": [{"when": {"every": 2}, "copies": 1, "spacing": "1ms"}]
		}],
		"links": [
			{"from": "vantage", "to": "r1", "delay": "2ms"},
			{"from": "r1", "to": "target", "delay": "5ms"}
		]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := netsim.New(t); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Links[1].To, t.Links[1].Delay, t.Hosts[0].Addrs)

	_, err = netsim.ParseJSON(strings.NewReader(`{"hosts": [{"name": "a"}, {"name": "b", "silent": true}]}`))
	fmt.Println(err)
	// Output:
	// target 5ms [198.51.100.0/24]
	// netsim: topology.hosts[1]: unknown field "silent"
}
