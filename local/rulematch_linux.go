package local

import (
	"encoding/binary"
	"fmt"

	"github.com/vishvananda/netlink/nl"
)

// uids returns the users that a rule is for.
func (m ruleMessage) uids() (from, to uint32, ok bool) {
	b := m.attributes[nl.FRA_UID_RANGE]
	if len(b) < 8 {
		return 0, 0, false
	}
	return binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint32(b[4:]), true
}

// ports returns a range of ports in the words of ip-rule, or "".
func (m ruleMessage) ports(typ, mask uint16) string {
	b := m.attributes[typ]
	if len(b) < 4 {
		return ""
	}
	from, to := binary.NativeEndian.Uint16(b), binary.NativeEndian.Uint16(b[2:])
	switch with := m.attributes[mask]; {
	case from != to:
		return fmt.Sprintf("%d-%d", from, to)
	case len(with) >= 2 && binary.NativeEndian.Uint16(with) != 0xffff:
		return fmt.Sprintf("%d/0x%x", from, binary.NativeEndian.Uint16(with))
	}
	return fmt.Sprint(from)
}

// masked returns the mask of a number of 8 or 32 bits as it is written behind it; "" for a whole one, or none.
func masked(mask []byte, bits uint) string {
	var n, whole uint32 = 0, 1<<bits - 1
	switch len(mask) {
	case 1:
		n = uint32(mask[0])
	case 4:
		n = binary.BigEndian.Uint32(mask)
	}
	if n == 0 || n == whole {
		return ""
	}
	return fmt.Sprintf("/0x%x", n)
}

// suppressed returns what a rule takes no route of; false: it takes every one.
func (m ruleMessage) suppressed(typ uint16) (uint32, bool) {
	if _, ok := m.attributes[typ]; !ok {
		return 0, false
	}
	n := m.u32(typ)
	return n, n != noSuppression
}

// verdict is an answer that may be unknown.
type verdict uint8

const (
	no verdict = iota
	yes
	unknown
)

// verdictOf returns what is known.
func verdictOf(ok bool) verdict {
	if ok {
		return yes
	}
	return no
}

// matches tells whether a rule is for the packet in question, which is of this machine's own making, of no port, and of
// service class 0. The question is one of newQuestion's.
func (q question) matches(m ruleMessage) verdict {
	answer := yes
	for _, v := range []verdict{
		q.matchesWay(m), verdictOf((q.ask.Mark^m.u32(nl.FRA_FWMARK))&m.u32(nl.FRA_FWMASK) == 0),
		q.matchesAddrs(m), q.matchesRest(m),
	} {
		if v == no {
			answer = no
			break
		}
		if v == unknown {
			answer = unknown
		}
	}
	if m.Flags&fibRuleInvert == 0 || answer == unknown {
		return answer
	}
	return verdictOf(answer == no)
}

// matchesWay tells whether a rule's interfaces and users are those of a packet. What this machine sends comes from
// its loopback interface. An interface that was asked for may be a VRF's, which counts for that as well.
func (q question) matchesWay(m ruleMessage) verdict {
	if in := m.text(nl.FRA_IIFNAME); in != "" && in != "lo" {
		return no
	}
	if from, to, ok := m.uids(); ok && (*q.ask.User < from || *q.ask.User > to) {
		return no
	}
	if out := m.text(nl.FRA_OIFNAME); out != "" && out != q.ask.Interface {
		if q.ask.Interface == "" {
			return no
		}
		return unknown
	}
	if m.u8(nl.FRA_L3MDEV) != 0 { // for what comes from or goes to a VRF
		if q.ask.Interface == "" {
			return no
		}
		return unknown
	}
	return yes
}

// matchesAddrs tells whether a rule's prefixes have a packet's addresses in them. A source that is to be found yet is
// in none but that of all.
func (q question) matchesAddrs(m ruleMessage) verdict {
	if m.Dst_len > 0 && !m.prefix(nl.FRA_DST, m.Dst_len, m.Family).Contains(q.dst) {
		return no
	}
	switch {
	case m.Src_len == 0:
		return yes
	case q.ask.Source.IsValid():
		return verdictOf(m.prefix(nl.FRA_SRC, m.Src_len, m.Family).Contains(q.ask.Source))
	case m.Flags&fibRuleFindSource != 0:
		return unknown
	}
	return no
}

// matchesRest tells whether a rule asks for what a packet without a port and with nothing special has not, or of another protocol.
func (q question) matchesRest(m ruleMessage) verdict {
	_, dscp := m.attributes[fraDSCP]
	switch p := m.u8(nl.FRA_IP_PROTO); {
	case m.Tos != 0, m.ports(nl.FRA_SPORT_RANGE, 0) != "", m.ports(nl.FRA_DPORT_RANGE, 0) != "":
		return no
	case p != 0 && p != q.ask.Protocol:
		return no
	case dscp, len(m.attributes[fraFlowLabel]) > 0, len(m.attributes[nl.FRA_TUN_ID]) > 0:
		return unknown
	}
	for typ := range m.attributes {
		if typ > fraMax {
			return unknown // a rule of a newer kernel
		}
	}
	return yes
}
