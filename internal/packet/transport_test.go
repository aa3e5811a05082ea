package packet

import (
	"bytes"
	"errors"
	"testing"
)

func TestUDP(t *testing.T) {
	want := UDP{SrcPort: 33434, DstPort: 53, Length: 10}
	b := want.Append([]byte("front"), []byte("ab"))[len("front"):]
	if !bytes.Equal(b, unhex(t, "829a 0035 000a 0000 6162")) {
		t.Errorf("Append: %x", b)
	}
	if got, err := ParseUDP(b); got != want || err != nil {
		t.Errorf("ParseUDP: %+v, %v", got, err)
	}
	if _, err := ParseUDP(b[:7]); !errors.Is(err, ErrShort) {
		t.Errorf("7 bytes: %v", err)
	}
}

func TestTCP(t *testing.T) {
	want := TCP{SrcPort: 40000, DstPort: 443, Seq: 0x01020304, Ack: 0x05060708,
		Flags: SYN | ACK | ECE, Window: 0x4321, HeaderLen: 24}
	options := unhex(t, "0204 05b4")
	b := want.Append([]byte("front"), options, []byte("ab"))[len("front"):]
	if !bytes.Equal(b, unhex(t, "9c40 01bb 01020304 05060708 6052 4321 0000 0000 020405b4 6162")) {
		t.Errorf("Append: %x", b)
	}
	if got, err := ParseTCP(b); got != want || err != nil {
		t.Errorf("ParseTCP: %+v, %v", got, err)
	}
}

func TestTCPOptionsArePaddedAndCut(t *testing.T) {
	for length, want := range map[int]int{0: 20, 1: 24, 4: 24, 40: 60, 44: 60} {
		got, err := ParseTCP(TCP{}.Append(nil, make([]byte, length), nil))
		if err != nil || got.HeaderLen != want {
			t.Errorf("%d bytes of options: header of %d, %v; want %d", length, got.HeaderLen, err, want)
		}
	}
}

func TestParseTCPOfAQuote(t *testing.T) {
	whole := TCP{SrcPort: 1, DstPort: 2, Seq: 3, Ack: 4, Flags: SYN, Window: 5, Checksum: 6, HeaderLen: 20}
	b := unhex(t, "0001 0002 00000003 00000004 5002 0005 0006 0000")
	for length, change := range map[int]func(*TCP){
		8:  func(c *TCP) { *c = TCP{SrcPort: 1, DstPort: 2, Seq: 3} },
		11: func(c *TCP) { *c = TCP{SrcPort: 1, DstPort: 2, Seq: 3} },
		13: func(c *TCP) { *c = TCP{SrcPort: 1, DstPort: 2, Seq: 3, Ack: 4} },
		15: func(c *TCP) { c.Window, c.Checksum = 0, 0 },
		17: func(c *TCP) { c.Checksum = 0 },
		20: func(*TCP) {},
	} {
		want := whole
		change(&want)
		if got, err := ParseTCP(b[:length]); got != want || err != nil {
			t.Errorf("%d bytes: %+v, %v; want %+v", length, got, err, want)
		}
	}
	if _, err := ParseTCP(b[:7]); !errors.Is(err, ErrShort) {
		t.Errorf("7 bytes: %v", err)
	}
	b[12] = 0x40
	if _, err := ParseTCP(b); !errors.Is(err, ErrInvalid) {
		t.Errorf("header of 16 bytes: %v", err)
	}
}
