//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package local

import (
	"net/netip"
	"testing"

	"golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

func TestRouteOf(t *testing.T) {
	names := map[int]string{4: "en0"}
	four := func(a, b, c, d byte) route.Addr { return &route.Inet4Addr{IP: [4]byte{a, b, c, d}} }
	message := func(flags int, dst, gateway, mask route.Addr) *route.RouteMessage {
		m := &route.RouteMessage{Flags: unix.RTF_UP | flags, Index: 4, Addrs: make([]route.Addr, unix.RTAX_MAX)}
		m.Addrs[unix.RTAX_DST], m.Addrs[unix.RTAX_GATEWAY], m.Addrs[unix.RTAX_NETMASK] = dst, gateway, mask
		return m
	}
	tests := []struct {
		m             *route.RouteMessage
		dst, gateway  string
		kind, through string
	}{
		{message(unix.RTF_GATEWAY, four(0, 0, 0, 0), four(10, 0, 0, 1), nil), "0.0.0.0/0", "10.0.0.1", "unicast", "en0"},
		{message(0, four(10, 0, 0, 0), &route.LinkAddr{}, four(255, 255, 254, 0)), "10.0.0.0/23", "", "unicast", "en0"},
		{message(unix.RTF_HOST, four(10, 0, 0, 9), &route.LinkAddr{}, nil), "10.0.0.9/32", "", "unicast", "en0"},
		{message(unix.RTF_REJECT, four(10, 9, 0, 0), four(127, 0, 0, 1), four(255, 255, 0, 0)), "10.9.0.0/16", "", "unreachable", ""},
		{message(unix.RTF_BLACKHOLE, four(10, 8, 0, 0), nil, four(255, 255, 0, 0)), "10.8.0.0/16", "", "blackhole", ""},
		{
			message(0, &route.Inet6Addr{IP: [16]byte{0xfe, 0x80, 0, 4}}, nil, &route.Inet6Addr{IP: [16]byte{255, 255, 255, 255, 255, 255, 255, 255}}),
			"fe80::/64", "", "unicast", "en0",
		},
	}
	for _, tt := range tests {
		r, ok := routeOf(tt.m, names)
		gateway := ""
		if r.Gateway.IsValid() {
			gateway = r.Gateway.String()
		}
		if !ok || r.Dst != netip.MustParsePrefix(tt.dst) || gateway != tt.gateway || r.Kind != tt.kind || r.Interface != tt.through {
			t.Errorf("%s: %+v, %t", tt.dst, r, ok)
		}
	}
	if _, ok := routeOf(&route.RouteMessage{Addrs: []route.Addr{&route.LinkAddr{}}}, names); ok {
		t.Error("a route to a link-layer address")
	}
}

func TestKindOfLink(t *testing.T) {
	for name, want := range map[string]string{"en0": "ethernet", "utun3": "tun", "wg0": "wireguard", "vlan7": "vlan", "bridge100": "bridge"} {
		if got := kindOfLink(6, name); got != want {
			t.Errorf("%s is of kind %q, want %q", name, got, want)
		}
	}
	if got := kindOfLink(24, "lo0"); got != "loopback" {
		t.Errorf("lo0 is of kind %q", got)
	}
}
