package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netdiag/netdiag/local"
	"github.com/netdiag/netdiag/probe"
)

// sceneCall is a use of probe whose flags are as set leaves them.
func sceneCall(out, errs *bytes.Buffer, args ...string) *call {
	return &call{diagnostics: diagnostics{errs}, args: args, out: out, isSet: func(string) bool { return false }}
}

// TestProbeInterrupted has a run interrupted while a name is looked up: the name is told of, and the counts come last.
func TestProbeInterrupted(t *testing.T) {
	for _, json := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var out, errs bytes.Buffer
			c := sceneCall(&out, &errs, "192.0.2.1:1", "slow.example:1")
			c.json = json
			f := newProbeFlags()
			st, err := f.runWith(ctx, c, probeDeps{
				run: func(ctx context.Context, cfg probe.Config) iter.Seq2[probe.Event, error] {
					return func(yield func(probe.Event, error) bool) {
						for target := range cfg.Targets {
							if target == nil {
								cancel()
								yield(probe.Event{}, ctx.Err())
								return
							}
							e := opened(ms)
							e.Target, e.Addr = target, netip.AddrPortFrom(target.Addrs[0], target.Port)
							yield(e, nil)
						}
					}
				},
				names: lookupFunc(func(ctx context.Context, _ string) ([]netip.Addr, error) { <-ctx.Done(); return nil, ctx.Err() }),
				now:   time.Now, services: systemServices(), hints: &probeHints{},
			})
			synctest.Wait()
			if st != unable || err != nil || errs.Len() > 0 {
				t.Errorf("status %d, %v, %q", st, err, errs.String())
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			last := lines[len(lines)-1]
			if json && (!strings.Contains(last, `"type":"summary"`) || !strings.Contains(last, `"interrupted":true`) || !strings.Contains(last, `"probes":1`) || !strings.Contains(last, `"targets":2`) ||
				!strings.Contains(last, `"not_probed":1`)) {
				t.Errorf("got %s", out.String())
			}
			if !json && out.String() != "192.0.2.1:1 open 1.000 ms\n2 ports in 0.00 s: 1 open, 1 not probed\n" {
				t.Errorf("got %s", out.String())
			}
		})
	}
}

// cutRun is a run that begins so many targets, answers all of those but the last, and then ends, with err or without.
func cutRun(begin int, err error) func(context.Context, probe.Config) iter.Seq2[probe.Event, error] {
	return func(_ context.Context, cfg probe.Config) iter.Seq2[probe.Event, error] {
		return func(yield func(probe.Event, error) bool) {
			n := 0
			for target := range cfg.Targets {
				if n++; n == begin {
					yield(probe.Event{Kind: probe.Done, Target: target}, nil)
					break
				}
				e := opened(ms)
				e.Target, e.Addr = target, netip.AddrPortFrom(target.Addrs[0], target.Port)
				if !yield(e, nil) || !yield(probe.Event{Kind: probe.Done, Target: target}, nil) {
					return
				}
			}
			if err != nil {
				yield(probe.Event{}, err)
			}
		}
	}
}

// TestProbeNotProbed has runs end before all targets have a result: how many is told, and the status is not that all are open.
func TestProbeNotProbed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "targets")
	if err := os.WriteFile(file, []byte("192.0.2.9:1-10\n300.1.1.1:1\n192.0.2.16/30:1 # two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args, file string
		starttls   string
		stdin      string
		begin      int
		want       string // of the summary
		exit       status
	}{
		{"192.0.2.1:1-3", "", "", "", 1, "3 ports in 0.00 s: 0 open, 3 not probed", unable},
		{"192.0.2.1:1-3", "", "", "", 2, "3 ports in 0.00 s: 1 open, 2 not probed", unable},
		{"192.0.2.1:1-3", "", "", "", 4, "3 ports in 0.00 s: 3 open", yes},
		{"192.0.2.1:1", "", "", "", 1, "1 port in 0.00 s: 0 open, 1 not probed", unable},
		{"192.0.2.1:1-3 192.0.2.8/29:1,2", "", "", "", 5, "15 ports in 0.00 s: 4 open, 11 not probed", unable},
		{"[2001:db8::/64]:1", "", "", "", 2, "18446744073709551615 ports in 0.00 s: 1 open, 18446744073709551614 not probed", unable},
		{"192.0.2.1:1-3", file, "", "", 2, "16 ports in 0.00 s: 1 open, 15 not probed", unable},
		{"192.0.2.1:1", file, "", "", 4, "14 ports in 0.00 s: 3 open, 11 not probed", unable},
		{"192.0.2.1:25,443,587", "", "auto", "", 1, "3 ports in 0.00 s: 0 open, 3 not probed", unable},
	} {
		for _, end := range []error{nil, errors.New("broken")} {
			var out, errs bytes.Buffer
			f := newProbeFlags()
			f.file, f.starttls = tt.file, tt.starttls
			if f.starttls != "" && end == nil {
				continue // each of its runs would begin
			}
			st, err := f.runWith(t.Context(), sceneCall(&out, &errs, strings.Fields(tt.args)...), probeDeps{
				run: cutRun(tt.begin, end), names: lookupFunc(nil), now: clockTicks(), services: systemServices(), hints: &probeHints{},
			})
			want := tt.exit
			if end != nil {
				want = unable
			}
			if st != want || err != nil || !strings.HasSuffix(out.String(), "\n"+tt.want+"\n") && out.String() != tt.want+"\n" {
				t.Errorf("%s after %d: status %d, %v, %s", tt.args, tt.begin, st, err, out.String())
			}
		}
	}
}

// TestProbeNameLater waits for a port of a name that is not known at first, and for one that never is.
func TestProbeNameLater(t *testing.T) {
	for _, known := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var out, errs bytes.Buffer
			f := newProbeFlags()
			f.wait = 10 * time.Second
			lookups := 0
			st, err := f.runWith(t.Context(), sceneCall(&out, &errs, "later.example:1"), probeDeps{
				run: func(ctx context.Context, cfg probe.Config) iter.Seq2[probe.Event, error] {
					end := time.Now().Add(cfg.Deadline)
					run := playProbe(probeScene{events: everyState})
					targets := cfg.Targets
					cfg.Targets = func(yield func(*probe.Target) bool) {
						for target := range targets {
							if time.Now().After(end) || !yield(target) {
								return
							}
						}
					}
					return run(ctx, cfg)
				},
				names: lookupFunc(func(context.Context, string) ([]netip.Addr, error) {
					if lookups++; known && lookups == 4 {
						return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
					}
					return nil, &lookupError{name: "later.example", reason: "name not known"}
				}),
				now: time.Now, services: systemServices(), hints: &probeHints{},
			})
			synctest.Wait()
			says := "netdiag: later.example: name not known: it is looked up again until the time is up\n"
			want, exit := "later.example:1 (192.0.2.1) open 0.412 ms\n", yes
			if !known {
				says += "netdiag: later.example: name not known\n"
				want, exit = "later.example:1 error (name not known)\n", unable
			}
			if st != exit || err != nil || out.String() != want || errs.String() != says || lookups < 4 {
				t.Errorf("status %d, %v, %q, %q after %d lookups", st, err, out.String(), errs.String(), lookups)
			}
		})
	}
}

// TestProbeWaitInterrupted says how long it was waited for a port, and not how long it should have been.
func TestProbeWaitInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs bytes.Buffer
	f := newProbeFlags()
	f.wait = 20 * time.Second
	st, err := f.runWith(ctx, sceneCall(&out, &errs, "192.0.2.1:2"), probeDeps{
		run: func(ctx context.Context, cfg probe.Config) iter.Seq2[probe.Event, error] {
			cancel()
			return playProbe(probeScene{events: everyState})(ctx, cfg)
		},
		now: clockTicks(), services: systemServices(), hints: &probeHints{own: func(netip.Addr) bool { return false }},
	})
	if want := "netdiag: 192.0.2.1:2: not open when it was interrupted after 0s\n"; st != no || err != nil || errs.String() != want {
		t.Errorf("status %d, %v, %q, %q", st, err, out.String(), errs.String())
	}
}

// TestProbeJoinedErrors has errors that join several told in one line, and of a file each with its place.
func TestProbeJoinedErrors(t *testing.T) {
	refused := errors.New("cannot bind")
	err := inOneLine(errors.Join(fmt.Errorf("probe: %w", refused), refused, errors.New("else")))
	if err.Error() != "cannot bind; else" || !errors.Is(err, refused) {
		t.Errorf("got %q", err)
	}
	if inOneLine(refused) != refused {
		t.Error("an error of one line is another one")
	}
	stdout, stderr, _ := showProbe(t, probeScene{stdin: "a:0 b:70000\n", set: func(f *probeFlags) { f.file = "-" }})
	if want := "netdiag: standard input:1: a:0: port 0 is below 1\nnetdiag: standard input:1: b:70000: port 70000 is above 65535\n"; !strings.HasPrefix(stderr, want) ||
		strings.Count(stdout, "\n") != 2 || !strings.HasPrefix(stdout, "a:0 b:70000 error (") {
		t.Errorf("%s%s", stdout, stderr)
	}
}

// TestProbeClosedPipe ends the run when nobody takes its output.
func TestProbeClosedPipe(t *testing.T) {
	var errs bytes.Buffer
	c := sceneCall(nil, &errs, "192.0.2.0/24:1-1000")
	c.out = broken{}
	events := 0
	s := probeScene{events: func(*probe.Target) []probe.Event { events++; return []probe.Event{opened(ms)} }}
	st, err := newProbeFlags().runWith(t.Context(), c, probeDeps{run: playProbe(s), now: time.Now, services: systemServices(), hints: &probeHints{}})
	if err != syscall.EPIPE || events > 2 || errs.Len() > 0 {
		t.Errorf("status %d, %v after %d results, %q", st, err, events, errs.String())
	}
}

// TestProbeDeadline has a run end by itself before a target has its last probe.
func TestProbeDeadline(t *testing.T) {
	var out, errs bytes.Buffer
	f := newProbeFlags()
	f.count = 3
	st, err := f.runWith(t.Context(), sceneCall(&out, &errs, "192.0.2.1:1", "192.0.2.2:1"), probeDeps{
		run: func(_ context.Context, cfg probe.Config) iter.Seq2[probe.Event, error] {
			return func(yield func(probe.Event, error) bool) {
				for target := range cfg.Targets {
					e := opened(ms)
					e.Target, e.Addr = target, netip.AddrPortFrom(target.Addrs[0], target.Port)
					yield(e, nil)
				}
			}
		},
		now: time.Now, services: systemServices(), hints: &probeHints{},
	})
	if want := "192.0.2.1:1     1     1     0  0.0%   1.000  1.000  1.000   0.000\n192.0.2.2:1 "; st != yes || err != nil || !strings.Contains(out.String(), want) {
		t.Errorf("status %d, %v, %s", st, err, out.String())
	}
}

func TestProbeHints(t *testing.T) {
	refused := func(e probe.Event, addr string) *probeResult {
		e.Addr = netip.AddrPortFrom(netip.MustParseAddr(addr), 80)
		return &probeResult{Event: &e, port: 80}
	}
	failed := func(err error) probe.Event { return probe.Event{State: probe.Failed, Err: err} }
	own := probe.Event{State: probe.Unreachable, ICMP: &probe.ICMP{Own: true}}
	for _, tt := range []struct {
		r    *probeResult
		want string
	}{
		{refused(probe.Event{State: probe.Closed}, "127.0.0.2"), "on this machine something listens on 127.0.0.1:80 (web) only"},
		{refused(probe.Event{State: probe.Closed}, "127.0.0.1"), ""},
		{refused(probe.Event{State: probe.Closed}, "192.0.2.1"), ""},
		{refused(probe.Event{State: probe.Closed, Self: true}, "127.0.0.2"), ""},
		{refused(probe.Event{State: probe.Open}, "127.0.0.2"), ""},
		{refused(probe.Event{State: probe.Filtered}, "127.0.0.2"), ""},
		{refused(own, "192.0.2.1"), "netdiag routes 192.0.2.1"},
		{refused(failed(syscall.ENETUNREACH), "192.0.2.1"), "netdiag routes 192.0.2.1"},
		{refused(failed(syscall.EACCES), "192.0.2.1"), "prohibits it"},
		{refused(failed(syscall.EPERM), "192.0.2.1"), "firewall of this machine"},
		{refused(failed(syscall.EMFILE), "192.0.2.1"), "ulimit -n"},
		{refused(failed(syscall.EADDRINUSE), "192.0.2.1"), "source ports"},
		{refused(failed(syscall.EINVAL), "fe80::1"), "[fe80::1%eth0]:80"},
		{refused(failed(errors.New("x")), "192.0.2.1"), ""},
		{refused(failed(nil), "192.0.2.1"), ""},
	} {
		h := &probeHints{own: func(a netip.Addr) bool { return a.IsLoopback() }, sockets: func(bool, uint16) ([]local.Socket, error) {
			return []local.Socket{{Addr: netip.MustParseAddrPort("127.0.0.1:80"), Program: "web"}}, nil
		}}
		got := strings.Join(hintsOf(h.advice(tt.r)), "\n")
		if !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%v at %v: hint %q, want %q", tt.r.State, tt.r.Addr, got, tt.want)
		}
	}
	h := &probeHints{own: func(netip.Addr) bool { return true }, sockets: func(bool, uint16) ([]local.Socket, error) { return nil, errors.ErrUnsupported }}
	for range 2 * mostProbeHints {
		h.advice(refused(probe.Event{State: probe.Closed}, "127.0.0.1"))
	}
	if h.asked != mostProbeHints {
		t.Errorf("this machine was looked at %d times", h.asked)
	}
}

// lockedBuffer is a buffer that several goroutines may use.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestProbeBar draws a bar after a second, and takes it away before other output and at the end.
func TestProbeBar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		after := func(d time.Duration) string {
			time.Sleep(d)
			synctest.Wait()
			return out.String()
		}
		b := newProbeBar(&out, 1000)
		b.tell(500)
		if drawn := after(barAfter - time.Nanosecond); drawn != "" {
			t.Errorf("after less than a second: %q", drawn)
		}
		if drawn := after(time.Nanosecond); !strings.Contains(drawn, "50%") || !strings.Contains(drawn, "500/1000") || strings.Contains(drawn, "\n") {
			t.Errorf("half way: %q", drawn)
		}
		if _, err := b.beside(&out).Write([]byte("line\n")); err != nil || !strings.HasSuffix(out.String(), "\rline\n") {
			t.Errorf("not taken away: %q", out.String())
		}
		b.tell(5000) // more than was thought
		if drawn := after(barEvery); !strings.Contains(drawn, "999/1000") {
			t.Errorf("drawn again: %q", drawn)
		}
		if b.end(); !strings.HasSuffix(out.String(), "\r") || strings.Contains(out.String(), "\r\n") {
			t.Errorf("at the end: %q", out.String())
		}
		unknown := newProbeBar(&out, -1)
		unknown.tell(1234)
		if drawn := after(2 * barAfter); !strings.Contains(drawn, "1234") {
			t.Errorf("without a total: %q", drawn)
		}
		unknown.end()
		var none *probeBar
		none.tell(1)
		none.end()
		if none.beside(&out) != &out {
			t.Error("without a bar the output goes another way")
		}
	})
}
