package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// What linux/fib_rules.h has and the packages do not.
const (
	fibRuleInvert      = 0x2
	fibRuleFindSource  = 0x10000 // FIB_RULE_FIND_SADDR
	fraDSCP            = 25
	fraFlowLabel       = 26
	fraFlowLabelMask   = 27
	fraSourcePortMask  = 28
	fraDestinationMask = 29
	fraDSCPMask        = 30
	fraMax             = fraDSCPMask
	noSuppression      = 1<<32 - 1
)

// actionLookup is what most policy rules do.
const actionLookup = "lookup"

// ruleMessage is a policy rule as the kernel tells it: struct fib_rule_hdr has the form of struct rtmsg, with the action
// where that has the type.
type ruleMessage struct{ routeMessage }

func rules() ([]Rule, error) {
	messages, err := readRules()
	if err != nil {
		return nil, err
	}
	tables := tableNames()
	list := make([]Rule, 0, len(messages))
	for _, m := range messages {
		list = append(list, m.rule(tables))
	}
	return list, nil
}

// readRules returns the rules of the families in the order in which they are asked.
func readRules(of ...uint8) ([]ruleMessage, error) {
	if len(of) == 0 {
		of = families()
	}
	var messages []ruleMessage
	for _, f := range of {
		some, err := dump("policy rules", func() ([]ruleMessage, error) { return dumpRules(f) })
		if err != nil && !absent(err) {
			return nil, err
		}
		messages = append(messages, some...)
	}
	return messages, nil
}

// dumpRules returns a family's rules.
func dumpRules(family uint8) ([]ruleMessage, error) {
	request := nl.NewNetlinkRequest(unix.RTM_GETRULE, unix.NLM_F_DUMP)
	request.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: family}})
	raw, disturbed := request.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWRULE)
	if disturbed != nil && !errors.Is(disturbed, netlink.ErrDumpInterrupted) {
		return nil, disturbed
	}
	messages := make([]ruleMessage, 0, len(raw))
	for _, b := range raw {
		m, err := parseRouteMessage(b)
		if err != nil {
			return nil, err
		}
		if m.Family == family {
			messages = append(messages, ruleMessage{m})
		}
	}
	return messages, disturbed
}

// rule returns the rule of a message.
func (m ruleMessage) rule(tables names) Rule {
	r := Rule{
		Family: family(m.Family == unix.AF_INET), Priority: m.number(nl.FRA_PRIORITY),
		In: m.text(nl.FRA_IIFNAME), Out: m.text(nl.FRA_OIFNAME),
		Mark: m.u32(nl.FRA_FWMARK), MarkMask: m.u32(nl.FRA_FWMASK),
		Action: m.action(), Invert: m.Flags&fibRuleInvert != 0, More: strings.Join(m.more(), " "),
	}
	if m.Src_len > 0 {
		r.From = m.prefix(nl.FRA_SRC, m.Src_len, m.Family)
	}
	if m.Dst_len > 0 {
		r.To = m.prefix(nl.FRA_DST, m.Dst_len, m.Family)
	}
	if m.Type == nl.FR_ACT_TO_TBL && m.u8(nl.FRA_L3MDEV) == 0 {
		r.Table, r.TableName = m.number(nl.FRA_TABLE), tables.of(m.table())
	}
	return r
}

// action returns what a rule does with the packets that it is for.
func (m ruleMessage) action() string {
	switch m.Type {
	case nl.FR_ACT_TO_TBL:
		return actionLookup
	case nl.FR_ACT_GOTO:
		return fmt.Sprintf("goto %d", m.u32(nl.FRA_GOTO))
	case nl.FR_ACT_NOP:
		return "nop"
	case nl.FR_ACT_BLACKHOLE:
		return KindBlackhole
	case nl.FR_ACT_UNREACHABLE:
		return KindUnreachable
	case nl.FR_ACT_PROHIBIT:
		return KindProhibit
	}
	return strconv.Itoa(int(m.Type))
}

// more returns the rest of what a rule asks for or does.
func (m ruleMessage) more() (words []string) {
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if m.Tos != 0 {
		add("tos 0x%02x", m.Tos)
	}
	if m.u8(nl.FRA_L3MDEV) != 0 {
		add("l3mdev")
	}
	if from, to, ok := m.uids(); ok {
		add("uidrange %d-%d", from, to)
	}
	if p := m.u8(nl.FRA_IP_PROTO); p != 0 {
		add("ipproto %s", protocolName(p))
	}
	for _, p := range []struct {
		typ, mask uint16
		name      string
	}{{nl.FRA_SPORT_RANGE, fraSourcePortMask, "sport"}, {nl.FRA_DPORT_RANGE, fraDestinationMask, "dport"}} {
		if text := m.ports(p.typ, p.mask); text != "" {
			add("%s %s", p.name, text)
		}
	}
	if b := m.attributes[nl.FRA_TUN_ID]; len(b) >= 8 {
		add("tun_id %d", binary.BigEndian.Uint64(b))
	}
	if _, ok := m.attributes[fraDSCP]; ok {
		add("dscp %d%s", m.u8(fraDSCP), masked(m.attributes[fraDSCPMask], 6))
	}
	if b := m.attributes[fraFlowLabel]; len(b) >= 4 {
		add("flowlabel 0x%x%s", binary.BigEndian.Uint32(b), masked(m.attributes[fraFlowLabelMask], 20))
	}
	if n, ok := m.suppressed(nl.FRA_SUPPRESS_PREFIXLEN); ok {
		add("suppress_prefixlength %d", n)
	}
	if n, ok := m.suppressed(nl.FRA_SUPPRESS_IFGROUP); ok {
		add("suppress_ifgroup %d", n)
	}
	if realms := m.u32(nl.FRA_FLOW); realms>>16 != 0 {
		add("realms %d/%d", realms>>16, realms&0xffff)
	} else if realms != 0 {
		add("realms %d", realms)
	}
	return words
}
