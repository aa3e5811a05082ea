package local

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// How many random networks there are, and for how many destinations each is asked.
const (
	randomTables = 100
	destinations = 8
)

// TestRandomTables compares decisions by random routes and rules with ip's, and has the kernel show that what
// is derived from the rules is true.
func TestRandomTables(t *testing.T) {
	seeds := rand.New(rand.NewPCG(20261122, 5))
	proven := map[string]int{}
	for n := range randomTables {
		r := rand.New(rand.NewPCG(seeds.Uint64(), uint64(n)))
		family := 4 + 2*(n%2)
		t.Run(fmt.Sprintf("%d-IPv%d", n, family), func(t *testing.T) {
			lab.TestConfig(t, lab.Config{Sysctls: quiet()})
			ip(t, randomNetwork(r, family))
			settle(t, []string{"v0", "v1"}, map[int][]string{6: {"2001:db8::1", "2001:db8:0:1::1"}}[family]...)
			for range destinations {
				dst := randomDst(r, family)
				a := Ask{User: new(uint32(r.IntN(3))), Mark: uint32(r.IntN(3))}
				if r.IntN(3) == 0 {
					a.Source = netip.MustParseAddr(map[int]string{4: "10.0.0.1", 6: "2001:db8::1"}[family])
				}
				if r.IntN(4) == 0 {
					a.Interface = fmt.Sprintf("v%d", r.IntN(2))
				}
				d, err := Decide(dst, a)
				if err != nil {
					t.Fatalf("%v, %+v: %v", dst, a, err)
				}
				compareWithIP(t, dst.String(), a, d)
				if d.Rule != nil && d.Rule.Priority > 1 {
					proveRule(t, a, d)
					proven["rule"]++
				}
				if refuses(d.Kind) && d.Matched.IsValid() {
					proveRoute(t, a, d)
					proven["route"]++
				}
				proven[d.Kind]++
				if refuses(d.Kind) && a.Interface == "" {
					proven["refused"]++
					if d.Rule == nil {
						proven["doubt"]++
					}
				}
			}
		})
	}
	t.Logf("%v", proven)
	// Only a refusing route behind one that is suppressed would leave a doubt.
	if proven["doubt"] > 0 {
		t.Errorf("of %d refusals %d are in doubt", proven["refused"], proven["doubt"])
	}
	for _, what := range []string{"rule", "route", "unicast", "prohibit", "blackhole", "unreachable", "none", "local"} {
		if proven[what] < 10 {
			t.Errorf("only %d times %s among %d random decisions", proven[what], what, randomTables*destinations)
		}
	}
}

// randomNetwork returns the commands for a random network of a family.
func randomNetwork(r *rand.Rand, family int) string {
	var b strings.Builder
	line := func(format string, args ...any) {
		if family == 6 && (strings.HasPrefix(format, "route") || strings.HasPrefix(format, "rule")) {
			format = "-6 " + format
		}
		fmt.Fprintf(&b, format+"\n", args...)
	}
	line("link add v0 type veth peer name v1")
	line("link set v0 up")
	line("link set v1 up")
	if family == 4 {
		line("addr add 10.0.0.1/24 dev v0")
		line("addr add 10.0.1.1/24 dev v1")
	} else {
		line("addr add 2001:db8::1/64 dev v0 nodad")
		line("addr add 2001:db8:0:1::1/64 dev v1 nodad")
	}
	for range 6 + r.IntN(30) {
		table := []string{"main", "100", "101", "300"}[r.IntN(4)]
		kind := []string{"unicast", "unicast", "unicast", "prohibit", "blackhole", "unreachable", "throw"}[r.IntN(7)]
		how := ""
		if kind == "unicast" {
			how = fmt.Sprintf("dev v%d", r.IntN(2))
		}
		line("route replace %s %v table %s metric %d %s", kind, randomPrefix(r, family), table, 1+r.IntN(4), how)
	}
	for n := range r.IntN(8) {
		selector := ""
		if r.IntN(3) == 0 {
			selector += "not "
		}
		selector += []string{"", "", fmt.Sprintf("from %v ", randomPrefix(r, family))}[r.IntN(3)]
		selector += []string{"", "", fmt.Sprintf("to %v ", randomPrefix(r, family))}[r.IntN(3)]
		selector += []string{
			"", "", "", "fwmark 1 ", "fwmark 2/2 ", "uidrange 1-2 ", "iif lo ", "iif v0 ", "oif v1 ", "ipproto tcp ", "dport 80 ",
		}[r.IntN(11)]
		action := []string{
			"lookup main", "lookup 100", "lookup 101", "lookup 300", "lookup 100 suppress_prefixlength 9",
			"lookup main suppress_prefixlength 0", "prohibit", "blackhole", "unreachable", "nop",
		}[r.IntN(10)]
		line("rule add pref %d %s %s", 100+10*n, selector, action)
	}
	return b.String()
}

// randomPrefix returns a prefix that has a good chance to have a random destination in it.
func randomPrefix(r *rand.Rand, family int) netip.Prefix {
	bits := []int{0, 8, 9, 10, 12, 16, 17, 24}[r.IntN(8)]
	if family == 6 && bits > 0 {
		bits += 24
	}
	return netip.PrefixFrom(randomDst(r, family), bits).Masked()
}

// randomDst returns one of few addresses, with a part of them this machine's.
func randomDst(r *rand.Rand, family int) netip.Addr {
	bits := r.Uint32() & 0x00c08181
	if r.IntN(8) == 0 {
		bits = 1
	}
	if family == 4 {
		return netip.AddrFrom4([4]byte{10, byte(bits >> 16), byte(bits >> 8), byte(bits)})
	}
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(bits >> 16), byte(bits >> 8), 15: byte(bits)})
}

// proveRule shows that the rule of a decision is the one that decided: whatever is refused just before it changes the
// decision, and what is refused behind it does not.
func proveRule(t *testing.T, a Ask, d Decision) {
	t.Helper()
	q, err := newQuestion(d.Dst, a)
	if err != nil {
		t.Fatal(err)
	}
	kind, refusal := uint8(unix.RTN_PROHIBIT), unix.EACCES
	if d.Kind == KindProhibit {
		kind, refusal = unix.RTN_BLACKHOLE, unix.EINVAL
	}
	m, was := q.route(0)
	for _, at := range []int{d.Rule.Priority - 1, d.Rule.Priority + 1} {
		rule := netlink.NewRule()
		rule.Family, rule.Priority, rule.Type = int(q.family()), at, kind
		if err := netlink.RuleAdd(rule); err != nil {
			t.Fatal(err)
		}
		now, err := q.route(0)
		ok := err == was && (err != nil || now.table() == m.table())
		if at < d.Rule.Priority {
			// IPv4 sends without a route by an interface that was asked for.
			ok = errors.Is(err, refusal) || err == nil && q.oif != 0 && q.dst.Is4() && now.table() == unix.RT_TABLE_UNSPEC
		}
		if !ok {
			t.Errorf("%v, %+v: with a refusing rule at %d %v, but the decision is %+v by %+v", d.Dst, a, at, err, d, *d.Rule)
		}
		if err := netlink.RuleDel(rule); err != nil {
			t.Fatal(err)
		}
	}
}

// proveRoute shows that the route that a decision has matched is the one that refused: another kind of it refuses otherwise.
func proveRoute(t *testing.T, a Ask, d Decision) {
	t.Helper()
	q, err := newQuestion(d.Dst, a)
	if err != nil {
		t.Fatal(err)
	}
	other, refusal := KindProhibit, unix.EACCES
	if d.Kind == KindProhibit {
		other, refusal = KindUnreachable, unix.EHOSTUNREACH
	}
	at := fmt.Sprintf("%v table %d metric %d", d.Matched, d.Table, d.Metric)
	family := ""
	if d.Dst.Is6() {
		family = "-6 "
	}
	change := func(from, to string) { // IPv6 cannot replace the one by the other
		ip(t, fmt.Sprintf("%[1]sroute del %[2]s %[4]s\n%[1]sroute add %[3]s %[4]s", family, from, to, at))
	}
	change(d.Kind, other)
	if _, err := q.route(0); !errors.Is(err, refusal) {
		t.Errorf("%v, %+v: with %s in its place: %v, but the decision is %+v", d.Dst, a, other, err, d)
	}
	change(other, d.Kind)
}
