package local

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"github.com/netdiag/netdiag/internal/lab"
	"golang.org/x/sys/unix"
)

// TestMTUOfPath has the kernel learn the MTU of a path from a router with a narrower link.
func TestMTUOfPath(t *testing.T) {
	l := lab.Test(t, nil)
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	router, err := l.Peer("router", lab.PeerConfig{
		Forward: true,
		Near: lab.End{Addrs: []netip.Prefix{prefix("10.1.0.1/24"), prefix("fd00:1::1/64")}, Routes: []lab.Route{
			{Dst: prefix("0.0.0.0/0"), Via: addr("10.1.0.2")}, {Dst: prefix("::/0"), Via: addr("fd00:1::2")},
		}},
		Far: lab.End{Addrs: []netip.Prefix{prefix("10.1.0.2/24"), prefix("fd00:1::2/64")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := router.Peer("far", lab.PeerConfig{
		MTU:  1280,
		Near: lab.End{Addrs: []netip.Prefix{prefix("10.2.0.1/24"), prefix("fd00:2::1/64")}},
		Far: lab.End{Addrs: []netip.Prefix{prefix("10.2.0.2/24"), prefix("fd00:2::2/64")}, Routes: []lab.Route{
			{Dst: prefix("0.0.0.0/0"), Via: addr("10.2.0.1")}, {Dst: prefix("::/0"), Via: addr("fd00:2::1")},
		}},
	}); err != nil {
		t.Fatal(err)
	}
	for _, dst := range []netip.Addr{addr("10.2.0.2"), addr("fd00:2::2")} {
		for _, want := range []int{1500, 1280} {
			d, err := Decide(dst, Ask{})
			if err != nil || d.MTU != want || d.Interface != "router" || !d.Matched.IsValid() || d.Matched.Bits() != 0 {
				t.Errorf("%v: %+v, %v; want MTU %d", dst, d, err, want)
			}
			if want == 1500 {
				learn(t, dst)
			}
		}
		d, err := Decide(dst, Ask{})
		if err != nil || d.Hop == nil || d.Hop.Addr != d.Gateway || d.Hop.MAC == nil {
			t.Errorf("%v: next hop %+v, %v", dst, d.Hop, err)
		}
	}
}

// learn sends a packet that is too long for the path to dst, and returns when the kernel knows.
func learn(t *testing.T, dst netip.Addr) {
	t.Helper()
	domain, level, discover, recverr := unix.AF_INET, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_RECVERR
	var to unix.Sockaddr = &unix.SockaddrInet4{Port: 9, Addr: [4]byte(dst.AsSlice())}
	if dst.Is6() {
		domain, level, discover, recverr = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_RECVERR
		to = &unix.SockaddrInet6{Port: 9, Addr: dst.As16()}
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(
		unix.SetsockoptInt(fd, level, discover, unix.IP_PMTUDISC_DO), unix.SetsockoptInt(fd, level, recverr, 1),
		unix.Connect(fd, to),
	); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(fd, make([]byte, 1400)); err != nil {
		t.Fatal(err)
	}
	// The error of the router ends the wait for an answer.
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000); n != 1 || err != nil {
		t.Fatalf("no ICMP error has come from the router: %d, %v", n, err)
	}
}

func TestWorld(t *testing.T) {
	l := lab.Test(t, nil)
	if v4, v6, err := World(); err != nil || v4.Kind != KindNone || v4.Source.IsValid() || v6.Kind != KindNone {
		t.Errorf("World in an empty namespace = %+v, %+v, %v", v4, v6, err)
	}
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	if _, err := l.Peer("gate", lab.PeerConfig{Near: lab.End{
		Addrs:  []netip.Prefix{prefix("192.168.0.18/24"), prefix("2001:db8::18/64")},
		Routes: []lab.Route{{Dst: prefix("0.0.0.0/0"), Via: addr("192.168.0.1")}, {Dst: prefix("::/0"), Via: addr("2001:db8::1")}},
	}}); err != nil {
		t.Fatal(err)
	}
	v4, v6, err := World()
	if want := (Way{Interface: "gate", Source: addr("192.168.0.18"), Gateway: addr("192.168.0.1"), Kind: KindUnicast}); err != nil || !reflect.DeepEqual(v4, want) {
		t.Errorf("IPv4: %+v, %v; want %+v", v4, err, want)
	}
	if want := (Way{Interface: "gate", Source: addr("2001:db8::18"), Gateway: addr("2001:db8::1"), Kind: KindUnicast}); !reflect.DeepEqual(v6, want) {
		t.Errorf("IPv6: %+v, want %+v", v6, want)
	}
	ip(t, "-6 addr del 2001:db8::18/64 dev gate\n-6 addr flush dev gate\n-6 route replace default dev gate")
	if _, v6, err := World(); err != nil || v6.Interface != "gate" || v6.Source.IsGlobalUnicast() {
		t.Errorf("without an address: %+v, %v", v6, err)
	}
	ip(t, "route replace prohibit default\n-6 route replace unreachable default metric 1\n-6 route del default dev gate")
	if v4, v6, err := World(); err != nil || !reflect.DeepEqual(v4, Way{Kind: KindProhibit}) || !reflect.DeepEqual(v6, Way{Kind: KindUnreachable}) {
		t.Errorf("World without a way = %+v, %+v, %v", v4, v6, err)
	}
}
