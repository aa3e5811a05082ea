package main

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"net/netip"
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
			if json && (!strings.Contains(last, `"type":"summary"`) || !strings.Contains(last, `"interrupted":true`) || !strings.Contains(last, `"probes":2`) ||
				!strings.Contains(out.String(), `"target":"slow.example:1"`)) {
				t.Errorf("got %s", out.String())
			}
			if !json && out.String() != "192.0.2.1:1 open 1.000 ms\n2 ports in 0.00 s: 1 open, 1 could not be tried\n" {
				t.Errorf("got %s", out.String())
			}
		})
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
	if want := "--- 192.0.2.1:1 probe statistics ---\n1 probes sent, 1 open, 0.0% loss"; st != yes || err != nil || !strings.Contains(out.String(), want) ||
		strings.Index(out.String(), "--- 192.0.2.2:1") < strings.Index(out.String(), want) {
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
