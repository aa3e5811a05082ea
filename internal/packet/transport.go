package packet

import (
	"encoding/binary"
	"fmt"
)

// Lengths of the transport headers without options.
const (
	udpHeaderLen = 8
	tcpHeaderLen = 20
)

var (
	errUDPShort   = fmt.Errorf("packet: UDP header: %w", ErrShort)
	errTCPShort   = fmt.Errorf("packet: TCP header: %w", ErrShort)
	errTCPInvalid = fmt.Errorf("packet: TCP header: %w: data offset below 5", ErrInvalid)
)

// UDP is a UDP header (RFC 768).
type UDP struct {
	SrcPort, DstPort uint16
	Length, Checksum uint16 // Length counts header and payload, in bytes
}

// ParseUDP parses the UDP header at the start of b; 8 bytes are needed, fewer are an
// error that wraps ErrShort.
func ParseUDP(b []byte) (UDP, error) {
	if len(b) < udpHeaderLen {
		return UDP{}, errUDPShort
	}
	return UDP{
		SrcPort:  binary.BigEndian.Uint16(b),
		DstPort:  binary.BigEndian.Uint16(b[2:]),
		Length:   binary.BigEndian.Uint16(b[4:]),
		Checksum: binary.BigEndian.Uint16(b[6:]),
	}, nil
}

// Append appends u with the given payload to b, with its length and a zero checksum
// (see SetChecksum).
func (u UDP) Append(b, payload []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, u.SrcPort)
	b = binary.BigEndian.AppendUint16(b, u.DstPort)
	b = binary.BigEndian.AppendUint16(b, uint16(udpHeaderLen+len(payload)))
	b = append(b, 0, 0)
	return append(b, payload...)
}

// TCP is a TCP header (RFC 9293) without its options.
type TCP struct {
	SrcPort, DstPort uint16
	Seq, Ack         uint32
	Flags            TCPFlags
	Window           uint16
	Checksum         uint16
	// HeaderLen is in bytes, 20 to 60, and may be more than what was parsed; 0 where a
	// quote ended before that field.
	HeaderLen int
}

// TCPFlags are the control bits of a TCP header.
type TCPFlags uint8

// The control bits.
const (
	FIN TCPFlags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// ParseTCP parses the TCP header at the start of b. The 8 bytes that a quote has at
// least give ports and sequence number, the rest stays 0 where it is not there. The
// error wraps ErrShort or ErrInvalid.
func ParseTCP(b []byte) (TCP, error) {
	if len(b) < 8 {
		return TCP{}, errTCPShort
	}
	t := TCP{
		SrcPort: binary.BigEndian.Uint16(b),
		DstPort: binary.BigEndian.Uint16(b[2:]),
		Seq:     binary.BigEndian.Uint32(b[4:]),
	}
	if len(b) >= 12 {
		t.Ack = binary.BigEndian.Uint32(b[8:])
	}
	if len(b) >= 14 {
		t.HeaderLen = int(b[12]>>4) * 4
		if t.HeaderLen < tcpHeaderLen {
			return TCP{}, errTCPInvalid
		}
		t.Flags = TCPFlags(b[13])
	}
	if len(b) >= 16 {
		t.Window = binary.BigEndian.Uint16(b[14:])
	}
	if len(b) >= 18 {
		t.Checksum = binary.BigEndian.Uint16(b[16:])
	}
	return t, nil
}

// Append appends t with the given options (at most 40 bytes, padded to a multiple of
// 4) and payload to b, with a zero checksum (see SetChecksum). It ignores t.HeaderLen
// and t.Checksum.
func (t TCP) Append(b, options, payload []byte) []byte {
	options = options[:min(len(options), 40)]
	headerLen := tcpHeaderLen + (len(options)+3)&^3
	end := len(b) + headerLen
	b = binary.BigEndian.AppendUint16(b, t.SrcPort)
	b = binary.BigEndian.AppendUint16(b, t.DstPort)
	b = binary.BigEndian.AppendUint32(b, t.Seq)
	b = binary.BigEndian.AppendUint32(b, t.Ack)
	b = append(b, uint8(headerLen/4)<<4, uint8(t.Flags))
	b = binary.BigEndian.AppendUint16(b, t.Window)
	b = append(b, 0, 0, 0, 0) // checksum, urgent pointer
	b = append(b, options...)
	for len(b) < end {
		b = append(b, 0) // end of options
	}
	return append(b, payload...)
}
