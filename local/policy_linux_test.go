package local

import (
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/netdiag/netdiag/internal/lab"
)

// crossing gives the test a namespace with ways by v0 and w0, and what else ip is told.
func crossing(t *testing.T, more string) *lab.Lab {
	t.Helper()
	l := lab.TestConfig(t, lab.Config{Sysctls: quiet()})
	ip(t, `link add v0 type veth peer name v1
link add w0 type veth peer name w1
link set v0 up
link set v1 up
link set w0 up
link set w1 up
addr add 10.0.0.1/24 dev v0
addr add 10.1.0.1/24 dev w0
-6 addr add 2001:db8::1/64 dev v0 nodad
-6 addr add 2001:db8:1::1/64 dev w0 nodad
`+more)
	settle(t, []string{"v0", "v1", "w0", "w1"}, "2001:db8::1", "2001:db8:1::1")
	return l
}

// TestSuppressed has the rule of wg-quick(8), which takes no default route, before rules that refuse.
func TestSuppressed(t *testing.T) {
	crossing(t, `route add default via 10.0.0.9
rule add pref 500 lookup main suppress_prefixlength 0
rule add pref 600 to 10.13.0.0/16 unreachable
rule add pref 601 to 10.14.0.0/16 prohibit
rule add pref 602 to 10.15.0.0/16 blackhole
-6 route add default via 2001:db8::9
-6 rule add pref 500 lookup main suppress_prefixlength 0
-6 rule add pref 601 to 2001:db8:14::/48 prohibit
`)
	for dst, want := range map[string]struct {
		kind string
		rule int
	}{
		"10.13.0.1": {KindUnreachable, 600}, "10.14.0.1": {KindProhibit, 601}, "10.15.0.1": {KindBlackhole, 602}, "10.16.0.1": {KindUnicast, 32766},
		"10.1.0.9": {KindUnicast, 500}, "2001:db8:14::1": {KindProhibit, 601}, "2001:db8:15::1": {KindUnicast, 32766},
	} {
		d, err := Decide(netip.MustParseAddr(dst), Ask{})
		if err != nil || d.Kind != want.kind || d.Rule == nil || d.Rule.Priority != want.rule || d.Taken() != (want.kind == KindUnicast) {
			t.Errorf("%s: %+v by %+v, %v; want %+v", dst, d, d.Rule, err, want)
		}
	}
}

// TestSeveralWays has routes over two ways, of which the kernel takes one.
func TestSeveralWays(t *testing.T) {
	crossing(t, `route add default nexthop via 10.0.0.9 weight 2 nexthop via 10.1.0.9
-6 route add default nexthop via 2001:db8::9 weight 2 nexthop via 2001:db8:1::9
`)
	v4, v6, err := World()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []Way{v4, v6} {
		if len(w.Hops) != 2 || w.Kind != KindUnicast || !w.Source.IsValid() {
			t.Errorf("%+v", w)
		}
		slices.SortFunc(w.Hops, func(a, b Hop) int { return b.Weight - a.Weight })
		if w.Hops[0].Interface != "v0" || w.Hops[0].Weight != 2 || w.Hops[1].Interface != "w0" || w.Hops[1].Weight != 1 {
			t.Errorf("%+v", w.Hops)
		}
		if !slices.ContainsFunc(w.Hops, func(h Hop) bool { return h.Interface == w.Interface && h.Gateway == w.Gateway }) {
			t.Errorf("%+v is no way of its own", w)
		}
	}
	if d, err := Decide(netip.MustParseAddr("10.1.0.9"), Ask{}); err != nil || d.Hops != nil {
		t.Errorf("one way: %+v, %v", d, err)
	}
}

// TestUnrouted has an interface by which there is no route.
func TestUnrouted(t *testing.T) {
	crossing(t, "route add 10.7.0.0/16 dev v0\n-6 route add 2001:db8:7::/48 dev v0\n")
	for _, tt := range []struct {
		dst, dev string
		kind     string
		unrouted bool
	}{
		{"10.8.0.1", "w0", KindUnicast, true}, {"10.7.0.1", "v0", KindUnicast, false}, {"10.7.0.1", "w0", KindUnicast, true}, {"10.7.0.1", "", KindUnicast, false},
		{"10.8.0.1", "", KindNone, false}, {"10.1.0.1", "w0", KindLocal, false}, {"2001:db8:8::1", "w0", KindNone, false}, {"2001:db8:7::1", "v0", KindUnicast, false},
	} {
		d, err := Decide(netip.MustParseAddr(tt.dst), Ask{Interface: tt.dev})
		if err != nil || d.Kind != tt.kind || d.Unrouted != tt.unrouted || tt.unrouted && (d.Matched.IsValid() || d.Rule != nil) {
			t.Errorf("%s by %q: %+v, %v; want %s, unrouted: %t", tt.dst, tt.dev, d, err, tt.kind, tt.unrouted)
		}
	}
}

// TestByProtocol has rules for protocols. A packet of which none is said is of UDP.
func TestByProtocol(t *testing.T) {
	crossing(t, `rule add pref 10 ipproto tcp prohibit
rule add pref 11 ipproto udp to 10.0.0.9 unreachable
rule add pref 12 ipproto icmp blackhole
-6 rule add pref 10 ipproto tcp prohibit
-6 rule add pref 11 ipproto udp to 2001:db8::9 prohibit
-6 rule add pref 12 ipproto ipv6-icmp blackhole
`)
	for _, tt := range []struct {
		dst      string
		protocol uint8
		kind     string
		rule     int
	}{
		{"10.0.0.8", 0, KindUnicast, 32766}, {"10.0.0.9", 0, KindUnreachable, 11}, {"10.0.0.9", 17, KindUnreachable, 11}, {"10.0.0.8", 6, KindProhibit, 10},
		{"10.0.0.9", 1, KindBlackhole, 12}, {"2001:db8::8", 0, KindUnicast, 32766}, {"2001:db8::9", 0, KindProhibit, 11}, {"2001:db8::8", 6, KindProhibit, 10},
		{"2001:db8::9", 58, KindBlackhole, 12},
	} {
		d, err := Decide(netip.MustParseAddr(tt.dst), Ask{Protocol: tt.protocol})
		if err != nil || d.Kind != tt.kind || d.Rule == nil || d.Rule.Priority != tt.rule {
			t.Errorf("%s by protocol %d: %+v by %+v, %v; want %s by %d", tt.dst, tt.protocol, d, d.Rule, err, tt.kind, tt.rule)
		}
	}
}

// TestTypeOfService has a route for a class of service, which ordinary packets do not take.
func TestTypeOfService(t *testing.T) {
	crossing(t, "route add 10.7.0.0/16 tos 0x10 dev v0\nroute add prohibit 10.7.0.0/16\n")
	routes, err := Routes(false)
	if err != nil {
		t.Fatal(err)
	}
	of := map[uint8]string{}
	for _, r := range routes {
		if r.Dst == netip.MustParsePrefix("10.7.0.0/16") {
			of[r.TOS] = r.Kind
		}
	}
	if len(of) != 2 || of[0x10] != KindUnicast || of[0] != KindProhibit {
		t.Errorf("%v", of)
	}
	if d, err := Decide(netip.MustParseAddr("10.7.0.1"), Ask{}); err != nil || d.Kind != KindProhibit || d.Rule == nil || !d.Matched.IsValid() {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestLocalnet lets packets from loopback addresses out.
func TestLocalnet(t *testing.T) {
	l := crossing(t, "")
	if err := l.Sysctl("net/ipv4/conf/v0/route_localnet", "1"); err != nil {
		t.Fatal(err)
	}
	if d, err := Decide(netip.MustParseAddr("10.0.0.9"), Ask{Source: netip.MustParseAddr("127.0.0.1")}); err != nil || d.Kind != KindUnicast || d.Interface != "v0" {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestOwnUser has a rule for an ordinary user, who is asked about without being named.
func TestOwnUser(t *testing.T) {
	needOthers(t)
	l := crossing(t, "rule add pref 10 uidrange 65534-65534 prohibit\n")
	cmd := l.CommandAs(t.Context(), nobody, nobody, "/proc/self/exe", "10.0.0.9")
	cmd.Env = append(os.Environ(), helperEnv+"=snapshot")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got snapshot
	if err := json.Unmarshal(out, &got); err != nil || len(got.Decisions) != 1 {
		t.Fatal(err, string(out))
	}
	if d := got.Decisions[0]; d.Kind != KindProhibit || d.Rule == nil || d.Rule.Priority != 10 {
		t.Errorf("an ordinary user's own: %+v", d)
	}
	for user, want := range map[*uint32]string{nil: KindUnicast, new(uint32(nobody)): KindProhibit, new(uint32(0)): KindUnicast} {
		if d, err := Decide(netip.MustParseAddr("10.0.0.9"), Ask{User: user}); err != nil || d.Kind != want {
			name := "root's own"
			if user != nil {
				name = strconv.Itoa(int(*user))
			}
			t.Errorf("%s: %+v, %v; want %s", name, d, err, want)
		}
	}
}
