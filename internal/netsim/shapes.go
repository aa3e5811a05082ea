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

// Diamond returns layers of routers of the given widths, each router linked to all of the
// next layer, and behind the last layer the host "target" of Chain. Router I of layer L,
// both from 1, is "rL.I" at 10.L.0.I and 2001:db8:1:L::I; every link takes a millisecond
// each way. Diamond(1, 3, 1) is the smallest with one branching router. At most 250
// layers.
func Diamond(widths ...int) Topology {
	t := shape()
	layer := []string{defaultVantage}
	for l, width := range widths {
		var next []string
		for i := range width {
			name := fmt.Sprintf("r%d.%d", l+1, i+1)
			next = append(next, name)
			t.Routers = append(t.Routers, Router{Name: name, Addrs: routerAddrs(l+1, i+1)})
			for _, from := range layer {
				t.hop(from, name, time.Millisecond)
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
