package rawsock_test

import (
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

func TestMain(m *testing.M) {
	switch os.Getenv(helperEnv) {
	case "":
	case connectMode:
		os.Exit(doJobs())
	default:
		os.Exit(asNobody())
	}
	os.Exit(lab.Main(m))
}

// stampsOn makes sure that the kernel stamps what it receives: it begins to some time after the
// first socket asks for it, so one that does is kept open.
var stampsOn = sync.OnceValue(func() error {
	c, err := rawsock.Open(rawsock.Config{})
	if err != nil {
		return err
	}
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	in := make([]rawsock.Packet, 4)
	for {
		if _, err := c.WriteBatch([]rawsock.Packet{request(c, "127.0.0.1", 0)}); err != nil {
			return err
		}
		n, err := c.ReadBatch(in)
		if err != nil || n > 0 && !in[0].Stamp.Kernel.IsZero() {
			return err
		}
	}
})

// kinds are the sockets that should give the same evidence.
var kinds = []struct {
	name string
	mode rawsock.Mode
	raw  bool
}{
	{"ping", rawsock.Unprivileged, false},
	{"raw", rawsock.Privileged, true},
}

// neighbour opens a namespace next to a real kernel, which answers all of 10.9.0.0/16 and
// fd99::/64, has no way to 10.8.0.0/16 and fd98::/64, and is the router to 10.10.0.0/16 and fd9a::/64.
func neighbour(t testing.TB) *lab.Lab {
	t.Helper()
	l, _ := neighbours(t)
	return l
}

// neighbours returns the namespace at the far end of 10.10.0.0/16 and fd9a::/64, too.
func neighbours(t testing.TB) (l *lab.Lab, far *lab.Namespace) {
	t.Helper()
	l = lab.TestConfig(t, lab.Config{})
	if err := stampsOn(); err != nil {
		t.Fatal(err)
	}
	peer, err := l.Peer("peer", lab.PeerConfig{
		Near: lab.End{
			Addrs: prefixes("10.77.0.1/24", "fd77::1/64"),
			Routes: []lab.Route{
				{Dst: netip.MustParsePrefix("10.8.0.0/14"), Via: netip.MustParseAddr("10.77.0.2")},
				{Dst: netip.MustParsePrefix("fd98::/14"), Via: netip.MustParseAddr("fd77::2")},
			},
		},
		Far:     lab.End{Addrs: prefixes("10.77.0.2/24", "fd77::2/64")},
		Local:   prefixes("10.9.0.0/16", "fd99::/64"),
		Forward: true,
		Sysctls: map[string]string{"net.ipv4.icmp_ratelimit": "0", "net.ipv6.icmp.ratelimit": "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	far, err = peer.Peer("far", lab.PeerConfig{
		Near: lab.End{
			Addrs: prefixes("10.78.0.1/24", "fd78::1/64"),
			Routes: []lab.Route{
				{Dst: netip.MustParsePrefix("10.10.0.0/16"), Via: netip.MustParseAddr("10.78.0.2")},
				{Dst: netip.MustParsePrefix("fd9a::/64"), Via: netip.MustParseAddr("fd78::2")},
			},
		},
		Far: lab.End{
			Addrs: prefixes("10.78.0.2/24", "fd78::2/64", "fd9a::7/128"),
			Routes: []lab.Route{
				{Dst: netip.MustParsePrefix("10.77.0.0/24"), Via: netip.MustParseAddr("10.78.0.1")},
				{Dst: netip.MustParsePrefix("fd77::/64"), Via: netip.MustParseAddr("fd78::1")},
			},
		},
		Local: prefixes("10.10.0.0/16", "fd9a::/64"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return l, far
}

func prefixes(s ...string) (ps []netip.Prefix) {
	for _, p := range s {
		ps = append(ps, netip.MustParsePrefix(p))
	}
	return ps
}

func open(t testing.TB, cfg rawsock.Config) rawsock.Conn {
	t.Helper()
	c, err := rawsock.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// request returns an echo request to the named address.
func request(c rawsock.Conn, to string, seq uint16) rawsock.Packet {
	addr := netip.MustParseAddr(to)
	f := packet.FamilyOf(addr)
	return rawsock.Packet{Addr: addr, Data: packet.AppendEcho(nil, f, packet.Echo{
		ID: c.Socket(f).ID, Seq: seq, Data: []byte("0123456789abcdef"),
	})}
}

// exchange sends p and returns the packets that come, until one of the wanted kind has.
func exchange(t testing.TB, c rawsock.Conn, p rawsock.Packet, want rawsock.Kind) (sent, got rawsock.Packet) {
	t.Helper()
	ps := []rawsock.Packet{p}
	if n, err := c.WriteBatch(ps); n != 1 || err != nil {
		t.Fatalf("WriteBatch to %v = %d, %v", p.Addr, n, err)
	}
	return ps[0], await(t, c, want)
}

// await reads until a packet of the wanted kind comes. The limit is for what never does.
func await(t testing.TB, c rawsock.Conn, want rawsock.Kind) rawsock.Packet {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	in := make([]rawsock.Packet, 4)
	for {
		n, err := c.ReadBatch(in)
		if err != nil {
			t.Fatalf("ReadBatch: %v", err)
		}
		for _, p := range in[:n] {
			if p.Kind == want {
				return p
			}
		}
	}
}
