package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(helperEnv); mode != "" {
		os.Exit(helper(mode))
	}
	os.Exit(Main(m))
}

// The simulated host of the tests.
var host = map[packet.Family]string{packet.IPv4: "198.51.100.1", packet.IPv6: "2001:db8:1::1"}

// network is a host behind a link of the given delay in each direction.
func network(t testing.TB, delay time.Duration) *netsim.Network {
	t.Helper()
	n, err := netsim.New(netsim.Topology{
		Vantage: netsim.Vantage{Addrs: []netip.Addr{
			addr("192.0.2.1"), addr("2001:db8::1"),
		}},
		Hosts: []netsim.Host{{Name: "host", Addrs: []netip.Prefix{
			prefix(host[packet.IPv4] + "/32"), prefix(host[packet.IPv6] + "/128"),
		}}},
		Links: []netsim.Link{{From: "vantage", To: "host", Line: netsim.Line{Delay: delay}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// pinger is an ICMP socket of the calling goroutine's namespace.
type pinger struct {
	conn   *icmp.PacketConn
	family packet.Family
	raw    bool
}

func openPinger(f packet.Family, raw bool) (*pinger, error) {
	network, all := "udp4", "0.0.0.0"
	switch {
	case raw && f == packet.IPv4:
		network = "ip4:icmp"
	case raw:
		network, all = "ip6:ipv6-icmp", "::"
	case f == packet.IPv6:
		network, all = "udp6", "::"
	}
	conn, err := icmp.ListenPacket(network, all)
	if err != nil {
		return nil, err
	}
	return &pinger{conn, f, raw}, nil
}

// ping sends an echo request to dst and returns how long its reply took. It waits for
// ten seconds: no test expects less.
func (p *pinger) ping(dst string, seq int) (time.Duration, error) {
	var request, reply icmp.Type = ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply
	if p.family == packet.IPv6 {
		request, reply = ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply
	}
	b, err := (&icmp.Message{Type: request, Body: &icmp.Echo{ID: 77, Seq: seq, Data: []byte("netdiag")}}).Marshal(nil)
	if err != nil {
		return 0, err
	}
	var to net.Addr = &net.UDPAddr{IP: net.ParseIP(dst)}
	if p.raw {
		to = &net.IPAddr{IP: net.ParseIP(dst)}
	}
	start := time.Now()
	if _, err := p.conn.WriteTo(b, to); err != nil {
		return 0, err
	}
	if err := p.conn.SetReadDeadline(start.Add(10 * time.Second)); err != nil {
		return 0, err
	}
	for buf := make([]byte, 1500); ; {
		n, _, err := p.conn.ReadFrom(buf)
		if err != nil {
			return 0, fmt.Errorf("reply from %s: %w", dst, err)
		}
		m, err := icmp.ParseMessage(int(p.family.ICMPProto()), buf[:n])
		if err != nil {
			return 0, err
		}
		if echo, ok := m.Body.(*icmp.Echo); ok && m.Type == reply && echo.Seq == seq {
			return time.Since(start), nil
		}
	}
}

// pingOnce opens a socket, pings dst, and closes it.
func pingOnce(dst string, raw bool) (time.Duration, error) {
	p, err := openPinger(packet.FamilyOf(netip.MustParseAddr(dst)), raw)
	if err != nil {
		return 0, err
	}
	rtt, err := p.ping(dst, 1)
	return rtt, errors.Join(err, p.conn.Close())
}

// TestPing sends through every kind of socket; no reply may come before its time.
func TestPing(t *testing.T) {
	for _, raw := range []bool{false, true} {
		for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
			for _, spin := range []time.Duration{0, 200 * time.Microsecond, SpinAlways} {
				t.Run(fmt.Sprintf("raw=%v/IPv%d/spin=%v", raw, f, spin), func(t *testing.T) {
					const delay = 2 * time.Millisecond // each way
					l := TestConfig(t, Config{Network: network(t, delay), Spin: spin})
					rtt, err := pingOnce(host[f], raw)
					if err != nil {
						t.Fatal(err)
					}
					if rtt < 2*delay {
						t.Errorf("round trip of %v over a path of %v", rtt, 2*delay)
					}
					if err := l.Close(); err != nil {
						t.Error(err)
					}
					// Nothing but the ping went out: the kernel itself is silent there.
					got := l.Stats()
					if got.Read != 1 || got.Written != 1 || got.Refused+got.Overflowed+got.Pending != 0 {
						t.Errorf("Stats = %+v, want 1 read, 1 written", got)
					}
				})
			}
		}
	}
}

// TestSideBySide has 16 labs at once, all with the same addresses and each with a delay
// of its own. They are all open before the first one pings.
func TestSideBySide(t *testing.T) {
	Test(t, network(t, 0)) // skips where it must
	const labs = 16
	var opened, ended sync.WaitGroup
	opened.Add(labs)
	for i := range labs {
		delay := time.Duration(i) * time.Millisecond
		n := network(t, delay)
		ended.Go(func() {
			l, err := Open(Config{Network: n})
			opened.Done()
			opened.Wait()
			if err != nil {
				t.Error(err)
				return
			}
			rtt, err := pingOnce(host[packet.IPv4], i%2 == 0)
			if err != nil || rtt < 2*delay {
				t.Errorf("round trip of %v over a path of %v: %v", rtt, 2*delay, err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	ended.Wait()
}

// TestNoPingSockets leaves sockets without privilege closed, to root too.
func TestNoPingSockets(t *testing.T) {
	TestConfig(t, Config{NoPingSockets: true})
	if _, err := openPinger(packet.IPv4, false); !errors.Is(err, unix.EACCES) {
		t.Errorf("ping socket: error %v, want EACCES", err)
	}
}

// TestInject brings a packet to the vantage that nothing there has caused, while the pump
// sleeps, with nothing due.
func TestInject(t *testing.T) {
	n := network(t, 0)
	Test(t, n)
	conn, err := icmp.ListenPacket("ip4:icmp", "0.0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reply, err := (&icmp.Message{Type: ipv4.ICMPTypeEchoReply, Body: &icmp.Echo{ID: 5, Seq: 6}}).Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := packet.Header{
		Family: packet.IPv4, Proto: packet.ProtoICMP, TTL: 9,
		Src: netip.MustParseAddr("203.0.113.9"), Dst: n.Vantage(packet.IPv4),
	}
	n.Inject(time.Now(), h.Append(nil, reply))
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, from, err := conn.ReadFrom(make([]byte, 100))
	if err != nil || from.String() != "203.0.113.9" {
		t.Errorf("received from %v, %v", from, err)
	}
}

// TestDownUp has the TUN device go away under an open socket and come back.
func TestDownUp(t *testing.T) {
	for f, dst := range host {
		t.Run(fmt.Sprintf("IPv%d", f), func(t *testing.T) {
			l := Test(t, network(t, 0))
			p, err := openPinger(f, true)
			if err != nil {
				t.Fatal(err)
			}
			defer p.conn.Close()
			if _, err := p.ping(dst, 1); err != nil {
				t.Fatal(err)
			}
			if err := l.Down(); err != nil {
				t.Fatal(err)
			}
			if _, err := p.ping(dst, 2); !errors.Is(err, unix.ENETUNREACH) {
				t.Errorf("ping while down: %v, want ENETUNREACH", err)
			}
			if err := l.Up(); err != nil {
				t.Fatal(err)
			}
			if _, err := p.ping(dst, 3); err != nil {
				t.Errorf("after coming back: %v", err)
			}
		})
	}
}

// TestClose looks for what a closed lab leaves behind: descriptors, the namespace with its
// devices, and the goroutine in the wrong place.
func TestClose(t *testing.T) {
	outer := Test(t, network(t, 0))
	home, files := namespaceOf(t), openFiles(t)
	events := make(chan netlink.LinkUpdate, 100)
	done := make(chan struct{})
	defer close(done)
	if err := netlink.LinkSubscribe(events, done); err != nil {
		t.Fatal(err)
	}
	files++ // of the subscription

	const labs = 5
	for i := range labs {
		l, err := Open(Config{Network: network(t, time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if namespaceOf(t) == home {
			t.Error("Open did not move the goroutine")
		}
		if _, err := l.Peer("peer", PeerConfig{}); err != nil {
			t.Fatal(err)
		}
		// A veth goes with the namespace that holds its other end.
		witness := Link{A: End{Name: fmt.Sprint("witness", i)}, B: End{Name: "w"}}
		if err := Connect(outer.Namespace, l.Namespace, witness); err != nil {
			t.Fatal(err)
		}
		for range 2 { // closing again does nothing
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
		if got := namespaceOf(t); got != home {
			t.Errorf("after Close the goroutine is in %s, want %s", got, home)
		}
	}
	if got := openFiles(t); got != files {
		t.Errorf("%d files open after Close, want %d", got, files)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for gone := 0; gone < labs; {
		select {
		case e := <-events:
			if e.Header.Type == unix.RTM_DELLINK {
				gone++
			}
		case <-ctx.Done():
			t.Fatalf("%d of %d namespaces are gone", gone, labs)
		}
	}
}

// TestCloseElsewhere closes a lab on another goroutine, which stays where it is.
func TestCloseElsewhere(t *testing.T) {
	Test(t, nil)
	home := namespaceOf(t)
	labs := make(chan *Lab, 1)
	end := make(chan struct{})
	defer close(end)
	go func() {
		l, err := Open(Config{})
		if err != nil {
			t.Error(err)
		}
		labs <- l
		<-end
	}()
	if err := (<-labs).Close(); err != nil {
		t.Error(err)
	}
	if got := namespaceOf(t); got != home {
		t.Errorf("Close moved another goroutine to %s", got)
	}
}

// TestOpenFails leaves nothing behind when a lab cannot be furnished.
func TestOpenFails(t *testing.T) {
	Test(t, network(t, 0))
	home, files := namespaceOf(t), openFiles(t)
	_, err := Open(Config{Network: network(t, 0), MTU: 1 << 20})
	if err == nil || missing(err) {
		t.Errorf("MTU of a megabyte: error %v, want one that is not of privilege", err)
	}
	if got := namespaceOf(t); got != home {
		t.Errorf("the goroutine is in %s, want %s", got, home)
	}
	if got := openFiles(t); got != files {
		t.Errorf("%d files open, want %d", got, files)
	}
}

func namespaceOf(t *testing.T) string {
	t.Helper()
	s, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openFiles(t *testing.T) int {
	t.Helper()
	names, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}
