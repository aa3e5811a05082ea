package packet

import (
	"fmt"
	"testing"
)

// hotPath are the functions that run for each packet and must allocate nothing.
func hotPath(tb testing.TB) map[string]func() {
	v4, v6 := probe(IPv4, 56), probe(IPv6, 56)
	extended := v6Packet(tb, 0, "3c00000000000000 1100000000000000 0000000000000000")
	echo4, echo6 := v4[20:], v6[40:]
	foreign := []byte{3, 1, 0, 0, 0, 0, 0, 0}
	buffer := make([]byte, 0, 128)
	h, err := ParseIP(v4)
	if err != nil {
		tb.Fatal(err)
	}
	return map[string]func(){
		"ParseIP/v4":         func() { _, _ = ParseIP(v4) },
		"ParseIP/v6":         func() { _, _ = ParseIP(v6) },
		"ParseIP/extensions": func() { _, _ = ParseIP(extended) },
		"ParseIP/short":      func() { _, _ = ParseIP(v4[:10]) },
		"ParseEcho/v4":       func() { _, _ = ParseEcho(IPv4, echo4) },
		"ParseEcho/v6":       func() { _, _ = ParseEcho(IPv6, echo6) },
		"ParseEcho/foreign":  func() { _, _ = ParseEcho(IPv4, foreign) },
		"PatchEcho/v4":       func() { PatchEcho(IPv4, echo4, 7, 8) },
		"PatchEcho/v6":       func() { PatchEcho(IPv6, echo6, 7, 8) },
		"AppendEcho":         func() { _ = AppendEcho(buffer, IPv4, Echo{Data: echo4}) },
		"Header.Append":      func() { _ = h.Append(buffer, echo4) },
		"SetChecksum":        func() { SetChecksum(ProtoICMPv6, host6, far6, echo6) },
		"FindIP":             func() { _ = FindIP(v4) },
		"IsError":            func() { _ = IsError(IPv6, 128) },
		"ParseTCP":           func() { _, _ = ParseTCP(echo4) },
	}
}

func TestHotPathAllocatesNothing(t *testing.T) {
	for name, run := range hotPath(t) {
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkHotPath(b *testing.B) {
	for name, run := range hotPath(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}

func BenchmarkChecksum(b *testing.B) {
	for _, size := range []int{20, 64, 1480, 65507} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			data := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				Checksum(data)
			}
		})
	}
}

func BenchmarkParseError(b *testing.B) {
	for name, x := range map[string]Extensions{"plain": {}, "labels": {MPLS: make([]Label, 2)}} {
		b.Run(name, func(b *testing.B) {
			message := AppendError(nil, &Error{Family: IPv4, Type: 11, Extensions: x}, probe(IPv4, 56))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseError(IPv4, message); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
