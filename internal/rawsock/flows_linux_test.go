package rawsock_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
	"golang.org/x/sys/unix"
)

// The source ports of the tests, and ports of their destinations.
const (
	firstPort, lastPort = 40000, 40063
	echoPort            = 7
	openPort            = 80
	closedPort          = 33434
)

// flowKinds are the sockets that a Conn of many flows may have, each as it is with Mode Auto.
var flowKinds = []struct {
	name string
	raw  bool
}{{"raw", true}, {"plain", false}}

// path is what a network has on the way of one family.
type path struct {
	router, target, silent netip.Addr
	routerTTL              int  // that the router's errors arrive with
	labels                 bool // the router tells of
}

// networks are what there may be behind a lab: a simulated one, and real kernels.
var networks = []struct {
	name string
	open func(testing.TB) map[packet.Family]path
}{
	{"simulated", func(t testing.TB) map[packet.Family]path { return simulated(t, nil) }},
	{"kernels", kernels},
}

// kernels has a real kernel as the router and another as the target, which echoes UDP and takes TCP.
func kernels(t testing.TB) map[packet.Family]path {
	t.Helper()
	_, far := neighbours(t)
	at := map[packet.Family]path{
		packet.IPv4: {router: netip.MustParseAddr("10.77.0.2"), target: netip.MustParseAddr("10.10.0.7"), routerTTL: 64},
		packet.IPv6: {router: netip.MustParseAddr("fd77::2"), target: netip.MustParseAddr("fd9a::7"), routerTTL: 64},
	}
	for _, p := range at {
		err := far.Do(func() error {
			tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.target, openPort)))
			if err != nil {
				return err
			}
			t.Cleanup(func() { tcp.Close() })
			udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.target, echoPort)))
			if err != nil {
				return err
			}
			t.Cleanup(func() { udp.Close() })
			go func() {
				b := make([]byte, 2048)
				for {
					n, from, err := udp.ReadFromUDPAddrPort(b)
					if err != nil {
						return
					}
					_, _ = udp.WriteToUDPAddrPort(b[:n], from)
				}
			}()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return at
}

// simulated opens a lab in front of a router that labels what it forwards, a target behind it that echoes UDP and
// takes TCP, and nothing that answers beside it.
func simulated(t testing.TB, change func(*netsim.Topology)) map[packet.Family]path {
	t.Helper()
	topology := netsim.Topology{
		Vantage: netsim.Vantage{Addrs: netsim.Addrs("192.0.2.1", "2001:db8::1")},
		Routers: []netsim.Router{{
			Name: "router", Addrs: netsim.Addrs("10.0.0.1", "fd00::1"),
			Quote: netsim.Quote{MPLS: []netsim.Label{{Label: 24001, TTL: 1}}},
			Routes: []netsim.Route{
				{To: netip.MustParsePrefix("203.0.113.0/24"), Action: netsim.Blackhole},
				{To: netip.MustParsePrefix("2001:db8:2::/64"), Action: netsim.Blackhole},
			},
		}},
		Hosts: []netsim.Host{{
			Name: "target", Addrs: netsim.Prefixes("198.51.100.0/24", "2001:db8:1::/64"),
			UDPEcho: []netsim.Ports{{First: echoPort, Last: echoPort}},
			TCPOpen: []netsim.Ports{{First: openPort, Last: openPort}},
		}},
		Links: []netsim.Link{{From: "vantage", To: "router"}, {From: "router", To: "target"}},
	}
	if change != nil {
		change(&topology)
	}
	n, err := netsim.New(topology)
	if err != nil {
		t.Fatal(err)
	}
	lab.Test(t, n)
	if err := stampsOn(); err != nil {
		t.Fatal(err)
	}
	v4 := path{routerTTL: 255, labels: true}
	v6 := v4
	v4.router, v4.target, v4.silent = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("203.0.113.1")
	v6.router, v6.target, v6.silent = netip.MustParseAddr("fd00::1"), netip.MustParseAddr("2001:db8:1::7"), netip.MustParseAddr("2001:db8:2::1")
	return map[packet.Family]path{packet.IPv4: v4, packet.IPv6: v6}
}

// unprivileged takes all privileges from the test's thread, which it has for itself in a lab, until it ends.
func unprivileged(t testing.TB) {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var had [2]unix.CapUserData
	if err := unix.Capget(&header, &had[0]); err != nil {
		t.Fatal(err)
	}
	none := had
	none[0].Effective, none[1].Effective = 0, 0
	if err := unix.Capset(&header, &none[0]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Capset(&header, &had[0]); err != nil {
			t.Error(err)
		}
	})
}

// openFlows opens a Conn of many flows, with the privilege for raw sockets or without any, and makes sure that it
// has what that allows.
func openFlows(t testing.TB, raw bool, cfg rawsock.FlowsConfig) rawsock.Conn {
	t.Helper()
	if !raw {
		unprivileged(t)
	}
	cfg.FirstPort, cfg.LastPort = firstPort, lastPort
	c, err := rawsock.OpenFlows(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		if s := c.Socket(f); s.Err != nil || s.Raw != raw || s.ID == 0 {
			t.Fatalf("IPv%d: %+v", f, s)
		}
	}
	return c
}

// methods make probes to be sent from firstPort.
var methods = []struct {
	name  string
	proto func(packet.Family) uint8
}{
	{"udp", func(packet.Family) uint8 { return packet.ProtoUDP }},
	{"tcp", func(packet.Family) uint8 { return packet.ProtoTCP }},
	{"icmp", packet.Family.ICMPProto},
}

const (
	cookie   = "0123456789abcdef"
	sequence = 0xfedcba98
)

// probe returns a packet of a protocol from firstPort to a port of to. Its checksum is right for the
// source address that Route gives.
func probe(t testing.TB, c rawsock.Conn, proto uint8, to netip.Addr, port uint16) rawsock.Packet {
	t.Helper()
	source, _, err := rawsock.Route(rawsock.Config{}, to)
	if err != nil {
		t.Fatal(err)
	}
	p := rawsock.Packet{Addr: to, Local: source, Proto: proto, ID: 0xabcd, Flow: 0x54321}
	f := packet.FamilyOf(to)
	switch proto {
	case packet.ProtoUDP:
		p.Data = packet.UDP{SrcPort: firstPort, DstPort: port}.Append(nil, []byte(cookie))
	case packet.ProtoTCP:
		p.Data = packet.TCP{SrcPort: firstPort, DstPort: port, Seq: sequence, Flags: packet.SYN, Window: 1024}.Append(nil, nil, nil)
	default:
		p.Data = packet.AppendEcho(nil, f, packet.Echo{ID: c.Socket(f).ID, Seq: port, Data: []byte(cookie)})
		p.Data[2], p.Data[3] = 0, 0
	}
	packet.SetChecksum(proto, source, to, p.Data)
	return p
}

// forAll runs a test for each kind of socket, family and method.
func forAll(t *testing.T, test func(t *testing.T, raw bool, f packet.Family, proto uint8)) {
	for _, kind := range flowKinds {
		for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
			for _, m := range methods {
				t.Run(fmt.Sprintf("%s/IPv%d/%s", kind.name, f, m.name), func(t *testing.T) { test(t, kind.raw, f, m.proto(f)) })
			}
		}
	}
}

// isQuoted checks that an error quotes the packet sent, as far as the kind of socket sees it.
func isQuoted(t *testing.T, c rawsock.Conn, sent, got rawsock.Packet, ttl int) {
	t.Helper()
	raw := c.Socket(packet.FamilyOf(sent.Addr)).Raw
	q := got.ICMP.Quote
	if got.Proto != sent.Proto || q.Header.Proto != sent.Proto || q.Header.Dst != sent.Addr || q.Header.Family != packet.FamilyOf(sent.Addr) {
		t.Errorf("protocol %d, quoted header %+v", got.Proto, q.Header)
	}
	want := append([]byte(nil), sent.Data...)
	if raw {
		if int(q.Header.TTL) != ttl || q.Header.Src != sent.Local || q.Header.HeaderLen == 0 ||
			q.Header.Family == packet.IPv4 && q.Header.ID != sent.ID || q.Header.Family == packet.IPv6 && q.Header.Flow != sent.Flow {
			t.Errorf("quoted header %+v", q.Header)
		}
	} else if q.Header.HeaderLen != 0 {
		t.Errorf("quoted header %+v from an error queue", q.Header)
	}
	switch {
	case raw:
	case sent.Proto == packet.ProtoUDP:
		binary.BigEndian.PutUint32(want[4:], 0)
	case sent.Proto == packet.ProtoTCP: // the kernel's but for ports and sequence number
		want = want[:8]
	}
	if len(got.Data) < len(want) || string(got.Data[:len(want)]) != string(want) {
		t.Errorf("quoted payload\n%x, want\n%x", got.Data, want)
	}
	if &q.Payload[0] != &got.Data[0] {
		t.Error("Data is not the quote's payload")
	}
}

// TestFlowsAnswers has a router report probes whose TTL ends there, and the target answer as it does by each protocol.
func TestFlowsAnswers(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			forAll(t, func(t *testing.T, raw bool, f packet.Family, proto uint8) {
				at := network.open(t)[f]
				c := openFlows(t, raw, rawsock.FlowsConfig{Proto: proto})
				exceeds(t, c, proto, at)
				switch proto {
				case packet.ProtoUDP:
					isUnreachable(t, c, at)
					echoes(t, c, at)
				case packet.ProtoTCP:
					connects(t, c, at)
				default:
					replies(t, c, at)
				}
			})
		})
	}
}

// exceeds sends a probe whose TTL ends at the router.
func exceeds(t *testing.T, c rawsock.Conn, proto uint8, at path) {
	t.Helper()
	p := probe(t, c, proto, at.target, closedPort)
	p.TTL = 1
	sent, got := exchange(t, c, p, rawsock.Error)
	if got.Addr != at.router || got.ICMP.Class != packet.TimeExceeded || got.TTL != at.routerTTL {
		t.Errorf("%+v from %v, TTL %d", got.ICMP, got.Addr, got.TTL)
	}
	if m := got.ICMP.Extensions.MPLS; at.labels != (len(m) == 1 && m[0].Label == 24001) {
		t.Errorf("extensions %+v", got.ICMP.Extensions)
	}
	isTimed(t, sent, got)
	isQuoted(t, c, sent, got, 1)
}

// isTimed checks that the kernel saw both ends of a round trip.
func isTimed(t *testing.T, sent, got rawsock.Packet) {
	t.Helper()
	if rtt, kernel := rawsock.RTT(sent.Stamp, got.Stamp); !kernel || rtt <= 0 {
		t.Errorf("round trip %v, kernel %v: sent %+v, received %+v", rtt, kernel, sent.Stamp, got.Stamp)
	}
}

// isUnreachable sends a datagram to a closed port of the target.
func isUnreachable(t *testing.T, c rawsock.Conn, at path) {
	t.Helper()
	sent, got := exchange(t, c, probe(t, c, packet.ProtoUDP, at.target, closedPort), rawsock.Error)
	if got.Addr != at.target || got.ICMP.Class != packet.Unreachable || got.TTL != 63 {
		t.Errorf("%+v from %v, TTL %d", got.ICMP, got.Addr, got.TTL)
	}
	isTimed(t, sent, got)
	isQuoted(t, c, sent, got, 63)
}

// isFrom checks who sent a message.
func isFrom(t *testing.T, got rawsock.Packet, at path, proto uint8, ttl int) {
	t.Helper()
	if got.Addr != at.target || got.Proto != proto || got.TTL != ttl {
		t.Errorf("protocol %d from %v, TTL %d; want protocol %d from %v, TTL %d", got.Proto, got.Addr, got.TTL, proto, at.target, ttl)
	}
}

// echoes sends a datagram that comes back.
func echoes(t *testing.T, c rawsock.Conn, at path) {
	t.Helper()
	sent, got := exchange(t, c, probe(t, c, packet.ProtoUDP, at.target, echoPort), rawsock.Message)
	u, err := packet.ParseUDP(got.Data)
	if err != nil || u.SrcPort != echoPort || u.DstPort != firstPort || int(u.Length) != len(got.Data) || string(got.Data[8:]) != cookie {
		t.Errorf("%+v, %v, %q", u, err, got.Data)
	}
	isFrom(t, got, at, packet.ProtoUDP, 63)
	isTimed(t, sent, got)
}

// replies sends an echo request.
func replies(t *testing.T, c rawsock.Conn, at path) {
	t.Helper()
	f := packet.FamilyOf(at.target)
	sent, got := exchange(t, c, probe(t, c, f.ICMPProto(), at.target, 5), rawsock.Message)
	e, err := packet.ParseEcho(f, got.Data)
	if err != nil || !e.Reply || e.ID != c.Socket(f).ID || e.Seq != 5 || string(e.Data) != cookie || got.BadChecksum {
		t.Errorf("%+v, %v", e, err)
	}
	isFrom(t, got, at, f.ICMPProto(), 63)
	isTimed(t, sent, got)
}

// connects sends SYNs to ports that are closed and open.
func connects(t *testing.T, c rawsock.Conn, at path) {
	t.Helper()
	ttl := 63
	if !c.Socket(packet.FamilyOf(at.target)).Raw {
		ttl = 0
	}
	for _, to := range []struct {
		port  uint16
		flags packet.TCPFlags
	}{{closedPort, packet.RST | packet.ACK}, {openPort, packet.SYN | packet.ACK}, {openPort, packet.SYN | packet.ACK}} {
		sent, got := exchange(t, c, probe(t, c, packet.ProtoTCP, at.target, to.port), rawsock.Message)
		s, err := packet.ParseTCP(got.Data)
		if err != nil || s.SrcPort != to.port || s.DstPort != firstPort || s.Ack != sequence+1 || s.Flags != to.flags {
			t.Errorf("%+v, %v; want flags %#x from port %d", s, err, to.flags, to.port)
		}
		isFrom(t, got, at, packet.ProtoTCP, ttl)
		if ttl != 0 || s.Flags&packet.SYN != 0 { // when a reset came connect does not tell
			isTimed(t, sent, got)
		}
	}
}
