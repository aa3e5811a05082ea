package main

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/netdiag/netdiag/trace"
)

// traceFlagged returns what the command line of trace makes of the flags.
func traceFlagged(t *testing.T, args ...string) (*traceFlags, *call, error) {
	t.Helper()
	f := newTraceFlags()
	c, err := parsedBy(t, f.flags(), f.check, args...)
	return f, c, err
}

func TestTraceConfig(t *testing.T) {
	base := trace.Config{AtOnce: 16, Flows: 3, FirstTTL: 1, MaxTTL: 64, Wait: 3 * time.Second, Gap: 5, Confidence: 0.95}
	with := func(change func(*trace.Config)) trace.Config {
		c := base
		change(&c)
		return c
	}
	for _, tt := range []struct {
		args string
		want trace.Config
	}{
		{"", base},
		{"-U -p 53 --sport 4000 -q 5 -f2 -m 9", with(func(c *trace.Config) {
			c.Port, c.SourcePort, c.Flows, c.FirstTTL, c.MaxTTL = 53, 4000, 5, 2, 9
		})},
		{"-I", with(func(c *trace.Config) { c.Method = trace.ICMP })},
		{"-T -p443", with(func(c *trace.Config) { c.Method, c.Port = trace.TCP, 443 })},
		{"-w 500ms --gap 0 --rate 0 --deadline 9", with(func(c *trace.Config) { c.Wait, c.Gap, c.Rate, c.Deadline = 500*ms, -1, -1, 9*time.Second })},
		{"--rate 50 --at-once 3", with(func(c *trace.Config) { c.Rate, c.AtOnce = 50, 3 })},
		{"--size 1500 -t 0x2e -i eth0 -s ::ffff:192.0.2.1 --mark 7", with(func(c *trace.Config) {
			c.Size, c.TOS, c.Interface, c.Source, c.Mark = 1500, 0x2e, "eth0", netip.MustParseAddr("192.0.2.1"), 7
		})},
		{"--socket raw --mtu", with(func(c *trace.Config) { c.Mode, c.MTU = trace.Privileged, true })},
		{"--socket user --report 10", with(func(c *trace.Config) { c.Mode, c.Rounds = trace.Unprivileged, 10 })},
		{"-M --confidence .99 --destinations 192.0.2.0/24", with(func(c *trace.Config) { c.Multipath, c.Confidence = true, 0.99 })},
	} {
		f, c, err := traceFlagged(t, append(strings.Fields(tt.args), "localhost")...)
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		if diff := cmp.Diff(tt.want, f.config(c), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.args, diff)
		}
	}
}

func TestTraceFamily(t *testing.T) {
	for args, want := range map[string]family{
		"": anyFamily, "-4": ipv4, "-6": ipv6, "-i eth0 -6": ipv6, "-s 192.0.2.1": ipv4, "-s fe80::1%eth0": ipv6, "-M --destinations 2001:db8::/64": ipv6,
	} {
		f, c, err := traceFlagged(t, append(strings.Fields(args), "localhost")...)
		if err != nil || f.family(c) != want {
			t.Errorf("%s: %v, %v", args, f.family(c), err)
		}
	}
}

func TestOtherThan(t *testing.T) {
	for _, tt := range []struct{ addr, prefix, want string }{
		{"192.0.2.9", "192.0.2.0/24", "[192.0.2.10 192.0.2.8 192.0.2.11 192.0.2.7 192.0.2.12 192.0.2.6 192.0.2.13 192.0.2.5]"},
		{"192.0.2.1", "192.0.2.0/29", "[192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6]"},
		{"192.0.2.6", "192.0.2.0/29", "[192.0.2.5 192.0.2.4 192.0.2.3 192.0.2.2 192.0.2.1]"},
		{"192.0.2.0", "192.0.2.0/31", "[192.0.2.1]"},
		{"192.0.2.0", "192.0.2.0/32", "[]"},
		{"255.255.255.254", "255.255.255.0/24", "[255.255.255.253 255.255.255.252 255.255.255.251 255.255.255.250 255.255.255.249 255.255.255.248 255.255.255.247 255.255.255.246]"},
		{"2001:db8::", "2001:db8::/126", "[2001:db8::1 2001:db8::2 2001:db8::3]"},
		{"192.0.3.1", "192.0.2.0/24", "--destinations 192.0.2.0/24 does not have the target, 192.0.3.1"},
		{"2001:db8::1", "192.0.2.0/24", "--destinations 192.0.2.0/24 does not have the target, 2001:db8::1"},
	} {
		got, err := otherThan(netip.MustParseAddr(tt.addr), netip.MustParsePrefix(tt.prefix))
		if s := fmt.Sprint(got); err == nil && s != tt.want || err != nil && err.Error() != tt.want {
			t.Errorf("%s in %s: %v, %v", tt.addr, tt.prefix, got, err)
		}
	}
}

// TestTraceHelp has each flag of the contract, and no line that is too long to read.
func TestTraceHelp(t *testing.T) {
	st, help, _ := do(t, "", "trace", "--help")
	if st != yes {
		t.Errorf("status %d", st)
	}
	for name := range strings.FieldsSeq("-U -I -T -p -q -f -m -w -n -i -s -t -A -e -M -4 -6 -v --size --sport --mtu --gap --multipath --confidence --graph --report " +
		"--rate --deadline --destinations --at-once --file --json --color") {
		if !strings.Contains(help, " "+name+" ") && !strings.Contains(help, " "+name+",") {
			t.Errorf("no %s in the help", name)
		}
	}
	for line := range strings.Lines(help) {
		if len(line) > 132 || strings.Contains(line, "e+") {
			t.Errorf("not to be read: %s", line)
		}
	}
}

func TestTraceGraphFile(t *testing.T) {
	dir := t.TempDir()
	for file, want := range map[string]string{
		"paths.dot": "", "paths.SVG": "", "a.b.html": "", "paths": "does not end in .dot, .svg or .html", "paths.png": "does not end in",
		filepath.Join("missing", "paths.svg"): "there is no directory",
	} {
		_, _, err := traceFlagged(t, "--graph", filepath.Join(dir, file), "localhost")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}
