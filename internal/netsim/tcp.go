package netsim

import (
	"encoding/binary"

	"github.com/netdiag/netdiag/internal/packet"
)

// answerTCP returns the segment that nd answers to one of f (RFC 9293 section 3.10.7). It
// keeps no connections: its initial sequence number follows from addresses and ports, so
// that a handshake, data and an orderly end can be acknowledged from the segment alone.
func (nd *node) answerTCP(f *flight, upper []byte) (segment []byte, ok bool) {
	t, err := packet.ParseTCP(upper)
	if err != nil || t.HeaderLen < 20 || t.HeaderLen > len(upper) || !intact(f, upper) || t.Flags&packet.RST != 0 {
		return nil, false
	}
	if !inPorts(nd.tcpOpen, t.DstPort) {
		return resetFor(f)
	}
	back := packet.TCP{SrcPort: t.DstPort, DstPort: t.SrcPort, Seq: nd.initialSeq(f, upper), Window: 0xffff}
	data := uint32(len(upper) - t.HeaderLen)
	switch {
	case t.Flags&packet.SYN != 0 && t.Flags&packet.ACK != 0:
		return resetFor(f)
	case t.Flags&packet.SYN != 0:
		back.Flags = packet.SYN | packet.ACK
		back.Ack = t.Seq + 1
		return back.Append(nil, []byte{2, 4, 0x05, 0xb4}, nil), true // maximum segment size 1460
	case t.Flags&packet.FIN != 0:
		back.Flags = packet.FIN | packet.ACK
		back.Ack = t.Seq + data + 1
	case data > 0:
		back.Flags = packet.ACK
		back.Ack = t.Seq + data
	default:
		return nil, false
	}
	back.Seq++
	return back.Append(nil, nil, nil), true
}

// initialSeq returns the sequence number that nd's connection with the sender of f begins
// with.
func (nd *node) initialSeq(f *flight, upper []byte) uint32 {
	h := newHash(nd.seed).addr(f.h.Src).addr(f.h.Dst).word(uint64(binary.BigEndian.Uint32(upper)))
	return uint32(h.sum())
}

// resetFor returns the reset that answers the TCP segment of f where nothing listens (RFC
// 9293 section 3.10.7.1); ok is false where f is no segment to be answered so.
func resetFor(f *flight) (segment []byte, ok bool) {
	upper := f.h.Payload(f.pkt)
	if f.h.Proto != packet.ProtoTCP || f.h.FragOffset > 0 {
		return nil, false
	}
	t, err := packet.ParseTCP(upper)
	if err != nil || t.HeaderLen < 20 || t.HeaderLen > len(upper) || t.Flags&packet.RST != 0 {
		return nil, false
	}
	back := packet.TCP{SrcPort: t.DstPort, DstPort: t.SrcPort, Flags: packet.RST}
	if t.Flags&packet.ACK != 0 {
		back.Seq = t.Ack
	} else {
		back.Flags |= packet.ACK
		back.Ack = t.Seq + uint32(len(upper)-t.HeaderLen)
		for _, flag := range []packet.TCPFlags{packet.SYN, packet.FIN} {
			if t.Flags&flag != 0 {
				back.Ack++
			}
		}
	}
	segment = back.Append(nil, nil, nil)
	packet.SetChecksum(f.h.Proto, f.h.Dst, f.h.Src, segment)
	return segment, true
}
