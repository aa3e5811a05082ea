package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/urfave/cli/v2"

	"github.com/netdiag/netdiag/ping"
)

// parsedBy returns the call that a command line comes to with the flags, and what check says of it.
func parsedBy(t *testing.T, flags []cli.Flag, check func(*call) error, args ...string) (*call, error) {
	t.Helper()
	var c *call
	var bad error
	probe := command{name: "probe", flags: flags, run: func(_ context.Context, got *call) (status, error) {
		c, bad = got, check(got)
		return yes, nil
	}}
	var errs bytes.Buffer
	a := app{commands: []command{probe}, in: strings.NewReader(""), out: io.Discard, errs: &errs}
	if a.run(t.Context(), append([]string{"probe"}, args...)); c == nil {
		return nil, errors.New(errs.String())
	}
	return c, bad
}

// flagged returns what the command line of ping makes of the flags.
func flagged(t *testing.T, args ...string) (*pingFlags, *call, error) {
	t.Helper()
	f := newPingFlags()
	c, err := parsedBy(t, f.flags(), f.check, args...)
	return f, c, err
}

func TestPingConfig(t *testing.T) {
	base := ping.Config{Interval: time.Second, Timeout: time.Second, Rate: 1000, Size: 56}
	with := func(change func(*ping.Config)) ping.Config {
		c := base
		change(&c)
		return c
	}
	tests := []struct {
		args string
		want ping.Config
	}{
		{"", base},
		{"-c3 -i.2 -W 250ms -w 10 -l 4", with(func(c *ping.Config) {
			c.Count, c.Interval, c.Timeout, c.Deadline, c.Preload = 3, 200*ms, 250*ms, 10*time.Second, 4
		})},
		{"-i 0 -s 0 --rate 0", with(func(c *ping.Config) { c.Interval, c.Size, c.Rate = -1, -1, -1 })},
		{"-f", with(func(c *ping.Config) { c.Pace, c.Rate = ping.Flood, -1 })},
		{"-f --rate 50", with(func(c *ping.Config) { c.Pace, c.Rate = ping.Flood, 50 })},
		{"-A", with(func(c *ping.Config) { c.Pace = ping.Adaptive })},
		{"--alive", with(func(c *ping.Config) { c.Until, c.Count = true, 3 })},
		{"--alive --retries 0 -W.3", with(func(c *ping.Config) { c.Until, c.Count, c.Timeout, c.Interval = true, 1, 300*ms, 300*ms })},
		{"--alive -i 2", with(func(c *ping.Config) { c.Until, c.Count, c.Interval = true, 3, 2*time.Second })},
		{"--until-up", with(func(c *ping.Config) { c.Until = true })},
		{"-I eth0", with(func(c *ping.Config) { c.Interface = "eth0" })},
		{"-I ::ffff:192.0.2.1", with(func(c *ping.Config) { c.Source = netip.MustParseAddr("192.0.2.1") })},
		{"-t 7 -Q 0x2e -m 5 -b -M do --socket raw -p f", with(func(c *ping.Config) {
			c.TTL, c.TOS, c.Mark, c.Broadcast, c.PMTU, c.Mode, c.Pattern = 7, 0x2e, 5, true, ping.PMTUDo, ping.Privileged, []byte{15}
		})},
		{"-M want --socket ping", with(func(c *ping.Config) { c.PMTU, c.Mode = ping.PMTUWant, ping.Unprivileged })},
		{"-M dont --socket auto", with(func(c *ping.Config) { c.PMTU = ping.PMTUDont })},
	}
	for _, tt := range tests {
		f, c, err := flagged(t, append(strings.Fields(tt.args), "localhost")...)
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		if diff := cmp.Diff(tt.want, f.config(c), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.args, diff)
		}
	}
}

func TestPingFlagErrors(t *testing.T) {
	for args, want := range map[string]string{
		"-f -A":                          "-f and -A exclude each other",
		"--retries 2":                    "--retries goes with --alive",
		"--alive -c 3":                   "--alive and -c exclude each other",
		"--alive -f":                     "--alive excludes -f and -A",
		"--alive -A":                     "--alive excludes -f and -A",
		"-6 -I 192.0.2.1":                "-I 192.0.2.1 is no IPv6 address",
		"-4 -I 2001:db8::1":              "-I 2001:db8::1 is no IPv4 address",
		"-4 -6":                          "exclude each other",
		"-M maybe":                       "it takes do, want or dont",
		"-M system":                      "it takes do, want or dont",
		"--socket tcp":                   "it takes ping, raw or auto",
		"-p xyz":                         "1 to 16 bytes in hexadecimal",
		"-p " + strings.Repeat("00", 17): "1 to 16 bytes in hexadecimal",
		"-W 0":                           "out of range",
		"-c 0":                           "out of range",
		"-t 256":                         "out of range",
		"--max-loss 101":                 "out of range",
		"-s 65508":                       "out of range",
	} {
		if _, _, err := flagged(t, append(strings.Fields(args), "localhost")...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

func TestPingFamily(t *testing.T) {
	for args, want := range map[string]family{"": anyFamily, "-4": ipv4, "-6": ipv6, "-I eth0 -6": ipv6, "-I 192.0.2.1": ipv4, "-I fe80::1%eth0": ipv6} {
		f, c, err := flagged(t, append(strings.Fields(args), "localhost")...)
		if err != nil || f.family(c) != want {
			t.Errorf("%s: %v, %v", args, f.family(c), err)
		}
	}
}

func TestPingVerdict(t *testing.T) {
	target := func(err error, events ...event) *pingTarget {
		p := &pingTarget{host: &host{err: err}}
		for _, e := range events {
			p.add(e)
		}
		return p
	}
	half := []event{sent(0), reply0(0, 20*ms), sent(1), timeout(1)}
	for _, tt := range []struct {
		name            string
		maxLoss, maxRTT float64
		target          *pingTarget
		want            status
	}{
		{"a reply", -1, -1, target(nil, half...), yes},
		{"none", -1, -1, target(nil, sent(0), timeout(0)), no},
		{"late only", -1, -1, target(nil, sent(0), timeout(0), late(0, 2000*ms)), no},
		{"in flight", -1, -1, target(nil, sent(0)), no},
		{"nothing sent", -1, -1, target(nil, refused(0, syscall.EPERM)), unable},
		{"nothing at all", -1, -1, target(nil), unable},
		{"an error at last", -1, -1, target(errors.New("broken"), half...), unable},
		{"loss at the limit", 50, -1, target(nil, half...), yes},
		{"loss above", 49.9, -1, target(nil, half...), no},
		{"no loss allowed", 0, -1, target(nil, half...), no},
		{"no loss at all", 0, -1, target(nil, half[:2]...), yes},
		{"RTT at the limit", -1, 20, target(nil, half...), yes},
		{"RTT above", -1, 19.9, target(nil, half...), no},
		{"an early one above", -1, 15, target(nil, append(half, sent(2), reply0(2, 10*ms))...), no},
		{"a late one above", -1, 1000, target(nil, append(half, late(1, 1001*ms))...), no},
	} {
		f := newPingFlags()
		f.maxLoss, f.maxRTT = tt.maxLoss, tt.maxRTT
		if got := f.verdict(tt.target); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestAdvise(t *testing.T) {
	open := &advised{syscall.EPERM, "of its own"}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{nil, ""}, {syscall.ENETUNREACH, ""}, {open, "of its own"},
		{fmt.Errorf("ping: 192.0.2.255: %w", syscall.EACCES), "-b"}, {syscall.EPERM, "firewall"},
	} {
		err := advise(tt.err, pingRefused)
		hints := strings.Join(hintsOf(err), "\n")
		if !errors.Is(err, tt.err) || (tt.want == "") != (hints == "") || !strings.Contains(hints, tt.want) {
			t.Errorf("advise(%v): %v, hints %q", tt.err, err, hints)
		}
	}
}

// TestPingHelp has each flag of the contract, and no line that is too long to read.
func TestPingHelp(t *testing.T) {
	st, help, _ := do(t, "", "ping", "--help")
	if st != yes {
		t.Errorf("status %d", st)
	}
	for name := range strings.FieldsSeq("-c -i -W -w -s -t -I -Q -M -p -f -A -l -D -q -a -m -4 -6 -n -v --json --color --alive --rate --retries --file --until-up --max-loss --max-rtt") {
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

// TestPingUsage has every way in which nothing is to be done.
func TestPingUsage(t *testing.T) {
	for _, args := range []string{"", "--alive", "nowhere_.1.2", "1.2.3.4/33", "--file", "-z host", "--jsn host"} {
		st, out, errs := do(t, "", append([]string{"ping"}, strings.Fields(args)...)...)
		if st != unable || out != "" || !strings.Contains(errs, "netdiag: ping: ") || !strings.Contains(errs, "netdiag: hint: netdiag help ping") {
			t.Errorf("%q: status %d, %q, %q", args, st, out, errs)
		}
	}
}
