package main

import (
	"encoding/json"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/netdiag/netdiag/internal/lab"
)

// TestProbeWalk is the walk of the user's document: a server on one machine, and a client on another that is refused
// before it runs and greeted after.
func TestProbeWalk(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	prefix := netip.MustParsePrefix
	server, err := l.Peer("server", lab.PeerConfig{
		Near: lab.End{Name: "eth0", Addrs: []netip.Prefix{prefix("192.168.0.7/24"), prefix("2001:db8::7/64")}},
		Far: lab.End{Name: "eth0", Addrs: []netip.Prefix{prefix("192.168.0.18/24"), prefix("2001:db8::18/64")},
			Routes: []lab.Route{{Dst: prefix("0.0.0.0/0"), Via: netip.MustParseAddr("192.168.0.7")}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	const addr = "192.168.0.18:7777"
	plain := regexp.MustCompile(`^192\.168\.0\.18:7777 open \d+\.\d{3} ms\n$`)
	for _, user := range []uint32{0, nobody} {
		before := netdiag(t, l.Namespace, user, "probe", addr)
		before.exits(t, no)
		if !strings.HasPrefix(before.stdout, addr+" closed (") || before.stderr != "" {
			t.Errorf("before: %s%s", before.stdout, before.stderr)
		}
		r := begin(t, program(t, server, user, "serve"))
		if offer := r.offered(); offer != addr {
			t.Errorf("clients should connect to %s", offer)
		}
		after := netdiag(t, l.Namespace, user, "probe", addr)
		after.exits(t, yes)
		if !plain.MatchString(after.stdout) || after.stderr != "" {
			t.Errorf("after: %q, %s", after.stdout, after.stderr)
		}
		greeted := netdiag(t, l.Namespace, user, "probe", "--banner", "--expect", "^Hello, world!\n$", "192.168.0.18", "7777")
		greeted.exits(t, yes)
		if !strings.HasSuffix(greeted.stdout, " ms\n    Hello, world!\n") {
			t.Errorf("the greeting: %q", greeted.stdout)
		}
		r.signal(syscall.SIGINT)
		r.end().exits(t, yes)
	}
}

// listen has the test, which is in a lab, accept connections at addr, and say something to each.
func listen(t *testing.T, addr, greeting string) {
	t.Helper()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(greeting)) // to one that may have gone
			conn.Close()
		}
	}()
}

// TestProbeKernel probes a real kernel in every way that needs no other machine.
func TestProbeKernel(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	listen(t, "127.0.0.1:7777", "220 \x1b[31mhi\xff\r\n")
	listen(t, "[::1]:7777", "six")
	tests := []struct {
		args   string
		exit   status
		stdout string // of text, a regular expression
		stderr string // contained; empty: nothing
	}{
		{"127.0.0.1:7777", yes, `^127\.0\.0\.1:7777 open \d+\.\d{3} ms\n$`, ""},
		{"[::1]:cbt", yes, `^\[::1\]:7777 open \d+\.\d{3} ms\n$`, ""},
		{"::1 7777", yes, `^\[::1\]:7777 open `, ""},
		{"-4 localhost:7777", yes, `^localhost:7777 \(127\.0\.0\.1\) open `, ""},
		{"127.0.0.1:7778", no, `^127\.0\.0\.1:7778 closed \(`, ""},
		{"127.0.0.2:7777", no, `^127\.0\.0\.2:7777 closed \(`, "hint: on this machine something listens on "},
		{"127.0.0.1:7776-7778", no, `(?m)^127\.0\.0\.1:7777 open \d+\.\d{3} ms$`, ""},
		{"127.0.0.1:7776-7778 --open", no, `^127\.0\.0\.1:7777 open \d+\.\d{3} ms\n3 ports in \d+\.\d\d s: 1 open, 2 closed\n$`, ""},
		{"127.0.0.0/30:7777 -q", no, `^2 ports in .*: 1 open, 1 closed\n$`, "something listens on "},
		{"127.0.0.1:7777 -q", yes, `^1 port in .*: 1 open\n$`, ""},
		{"127.0.0.1:7777 -q --expect never", no, `^1 port in .*: 1 open\n$`, "netdiag: 127.0.0.1:7777: no match for never\n"},
		{"127.0.0.1:7777 127.0.0.1:7778-7779 --rate 1 -w .5", unable, `: 1 open, 2 not probed\n$`, ""},
		{"127.0.0.1:7777 --wait .3 -i .01 --expect never", no, ` open .*\n    no match for never\n$`, "open, but not as it should be (no match for never) within 300ms\n"},
		{"127.0.0.1:7777 -c 3 -i .01", yes, `(?m)^127\.0\.0\.1:7777 open seq=2 time=\d+\.\d{3} ms\n\n--- 127\.0\.0\.1:7777 probe statistics ---\n` +
			`3 probes sent, 3 open, 0\.0% loss\nround-trip min/avg/max/stddev = `, ""},
		{"127.0.0.1:7777 --banner", yes, ` ms\n    220 \\x1b\[31mhi\\xff\n$`, ""},
		{"127.0.0.1:7777 --expect ^220", yes, ` ms\n$`, ""},
		{"127.0.0.1:7777 --expect ^221", no, "    no match for \\^221\n$", ""},
		{"127.0.0.1:7777 --tls", no, ` ms\n    .*TLS`, ""},
		{"127.0.0.1:7778 --wait .05 -i .01", no, `^127\.0\.0\.1:7778 closed \(.*\n$`, "127.0.0.1:7778: not open within 50ms"},
		{"127.0.0.1:7778 --wait-closed 9", yes, `^127\.0\.0\.1:7778 closed \(`, ""},
		{"127.0.0.1:7778 -u", no, `^127\.0\.0\.1:7778 closed \(port unreachable`, ""},
		{"0.0.0.0:7777", yes, `^0\.0\.0\.0:7777 \(127\.0\.0\.1\) open `, "it is as if 127.0.0.1 were probed"},
		{"192.0.2.1:80", unable, `^192\.0\.2\.1:80 error \(`, "netdiag routes 192.0.2.1"},
		{"[2001:db8::1]:80", unable, `^\[2001:db8::1\]:80 error \(`, "netdiag routes 2001:db8::1"},
		{"nowhere.invalid:80", unable, `^nowhere\.invalid:80 error \(name not known\)\n$`, "netdiag: nowhere.invalid: name not known\n"},
		{"nowhere.invalid:80 127.0.0.1:7777", unable, `(?m)^127\.0\.0\.1:7777 open .*\n(?s:.*)2 ports in `, "nowhere.invalid: name not known"},
		{"fe80::1 80", unable, `^\[fe80::1\]:80 error \(.*interface.*\)\n$`, "a link-local address needs its interface"},
		{"-I nosuch 127.0.0.1:7777", unable, ``, "nosuch"},
		{"--all localhost:7777 -4", yes, `^localhost:7777 \(127\.0\.0\.1\) open `, ""},
		{"--top 2 127.0.0.1", no, `(?m)^127\.0\.0\.1:80 closed \(.*; http\)$`, ""},
	}
	waits := make([]func() ended, 2*len(tests))
	for i, tt := range tests {
		args := append([]string{"probe"}, strings.Fields(tt.args)...)
		waits[2*i] = started(t, program(t, l.Namespace, nobody, args...))
		waits[2*i+1] = started(t, program(t, l.Namespace, 0, append(args, "--json")...))
	}
	for i, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			text, lines := waits[2*i](), waits[2*i+1]()
			text.exits(t, tt.exit)
			lines.exits(t, tt.exit)
			if !regexp.MustCompile(tt.stdout).MatchString(text.stdout) || !strings.Contains(text.stderr, tt.stderr) || tt.stderr == "" && text.stderr != "" {
				t.Errorf("got\n%son standard error\n%s", text.stdout, text.stderr)
			}
			checkProbeLines(t, lines.stdout)
		})
	}
}

// checkProbeLines checks JSON lines against the contract: the first starts, the last sums up what is between.
func checkProbeLines(t *testing.T, stdout string) {
	t.Helper()
	states := make(map[string]float64)
	results := 0.0
	all := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	for i, line := range all {
		var j map[string]any
		if err := json.Unmarshal([]byte(line), &j); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		switch {
		case i == 0 && (j["type"] != "start" || j["schema"] != "netdiag.probe/1"), i == len(all)-1 && j["type"] != "summary":
			t.Errorf("line %d of %d is %s", i+1, len(all), line)
		case j["type"] == "result":
			results++
			states[j["state"].(string)]++
			for _, field := range []string{"time", "target", "addr", "port", "service", "rtt_ms", "connect_ms", "reason", "from", "icmp_type", "icmp_code", "syns"} {
				if _, has := j[field]; !has {
					t.Errorf("no %s in %s", field, line)
				}
			}
			if _, known := j["connect_ms"].(float64); known != (j["state"] == "open") {
				t.Errorf("connect_ms in %s", line)
			}
		case j["type"] == "summary" && !strings.Contains(stdout, `"banner"`):
			hidden := strings.Contains(line, `"open":1,"closed":`) && results <= 1 // --open, -q
			if j["probes"] != results && !hidden {
				t.Errorf("%v results, and %s", results, line)
			}
			for state, field := range map[string]string{"open": "open", "closed": "closed", "error": "errors", "filtered": "filtered"} {
				if j[field] != states[state] && !hidden {
					t.Errorf("%v %s, and %s", states[state], state, line)
				}
			}
		}
	}
}

// TestProbeWaits opens a port while it is waited for, and interrupts a run without end.
func TestProbeWaits(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	r := begin(t, program(t, l.Namespace, nobody, "probe", "--wait", "50s", "-i", ".02", "127.0.0.1:7777"))
	r.await("127.0.0.1:7777 closed (")
	listen(t, "127.0.0.1:7777", "")
	r.await("127.0.0.1:7777 open ")
	r.end().exits(t, yes)

	r = begin(t, program(t, l.Namespace, nobody, "probe", "-c", "0", "-i", ".02", "127.0.0.1:7777", "127.0.0.1:7778"))
	r.await("127.0.0.1:7777 open seq=2 ")
	r.signal(syscall.SIGINT)
	e := r.end()
	e.exits(t, no) // one is closed
	if !strings.Contains(e.stdout, "\n127.0.0.1:7777 ") || !strings.Contains(e.stdout, " probes of 2 ports in ") {
		t.Errorf("got %s", e.stdout)
	}
}
