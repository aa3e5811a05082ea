package local

import (
	"maps"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// parsed reads a message about a route or a rule over IPv4.
func parsed(t *testing.T, typ, bits uint8, attrs map[int]uint32) routeMessage {
	t.Helper()
	header := unix.RtMsg{Family: unix.AF_INET, Type: typ, Dst_len: bits}
	list := []*nl.RtAttr{nl.NewRtAttr(unix.RTA_DST, []byte{10, 0, 0, 0})}
	for typ, value := range attrs {
		list = append(list, nl.NewRtAttr(typ, nl.Uint32Attr(value)))
	}
	m, err := parseRouteMessage(message(header, list...))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLeading has a rule take no route as short as the one that was taken, and others that leave a doubt.
func TestLeading(t *testing.T) {
	rule := func(priority uint32, typ uint8, attrs map[int]uint32) ruleMessage {
		all := map[int]uint32{nl.FRA_PRIORITY: priority, nl.FRA_TABLE: 7}
		maps.Copy(all, attrs)
		return ruleMessage{parsed(t, typ, 0, all)}
	}
	last := rule(9, nl.FR_ACT_TO_TBL, nil)
	tests := []struct {
		name  string
		first ruleMessage
		bits  int
		want  uint32 // 0: none
	}{
		{"takes all", rule(1, nl.FR_ACT_TO_TBL, nil), 8, 1},
		{"of another table", rule(1, nl.FR_ACT_TO_TBL, map[int]uint32{nl.FRA_TABLE: 8}), 8, 9},
		{"suppresses just as long", rule(1, nl.FR_ACT_TO_TBL, map[int]uint32{nl.FRA_SUPPRESS_PREFIXLEN: 8}), 8, 9},
		{"suppresses shorter", rule(1, nl.FR_ACT_TO_TBL, map[int]uint32{nl.FRA_SUPPRESS_PREFIXLEN: 7}), 8, 1},
		{"suppresses none", rule(1, nl.FR_ACT_TO_TBL, map[int]uint32{nl.FRA_SUPPRESS_PREFIXLEN: noSuppression}), 8, 1},
		{"suppresses interfaces", rule(1, nl.FR_ACT_TO_TBL, map[int]uint32{nl.FRA_SUPPRESS_IFGROUP: 3}), 8, 0},
		{"goes on at the last", rule(1, nl.FR_ACT_GOTO, map[int]uint32{nl.FRA_GOTO: 9}), 8, 9},
		{"goes on nowhere", rule(1, nl.FR_ACT_GOTO, map[int]uint32{nl.FRA_GOTO: 5}), 8, 0},
		{"does nothing", rule(1, nl.FR_ACT_NOP, nil), 8, 9},
		{"would have refused", rule(1, nl.FR_ACT_PROHIBIT, nil), 8, 0},
		{"of a newer kernel", rule(1, nl.FR_ACT_TO_TBL, map[int]uint32{fraMax + 1: 0}), 8, 0},
		{"of a mark", rule(1, nl.FR_ACT_TO_TBL, map[int]uint32{nl.FRA_FWMARK: 1, nl.FRA_FWMASK: 1}), 8, 9},
	}
	q := question{dst: netip.MustParseAddr("10.0.0.1"), ask: Ask{User: new(uint32), Protocol: unix.IPPROTO_UDP}}
	for _, tt := range tests {
		got := uint32(0)
		if r := q.leading([]ruleMessage{tt.first, last}, 7, tt.bits); r != nil {
			got = r.u32(nl.FRA_PRIORITY)
		}
		if got != tt.want {
			t.Errorf("a rule that %s: rule %d led to the table, want %d", tt.name, got, tt.want)
		}
	}
}

// TestLookup has several routes that refuse a packet.
func TestLookup(t *testing.T) {
	route := func(typ, bits uint8, metric uint32) routeMessage {
		return parsed(t, typ, bits, map[int]uint32{unix.RTA_TABLE: 7, unix.RTA_PRIORITY: metric})
	}
	long, short := route(unix.RTN_PROHIBIT, 16, 9), route(unix.RTN_BLACKHOLE, 8, 1)
	better := route(unix.RTN_UNREACHABLE, 16, 3)
	unicast := route(unix.RTN_UNICAST, 9, 0)
	class := route(unix.RTN_UNICAST, 24, 0)
	class.Tos = 0x10
	const all = noSuppression
	tests := []struct {
		routes []routeMessage
		oif    int
		most   uint32 // the longest prefix that is suppressed
		want   uint8
		found  verdict
	}{
		{nil, 0, all, 0, no},
		{[]routeMessage{short, long}, 0, all, unix.RTN_PROHIBIT, yes},
		{[]routeMessage{better, long, short}, 0, all, unix.RTN_UNREACHABLE, yes},
		{[]routeMessage{long, better, short}, 0, all, unix.RTN_UNREACHABLE, yes},
		{[]routeMessage{short, route(unix.RTN_THROW, 9, 0)}, 0, all, 0, no},
		{[]routeMessage{short, unicast}, 0, all, 0, unknown},
		{[]routeMessage{short, long}, 3, all, 0, unknown},
		{[]routeMessage{short, class}, 0, all, unix.RTN_BLACKHOLE, yes},
		{[]routeMessage{route(unix.RTN_UNICAST, 0, 0)}, 0, 0, 0, no},
		{[]routeMessage{unicast, route(unix.RTN_UNICAST, 0, 0)}, 0, 9, 0, no},
		{[]routeMessage{unicast}, 3, 9, 0, no},
		{[]routeMessage{unicast}, 0, 8, 0, unknown},
		{[]routeMessage{unicast, short}, 0, 9, 0, unknown},
		{[]routeMessage{unicast, long}, 0, 32, unix.RTN_PROHIBIT, yes},
		{[]routeMessage{unicast, route(unix.RTN_THROW, 8, 0)}, 0, 9, 0, no},
		{[]routeMessage{short, route(unix.RTN_THROW, 9, 0)}, 3, all, 0, unknown},
	}
	for n, tt := range tests {
		q := question{dst: netip.MustParseAddr("10.0.0.1"), oif: tt.oif}
		rule := func(table uint32) ruleMessage {
			return ruleMessage{parsed(t, nl.FR_ACT_TO_TBL, 0, map[int]uint32{nl.FRA_TABLE: table, nl.FRA_SUPPRESS_PREFIXLEN: tt.most})}
		}
		m, found := q.lookup(tt.routes, rule(7))
		if found != tt.found || (m != nil) != (found == yes) || m != nil && m.Type != tt.want {
			t.Errorf("%d: %+v, %d; want type %d, %d", n, m, found, tt.want, tt.found)
		}
		if _, found := q.lookup(tt.routes, rule(8)); found != no {
			t.Errorf("%d: in another table: %d", n, found)
		}
	}
}
