package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/netsim"
)

// star is a network with hosts at 10.128.0.1 to 10.128.0.200 and 2001:db8:2::1 to ::c8. What
// is not there is not answered for.
func star() netsim.Topology {
	topology := netsim.Star(200, 4*time.Millisecond)
	topology.Router("hub").Routes = []netsim.Route{
		{To: netip.MustParsePrefix("0.0.0.0/0"), Unowned: true, Action: netsim.Blackhole},
		{To: netip.MustParsePrefix("::/0"), Unowned: true, Action: netsim.Blackhole},
	}
	return topology
}

func TestPingAlive(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, star())
	for _, targets := range []string{"10.128.0.0/24", "2001:db8:2::1-2001:db8:2::fe"} {
		wait := started(t, program(t, l.Namespace, nobody, "ping", "--alive", "--retries", "1", "-W", ".3", targets))
		report := netdiag(t, l.Namespace, 0, "ping", "--json", "--alive", "--retries", "1", "-W", ".3", "--rate", "0", targets)
		e := wait()
		e.exits(t, no)
		lines := strings.Split(strings.TrimSpace(e.stdout), "\n")
		hosts := make(map[string]bool)
		alive, dead := 0, 0
		for _, line := range lines {
			host, is, _ := strings.Cut(line, " is ")
			hosts[host] = true
			switch {
			case strings.HasPrefix(is, "alive (") && strings.HasSuffix(is, " ms)"):
				alive++
			case is == "unreachable":
				dead++
			default:
				t.Errorf("line %q", line)
			}
		}
		if len(lines) != 254 || len(hosts) != 254 || alive != 200 || dead != 54 || e.stderr != "" {
			t.Errorf("%s: %d lines, %d hosts, %d alive, %d unreachable, and on standard error %q", targets, len(lines), len(hosts), alive, dead, e.stderr)
		}
		report.exits(t, no)
		r := report.report(t)
		if up := slices.DeleteFunc(r.summaries, func(s summaryLine) bool { return s.Received == 0 && s.Timeouts == 2 }); len(up) != 200 {
			t.Errorf("%s: JSON has %d alive", targets, len(up))
		}
	}
	e := netdiag(t, l.Namespace, nobody, "ping", "--alive", "10.128.0.1", "10.128.0.2", "nowhere.invalid", "-q")
	e.exits(t, unable)
	if e.stdout != "" || e.stderr != "netdiag: nowhere.invalid: name not known\n" {
		t.Errorf("-q: %q, %q", e.stdout, e.stderr)
	}
}

// TestPingAliveLate has hosts that answer too late, or with an error, or have no way to them.
func TestPingAliveLate(t *testing.T) {
	t.Parallel()
	topology := star()
	topology.Host("h1").Faults = []netsim.Fault{{When: netsim.When{Last: 1}, Delay: 500 * time.Millisecond}, {When: netsim.When{First: 2}, Silent: true}}
	topology.Host("h2").Faults = []netsim.Fault{{Error: &netsim.ErrorAnswer{Kind: netsim.HostProhibited}}}
	l, _ := simulated(t, topology)
	e := netdiag(t, l.Namespace, nobody, "ping", "--alive", "-v", "--retries", "2", "-W.3", "10.128.0.1-10.128.0.3")
	e.exits(t, no)
	for _, want := range []string{"10.128.0.1 is unreachable (it answered once, too late)\n",
		"10.128.0.2 is unreachable (Destination Host Prohibited, from 10.128.0.2)\n", "10.128.0.3 is alive ("} {
		if !strings.Contains(e.stdout, want) {
			t.Errorf("no %q in\n%s", want, e.stdout)
		}
	}
}

func TestPingMany(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, star())
	e := netdiag(t, l.Namespace, nobody, "ping", "10.128.0.1", "nowhere.invalid", "-c2", "2001:db8:2::2", "-i.1", "10.128.0.250", "-W.3")
	e.exits(t, unable)
	got := threeDecimals.ReplaceAllString(strings.ReplaceAll(e.stdout, "10.128.0.", "host"), "T")
	for _, want := range []string{
		"host1: 64 bytes from host1: icmp_seq=0 ttl=63 time=T ms\n",
		"2001:db8:2::2: 64 bytes from 2001:db8:2::2: icmp_seq=1 ttl=63 time=T ms\n",
		"host250: Request timeout for icmp_seq 1\n",
		"\n\nhost ",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("not one %q in\n%s", want, got)
		}
	}
	_, table, _ := strings.Cut(got, "\n\nhost ")
	rows := strings.Split(table, "\n")[1:]
	for i, want := range [][]string{
		{"host1", "2", "2", "0", "0", "0.0%", "T", "T", "T", "T"}, {"nowhere.invalid", "name", "not", "known"},
		{"2001:db8:2::2", "2", "2", "0", "0", "0.0%", "T", "T", "T", "T"}, {"host250", "2", "0", "0", "2", "100.0%", "-", "-", "-", "-"},
	} {
		if got := strings.Fields(rows[i]); !slices.Equal(got, want) {
			t.Errorf("row %d is %q, want %q", i, got, want)
		}
	}
	if strings.Contains(e.stdout, "PING") || e.stderr != "netdiag: nowhere.invalid: name not known\n" {
		t.Errorf("got\n%s\non standard error: %s", e.stdout, e.stderr)
	}
}

// TestPingManyJSON has a summary for each target, whatever became of it.
func TestPingManyJSON(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, star())
	e := netdiag(t, l.Namespace, nobody, "ping", "--json", "-c2", "-i.1", "-W.3", "10.128.0.1", "nowhere.invalid", "2001:db8:2::2", "fe80::1", "10.128.0.250")
	e.exits(t, unable)
	got := make(map[string]string)
	for _, s := range e.report(t).summaries {
		got[s.Target] = fmt.Sprint(s.Sent, " ", s.Received, " ", s.Addr != nil, " ", s.Error != nil)
	}
	want := map[string]string{"10.128.0.1": "2 2 true false", "nowhere.invalid": "0 0 false true", "2001:db8:2::2": "2 2 true false",
		"fe80::1": "0 0 true true", "10.128.0.250": "2 0 true false"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if strings.Count(e.stderr, "fe80::1%eth0") != 1 || !strings.Contains(e.stderr, "netdiag: hint: ") {
		t.Errorf("on standard error: %s", e.stderr)
	}
}

// TestPingFiles reads targets from files and from standard input.
func TestPingFiles(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, star())
	file := filepath.Join(t.TempDir(), "targets")
	if err := os.WriteFile(file, []byte("# hosts\n10.128.0.2 10.128.0.3 # two\n\n300.1.2.3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := netdiag(t, l.Namespace, 0, "ping", "--json", "-c1", "--file", file, "10.128.0.1")
	e.exits(t, unable)
	if got := e.report(t).targets(); got != "10.128.0.1 10.128.0.2 10.128.0.3 300.1.2.3" {
		t.Errorf("the targets are %s", got)
	}
	cmd := program(t, l.Namespace, nobody, "ping", "--json", "-c1", "--file", "-")
	cmd.Stdin = strings.NewReader("10.128.0.1\n10.128.0.4-10.128.0.5\n")
	e = finish(t, cmd)
	e.exits(t, yes)
	if got := e.report(t).targets(); got != "10.128.0.1 10.128.0.4 10.128.0.5" {
		t.Errorf("the targets are %s", got)
	}
}

// targets returns the targets with a summary, sorted.
func (r *pingReport) targets() string {
	var all []string
	for _, s := range r.summaries {
		all = append(all, s.Target)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestPingSlowInput has targets come while others are probed: the first is answered before
// there is a second, and an interrupt ends the wait for a third.
func TestPingSlowInput(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, star())
	cmd := program(t, l.Namespace, nobody, "ping", "--alive", "--file", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r := begin(t, cmd)
	for _, host := range []string{"10.128.0.1", "10.128.0.2"} {
		if _, err := fmt.Fprintln(in, host); err != nil {
			t.Fatal(err)
		}
		r.await(host + " is alive")
	}
	r.signal(2)
	r.end().exits(t, yes)
}

// TestPingInterruptedScan ends a scan in its middle: every target has its summary, and none is called
// unreachable that was not tried.
func TestPingInterruptedScan(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, star())
	r := begin(t, program(t, l.Namespace, nobody, "ping", "--json", "--alive", "--rate", "50", "10.128.0.1-10.128.0.200"))
	r.await(`"reply"`)
	r.signal(2)
	e := r.end()
	e.exits(t, unable)
	if n := len(e.report(t).summaries); n != 200 {
		t.Errorf("%d summaries", n)
	}
	r = begin(t, program(t, l.Namespace, nobody, "ping", "--alive", "--rate", "50", "10.128.0.1-10.128.0.200"))
	r.await(" is alive")
	r.signal(2)
	e = r.end()
	e.exits(t, unable)
	if strings.Contains(e.stdout, "unreachable") || !strings.Contains(e.stderr, "the run ended before it was known") {
		t.Errorf("%s%s", e.stdout, e.stderr)
	}
}

// TestPingPermission is an ordinary user to whom no ICMP socket is open.
func TestPingPermission(t *testing.T) {
	t.Parallel()
	l, _ := simulatedIn(t, star(), lab.Config{NoPingSockets: true})
	for _, args := range []string{"10.128.0.1", "10.128.0.1 10.128.0.2", "--alive 10.128.0.1 10.128.0.2", "--socket ping 10.128.0.1"} {
		e := netdiag(t, l.Namespace, nobody, append([]string{"ping"}, strings.Fields(args)...)...)
		e.exits(t, unable)
		for _, want := range []string{"no ICMP socket can be opened", "permi",
			"\nnetdiag: hint: allow ping sockets to every group: sudo sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"\n",
			"sudo setcap cap_net_raw+ep /"} {
			if strings.Count(e.stderr, want) != 1 && want != "permi" || !strings.Contains(e.stderr, want) {
				t.Errorf("%s: not one %q on standard error:\n%s", args, want, e.stderr)
			}
		}
		if strings.Count(e.stderr, "netdiag: hint: ") != 2 || strings.Contains(e.stdout, "unreachable") || strings.Contains(e.stdout, "loss") {
			t.Errorf("%s: got\n%s\non standard error:\n%s", args, e.stdout, e.stderr)
		}
		e = netdiag(t, l.Namespace, nobody, append([]string{"ping", "--json"}, strings.Fields(args)...)...)
		e.exits(t, unable)
		report := e.report(t)
		for _, s := range report.summaries {
			if s.Error == nil || !strings.Contains(*s.Error, "permi") || s.Sent != 0 {
				t.Errorf("%s: %s", args, e.stdout)
			}
		}
		if n := strings.Count(args, "10.128"); len(report.summaries) != n {
			t.Errorf("%s: %d summaries", args, len(report.summaries))
		}
	}
	cmd := program(t, l.Namespace, nobody, "ping", "--json", "--file", "-")
	cmd.Stdin = strings.NewReader("10.128.0.1\n10.128.0.2\n")
	e := finish(t, cmd)
	e.exits(t, unable)
	if got := e.report(t).targets(); got != "10.128.0.1 10.128.0.2" {
		t.Errorf("the targets of standard input are %s", got)
	}
	netdiag(t, l.Namespace, 0, "ping", "-c1", "10.128.0.1").exits(t, yes)
}
