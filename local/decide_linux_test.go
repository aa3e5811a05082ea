package local

import (
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decideTest is a question and its answer.
type decideTest struct {
	dst     string
	ask     Ask
	kind    string
	gateway string
	source  string
	matched string
	table   int
	rule    int // its priority; negative: none
	mtu     int
	hop     bool // the kernel knows the neighbour
}

// decideTests4 are of the furnished namespace, over IPv4.
func decideTests4() []decideTest {
	return []decideTest{
		{dst: "10.1.0.77", kind: "unicast", source: "10.1.0.1", matched: "10.1.0.0/24", table: 254, rule: 32766, mtu: 1400},
		{
			dst:  "10.2.7.7",
			kind: "unicast", gateway: "10.1.0.9", source: "10.1.0.1", matched: "10.2.0.0/16", table: 254, rule: 32766, mtu: 1400, hop: true,
		},
		{
			dst:  "10.2.1.7",
			kind: "unicast", gateway: "fe80::9", source: "10.1.0.2", matched: "10.2.1.0/24", table: 254, rule: 32766, mtu: 1300, hop: true,
		},
		{
			dst:  "::ffff:10.2.7.7",
			kind: "unicast", gateway: "10.1.0.9", source: "10.1.0.1", matched: "10.2.0.0/16", table: 254, rule: 32766, mtu: 1400, hop: true,
		},
		{dst: "10.3.0.7", kind: "unicast", source: "10.1.0.1", matched: "10.3.0.0/24", table: 100, rule: 101, mtu: 1400},
		{dst: "10.4.0.7", kind: "prohibit", matched: "10.4.0.0/24", table: 254, rule: 32766},
		{dst: "10.4.1.7", kind: "blackhole", matched: "10.4.1.0/24", table: 254, rule: 32766},
		{dst: "10.4.2.7", kind: "unreachable", matched: "10.4.2.0/24", table: 100, rule: 101},
		{
			dst:  "10.4.3.7",
			kind: "unicast", gateway: "10.1.0.3", source: "10.1.0.1", matched: "0.0.0.0/0", table: 254, rule: 32766, mtu: 1400,
		},
		{dst: "10.5.0.7", kind: "local", source: "10.5.0.7", matched: "10.5.0.0/16", table: 255, rule: 0, mtu: 65536},
		{dst: "10.1.0.2", kind: "local", source: "10.1.0.1", matched: "10.1.0.2/32", table: 255, rule: 0, mtu: 65536},
		{dst: "10.1.0.255", kind: "broadcast", source: "10.1.0.1", matched: "10.1.0.255/32", table: 255, rule: 0, mtu: 1400},
		{
			dst:  "10.76.0.7",
			kind: "unicast", gateway: "10.1.0.3", source: "10.1.0.1", matched: "0.0.0.0/0", table: 254, rule: 32766, mtu: 1400,
		},
		{dst: "10.77.0.7", kind: "prohibit", rule: 105},
		{dst: "10.78.0.7", kind: "unreachable", rule: 103},
		{dst: "10.79.0.7", kind: "blackhole", rule: 104},
		{
			dst: "192.0.2.7", ask: Ask{Mark: 0x105},
			kind: "unicast", gateway: "10.1.0.9", source: "10.1.0.1", matched: "0.0.0.0/0", table: 1000, rule: 100, mtu: 1400, hop: true,
		},
		{
			dst: "192.0.2.7", ask: Ask{User: new(uint32(1000))},
			kind: "unicast", gateway: "10.1.0.9", source: "10.1.0.1", matched: "0.0.0.0/0", table: 1000, rule: 109, mtu: 1400, hop: true,
		},
		{dst: "192.0.2.7", ask: Ask{Interface: "mv0"}, kind: "unicast", source: "10.1.2.1", rule: -1, mtu: 1400},
		{
			dst: "10.2.7.7", ask: Ask{Source: netip.MustParseAddr("10.1.1.1")},
			kind: "unicast", gateway: "10.1.0.9", source: "10.1.1.1", matched: "10.2.0.0/16", table: 254, rule: 32766, mtu: 1400, hop: true,
		},
		{dst: "0.0.0.0", kind: "local", source: "127.0.0.1", rule: -1, mtu: 65536},
	}
}

// decideTests6 are of the same, over IPv6.
func decideTests6() []decideTest {
	return []decideTest{
		{dst: "2001:db8::7", kind: "unicast", source: "2001:db8::1", matched: "2001:db8::/64", table: 254, rule: 32766, mtu: 1400},
		{
			dst:  "2001:db8:9::7",
			kind: "unicast", gateway: "2001:db8::9", source: "2001:db8::1", matched: "2001:db8:9::/48", table: 254, rule: 32766, mtu: 1350,
		},
		{dst: "2001:db8:a::7", kind: "prohibit", matched: "2001:db8:a::/48", table: 254, rule: 32766},
		{dst: "2001:db8:b::7", kind: "blackhole", matched: "2001:db8:b::/48", table: 254, rule: 32766},
		{dst: "2001:db8:c::7", kind: "unreachable", matched: "2001:db8:c::/48", table: 100, rule: 103},
		{dst: "2001:db8:d::7", kind: "none", rule: -1},
		{dst: "2001:db8:78::7", kind: "prohibit", rule: 101},
		{dst: "2001:db8:e::7", ask: Ask{Mark: 7}, kind: "unicast", matched: "2001:db8:e::/48", table: 5000, rule: 100, mtu: 1500},
		{dst: "2001:db8:ffff::7", kind: "none", rule: -1},
		{
			dst: "2001:db8:ffff::7", ask: Ask{Source: netip.MustParseAddr("2001:db8::1")},
			kind: "unicast", gateway: "fe80::9", source: "2001:db8::1", matched: "::/0", table: 254, rule: 32766, mtu: 1400, hop: true,
		},
		{dst: "2001:db8::1", kind: "local", source: "2001:db8::1", matched: "2001:db8::1/128", table: 255, rule: 0, mtu: 65536},
		{dst: "fe80::9%v0", kind: "unicast", source: "fe80::1", matched: "fe80::/64", table: 254, rule: 32766, mtu: 1400, hop: true},
		{dst: "ff02::1%v0", kind: "multicast", source: "fe80::1", matched: "ff00::/8", table: 255, rule: 0, mtu: 1400},
	}
}

func TestDecide(t *testing.T) {
	furnished(t)
	for _, tt := range slices.Concat(decideTests4(), decideTests6()) {
		if tt.ask.User != nil && !allUsers(t) {
			continue
		}
		d, err := Decide(netip.MustParseAddr(tt.dst), tt.ask)
		if err != nil {
			t.Errorf("%s, %+v: %v", tt.dst, tt.ask, err)
			continue
		}
		rule := -1
		if d.Rule != nil {
			rule = d.Rule.Priority
		}
		got := []any{d.Kind, written(d.Gateway), "", d.Table, rule, d.MTU}
		if d.Matched.IsValid() {
			got[2] = d.Matched.String()
		}
		want := []any{tt.kind, tt.gateway, tt.matched, tt.table, tt.rule, tt.mtu}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, %+v: kind, gateway, matched, table, rule, MTU:\n%s", tt.dst, tt.ask, diff)
		}
		if source := written(d.Source); source != tt.source && tt.source != "" {
			t.Errorf("%s, %+v: source %s, want %s", tt.dst, tt.ask, source, tt.source)
		}
		if h := d.Hop; tt.hop && (h == nil || h.State != "permanent" || h.Interface != "v0" || h.MAC == nil) || !tt.hop && h != nil {
			t.Errorf("%s, %+v: next hop %+v, known: %t", tt.dst, tt.ask, h, tt.hop)
		}
		compareWithIP(t, tt.dst, tt.ask, d)
	}
}

// written returns an address as text, the zero one as none.
func written(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// ipDecision is what ip has of the way to an address.
type ipDecision struct {
	Type, Dst, Gateway, Dev, Table, Prefsrc string
	Via                                     *struct{ Host string }
	Metrics                                 []struct{ MTU int }
	Metric                                  int
	Protocol                                string
}

// complaints are what ip says when the kernel refuses. An invalid argument may be a blackhole.
func complaints() map[string]string {
	return map[string]string{
		"Permission denied": "prohibit", "Invalid argument": "", "No route to host": "unreachable", "Network is unreachable": "none",
	}
}

// vanishes reports whether a blackhole is set up into which packets to addr may come.
func vanishes(t *testing.T, addr netip.Addr) bool {
	t.Helper()
	family, number := "-4", 4
	if addr.Is6() {
		family, number = "-6", 6
	}
	holes := func(args ...string) bool {
		return slices.ContainsFunc(told[struct{ Dst, Action string }](t, append([]string{family, "-j"}, args...)...), func(r struct{ Dst, Action string }) bool {
			return r.Action == "blackhole" || r.Dst != "" && prefixOfIP(t, r.Dst, number).Contains(addr)
		})
	}
	return holes("route", "show", "table", "all", "type", "blackhole") || holes("rule", "show")
}

// askIP asks ip for the way to dst, and if fib is set for the route that matches.
func askIP(t *testing.T, dst string, a Ask, fib bool) (d ipDecision, kind string) {
	t.Helper()
	addr := netip.MustParseAddr(dst)
	args := []string{"-j", "-d", "route", "get"}
	if fib {
		args = append(args, "fibmatch")
	}
	args = append(args, addr.Unmap().WithZone("").String(), "mark", strconv.Itoa(int(a.Mark)), "ipproto", map[uint8]string{0: "udp", 6: "tcp"}[a.Protocol])
	if a.User != nil {
		args = append(args, "uid", strconv.Itoa(int(*a.User)))
	}
	if oif := a.Interface + addr.Zone(); oif != "" {
		args = append(args, "oif", oif)
	}
	if a.Source.IsValid() {
		args = append(args, "from", a.Source.String())
	}
	out, complaint := ask(t, args...)
	if complaint != "" {
		_, reason, _ := strings.Cut(complaint, "answers: ")
		kind, ok := complaints()[reason]
		if !ok {
			t.Errorf("ip %q: %s", args, complaint)
		}
		if kind == "" && vanishes(t, addr.Unmap().WithZone("")) {
			kind = "blackhole"
		}
		return ipDecision{}, kind
	}
	var all []ipDecision
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1 {
		t.Fatalf("ip %q: %v in %s", args, err, out)
	}
	if all[0].Type == "" {
		all[0].Type = "unicast"
	}
	if all[0].Via != nil {
		all[0].Gateway = all[0].Via.Host
	}
	return all[0], all[0].Type
}

// compareWithIP tells where a decision is another than ip's.
func compareWithIP(t *testing.T, dst string, a Ask, d Decision) {
	t.Helper()
	want, kind := askIP(t, dst, a, false)
	switch {
	case kind == "none" && d.Kind == "unreachable" && d.Rule != nil && d.Rule.Action == "unreachable":
		return
	case kind != d.Kind:
		t.Errorf("%s, %+v: %s, and by ip %s", dst, a, d.Kind, kind)
		return
	case kind != "unicast" && want.Dev == "":
		if d.Interface != "" || d.Gateway.IsValid() || d.Source.IsValid() || d.Hop != nil {
			t.Errorf("%s, %+v: %+v", dst, a, d)
		}
		return
	}
	if want.Dev != d.Interface {
		t.Errorf("%s, %+v: by %s, and by ip %s", dst, a, d.Interface, want.Dev)
	}
	if written(d.Gateway) != want.Gateway {
		t.Errorf("%s, %+v: gateway %v, and by ip %s", dst, a, d.Gateway, want.Gateway)
	}
	if d.Source.IsValid() && d.Source.String() != want.Prefsrc && d.Source != a.Source {
		t.Errorf("%s, %+v: source %v, and by ip %s", dst, a, d.Source, want.Prefsrc)
	}
	match, matched := askIP(t, dst, a, true)
	if matched != kind {
		if d.Matched.IsValid() || d.Rule != nil {
			t.Errorf("%s, %+v: matched %v, rule %v; ip has no match", dst, a, d.Matched, d.Rule)
		}
		return
	}
	family := 6
	if d.Dst.Is4() {
		family = 4
	}
	if p := prefixOfIP(t, match.Dst, family); p != d.Matched || match.Metric != d.Metric || match.Protocol != d.Protocol {
		t.Errorf("%s, %+v: matched %v metric %d of %s, and by ip %+v", dst, a, d.Matched, d.Metric, d.Protocol, match)
	}
	if table := match.Table; table != d.TableName && (table != "main" || d.TableName != "local") {
		t.Errorf("%s, %+v: table %s, and by ip %s", dst, a, d.TableName, table)
	}
}

func TestDecideRefuses(t *testing.T) {
	furnished(t)
	tests := []struct {
		dst  netip.Addr
		ask  Ask
		want string
	}{
		{netip.Addr{}, Ask{}, "no address"},
		{netip.MustParseAddr("fe80::9"), Ask{}, "fe80::9%eth0"},
		{netip.MustParseAddr("fe80::9%nosuch"), Ask{}, `no interface "nosuch"`},
		{netip.MustParseAddr("fe80::9%v0"), Ask{Interface: "mv0"}, "fe80::9%v0 is not reached by mv0"},
		{netip.MustParseAddr("10.1.0.9"), Ask{Interface: "nosuch"}, `no interface "nosuch"`},
		{netip.MustParseAddr("10.1.0.9"), Ask{Interface: "777"}, `no interface "777"`},
		{netip.MustParseAddr("10.1.0.9"), Ask{Source: netip.MustParseAddr("192.0.2.1")}, "192.0.2.1 is no address of this machine"},
		{netip.MustParseAddr("2001:db8::9"), Ask{Source: netip.MustParseAddr("2001:db8::9")}, "2001:db8::9 is no address of this machine"},
		{netip.MustParseAddr("10.1.0.9"), Ask{Source: netip.MustParseAddr("2001:db8::1")}, "different families"},
		{netip.MustParseAddr("10.1.0.9"), Ask{Source: netip.IPv4Unspecified()}, "0.0.0.0 is no address of a machine"},
		{netip.MustParseAddr("2001:db8::9"), Ask{Source: netip.IPv6Unspecified()}, ":: is no address of a machine"},
		{netip.MustParseAddr("10.1.0.9"), Ask{Protocol: 58}, "protocol 58"},
		{netip.MustParseAddr("2001:db8::9"), Ask{Protocol: 1}, "protocol 1"},
		{netip.MustParseAddr("10.1.0.9"), Ask{Source: netip.MustParseAddr("127.0.0.1")}, "loopback address 127.0.0.1 do not leave"},
		{netip.MustParseAddr("10.1.0.9"), Ask{Source: netip.MustParseAddr("127.9.9.9"), Interface: "v0"}, "loopback address 127.9.9.9 do not leave"},
		{netip.MustParseAddr("2001:db8::9"), Ask{Source: netip.IPv6Loopback()}, "loopback address ::1 do not leave"},
	}
	for _, tt := range tests {
		d, err := Decide(tt.dst, tt.ask)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "local: ") {
			t.Errorf("%v, %+v: %+v, %v; want an error with %q", tt.dst, tt.ask, d, err, tt.want)
		}
	}
	// What is on this machine is reached from a loopback address, and what vanishes does so as well.
	for dst, want := range map[string]string{"10.1.0.1": "local", "10.4.1.7": "blackhole", "10.79.0.7": "blackhole", "10.4.0.7": "prohibit"} {
		if d, err := Decide(netip.MustParseAddr(dst), Ask{Source: netip.MustParseAddr("127.0.0.1")}); err != nil || d.Kind != want {
			t.Errorf("from 127.0.0.1 to %s: %+v, %v; want %s", dst, d, err, want)
		}
	}
	// The number of an interface, and an address of a local prefix.
	if d, err := Decide(netip.MustParseAddr("fe80::9%1"), Ask{}); err != nil || d.Dst.Zone() != "" {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := Decide(netip.MustParseAddr("10.1.0.9"), Ask{Source: netip.MustParseAddr("10.5.7.7")}); err != nil || d.Kind != "unicast" {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestUnprivileged has an ordinary user see what root sees.
func TestUnprivileged(t *testing.T) {
	l := furnished(t)
	dsts := []string{"10.1.0.77", "10.2.1.7", "10.4.0.7", "10.79.0.7", "10.4.2.7", "2001:db8:9::7", "2001:db8:a::7", "2001:db8:d::7", "fe80::9%v0"}
	needOthers(t)
	want, err := take(dsts)
	if err != nil {
		t.Fatal(err)
	}
	cmd := l.CommandAs(t.Context(), nobody, nobody, "/proc/self/exe", dsts...)
	cmd.Env = append(os.Environ(), helperEnv+"=snapshot")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got snapshot
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Interfaces) == 0 || len(got.Decisions) != len(dsts) {
		t.Fatalf("%d interfaces, %d decisions", len(got.Interfaces), len(got.Decisions))
	}
	if diff := cmp.Diff(want, got, unordered()); diff != "" {
		t.Errorf("what root sees (-) and an ordinary user (+):\n%s", diff)
	}
}
