package probe

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/netsim"
)

// Ports of the host behind the router of labs, for both families.
const (
	labOpen    = 1000
	labEcho    = 1001 // by UDP
	labClosed  = 1002
	labDropped = 1003 // by the router
	labHidden  = 1004 // dropped by this machine on its way out
	labLossy   = 1005 // open, but the router drops the first SYN of two
	labResets  = 1006 // open, but the router resets a connection once it is there
	labRefused = 2000 // and the code of the ICMP error that the router sends
)

// labFamily is what there is of a family.
type labFamily struct {
	table, icmp                        string // to nft
	host, router, nobody, nowhere, own netip.Addr
	refusals                           []rejection
	routes                             []route
}

// rejection is an ICMP error of the router.
type rejection struct {
	code  uint8
	name  string // to nft
	state State
	words string
}

// route is one of this machine.
type route struct {
	words []string // to ip route or ip rule
	to    netip.Addr
	say   string
}

// labFamilies are both.
func labFamilies() []labFamily {
	addr := netip.MustParseAddr
	routes := func(prohibit, unreachable, blackhole, rule string) []route {
		return []route{
			{[]string{"route", "add", "prohibit", prohibit}, addr(prohibit), "a route of this machine says prohibit, or it is a broadcast address"},
			{[]string{"route", "add", "unreachable", unreachable}, addr(unreachable), "a route of this machine says unreachable"},
			{[]string{"route", "add", "blackhole", blackhole}, addr(blackhole), "a route of this machine says blackhole"},
			{[]string{"rule", "add", "to", rule, "unreachable"}, addr(rule), "no route to it on this machine"},
		}
	}
	const firewall = ": a firewall, as a host where nothing listens sends a reset"
	return []labFamily{
		{
			table: "ip", icmp: "icmp", host: addr("10.78.0.2"), router: addr("10.77.0.2"), nobody: addr("10.77.0.99"),
			nowhere: addr("192.0.2.1"), own: addr("10.77.0.1"),
			refusals: []rejection{
				{0, "net-unreachable", Unreachable, "network unreachable, says 10.77.0.2"},
				{1, "host-unreachable", Unreachable, "host unreachable, says 10.77.0.2"},
				{2, "prot-unreachable", Rejected, "protocol unreachable, says 10.77.0.2"},
				{3, "port-unreachable", Rejected, "port unreachable, says 10.77.0.2" + firewall},
				{9, "net-prohibited", Rejected, "network administratively prohibited, says 10.77.0.2"},
				{10, "host-prohibited", Rejected, "host administratively prohibited, says 10.77.0.2"},
				{13, "admin-prohibited", Rejected, "administratively prohibited, says 10.77.0.2"},
			},
			routes: routes("10.1.0.1", "10.2.0.1", "10.3.0.1", "10.4.0.1"),
		},
		{
			table: "ip6", icmp: "icmpv6", host: addr("fd78::2"), router: addr("fd77::2"), nobody: addr("fd77::99"),
			nowhere: addr("2001:db8::1"), own: addr("fd77::1"),
			refusals: []rejection{
				{0, "no-route", Unreachable, "no route to the destination, says fd77::2"},
				{1, "admin-prohibited", Rejected, "administratively prohibited, says fd77::2"},
				{3, "addr-unreachable", Unreachable, "address unreachable, says fd77::2"},
				{4, "port-unreachable", Rejected, "port unreachable, says fd77::2" + firewall},
				{5, "policy-fail", Rejected, "source address failed the ingress or egress policy, says fd77::2"},
				{6, "reject-route", Rejected, "a reject route to the destination, says fd77::2"},
			},
			routes: routes("fd01::1", "fd02::1", "fd03::1", "fd04::1"),
		},
	}
}

// openLab opens a lab of real kernels: this machine, a router that refuses by port, and a host behind it.
func openLab(t testing.TB) *lab.Lab {
	t.Helper()
	l := lab.Test(t, nil)
	prefixes := netsim.Prefixes
	freely := map[string]string{"net.ipv4.icmp_ratelimit": "0", "net.ipv6.icmp.ratelimit": "0"}
	everything := func(v4, v6 string) []lab.Route {
		return []lab.Route{
			{Dst: prefixes("10.78.0.0/24")[0], Via: netip.MustParseAddr(v4)}, {Dst: prefixes("fd78::/64")[0], Via: netip.MustParseAddr(v6)},
		}
	}
	router, err := l.Peer("router", lab.PeerConfig{
		Near: lab.End{Addrs: prefixes("10.77.0.1/24", "fd77::1/64"), Routes: everything("10.77.0.2", "fd77::2")},
		Far:  lab.End{Addrs: prefixes("10.77.0.2/24", "fd77::2/64")}, Forward: true, Sysctls: freely,
	})
	if err != nil {
		t.Fatal(err)
	}
	host, err := router.Peer("host", lab.PeerConfig{
		Near: lab.End{Addrs: prefixes("10.78.0.1/24", "fd78::1/64")},
		Far: lab.End{Addrs: prefixes("10.78.0.2/24", "fd78::2/64"), Routes: []lab.Route{
			{Dst: prefixes("10.77.0.0/24")[0], Via: netip.MustParseAddr("10.78.0.1")},
			{Dst: prefixes("fd77::/64")[0], Via: netip.MustParseAddr("fd78::1")},
		}},
		Sysctls: freely,
	})
	if err != nil {
		t.Fatal(err)
	}
	// One question to a neighbour, and not three seconds for an answer.
	for _, name := range []string{"net/ipv4/neigh/router/", "net/ipv6/neigh/router/"} {
		sysctl(t, l.Namespace, name+"retrans_time_ms", "50")
		sysctl(t, l.Namespace, name+"mcast_solicit", "1")
	}
	firewall(t, router, "forward", func(f labFamily) (rules []string) {
		for _, r := range f.refusals {
			rules = append(rules, fmt.Sprintf("meta l4proto { tcp, udp } th dport %d reject with %s type %s", labRefused+int(r.code), f.icmp, r.name))
		}
		return append(rules,
			fmt.Sprintf("meta l4proto { tcp, udp } th dport %d drop", labDropped),
			fmt.Sprintf("tcp dport %d tcp flags syn numgen inc mod 2 0 drop", labLossy),
			fmt.Sprintf("tcp dport %d tcp flags & (syn | ack) == ack reject with tcp reset", labResets))
	})
	firewall(t, l.Namespace, "output", func(labFamily) []string {
		return []string{fmt.Sprintf("meta l4proto { tcp, udp } th dport %d drop", labHidden)}
	})
	for _, f := range labFamilies() {
		family := map[string]string{"ip": "-4", "ip6": "-6"}[f.table]
		for _, r := range f.routes {
			command(t, l.Namespace, "", "ip", append([]string{family}, r.words...)...)
		}
	}
	serveLab(t, host)
	return l
}

func sysctl(t testing.TB, ns *lab.Namespace, name, value string) {
	t.Helper()
	if err := ns.Sysctl(name, value); err != nil {
		t.Fatal(err)
	}
}

// command runs a command in ns.
func command(t testing.TB, ns *lab.Namespace, input, name string, args ...string) {
	t.Helper()
	cmd := ns.Command(t.Context(), name, args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// firewall sets netfilter's rules for each family.
func firewall(t testing.TB, ns *lab.Namespace, hook string, rules func(labFamily) []string) {
	t.Helper()
	var b strings.Builder
	for _, f := range labFamilies() {
		fmt.Fprintf(&b, "table %s wall { chain c { type filter hook %s priority 0\n%s\n}\n}\n", f.table, hook, strings.Join(rules(f), "\n"))
	}
	command(t, ns, b.String(), "nft", "-f", "-")
}

// serveLab listens by TCP, without ever accepting, which the kernel does by itself, and sends datagrams back.
func serveLab(t testing.TB, ns *lab.Namespace) {
	t.Helper()
	must := func(f func() error) {
		t.Helper()
		if err := ns.Do(f); err != nil {
			t.Fatal(err)
		}
	}
	for _, port := range []int{labOpen, labLossy, labResets} {
		must(func() error {
			l, err := net.ListenTCP("tcp", &net.TCPAddr{Port: port})
			if err == nil {
				t.Cleanup(func() { l.Close() })
			}
			return err
		})
	}
	for _, f := range labFamilies() {
		must(func() error {
			u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(f.host, labEcho)))
			if err == nil {
				t.Cleanup(func() { u.Close() })
				go echo(u)
			}
			return err
		})
	}
}

// echo sends datagrams back until u is closed.
func echo(u *net.UDPConn) {
	b := make([]byte, 1<<16)
	for {
		n, from, err := u.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		_, _ = u.WriteToUDPAddrPort(append([]byte("re: "), b[:n]...), from)
	}
}

// row is what there is to find at an address and port.
type row struct {
	name   string
	to     netip.AddrPort
	state  State
	reason string // a regular expression, of the whole
	check  func(*testing.T, found)
}

// rows returns what there is of a family, by TCP or by UDP.
func (f *labFamily) rows(udp bool) (rows []row) {
	add := func(name string, to netip.Addr, port uint16, state State, reason string) *row {
		rows = append(rows, row{name, netip.AddrPortFrom(to, port), state, regexp.QuoteMeta(reason), nil})
		return &rows[len(rows)-1]
	}
	for _, r := range f.refusals {
		words := r.words
		if udp {
			words = strings.Replace(words, ": a firewall, as a host where nothing listens sends a reset", ", which is not the host that was asked: a firewall", 1)
		}
		add(r.name, f.host, uint16(labRefused+int(r.code)), r.state, words).check = func(t *testing.T, got found) {
			if got.ICMP == nil || got.ICMP.From != f.router || got.ICMP.Code != r.code || got.ICMP.V6 != f.host.Is6() {
				t.Errorf("%s: %+v", r.name, got.ICMP)
			}
		}
	}
	for _, r := range f.routes {
		add(strings.Join(r.words, " "), r.to, labClosed, Failed, r.say)
	}
	add("no route", f.nowhere, labClosed, Failed, "no route to it on this machine")
	if f.host.Is6() {
		add("no zone", netip.MustParseAddr("fe80::b"), labClosed, Failed, "a link-local address needs its interface, as in fe80::1%eth0")
	}
	add("neighbour", f.nobody, labClosed, Unreachable, "nobody at that address answers on this link (no ARP or neighbour discovery answer)")
	if udp {
		add("answer", f.host, labEcho, Open, "").check = func(t *testing.T, got found) {
			if string(got.Answer) != "re: " {
				t.Errorf("answered %q", got.Answer)
			}
		}
		add("closed", f.host, labClosed, Closed, "port unreachable, says the host itself: nothing listens there")
		add("silence", f.host, labDropped, Filtered, "open or filtered: no answer to 3 datagrams in 400 ms")
		add("firewall of this machine", f.host, labHidden, Failed, "a firewall of this machine does not let it out")
		return rows
	}
	add("open", f.host, labOpen, Open, "").check = func(t *testing.T, got found) {
		if got.SYNs != 1 || got.RTT <= 0 || got.Own.Addr() != f.own {
			t.Errorf("%+v", got)
		}
	}
	add("closed", f.host, labClosed, Closed, "connection refused: a machine answered with a reset, and nothing listens there")
	add("reset", f.host, labResets, Open, "reset after the connection was accepted")
	add("lost SYN", f.host, labLossy, Open, "").check = func(t *testing.T, got found) {
		if got.SYNs != 2 || got.RTT != 0 || got.Took < time.Second {
			t.Errorf("%+v", got)
		}
	}
	last := &rows[len(rows)-1]
	last.reason = "after 1 lost SYN: .*the round trip is not known"
	for name, port := range map[string]uint16{"silence": labDropped, "firewall of this machine": labHidden} {
		add(name, f.host, port, Filtered, "").reason = `no answer to [2-4] SYNs in 2\.5 s`
	}
	return rows
}

// TestEveryOutcome has everything become of a probe that may, for root and for an ordinary user, over real kernels.
func TestEveryOutcome(t *testing.T) {
	t.Parallel()
	l := openLab(t)
	for _, user := range []uint32{nobody, 0} {
		for _, udp := range []bool{false, true} {
			var rows []row
			for _, f := range labFamilies() {
				rows = append(rows, f.rows(udp)...)
			}
			j := job{UDP: udp, Timeout: 2500 * time.Millisecond}
			if udp {
				j.Timeout = 400 * time.Millisecond
			}
			for _, r := range rows {
				j.To = append(j.To, r.to)
			}
			done := j.runAs(t, l.Namespace, user)
			for _, r := range rows {
				checkRow(t, fmt.Sprintf("user %d, udp %t, %s", user, udp, r.name), r, done)
			}
		}
	}
}

// checkRow looks for what is to be found among what was.
func checkRow(t *testing.T, name string, r row, all []found) {
	t.Helper()
	i := slices.IndexFunc(all, func(f found) bool { return f.Kind == Result && f.Addr == r.to })
	if i < 0 {
		t.Errorf("%s: nothing about %v", name, r.to)
		return
	}
	got := all[i]
	if got.State != r.state || !regexp.MustCompile("^"+r.reason+"$").MatchString(got.Reason) {
		t.Errorf("%s: %v %q, want %v %q", name, got.State, got.Reason, r.state, r.reason)
		return
	}
	if r.check != nil {
		r.check(t, got)
	}
}

// TestTimeExceeded has the TTL end at the router.
func TestTimeExceeded(t *testing.T) {
	t.Parallel()
	l := openLab(t)
	for _, f := range labFamilies() {
		for _, udp := range []bool{false, true} {
			to := netip.AddrPortFrom(f.host, labOpen)
			got := job{UDP: udp, TTL: 1, To: []netip.AddrPort{to}, Timeout: time.Minute}.runAs(t, l.Namespace, nobody)
			words := map[bool]string{false: "the TTL ended on the way, says ", true: "the hop limit ended on the way, says "}[f.host.Is6()]
			checkRow(t, fmt.Sprintf("udp %t", udp), row{to: to, state: Unreachable, reason: regexp.QuoteMeta(words + f.router.String())}, got)
		}
	}
}

// TestSelfConnect has the only source port be the one that is asked for.
func TestSelfConnect(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	sysctl(t, l.Namespace, "net.ipv4.ip_local_port_range", "40000 40000")
	var to []netip.AddrPort
	for _, a := range []string{"127.0.0.1", "::1"} {
		to = append(to, netip.AddrPortFrom(netip.MustParseAddr(a), 40000))
	}
	for _, user := range []uint32{nobody, 0} {
		got := job{To: to, Timeout: time.Minute}.runAs(t, l.Namespace, user)
		for _, a := range to {
			checkRow(t, a.String(), row{to: a, state: Closed, reason: "connected to itself: .*"}, got)
		}
	}
}

// TestPortsUsedUp has no source port left: nobody is told to be closed.
func TestPortsUsedUp(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	sysctl(t, l.Namespace, "net.ipv4.ip_local_port_range", "40000 40001")
	server, err := net.Listen("tcp", "127.0.0.1:50000")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for range 2 {
		c, err := net.Dial("tcp", "127.0.0.1:50000")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	to := netip.MustParseAddrPort("127.0.0.1:50000")
	got := job{To: []netip.AddrPort{to}, Timeout: 100 * time.Millisecond}.runAs(t, l.Namespace, nobody)
	checkRow(t, "ports", row{to: to, state: Failed, reason: "no source port is left for it, or .*"}, got)
	if !slices.ContainsFunc(got, func(f found) bool { return f.Kind == Narrowed && f.Concurrency == 1 }) {
		t.Errorf("%+v", got)
	}
}

// TestFilesUsedUp has far fewer descriptors than probes once it has begun: every port is found nonetheless.
func TestFilesUsedUp(t *testing.T) {
	t.Parallel()
	l := openLab(t)
	j := job{Timeout: 200 * time.Millisecond, Files: 10}
	for range 40 {
		j.To = append(j.To, netip.AddrPortFrom(labFamilies()[0].host, labDropped))
	}
	got := j.runAs(t, l.Namespace, nobody)
	states := map[State]int{}
	narrowed := 0
	for _, f := range got {
		switch f.Kind {
		case Result:
			states[f.State]++
		case Narrowed:
			narrowed++
		}
	}
	if states[Filtered] != 40 || len(states) != 1 || narrowed != 1 {
		t.Errorf("%v, %d warnings", states, narrowed)
	}
}

// TestBusy has the round trips stay those of the kernel while this process does other things.
func TestBusy(t *testing.T) {
	l := openLab(t)
	for _, f := range labFamilies() {
		j := job{To: []netip.AddrPort{netip.AddrPortFrom(f.host, labOpen)}, Count: 21, Interval: 5 * time.Millisecond, Timeout: time.Minute, Busy: 16}
		var rtts []time.Duration
		for _, e := range j.runAs(t, l.Namespace, nobody) {
			if e.Kind == Result && e.State == Open && e.SYNs == 1 {
				rtts = append(rtts, e.RTT)
			}
		}
		if len(rtts) != 21 {
			t.Fatalf("%d round trips", len(rtts))
		}
		slices.Sort(rtts)
		if rtts[0] <= 0 || rtts[10] >= time.Millisecond {
			t.Errorf("%v", rtts)
		}
	}
}

// nobody is an ordinary user, and the group of the same number.
const nobody = 65534

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	os.Exit(lab.Main(m))
}
