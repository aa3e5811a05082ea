package main

import (
	"testing"

	"github.com/netdiag/netdiag/trace"
)

type suffixTest struct {
	name  string
	probe trace.Probe
	want  string
}

func TestSuffix(t *testing.T) {
	const four, six = "192.0.2.9", "2001:db8::9"
	reached := func(p trace.Probe, ttl int) trace.Probe {
		p.Reached, p.ReplyTTL = true, ttl
		return p
	}
	withMTU := func(p trace.Probe) trace.Probe {
		p.MTU = 1280
		return p
	}
	tcp := trace.Probe{From: portClosed(four, 0).From, Reached: true, TCPFlags: 0x14, ReplyTTL: 50}
	tests := []suffixTest{
		{"exceeded", exceededBy(four, 0), ""},
		{"exceeded, IPv6", exceededBy(six, 0), ""},
		{"exceeded with a low TTL", func() trace.Probe { p := exceededBy(four, 0); p.ReplyTTL = 1; return p }(), ""},
		{"port closed", portClosed(four, 0), ""},
		{"port closed, IPv6", portClosed(six, 0), ""},
		{"port closed, TTL 1", reached(portClosed(four, 0), 1), "!"},
		{"port closed, TTL 1, IPv6", reached(portClosed(six, 0), 1), "!"},
		{"port closed, TTL not known", reached(portClosed(four, 0), 0), ""},
		{"echo reply", reached(answerBy(four, 0, 0, 0), 60), ""},
		{"echo reply, TTL 1, IPv6", reached(answerBy(six, 129, 0, 0), 1), "!"},
		{"TCP", tcp, ""},
		{"TCP, TTL 1", reached(tcp, 1), "!"},
		{"datagram", trace.Probe{From: tcp.From, Reached: true}, ""},
		{"a port, but not the destination's", stopped(four, 3, 3, 0), "!<3>"},
		{"the same, IPv6", stopped(six, 1, 4, 0), "!<4>"},
		{"reached, and prohibited", reached(answerBy(four, 3, 13, 0), 60), "!X"},
		{"too big", withMTU(stopped(four, 3, 4, 0)), "!F-1280"},
		{"too big, MTU not told", stopped(four, 3, 4, 0), "!F-0"},
		{"too big, IPv6", withMTU(stopped(six, 2, 0, 0)), "!F-1280"},
		{"next header not known, IPv6", stopped(six, 4, 1, 0), "!H"},
		{"parameter problem", stopped(four, 12, 0, 0), "!<12-0>"},
		{"parameter problem, IPv6", stopped(six, 4, 0, 0), "!<4-0>"},
	}
	for code, want := range map[uint8]string{0: "!N", 1: "!H", 2: "!P", 5: "!S", 6: "!U", 7: "!W", 8: "!I", 9: "!A", 10: "!Z", 11: "!Q",
		12: "!T", 13: "!X", 14: "!V", 15: "!C", 16: "!<16>"} {
		tests = append(tests, suffixTest{"IPv4 unreachable " + count(int64(code)), stopped(four, 3, code, 0), want})
	}
	for code, want := range map[uint8]string{0: "!N", 1: "!P", 2: "!S", 3: "!A", 5: "!<5>", 6: "!<6>"} {
		tests = append(tests, suffixTest{"IPv6 unreachable " + count(int64(code)), stopped(six, 1, code, 0), want})
	}
	for _, tt := range tests {
		if got := suffix(&tt.probe); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
