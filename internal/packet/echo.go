package packet

import (
	"encoding/binary"
	"fmt"
)

// EchoHeaderLen is the length of an echo message before its data.
const EchoHeaderLen = 8

// Echo is an echo request or reply (RFC 792, RFC 4443 section 4).
type Echo struct {
	Reply   bool
	ID, Seq uint16
	Data    []byte // aliases what was parsed
}

var (
	errEchoShort   = fmt.Errorf("packet: echo: %w", ErrShort)
	errEchoInvalid = fmt.Errorf("packet: echo: %w: another ICMP type", ErrInvalid)
)

// echoType returns the ICMP type of echo requests or replies in family f.
func echoType(f Family, reply bool) uint8 {
	switch {
	case f == IPv6 && reply:
		return 129
	case f == IPv6:
		return 128
	case reply:
		return 0
	}
	return 8
}

// AppendEcho appends e as an ICMP message of family f to b. The checksum is set on
// IPv4; on IPv6 it is left 0, for the kernel or SetChecksum to fill.
func AppendEcho(b []byte, f Family, e Echo) []byte {
	start := len(b)
	b = append(b, echoType(f, e.Reply), 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, e.ID)
	b = binary.BigEndian.AppendUint16(b, e.Seq)
	b = append(b, e.Data...)
	if f != IPv6 {
		binary.BigEndian.PutUint16(b[start+2:], Checksum(b[start:]))
	}
	return b
}

// ParseEcho parses the ICMP message b of family f. The error wraps ErrShort or, for
// a message of another kind, ErrInvalid. It allocates nothing and looks neither at
// the checksum nor at the code, which means nothing in an echo and which some hosts
// send other than 0.
func ParseEcho(f Family, b []byte) (Echo, error) {
	if len(b) < EchoHeaderLen {
		return Echo{}, errEchoShort
	}
	reply := b[0] == echoType(f, true)
	if !reply && b[0] != echoType(f, false) {
		return Echo{}, errEchoInvalid
	}
	return Echo{
		Reply: reply,
		ID:    binary.BigEndian.Uint16(b[4:]),
		Seq:   binary.BigEndian.Uint16(b[6:]),
		Data:  b[EchoHeaderLen:],
	}, nil
}

// PatchEcho writes identifier and sequence number into the echo message b, which
// AppendEcho made, and mends an IPv4 checksum that was right before. The time it
// takes does not depend on the length of b.
func PatchEcho(f Family, b []byte, id, seq uint16) {
	if len(b) < EchoHeaderLen {
		return
	}
	if f != IPv6 {
		sum := binary.BigEndian.Uint16(b[2:])
		sum = UpdateChecksum(sum, binary.BigEndian.Uint16(b[4:]), id)
		sum = UpdateChecksum(sum, binary.BigEndian.Uint16(b[6:]), seq)
		binary.BigEndian.PutUint16(b[2:], sum)
	}
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], seq)
	if f != IPv6 && b[0] == 0 && b[2] == 0 && b[3] == 0 {
		// A reply all of whose words are 0 has the checksum 0xffff, which differences
		// cannot tell from 0.
		binary.BigEndian.PutUint16(b[2:], Checksum(b))
	}
}
