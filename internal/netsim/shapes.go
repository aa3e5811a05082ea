package netsim

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// The addresses that the shapes below use.
const (
	vantage4 = "192.0.2.1"
	vantage6 = "2001:db8::1"
	target4  = "198.51.100.1"
	target6  = "2001:db8:ffff::1"
)

// shape returns a topology of a vantage alone.
func shape() Topology {
	return Topology{Seed: 1, Vantage: Vantage{Name: defaultVantage, Addrs: Addrs(vantage4, vantage6)}}
}

// routerAddrs returns the addresses of router i of layer l.
func routerAddrs(l, i int) []netip.Addr {
	return []netip.Addr{
		netip.AddrFrom4([4]byte{10, byte(l), byte(i >> 8), byte(i)}),
		netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 1, byte(l >> 8), byte(l), 14: byte(i >> 8), 15: byte(i)}),
	}
}

// hop adds a link of the given delay in each direction.
func (t *Topology) hop(from, to string, delay time.Duration) {
	t.Links = append(t.Links, Link{From: from, To: to, Line: Line{Delay: delay}})
}

// Chain returns a path of routers "r1", "r2" and so on to the host "target", which is the
// last; rtts are the exact round-trip times to each, which do not decrease along the
// path. Chain(10*time.Millisecond) is the host, linked directly. The vantage is 192.0.2.1
// and 2001:db8::1, router K 10.K.0.1 and 2001:db8:1:K::1, the host 198.51.100.1 and
// 2001:db8:ffff::1. Without rtts there is the host at no distance. At most 250.
func Chain(rtts ...time.Duration) Topology {
	t := shape()
	if len(rtts) == 0 {
		rtts = []time.Duration{0}
	}
	last, name := time.Duration(0), defaultVantage
	for i, rtt := range rtts {
		next := fmt.Sprintf("r%d", i+1)
		if i == len(rtts)-1 {
			next = "target"
			t.Hosts = []Host{{Name: next, Addrs: Prefixes(target4, target6)}}
		} else {
			t.Routers = append(t.Routers, Router{Name: next, Addrs: routerAddrs(i+1, 1)})
		}
		t.hop(name, next, (rtt-last)/2)
		last, name = rtt, next
	}
	return t
}

// Direct returns one host "target" with all the given prefixes, linked directly at the
// given round-trip time: the shape for many answering addresses at little cost.
func Direct(rtt time.Duration, prefixes ...netip.Prefix) Topology {
	t := shape()
	t.Hosts = []Host{{Name: "target", Addrs: prefixes}}
	t.hop(defaultVantage, "target", rtt/2)
	return t
}

// Star returns n hosts "h1", "h2" and so on behind one router "hub", each at the given
// round-trip time, of which half lies before the router. Host K is at the K-th address
// after 10.128.0.0 and 2001:db8:2::; n is at most 65,536.
func Star(n int, rtt time.Duration) Topology {
	t := shape()
	t.Routers = []Router{{Name: "hub", Addrs: routerAddrs(1, 1)}}
	t.hop(defaultVantage, "hub", rtt/4)
	for k := range n {
		v4, v6 := starAddr(k, packet.IPv4), starAddr(k, packet.IPv6)
		name := fmt.Sprintf("h%d", k+1)
		t.Hosts = append(t.Hosts, Host{Name: name, Addrs: []netip.Prefix{
			netip.PrefixFrom(v4, 32), netip.PrefixFrom(v6, 128),
		}})
		t.hop("hub", name, rtt/4)
	}
	return t
}

// starAddr returns the address of the host with index k of a Star.
func starAddr(k int, f packet.Family) netip.Addr {
	k++
	if f == packet.IPv4 {
		return netip.AddrFrom4([4]byte{10, 128 + byte(k>>16), byte(k >> 8), byte(k)})
	}
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 2, 13: byte(k >> 16), 14: byte(k >> 8), 15: byte(k)})
}

// Layers returns layers of routers of the given widths, and behind the last the host "target"
// of Chain. Router I of layer L, both from 1, is "rL.I" at 10.L.0.I and 2001:db8:1:L::I. Router
// I of layer L is linked to router J of the next if linked(L, I, J) says so, and to at
// least one; all of the first layer are linked to the vantage, and all of the last to the
// host. Every link takes a millisecond each way. With linked nil all are linked. At most 250
// layers.
func Layers(widths []int, linked func(layer, from, to int) bool) Topology {
	t := shape()
	layer := []string{defaultVantage}
	for l, width := range widths {
		var next []string
		for i := range width {
			name := fmt.Sprintf("r%d.%d", l+1, i+1)
			next = append(next, name)
			t.Routers = append(t.Routers, Router{Name: name, Addrs: routerAddrs(l+1, i+1)})
			for k, from := range layer {
				if l == 0 || linked == nil || linked(l, k+1, i+1) {
					t.hop(from, name, time.Millisecond)
				}
			}
		}
		layer = next
	}
	t.Hosts = []Host{{Name: "target", Addrs: Prefixes(target4, target6)}}
	for _, from := range layer {
		t.hop(from, "target", time.Millisecond)
	}
	return t
}

// Diamond returns Layers of which each router is linked to all of the next layer.
// Diamond(1, 3, 1) is the smallest with one branching router.
func Diamond(widths ...int) Topology { return Layers(widths, nil) }

// Plain returns Layers that are not meshed: between two layers, each router of the wider is
// linked to one of the narrower, and those share them as evenly as can be. Plain(1, 2, 4, 8,
// 1) is a tree that converges at once, Plain(1, 4, 2, 1) one that does so in two steps.
func Plain(widths ...int) Topology {
	return Layers(widths, func(layer, from, to int) bool {
		a, b := widths[layer-1], widths[layer]
		if a < b {
			return (to-1)*a/b == from-1
		}
		return (from-1)*b/a == to-1
	})
}

// Lengthen puts a router into the link that leads from one node to another, of the shapes above,
// and returns its name, "FROM-TO". Paths to the host "target" then differ in
// length and are taken all the same: every node gets a Route to the host through all nodes that
// its links lead to, in place of those that it has. The link's first half takes as long as
// the link did, its other a millisecond each way. It panics where there is no such link.
func (t *Topology) Lengthen(from, to string) string {
	i := slices.IndexFunc(t.Links, func(l Link) bool { return l.From == from && l.To == to })
	if i < 0 {
		panic(fmt.Sprintf("netsim: no link leads from %q to %q", from, to))
	}
	name := from + "-" + to
	t.Routers = append(t.Routers, Router{Name: name, Addrs: routerAddrs(255, len(t.Routers))})
	t.Links[i].To = name
	t.hop(name, to, time.Millisecond)
	t.routeAhead()
	return name
}

// routeAhead gives every node routes to the host "target" through all that its links lead to.
func (t *Topology) routeAhead() {
	ahead := make(map[string][]NextHop)
	for _, l := range t.Links {
		hop := NextHop{Node: l.To}
		if !slices.Contains(ahead[l.From], hop) {
			ahead[l.From] = append(ahead[l.From], hop)
		}
	}
	prefixes := t.Host("target").Addrs
	route := func(name string, routes []Route) []Route {
		routes = slices.DeleteFunc(slices.Clone(routes), func(r Route) bool {
			return !r.Back && slices.Contains(prefixes, r.To)
		})
		for _, p := range prefixes {
			if len(ahead[name]) > 0 {
				routes = append(routes, Route{To: p, Via: ahead[name]})
			}
		}
		return routes
	}
	t.Vantage.Routes = route(t.Vantage.Name, t.Vantage.Routes)
	for i := range t.Routers {
		t.Routers[i].Routes = route(t.Routers[i].Name, t.Routers[i].Routes)
	}
}

// Router returns the router of the given name, to be changed before New, or nil.
func (t *Topology) Router(name string) *Router {
	if i := slices.IndexFunc(t.Routers, func(r Router) bool { return r.Name == name }); i >= 0 {
		return &t.Routers[i]
	}
	return nil
}

// Host returns the host of the given name, to be changed before New, or nil.
func (t *Topology) Host(name string) *Host {
	if i := slices.IndexFunc(t.Hosts, func(h Host) bool { return h.Name == name }); i >= 0 {
		return &t.Hosts[i]
	}
	return nil
}
