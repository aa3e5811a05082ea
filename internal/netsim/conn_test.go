package netsim_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// request returns an echo request to the target, as a Conn with identifier 77 sends it.
func request(n *netsim.Network, f packet.Family, seq uint16, data ...byte) rawsock.Packet {
	return rawsock.Packet{
		Addr: n.Addr("target", f),
		Data: packet.AppendEcho(nil, f, packet.Echo{ID: 77, Seq: seq, Data: data}),
	}
}

func write(t *testing.T, c *netsim.Conn, ps ...rawsock.Packet) {
	t.Helper()
	if n, err := c.WriteBatch(ps); n != len(ps) || err != nil {
		t.Fatalf("WriteBatch = %d, %v", n, err)
	}
}

// read reads one batch, which must be of count packets.
func read(t *testing.T, c *netsim.Conn, count int) []rawsock.Packet {
	t.Helper()
	ps := make([]rawsock.Packet, 32)
	n, err := c.ReadBatch(ps)
	if n != count || err != nil {
		t.Fatalf("ReadBatch = %d, %v; want %d packets", n, err, count)
	}
	return ps[:n]
}

// wantNothing checks that nothing comes for a long time.
func wantNothing(t *testing.T, c *netsim.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	n, err := c.ReadBatch(make([]rawsock.Packet, 1))
	if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("ReadBatch = %d, %v; want nothing", n, err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// modes runs a test in a bubble of its own for each kind of socket and each family.
func modes(t *testing.T, test func(t *testing.T, raw bool, f packet.Family)) {
	for _, raw := range []bool{false, true} {
		for _, f := range families {
			kind := map[bool]string{false: "ping", true: "raw"}[raw]
			t.Run(kind+"/"+name(f), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { test(t, raw, f) })
			})
		}
	}
}

// TestConnEcho reads a reply at exactly the moment that it comes.
func TestConnEcho(t *testing.T) {
	modes(t, func(t *testing.T, raw bool, f packet.Family) {
		n := mustNew(t, netsim.Chain(2*ms, 17*ms))
		c := n.Conn(netsim.ConnConfig{Raw: raw, ID: 77, Stamps: true})
		defer c.Close()
		begin := time.Now()
		p := []rawsock.Packet{request(n, f, 5, data...)}
		p[0].TOS = 0x20
		write(t, c, p...)
		if !p[0].Stamp.Time.Equal(begin) {
			t.Errorf("sent at %v, want %v", p[0].Stamp.Time, begin)
		}
		if err := c.SetReadDeadline(begin.Add(time.Hour)); err != nil {
			t.Error(err)
		}
		g := read(t, c, 1)[0]
		at := begin.Add(17 * ms)
		if !time.Now().Equal(at) || !g.Stamp.Time.Equal(at) || !g.Stamp.Kernel.Equal(at) {
			t.Errorf("read at %v with stamps %v, %v; want %v", time.Now(), g.Stamp.Time, g.Stamp.Kernel, at)
		}
		if rtt, kernel := rawsock.RTT(p[0].Stamp, g.Stamp); rtt != 17*ms || !kernel {
			t.Errorf("RTT %v, by the kernel %v", rtt, kernel)
		}
		e, err := packet.ParseEcho(f, g.Data)
		if err != nil || e.ID != 77 || e.Seq != 5 || !bytes.Equal(e.Data, data) {
			t.Errorf("echo %+v, %v", e, err)
		}
		if g.Kind != rawsock.Message || g.Addr != n.Addr("target", f) || g.Local != n.Vantage(f) || g.TTL != 63 || g.TOS != 0x20 || g.BadChecksum || g.Truncated {
			t.Errorf("got %+v", g)
		}
	})
}

// TestConnError reads an ICMP error about an own packet, as either kind of socket shows
// it.
func TestConnError(t *testing.T) {
	modes(t, func(t *testing.T, raw bool, f packet.Family) {
		top := netsim.Chain(2*ms, 10*ms)
		top.Router("r1").Quote.MPLS = []netsim.Label{{Label: 99, TTL: 1}}
		n := mustNew(t, top)
		c := n.Conn(netsim.ConnConfig{Raw: raw, ID: 77, TTL: 1})
		defer c.Close()
		begin := time.Now()
		p := request(n, f, 5, data...)
		write(t, c, p)
		g := read(t, c, 1)[0]
		e := g.ICMP
		if g.Kind != rawsock.Error || e == nil || g.Addr != n.Addr("r1", f) || time.Since(begin) != 2*ms || !g.Stamp.Kernel.IsZero() {
			t.Fatalf("got %+v", g)
		}
		if e.Class != packet.TimeExceeded || e.Quote.Header.Dst != p.Addr || e.Quote.Header.Proto != f.ICMPProto() {
			t.Errorf("error %+v", e)
		}
		if withHeader := e.Quote.Header.HeaderLen > 0; withHeader != raw {
			t.Errorf("the quote has a header of %d bytes", e.Quote.Header.HeaderLen)
		}
		if len(e.Extensions.MPLS) != 1 || e.Extensions.MPLS[0].Label != 99 {
			t.Errorf("labels %+v", e.Extensions.MPLS)
		}
		quoted, err := packet.ParseEcho(f, g.Data)
		if err != nil || quoted.ID != 77 || quoted.Seq != 5 || !bytes.Equal(quoted.Data[:8], data[:8]) {
			t.Errorf("quoted %+v, %v", quoted, err)
		}
	})
}

// TestConnErrorInfo carries MTU, pointer and gateway through either kind of socket.
func TestConnErrorInfo(t *testing.T) {
	modes(t, func(t *testing.T, raw bool, f packet.Family) {
		gateway := map[packet.Family]netip.Addr{v4: netip.MustParseAddr("10.1.2.3"), v6: netip.MustParseAddr("fe80::9")}[f]
		fault := func(first int, e netsim.ErrorAnswer) netsim.Fault {
			return netsim.Fault{When: netsim.When{First: first, Last: first}, Error: &e}
		}
		n := mustNew(t, withHost(func(h *netsim.Host) {
			h.Faults = []netsim.Fault{
				fault(1, netsim.ErrorAnswer{Kind: netsim.TooBig, MTU: 1400}),
				fault(2, netsim.ErrorAnswer{Kind: netsim.ParameterProblem, Pointer: 6}),
				fault(3, netsim.ErrorAnswer{Kind: netsim.RedirectHost, Gateway: gateway}),
			}
		}))
		c := n.Conn(netsim.ConnConfig{Raw: raw, ID: 77})
		defer c.Close()
		write(t, c, request(n, f, 1), request(n, f, 2), request(n, f, 3))
		ps := read(t, c, 3)
		if e := ps[0].ICMP; e.Class != packet.TooBig || e.MTU != 1400 {
			t.Errorf("too big: %+v", e)
		}
		if e := ps[1].ICMP; e.Class != packet.Parameter || e.Pointer != 6 {
			t.Errorf("parameter problem: %+v", e)
		}
		// A ping socket of IPv6 is not told the gateway.
		if e := ps[2].ICMP; e.Class != packet.Redirect || e.Gateway != gateway && (raw || f == v4) {
			t.Errorf("redirect: %+v", e)
		}
		for i, p := range ps {
			if e, err := packet.ParseEcho(f, p.Data); err != nil || int(e.Seq) != i+1 {
				t.Errorf("quoted %+v, %v; want sequence %d", e, err, i+1)
			}
		}
	})
}

// TestConnModes tells what a ping socket and what a raw socket lets in and sends.
func TestConnModes(t *testing.T) {
	tests := []struct {
		name             string
		fault            netsim.Fault
		ping, raw4, raw6 int // packets read
		badChecksum      bool
	}{
		{name: "bad checksum", fault: netsim.Fault{BadChecksum: true}, raw4: 1, badChecksum: true},
		{name: "wrong identifier", fault: netsim.Fault{ID: 1}},
		{name: "another process", fault: netsim.Fault{Silent: true, Foreign: &netsim.Foreign{ID: new(uint16(9))}}},
		{name: "another process of the same identifier", fault: netsim.Fault{Silent: true, Foreign: &netsim.Foreign{}}, ping: 1, raw4: 1, raw6: 1},
		{name: "shorter than a header", fault: netsim.Fault{Truncate: new(7)}},
		{name: "copies", fault: netsim.Fault{Copies: 2}, ping: 3, raw4: 3, raw6: 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			modes(t, func(t *testing.T, raw bool, f packet.Family) {
				n := mustNew(t, withHost(func(h *netsim.Host) { h.Faults = []netsim.Fault{tt.fault} }))
				c := n.Conn(netsim.ConnConfig{Raw: raw, ID: 77})
				defer c.Close()
				write(t, c, request(n, f, 5, data...))
				want := tt.ping
				if raw {
					want = map[packet.Family]int{v4: tt.raw4, v6: tt.raw6}[f]
				}
				if want == 0 {
					wantNothing(t, c)
					return
				}
				for _, p := range read(t, c, want) {
					if p.BadChecksum != tt.badChecksum {
						t.Errorf("got %+v", p)
					}
				}
			})
		})
	}
}

// TestConnKernelFields sees the identifier and the checksum filled in as the kernel does,
// or not.
func TestConnKernelFields(t *testing.T) {
	modes(t, func(t *testing.T, raw bool, f packet.Family) {
		n := mustNew(t, netsim.Chain(10*ms))
		c := n.Conn(netsim.ConnConfig{Raw: raw})
		defer c.Close()
		s := c.Socket(f)
		if s.ID == 0 || s.Raw != raw || s.Err != nil {
			t.Errorf("socket %+v", s)
		}
		if other := n.Conn(netsim.ConnConfig{}); other.Socket(f).ID == s.ID {
			t.Error("two sockets have the same identifier")
		}
		p := request(n, f, 1, 1, 2, 3)
		p.Data[2] ^= 0xff // the checksum
		write(t, c, p)
		if raw {
			wantNothing(t, c) // on IPv4 the checksum was wrong, on IPv6 the identifier is another's
			p = request(n, f, 1, 1, 2, 3)
			packet.PatchEcho(f, p.Data, s.ID, 1)
			write(t, c, p)
		}
		if e, err := packet.ParseEcho(f, read(t, c, 1)[0].Data); err != nil || e.ID != s.ID {
			t.Errorf("echo %+v, %v; want identifier %d", e, err, s.ID)
		}
	})
}

// TestConnShared has two raw sockets of the same identifier hear each other's replies,
// and one of another not.
func TestConnShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mustNew(t, netsim.Chain(2*ms, 10*ms))
		a, b := n.Conn(netsim.ConnConfig{Raw: true, ID: 77}), n.Conn(netsim.ConnConfig{Raw: true, ID: 77})
		other := n.Conn(netsim.ConnConfig{Raw: true, ID: 78})
		write(t, a, request(n, v4, 1))
		read(t, a, 1)
		read(t, b, 1)
		wantNothing(t, other)
		expiring := request(n, v4, 2)
		expiring.TTL = 1
		expiring.Addr = netip.MustParseAddr("203.0.113.1")
		write(t, a, expiring)
		read(t, a, 1)
		read(t, b, 1)
		wantNothing(t, other)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		write(t, a, request(n, v4, 1))
		read(t, a, 1)
	})
}

// TestConnDeadline covers the ways to end a read.
func TestConnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mustNew(t, netsim.Chain(10*ms))
		c := n.Conn(netsim.ConnConfig{ID: 77})
		begin := time.Now()
		ps := make([]rawsock.Packet, 4)
		expect := func(what string, count int, want error, after time.Duration) {
			t.Helper()
			got, err := c.ReadBatch(ps)
			if got != count || !errors.Is(err, want) || time.Since(begin) != after {
				t.Errorf("%s: ReadBatch = %d, %v after %v; want %d, %v after %v", what, got, err, time.Since(begin), count, want, after)
			}
		}
		deadline := func(after time.Duration) {
			if err := c.SetReadDeadline(begin.Add(after)); err != nil {
				t.Error(err)
			}
		}
		deadline(5 * ms)
		expect("deadline", 0, os.ErrDeadlineExceeded, 5*ms)
		expect("deadline passed", 0, os.ErrDeadlineExceeded, 5*ms)
		write(t, c, request(n, v4, 1))
		expect("deadline passed, a reply on its way", 0, os.ErrDeadlineExceeded, 5*ms)
		time.Sleep(20 * ms)
		expect("deadline passed, a reply here", 1, nil, 25*ms)

		deadline(time.Hour)
		time.AfterFunc(5*ms, func() { deadline(40 * ms) })
		expect("deadline moved while reading", 0, os.ErrDeadlineExceeded, 40*ms)
		deadline(time.Hour)
		time.AfterFunc(5*ms, func() { deadline(0) })
		expect("deadline moved into the past", 0, os.ErrDeadlineExceeded, 45*ms)

		if err := c.SetReadDeadline(time.Time{}); err != nil {
			t.Error(err)
		}
		time.AfterFunc(5*ms, c.Wake)
		expect("woken", 0, os.ErrDeadlineExceeded, 50*ms)
		c.Wake()
		expect("woken before", 0, os.ErrDeadlineExceeded, 50*ms)
		time.AfterFunc(5*ms, func() { write(t, c, request(n, v4, 1)) })
		expect("written by another", 1, nil, 65*ms)

		time.AfterFunc(5*ms, func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
		expect("closed", 0, net.ErrClosed, 70*ms)
		expect("closed before", 0, net.ErrClosed, 70*ms)
		if _, err := c.WriteBatch([]rawsock.Packet{request(n, v4, 1)}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("WriteBatch after Close: %v", err)
		}
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Close after Close: %v", err)
		}
		if err := c.SetReadDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("SetReadDeadline after Close: %v", err)
		}
	})
}

// TestConnQueue overflows a receive queue, and counts exactly what is lost.
func TestConnQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mustNew(t, netsim.Chain(10*ms))
		c := n.Conn(netsim.ConnConfig{ID: 77, ReceiveQueue: 5, Stamps: true})
		defer c.Close()
		begin := time.Now()
		for seq := range uint16(8) {
			write(t, c, request(n, v4, seq))
			time.Sleep(ms)
		}
		// After 13 ms four replies are here, and no more are on their way than fit in.
		time.Sleep(5 * ms)
		if d := c.Drops(); d != 0 {
			t.Errorf("%d drops, want none", d)
		}
		read(t, c, 4)
		time.Sleep(time.Second)
		for seq := range uint16(8) {
			write(t, c, request(n, v4, seq))
		}
		time.Sleep(time.Second)
		if d := c.Drops(); d != 7 { // one place was free
			t.Errorf("%d drops, want 7", d)
		}
		ps := read(t, c, 5)
		for i, after := range []time.Duration{14, 15, 16, 17, 1023} {
			if got := ps[i].Stamp.Kernel.Sub(begin.Round(0)); got != after*ms {
				t.Errorf("packet %d came after %v, want %v", i, got, after*ms)
			}
			if !ps[i].Stamp.Time.Equal(time.Now()) {
				t.Errorf("packet %d has the time %v, want that of reading", i, ps[i].Stamp.Time)
			}
		}
		wantNothing(t, c)
	})
}

// TestConnSmallBatch reads a queue in pieces.
func TestConnSmallBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mustNew(t, netsim.Chain(10*ms))
		c := n.Conn(netsim.ConnConfig{ID: 77})
		defer c.Close()
		for seq := range uint16(7) {
			write(t, c, request(n, v6, seq))
		}
		ps := make([]rawsock.Packet, 3)
		var seqs []uint16
		for _, want := range []int{3, 3, 1} {
			got, err := c.ReadBatch(ps)
			if got != want || err != nil {
				t.Fatalf("ReadBatch = %d, %v; want %d", got, err, want)
			}
			for _, p := range ps[:got] {
				e, _ := packet.ParseEcho(v6, p.Data)
				seqs = append(seqs, e.Seq)
			}
		}
		for i, seq := range seqs {
			if int(seq) != i {
				t.Fatalf("sequence numbers %v", seqs)
			}
		}
	})
}

// TestConnSent gets the stamps of what was sent.
func TestConnSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mustNew(t, netsim.Chain(10*ms))
		c := n.Conn(netsim.ConnConfig{ID: 77, Stamps: true})
		defer c.Close()
		time.Sleep(3 * ms)
		begin := time.Now()
		stamped := request(n, v4, 5)
		stamped.WantStamp = true
		write(t, c, stamped)
		time.Sleep(ms)
		p := read(t, c, 1)[0]
		e, err := packet.ParseEcho(v4, p.Data)
		if p.Kind != rawsock.Sent || err != nil || e.Seq != 5 || e.Reply || !p.Stamp.Kernel.Equal(begin) || p.Addr != n.Addr("target", v4) {
			t.Errorf("got %+v with %+v, %v", p, e, err)
		}
		if p := read(t, c, 1)[0]; p.Kind != rawsock.Message {
			t.Errorf("got %+v", p)
		}
	})
}

// TestConnWriteError has the local machine refuse packets.
func TestConnWriteError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		top := netsim.Chain(10 * ms)
		top.Vantage.Addrs = netsim.Addrs("192.0.2.1")
		n := mustNew(t, top)
		var tried []int64
		c := n.Conn(netsim.ConnConfig{ID: 77, WriteError: func(k int64, _ rawsock.Packet) error {
			tried = append(tried, k)
			if k == 3 {
				return syscall.ENOBUFS
			}
			return nil
		}})
		defer c.Close()
		ps := []rawsock.Packet{request(n, v4, 0), request(n, v4, 1), request(n, v4, 2), request(n, v4, 3)}
		sent, err := c.WriteBatch(ps)
		if sent != 2 || !errors.Is(err, syscall.ENOBUFS) {
			t.Fatalf("WriteBatch = %d, %v; want 2, ENOBUFS", sent, err)
		}
		write(t, c, ps[2:]...)
		read(t, c, 4)
		if len(tried) != 5 || tried[4] != 5 {
			t.Errorf("tried %v", tried)
		}
		if s := c.Socket(v6); !errors.Is(s.Err, syscall.EAFNOSUPPORT) {
			t.Errorf("the socket of a family without address: %+v", s)
		}
		for want, p := range map[error]rawsock.Packet{
			syscall.EAFNOSUPPORT: {Addr: netip.MustParseAddr("2001:db8:ffff::1"), Data: ps[0].Data},
			syscall.EINVAL:       {Addr: ps[0].Addr, Data: ps[0].Data[:7]},
			syscall.EMSGSIZE:     {Addr: ps[0].Addr, Data: make([]byte, 65516)},
		} {
			if _, err := c.WriteBatch([]rawsock.Packet{p}); !errors.Is(err, want) {
				t.Errorf("WriteBatch = %v, want %v", err, want)
			}
		}
		if _, err := c.WriteBatch([]rawsock.Packet{{Data: ps[0].Data}}); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("without an address: %v", err)
		}
	})
}

// TestConnTruncated reads a message longer than the socket takes.
func TestConnTruncated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mustNew(t, netsim.Chain(10*ms))
		c := n.Conn(netsim.ConnConfig{ID: 77, MessageSize: 100})
		defer c.Close()
		write(t, c, request(n, v4, 1, make([]byte, 92)...), request(n, v4, 2, make([]byte, 93)...))
		ps := read(t, c, 2)
		if ps[0].Truncated || !ps[1].Truncated || len(ps[1].Data) != 100 {
			t.Errorf("truncated %v, %v to %d bytes", ps[0].Truncated, ps[1].Truncated, len(ps[1].Data))
		}
	})
}

// TestConnFields sends with a source, TTL and fragmentation of its own, and to a
// link-local address.
func TestConnFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		top := netsim.Chain(2*ms, 10*ms)
		top.Vantage.Addrs = netsim.Addrs("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "fe80::1")
		top.Router("r1").Addrs = netsim.Addrs("10.0.0.1", "fe80::2")
		n := mustNew(t, top)
		c := n.Conn(netsim.ConnConfig{ID: 77, Raw: true, Source: netip.MustParseAddr("192.0.2.2"), PMTU: rawsock.PMTUDont})
		defer c.Close()
		p := request(n, v4, 1)
		p.TTL = 1
		write(t, c, p)
		g := read(t, c, 1)[0]
		if q := g.ICMP.Quote.Header; q.Src != netip.MustParseAddr("192.0.2.2") || q.DontFragment || g.Local != q.Src {
			t.Errorf("sent %+v", q)
		}
		p.Local, p.TTL = netip.MustParseAddr("192.0.2.3"), 0
		write(t, c, p)
		if g := read(t, c, 1)[0]; g.Local != p.Local {
			t.Errorf("answered to %v, want %v", g.Local, p.Local)
		}
		p = request(n, v6, 1)
		p.Addr = netip.MustParseAddr("fe80::2%eth0")
		write(t, c, p)
		if g := read(t, c, 1)[0]; g.Addr != p.Addr || g.Local != netip.MustParseAddr("fe80::1") {
			t.Errorf("answered by %v to %v", g.Addr, g.Local)
		}
	})
}

// TestConnInject delivers a forged reply.
func TestConnInject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := mustNew(t, netsim.Chain(10*ms))
		c := n.Conn(netsim.ConnConfig{ID: 77})
		defer c.Close()
		begin := time.Now()
		forged := send{src: netip.MustParseAddr("203.0.113.1"), dst: n.Vantage(v4), ttl: 9, proto: 1}
		forged.upper = packet.AppendEcho(nil, v4, packet.Echo{Reply: true, ID: 77, Seq: 3})
		n.Inject(begin.Add(25*ms), forged.bytes())
		n.Inject(begin.Add(30*ms), []byte{0x45, 1, 2})
		if p := read(t, c, 1)[0]; p.Addr != forged.src || time.Since(begin) != 25*ms {
			t.Errorf("got %+v after %v", p, time.Since(begin))
		}
		wantNothing(t, c)
	})
}

// TestConnConcurrent writes, reads, wakes and looks at once, for the race detector.
func TestConnConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count = 200
		n := mustNew(t, netsim.Star(4, 10*ms))
		c := n.Conn(netsim.ConnConfig{ID: 77})
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range count {
				p := request(n, v4, uint16(i))
				p.Addr = n.Addr("h3", v4)
				write(t, c, p)
				time.Sleep(100 * time.Microsecond)
			}
		})
		wg.Go(func() {
			for range count {
				c.Wake()
				c.Drops()
				n.Send(time.Now(), nil)
				time.Sleep(70 * time.Microsecond)
			}
		})
		read := 0
		ps := make([]rawsock.Packet, 8)
		for read < count {
			got, err := c.ReadBatch(ps)
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			read += got
		}
		wg.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestConnLongQuote finds extensions behind a quote longer than the 128 bytes where they
// would be looked for without a length attribute.
func TestConnLongQuote(t *testing.T) {
	modes(t, func(t *testing.T, raw bool, f packet.Family) {
		n := mustNew(t, netsim.Chain(10*ms))
		c := n.Conn(netsim.ConnConfig{Raw: raw, ID: 77})
		defer c.Close()
		expired := map[packet.Family]uint8{v4: 11, v6: 3}[f]
		e := packet.Error{Family: f, Type: expired}
		e.Extensions.MPLS = []packet.Label{{Label: 5, Bottom: true, TTL: 1}}
		p := send{src: n.Addr("target", f), dst: n.Vantage(f), ttl: 9, proto: f.ICMPProto()}
		p.upper = packet.AppendError(nil, &e, to(n, f).echo(4, make([]byte, 300)...).bytes())
		n.Inject(time.Now(), p.bytes())
		g := read(t, c, 1)[0]
		if g.ICMP == nil || !slices.Equal(g.ICMP.Extensions.MPLS, e.Extensions.MPLS) {
			t.Errorf("got %+v with %+v", g, g.ICMP)
		}
	})
}
