package netsim_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// everything returns a network in which each feature is at work.
func everything(tb testing.TB) *netsim.Network {
	top := netsim.Chain(2*ms, 4*ms, 6*ms, 8*ms)
	r1, r2, r3 := top.Router("r1"), top.Router("r2"), top.Router("r3")
	r1.Quote = netsim.Quote{Options: make([]byte, 8), MPLS: []netsim.Label{{Label: 1}}, Interface: &netsim.Interface{Name: "x"}}
	r1.Redirects = []netsim.RedirectRule{{To: netsim.Prefixes("198.51.100.1")[0], Gateway: netsim.Addrs("192.0.2.9")[0]}}
	r1.Hash = netsim.HashTOS
	r2.NAT = &netsim.NAT{Outside: netsim.Addrs("203.0.113.1", "2001:db8:e::1")}
	r2.BleachECN = true
	r3.Firewall = []netsim.Rule{
		{Proto: "tcp", Ports: []netsim.Ports{netsim.Port(81)}, Action: netsim.Reset},
		{Proto: "udp", Ports: []netsim.Ports{netsim.Port(81)}, Action: netsim.Reject},
		{Back: true, Proto: "17", Action: netsim.Accept},
	}
	r1.RaiseTTL, r3.SetTTL = 1, 9
	r3.ErrorFaults = []netsim.Fault{
		{When: netsim.When{Every: 2}, Misquote: &netsim.Misquote{Src: r2.Addrs[0], SrcPort: 1, Seq: 1, Checksum: 1, Length: 1}, Copies: 1},
		{When: netsim.When{Every: 3}, Misquote: &netsim.Misquote{Random: true, ID: 1, TOS: new(1)}, Foreign: &netsim.Foreign{ID: new(uint16(1))}},
		{When: netsim.When{Every: 4}, Error: &netsim.ErrorAnswer{Kind: netsim.PortUnreachable, WithReply: true, Misquote: &netsim.Misquote{DstPort: 1}}},
	}
	top.Links[2].MTU = 1000
	target := top.Host("target")
	target.UDPEcho, target.TCPOpen = []netsim.Ports{netsim.Port(7)}, []netsim.Ports{netsim.Port(80)}
	target.Faults = []netsim.Fault{
		{When: netsim.When{Every: 2}, Seq: 1, FlipBit: new(100), ForgeStamp: true, Overwrite: &netsim.Overwrite{At: 9, Bytes: []byte{1}}},
		{When: netsim.When{Every: 3}, Truncate: new(3), BadChecksum: true, Foreign: &netsim.Foreign{}},
		{When: netsim.When{Every: 5}, Error: &netsim.ErrorAnswer{Kind: netsim.SourceQuench, WithReply: true}},
	}
	return mustNew(tb, top)
}

// FuzzSend sends arbitrary bytes, and arbitrary packets with a right IP header.
func FuzzSend(f *testing.F) {
	n := everything(f)
	for _, family := range families {
		f.Add(to(n, family).echo(1, 1, 2, 3).bytes(), uint8(1), uint8(1))
		f.Add(to(n, family).udp(1, 7, 1, 2, 3).bytes(), uint8(17), uint8(3))
		f.Add(to(n, family).tcp(packet.TCP{DstPort: 80, Flags: packet.SYN}).bytes(), uint8(6), uint8(9))
		whole := to(n, family).echo(1, make([]byte, 100)...)
		whole.bytes()
		f.Add(fragment(whole, 8, 32, 1), uint8(1), uint8(1))
	}
	f.Fuzz(func(t *testing.T, pkt []byte, proto, ttl uint8) {
		n := everything(t)
		before := bytes.Clone(pkt)
		check := func(ds []netsim.Delivery) {
			for _, d := range ds {
				if h, err := packet.ParseIP(d.Packet); err != nil || h.Length != len(d.Packet) || d.At.Before(t0) {
					t.Errorf("%x was answered with %x at %v: %+v, %v", pkt, d.Packet, d.At, h, err)
				}
			}
		}
		for range 6 {
			check(n.Send(t0, pkt))
			for _, family := range families {
				p := to(n, family)
				p.proto, p.ttl, p.upper = proto, ttl, bytes.Clone(pkt[:min(len(pkt), 65000)])
				check(n.Send(t0, p.bytes()))
			}
		}
		if !bytes.Equal(before, pkt) {
			t.Error("Send changed its packet")
		}
	})
}

// FuzzTopology reads arbitrary documents, and sends through what networks they make.
func FuzzTopology(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		doc, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		top, err := netsim.ParseJSON(bytes.NewReader(doc))
		if err != nil {
			return
		}
		n, err := netsim.New(top)
		if err != nil {
			return
		}
		names := []string{"vantage", "target", "web", "flaky"}
		for _, r := range top.Routers {
			names = append(names, r.Name)
		}
		for _, h := range top.Hosts {
			names = append(names, h.Name)
		}
		for i, node := range names {
			for _, family := range families {
				p := send{src: n.Vantage(family), dst: n.Addr(node, family), ttl: uint8(64 - i)}
				if !p.src.IsValid() || !p.dst.IsValid() {
					continue
				}
				n.Send(t0.Add(time.Duration(i)*time.Second), p.echo(uint16(i), make([]byte, 40)...).bytes())
				n.Send(t0.Add(time.Duration(i)*time.Second), p.udp(1, 33434).bytes())
			}
		}
	})
}

// FuzzConn has arbitrary bytes arrive, and the errors of a router about arbitrary packets, at
// every kind of socket.
func FuzzConn(f *testing.F) {
	n := mustNew(f, portsHost())
	for _, family := range families {
		for _, p := range []send{to(n, family).echo(1, data...), to(n, family).udp(40001, 7, data...), to(n, family).tcp(packet.TCP{SrcPort: 40001, Flags: packet.SYN})} {
			f.Add(p.bytes(), uint8(1))
			p.ttl = 1
			for _, d := range n.Send(t0, p.bytes()) {
				f.Add(d.Packet, uint8(64))
			}
		}
		back := send{src: n.Addr("target", family), dst: n.Vantage(family), ttl: 64}
		f.Add(back.tcp(packet.TCP{SrcPort: 443, DstPort: 40002, Ack: 1, Flags: packet.SYN | packet.ACK}).bytes(), uint8(64))
		f.Add(back.udp(7, 40001, data...).bytes(), uint8(64))
	}
	f.Fuzz(func(t *testing.T, pkt []byte, ttl uint8) {
		n := mustNew(t, portsHost())
		var conns []*netsim.Conn
		for _, raw := range []bool{true, false} {
			conns = append(conns, flowConn(n, raw), n.Conn(netsim.ConnConfig{ID: 77, Raw: raw}))
		}
		for _, family := range families {
			for _, c := range conns {
				p := udpProbe(n, family, 40001, 33434, int(ttl))
				c.WriteBatch([]rawsock.Packet{p})
				p.Proto, p.Data = uint8(len(pkt)), pkt[:min(len(pkt), 65000)]
				c.WriteBatch([]rawsock.Packet{p, synProbe(n, family, 40002, 443, 1, int(ttl))})
			}
		}
		n.Inject(time.Now(), pkt)
		for _, c := range conns {
			if err := c.SetReadDeadline(time.Now()); err != nil {
				t.Error(err)
			}
			ps := make([]rawsock.Packet, rawsock.Batch)
			got, _ := c.ReadBatch(ps)
			for _, p := range ps[:got] {
				if (p.Kind == rawsock.Error) != (p.ICMP != nil) || p.ICMP != nil && !bytes.Equal(p.Data, p.ICMP.Quote.Payload) {
					t.Errorf("read %+v", p)
				}
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
