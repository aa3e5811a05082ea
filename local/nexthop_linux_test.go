package local

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/netdiag/netdiag/internal/lab"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// nexthopSeeds are messages about nexthops: one, and a group of it and of one that is not there.
func nexthopSeeds() [][]byte {
	header := []byte{unix.AF_INET6, 0, 0, 0, unix.RTNH_F_ONLINK, 0, 0, 0}
	seed := func(attrs ...*nl.RtAttr) []byte {
		b := slices.Clone(header)
		for _, a := range attrs {
			b = append(b, a.Serialize()...)
		}
		return b
	}
	group := make([]byte, 2*sizeofNexthopGroup)
	group[4], group[5] = 44, 1
	binary.NativeEndian.PutUint32(group, 1)
	binary.NativeEndian.PutUint32(group[sizeofNexthopGroup:], 9)
	return [][]byte{
		seed(nl.NewRtAttr(unix.NHA_ID, nl.Uint32Attr(1)), nl.NewRtAttr(unix.NHA_OIF, nl.Uint32Attr(1)), nl.NewRtAttr(unix.NHA_GATEWAY, make([]byte, 16))),
		seed(nl.NewRtAttr(unix.NHA_ID, nl.Uint32Attr(2)), nl.NewRtAttr(unix.NHA_GROUP, group)),
	}
}

func FuzzParseNexthop(f *testing.F) {
	for _, seed := range nexthopSeeds() {
		f.Add(seed)
	}
	one, err := parseNexthop(nexthopSeeds()[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parseNexthop(b)
		if err != nil {
			return
		}
		r := reader{links: links{1: &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "d0", Index: 1}}}, nexthops: nexthops{1: one, 2: n}}
		var route Route
		r.follow(&route, 2)
		for _, h := range append(route.Hops, Hop{Interface: route.Interface, Weight: 1}) {
			if h.Interface != "d0" && h.Interface != "" || h.Weight < 1 || h.Weight > 1<<16 {
				t.Errorf("%+v", h)
			}
		}
	})
}

// TestFollow has routes of nexthops, of a group, and of what is gone.
func TestFollow(t *testing.T) {
	all := nexthops{}
	for i, seed := range nexthopSeeds() {
		n, err := parseNexthop(seed)
		if err != nil {
			t.Fatal(err)
		}
		all[uint32(i+1)] = n
	}
	r := reader{links: links{1: &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "d0", Index: 1}}}, nexthops: all}
	one := Hop{Gateway: netip.IPv6Unspecified(), Interface: "d0", Weight: 1, Flags: []string{"onlink"}}
	several := one
	several.Weight = 1<<8 + 45
	for id, want := range map[uint32]Route{
		1: {Gateway: one.Gateway, Interface: one.Interface, Flags: one.Flags}, 2: {Hops: []Hop{several, {Weight: 1}}}, 9: {},
	} {
		var got Route
		if there := r.follow(&got, id); !there || !reflect.DeepEqual(got, want) {
			t.Errorf("nexthop %d: %+v, %t; want %+v", id, got, there, want)
		}
	}
	r.links = nil
	for id := range uint32(2) {
		if r.follow(&Route{}, id+1) {
			t.Errorf("nexthop %d is by an interface that is gone", id+1)
		}
	}
	for n := range sizeofNexthop {
		if _, err := parseNexthop(nexthopSeeds()[0][:n]); err == nil {
			t.Errorf("a nexthop of %d bytes", n)
		}
	}
}

// TestNexthops has the kernel tell of routes by the numbers of nexthops alone, and shows that they are read as those that
// it spells out.
func TestNexthops(t *testing.T) {
	l := lab.TestConfig(t, lab.Config{Sysctls: quiet()})
	ip(t, `link add v0 type veth peer name v1
link set v0 up
link set v1 up
addr add 10.0.0.1/24 dev v0
-6 addr add 2001:db8::1/64 dev v0 nodad
nexthop add id 7 via 10.0.0.9 dev v0
nexthop add id 8 via 10.0.0.8 dev v0 onlink
nexthop add id 9 group 7,3/8
nexthop add id 10 blackhole
-6 nexthop add id 11 via 2001:db8::9 dev v0
route add 10.7.0.0/16 nhid 7
route add 10.8.0.0/16 nhid 9
route add 10.9.0.0/16 nhid 10
-6 route add 2001:db8:7::/48 nhid 11
`)
	settle(t, []string{"v0", "v1"}, "2001:db8::1")
	dsts := []string{"10.7.0.1", "10.8.0.1", "10.9.0.1", "2001:db8:7::1"}
	want, err := take(dsts)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Sysctl("net/ipv4/nexthop_compat_mode", "0"); err != nil {
		t.Fatal(err)
	}
	got, err := take(dsts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, unordered()); diff != "" {
		t.Errorf("with nexthops spelled out (-) and by their numbers (+):\n%s", diff)
	}
	byDst := map[string]Route{}
	for _, r := range got.Routes {
		byDst[r.Dst.String()] = r
	}
	addr := netip.MustParseAddr
	if r := byDst["10.7.0.0/16"]; r.Gateway != addr("10.0.0.9") || r.Interface != "v0" || r.Nexthop != 7 {
		t.Errorf("%+v", r)
	}
	hops := []Hop{{Gateway: addr("10.0.0.9"), Interface: "v0", Weight: 3}, {Gateway: addr("10.0.0.8"), Interface: "v0", Weight: 1, Flags: []string{"onlink"}}}
	if r := byDst["10.8.0.0/16"]; !reflect.DeepEqual(r.Hops, hops) || r.Nexthop != 9 {
		t.Errorf("%+v, want hops %+v", r, hops)
	}
	if d := got.Decisions[1]; !reflect.DeepEqual(d.Hops, hops) || d.Interface != "v0" || !d.Taken() {
		t.Errorf("%+v, want hops %+v", d, hops)
	}
	if d := got.Decisions[2]; d.Kind != KindBlackhole || d.Taken() {
		t.Errorf("%+v", d)
	}
	if d := got.Decisions[3]; d.Gateway != addr("2001:db8::9") || d.Hops != nil {
		t.Errorf("%+v", d)
	}
}
