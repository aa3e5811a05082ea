package packet

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func TestEchoRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		family Family
		echo   Echo
		want   string
	}{
		{IPv4, Echo{ID: 0x1234, Seq: 5, Data: []byte("ab")}, "0800 8464 1234 0005 6162"},
		{IPv4, Echo{Reply: true, ID: 0x1234, Seq: 5, Data: []byte("ab")}, "0000 8c64 1234 0005 6162"},
		{IPv4, Echo{Reply: true}, "0000 ffff 0000 0000"},
		{IPv6, Echo{ID: 0x1234, Seq: 5, Data: []byte("ab")}, "8000 0000 1234 0005 6162"},
		{IPv6, Echo{Reply: true, ID: 0xffff, Seq: 0xffff}, "8100 0000 ffff ffff"},
	} {
		t.Run(fmt.Sprintf("%d/%+v", tt.family, tt.echo), func(t *testing.T) {
			b := AppendEcho([]byte("front"), tt.family, tt.echo)[len("front"):]
			if want := unhex(t, tt.want); !bytes.Equal(b, want) {
				t.Errorf("AppendEcho: %x, want %x", b, want)
			}
			got, err := ParseEcho(tt.family, b)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "ParseEcho", got, tt.echo)
		})
	}
}

func TestParseEchoErrors(t *testing.T) {
	for _, tt := range []struct {
		family Family
		bytes  string
		want   error
	}{
		{IPv4, "", ErrShort},
		{IPv4, "0800 0000 1234 00", ErrShort},
		{IPv4, "8000 0000 1234 0005", ErrInvalid}, // of the other family
		{IPv6, "0800 0000 1234 0005", ErrInvalid},
		{IPv4, "0b00 0000 0000 0000", ErrInvalid},
		{IPv4, "0809 0000 1234 0005", nil}, // a code that means nothing
	} {
		if _, err := ParseEcho(tt.family, unhex(t, tt.bytes)); !errors.Is(err, tt.want) {
			t.Errorf("%d %s: %v, want %v", tt.family, tt.bytes, err, tt.want)
		}
	}
}

func TestPatchEcho(t *testing.T) {
	numbers := []uint16{0, 1, 0x00ff, 0x7fff, 0x8000, 0xfffe, 0xffff}
	for _, family := range []Family{IPv4, IPv6} {
		for _, reply := range []bool{false, true} {
			for _, data := range []string{"", "\x00", "\xff\xff", "odd"} {
				e := Echo{Reply: reply, ID: 7, Seq: 9, Data: []byte(data)}
				b := AppendEcho(nil, family, e)
				for _, id := range numbers {
					for _, seq := range numbers {
						e.ID, e.Seq = id, seq
						PatchEcho(family, b, id, seq)
						if want := AppendEcho(nil, family, e); !bytes.Equal(b, want) {
							t.Fatalf("%d %+v: %x, want %x", family, e, b, want)
						}
					}
				}
			}
		}
	}
	short := []byte{8, 0, 1, 2, 3, 4, 5}
	PatchEcho(IPv4, short, 0xffff, 0xffff)
	if !bytes.Equal(short, []byte{8, 0, 1, 2, 3, 4, 5}) {
		t.Errorf("patched a message that is too short: %x", short)
	}
}

func TestPatchEchoKeepsAWrongChecksumWrong(t *testing.T) {
	b := AppendEcho(nil, IPv4, Echo{ID: 1, Seq: 2})
	b[3] ^= 0x10
	PatchEcho(IPv4, b, 0x4321, 77)
	if Checksum(b) == 0 {
		t.Error("the checksum became right")
	}
}
