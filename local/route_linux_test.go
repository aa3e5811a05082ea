package local

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// ipRoute is a route as ip has it.
type ipRoute struct {
	Type, Dst, From, Gateway string
	Via                      *struct{ Host string }
	Dev, Table, Protocol     string
	Scope, Prefsrc           string
	Metric                   int
	Flags                    []string
	Metrics                  []struct{ MTU int }
	Nexthops                 []ipRoute
	Weight                   int
}

// gateway returns the next hop of either family.
func (r ipRoute) gateway(t *testing.T) netip.Addr {
	t.Helper()
	switch {
	case r.Via != nil:
		return netip.MustParseAddr(r.Via.Host)
	case r.Gateway != "":
		return netip.MustParseAddr(r.Gateway)
	}
	return netip.Addr{}
}

// prefixOfIP returns a prefix that ip has written.
func prefixOfIP(t *testing.T, s string, family int) netip.Prefix {
	t.Helper()
	if s == "default" {
		s = map[int]string{4: "0.0.0.0/0", 6: "::/0"}[family]
	}
	if !strings.Contains(s, "/") {
		a := netip.MustParseAddr(s)
		return netip.PrefixFrom(a, a.BitLen())
	}
	return netip.MustParsePrefix(s)
}

// want returns what Routes must have for it.
func (r ipRoute) want(t *testing.T, family int) Route {
	t.Helper()
	route := Route{
		Family: family, Dst: prefixOfIP(t, r.Dst, family), Gateway: r.gateway(t), Interface: r.Dev, Metric: r.Metric,
		TableName: r.Table, Protocol: r.Protocol, Scope: r.Scope, Kind: r.Type, Flags: r.Flags,
	}
	if r.From != "" {
		route.From = prefixOfIP(t, r.From, family)
	}
	if r.Prefsrc != "" {
		route.Source = netip.MustParseAddr(r.Prefsrc)
	}
	if len(r.Metrics) > 0 {
		route.MTU = r.Metrics[0].MTU
	}
	for _, h := range r.Nexthops {
		route.Hops = append(route.Hops, Hop{Gateway: h.gateway(t), Interface: h.Dev, Weight: h.Weight, Flags: h.Flags})
	}
	switch r.Type {
	case "prohibit", "blackhole", "unreachable", "throw":
		route.Interface = ""
	}
	return route
}

func TestRoutes(t *testing.T) {
	furnished(t)
	for _, all := range []bool{true, false} {
		table := map[bool]string{true: "all", false: "main"}[all]
		var want []Route
		for _, family := range []int{4, 6} {
			for _, r := range told[ipRoute](t, fmt.Sprintf("-%d", family), "-j", "-d", "route", "show", "table", table) {
				if !all {
					r.Table = "main"
				}
				want = append(want, r.want(t, family))
			}
		}
		got, err := Routes(all)
		if err != nil {
			t.Fatal(err)
		}
		opts := cmp.Options{unordered(), cmpopts.IgnoreFields(Route{}, "Table")}
		if diff := cmp.Diff(want, got, opts); diff != "" {
			t.Errorf("table %s: routes that ip shows (-) and Routes has (+):\n%s", table, diff)
		}
		for _, r := range got {
			if want := map[string]int{"main": 254, "local": 255, "100": 100, "1000": 1000, "5000": 5000}[r.TableName]; r.Table != want {
				t.Errorf("table %q has the number %d", r.TableName, r.Table)
			}
		}
		if has := slices.ContainsFunc(got, func(r Route) bool { return r.Table == 1000 }); has != all {
			t.Errorf("Routes(%t) has those of table 1000: %t", all, has)
		}
	}
}

// words returns what ip-rule would write of a rule, word by word in the order of the alphabet.
func (r Rule) words() []string {
	w := []string{fmt.Sprintf("%d:", r.Priority)}
	add := func(name, value string) { w = append(w, name, value) }
	if r.Invert {
		w = append(w, "not")
	}
	prefix := func(p netip.Prefix) string {
		switch {
		case !p.IsValid():
			return "all"
		case p.IsSingleIP():
			return p.Addr().String()
		}
		return p.String()
	}
	add("from", prefix(r.From))
	if r.To.IsValid() {
		add("to", prefix(r.To))
	}
	switch {
	case r.MarkMask == 0xffffffff:
		add("fwmark", fmt.Sprintf("0x%x", r.Mark))
	case r.MarkMask != 0:
		add("fwmark", fmt.Sprintf("0x%x/0x%x", r.Mark, r.MarkMask))
	}
	if r.In != "" {
		add("iif", r.In)
	}
	if r.Out != "" {
		add("oif", r.Out)
	}
	w = append(w, strings.Fields(r.More)...)
	w = append(w, strings.Fields(r.Action)...)
	if r.TableName != "" {
		w = append(w, r.TableName)
	}
	slices.Sort(w)
	return w
}

func TestRules(t *testing.T) {
	furnished(t)
	var want [][]string
	for _, family := range []string{"-4", "-6"} {
		out, complaint := ask(t, family, "rule", "show")
		if complaint != "" {
			t.Fatal(complaint)
		}
		for line := range strings.Lines(out) {
			words := slices.DeleteFunc(strings.Fields(line), func(w string) bool { return w == "[detached]" })
			slices.Sort(words)
			want = append(want, words)
		}
	}
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, r := range rules {
		got = append(got, r.words())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules that ip shows (-) and Rules has (+):\n%s", diff)
	}
	const want102 = " ipproto tcp sport 5 dport 22-23"
	r := rules[slices.IndexFunc(rules, func(r Rule) bool { return r.Priority == 102 })]
	if r.Family != 4 || r.In != "lo" || r.Out != "v0" || !strings.HasSuffix(r.More, want102) || r.Table != 1000 || r.Action != "lookup" {
		t.Errorf("%+v", r)
	}
}

func TestNeighbours(t *testing.T) {
	furnished(t)
	var want []Neighbour
	for _, n := range told[struct {
		Dst, Dev, Lladdr string
		State            []string
		Router           *string
	}](t, "-j", "neigh", "show", "nud", "all") {
		neighbour := Neighbour{Addr: netip.MustParseAddr(n.Dst), Interface: n.Dev, State: "none"}
		if len(n.State) == 1 {
			neighbour.State = strings.ToLower(n.State[0])
		}
		if mac, err := net.ParseMAC(n.Lladdr); err == nil {
			neighbour.MAC = mac
		}
		want = append(want, neighbour)
	}
	got, err := Neighbours()
	if err != nil {
		t.Fatal(err)
	}
	router := cmpopts.IgnoreFields(Neighbour{}, "Router")
	anyOrder := cmpopts.SortSlices(func(a, b Neighbour) bool { return fmt.Sprint(a) < fmt.Sprint(b) })
	if diff := cmp.Diff(want, got, unordered(), router, anyOrder); diff != "" {
		t.Errorf("neighbours that ip shows (-) and Neighbours has (+):\n%s", diff)
	}
	for _, n := range got {
		if want := n.Addr == netip.MustParseAddr("fe80::9"); n.Router != want {
			t.Errorf("%v is a router: %t", n.Addr, n.Router)
		}
	}
	for _, addr := range []string{"10.1.0.9", "10.1.0.8", "fe80::9"} {
		if !slices.ContainsFunc(got, func(n Neighbour) bool { return n.Addr == netip.MustParseAddr(addr) }) {
			t.Errorf("%s is missing", addr)
		}
	}
}
