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
)

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
	add("dead router", f.beyond, labClosed, Unreachable, "neither it nor the router towards it answered ARP or neighbour discovery")
	add("neighbour", f.nobody, labClosed, Unreachable, "nobody at that address answers on this link (no ARP or neighbour discovery answer)")
	if udp {
		add("answer", f.host, labEcho, Open, "").check = func(t *testing.T, got found) {
			if string(got.Answer) != "re: " {
				t.Errorf("answered %q", got.Answer)
			}
		}
		add("closed", f.host, labClosed, Closed, "port unreachable, says the host itself: nothing listens there")
		add("closed here", f.unspecified, labClosed, Closed, "port unreachable, says the host itself: nothing listens there")
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
	add("closed in order, and then reset", f.host, labEnds, Open, "")
	for _, a := range f.many {
		add("many", a, labClosed, Failed, "a multicast or broadcast address cannot be connected to: TCP is between two hosts")
	}
	add("refused by this machine", f.host, labBarred, Rejected, "administratively prohibited, says "+f.own.String()+", an address of this machine: its own firewall")
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
			// Who answers has time to, and who does not keeps nobody waiting.
			answers, silent := job{UDP: udp, Timeout: 30 * time.Second}, job{UDP: udp, Timeout: 2500 * time.Millisecond}
			if udp {
				silent.Timeout = 400 * time.Millisecond
			}
			for _, r := range rows {
				j := &answers
				if r.state == Filtered {
					j = &silent
				}
				j.To = append(j.To, r.to)
			}
			done := append(answers.runAs(t, l.Namespace, user), silent.runAs(t, l.Namespace, user)...)
			for _, r := range rows {
				checkRow(t, fmt.Sprintf("user %d, udp %t, %s", user, udp, r.name), r, done)
			}
		}
	}
}

// checkRow looks for what is to be found among what was.
func checkRow(t *testing.T, name string, r row, all []found) {
	t.Helper()
	i := slices.IndexFunc(all, func(f found) bool {
		return f.Kind == Result && f.Target.Addrs[0] == r.to.Addr() && f.Target.Port == r.to.Port()
	})
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
	checkRow(t, "ports", row{to: to, state: Failed, reason: "no source port is left for it"}, got)
	if !slices.ContainsFunc(got, func(f found) bool { return f.Kind == Narrowed && f.Concurrency == 1 }) {
		t.Errorf("%+v", got)
	}
}

// TestFamilyOff has IPv6 switched off: that is no lack of ports, for which there would be a wait.
func TestFamilyOff(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	sysctl(t, l.Namespace, "net.ipv6.conf.all.disable_ipv6", "1")
	to := netip.MustParseAddrPort("[::1]:80")
	for _, udp := range []bool{false, true} {
		got := job{UDP: udp, To: []netip.AddrPort{to}, Timeout: time.Minute}.runAs(t, l.Namespace, nobody)
		checkRow(t, fmt.Sprintf("udp %t", udp), row{to: to, state: Failed, reason: "this machine has no source address for it: .*"}, got)
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

// nobody is an ordinary user, and the group of the same number.
const nobody = 65534

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	os.Exit(lab.Main(m))
}
