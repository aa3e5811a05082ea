package main

import (
	"fmt"

	"github.com/netdiag/netdiag/trace"
)

// Types of ICMP messages (RFC 792, RFC 4443).
const (
	unreachable4  = 3
	exceeded4     = 11
	unreachable6  = 1
	tooBig6       = 2
	exceeded6     = 3
	paramProblem6 = 4

	echoReply4, echoReply6 = 0, 129
)

// Codes of a destination unreachable message.
const (
	port4, port6 = 3, 4
	needFrag4    = 4
)

// marks4 and marks6 are what traceroute and traceroute6 of the BSDs have for the codes of
// a destination unreachable message.
func marks4() map[uint8]string {
	return map[uint8]string{0: "!N", 1: "!H", 2: "!P", 5: "!S", 6: "!U", 7: "!W", 8: "!I", 9: "!A", 10: "!Z",
		11: "!Q", 12: "!T", 13: "!X", 14: "!V", 15: "!C"}
}

func marks6() map[uint8]string { return map[uint8]string{0: "!N", 1: "!P", 2: "!S", 3: "!A"} }

// suffix returns the annotation of an answer behind its time; empty: none.
func suffix(p *trace.Probe) string {
	if p.Reached && (!p.ICMP || ordinary(p)) {
		if p.ReplyTTL == 1 {
			return "!" // such a host answers with the TTL that came
		}
		return ""
	}
	if !p.ICMP {
		return ""
	}
	unreachable, marks := uint8(unreachable4), marks4()
	if p.From.Is6() {
		unreachable, marks = unreachable6, marks6()
	}
	switch mark, known := marks[p.ICMPCode]; {
	case exceeded(p), echoReply(p):
		return ""
	case tooBig(p):
		return fmt.Sprintf("!F-%d", p.MTU)
	case p.From.Is6() && p.ICMPType == paramProblem6 && p.ICMPCode == 1:
		return "!H"
	case p.ICMPType != unreachable:
		return fmt.Sprintf("!<%d-%d>", p.ICMPType, p.ICMPCode)
	case known:
		return mark
	}
	return fmt.Sprintf("!<%d>", p.ICMPCode)
}

// ordinary reports whether an answer is what a destination that was reached sends as a rule.
func ordinary(p *trace.Probe) bool {
	if p.From.Is6() {
		return echoReply(p) || p.ICMPType == unreachable6 && p.ICMPCode == port6
	}
	return echoReply(p) || p.ICMPType == unreachable4 && p.ICMPCode == port4
}

func echoReply(p *trace.Probe) bool {
	return p.ICMPType == echoReply4 && p.From.Is4() || p.ICMPType == echoReply6 && p.From.Is6()
}

func exceeded(p *trace.Probe) bool {
	return p.ICMPType == exceeded4 && p.From.Is4() || p.ICMPType == exceeded6 && p.From.Is6()
}

func tooBig(p *trace.Probe) bool {
	return p.ICMPType == unreachable4 && p.ICMPCode == needFrag4 && p.From.Is4() || p.ICMPType == tooBig6 && p.From.Is6()
}
