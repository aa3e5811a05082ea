package rawsock_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
	"golang.org/x/sys/unix"
)

// behindNAT puts a translator between the router and the target, which leaves what errors quote as it is.
func behindNAT(t *netsim.Topology) {
	t.Routers = append(t.Routers, netsim.Router{
		Name: "nat", Addrs: netsim.Addrs("10.0.0.9", "fd00::9"),
		NAT: &netsim.NAT{Outside: netsim.Addrs("10.0.0.9", "fd00::9"), LeaveQuotes: true},
	}, netsim.Router{Name: "beyond", Addrs: netsim.Addrs("10.0.0.10", "fd00::10")})
	t.Links = []netsim.Link{
		{From: "vantage", To: "router"}, {From: "router", To: "nat"}, {From: "nat", To: "beyond"}, {From: "beyond", To: "target"},
	}
}

// TestFlowsTranslated has addresses and ports rewritten on the way: the errors are ours by where the packets went.
func TestFlowsTranslated(t *testing.T) {
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		for _, m := range methods {
			t.Run(fmt.Sprintf("IPv%d/%s", f, m.name), func(t *testing.T) {
				at, proto := simulated(t, behindNAT)[f], m.proto(f)
				c := openFlows(t, true, rawsock.FlowsConfig{})
				p := probe(t, c, proto, at.target, closedPort)
				p.TTL = 3
				_, got := exchange(t, c, p, rawsock.Error)
				q := got.ICMP.Quote
				if q.Header.Dst != at.target || q.Header.Src == p.Local || string(got.Data[:2]) == string(p.Data[:2]) && proto != f.ICMPProto() {
					t.Errorf("%+v", q)
				}
			})
		}
	}
}

// TestFlowsOfOthers has another Conn, of other ports, get answers of every kind from another target.
func TestFlowsOfOthers(t *testing.T) {
	forAll(t, func(t *testing.T, raw bool, f packet.Family, proto uint8) {
		at := simulated(t, nil)[f]
		c, err := rawsock.OpenFlows(rawsock.FlowsConfig{FirstPort: lastPort + 1, LastPort: lastPort + 9})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		here := at
		here.target = at.target.Next()
		if n, err := c.WriteBatch([]rawsock.Packet{probe(t, c, f.ICMPProto(), here.silent, closedPort)}); n != 1 || err != nil {
			t.Fatalf("WriteBatch = %d, %v", n, err)
		}
		other := openFlows(t, raw, rawsock.FlowsConfig{Proto: proto})
		exceeds(t, other, proto, at)
		switch proto {
		case packet.ProtoUDP:
			echoes(t, other, at)
		case packet.ProtoTCP:
			connects(t, other, at)
		default:
			replies(t, other, at)
		}
		if err := c.SetReadDeadline(time.Now()); err != nil {
			t.Fatal(err)
		}
		in := make([]rawsock.Packet, 4)
		if n, err := c.ReadBatch(in); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ReadBatch = %d, %v: %+v", n, err, in[:n])
		}
		if n := c.Drops(); n != 0 {
			t.Errorf("%d drops", n)
		}
	})
}

// TestFlowsTogether sends by every protocol and family at once, while another goroutine reads: each probe gets its answer.
func TestFlowsTogether(t *testing.T) {
	for _, kind := range flowKinds {
		t.Run(kind.name, func(t *testing.T) {
			network := simulated(t, nil)
			c := openFlows(t, kind.raw, rawsock.FlowsConfig{})
			want := make(map[string]int)
			var ps []rawsock.Packet
			for f, at := range network {
				for _, m := range methods {
					for flow := range 20 {
						p := probe(t, c, m.proto(f), at.target, closedPort)
						if p.Proto != f.ICMPProto() {
							p.Data[1] += byte(flow)
							packet.SetChecksum(p.Proto, p.Local, p.Addr, zeroed(p))
						}
						if flow%2 == 0 {
							p.TTL = 1
						}
						want[fmt.Sprint(p.Proto, f, p.TTL)]++
						ps = append(ps, p)
					}
				}
			}
			if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			read := make(chan error, 1)
			go func() { read <- takeAll(c, want, len(ps)) }()
			for i := range ps {
				if _, err := c.WriteBatch(ps[i : i+1]); err != nil {
					t.Error(err)
				}
			}
			if err := <-read; err != nil {
				t.Fatal(err)
			}
			for k, n := range want {
				if n != 0 {
					t.Errorf("%s: %d missing", k, n)
				}
			}
		})
	}
}

// takeAll reads so many packets, and takes each off what is wanted.
func takeAll(c rawsock.Conn, want map[string]int, count int) error {
	in := make([]rawsock.Packet, rawsock.Batch)
	for got := 0; got < count; {
		n, err := c.ReadBatch(in)
		if err != nil {
			return fmt.Errorf("after %d of %d: %w; missing %v", got, count, err, want)
		}
		for _, p := range in[:n] {
			ttl := 0
			if p.Kind == rawsock.Error && p.ICMP.Class == packet.TimeExceeded {
				ttl = 1
			}
			want[fmt.Sprint(p.Proto, packet.FamilyOf(p.Addr), ttl)]--
		}
		got += n
	}
	return nil
}

// TestFlowsElsewhere sends from a thread in another network namespace: sockets that would have to be opened there
// are not.
func TestFlowsElsewhere(t *testing.T) {
	for _, m := range methods {
		t.Run(m.name, func(t *testing.T) {
			lab.TestConfig(t, lab.Config{})
			proto := m.proto(packet.IPv4)
			c := openFlows(t, false, rawsock.FlowsConfig{Proto: proto})
			p := probe(t, c, proto, netip.MustParseAddr("127.0.0.1"), closedPort)
			written := make(chan error)
			go func() {
				_, err := c.WriteBatch([]rawsock.Packet{p})
				written <- err
			}()
			if err := <-written; (err == nil) != (proto == packet.ProtoICMP) { // which has its socket
				t.Errorf("WriteBatch: %v", err)
			}
		})
	}
}

// zeroed returns p's data with no checksum in it.
func zeroed(p rawsock.Packet) []byte {
	at := map[uint8]int{packet.ProtoUDP: 6, packet.ProtoTCP: 16}[p.Proto]
	p.Data[at], p.Data[at+1] = 0, 0
	return p.Data
}

// TestFlowsExclusiveLabel has another program keep a flow label to itself, so that the kernel wants each to be asked
// for: probes go without.
func TestFlowsExclusiveLabel(t *testing.T) {
	const (
		flowLabelManager = 32 // IPV6_FLOWLABEL_MGR
		get, create      = 0, 1
		exclusive        = 1
	)
	at := simulated(t, nil)[packet.IPv6]
	other, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(other)
	// struct in6_flowlabel_req: destination, label, action, share, flags, and times.
	request := at.target.AsSlice()
	request = append(request, 0, 0, 0x12, 0x34, get, exclusive, create, 0)
	request = append(request, make([]byte, 8)...)
	if err := unix.SetsockoptString(other, unix.IPPROTO_IPV6, flowLabelManager, string(request)); err != nil {
		t.Fatal(err)
	}
	wire := startCapture(t)
	c := openFlows(t, false, rawsock.FlowsConfig{})
	for _, m := range methods {
		p := probe(t, c, m.proto(packet.IPv6), at.silent, closedPort)
		if n, err := c.WriteBatch([]rawsock.Packet{p}); n != 1 || err != nil {
			t.Fatalf("WriteBatch = %d, %v", n, err)
		}
		packets := wire.sent(t, p.Proto)
		if len(packets) != 1 {
			t.Fatalf("%d packets have left", len(packets))
		}
		if p.TTL = 64; p.Proto != packet.ProtoICMPv6 { // of ping sockets the kernel does not ask
			p.Flow = 0
		}
		isOnWire(t, false, p, packets[0])
	}
}

// helperEnv makes the test binary a helper process, of an ordinary user.
const helperEnv = "RAWSOCK_TEST_HELPER"

// asNobody prints what a Conn of many flows is like for who runs it.
func asNobody() int {
	for _, mode := range []rawsock.Mode{rawsock.Auto, rawsock.Privileged} {
		c, err := rawsock.OpenFlows(rawsock.FlowsConfig{Config: rawsock.Config{Mode: mode}, FirstPort: firstPort, LastPort: lastPort})
		if err != nil {
			fmt.Printf("mode %d: denied %t\n", mode, errors.Is(err, os.ErrPermission))
			continue
		}
		source := netip.MustParseAddr("127.0.0.1")
		p := rawsock.Packet{Addr: source, Proto: packet.ProtoUDP, Data: packet.UDP{SrcPort: firstPort, DstPort: closedPort}.Append(nil, nil)}
		n, err := c.WriteBatch([]rawsock.Packet{p})
		in := make([]rawsock.Packet, 1)
		read, readErr := c.ReadBatch(in)
		fmt.Printf("uid %d mode %d: raw %t, wrote %d %v, read %d %v kind %d\n",
			os.Getuid(), mode, c.Socket(packet.IPv4).Raw, n, err, read, readErr, in[0].Kind)
		c.Close()
	}
	return 0
}

// TestFlowsAsNobody runs as an ordinary user.
func TestFlowsAsNobody(t *testing.T) {
	l := lab.TestConfig(t, lab.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := l.CommandAs(ctx, 65534, 65534, "/proc/self/exe")
	cmd.Env = append(os.Environ(), helperEnv+"=1")
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) {
		if os.Getenv("NETDIAG_LAB") != "require" {
			t.Skip("starting a process as an ordinary user needs root")
		}
	}
	const want = "uid 65534 mode 0: raw false, wrote 1 <nil>, read 1 <nil> kind 1\nmode 2: denied true\n"
	if err != nil || string(out) != want {
		t.Errorf("%v: %s", err, out)
	}
}

func TestRoute(t *testing.T) {
	l := neighbour(t)
	for _, args := range []string{
		"route add prohibit 10.1.0.0/16", "route add unreachable 10.2.0.0/16", "route add 10.4.0.0/16 via 10.77.0.2 mtu lock 1300",
		"-6 route add prohibit fd01::/64", "-6 route add unreachable fd02::/64",
	} {
		if out, err := l.Command(t.Context(), "ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", args, err, out)
		}
	}
	for _, tt := range []struct {
		to, source string
		cfg        rawsock.Config
		mtu        int
		want       error
	}{
		{to: "10.77.0.2", source: "10.77.0.1", mtu: 1500},
		{to: "10.9.1.2", source: "10.77.0.1", mtu: 1500},
		{to: "10.4.1.2", source: "10.77.0.1", mtu: 1500}, // the link's, whatever the route allows
		{to: "fd99::5", source: "fd77::1", mtu: 1500},
		{to: "127.0.0.1", source: "127.0.0.1", mtu: 65536},
		{to: "::1", source: "::1", mtu: 65536},
		{to: "10.9.1.2", source: "10.77.0.1", mtu: 1500, cfg: rawsock.Config{Interface: "peer"}},
		{to: "10.9.1.2", source: "10.77.0.1", mtu: 1500, cfg: rawsock.Config{Source: netip.MustParseAddr("10.77.0.1")}},
		{to: "192.0.2.1", want: unix.ENETUNREACH},
		{to: "2001:db8::1", want: unix.ENETUNREACH},
		{to: "10.1.0.1", want: unix.EACCES},
		{to: "fd01::1", want: unix.EACCES},
		{to: "10.2.0.1", want: unix.EHOSTUNREACH},
		{to: "fd02::1", want: unix.EHOSTUNREACH},
		{to: "10.9.1.2", cfg: rawsock.Config{Source: netip.MustParseAddr("10.5.5.5")}, want: unix.EADDRNOTAVAIL},
		{to: "10.9.1.2", cfg: rawsock.Config{Interface: "nosuch0"}, want: unix.ENODEV},
	} {
		source, mtu, err := rawsock.Route(tt.cfg, netip.MustParseAddr(tt.to))
		if tt.want != nil {
			if !errors.Is(err, tt.want) {
				t.Errorf("Route to %s: %v, want %v", tt.to, err, tt.want)
			}
			continue
		}
		if err != nil || source != netip.MustParseAddr(tt.source) || mtu != tt.mtu {
			t.Errorf("Route to %s = %v, %d, %v; want %s, %d", tt.to, source, mtu, err, tt.source, tt.mtu)
		}
	}
	link := netip.MustParseAddr("fe80::b%peer")
	source, mtu, err := rawsock.Route(rawsock.Config{}, link)
	if err != nil || !source.IsLinkLocalUnicast() || source.Zone() != "peer" || mtu != 1500 {
		t.Errorf("Route to %v = %v, %d, %v", link, source, mtu, err)
	}
}

// TestFlowsLoopback probes this machine, where everything happens within the send.
func TestFlowsLoopback(t *testing.T) {
	forAll(t, func(t *testing.T, raw bool, f packet.Family, proto uint8) {
		lab.TestConfig(t, lab.Config{})
		at := path{target: map[packet.Family]netip.Addr{packet.IPv4: netip.MustParseAddr("127.0.0.1"), packet.IPv6: netip.IPv6Loopback()}[f]}
		c := openFlows(t, raw, rawsock.FlowsConfig{Proto: proto})
		kind := rawsock.Message
		if proto == packet.ProtoUDP {
			kind = rawsock.Error
		}
		sent, got := exchange(t, c, probe(t, c, proto, at.target, closedPort), kind)
		if got.Addr != at.target || got.Proto != proto {
			t.Errorf("%+v", got)
		}
		switch proto {
		case packet.ProtoUDP:
			isQuoted(t, c, sent, got, 64)
		case packet.ProtoTCP:
			if s, err := packet.ParseTCP(got.Data); err != nil || s.Ack != sequence+1 || s.Flags != packet.RST|packet.ACK {
				t.Errorf("%+v, %v", s, err)
			}
		}
	})
}
