package probe

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

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
	labBarred  = 1007 // refused by this machine on its way out
	labEnds    = 1008 // open, but the server closes a connection in order and then resets it
	labRefused = 2000 // and the code of the ICMP error that the router sends
)

// labFamily is what there is of a family.
type labFamily struct {
	table, icmp                        string // to nft
	host, router, nobody, nowhere, own netip.Addr
	beyond                             netip.Addr // behind a router that is not there
	unspecified                        netip.Addr
	many                               []netip.Addr // for TCP none of them is a host
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
			nowhere: addr("192.0.2.1"), own: addr("10.77.0.1"), beyond: addr("10.5.0.1"), unspecified: netip.IPv4Unspecified(),
			many: []netip.Addr{addr("10.77.0.255"), addr("255.255.255.255"), addr("224.0.0.1")},
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
			nowhere: addr("2001:db8::1"), own: addr("fd77::1"), beyond: addr("fd05::1"), unspecified: netip.IPv6Unspecified(),
			many: []netip.Addr{addr("ff02::1%router")},
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
	firewall(t, l.Namespace, "output", func(f labFamily) []string {
		return []string{
			fmt.Sprintf("meta l4proto { tcp, udp } th dport %d drop", labHidden),
			fmt.Sprintf("tcp dport %d reject with %s type admin-prohibited", labBarred, f.icmp),
		}
	})
	for _, f := range labFamilies() {
		family := map[string]string{"ip": "-4", "ip6": "-6"}[f.table]
		command(t, l.Namespace, "", "ip", family, "route", "add", f.beyond.String(), "via", f.nobody.String())
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
	must(func() error {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{Port: labEnds})
		if err == nil {
			t.Cleanup(func() { l.Close() })
			go endAll(l)
		}
		return err
	})
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

// endAll closes each connection in order, and resets it behind that, until l is closed.
func endAll(l *net.TCPListener) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return
		}
		_ = c.CloseWrite()
		_ = c.SetLinger(0)
		_ = c.Close()
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
