package main

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/internal/lab"
)

// TestPingKernels pings real kernels: a neighbour, and one behind it.
func TestPingKernels(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	prefixes := func(ps ...string) (all []netip.Prefix) {
		for _, p := range ps {
			all = append(all, netip.MustParsePrefix(p))
		}
		return all
	}
	_, err := l.Peer("far", lab.PeerConfig{
		Near: lab.End{Name: "near", Addrs: prefixes("10.1.0.1/24", "10.1.0.2/24", "2001:db8:a::1/64"), Routes: []lab.Route{
			{Dst: netip.MustParsePrefix("10.2.0.0/16"), Via: netip.MustParseAddr("10.1.0.9")},
			{Dst: netip.MustParsePrefix("2001:db8:b::/48"), Via: netip.MustParseAddr("2001:db8:a::9")},
		}},
		Far:     lab.End{Addrs: prefixes("10.1.0.9/24", "2001:db8:a::9/64")},
		Local:   prefixes("10.2.0.0/24", "2001:db8:b::/64"),
		Forward: true,
		Sysctls: map[string]string{"net.ipv4.icmp_ratelimit": "0", "net.ipv6.icmp.ratelimit": "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args   string
		exit   status
		stdout string // contained
		stderr string // contained; empty: nothing
	}{
		{"10.2.0.7", yes, "PING 10.2.0.7 (10.2.0.7): 56 data bytes\n64 bytes from 10.2.0.7: icmp_seq=0 ttl=64 time=", ""},
		{"2001:db8:b::7", yes, "64 bytes from 2001:db8:b::7: icmp_seq=0 ttl=64 time=", ""},
		{"fe80::b%near", yes, "64 bytes from fe80::b%near: icmp_seq=0 ttl=64 time=", ""},
		{"[fe80::b%near]", yes, "64 bytes from fe80::b%near: icmp_seq=0 ", ""},
		{"-I near fe80::b", yes, "64 bytes from fe80::b%near: icmp_seq=0 ", ""},
		{"-I near 10.1.0.9", yes, "1 packets received", ""},
		{"-I 10.1.0.2 10.1.0.9", yes, "1 packets received", ""},
		{"-I 2001:db8:a::1 2001:db8:b::1", yes, "1 packets received", ""},
		{"-I 10.1.0.1 localhost", yes, "PING localhost (127.0.0.1)", ""},
		{"localhost", yes, "PING localhost (", ""},
		{"-4 localhost", yes, "PING localhost (127.0.0.1)", ""},
		{"-6 localhost", yes, "PING localhost (::1)", ""},
		{"10.2.9.9", no, "Destination Net Unreachable", ""}, // the peer has no route
		{"2001:db8:b:9::9", no, "Destination unreachable: No route", ""},
		{"fe80::b", unable, "", "netdiag: fe80::b: a link-local address needs its interface\nnetdiag: hint: write the interface behind it, as fe80::1%eth0, or give it with -I\n"},
		{"fe80::b%nosuch", unable, "", "nosuch"},
		{"198.51.100.1", unable, "", "netdiag: ping: 198.51.100.1: network is unreachable\n"},
		{"2001:db8:ffff::1", unable, "", "netdiag: ping: 2001:db8:ffff::1: network is unreachable\n"},
		{"nowhere.invalid", unable, "", "netdiag: nowhere.invalid: name not known\n"},
		{"-6 10.1.0.9", unable, "", "netdiag: 10.1.0.9 is no IPv6 address\n"},
		{"-6 -I 10.1.0.1 localhost", unable, "", "-I 10.1.0.1 is no IPv6 address"},
		{"-I 10.1.0.1 2001:db8:a::9", unable, "", "netdiag: 2001:db8:a::9 is no IPv4 address\n"},
		{"-I nosuch 10.1.0.9", unable, "", "nosuch"},
		{"-I 10.9.9.9 10.1.0.9", unable, "", "source address 10.9.9.9"},
		{"10.1.0.255", unable, "", "hint: for a broadcast address give -b"},
		{"300.1.2.3", unable, "", "300.1.2.3"},
	}
	waits := make([]func() ended, 2*len(tests))
	for i, tt := range tests {
		args := strings.Fields(tt.args)
		waits[2*i] = started(t, program(t, l.Namespace, nobody, append([]string{"ping", "-c1"}, args...)...))
		waits[2*i+1] = started(t, program(t, l.Namespace, 0, append([]string{"ping", "-c1", "--json", "--socket=raw"}, args...)...))
	}
	for i, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			text, lines := waits[2*i](), waits[2*i+1]()
			text.exits(t, tt.exit)
			lines.exits(t, tt.exit)
			if !strings.Contains(text.stdout, tt.stdout) || !strings.Contains(text.stderr, tt.stderr) || tt.stderr == "" && text.stderr != "" {
				t.Errorf("got\n%son standard error\n%s", text.stdout, text.stderr)
			}
			if lines.stdout == "" && strings.Contains(lines.stderr, "netdiag help ping") {
				return // a command line that cannot be meant is no measurement
			}
			s := lines.report(t).summary(t)
			if (tt.stderr != "") != (s.Error != nil) {
				t.Errorf("%s", lines.stdout)
			}
		})
	}
}

// TestPingFirewall has a firewall of this machine forbid the requests: that is no loss.
func TestPingFirewall(t *testing.T) {
	t.Parallel()
	nft, err := exec.LookPath("nft")
	if err != nil {
		if os.Getenv("NETDIAG_LAB") == "require" {
			t.Fatal(err)
		}
		t.Skipf("no nftables to build a firewall with: %v", err)
	}
	l, _ := simulated(t, path())
	cmd := l.Command(t.Context(), nft, "-f", "-")
	cmd.Stdin = strings.NewReader(`table inet wall {
	chain out {
		type filter hook output priority 0
		icmp type echo-request drop
		icmpv6 type echo-request drop
	}
}`)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	everyWay(t, l.Namespace, "--json -c3 -i.05 -W.2", func(t *testing.T, w way, e ended) {
		s := e.report(t).summary(t)
		if w.silent() {
			e.exits(t, no)
			return
		}
		e.exits(t, unable)
		if s.SendErrors != 3 || s.Sent != 0 || s.LossPercent != nil {
			t.Errorf("%s", e.stdout)
		}
	})
	everyWay(t, l.Namespace, "-c3 -i.05 -W.2", func(t *testing.T, w way, e ended) {
		if w.silent() {
			return
		}
		e.exits(t, unable)
		if strings.Count(e.stdout, "sendto: operation not permitted (icmp_seq=") != 3 || strings.Contains(e.stdout, "loss") {
			t.Errorf("%s", e.stdout)
		}
		if strings.Count(e.stderr, "firewall of this machine") != 1 {
			t.Errorf("not one hint on standard error: %s", e.stderr)
		}
	})
	everyWay(t, l.Namespace, "--alive --retries 1 -W.1", func(t *testing.T, w way, e ended) {
		if w.silent() {
			return
		}
		e.exits(t, unable)
		if want := w.target + " is unreachable (operation not permitted)\n"; e.stdout != want {
			t.Errorf("got %q, want %q", e.stdout, want)
		}
	})
}

// silent reports whether the kernel says nothing of requests that it drops: a ping socket of IPv6 is
// told that they were sent.
func (w way) silent() bool { return w.ipv6() && w.socket == "ping" }
