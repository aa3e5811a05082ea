package netsim

import (
	"encoding/binary"
	"net/netip"

	"github.com/netdiag/netdiag/internal/packet"
)

// NAT makes a router translate the source of packets going out: the address, and the port
// or the ICMP identifier, by mappings that hold for all destinations and do not end.
// Packets coming back are translated the other way. Routers behind it quote translated
// packets.
type NAT struct {
	// Outside are the addresses, one a family, that packets get. They are the router's.
	Outside []netip.Addr   `json:"outside"`
	Inside  []netip.Prefix `json:"inside"` // sources to translate; empty: all
	// KeepPorts leaves a port or identifier as it is where it is free.
	KeepPorts bool `json:"keep_ports"`
	// LeaveQuotes does not translate the packets that errors coming back quote.
	LeaveQuotes bool `json:"leave_quotes"`
}

// endpoint is an address with a port or an ICMP identifier.
type endpoint struct {
	addr  netip.Addr
	proto uint8
	port  uint16
}

// nat is the state of a NAT.
type nat struct {
	*NAT
	out  map[endpoint]endpoint // inside to outside
	in   map[endpoint]endpoint // outside to inside
	next uint16
}

func newNAT(c *NAT) *nat {
	if c == nil {
		return nil
	}
	return &nat{NAT: c, out: map[endpoint]endpoint{}, in: map[endpoint]endpoint{}}
}

// outbound translates f; false where every port is taken.
func (t *nat) outbound(f *flight) bool {
	outside := firstOf(t.Outside, f.h.Family)
	if !outside.IsValid() || f.h.Src == outside || len(t.Inside) > 0 && !containsAddr(t.Inside, f.h.Src) {
		return true
	}
	d := datagram{pkt: f.pkt, h: f.h}
	if at := d.portAt(true); at >= 0 {
		inside := endpoint{f.h.Src, f.h.Proto, d.port(at)}
		mapped, ok := t.mapping(inside, outside)
		if !ok {
			return false
		}
		d.setPort(at, mapped.port)
	}
	d.setAddr(true, outside)
	f.h.Src = outside
	return true
}

// mapping returns the endpoint that inside has at the outside address.
func (t *nat) mapping(inside endpoint, outside netip.Addr) (endpoint, bool) {
	if mapped, ok := t.out[inside]; ok {
		return mapped, true
	}
	mapped := endpoint{outside, inside.proto, inside.port}
	_, taken := t.in[mapped]
	for tries := 0; taken || tries == 0 && !t.KeepPorts; tries++ {
		if tries > 0xffff {
			return mapped, false
		}
		t.next = max(t.next+1, 1024)
		mapped.port = t.next
		_, taken = t.in[mapped]
	}
	t.out[inside] = mapped
	t.in[mapped] = inside
	return mapped, true
}

// inbound translates pkt if it is for an outside address; false where there is no mapping
// for it.
func (t *nat) inbound(pkt []byte) bool {
	h, err := packet.ParseIP(pkt)
	if err != nil {
		return false
	}
	if h.Dst != firstOf(t.Outside, h.Family) {
		return true
	}
	d := datagram{pkt: pkt, h: h}
	upper := h.Payload(pkt)
	if h.Proto == h.Family.ICMPProto() && len(upper) > packet.EchoHeaderLen && packet.IsError(h.Family, upper[0]) {
		return t.inboundError(d, upper)
	}
	at := d.portAt(false)
	if at < 0 {
		return false
	}
	inside, ok := t.in[endpoint{h.Dst, h.Proto, d.port(at)}]
	if !ok {
		return false
	}
	d.setPort(at, inside.port)
	d.setAddr(false, inside.addr)
	return true
}

// inboundError translates an ICMP error, by the packet that it quotes.
func (t *nat) inboundError(d datagram, upper []byte) bool {
	quoted := upper[packet.EchoHeaderLen:]
	h, err := packet.ParseIP(quoted)
	if err != nil {
		return false
	}
	q := datagram{pkt: quoted, h: h}
	at := q.portAt(true)
	if at < 0 {
		return false
	}
	inside, ok := t.in[endpoint{h.Src, h.Proto, q.port(at)}]
	if !ok {
		return false
	}
	right := packet.TransportChecksum(d.h.Proto, d.h.Src, d.h.Dst, upper) == 0
	if !t.LeaveQuotes {
		q.setPort(at, inside.port)
		q.setAddr(true, inside.addr)
	}
	d.setAddr(false, inside.addr)
	if right {
		packet.SetChecksum(d.h.Proto, d.h.Src, inside.addr, upper)
	}
	return true
}

// datagram is a packet, or the quoted beginning of one, to be changed in place. Checksums
// are mended (RFC 1624), not made anew, so that a wrong one stays wrong.
type datagram struct {
	pkt []byte
	h   packet.Header
}

// portAt returns where the source (or destination) port stands, or the identifier of an
// echo message, or -1.
func (d datagram) portAt(source bool) int {
	if d.h.FragOffset > 0 || len(d.pkt) < d.h.HeaderLen+packet.EchoHeaderLen {
		return -1
	}
	switch d.h.Proto {
	case packet.ProtoUDP, packet.ProtoTCP:
		if source {
			return d.h.HeaderLen
		}
		return d.h.HeaderLen + 2
	case d.h.Family.ICMPProto():
		if _, err := packet.ParseEcho(d.h.Family, d.pkt[d.h.HeaderLen:]); err == nil {
			return d.h.HeaderLen + 4
		}
	}
	return -1
}

func (d datagram) port(at int) uint16 { return binary.BigEndian.Uint16(d.pkt[at:]) }

func (d datagram) setPort(at int, port uint16) {
	d.mendUpper(d.port(at), port)
	binary.BigEndian.PutUint16(d.pkt[at:], port)
}

// setAddr sets the source (or destination) address.
func (d datagram) setAddr(source bool, a netip.Addr) {
	at, to := 12, a.AsSlice()
	if d.h.Family == packet.IPv6 {
		at = 8
	}
	if !source {
		at += len(to)
	}
	for i := 0; i < len(to); i += 2 {
		from, to := binary.BigEndian.Uint16(d.pkt[at+i:]), binary.BigEndian.Uint16(to[i:])
		if d.h.Family == packet.IPv4 {
			mendHeader(d.pkt, from, to)
		}
		if d.h.Proto != packet.ProtoICMP {
			d.mendUpper(from, to)
		}
	}
	copy(d.pkt[at:], to)
}

// mendUpper mends the upper layer's checksum, if it is here and there is one.
func (d datagram) mendUpper(from, to uint16) {
	at := checksumOffset(d.h.Proto)
	if at < 0 || d.h.FragOffset > 0 || len(d.pkt) < d.h.HeaderLen+at+2 {
		return
	}
	field := d.pkt[d.h.HeaderLen+at:]
	sum := binary.BigEndian.Uint16(field)
	if sum == 0 && d.h.Proto == packet.ProtoUDP {
		return
	}
	sum = packet.UpdateChecksum(sum, from, to)
	if sum == 0 && d.h.Proto == packet.ProtoUDP {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(field, sum)
}
