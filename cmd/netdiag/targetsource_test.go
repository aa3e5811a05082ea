package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netdiag/netdiag/ping"
)

// lookupFunc is a lookup.
type lookupFunc func(ctx context.Context, name string) ([]netip.Addr, error)

func (f lookupFunc) Addrs(ctx context.Context, name string, _ family) ([]netip.Addr, error) {
	return f(ctx, name)
}

func TestTargetFinder(t *testing.T) {
	addrs := func(as ...string) (all []netip.Addr) {
		for _, a := range as {
			all = append(all, netip.MustParseAddr(a))
		}
		return all
	}
	names := lookupFunc(func(_ context.Context, name string) ([]netip.Addr, error) {
		switch name {
		case "both":
			return addrs("fe80::1", "192.0.2.1"), nil
		case "link":
			return addrs("fe80::1", "fe80::2"), nil
		}
		return nil, errors.New("name not known")
	})
	for _, tt := range []struct {
		host   string
		family family
		scoped bool
		want   string
	}{
		{"192.0.2.1", anyFamily, false, "[192.0.2.1]"},
		{"192.0.2.1", ipv6, false, "192.0.2.1 is no IPv6 address"},
		{"fe80::1", anyFamily, false, "fe80::1: a link-local address needs its interface"},
		{"fe80::1", anyFamily, true, "[fe80::1]"},
		{"fe80::1%eth0", anyFamily, false, "[fe80::1%eth0]"},
		{"ff02::1", anyFamily, false, "[ff02::1]"},
		{"169.254.0.1", anyFamily, false, "[169.254.0.1]"},
		{"both", anyFamily, false, "[192.0.2.1]"},
		{"both", anyFamily, true, "[fe80::1 192.0.2.1]"},
		{"link", anyFamily, false, "link: fe80::2: a link-local address needs its interface"},
		{"none", anyFamily, false, "name not known"},
	} {
		target, err := parseHost(tt.host)
		if err != nil {
			t.Fatal(err)
		}
		f := &targetFinder{lookup: names, family: tt.family, scoped: tt.scoped, flag: "-I"}
		got, err := f.before(t.Context(), time.Minute, target)
		if s := fmt.Sprint(got); err == nil && s != tt.want || err != nil && (err.Error() != tt.want || got != nil) {
			t.Errorf("%s: %v, %v, want %s", tt.host, got, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "link-local") && len(hintsOf(err)) != 1 {
			t.Errorf("%s: hints %q", tt.host, hintsOf(err))
		}
	}
	slow := lookupFunc(func(ctx context.Context, _ string) ([]netip.Addr, error) { <-ctx.Done(); return nil, ctx.Err() })
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := (&targetFinder{lookup: slow}).before(t.Context(), 3*time.Second, Target{Text: "slow", Name: true, Host: "slow"})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// noted is a view that notes what it is shown.
type noted struct{ lines []string }

func (v *noted) note(format string, args ...any) error {
	v.lines = append(v.lines, fmt.Sprintf(format, args...))
	return nil
}
func (v *noted) start() error                        { return v.note("start") }
func (v *noted) begin(t *pingTarget) error           { return v.note("begin %s %v", t.text, t.addr) }
func (v *noted) event(*pingTarget, ping.Event) error { return nil }
func (v *noted) done(t *pingTarget) error {
	return v.note("done %s: %v, skipped %t", t.text, t.err, t.skipped)
}
func (v *noted) finish() error { return v.note("finish") }

// sourced returns a source of the targets, and the view that it tells.
func sourced(t *testing.T, find lookup, targets ...string) (*targetSource, *noted, *bytes.Buffer) {
	t.Helper()
	list, err := newTargetList(targets, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	errs := new(bytes.Buffer)
	v := &noted{}
	r := newPingRun(diagnostics{errs}, newPingFlags().verdict)
	r.view, r.flush = v, func() error { return nil }
	next, stop := newTargetFeed(t.Context(), list)
	t.Cleanup(stop)
	return &targetSource{run: r, finder: &targetFinder{lookup: find}, next: next}, v, errs
}

// TestTargetSource has a slow name among addresses: the others are probed meanwhile, and ping is told
// to come again.
func TestTargetSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := lookupFunc(func(_ context.Context, name string) ([]netip.Addr, error) {
			<-time.After(time.Second)
			if name == "bad" {
				return nil, errors.New("bad: name not known")
			}
			return []netip.Addr{netip.MustParseAddr("192.0.2.77")}, nil
		})
		s, v, errs := sourced(t, slow, "slow", "192.0.2.0/30", "bad", "fe80::1", "192.0.2.9")
		var got []string
		for a := range s.addrs(t.Context()) {
			if got = append(got, a.String()); !a.IsValid() {
				time.Sleep(300 * ms) // in the bubble: as ping does
			}
		}
		want := "192.0.2.1 192.0.2.2 192.0.2.9 invalid IP invalid IP invalid IP invalid IP 192.0.2.77"
		if strings.Join(got, " ") != want {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		s.rest(nil)
		wantLines := []string{"begin 192.0.2.1 192.0.2.1", "begin 192.0.2.2 192.0.2.2",
			"done fe80::1: fe80::1: a link-local address needs its interface, skipped false", "begin 192.0.2.9 192.0.2.9",
			"begin slow 192.0.2.77", "done bad: bad: name not known, skipped false"}
		slices.Sort(v.lines)
		slices.Sort(wantLines)
		if diff := cmp.Diff(wantLines, v.lines); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if strings.Count(errs.String(), "\n") != 3 {
			t.Errorf("on standard error: %s", errs)
		}
	})
}

// TestTargetSourceEndsEarly has a run end while a name is looked up and targets are unread.
func TestTargetSourceEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := lookupFunc(func(ctx context.Context, _ string) ([]netip.Addr, error) { <-ctx.Done(); return nil, ctx.Err() })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s, v, errs := sourced(t, never, "never", "192.0.2.1", "192.0.2.2", "10.0.0.0/8")
		for range s.addrs(ctx) {
			break
		}
		s.rest(nil)
		why := ": " + errNotBegun.Error() + ", skipped true"
		want := []string{"begin 192.0.2.1 192.0.2.1", "done never" + why, "done 192.0.2.2" + why, "done 10.0.0.1" + why}
		if diff := cmp.Diff(want, v.lines[:4]); diff != "" || len(v.lines) != 2+mostUnread || errs.Len() > 0 {
			t.Errorf("%d lines, on standard error %q (-want +got):\n%s", len(v.lines), errs, diff)
		}
	})
}

func TestTargetFeed(t *testing.T) {
	list := func(file string, in io.Reader) *targetList {
		l, err := newTargetList([]string{"192.0.2.1"}, file, in)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	file := filepath.Join(t.TempDir(), "targets")
	if err := os.WriteFile(file, []byte("192.0.2.2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"": "192.0.2.1", file: "192.0.2.1 192.0.2.2", "-": "192.0.2.1 192.0.2.3"} {
		next, stop := newTargetFeed(t.Context(), list(name, strings.NewReader("192.0.2.3")))
		defer stop()
		var got []string
		for {
			target, ok, ended := next(true)
			if ended {
				break
			}
			if !ok || target.err != nil {
				t.Fatalf("%q: %+v, %t", name, target, ok)
			}
			got = append(got, target.Text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", name, got, want)
		}
	}
	missing, stop := newTargetFeed(t.Context(), list(filepath.Join(t.TempDir(), "none"), nil))
	defer stop()
	if target, ok, _ := missing(false); !ok || !errors.Is(target.err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %+v, %t", target, ok)
	}
	reader, writer := io.Pipe()
	defer writer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	slow, stop := newTargetFeed(ctx, list("-", reader))
	defer stop()
	if target, ok, _ := slow(true); !ok || target.Text != "192.0.2.1" {
		t.Errorf("the first target: %+v, %t", target, ok)
	}
	if target, ok, ended := slow(false); ok || ended {
		t.Errorf("nothing is there yet, but %+v, %t, %t", target, ok, ended)
	}
	cancel()
	if _, ok, ended := slow(true); ok || !ended {
		t.Error("an interrupt does not end the wait")
	}
}
