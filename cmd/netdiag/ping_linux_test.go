package main

import (
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"golang.org/x/sys/unix"
)

// TestPingOutcomes pings over networks with one fault each, in every way that there is. What a
// summary must say is all of it: counters that are not named are 0.
func TestPingOutcomes(t *testing.T) {
	stampsOn(t)
	away4, away6 := netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8:9::9")
	small := path()
	small.Links[1].MTU = 1280
	tests := []struct {
		name     string
		topology netsim.Topology
		args     string
		exit     status
		want     summaryLine            // counters
		ways     map[string]summaryLine // where want is not it
		discards bool                   // the kernel may drop packets, and count them for sockets that they are not for
	}{
		{name: "replies", args: "-c4 -i.05", want: summaryLine{Sent: 4, Received: 4}},
		{name: "loss", topology: path(netsim.Fault{When: seqs(1), Silent: true}), args: "-c 3 -i .05 -W .5",
			want: summaryLine{Sent: 3, Received: 2, Timeouts: 1}},
		{name: "all lost", topology: path(netsim.Fault{Silent: true}), args: "-c 2 -i 50ms -W .3", exit: no,
			want: summaryLine{Sent: 2, Timeouts: 2}},
		{name: "duplicates", topology: path(netsim.Fault{When: seqs(1, 3), Copies: 2, Spacing: time.Millisecond}), args: "-c4 -i.05",
			want: summaryLine{Sent: 4, Received: 4, Duplicates: 4}},
		{name: "late", topology: path(netsim.Fault{When: seqs(0), Delay: 800 * time.Millisecond}), args: "-c3 -i.6 -W.5",
			want: summaryLine{Sent: 3, Received: 2, Late: 1}},
		{name: "only late", topology: path(netsim.Fault{When: seqs(0), Delay: 700 * time.Millisecond}, netsim.Fault{When: seqs(1), Silent: true}),
			args: "-c2 -i.5 -W.4", exit: no, want: summaryLine{Sent: 2, Late: 1, Timeouts: 1}},
		{name: "corrupt", topology: path(netsim.Fault{When: seqs(1), FlipBit: new(300)}), args: "-c3 -i.05 -W.5",
			want: summaryLine{Sent: 3, Received: 2, Timeouts: 1, Corrupt: 1}},
		{name: "bad checksum", topology: path(netsim.Fault{When: seqs(1), BadChecksum: true}), args: "-c3 -i.05 -W.5",
			want: summaryLine{Sent: 3, Received: 2, Timeouts: 1}, discards: true,
			ways: map[string]summaryLine{"IPv4 raw": {Sent: 3, Received: 2, Timeouts: 1, Corrupt: 1}}},
		{name: "answer from elsewhere", args: "-c3 -i.05 -W.5", want: summaryLine{Sent: 3, Received: 2, Timeouts: 1, Foreign: 1},
			topology: path(netsim.Fault{When: seqs(1), From: away4}, netsim.Fault{When: seqs(1), From: away6})},
		{name: "another process's reply", topology: path(netsim.Fault{When: seqs(1), Foreign: &netsim.Foreign{}}), args: "-c3 -i.05",
			want: summaryLine{Sent: 3, Received: 3, Foreign: 1}},
		{name: "another's reply alone", topology: path(netsim.Fault{Silent: true, Foreign: &netsim.Foreign{}}), args: "-c2 -i.05 -W.3", exit: no,
			want: summaryLine{Sent: 2, Timeouts: 2, Foreign: 2}},
		{name: "unreachable", topology: path(netsim.Fault{When: seqs(0), Error: &netsim.ErrorAnswer{Kind: netsim.HostUnreachable}}), args: "-c2 -i.05",
			want: summaryLine{Sent: 2, Received: 1, ICMPErrors: 1}},
		{name: "TTL", args: "-c2 -i.05 -t 1", exit: no, want: summaryLine{Sent: 2, ICMPErrors: 2}},
		{name: "too big", topology: small, args: "-c2 -i.2 -M do -s 1400", exit: no, want: summaryLine{Sent: 1, ICMPErrors: 1, SendErrors: 1}},
		{name: "reordered", topology: path(netsim.Fault{When: seqs(1), Delay: 300 * time.Millisecond}), args: "-c3 -i.1",
			want: summaryLine{Sent: 3, Received: 3, Reordered: 1}},
		{name: "no room for the cookie", args: "-c2 -i.05 -s 4", want: summaryLine{Sent: 2, Received: 2}},
		{name: "no data", args: "-c2 -i.05 -s 0", want: summaryLine{Sent: 2, Received: 2}},
		{name: "large", args: "-c2 -i.05 -s 8000 -p ff00", want: summaryLine{Sent: 2, Received: 2}},
		{name: "flood", args: "-f -c 200", want: summaryLine{Sent: 200, Received: 200}},
		{name: "adaptive", args: "-A -c 20", want: summaryLine{Sent: 20, Received: 20}},
		{name: "preload", args: "-l 3 -c 3", want: summaryLine{Sent: 3, Received: 3}},
		{name: "deadline", topology: path(netsim.Fault{Silent: true}), args: "-c3 -l3 -W 30 -w .3", exit: no, want: summaryLine{Sent: 3, InFlight: 3}},
		{name: "until up", args: "--until-up -i5", want: summaryLine{Sent: 1, Received: 1}},
		{name: "loss above the limit", topology: path(netsim.Fault{When: seqs(1), Silent: true}), args: "-c4 -i.05 -W.5 --max-loss 24.9", exit: no,
			want: summaryLine{Sent: 4, Received: 3, Timeouts: 1}},
		{name: "loss within the limit", topology: path(netsim.Fault{When: seqs(1), Silent: true}), args: "-c4 -i.05 -W.5 --max-loss 25",
			want: summaryLine{Sent: 4, Received: 3, Timeouts: 1}},
		{name: "RTT above the limit", args: "-c1 --max-rtt 9.9", exit: no, want: summaryLine{Sent: 1, Received: 1}},
		{name: "RTT within the limit", args: "-c1 --max-rtt 900", want: summaryLine{Sent: 1, Received: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.topology.Links == nil {
				tt.topology = path()
			}
			l, _ := simulated(t, tt.topology)
			everyWay(t, l.Namespace, "--json "+tt.args, func(t *testing.T, w way, e ended) {
				e.exits(t, tt.exit)
				report := e.report(t)
				want, other := tt.ways[w.name]
				if !other {
					want = tt.want
				}
				want.Lost = want.Timeouts + want.ICMPErrors
				got := counters(report.summary(t))
				if tt.discards {
					got.LocalDrops = 0
				}
				if got != want {
					t.Errorf("got  %+v\nwant %+v\n%s", got, want, e.stdout)
				}
				for _, r := range append(report.of("reply"), report.of("late")...) {
					if *r.RTTMs < 10 || *r.Addr != w.target || *r.Target != w.target || *r.From != w.target || *r.Timestamps != "kernel" {
						t.Errorf("the path takes 10 ms, the kernel stamps, and the target is %s: seq %d took %v ms by stamps of the %s, of %s from %s for %s",
							w.target, *r.Seq, *r.RTTMs, *r.Timestamps, *r.Addr, *r.From, *r.Target)
					}
				}
			})
		})
	}
}

// stampsOn has the kernel stamp what it receives until the test ends. It begins to by itself only some time after the
// first socket of the machine asks for it: on a busy machine after the first replies, of which the program rightly says so.
func stampsOn(t *testing.T) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	const flags = unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE
	var refused error
	err = raw.Control(func(fd uintptr) { refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPING, flags) })
	if err := errors.Join(err, refused, conn.SetDeadline(time.Now().Add(patience))); err != nil {
		t.Fatal(err)
	}
	var stamp [128]byte
	for n := 0; n == 0; {
		if _, err := conn.WriteTo([]byte("stamp"), conn.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		if _, n, _, _, err = conn.ReadMsgUDP(make([]byte, 8), stamp[:]); err != nil {
			t.Fatal(err)
		}
	}
}

// counters returns what can be compared of a summary.
func counters(s summaryLine) summaryLine {
	return summaryLine{
		Sent: s.Sent, Received: s.Received, Late: s.Late, Lost: s.Lost, Timeouts: s.Timeouts, InFlight: s.InFlight, ICMPErrors: s.ICMPErrors,
		Duplicates: s.Duplicates, Corrupt: s.Corrupt, Foreign: s.Foreign, Reordered: s.Reordered, Redirects: s.Redirects,
		SendErrors: s.SendErrors, LocalDrops: s.LocalDrops,
	}
}

// TestPingErrors looks at what is in ICMP errors.
func TestPingErrors(t *testing.T) {
	t.Parallel()
	small := path()
	small.Links[1].MTU = 1280
	l, _ := simulated(t, small)
	everyWay(t, l.Namespace, "--json -c1 -t1", func(t *testing.T, w way, e ended) {
		router, typ := "10.1.0.1", 11
		if w.ipv6() {
			router, typ = "2001:db8:1:1::1", 3
		}
		for _, e := range e.report(t).of("icmp_error") {
			if *e.From != router || *e.ICMPType != typ || *e.ICMPCode != 0 || !strings.Contains(strings.ToLower(*e.Message), "exceeded") || e.MTU != nil {
				t.Errorf("TTL exceeded: %+v", e)
			}
		}
	})
	everyWay(t, l.Namespace, "-c2 -i.2 -Mdo -s1400", func(t *testing.T, w way, e ended) {
		if strings.Count(e.stdout, "1280") != 2 {
			t.Errorf("the MTU stands not once in a line:\n%s", e.stdout)
		}
	})
	everyWay(t, l.Namespace, "--json -c1 -Mdo -s1400", func(t *testing.T, w way, e ended) {
		e.exits(t, unable) // the kernel knows by now that it cannot be sent
		if s := e.report(t).summary(t); s.Error == nil && s.SendErrors == 0 {
			t.Errorf("%s", e.stdout)
		}
	})
}

var threeDecimals = regexp.MustCompile(`\b\d+\.\d{3}\b`)

// TestPingTextOfARun compares the whole text, with the times masked.
func TestPingTextOfARun(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, path(netsim.Fault{When: seqs(1), Copies: 1, Spacing: time.Millisecond}, netsim.Fault{When: seqs(2), Silent: true}))
	everyWay(t, l.Namespace, "-c 3 -i 0.05 -W 0.5", func(t *testing.T, w way, e ended) {
		e.exits(t, yes)
		const want = `PING TARGET (TARGET): 56 data bytes
64 bytes from TARGET: icmp_seq=0 ttl=63 time=T ms
64 bytes from TARGET: icmp_seq=1 ttl=63 time=T ms
64 bytes from TARGET: icmp_seq=1 ttl=63 time=T ms (DUP!)
Request timeout for icmp_seq 2

--- TARGET ping statistics ---
3 packets transmitted, 2 packets received, +1 duplicates, 33.3% packet loss
round-trip min/avg/max/stddev = T/T/T/T ms
`
		got := threeDecimals.ReplaceAllString(strings.ReplaceAll(e.stdout, w.target, "TARGET"), "T")
		if got != want || e.stderr != "" {
			t.Errorf("got\n%swant\n%son standard error: %s", got, want, e.stderr)
		}
	})
	everyWay(t, l.Namespace, "-D -c1 -W9", func(t *testing.T, w way, e ended) {
		if !regexp.MustCompile(`(?m)^\[\d{10}\.\d{6}\] 64 bytes from `).MatchString(e.stdout) {
			t.Errorf("-D gives\n%s", e.stdout)
		}
	})
	everyWay(t, l.Namespace, "-qvc1", func(t *testing.T, w way, e ended) {
		if strings.Contains(e.stdout, "bytes from") || !strings.Contains(e.stdout, "p50/p90/p99") {
			t.Errorf("-q -v gives\n%s", e.stdout)
		}
	})
}

// TestPingUntilUp waits for a host that comes up after a while.
func TestPingUntilUp(t *testing.T) {
	t.Parallel()
	topology := path()
	topology.Host("target").Down = []netsim.Window{{To: 600 * time.Millisecond}}
	l, _ := simulated(t, topology)
	everyWay(t, l.Namespace, "--json --until-up -i.1 -W.08", func(t *testing.T, w way, e ended) {
		e.exits(t, yes)
		if s := e.report(t).summary(t); s.Received != 1 || s.Timeouts < 2 {
			t.Errorf("%s", e.stdout)
		}
	})
}

// TestPingOnlyLate has the text say why the status is 1 although nothing was lost.
func TestPingOnlyLate(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, path(netsim.Fault{When: seqs(0), Delay: 500 * time.Millisecond}, netsim.Fault{When: seqs(1), Silent: true}))
	everyWay(t, l.Namespace, "-c2 -i.4 -W.3", func(t *testing.T, w way, e ended) {
		e.exits(t, no)
		for _, want := range []string{"Request timeout for icmp_seq 0\n", "(LATE!)\n", ", 1 packets out of wait time\n", "no reply came in time: within 300ms (-W)\n"} {
			if !strings.Contains(e.stdout, want) {
				t.Errorf("no %q in\n%s", want, e.stdout)
			}
		}
	})
}

// TestPingTwoProcesses has two processes with raw sockets ping at the same time: a dead host
// must not look alive through the replies to the other.
func TestPingTwoProcesses(t *testing.T) {
	t.Parallel()
	topology := path(netsim.Fault{When: netsim.When{To: []netip.Prefix{netip.MustParsePrefix("198.51.100.2/32"), netip.MustParsePrefix("2001:db8:ffff::2/128")}}, Silent: true})
	l, _ := simulated(t, topology)
	for _, pair := range [][2]string{{"198.51.100.1", "198.51.100.2"}, {"2001:db8:ffff::1", "2001:db8:ffff::2"}} {
		alive := begin(t, program(t, l.Namespace, 0, "ping", "--socket", "raw", "--json", "-i.01", pair[0]))
		alive.await(`"reply"`)
		dead := netdiag(t, l.Namespace, 0, "ping", "--socket", "raw", "--json", "-c20", "-i.01", "-W.3", pair[1])
		dead.exits(t, no)
		if s := dead.report(t).summary(t); s.Received+s.Late+s.Foreign+s.Duplicates != 0 || s.Timeouts != 20 {
			t.Errorf("a dead host: %+v", s)
		}
		alive.signal(2)
		e := alive.end()
		e.exits(t, yes)
		if s := e.report(t).summary(t); s.Lost+s.Foreign != 0 {
			t.Errorf("the host that answers: %+v", s)
		}
	}
}

// TestPingPacketFlags sends with the flags that change the packet.
func TestPingPacketFlags(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, path())
	for _, args := range []string{"-Q 0x10", "-m 7", "-M want", "-M dont", "-I sim", "-I 192.0.2.1", "-4", "-p a", "-n", "-b"} {
		e := netdiag(t, l.Namespace, 0, append([]string{"ping", "--json", "-c1", "198.51.100.1"}, strings.Fields(args)...)...)
		e.exits(t, yes)
		if n := e.report(t).summary(t).Received; n != 1 || e.stderr != "" {
			t.Errorf("%s: %s replies, and on standard error %q", args, strconv.Itoa(n), e.stderr)
		}
	}
}
