package main

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"net/netip"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/local"
	"github.com/netdiag/netdiag/probe"
)

// probeScene is a run whose outcomes are given.
type probeScene struct {
	json, verbose, color bool
	set                  func(*probeFlags)
	args                 string
	stdin                string
	names                map[string]string // addresses by name, between spaces
	events               func(t *probe.Target) []probe.Event
	err                  error // that ends the run
	sockets              []local.Socket
}

// clockTicks is a clock that goes on by a millisecond each time it is looked at.
func clockTicks() func() time.Time {
	now := eventTime
	return func() time.Time {
		now = now.Add(time.Millisecond)
		return now
	}
}

// playProbe returns a run that has the events of a scene.
func playProbe(s probeScene) func(context.Context, probe.Config) iter.Seq2[probe.Event, error] {
	return func(ctx context.Context, cfg probe.Config) iter.Seq2[probe.Event, error] {
		return func(yield func(probe.Event, error) bool) {
			for target := range cfg.Targets {
				cfg.Idle()
				if target == nil {
					time.Sleep(ms) // of the bubble
					continue
				}
				for _, e := range append(untilEnough(cfg, s.events(target)), probe.Event{Kind: probe.Done}) {
					e.Target, e.At, e.UDP = target, eventTime, cfg.UDP
					if !e.Addr.IsValid() {
						e.Addr = netip.AddrPortFrom(target.Addrs[0], target.Port)
					}
					if !yield(e, nil) {
						return
					}
				}
			}
			switch {
			case s.err != nil:
				yield(probe.Event{}, s.err)
			case ctx.Err() != nil:
				yield(probe.Event{}, ctx.Err())
			}
		}
	}
}

// untilEnough returns the events of a target up to the first result that ends it.
func untilEnough(cfg probe.Config, events []probe.Event) []probe.Event {
	for i := range events {
		if cfg.Enough != nil && events[i].State == probe.Open && cfg.Enough(&events[i]) {
			return events[:i+1]
		}
	}
	return events
}

// showProbe plays a scene, and returns what it writes and the exit status.
func showProbe(t *testing.T, s probeScene) (stdout, stderr string, st status) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { stdout, stderr, st = runScene(t, s) })
	return stdout, stderr, st
}

// runScene is showProbe within a bubble.
func runScene(t *testing.T, s probeScene) (stdout, stderr string, st status) {
	t.Helper()
	var out, errs bytes.Buffer
	f := newProbeFlags()
	if s.set != nil {
		s.set(f)
	}
	c := &call{diagnostics: diagnostics{&errs}, args: strings.Fields(s.args), in: strings.NewReader(s.stdin), out: &out,
		isSet: func(string) bool { return false }}
	c.json, c.verbose, c.color = s.json, s.verbose, render.ColorNever
	if s.color {
		c.color = render.ColorAlways
	}
	common := loadServices("testdata/nosuchfile")
	deps := probeDeps{
		run: playProbe(s), now: clockTicks(), services: func() *services { return common },
		names: lookupFunc(func(_ context.Context, name string) (all []netip.Addr, err error) {
			for _, letter := range name {
				time.Sleep(time.Duration(letter) * ms) // each name is known at another time, the same in each run
			}
			for a := range strings.FieldsSeq(s.names[name]) {
				all = append(all, netip.MustParseAddr(a))
			}
			if all == nil {
				return nil, &lookupError{name: name, reason: "name not known"}
			}
			return all, nil
		}),
		hints: &probeHints{
			own:     func(a netip.Addr) bool { return a.IsLoopback() },
			sockets: func(bool, uint16) ([]local.Socket, error) { return s.sockets, nil },
		},
	}
	st, err := f.runWith(t.Context(), c, deps)
	if err != nil {
		c.fail(err)
	}
	return out.String(), errs.String(), st
}

// opened is an open port.
func opened(rtt time.Duration) probe.Event {
	return probe.Event{State: probe.Open, RTT: rtt, Took: rtt + 50*time.Microsecond, SYNs: 1, Own: netip.MustParseAddrPort("192.0.2.99:40000")}
}

func icmpFrom(from string, typ, code uint8, state probe.State) probe.Event {
	return probe.Event{State: state, Took: 2 * ms, SYNs: 1, ICMP: &probe.ICMP{From: netip.MustParseAddr(from), Type: typ, Code: code}}
}

// everyState answers by the port.
func everyState(t *probe.Target) []probe.Event {
	own := icmpFrom("192.0.2.99", 3, 1, probe.Unreachable)
	own.ICMP.Own = true
	switch t.Port {
	case 1:
		return []probe.Event{opened(412 * time.Microsecond)}
	case 2:
		return []probe.Event{{State: probe.Closed, Took: ms, SYNs: 1}}
	case 3:
		return []probe.Event{icmpFrom("10.0.0.1", 3, 13, probe.Rejected)}
	case 4:
		return []probe.Event{icmpFrom("10.0.0.1", 3, 1, probe.Unreachable)}
	case 5:
		return []probe.Event{{State: probe.Filtered, Took: 3500 * ms, SYNs: 4}}
	case 6:
		return []probe.Event{{State: probe.Failed, Err: syscall.ENETUNREACH}}
	case 7:
		return []probe.Event{{State: probe.Open, Reset: true, RTT: ms, Took: ms, SYNs: 1}}
	case 8:
		return []probe.Event{{State: probe.Open, Took: 1003 * ms, SYNs: 2}}
	case 9:
		return []probe.Event{{State: probe.Closed, Self: true, Took: ms, SYNs: 1}}
	case 10:
		return []probe.Event{own}
	case 22:
		return []probe.Event{
			{Kind: probe.Narrowed, Err: syscall.EMFILE, Concurrency: 100},
			opened(ms), {Kind: probe.Middlebox, Ports: []uint16{40123, 50321}},
		}
	}
	return nil
}

// threeTimes answers with a time, a loss and another time.
func threeTimes(*probe.Target) []probe.Event {
	es := []probe.Event{opened(17 * ms), {State: probe.Filtered, Took: 3500 * ms, SYNs: 4}, opened(18 * ms)}
	for i := range es {
		es[i].Seq = int64(i)
	}
	return es
}

// byFamily has IPv4 open and IPv6 silent.
func byFamily(t *probe.Target) []probe.Event {
	if t.Addrs[0].Is4() {
		return []probe.Event{opened(12 * ms)}
	}
	return []probe.Event{{State: probe.Filtered, Took: 3500 * ms, SYNs: 4}}
}

// inTurn has the first address of a name closed.
func inTurn(t *probe.Target) []probe.Event {
	e := opened(12 * ms)
	e.Addr = netip.AddrPortFrom(t.Addrs[1], t.Port)
	e.Before = []probe.Event{{State: probe.Closed, Took: ms, SYNs: 1, Addr: netip.AddrPortFrom(t.Addrs[0], t.Port)}}
	return []probe.Event{e}
}

// harm is what a server says that means no good.
const harm = "220 hi\r\n\x1b]0;title\x07\xff\n\u202eright"

// talking is an open port that says something.
func talking(s *probe.Said) func(*probe.Target) []probe.Event {
	return func(*probe.Target) []probe.Event {
		e := opened(ms)
		e.Said = s
		return []probe.Event{e}
	}
}

// shaken is a handshake with two certificates.
func shaken(verified bool) *probe.Session {
	s := &probe.Session{
		Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", ALPN: "h2", Handshake: 5250 * time.Microsecond, Name: "www.example", Verified: verified,
		Chain: []probe.Certificate{
			{
				Subject: "CN=www.example\x1b[0m", Issuer: "CN=Example CA", Names: []string{"www.example", "example"}, Addrs: []netip.Addr{targetAddr}, Serial: "0a1b",
				NotBefore: eventTime.AddDate(0, -1, 0), NotAfter: eventTime.AddDate(0, 0, 71), DaysLeft: 71, Key: "ECDSA P-256", Signature: "ECDSA-SHA256", SHA256: "aabbcc",
			},
			{
				Subject: "CN=Example CA", Issuer: "CN=Example CA", Serial: "01", NotBefore: eventTime.AddDate(-9, 0, 0), NotAfter: eventTime.AddDate(0, 0, -3),
				DaysLeft: -3, Key: "RSA 2048", Signature: "SHA256-RSA", SHA256: "ddeeff", CA: true, SelfSigned: true,
			},
		},
	}
	if !verified {
		s.Problems, s.Clock = []string{"CN=Example CA expired 3 days ago"}, "this machine's clock may be wrong"
	}
	return s
}

func TestProbeViews(t *testing.T) {
	all := "192.0.2.1:1-10"
	repeat := func(f *probeFlags) { f.count = 3 }
	tls := func(f *probeFlags) { f.tls = true }
	banner := func(f *probeFlags) { f.banner = true }
	expect := func(f *probeFlags) { f.expect = regexp.MustCompile("^SSH-") }
	waits := func(f *probeFlags) { f.wait = 30 * time.Second }
	names := map[string]string{"www.example": "2001:db8::1 192.0.2.1 192.0.2.2", "one.example": "192.0.2.1"}
	for _, tt := range []struct {
		name  string
		scene probeScene
		exit  status
	}{
		{"one", probeScene{args: "192.168.0.18:7777", events: talking(nil)}, yes},
		{"states", probeScene{args: all, events: everyState}, unable},
		{"verbose", probeScene{args: "192.0.2.1:1,2,22", events: everyState, verbose: true}, no},
		{"color", probeScene{args: all, events: everyState, color: true}, unable},
		{"open-only", probeScene{args: all, events: everyState, set: func(f *probeFlags) { f.open = true }}, unable},
		{"quiet", probeScene{args: all, events: everyState, set: func(f *probeFlags) { f.quiet = true }}, unable},
		{"repeat", probeScene{args: "192.0.2.1:80", events: threeTimes, set: repeat}, no},
		{"repeat-many", probeScene{args: "192.0.2.1:80 one.example:22", names: names, events: threeTimes, set: repeat, verbose: true}, no},
		{"names", probeScene{args: "www.example:80 nowhere.example:80,81 192.0.2.7:7", names: names, events: inTurn7}, unable},
		{"all", probeScene{args: "www.example:https one.example:80", names: names, events: byFamily, set: func(f *probeFlags) { f.all = true }}, no},
		{"all-closed", probeScene{args: "www.example:2", names: names, events: everyState, set: func(f *probeFlags) { f.all = true }}, no},
		{"stamps", probeScene{args: "192.0.2.1:1", events: everyState, set: func(f *probeFlags) { f.stamps = true }}, yes},
		{"top", probeScene{args: "192.0.2.1", events: talking(nil), set: func(f *probeFlags) { f.top = 3 }}, yes},
		{"exclude", probeScene{args: "192.0.2.0/29:1,2 www.example:1", names: map[string]string{"www.example": "192.0.2.2 192.0.2.6"}, events: everyState,
			set: func(f *probeFlags) { f.exclude = []string{"192.0.2.2-5", "2"} }}, yes},
		{"all-excluded", probeScene{args: "192.0.2.1:1", set: func(f *probeFlags) { f.exclude = []string{"192.0.2.1"} }}, unable},
		{"file", probeScene{args: "192.0.2.1:1", stdin: "192.0.2.2:1\n300.1.1.1:1\nnowhere.example 1\n", events: everyState, set: func(f *probeFlags) { f.file = "-" }}, unable},
		{"repeat-all", probeScene{args: "www.example:80 nowhere.example:80", names: names, events: threeTimes, set: func(f *probeFlags) { f.count, f.all = 3, true }}, unable},
		{"all-failed", probeScene{args: "www.example:80", names: names, events: failsFirst, set: func(f *probeFlags) { f.count, f.all = 2, true }}, unable},
		{"quiet-tls", probeScene{args: "192.0.2.1:443", events: talking(&probe.Said{TLS: shaken(false)}), set: func(f *probeFlags) { f.tls, f.quiet = true, true }}, no},
		{"quiet-one", probeScene{args: "192.0.2.1:1", events: everyState, set: func(f *probeFlags) { f.quiet = true }}, yes},
		{"wait-expect", probeScene{args: "192.0.2.1:22 192.0.2.2:22", events: learning, set: func(f *probeFlags) { waits(f); expect(f) }}, yes},
		{"wait-expect-not", probeScene{args: "192.0.2.1:22", events: talking(&probe.Said{Heard: []byte(harm)}), set: func(f *probeFlags) { waits(f); expect(f) }}, no},
		{"wait", probeScene{args: "192.0.2.1:80", events: waiting(probe.Event{State: probe.Closed}, opened(ms)), set: waits}, yes},
		{"wait-not", probeScene{args: "192.0.2.1:80", events: waiting(probe.Event{State: probe.Closed}, probe.Event{State: probe.Failed, Err: syscall.ENETUNREACH}), set: waits}, unable},
		{"wait-closed", probeScene{args: "192.0.2.1:80", events: waiting(opened(ms), probe.Event{State: probe.Closed}), set: func(f *probeFlags) { f.waitClosed = time.Second }}, yes},
		{"banner", probeScene{args: "192.0.2.1:22", events: talking(&probe.Said{Heard: []byte(harm), Ended: true}), set: banner}, yes},
		{"banner-none", probeScene{args: "192.0.2.1:22", events: talking(&probe.Said{}), set: banner}, yes},
		{"banner-long", probeScene{args: "192.0.2.1:22", events: talking(&probe.Said{Heard: []byte(strings.Repeat("line\n", 30)), More: true}), set: banner}, yes},
		{"expect-not", probeScene{args: "192.0.2.1:22", events: talking(&probe.Said{Heard: []byte(harm)}), set: expect}, no},
		{"expect", probeScene{args: "192.0.2.1:22", events: talking(&probe.Said{Heard: []byte("SSH-2.0-x\r\n"), Matched: true}), set: expect}, yes},
		{"talk-error", probeScene{args: "192.0.2.1:22", events: talking(&probe.Said{Heard: []byte("22"), Err: syscall.ECONNRESET}), set: banner}, no},
		{"tls", probeScene{args: "192.0.2.1:443", events: talking(&probe.Said{TLS: shaken(true)}), set: tls}, yes},
		{"tls-verbose", probeScene{args: "192.0.2.1:443", events: talking(&probe.Said{TLS: shaken(true)}), set: tls, verbose: true}, yes},
		{"tls-bad", probeScene{args: "192.0.2.1:443", events: talking(&probe.Said{TLS: shaken(false)}), set: tls}, no},
		{"tls-none", probeScene{args: "192.0.2.1:443", events: talking(&probe.Said{Err: errors.New("probe: the server does not speak TLS")}), set: tls}, no},
		{"tls-remarks", probeScene{args: "192.0.2.1:443", events: talking(&probe.Said{TLS: remarked(), Err: &probe.TLSError{Why: "the server refuses\x1b[0m"}}), set: tls}, no},
		{"tls-closed", probeScene{args: "192.0.2.1:2", events: everyState, set: func(f *probeFlags) { f.tls, f.banner = true, true }}, no},
		{"tls-starttls", probeScene{args: "192.0.2.1:25", events: talking(&probe.Said{Err: &probe.TLSError{Why: "the server does not speak TLS", Said: []byte("220 hi\r\n"), StartTLS: "smtp"}}), set: tls}, no},
		{"starttls-banner", probeScene{args: "192.0.2.1:25 192.0.2.2:25", events: greeting, set: func(f *probeFlags) { f.starttls, f.banner = "smtp", true }}, yes},
		{"starttls-auto", probeScene{args: "192.0.2.1:25,443,587", events: talking(&probe.Said{TLS: shaken(true)}), set: func(f *probeFlags) { f.starttls = "auto" }}, yes},
		{"talk-interrupted", probeScene{args: "192.0.2.1:22", events: talking(&probe.Said{Err: context.Canceled}), set: banner}, no},
		{"udp", probeScene{args: "192.0.2.1:53", events: func(*probe.Target) []probe.Event {
			e := opened(0)
			e.Answer = []byte("\x12\x34answer")
			return []probe.Event{e}
		}, set: func(f *probeFlags) { f.udp, f.banner = true, true }}, yes},
		{"listens-elsewhere", probeScene{args: "127.0.0.2:2,2 127.0.0.3:2", events: everyState, sockets: []local.Socket{
			{Addr: netip.MustParseAddrPort("127.0.0.1:2"), Program: "server", PID: 42}, {Addr: netip.MustParseAddrPort("[::1]:2")}, {Addr: netip.MustParseAddrPort("10.0.0.1:2"), TimeWait: true},
		}}, no},
		{"this-machine", probeScene{args: "0.0.0.0:1 [::]:1", events: everyState}, yes},
		{"failed", probeScene{args: "192.0.2.1:1", events: everyState, err: &probe.ConfigError{Field: "Source", Why: "is wrong"}}, unable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, st := showProbe(t, tt.scene)
			if st != tt.exit {
				t.Errorf("exit status %d, want %d", st, tt.exit)
			}
			if stderr != "" {
				stdout += "--- standard error\n" + stderr
			}
			checkGolden(t, "probe/"+tt.name+".txt", stdout)
			if tt.scene.color || tt.scene.verbose {
				return
			}
			tt.scene.json = true
			stdout, again, st := showProbe(t, tt.scene)
			if st != tt.exit || !strings.Contains(tt.name, "wait") && again != stderr {
				t.Errorf("with --json: exit status %d, on standard error %q", st, again)
			}
			checkGolden(t, "probe/"+tt.name+".json", stdout)
		})
	}
}

// failsFirst opens twice; IPv6 only after a failure of this machine, which a browser loses time on.
func failsFirst(t *probe.Target) []probe.Event {
	first, second := opened(ms), opened(ms)
	if t.Addrs[0].Is6() {
		first = probe.Event{State: probe.Failed, Err: syscall.ENETUNREACH, Took: 5 * ms}
	}
	second.Seq = 1
	return []probe.Event{first, second}
}

// learning opens and says the wrong thing twice, then the right one, and would go on.
func learning(*probe.Target) (es []probe.Event) {
	for i, said := range []*probe.Said{{Heard: []byte("no\n")}, {Heard: []byte("no\n")}, {Heard: []byte("SSH-2.0-x\n"), Matched: true}, {Heard: []byte("no\n")}} {
		e := opened(ms)
		e.Seq, e.Said = int64(i), said
		es = append(es, e)
	}
	return es
}

// greeting greets before TLS: with text, or on the second address with something else.
func greeting(t *probe.Target) []probe.Event {
	s := &probe.Said{Plain: []byte("220 hi\r\n250-\u202estarttls\r\n"), Heard: []byte("250 over TLS\n"), TLS: shaken(true)}
	if t.Addrs[0] != targetAddr {
		s.Plain = []byte{0, 1, 2}
	}
	return talking(s)(t)
}

// remarked is a verified handshake of which something is to be said.
func remarked() *probe.Session {
	s := shaken(true)
	s.Remarks, s.ClientAsked = []string{"TLS 1.0 is deprecated\x07"}, true
	return s
}

// inTurn7 is inTurn but for an address that is reset on port 7.
func inTurn7(t *probe.Target) []probe.Event {
	if t.Port == 7 {
		return everyState(t)
	}
	return inTurn(t)
}

// waiting answers with first, twice filtered, and last.
func waiting(first, last probe.Event) func(*probe.Target) []probe.Event {
	return func(*probe.Target) []probe.Event {
		es := []probe.Event{first, {State: probe.Filtered, SYNs: 2, Took: ms}, {State: probe.Filtered, SYNs: 2, Took: ms}, last}
		for i := range es {
			es[i].Seq = int64(i)
		}
		return es
	}
}
