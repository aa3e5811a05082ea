package local

import (
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
			route, found := q.lookup(routes, r.table())
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
	return &cause{}, kindNone
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

// lookup returns the route of a table that refuses a packet: the one with the longest prefix, or of several the lowest
// metric. No: the table has none for the packet, or one that throws it back. Unknown: there is any other, as the
// kernel has refused the packet and so passed it over.
func (q question) lookup(routes []routeMessage, table uint32) (*routeMessage, verdict) {
	var best *routeMessage
	for i := range routes {
		m := &routes[i]
		if m.table() != table || !m.prefix(unix.RTA_DST, m.Dst_len, m.Family).Contains(q.dst) {
			continue
		}
		if m.Src_len > 0 && (!q.ask.Source.IsValid() || !m.prefix(unix.RTA_SRC, m.Src_len, m.Family).Contains(q.ask.Source)) {
			continue
		}
		if best == nil || longer(m, best) {
			best = m
		}
	}
	switch {
	case best == nil, best.Type == unix.RTN_THROW:
		return nil, no
	case refuses(kindName(best.Type)) && best.Tos == 0 && best.Src_len == 0 && q.oif == 0:
		return best, yes // by a certain interface IPv6 may pass it over
	}
	return nil, unknown
}

// longer reports whether the kernel takes a rather than b, if both are for a packet.
func longer(a, b *routeMessage) bool {
	if a.Dst_len != b.Dst_len {
		return a.Dst_len > b.Dst_len
	}
	return a.u32(unix.RTA_PRIORITY) < b.u32(unix.RTA_PRIORITY)
}
