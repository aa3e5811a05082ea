package netsim

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/netdiag/netdiag/internal/packet"
)

// Misquote is what is wrong with the packet that an ICMP error quotes: as far as that has the
// fields. What is added to a field may be negative, and wraps.
type Misquote struct {
	Src netip.Addr `json:"src"` // source address, if it is of the family
	Dst netip.Addr `json:"dst"` // destination address, likewise
	TTL *int       `json:"ttl"` // 0 to 255; nil: as it is
	TOS *int       `json:"tos"` // 0 to 255; nil: as it is

	ID       int `json:"id"`       // is added to the identification (IPv4), or to the flow label
	Length   int `json:"length"`   // is added to the length of the packet (IPv4) or of its payload
	SrcPort  int `json:"src_port"` // is added to the source port, or to the identifier of an echo
	DstPort  int `json:"dst_port"` // is added to the destination port
	Seq      int `json:"seq"`      // is added to the sequence number of TCP or of an echo
	Checksum int `json:"checksum"` // is added to the checksum of UDP, TCP or ICMP

	// Random draws all that is behind the IP header, as somebody must who forges an error about
	// a packet that he has not seen.
	Random bool `json:"random"`
}

// misquote returns quoted as it is with all of ms, and if foreign is not nil, as another
// process's packet.
func (nd *node) misquote(quoted []byte, foreign *Foreign, ms []*Misquote) []byte {
	quoted = slices.Clone(quoted)
	h, err := packet.ParseIP(quoted)
	if err != nil {
		return quoted
	}
	q := datagram{pkt: quoted, h: h}
	if foreign != nil {
		nd.estrange(q, foreign)
	}
	for _, m := range ms {
		m.header(q)
		m.upper(q)
		if m.Random {
			nd.draw(quoted[h.HeaderLen:])
		}
	}
	if h.Family == packet.IPv4 {
		clear(quoted[10:12])
		binary.BigEndian.PutUint16(quoted[10:], packet.Checksum(quoted[:h.HeaderLen]))
	}
	return quoted
}

// draw fills b at random.
func (nd *node) draw(b []byte) {
	for i := range b {
		b[i] = uint8(nd.rng.Uint32())
	}
}

// estrange makes q another process's packet to the same destination.
func (nd *node) estrange(q datagram, foreign *Foreign) {
	if q.h.Family == packet.IPv4 {
		nd.draw(q.pkt[4:6])
	}
	before := slices.Clone(q.pkt)
	nd.draw(q.pkt[q.h.HeaderLen:])
	keep := func(from, to int) {
		from, to = min(q.h.HeaderLen+from, len(before)), min(q.h.HeaderLen+to, len(before))
		copy(q.pkt[from:to], before[from:to])
	}
	switch q.h.Proto {
	case packet.ProtoUDP:
		keep(0, 6) // with the length
	case packet.ProtoTCP:
		keep(0, 4)
		keep(12, 14) // header length and flags
	case q.h.Family.ICMPProto():
		keep(0, 2)
		keep(4, 6)
	}
	if at := q.portAt(true); at >= 0 && foreign.ID != nil {
		binary.BigEndian.PutUint16(q.pkt[at:], *foreign.ID)
	}
}

// header changes the IP header of q.
func (m *Misquote) header(q datagram) {
	src, dst, length, id := 12, 16, 2, 4
	if q.h.Family == packet.IPv6 {
		src, dst, length, id = 8, 24, 4, 2
	}
	if packet.FamilyOf(m.Src) == q.h.Family {
		copy(q.pkt[src:], m.Src.Unmap().AsSlice())
	}
	if packet.FamilyOf(m.Dst) == q.h.Family {
		copy(q.pkt[dst:], m.Dst.Unmap().AsSlice())
	}
	if m.TTL != nil {
		setTTL(q.pkt, uint8(*m.TTL))
	}
	if m.TOS != nil {
		setTOS(q.pkt, uint8(*m.TOS))
	}
	addTo(q.pkt, length, m.Length)
	addTo(q.pkt, id, m.ID) // of the label the lower 16 bits
}

// upper changes what is behind the IP header of q.
func (m *Misquote) upper(q datagram) {
	isEcho := q.h.Proto == q.h.Family.ICMPProto()
	if at := q.portAt(true); at >= 0 {
		addTo(q.pkt, at, m.SrcPort)
	}
	if at := q.portAt(false); at >= 0 && !isEcho {
		addTo(q.pkt, at, m.DstPort)
	}
	upper := q.pkt[q.h.HeaderLen:]
	switch {
	case isEcho:
		addTo(upper, 6, m.Seq)
	case q.h.Proto == packet.ProtoTCP && len(upper) >= 8:
		binary.BigEndian.PutUint32(upper[4:], binary.BigEndian.Uint32(upper[4:])+uint32(m.Seq))
	}
	if at := checksumOffset(q.h.Proto); at >= 0 {
		addTo(upper, at, m.Checksum)
	}
}

// addTo adds v to the 16 bits at the given place of b, if they are there.
func addTo(b []byte, at, v int) {
	if at+2 <= len(b) {
		binary.BigEndian.PutUint16(b[at:], binary.BigEndian.Uint16(b[at:])+uint16(v))
	}
}
