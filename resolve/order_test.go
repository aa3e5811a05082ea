package resolve

import (
	"net/netip"
	"strings"
	"testing"
)

// way parses "from SOURCE/PREFIX", followed by words for what a route has beside.
func way(text string) route {
	var r route
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			p := netip.MustParsePrefix(word)
			r.from, r.prefix, r.index = p.Addr(), p.Bits(), 1
		case word == "deprecated":
			r.deprecated = true
		case word == "home":
			r.home = true
		case word == "tunnel":
			r.tunnel, r.index = true, 2
		}
	}
	return r
}

// Each rule of RFC 6724 section 6, with what comes before it equal.
func TestPrefer(t *testing.T) {
	for _, tt := range []struct {
		title        string
		policy       Policy
		first, route string
		second       string
		other        string // route of the second; "": none
		rule         int
		why          string
	}{
		{"no route", glibcPolicy(), "192.0.2.1", "192.0.2.9/24", "2001:db8::1", "", 1, "route"},
		{"scope of the source", glibcPolicy(), "192.0.2.1", "192.0.2.9/24", "2001:db8::1", "fe80::9/64", 2, "same scope"},
		{"deprecated", glibcPolicy(), "2001:db8::1", "2001:db8::9/64", "2001:db8::2", "2001:db8::8/64 deprecated", 3, "deprecated"},
		{"home", glibcPolicy(), "2001:db8::1", "2001:db8::9/64 home", "2001:db8::2", "2001:db8::8/64", 4, "home"},
		{"label", glibcPolicy(), "192.0.2.1", "192.0.2.9/24", "2001:db8::1", "fd00::9/64", 5, "label"},
		{"precedence", glibcPolicy(), "::1", "::1/128", "127.0.0.1", "127.0.0.1/8", 6, "higher precedence (::1/128 over ::ffff:0:0/96)"},
		{"precedence of ULA", standardPolicy(), "192.0.2.1", "192.0.2.9/24", "fd00::1", "fd00::9/64", 6, "over fc00::/7"},
		{"precedence of ULA in the C library", glibcPolicy(), "fd00::1", "fd00::9/64", "192.0.2.1", "192.0.2.9/24", 6, "::/0 over"},
		{"tunnel", glibcPolicy(), "2001:db8::1", "2001:db8::9/64", "2001:db8::2", "2001:db8::8/64 tunnel", 7, "tunnel"},
		{"scope", glibcPolicy(), "169.254.0.1", "169.254.0.9/16", "192.0.2.1", "192.0.2.9/24", 8, "smaller scope"},
		{"bits", glibcPolicy(), "2001:db8:1::1", "2001:db8:1::9/64", "2001:db8:2::1", "2001:db8:1::9/64", 9, "(124, the next 46)"},
		{"bits of IPv4", glibcPolicy(), "192.0.2.8", "192.0.2.9/24", "198.51.100.1", "192.0.2.9/24", 9, "(31, the next 0)"},
		{"bits of an unknown network", glibcPolicy(), "192.0.2.9", "192.0.2.9/0", "192.0.2.8", "192.0.2.9/0", 9, "(32, the next 0)"},
		{"as they came", glibcPolicy(), "198.51.100.1", "192.0.2.9/24", "203.0.113.1", "192.0.2.9/24", 10, "as they came"},
		{"bits of two families", Policy{Scopes: scopes4()}, "198.51.100.1", "192.0.2.9/24", "2001:db8::1", "2001:db8::9/64", 10, "as they came"},
	} {
		t.Run(tt.title, func(t *testing.T) {
			a := destination{Address{Addr: netip.MustParseAddr(tt.first)}, way(tt.route)}
			b := destination{Address: Address{Addr: netip.MustParseAddr(tt.second)}}
			if tt.other != "" {
				b.route = way(tt.other)
			}
			first, rule, why := tt.policy.prefer(a, b)
			if first > 0 || rule != tt.rule || !strings.Contains(why, tt.why) {
				t.Errorf("%d by rule %d: %s", first, rule, why)
			}
			if back, rule, _ := tt.policy.prefer(b, a); back != -first || rule != tt.rule {
				t.Errorf("the other way round %d by rule %d", back, rule)
			}
		})
	}
}

func TestRank(t *testing.T) {
	var addrs []Address
	for _, a := range []string{"192.0.2.1", "198.51.100.1", "2001:db8::1"} {
		addrs = append(addrs, Address{Addr: netip.MustParseAddr(a)})
	}
	got := rank(addrs, func([]netip.Addr) []route {
		return []route{way("192.0.2.9/24"), {}, way("2001:db8::9/64")}
	}, glibcPolicy())
	for i, want := range []struct {
		addr, from string
		rule       int
	}{{"2001:db8::1", "2001:db8::9", 6}, {"192.0.2.1", "192.0.2.9", 1}, {"198.51.100.1", "invalid IP", 0}} {
		if g := got[i]; g.Addr.String() != want.addr || g.From.String() != want.from || g.Rule != want.rule || (g.Why != "") != (want.rule > 0) {
			t.Errorf("%d: %+v, want %+v", i, g, want)
		}
	}
	if rank(nil, nil, Policy{}) != nil {
		t.Error("something comes of nothing")
	}
}

func TestScope(t *testing.T) {
	for addr, want := range map[string]int{"127.0.0.1": 2, "169.254.1.1": 2, "10.0.0.1": 14, "::1": 2, "fe80::1%eth0": 2, "fec0::1": 5,
		"fd00::1": 14, "2001:db8::1": 14, "ff02::1": 2, "ff0e::1": 14, "::ffff:127.0.0.1": 14} {
		if got := glibcPolicy().scope(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s has scope %d, want %d", addr, got, want)
		}
	}
}

func TestMergeSort(t *testing.T) {
	got := mergeSort([]string{"b1", "a1", "c1", "a2", "b2", "a3"}, func(a, b string) bool { return a[0] <= b[0] })
	if s := strings.Join(got, " "); s != "a1 a2 a3 b1 b2 c1" {
		t.Error(s)
	}
}
