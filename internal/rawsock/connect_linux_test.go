package rawsock_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/rawsock"
	"golang.org/x/sys/unix"
)

// Ports of every address behind the router of routed.
const (
	openTCP   = 1000
	echoUDP   = 1001
	closedAll = 1002 // by its owner
	dropped   = 1003 // by the router
	hidden    = 1004 // dropped by this machine on its way out
	barred    = 1006 // refused by it, as prohibited
	vanished  = 1007 // refused by it, as unreachable
	lossy     = 1005 // open, but of two SYNs the router drops the first
	refusals  = 2000 // and the code of the ICMP error that the router sends
)

// refusal names a code of destination unreachable to nft, and the system's error for it.
type refusal struct {
	code  uint8
	name  string
	errno syscall.Errno
}

// world is what there is of each family.
type world struct {
	icmp              string // to nft
	v6                bool
	refusals          []refusal
	unreachable, time uint8      // ICMP types
	absent            uint8      // the code about a host or address
	gone              string     // its name
	own               netip.Addr // this machine's
	loopback          netip.Addr // of this machine
	router, far       netip.Addr
	nobody, nobodyFar netip.Addr // next to this machine, and next to the router
	nowhere           netip.Addr // no route leads there
	closed            map[string]syscall.Errno
	linkLocal         netip.Addr // of the router, without zone; zero: none
}

var worlds = []world{
	{
		icmp: "icmp", unreachable: 3, time: 11, absent: 1, gone: "host-unreachable",
		refusals: []refusal{
			{0, "net-unreachable", unix.ENETUNREACH}, {1, "host-unreachable", unix.EHOSTUNREACH},
			{2, "prot-unreachable", unix.ENOPROTOOPT}, {3, "port-unreachable", unix.ECONNREFUSED},
			{9, "net-prohibited", unix.ENETUNREACH}, {10, "host-prohibited", unix.EHOSTUNREACH},
			{13, "admin-prohibited", unix.EHOSTUNREACH},
		},
		loopback: addr("127.0.0.1"), own: addr("10.77.0.1"), router: addr("10.77.0.2"), far: addr("10.10.0.5"),
		nobody: addr("10.77.0.99"), nobodyFar: addr("10.78.0.99"), nowhere: addr("192.0.2.1"),
		closed: map[string]syscall.Errno{
			"prohibit 10.1.0.1": unix.EACCES, "unreachable 10.2.0.1": unix.EHOSTUNREACH,
			"blackhole 10.3.0.1": unix.EINVAL, "rule 10.4.0.1": unix.ENETUNREACH,
		},
	},
	{
		icmp: "icmpv6", v6: true, unreachable: 1, time: 3, absent: 3, gone: "addr-unreachable",
		refusals: []refusal{
			{0, "no-route", unix.ENETUNREACH}, {1, "admin-prohibited", unix.EACCES}, {3, "addr-unreachable", unix.EHOSTUNREACH},
			{4, "port-unreachable", unix.ECONNREFUSED}, {5, "policy-fail", unix.EACCES}, {6, "reject-route", unix.EACCES},
		},
		loopback: addr("::1"), own: addr("fd77::1"), router: addr("fd77::2"), far: addr("fd9a::5"),
		nobody: addr("fd77::99"), nobodyFar: addr("fd78::99"), nowhere: addr("2001:db8::1"),
		closed: map[string]syscall.Errno{
			"prohibit fd01::1": unix.EACCES, "unreachable fd02::1": unix.EHOSTUNREACH,
			"blackhole fd03::1": unix.EINVAL, "rule fd04::1": unix.ENETUNREACH,
		},
		linkLocal: addr("fe80::b"),
	},
}

// refusal returns the one of a name.
func (w *world) refusal(name string) refusal {
	return w.refusals[slices.IndexFunc(w.refusals, func(r refusal) bool { return r.name == name })]
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// routed opens a lab behind a router, which refuses and drops by port, with hosts behind it that are all one.
func routed(t *testing.T) *lab.Lab {
	t.Helper()
	l := lab.TestConfig(t, lab.Config{})
	quick := map[string]string{"net.ipv4.icmp_ratelimit": "0", "net.ipv6.icmp.ratelimit": "0"}
	router, err := l.Peer("router", lab.PeerConfig{
		Near: lab.End{Addrs: prefixes("10.77.0.1/24", "fd77::1/64"), Routes: []lab.Route{
			{Dst: netip.MustParsePrefix("10.10.0.0/16"), Via: addr("10.77.0.2")}, {Dst: netip.MustParsePrefix("10.78.0.0/24"), Via: addr("10.77.0.2")},
			{Dst: netip.MustParsePrefix("fd9a::/64"), Via: addr("fd77::2")}, {Dst: netip.MustParsePrefix("fd78::/64"), Via: addr("fd77::2")},
		}},
		Far: lab.End{Addrs: prefixes("10.77.0.2/24", "fd77::2/64")}, Forward: true, Sysctls: quick,
	})
	if err != nil {
		t.Fatal(err)
	}
	far, err := router.Peer("far", lab.PeerConfig{
		Near: lab.End{Addrs: prefixes("10.78.0.1/24", "fd78::1/64"), Routes: []lab.Route{
			{Dst: netip.MustParsePrefix("10.10.0.0/16"), Via: addr("10.78.0.2")}, {Dst: netip.MustParsePrefix("fd9a::/64"), Via: addr("fd78::2")},
		}},
		Far: lab.End{Addrs: prefixes("10.78.0.2/24", "fd78::2/64", "fd9a::5/128"), Routes: []lab.Route{
			{Dst: netip.MustParsePrefix("10.77.0.0/24"), Via: addr("10.78.0.1")}, {Dst: netip.MustParsePrefix("fd77::/64"), Via: addr("fd78::1")},
		}},
		Local: prefixes("10.10.0.0/16", "fd9a::/64"), Sysctls: quick,
	})
	if err != nil {
		t.Fatal(err)
	}
	// One question to a neighbour, and not three seconds for an answer.
	for ns, link := range map[*lab.Namespace]string{l.Namespace: "router", router: "far"} {
		for _, name := range []string{"net/ipv4/neigh/%s/", "net/ipv6/neigh/%s/"} {
			set(t, ns, fmt.Sprintf(name, link)+"retrans_time_ms", "50")
			set(t, ns, fmt.Sprintf(name, link)+"mcast_solicit", "1")
		}
	}
	filter(t, router, "forward", func(w world) (rules []string) {
		for _, r := range w.refusals {
			rules = append(rules, fmt.Sprintf("meta l4proto { tcp, udp } th dport %d reject with %s type %s", refusals+int(r.code), w.icmp, r.name))
		}
		return append(rules, fmt.Sprintf("meta l4proto { tcp, udp } th dport %d drop", dropped),
			fmt.Sprintf("tcp dport %d tcp flags syn numgen inc mod 2 0 drop", lossy))
	})
	filter(t, l.Namespace, "output", func(w world) []string {
		return []string{
			fmt.Sprintf("meta l4proto { tcp, udp } th dport %d drop", hidden),
			fmt.Sprintf("tcp dport %d reject with %s type admin-prohibited", barred, w.icmp),
			fmt.Sprintf("tcp dport %d reject with %s type %s", vanished, w.icmp, w.gone),
		}
	})
	serveFar(t, far)
	return l
}

func set(t *testing.T, ns *lab.Namespace, name, value string) {
	t.Helper()
	if err := ns.Sysctl(name, value); err != nil {
		t.Fatal(err)
	}
}

// filter sets netfilter's rules for each family.
func filter(t *testing.T, ns *lab.Namespace, hook string, rules func(world) []string) {
	t.Helper()
	var b strings.Builder
	for _, w := range worlds {
		family := "ip"
		if w.v6 {
			family = "ip6"
		}
		fmt.Fprintf(&b, "table %s t { chain c { type filter hook %s priority 0\n", family, hook)
		for _, r := range rules(w) {
			fmt.Fprintf(&b, "%s\n", r)
		}
		b.WriteString("}\n}\n")
	}
	cmd := ns.Command(t.Context(), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(b.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v: %s", err, out)
	}
}

// serveFar accepts TCP and answers UDP in ns.
func serveFar(t *testing.T, ns *lab.Namespace) {
	t.Helper()
	for _, port := range []int{openTCP, lossy} {
		var l *net.TCPListener
		inside(t, ns, func() (err error) {
			l, err = net.ListenTCP("tcp", &net.TCPAddr{Port: port})
			return err
		})
		t.Cleanup(func() { l.Close() })
	}
	var u *net.UDPConn
	inside(t, ns, func() (err error) {
		u, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP("fd9a::5"), Port: echoUDP})
		return err
	})
	echo(t, u)
	inside(t, ns, func() (err error) {
		u, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP("10.10.0.5"), Port: echoUDP})
		return err
	})
	echo(t, u)
}

func inside(t *testing.T, ns *lab.Namespace, f func() error) {
	t.Helper()
	if err := ns.Do(f); err != nil {
		t.Fatal(err)
	}
}

// echo sends datagrams back until the test ends.
func echo(t *testing.T, u *net.UDPConn) {
	t.Cleanup(func() { u.Close() })
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, from, err := u.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = u.WriteToUDPAddrPort(b[:n], from)
		}
	}()
}

// trial is a job and what is to come of it.
type trial struct {
	name      string
	job       job
	errno     syscall.Errno
	local     bool
	icmp      *rawsock.ICMPError
	connected bool
}

// trials are those that both TCP and UDP have, and those of one of them.
func (w *world) trials(udp bool) (all []trial) {
	ends := func(name string, to netip.Addr, port uint16, want trial) {
		want.name, want.job.To, want.job.UDP, want.job.Ends = name, netip.AddrPortFrom(to, port), udp, true
		all = append(all, want)
	}
	icmp := func(from netip.Addr, typ, code uint8, own bool) *rawsock.ICMPError {
		return &rawsock.ICMPError{From: from, Type: typ, Code: code, V6: w.v6, Own: own, OnLink: own, Local: from == w.own}
	}
	for _, r := range w.refusals {
		ends(r.name, w.far, uint16(refusals+int(r.code)), trial{errno: r.errno, icmp: icmp(w.router, w.unreachable, r.code, false)})
	}
	for route, errno := range w.closed {
		kind, to, _ := strings.Cut(route, " ")
		ends(kind, addr(to), closedAll, trial{errno: errno, local: true})
	}
	ends("no route", w.nowhere, closedAll, trial{errno: unix.ENETUNREACH, local: true})
	ends("TTL", w.far, openTCP, trial{job: job{TTL: 1}, errno: unix.EHOSTUNREACH, icmp: icmp(w.router, w.time, 0, false)})
	if w.v6 {
		ends("no zone", w.linkLocal, closedAll, trial{errno: unix.EINVAL, local: true})
	}
	ends("neighbour", w.nobody, closedAll, trial{errno: unix.EHOSTUNREACH, icmp: icmp(w.own, w.unreachable, w.absent, true)})
	ends("neighbour of the router", w.nobodyFar, closedAll, trial{errno: unix.EHOSTUNREACH, icmp: icmp(w.router, w.unreachable, w.absent, false)})
	all = append(all, trial{name: "silence", job: job{UDP: udp, To: netip.AddrPortFrom(w.far, dropped)}})
	if udp {
		w.udpTrials(ends, icmp)
		return all
	}
	all = append(all, trial{name: "dropped on the way out", job: job{To: netip.AddrPortFrom(w.far, hidden)}})
	barring := w.refusal("admin-prohibited")
	ends("refused on the way out", w.far, barred, trial{errno: barring.errno, icmp: icmp(w.own, w.unreachable, barring.code, false)})
	ends("unreachable here", w.loopback, vanished, trial{errno: unix.EHOSTUNREACH, icmp: icmp(w.loopback, w.unreachable, w.absent, false)})
	ends("closed", w.far, closedAll, trial{errno: unix.ECONNREFUSED})
	ends("closed here", w.loopback, closedAll, trial{errno: unix.ECONNREFUSED})
	ends("open", w.far, openTCP, trial{connected: true})
	ends("by interface", w.far, openTCP, trial{job: job{Interface: "router"}, connected: true})
	ends("by source", w.far, openTCP, trial{job: job{Source: w.own}, connected: true})
	ends("source of the other family", w.far, openTCP, trial{job: job{Source: otherFamily(w.own)}, errno: unix.EAFNOSUPPORT, local: true})
	if w.v6 {
		ends("zone", w.linkLocal.WithZone("router"), closedAll, trial{errno: unix.ECONNREFUSED})
		ends("unknown zone", w.linkLocal.WithZone("nosuch"), closedAll, trial{errno: unix.ENODEV, local: true})
	}
	return all
}

func otherFamily(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv6Loopback()
	}
	return addr("127.0.0.1")
}

// udpTrials are those of UDP only.
func (w *world) udpTrials(ends func(string, netip.Addr, uint16, trial), icmp func(netip.Addr, uint8, uint8, bool) *rawsock.ICMPError) {
	port := w.refusal("port-unreachable").code
	ends("answer", w.far, echoUDP, trial{job: job{Payload: []byte("hello")}, connected: true})
	ends("empty answer", w.far, echoUDP, trial{connected: true})
	ends("closed", w.far, closedAll, trial{errno: unix.ECONNREFUSED, icmp: icmp(w.far, w.unreachable, port, false)})
	ends("closed here", w.loopback, closedAll, trial{errno: unix.ECONNREFUSED, icmp: icmp(w.loopback, w.unreachable, port, false)})
	ends("dropped on the way out", w.far, hidden, trial{errno: unix.EPERM, local: true})
	ends("too long", w.far, echoUDP, trial{job: job{Payload: make([]byte, 1<<16)}, errno: unix.EMSGSIZE, local: true})
}

// TestConnect has everything become of an attempt that may, for root and for an ordinary user.
func TestConnect(t *testing.T) {
	l := routed(t)
	for _, w := range worlds {
		family := "-4"
		if w.v6 {
			family = "-6"
		}
		for route := range w.closed {
			args := []string{family, "route", "add"}
			if to, ok := strings.CutPrefix(route, "rule "); ok {
				args = []string{family, "rule", "add", "to", to, "unreachable"}
			} else {
				args = append(args, strings.Fields(route)...)
			}
			if out, err := l.Command(t.Context(), "ip", args...).CombinedOutput(); err != nil {
				t.Fatalf("ip %v: %v: %s", args, err, out)
			}
		}
	}
	var trials []trial
	var jobs []job
	for _, w := range worlds {
		for _, udp := range []bool{false, true} {
			for _, tr := range w.trials(udp) {
				trials, jobs = append(trials, tr), append(jobs, tr.job)
			}
		}
	}
	before := descriptors(t)
	once := make(map[bool]int) // refused before a second SYN, by family
	for i, j := range jobs {
		r, err := j.run()
		if err != nil {
			t.Fatalf("%s, %v: %v", trials[i].name, j.To, err)
		}
		trials[i].check(t, "root", r)
		if r.Outcome.ICMP != nil && r.Outcome.SYNs == 1 && !j.UDP && !strings.HasPrefix(trials[i].name, "neighbour") {
			once[r.Outcome.ICMP.V6]++
		}
	}
	if once[false] == 0 || once[true] == 0 {
		t.Errorf("an ICMP error is heard of only with the second SYN: %v", once)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	for i, r := range runAs(t, l.Namespace, 65534, jobs) {
		trials[i].check(t, "nobody", r)
	}
}

// check fails the test if r is not what was to come.
func (w *trial) check(t *testing.T, user string, r report) {
	t.Helper()
	o, got := r.Outcome, fmt.Sprintf("%s, %s, udp %t, %v: %v %+v", user, w.name, w.job.UDP, w.job.To, r.Errno, r)
	if r.Errno != w.errno || r.Told != w.job.Ends || o.Local != w.local || o.Connected != w.connected {
		t.Errorf("%s", got)
	}
	if (o.ICMP == nil) != (w.icmp == nil) || o.ICMP != nil && *o.ICMP != *w.icmp {
		t.Errorf("ICMP error %+v, want %+v: %s", o.ICMP, w.icmp, got)
	}
	if (o.SYNs == 0) != w.local || w.job.UDP && o.SYNs > 1 {
		t.Errorf("%d SYNs: %s", o.SYNs, got)
	}
	if o.At.IsZero() || o.Took < 0 || o.Own.IsValid() != w.connected || (o.RTT > 0) != (w.connected && !w.job.UDP) {
		t.Errorf("figures: %s", got)
	}
	if string(o.Answer) != string(w.job.Payload) && w.connected {
		t.Errorf("answer %q: %s", o.Answer, got)
	}
}
