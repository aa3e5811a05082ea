package local

import (
	"cmp"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// cause is what a packet met: a rule that led to a table, and the route there if that refused it.
type cause struct {
	rule  *ruleMessage
	route *routeMessage
}

// The kernel says which table it took a route from, and of packets that it refuses only how. Which rule it was, and which
// route refused, is derived from its tables here, and only where nothing leaves a doubt: of a rule
// that may match, one that goes on somewhere else, or a route that may be passed over, nothing is concluded.

// leading returns the rule that led to the table from which the route of a given length was taken; nil: it is in doubt.
func (q question) leading(rules []ruleMessage, table uint32, bits int) *ruleMessage {
	for i := 0; i < len(rules); i++ {
		r := rules[i]
		v := q.matches(r)
		switch {
		case v == no:
		case r.Type == nl.FR_ACT_GOTO:
			if i = target(rules, i, v); i < 0 {
				return nil
			}
		case r.Type != nl.FR_ACT_TO_TBL && r.Type != nl.FR_ACT_NOP && v == yes:
			return nil // it would have refused the packet
		case r.Type != nl.FR_ACT_TO_TBL || r.u8(nl.FRA_L3MDEV) == 0 && r.table() != table:
			// A rule that is for the packet and leads elsewhere has found nothing there.
		default:
			if _, group := r.suppressed(nl.FRA_SUPPRESS_IFGROUP); v == unknown || group {
				return nil
			}
			if most, ok := r.suppressed(nl.FRA_SUPPRESS_PREFIXLEN); ok && bits <= int(most) {
				continue
			}
			return &r
		}
	}
	return nil
}

// refusing returns what refused a packet, and how. Without a cause nothing is known; a cause without a rule is
// the end of the rules.
func (q question) refusing(rules []ruleMessage, routes []routeMessage) (c *cause, kind string) {
	for i := 0; i < len(rules); i++ {
		r := rules[i]
		v := q.matches(r)
		switch {
		case v == no, r.Type == nl.FR_ACT_NOP:
			continue
		case v == unknown:
			return nil, ""
		}
		switch r.Type {
		case nl.FR_ACT_GOTO:
			if i = target(rules, i, v); i < 0 {
				return nil, ""
			}
		case nl.FR_ACT_BLACKHOLE, nl.FR_ACT_UNREACHABLE, nl.FR_ACT_PROHIBIT:
			return &cause{rule: &r}, r.action()
		case nl.FR_ACT_TO_TBL:
			route, found := q.lookup(routes, r)
			switch {
			case found == unknown:
				return nil, ""
			case found == yes:
				return &cause{&r, route}, kindName(route.Type)
			}
		default:
			return nil, ""
		}
	}
	return &cause{}, KindNone
}

// target returns the index before that of the rule to which rule i goes on, so that a loop comes to it; negative: it is in doubt.
func target(rules []ruleMessage, i int, v verdict) int {
	to := rules[i].u32(nl.FRA_GOTO)
	if v == unknown {
		return -1
	}
	for n := i + 1; n < len(rules); n++ {
		if rules[n].u32(nl.FRA_PRIORITY) == to {
			return n - 1
		}
	}
	return -1
}

// lookup returns the route by which a rule's table refuses a packet: the one with the longest prefix, or of several the
// lowest metric. No: the rule takes none, as the table has none for the packet, one that throws it back, or one so short
// that the rule suppresses it. Unknown: there is any other, as the kernel has refused the packet and so passed it over.
func (q question) lookup(routes []routeMessage, r ruleMessage) (*routeMessage, verdict) {
	most, suppresses := r.suppressed(nl.FRA_SUPPRESS_PREFIXLEN)
	doubt := false // whether the kernel looks at what is behind
	for _, m := range q.candidates(routes, r.table()) {
		thrown, refusal := m.Type == unix.RTN_THROW, refuses(kindName(m.Type))
		// By a certain interface IPv6 may pass over what has none.
		certain := m.Src_len == 0 && q.oif == 0
		switch {
		case thrown && certain:
			return nil, no
		case refusal && certain && !doubt:
			return m, yes
		case refusal, !thrown && (!suppresses || int(m.Dst_len) > int(most)):
			return nil, unknown
		}
		doubt = true // it is taken and suppressed, or passed over
	}
	return nil, no
}

// candidates returns the routes of a table that are for a packet, in the order in which the kernel looks at them. Those
// of a service class are not.
func (q question) candidates(routes []routeMessage, table uint32) (list []*routeMessage) {
	for i := range routes {
		m := &routes[i]
		if m.table() != table || m.Tos != 0 || !m.prefix(unix.RTA_DST, m.Dst_len, m.Family).Contains(q.dst) {
			continue
		}
		if m.Src_len > 0 && (!q.ask.Source.IsValid() || !m.prefix(unix.RTA_SRC, m.Src_len, m.Family).Contains(q.ask.Source)) {
			continue
		}
		list = append(list, m)
	}
	slices.SortStableFunc(list, func(a, b *routeMessage) int {
		return cmp.Or(cmp.Compare(b.Dst_len, a.Dst_len), cmp.Compare(a.u32(unix.RTA_PRIORITY), b.u32(unix.RTA_PRIORITY)))
	})
	return list
}
