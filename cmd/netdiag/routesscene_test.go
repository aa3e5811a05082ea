package main

import (
	"errors"
	"net"
	"net/netip"
	"strings"

	"github.com/netdiag/netdiag/local"
)

// routeOfText makes a route of the main table, as ip(8) writes it: "default via 192.0.2.1 dev eth0 proto dhcp src 192.0.2.7 metric 100
// mtu 1400 kind prohibit table 100 NAME flag onlink", all but the destination in any order or not at all.
func routeOfText(text string) local.Route {
	words := strings.Fields(text)
	r := local.Route{Family: 4, Table: 254, TableName: "main", Protocol: "kernel", Scope: "global", Kind: "unicast"}
	if words[0] == "default6" || strings.Contains(words[0], ":") {
		r.Family, r.Metric = 6, 1024
	}
	switch words[0] {
	case "default":
		r.Dst = netip.MustParsePrefix("0.0.0.0/0")
	case "default6":
		r.Dst = netip.MustParsePrefix("::/0")
	default:
		r.Dst = netip.MustParsePrefix(words[0])
	}
	for at := 1; at < len(words); at += 2 {
		value := words[at+1]
		switch words[at] {
		case "via":
			r.Gateway = netip.MustParseAddr(value)
		case "dev":
			r.Interface = value
		case "proto":
			r.Protocol = value
		case "from":
			r.From = netip.MustParsePrefix(value)
		case "src":
			r.Source = netip.MustParseAddr(value)
		case "metric":
			r.Metric = number10(value)
		case "mtu":
			r.MTU = number10(value)
		case "kind":
			r.Kind = value
		case "scope":
			r.Scope = value
		case "tos":
			r.TOS = uint8(number10(value))
		case "nexthop":
			r.Nexthop = number10(value)
		case "flag":
			r.Flags = append(r.Flags, value)
		case "table":
			r.TableName = strings.TrimPrefix(value, "none")
			r.Table = map[string]int{"local": 255, "main": 254, "vpn": 100, "7": 7}[value]
		default:
			panic(words[at])
		}
	}
	return r
}

// number10 reads a decimal number.
func number10(s string) (n int) {
	for _, digit := range s {
		n = 10*n + int(digit-'0')
	}
	return n
}

// routesOf makes routes.
func routesOf(texts ...string) (all []local.Route) {
	for _, text := range texts {
		all = append(all, routeOfText(text))
	}
	return all
}

// usualRules are those that a kernel begins with.
func usualRules() []local.Rule {
	return []local.Rule{
		{Family: 4, Priority: 0, Table: 255, TableName: "local", Action: "lookup"},
		{Family: 4, Priority: 32766, Table: 254, TableName: "main", Action: "lookup"},
		{Family: 4, Priority: 32767, Table: 253, TableName: "default", Action: "lookup"},
		{Family: 6, Priority: 0, Table: 255, TableName: "local", Action: "lookup"},
		{Family: 6, Priority: 32766, Table: 254, TableName: "main", Action: "lookup"},
	}
}

// policyRules are rules of every sort.
func policyRules() []local.Rule {
	all := usualRules()
	return append([]local.Rule{
		all[0],
		{Family: 4, Priority: 100, From: netip.MustParsePrefix("10.0.0.5/32"), To: netip.MustParsePrefix("10.9.0.0/16"), In: "eth0", Out: "tun0", Mark: 7, MarkMask: 255,
			Table: 100, TableName: "vpn", Action: "lookup", Invert: true, More: "ipproto tcp dport 22"},
		{Family: 4, Priority: 200, Mark: 0x10, MarkMask: 1<<32 - 1, Action: "prohibit"},
		{Family: 4, Priority: 300, Action: "goto 32766"},
	}, all[1:]...)
}

// routeScenes are machines by the name of the golden files of netdiag routes.
func routeScenes() map[string]*ownScene {
	hop := func(gateway, dev string, weight int, flags ...string) local.Hop {
		return local.Hop{Gateway: netip.MustParseAddr(gateway), Interface: dev, Weight: weight, Flags: flags}
	}
	multipath := routeOfText("default proto bird metric 20")
	multipath.Hops = []local.Hop{hop("10.0.0.1", "eth0", 1), hop("10.1.0.1", "eth1", 5, "dead", "linkdown")}
	return map[string]*ownScene{
		"laptop": {table: routesOf(
			"default via 192.168.0.1 dev wlan0 proto dhcp src 192.168.0.18 metric 600", "10.8.0.1/32 dev tun0 scope link src 10.8.0.2",
			"172.17.0.0/16 dev docker0 scope link src 172.17.0.1 flag linkdown", "192.168.0.0/24 dev wlan0 scope link src 192.168.0.18 metric 600",
			"192.0.2.0/24 kind prohibit proto static", "198.51.100.0/24 kind blackhole proto static", "203.0.113.9/32 kind unreachable proto static",
			"2001:db8::/64 dev wlan0 proto ra metric 600", "fe80::/64 dev wlan0", "default6 via fe80::1 dev wlan0 proto ra metric 600 mtu 1480",
		), rules: usualRules()},
		"router": {table: append([]local.Route{multipath}, routesOf(
			"192.0.2.0/24 via fe80::2 dev eth0 proto static flag onlink", "10.9.0.0/16 via 10.0.0.9 dev eth0 proto redirect",
			"default via 10.8.0.1 dev tun0 proto static table vpn mtu 1400", "10.3.0.0/16 dev eth3 table 7 kind throw",
			"10.0.0.5/32 dev eth0 table local scope host src 10.0.0.5 kind local", "10.255.255.255/32 dev eth0 table local scope link src 10.0.0.5 kind broadcast",
			"2001:db8:7::/48 via fe80::1 dev eth0 from 2001:db8:9::/48", "ff00::/8 dev eth0 table local kind multicast metric 256",
		)...), rules: policyRules()},
		"nothing":   {},
		"one-table": {table: routesOf("default via 192.0.2.1 dev en0 table none", "192.0.2.0/24 dev en0 table none")},
		"nexthops":  {table: routesOf("default nexthop 7", "10.0.0.0/8 via 192.0.2.1 dev eth0 nexthop 8", "10.1.0.0/16 via 192.0.2.1 dev eth0 tos 16"), rules: usualRules()},
		"harm": {
			table: routesOf("192.0.2.0/24 dev e\x1b[2J proto p\x1b scope s\x1b kind k\x1b table t\x1b flag f\u202e"),
			rules: []local.Rule{{Family: 4, TableName: "t\x1b", Action: "lookup", In: "i\x1b", Out: "o\x1b", More: "m\x1b"}, {Family: 4, Action: "a\x1b"}},
		},
		"no-rules": {table: routesOf("default via 192.0.2.1 dev eth0"), badRules: errors.New("local: reading the rules: not permitted")},
		"no-table": {badRoutes: errors.New("local: reading the routes: not permitted")},
	}
}

// decided makes a decision of a kind, with a way by eth0.
func decidedAs(kind string, change func(*local.Decision)) local.Decision {
	d := local.Decision{
		Kind: kind, Interface: "eth0", Gateway: netip.MustParseAddr("10.0.0.1"), Source: netip.MustParseAddr("10.0.0.5"), MTU: 1500,
		Matched: netip.MustParsePrefix("0.0.0.0/0"), Table: 254, TableName: "main", Protocol: "dhcp", Metric: 100,
		Rule: &local.Rule{Family: 4, Priority: 32766, Table: 254, TableName: "main", Action: "lookup"},
		Hop:  &local.Neighbour{Addr: netip.MustParseAddr("10.0.0.1"), Interface: "eth0", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, State: "reachable"},
	}
	if change != nil {
		change(&d)
	}
	return d
}

// crossroads is a machine whose kernel decides in every way.
func crossroads() *ownScene {
	none := netip.Addr{}
	neighbour := func(addr, state string) *local.Neighbour {
		return &local.Neighbour{Addr: netip.MustParseAddr(addr), State: state}
	}
	return &ownScene{
		interfaces: []local.Interface{loopback(), nic(2, "eth0", "ethernet", "10.0.0.5/24"), changed(nic(3, "tun0", "tun"), func(i *local.Interface) { i.Signal = local.CarrierNo })},
		v4:         wayBy("eth0", "10.0.0.5", "10.0.0.1"),
		names: map[string][]string{"www.example.test": {"2001:db8::80", "192.0.2.7"}, "six.example.test": {"2001:db8::80", "2001:db8::81"},
			"xn--mnchen-3ya.example.test": {"192.0.2.7"}, "link.example.test": {"fe80::9"}},
		decisions: map[string]local.Decision{
			"192.0.2.7": decidedAs("unicast", nil),
			"10.0.0.9": decidedAs("unicast", func(d *local.Decision) {
				d.Gateway, d.Matched, d.Hop = none, netip.MustParsePrefix("10.0.0.0/24"), neighbour("10.0.0.9", "failed")
			}),
			"10.0.0.10": decidedAs("unicast", func(d *local.Decision) { d.Gateway, d.Hop, d.MTU = none, neighbour("10.0.0.10", "incomplete"), 1280 }),
			"10.8.0.1":  {Kind: "unicast", Interface: "tun0", MTU: 1400},
			"10.0.0.5": decidedAs("local", func(d *local.Decision) {
				d.Interface, d.Gateway, d.Matched, d.Table, d.TableName, d.Hop, d.MTU = "lo", none, netip.MustParsePrefix("10.0.0.5/32"), 255, "local", nil, 65536
			}),
			"10.0.0.255":      decidedAs("broadcast", func(d *local.Decision) { d.Gateway, d.Hop = none, nil }),
			"224.0.0.251":     decidedAs("multicast", func(d *local.Decision) { d.Gateway, d.Hop = none, nil }),
			"192.0.2.66":      {Kind: "prohibit", Matched: netip.MustParsePrefix("192.0.2.64/26"), Table: 254, TableName: "main"},
			"192.0.2.67":      {Kind: "prohibit", Rule: &local.Rule{Family: 4, Priority: 200, Mark: 16, Action: "prohibit"}},
			"10.9.0.1":        decidedAs("unicast", func(d *local.Decision) { d.Hops = severalWays(wayBy("eth0", "10.0.0.5", "10.0.0.1"), "linkdown").Hops }),
			"10.7.0.1":        {Kind: "unicast", Interface: "tun0", Unrouted: true, MTU: 1400},
			"198.51.100.1":    {Kind: "blackhole"},
			"203.0.113.9":     {Kind: "unreachable", Table: 7, TableName: ""},
			"fe80::9%eth0":    {Kind: "unicast", Interface: "eth0", Source: netip.MustParseAddr("fe80::2")},
			"fe80::9":         {Kind: "unicast", Interface: "eth0", Source: netip.MustParseAddr("fe80::2")},
			"2001:db8::81":    {Kind: "unicast", Interface: "e\x1b[2J", TableName: "t\x1b", Table: 9, Protocol: "p\x1b", Hop: neighbour("fe80::1", "s\x1b")},
			"255.255.255.255": decidedAs("k\x1b", nil),
		},
	}
}
