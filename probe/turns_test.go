package probe

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// TestOverlappingTurns has several probes of a target under way, of which each tries every address until one opens, whatever
// another finds meanwhile.
func TestOverlappingTurns(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	w := &world{answer: func(to netip.AddrPort, _, _ int) reply {
		if to.Addr() == b {
			return opens
		}
		return silent
	}}
	h := w.in(t, Config{Targets: Targets(&Target{Addrs: []netip.Addr{a, b}, Port: 80}), Count: 6})
	for _, e := range h.only(Result) {
		if e.State != Open || e.Addr.Addr() != b || len(e.Before) > 1 {
			t.Errorf("probe %d: %v of %v after %v", e.Seq, e.State, e.Addr, e.Before)
		}
	}
	if n := len(h.only(Result)); n != 6 {
		t.Errorf("%d results", n)
	}
}

// TestUnspecified reaches loopback, where whoever answers is who was asked.
func TestUnspecified(t *testing.T) {
	for addr, want := range map[string]string{
		"0.0.0.0": "127.0.0.1", "::": "::1", "::ffff:0.0.0.0": "127.0.0.1", "::%eth0": "::1", "192.0.2.1": "192.0.2.1", "fe80::1%eth0": "fe80::1%eth0",
	} {
		w := always(reply{connect: true, self: true})
		h := w.in(t, Config{Targets: slices.Values(ports(addr, 80))})
		if e := h.events[0]; e.Addr.Addr() != netip.MustParseAddr(want) || !e.Self || e.State != Closed {
			t.Errorf("%s: %+v", addr, e)
		}
		icmp := &rawsock.ICMPError{From: netip.MustParseAddr(want).WithZone(""), Type: unreachable4, Code: portUnreachable4}
		if icmp.From.Is6() {
			icmp = &rawsock.ICMPError{From: icmp.From, Type: unreachable6, Code: portUnreachable6, V6: true}
		}
		w = always(reply{after: ms, err: syscall.ECONNREFUSED, icmp: icmp})
		h = w.in(t, Config{Targets: slices.Values(ports(addr, 80)), UDP: true})
		if e := h.events[0]; e.State != Closed {
			t.Errorf("%s by UDP: %v %s", addr, e.State, e.Reason())
		}
	}
}

// TestBadTarget has one that cannot be probed among others: those before it have their results, those after it are not read.
func TestBadTarget(t *testing.T) {
	for _, c := range []struct {
		name    string
		cfg     Config
		results int
		end     time.Duration
	}{
		{"once", Config{}, 2, DefaultTimeout},
		{"three times", Config{Count: 3}, 6, 2*time.Second + DefaultTimeout},
		{"without end", Config{Until: UntilOpen}, 4, time.Second + DefaultTimeout},
		{"one after the other", Config{Until: UntilOpen, Interval: -1, Concurrency: 1}, 4, 4 * DefaultTimeout},
		{"not in time", Config{Count: 3, Deadline: time.Second}, 2, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := always(silent)
			targets := ports("192.0.2.1", 80, 81, 82, 83)
			targets[2].Addrs = nil
			c.cfg.Targets = slices.Values(targets)
			h := w.bubble(t, c.cfg)
			_, bad := errors.AsType[*ConfigError](h.err)
			if len(h.only(Result)) != c.results || len(h.only(Done)) != 2 || !bad || h.took != c.end {
				t.Errorf("%d results, %d done, %v after %v", len(h.only(Result)), len(h.only(Done)), h.err, h.took)
			}
		})
	}
}

// TestTalkDeadline has the end of the run end a conversation, which is not the caller's doing.
func TestTalkDeadline(t *testing.T) {
	w := always(opens)
	w.talk = takes(time.Hour, nil)
	h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", 80)), Talk: &Talk{Banner: true}, Deadline: 50 * ms})
	e := h.events[0]
	if e.State != Open || !e.Cut || e.Said == nil || !errors.Is(e.Said.Err, context.DeadlineExceeded) || errors.Is(e.Said.Err, context.Canceled) {
		t.Errorf("%+v, %+v", e, e.Said)
	}
	w = always(opens)
	w.talk = takes(ms, &Said{Err: syscall.ECONNRESET})
	h = w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", 80)), Talk: &Talk{Banner: true}, Deadline: 50 * ms})
	if e := h.events[0]; e.Cut || e.Said.Err != syscall.ECONNRESET {
		t.Errorf("%+v, %+v", e, e.Said)
	}
}

// TestExplained has errors that mean more than they say.
func TestExplained(t *testing.T) {
	const (
		source    = "from a loopback source address only this machine can be reached"
		many      = "a multicast or broadcast address cannot be connected to: TCP is between two hosts"
		family    = "the source address is of the other family"
		blackhole = "a route of this machine says blackhole"
		none      = "no route to it on this machine"
	)
	for _, c := range []struct {
		name, to, source string
		err, route       syscall.Errno
		udp              bool
		want             string
	}{
		{"loopback source", "192.0.2.1", "127.0.0.2", syscall.EINVAL, 0, false, source},
		{"loopback source by UDP", "192.0.2.1", "127.0.0.2", syscall.EINVAL, 0, true, source},
		{"blackhole", "192.0.2.1", "192.0.2.99", syscall.EINVAL, 0, false, blackhole},
		{"blackhole, any source", "192.0.2.1", "", syscall.EINVAL, 0, false, blackhole},
		{"multicast", "224.0.0.1", "", syscall.ENETUNREACH, 0, false, many},
		{"multicast by IPv6", "ff02::1%eth0", "", syscall.ENETUNREACH, 0, false, many},
		{"broadcast", "255.255.255.255", "", syscall.ENETUNREACH, syscall.ENETUNREACH, false, many},
		{"broadcast of a link", "192.0.2.255", "", syscall.ENETUNREACH, syscall.EACCES, false, many},
		{"no route", "192.0.2.1", "", syscall.ENETUNREACH, syscall.ENETUNREACH, false, none},
		{"no route by UDP", "224.0.0.1", "", syscall.ENETUNREACH, syscall.ENETUNREACH, true, none},
		{"source by IPv4", "2001:db8::1", "192.0.2.99", syscall.EAFNOSUPPORT, 0, false, family},
		{"source by IPv6", "192.0.2.1", "2001:db8::99", syscall.EAFNOSUPPORT, 0, false, family},
		{"no IPv6", "2001:db8::1", "2001:db8::99", syscall.EAFNOSUPPORT, 0, false, "this machine has no IPv6"},
	} {
		w := always(local(c.err))
		if c.route != 0 {
			w.noRoute = c.route
		}
		cfg := Config{Targets: slices.Values(ports(c.to, 80)), UDP: c.udp}
		if c.source != "" {
			cfg.Source = netip.MustParseAddr(c.source)
		}
		h := w.in(t, cfg)
		if e := h.events[0]; e.State != Failed || e.Reason() != c.want || errno(e.Err) != c.err {
			t.Errorf("%s: %v %q, want %q", c.name, e.State, e.Reason(), c.want)
		}
	}
}
