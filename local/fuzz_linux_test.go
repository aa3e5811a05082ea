package local

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// message returns a message of rtnetlink(7): a header and attributes.
func message(header unix.RtMsg, attrs ...*nl.RtAttr) []byte {
	b := (&nl.RtMsg{RtMsg: header}).Serialize()
	for _, a := range attrs {
		b = append(b, a.Serialize()...)
	}
	return b
}

// routeSeeds are messages about routes, among them of kinds that the tests' kernel may not make.
func routeSeeds() [][]byte {
	hop := make([]byte, unix.SizeofRtNexthop)
	hop[2], hop[3] = unix.RTNH_F_DEAD, 4
	binary.NativeEndian.PutUint32(hop[4:], 1)
	gateway := nl.NewRtAttr(unix.RTA_GATEWAY, []byte{10, 0, 0, 1}).Serialize()
	binary.NativeEndian.PutUint16(hop, uint16(len(hop)+len(gateway)))
	hop = append(hop, gateway...)
	return [][]byte{
		message(unix.RtMsg{Family: unix.AF_INET, Dst_len: 8, Type: unix.RTN_UNICAST, Table: 252},
			nl.NewRtAttr(unix.RTA_DST, []byte{10, 0, 0, 0}), nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(1<<32-1)),
			nl.NewRtAttr(unix.RTA_MULTIPATH, append(hop[:len(hop):len(hop)], hop...)),
			nl.NewRtAttr(unix.RTA_METRICS, nl.NewRtAttr(unix.RTAX_MTU, nl.Uint32Attr(1300)).Serialize()),
			nl.NewRtAttr(unix.RTA_VIA, append([]byte{unix.AF_INET6, 0}, make([]byte, 16)...)),
			nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(1<<32-1))),
		message(unix.RtMsg{Family: unix.AF_INET6, Src_len: 32, Type: unix.RTN_NAT}, nl.NewRtAttr(unix.RTA_SRC, make([]byte, 16))),
		message(unix.RtMsg{Family: unix.AF_INET, Type: nl.FR_ACT_TO_TBL, Flags: fibRuleInvert},
			nl.NewRtAttr(nl.FRA_FWMARK, nl.Uint32Attr(7)), nl.NewRtAttr(nl.FRA_IIFNAME, nl.ZeroTerminated("lo")),
			nl.NewRtAttr(nl.FRA_UID_RANGE, make([]byte, 8)), nl.NewRtAttr(nl.FRA_SPORT_RANGE, []byte{1, 0, 2, 0}),
			nl.NewRtAttr(fraSourcePortMask, []byte{255, 0}), nl.NewRtAttr(nl.FRA_L3MDEV, []byte{1}),
			nl.NewRtAttr(nl.FRA_TUN_ID, make([]byte, 8)), nl.NewRtAttr(fraDSCP, []byte{9}), nl.NewRtAttr(fraDSCPMask, []byte{1}),
			nl.NewRtAttr(fraFlowLabel, make([]byte, 4)), nl.NewRtAttr(fraFlowLabelMask, []byte{0, 0, 0, 1}),
			nl.NewRtAttr(nl.FRA_FLOW, nl.Uint32Attr(3<<16|4)), nl.NewRtAttr(nl.FRA_SUPPRESS_IFGROUP, nl.Uint32Attr(4))),
	}
}

func FuzzParseRoute(f *testing.F) {
	for _, seed := range routeSeeds() {
		f.Add(seed)
	}
	for _, length := range []byte{0, 3} { // of an attribute: shorter than its own header
		f.Add(append(message(unix.RtMsg{Family: unix.AF_INET}), length, 0, unix.RTA_DST, 0, 0, 0, 0, 0))
	}
	f.Add(message(unix.RtMsg{Family: unix.AF_INET}, nl.NewRtAttr(rtaNexthop, nl.Uint32Attr(1))))
	r := reader{links: links{1: &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "d0", Index: 1}}}}
	q := question{dst: netip.MustParseAddr("10.0.0.1"), ask: Ask{Source: netip.MustParseAddr("10.0.0.2"), User: new(uint32), Protocol: unix.IPPROTO_TCP}}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseRouteMessage(b)
		if err != nil {
			return
		}
		route, there := r.route(m)
		if there && (route.Kind == "" || route.Table < 0 || route.Metric < 0 || route.MTU < 0) {
			t.Errorf("%+v", route)
		}
		for _, h := range route.Hops {
			if h.Interface != "d0" && h.Interface != "" || h.Weight < 1 || h.Weight > 256 {
				t.Errorf("%+v", h)
			}
		}
		rule := ruleMessage{m}
		if got := rule.rule(nil); got.Action == "" || strings.HasSuffix(got.More, " ") {
			t.Errorf("%+v", got)
		}
		q.matches(rule)
		q.leading([]ruleMessage{rule, rule}, 7, 8)
		if c, kind := q.refusing([]ruleMessage{rule, rule}, []routeMessage{m}); (c == nil) != (kind == "") {
			t.Errorf("refused by %+v in the way %q", c, kind)
		}
	})
}

// TestParseAttributes has attributes that are cut short, or say that they are shorter than their own header.
func TestParseAttributes(t *testing.T) {
	for _, tt := range []struct {
		bytes []byte
		want  attributes // nil: an error
	}{
		{nil, attributes{}},
		{[]byte{4, 0, 1}, attributes{}}, // padding
		{[]byte{4, 0, 1, 0}, attributes{1: {}}},
		{[]byte{5, 0, 1, 0x80, 7}, attributes{1: {7}}},
		{[]byte{5, 0, 1, 0, 7, 0, 0, 0, 4, 0, 2, 0}, attributes{1: {7}, 2: {}}},
		{[]byte{5, 0, 1, 0, 7, 0, 0, 0, 5, 0, 1, 0, 8}, attributes{1: {8}}},
		{[]byte{0, 0, 1, 0}, nil},
		{[]byte{3, 0, 1, 0}, nil},
		{[]byte{4, 0, 1, 0, 0, 0, 1, 0}, nil},
		{[]byte{5, 0, 1, 0}, nil},
		{[]byte{255, 255, 1, 0, 7}, nil},
	} {
		if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
			t.Skip("the rows are little-endian")
		}
		got, err := parseAttributes(tt.bytes)
		if (err != nil) != (tt.want == nil) || !maps.EqualFunc(got, tt.want, slices.Equal) {
			t.Errorf("%v: %v, %v; want %v", tt.bytes, got, err, tt.want)
		}
	}
}

func FuzzParseDiag(f *testing.F) {
	seed := make([]byte, sizeofDiagMessage)
	copy(seed, []byte{unix.AF_INET6, stateListen, 0, 0, 0x1e, 0x61})
	seed = append(seed, nl.NewRtAttr(netlink.INET_DIAG_SKV6ONLY, []byte{1}).Serialize()...)
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseDiag(b)
		if err == nil && (!m.local.IsValid() || !m.remote.IsValid() || m.local.Addr().Zone() != "") {
			t.Errorf("%+v", m)
		}
	})
}

func FuzzNames(f *testing.F) {
	f.Add("255\tlocal\n0xfe main # comment\n")
	f.Fuzz(func(t *testing.T, text string) {
		n := names{}
		n.parse([]byte(text))
		for number, name := range n {
			if name == "" || strings.ContainsAny(name, " \t\n#") || utf8.ValidString(text) && !strings.Contains(text, name) {
				t.Errorf("%d is %q", number, name)
			}
		}
	})
}

func FuzzParseWireless(f *testing.F) {
	f.Add([]byte{7, 1, 0, 0, 8, 0, 3, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if parseWireless(b) != 0 && len(b) < 12 {
			t.Errorf("an interface in %d bytes", len(b))
		}
	})
}

// TestRuleOfNewerKernels reads what rules ask for that an older ip or kernel does not know.
func TestRuleOfNewerKernels(t *testing.T) {
	m, err := parseRouteMessage(routeSeeds()[2])
	if err != nil {
		t.Fatal(err)
	}
	const want = "l3mdev uidrange 0-0 sport 1-2 tun_id 0 dscp 9/0x1 flowlabel 0x0/0x1 suppress_ifgroup 4 realms 3/4"
	if r := (ruleMessage{m}).rule(nil); r.More != want || r.Table != 0 || !r.Invert || r.In != "lo" {
		t.Errorf("%+v, want %q", r, want)
	}
}

// TestRouteSeeds reads routes that the kernel of the tests would not have.
func TestRouteSeeds(t *testing.T) {
	m, err := parseRouteMessage(routeSeeds()[0])
	if err != nil {
		t.Fatal(err)
	}
	r := reader{links: links{1: &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "d0", Index: 1}}}}
	route, there := r.route(m)
	if !there || len(route.Hops) != 2 || route.Hops[1].Weight != 5 || route.Hops[0].Interface != "d0" || route.MTU != 1300 ||
		route.TableName != "4294967295" || route.Gateway != netip.IPv6Unspecified() || route.Metric != number(1<<32-1) {
		t.Errorf("%+v, %t", route, there)
	}
	if route, there := (reader{links: links{}}).route(m); there {
		t.Errorf("the route %+v has no interface any more", route)
	}
	for n := range unix.SizeofRtMsg {
		if _, err := parseRouteMessage(routeSeeds()[0][:n]); err == nil {
			t.Errorf("a route of %d bytes", n)
		}
	}
}
