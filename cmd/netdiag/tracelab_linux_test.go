package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/netsim"
)

// hopsPath is a network with routers r1 to r3, and 20 ms away the host "target" with many addresses. Of these r3 knows
// better than to forward to some, and others the host does not answer for:
//
//	target  answered
//	.1-.9   ordinarily, TCP with a reset
//	.40     prohibited, by r3
//	.41     network unreachable, by r3
//	.42     not at all
func hopsPath() netsim.Topology {
	topology := netsim.Chain(2*time.Millisecond, 4*time.Millisecond, 10*time.Millisecond, 20*time.Millisecond)
	host := topology.Host("target")
	host.Addrs = netsim.Prefixes("198.51.100.0/24", "2001:db8:ffff::/64")
	r3 := topology.Router("r3")
	for action, n := range map[netsim.Action]int{netsim.Prohibit: 40, netsim.Unreachable: 41} {
		for _, p := range targetAddrs(n) {
			r3.Routes = append(r3.Routes, netsim.Route{To: p, Action: action})
		}
	}
	host.Faults = []netsim.Fault{{When: netsim.When{To: targetAddrs(42)}, Silent: true}}
	return topology
}

// another is between an address that root traces to and that for an ordinary user.
const another = 100

// targetAddrs are the host's addresses of a number, for root and for an ordinary user.
func targetAddrs(n int) (all []netip.Prefix) {
	for _, n := range []int{n, n + another} {
		all = append(all, netsim.Prefixes(fmt.Sprintf("198.51.100.%d/32", n), fmt.Sprintf("2001:db8:ffff::%d/128", n))...)
	}
	return all
}

// traceWays are the ways to trace to the addresses of a number.
func traceWays(number int) (all []way) {
	for i, p := range targetAddrs(number) {
		user, socket := uint32(0), "raw"
		if i >= 2 {
			user, socket = nobody, "user"
		}
		all = append(all, way{fmt.Sprintf("IPv%d %s", 4+2*(i%2), socket), user, socket, p.Addr().String()})
	}
	return all
}

// eachTrace runs netdiag trace to the host's address of a number with the given arguments, by root with raw sockets and by
// an ordinary user, all at once, and has check look at each.
func eachTrace(t *testing.T, ns *lab.Namespace, number int, args string, check func(t *testing.T, w way, e ended)) {
	t.Helper()
	waits := make(map[way]func() ended)
	for _, w := range traceWays(number) {
		line := append([]string{"trace", "-n", "--socket", w.socket, w.target}, strings.Fields(args)...)
		waits[w] = started(t, program(t, ns, w.user, line...))
	}
	for w, wait := range waits {
		e := wait()
		t.Run(w.name+" "+args, func(t *testing.T) { check(t, w, e) })
	}
}

// tracedText masks the times of a text, and the addresses of hopsPath.
func tracedText(w way, text string) string {
	text = regexp.MustCompile(`10\.([123])\.0\.1|2001:db8:1:([123])::1`).ReplaceAllString(text, "R$1$2")
	text = threeDecimals.ReplaceAllString(strings.ReplaceAll(text, w.target, "TARGET"), "T")
	return regexp.MustCompile(`\b(60|80) byte`).ReplaceAllString(text, "SIZE byte")
}

const threeRouters = `traceroute to TARGET (TARGET), 64 hops max, SIZE byte packets
 1  R1  T ms  T ms  T ms
 2  R2  T ms  T ms  T ms
`

// TestTraceOutcomes looks at the whole text and at the exit status.
func TestTraceOutcomes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		number int
		args   string
		exit   status
		stdout string // behind threeRouters
		stderr string
	}{
		{1, "", yes, " 3  R3  T ms  T ms  T ms\n 4  TARGET  T ms  T ms  T ms\n", ""},
		{2, "-I", yes, " 3  R3  T ms  T ms  T ms\n 4  TARGET  T ms  T ms  T ms\n", ""},
		{3, "-T", yes, " 3  R3  T ms  T ms  T ms\n 4  TARGET  T ms  T ms  T ms\n", ""},
		{4, "-q 1 -m 3", no, " 3  R3  T ms\n", "netdiag: not reached within 3 hops (-m)\n"},
		{40, "", no, " 3  R3  T ms !P  T ms !P  T ms !P\n", "netdiag: the way ends at hop 3: R3 says PROHIBITED\n"},
		{41, "", no, " 3  R3  T ms !N  T ms !N  T ms !N\n", "netdiag: the way ends at hop 3: R3 says UNREACHABLE\n"},
		{42, "--gap 2", no, " 3  R3  T ms  T ms  T ms\n 4  * * *\n 5  * * *\n", "netdiag: 2 silent hops in a row: given up (--gap)\n"},
		{5, "--mtu", yes, " 3  R3  T ms  T ms  T ms\n 4  TARGET  T ms  T ms  T ms\npath MTU 1500 bytes\n", ""},
	} {
		t.Run(fmt.Sprint(tt.number, tt.args), func(t *testing.T) {
			t.Parallel()
			l, _ := simulated(t, hopsPath())
			eachTrace(t, l.Namespace, tt.number, tt.args, func(t *testing.T, w way, e ended) {
				e.exits(t, tt.exit)
				head, stdout, stderr := threeRouters, tt.stdout, tt.stderr
				if strings.Contains(tt.args, "-q 1") {
					head = strings.ReplaceAll(head, "  T ms  T ms  T ms", "  T ms")
				}
				if strings.Contains(tt.args, "-m 3") {
					head = strings.ReplaceAll(head, "64 hops", "3 hops")
				}
				prohibited, unreachable := "Packet filtered", "Destination Net Unreachable"
				if w.ipv6() {
					prohibited, unreachable = "Destination unreachable: Administratively prohibited", "Destination unreachable: No route"
				} else {
					stdout = strings.ReplaceAll(stdout, "!P", "!X")
				}
				stderr = strings.NewReplacer("PROHIBITED", prohibited, "UNREACHABLE", unreachable).Replace(stderr)
				if got, want := tracedText(w, e.stdout), head+stdout; got != want {
					t.Errorf("got\n%swant\n%s", got, want)
				}
				if got := tracedText(w, e.stderr); got != stderr {
					t.Errorf("on standard error %q, want %q", got, stderr)
				}
			})
		})
	}
}

// TestTraceJSONOfARun looks at the lines of a trace by each method, and at times of which the path is known.
func TestTraceJSONOfARun(t *testing.T) {
	t.Parallel()
	topology := hopsPath()
	topology.Host("target").TCPOpen = []netsim.Ports{netsim.Port(443)}
	topology.Router("r2").Quote.MPLS = []netsim.Label{{Label: 24015, TC: 5, TTL: 1}}
	l, _ := simulated(t, topology)
	for number, args := range []string{"", "-U -p 53 --sport 5300", "-I --size 200", "-T -p 443", "-T -q 6 -t 0x10"} {
		eachTrace(t, l.Namespace, number+1, "--json "+args, func(t *testing.T, w way, e ended) {
			e.exits(t, yes)
			r := readTrace(t, e.stdout)
			flows := *r.start.Flows
			if len(r.hops) != 4 || len(r.summaries) != 1 || e.stderr != "" {
				t.Fatalf("%s%s", e.stdout, e.stderr)
			}
			s := r.summaries[0]
			if !s.Reached || s.StopReason != "destination" || *s.Hops != 4 || *s.Sockets != w.socket || s.Target != w.target || s.Foreign+s.Late+s.SendErrors > 0 || s.Seconds <= 0 {
				t.Errorf("%+v", s)
			}
			least := []float64{2, 4, 10, 20}
			for _, p := range r.probes {
				end := *p.TTL >= 4
				if p.From == nil || p.RTTMs == nil {
					t.Fatalf("%s: %+v", args, p)
				}
				if *p.RTTMs < least[min(*p.TTL, 4)-1] || *p.Reached != end || *p.Flow >= flows || (len(p.MPLS) > 0) != (*p.TTL == 2) {
					t.Errorf("%s: %+v", args, p)
				}
				flags := ""
				if strings.Contains(args, "-T") && end {
					flags = map[bool]string{true: "SYN,ACK", false: "RST,ACK"}[strings.Contains(args, "443")]
				}
				if (p.TCPFlags != nil) != (flags != "") || flags != "" && *p.TCPFlags != flags {
					t.Errorf("%s: flags %v, want %q", args, p.TCPFlags, flags)
				}
			}
			for i, h := range r.hops {
				if h.TTL != i+1 || len(h.Addrs) != 1 || len(h.Addrs[0].Flows) != flows || h.Lost != 0 || h.RateLimited {
					t.Errorf("%+v", h)
				}
			}
		})
	}
}

// TestTraceRounds has several rounds, and a table of them.
func TestTraceRounds(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, hopsPath())
	row := regexp.MustCompile(`(?m)^ +\d\.\|-- \S+ +0\.0% +9( +\d+\.\d{3}){5}$`)
	eachTrace(t, l.Namespace, 1, "--report 3", func(t *testing.T, w way, e ended) {
		e.exits(t, yes)
		if n := len(row.FindAllString(e.stdout, -1)); n != 4 || !strings.Contains(e.stdout, w.target) || e.stderr != "" {
			t.Errorf("%d rows of 4\n%s%s", n, e.stdout, e.stderr)
		}
	})
	eachTrace(t, l.Namespace, 2, "--report 2 -T --json", func(t *testing.T, w way, e ended) {
		e.exits(t, yes)
		if r := readTrace(t, e.stdout); len(r.hops) != 4 || r.hops[3].Sent != 6 || r.hops[3].Lost != 0 || r.probes[len(r.probes)-1].Round != 1 {
			t.Errorf("%s", e.stdout)
		}
	})
}

// TestTraceCannot has nothing to measure, or not be allowed to.
func TestTraceCannot(t *testing.T) {
	t.Parallel()
	bare := lab.Test(t, nil)
	for _, tt := range []struct {
		args, stderr string
		stdout       string
	}{
		{"198.51.100.1", "network is unreachable", "traceroute to 198.51.100.1 (198.51.100.1), 64 hops max, 60 byte packets\n"},
		{"2001:db8::1", "network is unreachable", "traceroute to 2001:db8::1 (2001:db8::1), 64 hops max, 80 byte packets\n"},
		{"nowhere.invalid", "netdiag: nowhere.invalid: name not known\n", ""},
		{"300.1.2.3", "300.1.2.3", ""},
		{"-6 198.51.100.1", "netdiag: 198.51.100.1 is no IPv6 address\n", ""},
		{"-i nosuch 198.51.100.1", "nosuch", ""},
		{"fe80::1", "a link-local address needs its interface", ""},
	} {
		for _, user := range []uint32{0, nobody} {
			args := append([]string{"trace"}, strings.Fields(tt.args)...)
			e := netdiag(t, bare.Namespace, user, args...)
			e.exits(t, unable)
			if !strings.Contains(e.stderr, tt.stderr) || !strings.HasPrefix(e.stdout, tt.stdout) || tt.stdout == "" && e.stdout != "" {
				t.Errorf("%s: %q, and on standard error %q", tt.args, e.stdout, e.stderr)
			}
			e = netdiag(t, bare.Namespace, user, append(args, "--json")...)
			e.exits(t, unable)
			if tt.args == "300.1.2.3" { // no target: an error of the command line
				continue
			}
			if r := readTrace(t, e.stdout); len(r.summaries) != 1 || r.summaries[0].StopReason != "error" || r.summaries[0].Error == nil {
				t.Errorf("%s: %s", tt.args, e.stdout)
			}
		}
	}
	network, err := netsim.New(hopsPath())
	if err != nil {
		t.Fatal(err)
	}
	closed := lab.TestConfig(t, lab.Config{Network: network, NoPingSockets: true})
	e := netdiag(t, closed.Namespace, nobody, "trace", "-I", "198.51.100.1")
	e.exits(t, unable)
	if !strings.Contains(e.stderr, "netdiag: hint: ") || !strings.Contains(e.stderr, "ping_group_range") {
		t.Errorf("on standard error %q", e.stderr)
	}
	netdiag(t, closed.Namespace, nobody, "trace", "-n", "198.51.100.1").exits(t, yes) // datagrams need nothing
}

// TestTraceSeveral traces to several targets at once: their blocks stand in the order of the command line, and the worst
// of them decides.
func TestTraceSeveral(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, hopsPath())
	for _, user := range []uint32{0, nobody} {
		args := []string{"trace", "-n", "198.51.100.40", "198.51.100.1", "2001:db8:ffff::2"}
		e := netdiag(t, l.Namespace, user, args...)
		e.exits(t, no)
		var heads []string
		for line := range strings.Lines(e.stdout) {
			if to, is := strings.CutPrefix(line, "traceroute to "); is {
				heads = append(heads, strings.Fields(to)[0])
			}
		}
		if !slices.Equal(heads, args[2:]) || strings.Count(e.stdout, "\n 4  ") != 2 || !strings.Contains(e.stderr, "netdiag: 198.51.100.40: the way ends at hop 3") {
			t.Errorf("%v\n%s%s", heads, e.stdout, e.stderr)
		}
		e = netdiag(t, l.Namespace, user, "trace", "-n", "--json", "198.51.100.1", "nowhere.invalid", "198.51.100.8/29")
		e.exits(t, unable)
		if r := readTrace(t, e.stdout); len(r.summaries) != 8 {
			t.Errorf("%d summaries\n%s", len(r.summaries), e.stdout)
		}
	}
}

// TestTraceInterrupt ends a trace that waits for a silent host: what is known by then is told.
func TestTraceInterrupt(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, hopsPath())
	for _, w := range traceWays(42) {
		sig := map[uint32]syscall.Signal{0: syscall.SIGINT, nobody: syscall.SIGTERM}[w.user]
		until := func(text string, args ...string) ended {
			r := begin(t, program(t, l.Namespace, w.user, append([]string{"trace", "-n", w.target}, args...)...))
			r.await(text)
			r.signal(sig)
			e := r.end()
			e.exits(t, no)
			return e
		}
		if e := until(" 3  "); strings.Count(e.stdout, " ms\n") < 3 {
			t.Errorf("%s%s", e.stdout, e.stderr)
		}
		if s := readTrace(t, until(`"hop"`, "--json").stdout).summaries; len(s) != 1 || s[0].StopReason != "interrupted" || s[0].Reached || s[0].Probes == 0 {
			t.Errorf("%+v", s)
		}
	}
	// Between two rounds of a host that answers.
	for _, w := range traceWays(1) {
		r := begin(t, program(t, l.Namespace, w.user, "trace", "-n", "--report", "1000", "--json", w.target))
		r.await(`"round":1`)
		r.signal(syscall.SIGINT)
		e := r.end()
		e.exits(t, yes)
		if report := readTrace(t, e.stdout); len(report.hops) != 4 || report.summaries[0].StopReason != "interrupted" {
			t.Errorf("%s", e.stdout)
		}
	}
}

// TestTraceTogether has processes trace to the same host at the same time, by root and by an ordinary user: nobody
// takes the answers to others for its own.
func TestTraceTogether(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, hopsPath())
	for _, target := range []string{"198.51.100.1", "2001:db8:ffff::1"} {
		var waits []func() ended
		for _, user := range []uint32{0, nobody, 0, nobody} {
			for _, method := range []string{"-U", "-I", "-T"} {
				waits = append(waits, started(t, program(t, l.Namespace, user, "trace", "-n", "--json", method, target)))
			}
		}
		for _, wait := range waits {
			e := wait()
			e.exits(t, yes)
			r := readTrace(t, e.stdout)
			if s := r.summaries[0]; *s.Hops != 4 || len(r.hops) != 4 || s.Duplicates+s.Late > 0 {
				t.Errorf("%+v", s)
			}
			for _, h := range r.hops {
				if h.Lost > 0 || len(h.Addrs) != 1 {
					t.Errorf("%+v", h)
				}
			}
		}
	}
}

// TestTraceEveryPath finds the four routers between two, and draws them.
func TestTraceEveryPath(t *testing.T) {
	t.Parallel()
	topology := netsim.Diamond(1, 4, 1)
	topology.Host("target").Addrs = netsim.Prefixes("198.51.100.0/24", "2001:db8:ffff::/64")
	l, _ := simulated(t, topology)
	// So that one of these tests in ten thousand fails by chance.
	const sure = "-M --confidence .9999"
	eachTrace(t, l.Namespace, 1, sure, func(t *testing.T, w way, e ended) {
		e.exits(t, yes)
		if !strings.Contains(e.stdout, "7 nodes, 9 links, ") || !strings.Contains(e.stdout, "per-flow") || !strings.Contains(e.stdout, "-> all 4 of hop 2") || e.stderr != "" {
			t.Errorf("%s%s", e.stdout, e.stderr)
		}
	})
	eachTrace(t, l.Namespace, 2, sure+" --json", func(t *testing.T, w way, e ended) {
		e.exits(t, yes)
		r := readTrace(t, e.stdout)
		s := r.summaries[0]
		if len(r.nodes) != 7 || len(r.links) != 9 || *s.Nodes != 7 || *s.Links != 9 || !*s.Lite || *s.Bound > 0.0001 || *s.Bound <= 0 {
			t.Errorf("%s", e.stdout)
		}
		for _, n := range r.nodes {
			if want := map[bool]string{true: "per-flow", false: "none"}[n.TTL == 1]; n.Balancer != want || n.Reached != (n.TTL == 4) || n.RTTMs == nil {
				t.Errorf("%+v", n)
			}
		}
	})
	for _, ext := range []string{"dot", "svg", "html"} {
		file := filepath.Join(t.TempDir(), "paths."+ext)
		netdiag(t, l.Namespace, 0, "trace", "-n", "-M", "--confidence", ".9999", "--graph", file, "198.51.100.3").exits(t, yes)
		text, err := os.ReadFile(file)
		for _, name := range []string{"10.1.0.1", "10.2.0.1", "10.2.0.2", "10.2.0.3", "10.2.0.4", "10.3.0.1", "198.51.100.3"} {
			if err != nil || !strings.Contains(string(text), name) {
				t.Errorf("%s: %v, or no %s", file, err, name)
			}
		}
	}
	r := begin(t, program(t, l.Namespace, nobody, "trace", "-n", "-M", "--rate", "5", "--json", "198.51.100.4"))
	r.await(`"probe"`)
	r.signal(syscall.SIGINT)
	e := r.end()
	e.exits(t, no)
	if s := readTrace(t, e.stdout).summaries; len(s) != 1 || s[0].StopReason != "interrupted" {
		t.Errorf("%s", e.stdout)
	}
}
