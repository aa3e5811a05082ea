package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netdiag/netdiag/trace"
)

// TestTraceNextAddress has a name with an address that there is no way to, and one that there is.
func TestTraceNextAddress(t *testing.T) {
	for _, yielded := range []bool{false, true} {
		var tried []netip.Addr
		scene := traceScene{args: "--json", targets: []string{"host.example=2001:db8::9/192.0.2.9"}}
		scene.engine = func(_ context.Context, cfg trace.Config) traceEvents {
			return func(yield func(trace.Event, error) bool) {
				for a := range cfg.Targets {
					tried = append(tried, a)
					switch {
					case a.Is4():
						w := walkTo(0, a.String()).hop(1, portClosed(a.String(), ms))
						for _, e := range w.done(trace.Result{Reached: true, Stop: trace.StopDestination}) {
							yield(e, nil)
						}
					case yielded:
						yield(trace.Event{}, fmt.Errorf("trace: %v: %w", a, syscall.ENETUNREACH))
					default:
						yield(walkTo(0, a.String()).done(trace.Result{Stop: trace.StopError, Err: syscall.ENETUNREACH})[0], nil)
					}
				}
			}
		}
		out, errs, st := showTrace(t, scene)
		if st != yes || len(tried) != 2 || strings.Count(out, `"type":"summary"`) != 1 || !strings.Contains(out, `"addr":"192.0.2.9","method"`) ||
			strings.Count(errs, "network is unreachable, trying the next address\n") != 1 {
			t.Errorf("an error %t: status %d, tried %v, %s%s", yielded, st, tried, out, errs)
		}
	}
}

// TestTraceOthers has trace get a few more destinations, or nothing at all where the target is none of them.
func TestTraceOthers(t *testing.T) {
	for _, tt := range []struct{ prefix, want string }{
		{"192.0.2.0/29", "[192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6]"},
		{"198.51.100.0/24", ""},
	} {
		got := ""
		scene := traceScene{args: "-M --destinations " + tt.prefix, targets: []string{"host.example=192.0.2.1"}}
		scene.engine = func(_ context.Context, cfg trace.Config) traceEvents {
			got = fmt.Sprint(cfg.Others)
			return func(func(trace.Event, error) bool) {
				for range cfg.Targets {
				}
			}
		}
		out, errs, st := showTrace(t, scene)
		if got != tt.want || st != unable || (out == "") != (tt.want == "") || (errs == "") != (tt.want != "") {
			t.Errorf("%s: others %s, status %d, %s%s", tt.prefix, got, st, out, errs)
		}
	}
}

// interruptedEngine takes two targets, and interrupts the run after the first hop of one of them.
func interruptedEngine(interrupt func()) func(context.Context, trace.Config) traceEvents {
	return func(ctx context.Context, cfg trace.Config) traceEvents {
		return func(yield func(trace.Event, error) bool) {
			n := 0
			for a := range cfg.Targets {
				if !a.IsValid() {
					continue
				}
				if n++; n == 2 {
					break
				}
			}
			w := walkTo(0, "192.0.2.2").hop(1, exceededBy("10.0.0.1", ms))
			for _, e := range w.events {
				yield(e, nil)
			}
			w.events = nil
			interrupt()
			<-ctx.Done()
			yield(w.done(trace.Result{Stop: trace.StopInterrupted, Hops: 1})[0], nil)
			yield(trace.Event{}, ctx.Err())
		}
	}
}

// TestTraceInterrupted has an interrupt while there are targets in each state: every one has its summary.
func TestTraceInterrupted(t *testing.T) {
	scene := traceScene{args: "--json", targets: []string{"slow.example=192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}}
	find := scene.lookup()
	var out, errs bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		f, c, err := traceFlagged(t, "--json", "-n", "slow.example", "192.0.2.2", "192.0.2.3", "192.0.2.4")
		if err != nil {
			t.Fatal(err)
		}
		c.out, c.diagnostics = &out, diagnostics{&errs}
		list, err := newTargetList(c.args, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		finder := &targetFinder{flag: "-i", lookup: lookupFunc(func(ctx context.Context, name string) ([]netip.Addr, error) {
			<-ctx.Done()
			return find.Addrs(ctx, name, anyFamily)
		})}
		ctx, cancel := context.WithCancel(t.Context())
		st, err := f.trace(ctx, c, list, finder, &scene.find, interruptedEngine(cancel))
		if st != unable || err != nil {
			t.Errorf("status %d, %v", st, err)
		}
	})
	r := readTrace(t, out.String())
	const late = "the run ended before its first probe"
	for target, want := range map[string]string{"slow.example": late, "192.0.2.2": "", "192.0.2.3": "", "192.0.2.4": late} {
		n := 0
		for _, s := range r.summaries {
			if s.Target != target {
				continue
			}
			if n++; s.StopReason != "interrupted" || (s.Error != nil) != (want != "") || s.Error != nil && *s.Error != want {
				t.Errorf("%s: %+v", target, s)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d summaries", target, n)
		}
	}
	if errs.Len() > 0 {
		t.Errorf("on standard error: %s", &errs)
	}
}

// TestTraceBrokenOutput has nobody take the output: the engine's context ends.
func TestTraceBrokenOutput(t *testing.T) {
	for _, args := range []string{"-n", "-n --json"} {
		synctest.Test(t, func(t *testing.T) {
			f, c, err := traceFlagged(t, append(strings.Fields(args), "192.0.2.9")...)
			if err != nil {
				t.Fatal(err)
			}
			c.out, c.diagnostics = failing{}, diagnostics{new(bytes.Buffer)}
			list, err := newTargetList(c.args, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			ended := false
			engine := func(ctx context.Context, cfg trace.Config) traceEvents {
				return func(yield func(trace.Event, error) bool) {
					for range cfg.Targets {
					}
					for range 2 * mostPosted {
						if ctx.Err() != nil || !yield(walkTo(0, "192.0.2.9").hop(1, silent).events[1], nil) {
							break
						}
						time.Sleep(time.Millisecond)
					}
					ended = ctx.Err() != nil
					yield(trace.Event{}, ctx.Err())
				}
			}
			_, err = f.trace(t.Context(), c, list, &targetFinder{}, &fakeReverse{}, engine)
			if !errors.Is(err, syscall.EPIPE) || !ended {
				t.Errorf("%s: error %v, the engine was ended: %t", args, err, ended)
			}
		})
	}
}

// TestTraceNothingOpens has sockets that may not be opened.
func TestTraceNothingOpens(t *testing.T) {
	refused := &advised{fmt.Errorf("trace: %w", os.ErrPermission), "a remedy"}
	scene := traceScene{args: "--json -n", targets: []string{"192.0.2.1", "192.0.2.2"}}
	scene.engine = func(context.Context, trace.Config) traceEvents {
		return func(yield func(trace.Event, error) bool) { yield(trace.Event{}, refused) }
	}
	out, errs, st := showTrace(t, scene)
	if st != unable || strings.Count(out, `"type":"summary"`) != 2 || strings.Count(out, `"stop_reason":"error"`) != 2 ||
		errs != "netdiag: trace: permission denied\nnetdiag: hint: a remedy\n" {
		t.Errorf("status %d, %s%s", st, out, errs)
	}
	scene.targets = scene.targets[:1]
	out, errs, st = showTrace(t, scene)
	if st != unable || strings.Count(out, `"type":"summary"`) != 1 || errs != "netdiag: trace: permission denied\nnetdiag: hint: a remedy\n" {
		t.Errorf("one target: status %d, %s%s", st, out, errs)
	}
}
