package local

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/netdiag/netdiag/internal/lab"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
)

// ipLink is an interface as ip has it.
type ipLink struct {
	Ifindex           int
	Ifname            string
	Link              string
	LinkNetnsid       *int `json:"link_netnsid"`
	Flags             []string
	MTU               int
	Master, Operstate string
	LinkType          string `json:"link_type"`
	Address           string
	Linkinfo          struct {
		InfoKind string                      `json:"info_kind"`
		InfoData struct{ Type, Link string } `json:"info_data"`
	}
	AltNames []string
	AddrInfo []map[string]any `json:"addr_info"`
}

// want returns what Interfaces must have for it.
func (l ipLink) want(t *testing.T) Interface {
	t.Helper()
	i := Interface{
		Index: l.Ifindex, Name: l.Ifname, AltNames: l.AltNames, Kind: l.Linkinfo.InfoKind, State: strings.ToLower(l.Operstate), MTU: l.MTU,
		Master: l.Master, Up: slices.Contains(l.Flags, "UP"),
	}
	switch {
	case i.Kind == "" && l.LinkType == "ether":
		i.Kind = "ethernet"
	case i.Kind == "":
		i.Kind = l.LinkType
	case i.Kind == "tun":
		i.Kind = l.Linkinfo.InfoData.Type
	}
	if i.State == "lowerlayerdown" {
		i.State = "lower-layer-down"
	}
	if l.LinkNetnsid == nil {
		i.Parent = l.Link + l.Linkinfo.InfoData.Link
	}
	switch {
	case slices.Contains(l.Flags, "LOWER_UP"):
		i.Signal = CarrierYes
	case i.Up:
		i.Signal = CarrierNo
	}
	for _, f := range l.Flags {
		if f != "NO-CARRIER" {
			i.Flags = append(i.Flags, f)
		}
	}
	if mac, err := net.ParseMAC(l.Address); err == nil && l.LinkType != "loopback" {
		i.MAC = mac
	}
	for _, a := range l.AddrInfo {
		i.Addrs = append(i.Addrs, ipAddr(t, a, l.Ifname))
	}
	return i
}

// ipAddr returns what an Interface must have for an address as ip has it.
func ipAddr(t *testing.T, a map[string]any, iface string) Addr {
	t.Helper()
	text := func(key string) string { s, _ := a[key].(string); return s }
	bits, _ := a["prefixlen"].(float64)
	addr := Addr{Prefix: netip.PrefixFrom(netip.MustParseAddr(text("local")), int(bits)), Scope: text("scope")}
	if peer := text("address"); peer != "" {
		addr.Peer = netip.MustParseAddr(peer)
	}
	if label := text("label"); label != iface {
		addr.Label = label
	}
	for key, v := range a {
		switch key {
		case "secondary", "temporary", "nodad", "deprecated", "tentative", "dadfailed", "mngtmpaddr", "noprefixroute":
			if v == true {
				addr.Flags = append(addr.Flags, key)
			}
		}
	}
	if a["dynamic"] != true {
		addr.Flags = append(addr.Flags, "permanent")
	}
	return addr
}

// unordered compares regardless of the order of flags, and without RUNNING, which ip does not show.
func unordered() cmp.Options {
	return cmp.Options{
		cmpopts.SortSlices(func(a, b string) bool { return a < b }),
		cmpopts.IgnoreSliceElements(func(s string) bool { return s == "RUNNING" }),
		cmpopts.IgnoreFields(Interface{}, "Counters"),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmpopts.EquateEmpty(),
	}
}

func TestInterfaces(t *testing.T) {
	furnished(t)
	var want []Interface
	for _, l := range told[ipLink](t, "-j", "-d", "addr", "show") {
		want = append(want, l.want(t))
	}
	got, err := Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, unordered()); diff != "" {
		t.Errorf("interfaces that ip shows (-) and Interfaces has (+):\n%s", diff)
	}
	byName := make(map[string]Interface)
	for _, i := range got {
		byName[i.Name] = i
	}
	for name, kind := range map[string]string{
		"lo": "loopback", "v0": "veth", "br0": "bridge", "mv0": "macvlan", "vx0": "vxlan", "tun7": "tun", "tap7": "tap",
	} {
		if i, ok := byName[name]; i.Kind != kind && (ok || name != "tun7" && name != "tap7") {
			t.Errorf("%s is of kind %q, want %q", name, i.Kind, kind)
		}
	}
	if v1 := byName["v1"]; v1.Master != "br0" || v1.Parent != "v0" || v1.Signal != CarrierYes || v1.State != "up" {
		t.Errorf("v1: %+v", v1)
	}
	if vx0 := byName["vx0"]; vx0.Parent != "v0" {
		t.Errorf("vx0: %+v", vx0)
	}
	for _, name := range []string{"v0", "v0-by-another-name", "v0alt", strconv.Itoa(byName["v0"].Index)} {
		if i, ok := Named(got, name); !ok || i.Name != "v0" {
			t.Errorf("%s is %+v, want v0", name, i)
		}
		if d, err := Decide(netip.MustParseAddr("10.1.0.77"), Ask{Interface: name}); err != nil || d.Interface != "v0" {
			t.Errorf("by %s: %+v, %v", name, d, err)
		}
	}
	for _, name := range []string{"", "v", "v0-by", "0", "-1", "999"} {
		if i, ok := Named(got, name); ok {
			t.Errorf("%q is %+v", name, i)
		}
	}
	if tun, ok := byName["tun7"]; ok && (tun.Up || tun.Signal != CarrierUnknown || tun.State != "down") {
		t.Errorf("tun7: %+v", tun)
	}
	if peer := byName["peer"]; peer.Parent != "" || peer.Kind != "veth" {
		t.Errorf("the end of a veth pair whose other is in another namespace: %+v", peer)
	}
}

// TestCounters sends three packets of a known length to a socket in another namespace.
func TestCounters(t *testing.T) {
	l := lab.Test(t, nil)
	peer, err := l.Peer("peer", lab.PeerConfig{
		Near: lab.End{Addrs: []netip.Prefix{netip.MustParsePrefix("10.1.0.1/24")}},
		Far:  lab.End{Addrs: []netip.Prefix{netip.MustParsePrefix("10.1.0.2/24")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	// IPv6 says things of its own accord.
	err = errors.Join(l.Sysctl("net/ipv6/conf/peer/disable_ipv6", "1"), peer.Sysctl("net/ipv6/conf/up/disable_ipv6", "1"))
	if err != nil {
		t.Fatal(err)
	}
	var far Interface
	err = peer.Do(func() (err error) {
		all, err := Interfaces()
		far = all[slices.IndexFunc(all, func(i Interface) bool { return i.Name == "up" })]
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ip(t, "neigh replace 10.1.0.2 lladdr "+far.MAC.String()+" dev peer nud permanent")
	var listener net.PacketConn
	if err := peer.Do(func() (err error) { listener, err = net.ListenPacket("udp4", "10.1.0.2:9999"); return err }); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("udp4", "10.1.0.2:9999")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before := counters(t, "peer")
	for range 3 {
		if _, err := conn.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if n, _, err := listener.ReadFrom(make([]byte, 200)); n != 100 || err != nil {
			t.Fatal(n, err)
		}
	}
	after := counters(t, "peer")
	const size = 14 + 20 + 8 + 100 // Ethernet, IPv4, UDP
	if packets, bytes := after.TxPackets-before.TxPackets, after.TxBytes-before.TxBytes; packets != 3 || bytes != 3*size {
		t.Errorf("%d packets of %d bytes were counted, want 3 of %d", packets, bytes, 3*size)
	}
	if err := peer.Do(func() error {
		if c := counters(t, "up"); c.RxPackets < 3 || c.RxBytes < 3*size || c.RxErrors != 0 || c.TxPackets > 0 && c.TxBytes == 0 {
			t.Errorf("the far end counted %+v", c)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// counters returns those of the interface of the given name.
func counters(t *testing.T, name string) Counters {
	t.Helper()
	all, err := Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Name == name && i.Counters != nil {
			return *i.Counters
		}
	}
	t.Fatalf("no counters of %s", name)
	return Counters{}
}

// TestKindOfLink has the kinds that the kernel of the test may be without.
func TestKindOfLink(t *testing.T) {
	device := func(encap string) netlink.Link {
		return &netlink.Device{LinkAttrs: netlink.LinkAttrs{EncapType: encap}}
	}
	tests := []struct {
		link netlink.Link
		want string
	}{
		{device("ether"), "ethernet"},
		{device("loopback"), "loopback"},
		{device("ppp"), "ppp"},
		{device("infiniband"), "infiniband"},
		{device("ieee802.11/radiotap"), "wifi"},
		{&netlink.Vlan{}, "vlan"},
		{&netlink.Bond{}, "bond"},
		{&netlink.Dummy{}, "dummy"},
		{&netlink.Vrf{}, "vrf"},
		{&netlink.Wireguard{}, "wireguard"},
		{&netlink.IPVlan{}, "ipvlan"},
		{&netlink.Sittun{}, "sit"},
		{&netlink.Iptun{}, "ipip"},
		{&netlink.Tuntap{Mode: netlink.TUNTAP_MODE_TUN}, "tun"},
		{&netlink.Tuntap{Mode: netlink.TUNTAP_MODE_TAP}, "tap"},
		{&netlink.GenericLink{LinkType: "amt"}, "amt"},
	}
	for _, tt := range tests {
		if got := kindOfLink(tt.link); got != tt.want {
			t.Errorf("%T is of kind %q, want %q", tt.link, got, tt.want)
		}
	}
	l := links{3: &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 3, EncapType: "ether"}}}
	if i := l.iface(l[3], map[int]bool{3: true}); i.Kind != "wifi" {
		t.Errorf("a link that nl80211 has is of kind %q", i.Kind)
	}
	tunnel := &netlink.Iptun{LinkAttrs: netlink.LinkAttrs{EncapType: "ipip", HardwareAddr: []byte{10, 1, 0, 1}}}
	if i := l.iface(tunnel, nil); i.MAC != nil {
		t.Errorf("a tunnel has the MAC %v", i.MAC)
	}
}

func TestParseWireless(t *testing.T) {
	message := append((&nl.Genlmsg{Command: 7, Version: 1}).Serialize(), nl.NewRtAttr(nl80211Ifindex, nl.Uint32Attr(42)).Serialize()...)
	for n := range message {
		if got := parseWireless(message[:n]); got != 0 {
			t.Errorf("%d of %d bytes name interface %d", n, len(message), got)
		}
	}
	if got := parseWireless(message); got != 42 {
		t.Errorf("parseWireless = %d, want 42", got)
	}
}
