package netsim_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// TestFlowsOneSYN has a further SYN of the same addresses and ports take the place of the one
// before, without privilege, and each be answered once.
func TestFlowsOneSYN(t *testing.T) {
	for _, f := range families {
		synctest.Test(t, func(t *testing.T) {
			top := portsHost()
			top.Router("r1").ErrorFaults = []netsim.Fault{{Copies: 1, Spacing: ms}}
			top.Hosts = append(top.Hosts, netsim.Host{Name: "slow", Addrs: netsim.Prefixes("198.51.100.2", "2001:db8:ffff::2")})
			top.Links = append(top.Links, netsim.Link{From: "r1", To: "slow", Line: netsim.Line{Delay: 474 * ms}})
			n := mustNew(t, top)
			c := flowConn(n, false)
			defer c.Close()
			seq := func(p rawsock.Packet) uint32 { return tcpOfPacket(t, p).Seq }
			write(t, c, synProbe(n, f, 40001, 443, 100, 1))
			time.Sleep(ms)
			write(t, c, synProbe(n, f, 40001, 443, 200, 1), synProbe(n, f, 40001, 444, 300, 1))
			time.Sleep(time.Second)
			ps := read(t, c, 2)
			if seq(ps[0]) != 200 || seq(ps[1]) != 300 {
				t.Errorf("errors about the sequence numbers %d and %d, want 200 and 300", seq(ps[0]), seq(ps[1]))
			}
			// The first has been answered when the further one comes.
			write(t, c, synProbe(n, f, 40001, 443, 400, 64))
			time.Sleep(20 * ms)
			write(t, c, synProbe(n, f, 40001, 443, 1<<30, 64))
			time.Sleep(20 * ms)
			ps = read(t, c, 2)
			if a, b := tcpOfPacket(t, ps[0]), tcpOfPacket(t, ps[1]); a.Ack != 401 || b.Ack != 1<<30+1 || a.Flags != b.Flags {
				t.Errorf("answers %+v, %+v", a, b)
			}
			// Too late: the kernel would have sent it again.
			slow := synProbe(n, f, 40002, 443, 600, 64)
			slow.Addr = n.Addr("slow", f)
			write(t, c, slow)
			wantNothing(t, c)
			// The first has not, and the host still thinks of that one.
			write(t, c, synProbe(n, f, 40001, 443, 500, 64))
			time.Sleep(ms)
			write(t, c, synProbe(n, f, 40001, 443, 1<<30, 64))
			wantNothing(t, c)
		})
	}
}

// TestFlowsHalfOpen has the vantage's kernel reset the connections that answers to raw SYNs
// would be, but not before the answer is there.
func TestFlowsHalfOpen(t *testing.T) {
	for _, f := range families {
		synctest.Test(t, func(t *testing.T) {
			n := mustNew(t, portsHost())
			c := flowConn(n, true)
			defer c.Close()
			want := func(flags packet.TCPFlags, ack uint32) {
				t.Helper()
				if s := tcpOfPacket(t, read(t, c, 1)[0]); s.Flags != flags || s.Ack != ack {
					t.Errorf("answer %+v, want flags %#x of %d", s, flags, ack)
				}
			}
			write(t, c, synProbe(n, f, 40001, 443, 100, 64))
			time.Sleep(4 * ms)
			write(t, c, synProbe(n, f, 40001, 443, 1<<30, 64)) // before the reset
			want(packet.SYN|packet.ACK, 101)
			want(packet.ACK, 101)
			write(t, c, synProbe(n, f, 40001, 443, 1<<31, 64)) // behind the reset
			want(packet.SYN|packet.ACK, 1<<31+1)
		})
	}
}

// TestFlowsInjected has packets arrive that look like answers: what a raw socket sees, the kernel
// keeps from others where it is no answer to what their sockets have sent.
func TestFlowsInjected(t *testing.T) {
	modes(t, func(t *testing.T, raw bool, f packet.Family) {
		n := mustNew(t, withHost(func(h *netsim.Host) { h.Down = []netsim.Window{{}} }))
		c := flowConn(n, raw)
		defer c.Close()
		u, s := udpProbe(n, f, 40001, 33434, 64), synProbe(n, f, 40002, 443, 100, 64)
		write(t, c, u, s)
		back := send{src: n.Addr("target", f), dst: n.Vantage(f), ttl: 64}
		segment := packet.TCP{SrcPort: 443, DstPort: 40002, Ack: 100, Flags: packet.SYN | packet.ACK}
		there := to(n, f)
		probe := there.udp(40001, 33434, data...)
		whole := probe.bytes()
		cut := back.tcp(segment)
		cut.upper = cut.upper[:19]
		sctp := probe
		sctp.proto = 132
		quoting := func(kind packet.Error, quoted []byte) send {
			kind.Family = f
			e := back
			e.proto, e.upper = f.ICMPProto(), packet.AppendError(nil, &kind, quoted)
			return e
		}
		expired, redirect := packet.Error{Type: 11}, packet.Error{Type: 5, Code: 1}
		if f == v6 {
			expired.Type, redirect.Type = 3, 137
		}
		header := len(whole) - len(probe.upper)
		for _, tt := range []struct {
			name       string
			p          send
			raw, plain int
		}{
			{"an acknowledgement of something else", back.tcp(segment), 1, 0},
			{"less than a TCP header", cut, 0, 0},
			{"a right error", quoting(expired, whole), 1, 1},
			{"a redirect", quoting(redirect, whole), 1, 0},
			{"an error that quotes too little", quoting(expired, whole[:header+4]), 1, 0},
			{"an error that quotes another protocol", quoting(expired, sctp.bytes()), 0, 0},
			{"a port of no socket", quoting(expired, there.udp(40003, 33434, data...).bytes()), 1, 0},
			{"another protocol", send{src: back.src, dst: back.dst, ttl: 9, proto: 132, upper: make([]byte, 12)}, 0, 0},
		} {
			n.Inject(time.Now(), tt.p.bytes())
			want := tt.plain
			if raw {
				want = tt.raw
			}
			time.Sleep(ms)
			if err := c.SetReadDeadline(time.Now()); err != nil {
				t.Error(err)
			}
			if got, _ := c.ReadBatch(make([]rawsock.Packet, 4)); got != want {
				t.Errorf("%s: %d packets, want %d", tt.name, got, want)
			}
		}
	})
}
