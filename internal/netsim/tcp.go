package netsim

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// Linux gives up a connection that is not completed after five SYN-ACKs
// (net.ipv4.tcp_synack_retries), and answers segments that do not fit twice a second
// (net.ipv4.tcp_invalid_ratelimit).
const (
	halfOpenFor    = 63 * time.Second
	challengeEvery = 500 * time.Millisecond
)

// maxConnections is how many connections a host remembers; when there are more, it forgets
// them all.
const maxConnections = 1 << 14

// serverWindow is the receive window of hosts, in bytes.
const serverWindow = 0xffff

// connectionKey names a connection at a host.
type connectionKey struct {
	remote, local netip.Addr
	ports         uint32 // both, as in the remote's segments
}

// connection is one that a SYN has opened.
type connection struct {
	first       uint32 // the remote's initial sequence number
	since       time.Duration
	challenged  time.Duration // when the last segment that did not fit was answered
	wasAnswered bool          // one was
	established bool
}

// answerTCP returns the segment that nd answers to one of f (RFC 9293 section 3.10.7). Of a
// connection it remembers only that there is one, for a further SYN: its initial sequence
// number follows from addresses and ports, so that a handshake, data and an orderly end can
// be acknowledged from the segment alone.
func (nd *node) answerTCP(f *flight, upper []byte) (segment []byte, ok bool) {
	t, err := packet.ParseTCP(upper)
	if err != nil || t.HeaderLen < 20 || t.HeaderLen > len(upper) || !intact(f, upper) {
		return nil, false
	}
	if !inPorts(nd.tcpOpen, t.DstPort) {
		return resetFor(f)
	}
	key := connectionKey{f.h.Src, f.h.Dst, binary.BigEndian.Uint32(upper)}
	back := packet.TCP{SrcPort: t.DstPort, DstPort: t.SrcPort, Seq: nd.initialSeq(f, upper), Window: serverWindow}
	data := uint32(len(upper) - t.HeaderLen)
	switch {
	case t.Flags&packet.RST != 0:
		if c := nd.connections[key]; c != nil && c.fits(t.Seq) {
			delete(nd.connections, key)
		}
		return nil, false
	case t.Flags&packet.SYN != 0 && t.Flags&packet.ACK != 0:
		return resetFor(f)
	case t.Flags&packet.SYN != 0:
		return nd.answerSYN(f, key, &t, back)
	case t.Flags&packet.FIN != 0:
		delete(nd.connections, key)
		back.Flags = packet.FIN | packet.ACK
		back.Ack = t.Seq + data + 1
	default:
		if c := nd.connections[key]; c != nil && c.fits(t.Seq) {
			c.established = true
		}
		if data == 0 {
			return nil, false
		}
		back.Flags = packet.ACK
		back.Ack = t.Seq + data
	}
	back.Seq++
	return back.Append(nil, nil, nil), true
}

// answerSYN answers the SYN t: where there is a connection already, as Linux does (RFC 5961
// section 4.2). back is a segment with all but flags, acknowledgement and options.
func (nd *node) answerSYN(f *flight, key connectionKey, t *packet.TCP, back packet.TCP) (segment []byte, ok bool) {
	c := nd.connections[key]
	if c == nil || f.at-c.since > halfOpenFor {
		if nd.connections == nil || len(nd.connections) >= maxConnections {
			nd.connections = make(map[connectionKey]*connection)
		}
		c = &connection{first: t.Seq, since: f.at}
		nd.connections[key] = c
	} else {
		if !c.established && t.Seq != c.first && c.fits(t.Seq) {
			delete(nd.connections, key)
			return resetFor(f)
		}
		if c.wasAnswered && f.at-c.challenged < challengeEvery {
			return nil, false
		}
		c.challenged, c.wasAnswered = f.at, true
	}
	back.Ack = c.first + 1
	if c.established || t.Seq != c.first {
		back.Flags = packet.ACK
		back.Seq++
		return back.Append(nil, nil, nil), true
	}
	back.Flags = packet.SYN | packet.ACK
	return back.Append(nil, []byte{2, 4, 0x05, 0xb4}, nil), true // maximum segment size 1460
}

// fits reports whether the sequence number lies in the window that c opens with.
func (c *connection) fits(seq uint32) bool { return seq-(c.first+1) < serverWindow }

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
