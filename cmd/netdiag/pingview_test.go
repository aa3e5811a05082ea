package main

import (
	"bytes"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/ping"
)

var update = flag.Bool("update", false, "write the golden files of the views anew")

// checkGolden compares got with a file in testdata.
func checkGolden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", filepath.FromSlash(file))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

const ms = time.Millisecond

// event is short for the tables below.
type event = ping.Event

var (
	eventTime  = time.Date(2030, 1, 2, 3, 4, 5, 678901234, time.UTC)
	targetAddr = netip.MustParseAddr("192.0.2.1")
	routerAddr = netip.MustParseAddr("10.0.0.1")
)

func about(k ping.Kind, seq int64) event {
	return event{Kind: k, Target: targetAddr, Seq: seq, Time: eventTime}
}

func answered(k ping.Kind, seq int64, rtt time.Duration) event {
	e := about(k, seq)
	e.From, e.Size, e.TTL, e.RTT = targetAddr, 64, 58, rtt
	return e
}

func sent(seq int64) event                      { return about(ping.Sent, seq) }
func reply0(seq int64, rtt time.Duration) event { return answered(ping.Reply, seq, rtt) }
func late(seq int64, rtt time.Duration) event   { return answered(ping.Late, seq, rtt) }
func timeout(seq int64) event                   { return about(ping.Timeout, seq) }
func finished() event                           { return about(ping.Done, 0) }
func drops(n uint64) event                      { return event{Kind: ping.LocalDrops, Index: -1, Time: eventTime, Drops: n} }
func refused(seq int64, err error) event        { e := about(ping.SendError, seq); e.Err = err; return e }
func at(index int, addr string, e event) event {
	e.Index, e.Target = index, netip.MustParseAddr(addr)
	if e.From == targetAddr {
		e.From = e.Target
	}
	return e
}

// strange is a reply that belongs to nothing.
func strange() event {
	return event{Kind: ping.Foreign, Index: -1, Seq: -1, Time: eventTime, From: routerAddr, Size: 64, TTL: 3}
}

func icmpError(seq int64, text string) event {
	e := about(ping.ICMPError, seq)
	e.From, e.Size, e.TTL, e.ICMPType, e.ICMPCode, e.Message = routerAddr, 36, 250, 3, 1, text
	return e
}

// everyEvent is a run with an event of each kind.
func everyEvent() []event {
	redirect, tooBig := icmpError(9, "Redirect Host (new nexthop: 10.0.0.2)"), icmpError(8, "Frag needed and DF set (mtu = 1400)")
	redirect.Kind, redirect.ICMPType, redirect.Gateway = ping.Redirect, 5, netip.MustParseAddr("10.0.0.2")
	tooBig.ICMPCode, tooBig.MTU = 4, 1400
	kernel := reply0(1, 17500*time.Microsecond)
	kernel.Kernel = true
	mtu := refused(6, syscall.EMSGSIZE)
	mtu.MTU = 1400
	return []event{
		sent(0), reply0(0, 18*ms), answered(ping.Duplicate, 0, 19*ms),
		sent(1), kernel,
		sent(2), timeout(2), late(2, 1500*ms),
		sent(3), answered(ping.Corrupt, 3, 0), timeout(3),
		sent(4), answered(ping.Foreign, 4, 0), timeout(4),
		sent(5), icmpError(5, "Destination Host Unreachable"),
		mtu,
		refused(7, syscall.EPERM), strange(),
		sent(8), tooBig,
		sent(9), redirect,
		{Kind: ping.Pause, Index: -1, Time: eventTime, RTT: 2100 * ms}, drops(3), drops(4),
		finished(),
	}
}

// pingScene is what a view is shown.
type pingScene struct {
	json, verbose, color bool
	set                  func(*pingFlags)
	targets              []string // with their addresses behind "="; none: 192.0.2.1
	events               []event
	refused              map[string]error // targets that cannot be measured, by text
	err                  error            // that ends the run
}

// showPing has a view show a scene, and returns what it writes and the exit status.
func showPing(t *testing.T, scene pingScene) (stdout, stderr string, st status) {
	t.Helper()
	var out, errs bytes.Buffer
	f := newPingFlags()
	if scene.set != nil {
		scene.set(f)
	}
	c := &call{diagnostics: diagnostics{&errs}, out: &out, isSet: func(string) bool { return false }}
	c.json, c.verbose, c.color = scene.json, scene.verbose, render.ColorNever
	if scene.color {
		c.color = render.ColorAlways
	}
	if len(scene.targets) == 0 {
		scene.targets = []string{"192.0.2.1"}
	}
	r := newPingRun(c.diagnostics, f.verdict)
	r.view, r.flush = f.show(c, f.config(c), len(scene.targets) == 1, r)
	r.begin()
	index := 0
	for i, text := range scene.targets {
		name, addr, ok := strings.Cut(text, "=")
		if !ok {
			addr = name
		}
		target := &host{text: name, order: i}
		if err := scene.refused[name]; err != nil {
			r.refuse(target, err)
			continue
		}
		target.addr = netip.MustParseAddr(addr)
		r.add(index, target)
		index++
	}
	for _, e := range scene.events {
		r.event(e)
	}
	r.rest(scene.err)
	r.tell(scene.err)
	st, err := r.finish()
	if err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(errs.String()) {
		if !strings.HasPrefix(line, "netdiag: ") {
			t.Errorf("on standard error: %q", line)
		}
	}
	return out.String(), errs.String(), st
}

// TestPingText has what the user's document shows, byte for byte.
func TestPingText(t *testing.T) {
	got, errs, st := showPing(t, pingScene{
		targets: []string{"google.com=212.56.71.166"},
		events: []event{
			sent(0), at(0, "212.56.71.166", reply0(0, 17826*time.Microsecond)),
			sent(1), at(0, "212.56.71.166", reply0(1, 17102*time.Microsecond)),
			sent(2), at(0, "212.56.71.166", reply0(2, 17901*time.Microsecond)), finished(),
		},
	})
	const want = `PING google.com (212.56.71.166): 56 data bytes
64 bytes from 212.56.71.166: icmp_seq=0 ttl=58 time=17.826 ms
64 bytes from 212.56.71.166: icmp_seq=1 ttl=58 time=17.102 ms
64 bytes from 212.56.71.166: icmp_seq=2 ttl=58 time=17.901 ms

--- google.com ping statistics ---
3 packets transmitted, 3 packets received, 0.0% packet loss
round-trip min/avg/max/stddev = 17.102/17.610/17.901/0.360 ms
`
	if got != want || errs != "" || st != yes {
		t.Errorf("status %d, on standard error %q, got\n%swant\n%s", st, errs, got, want)
	}
}

// TestPingViews has all that the text views show, in the files of testdata.
func TestPingViews(t *testing.T) {
	two := []string{"a.example=192.0.2.1", "192.0.2.22"}
	unknown := map[string]error{"nowhere.invalid": &lookupError{name: "nowhere.invalid", reason: "name not known"}}
	twoEvents := []event{
		sent(0), at(1, "192.0.2.22", sent(0)), reply0(0, 10*ms), at(1, "192.0.2.22", icmpError(0, "Destination Host Unreachable")),
		sent(1), at(1, "192.0.2.22", sent(1)), timeout(1), strange(), late(1, 1200*ms),
		at(1, "192.0.2.22", finished()), finished(),
	}
	tests := []struct {
		file  string
		scene pingScene
		want  status
	}{
		{"events.txt", pingScene{events: everyEvent()}, yes},
		{"color.txt", pingScene{events: everyEvent(), color: true}, yes},
		{"stamps-bell.txt", pingScene{events: everyEvent(), set: func(f *pingFlags) { f.stamps, f.audible = true, true }}, yes},
		{"quiet.txt", pingScene{events: everyEvent(), set: func(f *pingFlags) { f.quiet, f.audible, f.flood = true, true, true }}, yes},
		{"verbose.txt", pingScene{events: everyEvent(), verbose: true}, yes},
		{"flood.txt", pingScene{events: everyEvent(), set: func(f *pingFlags) { f.flood = true }}, yes},
		{"only-late.txt", pingScene{events: []event{sent(0), timeout(0), late(0, 1100*ms), finished()}}, no},
		{"in-flight.txt", pingScene{events: []event{sent(0)}}, no},
		{"nothing-sent.txt", pingScene{events: []event{refused(0, syscall.ENETDOWN), finished()}}, unable},
		{"error.txt", pingScene{err: errors.New("ping: 192.0.2.1: network is unreachable")}, unable},
		{"many.txt", pingScene{targets: append(two, "nowhere.invalid"), events: twoEvents, refused: unknown}, unable},
		{"many-flood.txt", pingScene{targets: two, events: twoEvents, set: func(f *pingFlags) { f.flood = true }}, no},
		{"many-quiet.txt", pingScene{targets: two, events: twoEvents, set: func(f *pingFlags) { f.quiet = true }}, no},
		{"harm.txt", pingScene{targets: []string{"a\x1b[2J=192.0.2.1", "b\u202e"}, events: []event{sent(0), timeout(0), finished()},
			refused: map[string]error{"b\u202e": errors.New("b\u202e: no \x1b")}}, unable},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			out, errs, st := showPing(t, tt.scene)
			if st != tt.want {
				t.Errorf("status %d, want %d", st, tt.want)
			}
			checkGolden(t, "ping/"+tt.file, out+"== standard error\n"+errs)
		})
	}
}

func TestPingAliveView(t *testing.T) {
	var targets []string
	var events []event
	add := func(addr string, es ...event) {
		for _, e := range es {
			events = append(events, at(len(targets), addr, e))
		}
		targets = append(targets, addr)
	}
	add("192.0.2.1", sent(0), reply0(0, 510*time.Microsecond), finished())
	add("192.0.2.2", sent(0), timeout(0), sent(1), timeout(1), finished())
	add("192.0.2.3", sent(0), timeout(0), late(0, 1500*ms), sent(1), timeout(1), finished())
	add("192.0.2.4", sent(0), icmpError(0, "Destination Host Unreachable"), finished())
	add("192.0.2.5", refused(0, syscall.ENETUNREACH), finished())
	add("192.0.2.6", sent(0), timeout(0), sent(1))
	add("192.0.2.7")
	add("192.0.2.8", sent(0), reply0(0, 100*ms), sent(1))
	targets = append(targets, "nowhere.invalid")
	scene := pingScene{targets: targets, events: events,
		refused: map[string]error{"nowhere.invalid": &lookupError{name: "nowhere.invalid", reason: "name not known"}}}
	for _, tt := range []struct {
		file           string
		quiet, verbose bool
	}{{"alive.txt", false, false}, {"alive-verbose.txt", false, true}, {"alive-quiet.txt", true, false}} {
		scene.set = func(f *pingFlags) { f.alive, f.quiet = true, tt.quiet }
		scene.verbose = tt.verbose
		out, errs, st := showPing(t, scene)
		if st != unable {
			t.Errorf("status %d", st)
		}
		checkGolden(t, "ping/"+tt.file, out+"== standard error\n"+errs)
	}
}

func TestHintsOncePerRun(t *testing.T) {
	_, errs, _ := showPing(t, pingScene{events: []event{
		refused(0, syscall.EPERM), refused(1, syscall.EPERM), refused(2, syscall.EACCES), refused(3, syscall.EACCES), finished(),
	}})
	for _, word := range []string{"firewall", "-b", "prohibits"} {
		if strings.Count(errs, word) != 1 {
			t.Errorf("%q stands not once in %q", word, errs)
		}
	}
}

// TestPingBegins has the first line out before there is anything to wait for, such as a lookup.
func TestPingBegins(t *testing.T) {
	var out bytes.Buffer
	f := newPingFlags()
	c := &call{out: &out}
	c.json = true
	r := newPingRun(diagnostics{new(bytes.Buffer)}, f.verdict)
	r.view, r.flush = f.show(c, ping.Config{}, true, r)
	if r.begin(); !strings.HasPrefix(out.String(), `{"type":"start",`) {
		t.Errorf("the output is %q", out.String())
	}
}

func TestInterim(t *testing.T) {
	var errs bytes.Buffer
	r := newPingRun(diagnostics{&errs}, newPingFlags().verdict)
	r.view = &pingAlive{pingLines: pingLines{out: render.NewWriter(new(bytes.Buffer))}}
	r.interim()
	for i := range 22 {
		r.add(i, &host{text: "host" + count(int64(i)), order: i})
	}
	for _, e := range []event{sent(0), reply0(0, 10*ms), sent(1), timeout(1), sent(2)} {
		r.event(e)
	}
	r.interim()
	got := strings.Split(strings.TrimSuffix(errs.String(), "\n"), "\n")
	want := map[int]string{
		0: "netdiag: no target is being probed",
		1: "netdiag: host0: 1/3 packets, 50.0% loss, min/avg/p50/max = 10.000/10.000/10.000/10.000 ms",
		2: "netdiag: host1: 0/0 packets", 20: "netdiag: host19: 0/0 packets", 21: "netdiag: and 2 targets more",
	}
	if len(got) != 22 {
		t.Fatalf("%d lines:\n%s", len(got), errs.String())
	}
	for i, line := range want {
		if got[i] != line {
			t.Errorf("line %d is %q, want %q", i, got[i], line)
		}
	}
}

func TestTableOfTooManyRows(t *testing.T) {
	var out bytes.Buffer
	w := render.NewWriter(&out)
	v := &pingTable{pingLines: pingLines{out: w, quiet: true}}
	for i := range rowsHeld + 5 {
		target := &pingTarget{host: &host{text: "host" + count(int64(i)), order: i}}
		if err := v.done(target); err != nil {
			t.Fatal(err)
		}
		if i > rowsHeld && v.rows != nil {
			t.Fatalf("%d rows are held after %d targets", len(v.rows), i)
		}
	}
	if err := errors.Join(v.finish(), w.Flush()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\nhost"); n != rowsHeld+5+1 {
		t.Errorf("%d rows and titles", n)
	}
}

func TestPingNumbers(t *testing.T) {
	for p, want := range map[float64]string{0: "0.0%", 100: "100.0%", 50: "50.0%", 100. / 3: "33.3%", 1e-2: "0.01%", 99.999: "99.999%", 1e-10: "1e-10%"} {
		if got := percent(p); got != want {
			t.Errorf("percent(%v) = %s, want %s", p, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0", 1: "0.000001", 8470: "0.00847", 510 * time.Microsecond: "0.51", 12345 * time.Microsecond: "12.3",
		100 * ms: "100", 1234 * ms: "1234", 20 * ms: "20", 999999 * time.Microsecond: "1000",
	} {
		if got := string(appendSignificant(nil, d)); got != want {
			t.Errorf("appendSignificant(%v) = %s, want %s", d, got, want)
		}
	}
}

// failing is an output that breaks.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestBrokenOutputEndsTheRun(t *testing.T) {
	for _, json := range []bool{false, true} {
		f := newPingFlags()
		f.alive = true // so that there is text without a socket
		c := &call{out: failing{}, isSet: func(string) bool { return false }, in: strings.NewReader("")}
		c.diagnostics, c.args, c.json = diagnostics{new(bytes.Buffer)}, []string{"nowhere.invalid"}, json
		st, err := f.run(t.Context(), c)
		if !errors.Is(err, syscall.EPIPE) {
			t.Errorf("json %t: status %d, error %v", json, st, err)
		}
	}
}
