package rawsock_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
	"golang.org/x/sys/unix"
)

// capture is a packet socket on the TUN device of a lab.
type capture struct{ fd int }

// startCapture begins to keep what leaves and arrives.
func startCapture(t *testing.T) *capture {
	t.Helper()
	all := binary.NativeEndian.Uint16([]byte{unix.ETH_P_ALL >> 8, unix.ETH_P_ALL & 0xff})
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	i, err := net.InterfaceByName(lab.TUNName)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: i.Index}); err != nil {
		t.Fatal(err)
	}
	return &capture{fd}
}

// sent returns the packets of a protocol that have left since.
func (c *capture) sent(t *testing.T, proto uint8) (packets [][]byte) {
	t.Helper()
	b := make([]byte, 1<<16)
	for {
		n, from, err := unix.Recvfrom(c.fd, b, 0)
		if err == unix.EAGAIN {
			return packets
		}
		if err != nil {
			t.Fatal(err)
		}
		h, err := packet.ParseIP(b[:n])
		if err == nil && h.Proto == proto && from.(*unix.SockaddrLinklayer).Pkttype == unix.PACKET_OUTGOING {
			packets = append(packets, bytes.Clone(b[:n]))
		}
	}
}

// TestFlowsWire looks at what leaves: all of it is as given, as far as the kind of socket lets it.
func TestFlowsWire(t *testing.T) {
	forAll(t, func(t *testing.T, raw bool, f packet.Family, proto uint8) {
		at := simulated(t, nil)[f]
		wire := startCapture(t)
		c := openFlows(t, raw, rawsock.FlowsConfig{Proto: proto})
		p := probe(t, c, proto, at.silent, closedPort)
		p.TTL, p.TOS = 7, 0xb8
		plain := p
		plain.TTL, plain.TOS, plain.ID, plain.Flow = 0, 0, 0, 0
		ps := []rawsock.Packet{p, plain}
		if n, err := c.WriteBatch(ps); n != 2 || err != nil {
			t.Fatalf("WriteBatch = %d, %v", n, err)
		}
		packets := wire.sent(t, proto)
		if len(packets) != 2 {
			t.Fatalf("%d packets have left", len(packets))
		}
		plain.TTL = 64 // net.ipv4.ip_default_ttl
		for i, want := range []rawsock.Packet{p, plain} {
			isOnWire(t, raw, want, packets[i])
		}
	})
}

// isOnWire checks that b is what was to be sent.
func isOnWire(t *testing.T, raw bool, want rawsock.Packet, b []byte) {
	t.Helper()
	h, err := packet.ParseIP(b)
	if err != nil {
		t.Fatal(err)
	}
	f := packet.FamilyOf(want.Addr)
	if int(h.TTL) != want.TTL || int(h.TOS) != want.TOS || h.Src != want.Local || h.Dst != want.Addr || h.Proto != want.Proto ||
		h.Length != len(b) || h.DontFragment != (f == packet.IPv4) || h.MoreFragments {
		t.Errorf("header %+v of %+v", h, want)
	}
	if f == packet.IPv6 && h.Flow != want.Flow {
		t.Errorf("flow label %#x, want %#x", h.Flow, want.Flow)
	}
	if raw && f == packet.IPv4 && h.ID != want.ID {
		t.Errorf("identification %#x, want %#x", h.ID, want.ID)
	}
	upper := h.Payload(b)
	if raw || want.Proto != packet.ProtoTCP {
		if !bytes.Equal(upper, want.Data) {
			t.Errorf("payload\n%x, want\n%x", upper, want.Data)
		}
		return
	}
	s, err := packet.ParseTCP(upper)
	if err != nil || s.SrcPort != firstPort || s.DstPort != closedPort || s.Flags != packet.SYN {
		t.Errorf("segment %+v, %v", s, err)
	}
}

// TestFlowsBadChecksum sends checksums that are wrong, which raw sockets leave as they are.
func TestFlowsBadChecksum(t *testing.T) {
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		for _, m := range methods {
			t.Run(m.name, func(t *testing.T) {
				at, proto := simulated(t, nil)[f], m.proto(f)
				wire := startCapture(t)
				c := openFlows(t, true, rawsock.FlowsConfig{})
				p := probe(t, c, proto, at.silent, closedPort)
				p.Data[len(p.Data)-1] ^= 1
				if n, err := c.WriteBatch([]rawsock.Packet{p}); n != 1 || err != nil {
					t.Fatalf("WriteBatch = %d, %v", n, err)
				}
				packets := wire.sent(t, proto)
				if len(packets) != 1 {
					t.Fatalf("%d packets have left", len(packets))
				}
				p.TTL = 64
				isOnWire(t, true, p, packets[0])
			})
		}
	}
}

// TestFlowsStamps has the kernel say when probes left: by the packets themselves.
func TestFlowsStamps(t *testing.T) {
	forAll(t, func(t *testing.T, raw bool, f packet.Family, proto uint8) {
		if !raw && proto == packet.ProtoTCP {
			return // a SYN has no stamp there
		}
		at := simulated(t, nil)[f]
		c := openFlows(t, raw, rawsock.FlowsConfig{Proto: proto})
		p := probe(t, c, proto, at.silent, closedPort)
		p.WantStamp = true
		_, got := exchange(t, c, p, rawsock.Sent)
		if got.Addr != p.Addr || got.Proto != proto || got.Stamp.Kernel.IsZero() || !bytes.Equal(got.Data, p.Data) {
			t.Errorf("%+v, want %x", got, p.Data)
		}
		if raw && f == packet.IPv4 && got.ID != p.ID || f == packet.IPv6 && got.Flow != p.Flow {
			t.Errorf("identification %#x, flow label %#x", got.ID, got.Flow)
		}
	})
}
