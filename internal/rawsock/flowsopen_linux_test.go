package rawsock_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
	"golang.org/x/sys/unix"
)

func TestFlowsRefused(t *testing.T) {
	for _, tt := range []struct {
		name        string
		mode        rawsock.Mode
		proto       uint8
		ping        bool // ping sockets may be opened
		want, never string
	}{
		{"raw sockets wanted", rawsock.Privileged, packet.ProtoUDP, true, "setcap cap_net_raw+ep /", "ping_group_range"},
		{"ping socket wanted", rawsock.Unprivileged, packet.ProtoICMP, false, `ping_group_range="0 2147483647"`, ""},
		{"either would do", rawsock.Auto, packet.ProtoICMP, false, `ping_group_range="0 2147483647"`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lab.TestConfig(t, lab.Config{NoPingSockets: !tt.ping})
			unprivileged(t)
			before := descriptors(t)
			_, err := rawsock.OpenFlows(rawsock.FlowsConfig{Config: rawsock.Config{Mode: tt.mode}, Proto: tt.proto})
			refused, ok := errors.AsType[*rawsock.OpenError](err)
			if !ok || !errors.Is(err, os.ErrPermission) {
				t.Fatalf("OpenFlows = %T %v", err, err)
			}
			hints := strings.Join(refused.Hints(), "\n")
			if !strings.Contains(hints, tt.want) || tt.never != "" && strings.Contains(hints, tt.never) {
				t.Errorf("hints %q", hints)
			}
			if after := descriptors(t); after != before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
		})
	}
}

func TestFlowsMisconfigured(t *testing.T) {
	for _, kind := range flowKinds {
		for _, tt := range []struct {
			name string
			cfg  rawsock.FlowsConfig
			want error
		}{
			{"interface", rawsock.FlowsConfig{Config: rawsock.Config{Interface: "nosuch0"}}, unix.ENODEV},
			{"source", rawsock.FlowsConfig{Config: rawsock.Config{Source: netip.MustParseAddr("192.0.2.99")}}, unix.EADDRNOTAVAIL},
			{"protocol", rawsock.FlowsConfig{Proto: 132}, errors.ErrUnsupported},
		} {
			t.Run(kind.name+"/"+tt.name, func(t *testing.T) {
				lab.TestConfig(t, lab.Config{})
				if !kind.raw {
					unprivileged(t)
				}
				before := descriptors(t)
				if _, err := rawsock.OpenFlows(tt.cfg); !errors.Is(err, tt.want) {
					t.Errorf("OpenFlows = %v, want %v", err, tt.want)
				}
				if after := descriptors(t); after != before {
					t.Errorf("%d descriptors, %d before", after, before)
				}
			})
		}
	}
}

// TestFlowsWithoutPing has UDP and TCP where ping sockets are closed, and no ICMP.
func TestFlowsWithoutPing(t *testing.T) {
	lab.TestConfig(t, lab.Config{NoPingSockets: true})
	unprivileged(t)
	c, err := rawsock.OpenFlows(rawsock.FlowsConfig{FirstPort: firstPort, LastPort: lastPort})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, to := range []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()} {
		f := packet.FamilyOf(to)
		if s := c.Socket(f); s.ID != 0 || s.Raw || s.Err != nil {
			t.Errorf("%+v", s)
		}
		_, got := exchange(t, c, probe(t, c, packet.ProtoUDP, to, closedPort), rawsock.Error)
		if got.Addr != to || got.ICMP.Class != packet.Unreachable {
			t.Errorf("%+v", got)
		}
		n, err := c.WriteBatch([]rawsock.Packet{probe(t, c, f.ICMPProto(), to, 1)})
		if n != 0 || !errors.Is(err, syscall.EACCES) {
			t.Errorf("WriteBatch = %d, %v", n, err)
		}
	}
}

func TestFlowsWake(t *testing.T) {
	for _, kind := range flowKinds {
		t.Run(kind.name, func(t *testing.T) {
			lab.TestConfig(t, lab.Config{})
			before := descriptors(t)
			wakes(t, openFlows(t, kind.raw, rawsock.FlowsConfig{}))
			if after := descriptors(t); after != before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
		})
	}
}

// descriptors counts those of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestFlowsSendErrors has the system refuse packets of each kind.
func TestFlowsSendErrors(t *testing.T) {
	forAll(t, func(t *testing.T, raw bool, f packet.Family, proto uint8) {
		at := simulated(t, nil)[f]
		c := openFlows(t, raw, rawsock.FlowsConfig{Proto: proto})
		good := probe(t, c, proto, at.silent, closedPort)
		short, unknown, long := good, good, good
		short.Data = short.Data[:7]
		unknown.Proto = 132
		long.Data = append(append([]byte(nil), long.Data...), make([]byte, 1500)...)
		for _, tt := range []struct {
			name string
			p    rawsock.Packet
			want error
			text string
		}{
			{"short", short, unix.EINVAL, ""},
			{"unknown protocol", unknown, unix.EPROTONOSUPPORT, ""},
			{"too long", long, unix.EMSGSIZE, "(mtu 1500)"},
			{"no address", rawsock.Packet{Proto: proto, Data: good.Data}, unix.EINVAL, ""},
		} {
			if !raw && proto == packet.ProtoTCP && tt.name == "too long" {
				continue // the kernel sends no data with a SYN
			}
			n, err := c.WriteBatch([]rawsock.Packet{good, tt.p, good})
			if n != 1 || !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%s: WriteBatch = %d, %v", tt.name, n, err)
			}
		}
		exceeds(t, c, proto, at) // and it goes on working
	})
}

// TestFlowsPortTaken has another program hold the source port.
func TestFlowsPortTaken(t *testing.T) {
	for _, tt := range []struct {
		proto uint8
		kind  int
	}{{packet.ProtoUDP, unix.SOCK_DGRAM}, {packet.ProtoTCP, unix.SOCK_STREAM}} {
		t.Run(fmt.Sprint(tt.proto), func(t *testing.T) {
			at := simulated(t, nil)[packet.IPv4]
			other, err := unix.Socket(unix.AF_INET, tt.kind|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(other)
			if err := unix.Bind(other, &unix.SockaddrInet4{Port: firstPort}); err != nil {
				t.Fatal(err)
			}
			c := openFlows(t, false, rawsock.FlowsConfig{Proto: tt.proto})
			p := probe(t, c, tt.proto, at.target, closedPort)
			before := descriptors(t)
			if n, err := c.WriteBatch([]rawsock.Packet{p}); n != 0 || !errors.Is(err, unix.EADDRINUSE) {
				t.Errorf("WriteBatch = %d, %v", n, err)
			}
			if after := descriptors(t); after != before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
			p.Data[1]++ // the next port
			exchange(t, c, p, map[uint8]rawsock.Kind{packet.ProtoUDP: rawsock.Error, packet.ProtoTCP: rawsock.Message}[tt.proto])
		})
	}
}

// TestFlowsDescriptors runs out of descriptors, and leaves none behind.
func TestFlowsDescriptors(t *testing.T) {
	for _, proto := range []uint8{packet.ProtoUDP, packet.ProtoTCP} {
		t.Run(fmt.Sprint(proto), func(t *testing.T) {
			at := simulated(t, nil)[packet.IPv6]
			beforeOpen := descriptors(t)
			c := openFlows(t, false, rawsock.FlowsConfig{Proto: proto})
			p := probe(t, c, proto, at.silent, closedPort)
			var limit unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
				t.Fatal(err)
			}
			few := limit
			few.Cur = uint64(descriptors(t) + 20)
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
				t.Fatal(err)
			}
			ps := make([]rawsock.Packet, lastPort-firstPort+1)
			for i := range ps {
				ps[i] = p
				ps[i].Data = append([]byte(nil), p.Data...)
				ps[i].Data[1] += byte(i)
			}
			n, err := c.WriteBatch(ps)
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
				t.Fatal(err)
			}
			if n == 0 || n == len(ps) || !errors.Is(err, unix.EMFILE) {
				t.Errorf("WriteBatch = %d, %v", n, err)
			}
			if n, err := c.WriteBatch(ps); n != len(ps) || err != nil { // a further SYN takes the place of the one before
				t.Errorf("WriteBatch = %d, %v", n, err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if after := descriptors(t); after != beforeOpen {
				t.Errorf("%d descriptors, %d before", after, beforeOpen)
			}
		})
	}
}

// TestFlowsSuperseded sends a SYN where another waits: it takes its place, and what comes is about it.
func TestFlowsSuperseded(t *testing.T) {
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		t.Run(fmt.Sprint(f), func(t *testing.T) {
			at := simulated(t, func(t *netsim.Topology) { t.Links[1].Delay = time.Minute })[f]
			c := openFlows(t, false, rawsock.FlowsConfig{Proto: packet.ProtoTCP})
			first := probe(t, c, packet.ProtoTCP, at.target, openPort)
			if n, err := c.WriteBatch([]rawsock.Packet{first}); n != 1 || err != nil {
				t.Fatalf("WriteBatch = %d, %v", n, err)
			}
			before := descriptors(t)
			second := first
			second.Data = append([]byte(nil), first.Data...)
			second.Data[4] ^= 0xff // its sequence number
			second.TTL = 1
			sent, got := exchange(t, c, second, rawsock.Error)
			isQuoted(t, c, sent, got, 1)
			if after := descriptors(t); after != before-1 {
				t.Errorf("%d descriptors, %d with the SYN that waited", after, before)
			}
		})
	}
}

// TestFlowsLapse has nobody answer a SYN: its socket is closed before the kernel sends it again, whether something
// else comes or not.
func TestFlowsLapse(t *testing.T) {
	for _, busy := range []bool{false, true} {
		t.Run(fmt.Sprintf("busy %v", busy), func(t *testing.T) {
			at := simulated(t, nil)[packet.IPv4]
			c := openFlows(t, false, rawsock.FlowsConfig{Proto: packet.ProtoTCP})
			here := netip.MustParseAddr("127.0.0.1")
			exchange(t, c, probe(t, c, packet.ProtoUDP, here, closedPort), rawsock.Error) // opens the UDP socket
			before := descriptors(t)
			if n, err := c.WriteBatch([]rawsock.Packet{probe(t, c, packet.ProtoTCP, at.silent, openPort)}); n != 1 || err != nil {
				t.Fatalf("WriteBatch = %d, %v", n, err)
			}
			if during := descriptors(t); during != before+1 {
				t.Fatalf("%d descriptors, %d before", during, before)
			}
			rawsock.Age(c, 950*time.Millisecond)
			want := 0
			if busy { // on loopback what answers is here when the send returns
				want = 1
				if n, err := c.WriteBatch([]rawsock.Packet{probe(t, c, packet.ProtoUDP, here, closedPort)}); n != 1 || err != nil {
					t.Fatalf("WriteBatch = %d, %v", n, err)
				}
			}
			if err := c.SetReadDeadline(time.Now()); err != nil {
				t.Fatal(err)
			}
			if n, err := c.ReadBatch(make([]rawsock.Packet, 4)); n != want || n == 0 && !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("ReadBatch = %d, %v", n, err)
			}
			if after := descriptors(t); after != before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
		})
	}
}

// TestFlowsSentAgain has the kernel send a SYN again, since nobody closes it in time, before the first is answered: to
// which of both the answer is, it does not say, so it is none.
func TestFlowsSentAgain(t *testing.T) {
	at := simulated(t, func(t *netsim.Topology) { t.Links[1].Delay = 750 * time.Millisecond })[packet.IPv4]
	c := openFlows(t, false, rawsock.FlowsConfig{Proto: packet.ProtoTCP})
	if n, err := c.WriteBatch([]rawsock.Packet{probe(t, c, packet.ProtoTCP, at.target, openPort)}); n != 1 || err != nil {
		t.Fatalf("WriteBatch = %d, %v", n, err)
	}
	rawsock.Age(c, -time.Minute)
	// Its answer comes behind that to the SYN.
	if n, err := c.WriteBatch([]rawsock.Packet{probe(t, c, packet.ProtoUDP, at.target, echoPort)}); n != 1 || err != nil {
		t.Fatalf("WriteBatch = %d, %v", n, err)
	}
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	in := make([]rawsock.Packet, 4)
	for echoed := false; !echoed; {
		n, err := c.ReadBatch(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range in[:n] {
			if echoed = echoed || p.Proto == packet.ProtoUDP; p.Proto == packet.ProtoTCP {
				t.Errorf("a SYN that was sent twice has the answer %+v", p)
			}
		}
	}
}
