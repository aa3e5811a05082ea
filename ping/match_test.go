package ping

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// flying returns a driver with count probes of the given size in flight to a.
func flying(tb testing.TB, a netip.Addr, size, count int) *driver {
	cfg := Config{Size: size, Preload: count, Rate: -1}
	if size == 0 {
		cfg.Size = -1
	}
	d := newDriver(tb, cfg, list(a))
	d.step(0)
	return d
}

// receive has p arrive 10 ms after the start, and returns the kinds of events it has.
func (d *driver) receive(p *rawsock.Packet) (kinds []Kind) {
	d.tb.Helper()
	d.now = t0.Add(10 * ms)
	p.Stamp.Time = d.now
	before := len(d.text)
	d.s.receive(p)
	for _, e := range d.s.events {
		kinds = append(kinds, e.Kind)
	}
	d.collect()
	d.text = d.text[:before]
	return kinds
}

// sizes are those of the data with less room than for the number, with just that, and with more.
var sizes = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 56, 200}

// TestEveryBit flips each bit of a reply. What the checksum did not tell is told by the data.
func TestEveryBit(t *testing.T) {
	for _, f := range families {
		for _, size := range sizes {
			n, count := int64(1), 3
			if size < numberedSize {
				n, count = 0, 1 // another probe in flight could not be told from this one
			}
			d := flying(t, hostOf(f), size, count)
			whole := d.echo(n)
			for bit := range 8 * len(whole.Data) {
				p := *whole
				p.Data = slices.Clone(whole.Data)
				p.Data[bit/8] ^= 1 << (bit % 8)
				p.BadChecksum = true // as a raw socket sees it
				switch got := d.receive(&p); {
				case bit < 8: // the type: no reply any more
					if len(got) > 0 {
						t.Errorf("%v size %d bit %d: %v", f, size, bit, got)
					}
				case bit < 48 || bit >= 64:
					if !slices.Equal(got, []Kind{Corrupt}) {
						t.Errorf("%v size %d bit %d with a bad checksum: %v", f, size, bit, got)
					}
				}
				p.BadChecksum = false // mended on the way
				got := d.receive(&p)
				switch {
				case bit < 48: // type, code, checksum and identifier are the sockets' to judge
				case bit < 64: // the sequence number
					if len(got) != 1 || got[0] != Corrupt && (size >= numberedSize || got[0] != Foreign) {
						t.Errorf("%v size %d bit %d: %v", f, size, bit, got)
					}
				case !slices.Equal(got, []Kind{Corrupt}):
					t.Errorf("%v size %d bit %d: %v", f, size, bit, got)
				}
				if bit < 48 && len(got) > 0 && got[0] == Reply { // a new one for the next bit
					d = flying(t, hostOf(f), size, count)
				}
			}
			d = flying(t, hostOf(f), size, count)
			if got := d.receive(d.echo(n)); !slices.Equal(got, []Kind{Reply}) {
				t.Errorf("%v size %d: the reply itself is %v", f, size, got)
			}
		}
	}
}

// TestReplies judges replies to the second of three probes.
func TestReplies(t *testing.T) {
	const n = 1
	clone := func(edit func(p *rawsock.Packet, data []byte)) func(*driver) *rawsock.Packet {
		return func(d *driver) *rawsock.Packet {
			p := d.echo(n)
			p.Data = slices.Clone(p.Data)
			edit(p, p.Data[packet.EchoHeaderLen:])
			return p
		}
	}
	tests := []struct {
		name string
		size int
		make func(*driver) *rawsock.Packet
		want Kind
		seq  int64
	}{
		{"whole", 56, clone(func(p *rawsock.Packet, _ []byte) {}), Reply, n},
		{"one byte more", 56, clone(func(p *rawsock.Packet, _ []byte) { p.Data = append(p.Data, 56) }), Corrupt, n},
		{"twice as long", 56, clone(func(p *rawsock.Packet, d []byte) { p.Data = append(p.Data, d...) }), Corrupt, n},
		{"longer, without room for a number", 4, clone(func(p *rawsock.Packet, _ []byte) { p.Data = append(p.Data, 0) }), Corrupt, n},
		{"cut by the socket", 56, clone(func(p *rawsock.Packet, _ []byte) { p.Truncated = true }), Corrupt, n},
		{"bad checksum", 56, clone(func(p *rawsock.Packet, _ []byte) { p.BadChecksum = true }), Corrupt, n},
		{"other cookie", 56, clone(func(_ *rawsock.Packet, d []byte) { binary.BigEndian.PutUint64(d, 0xfedcba9876543210) }), Foreign, n},
		{"other cookie, without room for a number", 8, clone(func(_ *rawsock.Packet, d []byte) { binary.BigEndian.PutUint64(d, 0xfedcba9876543210) }), Foreign, n},
		{"forged time stamp", 56, clone(func(_ *rawsock.Packet, d []byte) { clear(d[:16]) }), Foreign, n},
		{"other data", 56, clone(func(_ *rawsock.Packet, d []byte) { clear(d[16:]) }), Corrupt, n},
		{"sequence number never sent", 56, clone(func(p *rawsock.Packet, _ []byte) { p.Data[6] += 4 }), Corrupt, n},
		{"sequence number of another probe", 56, clone(func(p *rawsock.Packet, _ []byte) { p.Data[7]++ }), Corrupt, 2},
		{"number never sent", 56, clone(func(p *rawsock.Packet, d []byte) {
			binary.BigEndian.PutUint64(d[8:], 1<<16+n)
		}), Corrupt, n},
		{"negative number", 56, clone(func(p *rawsock.Packet, d []byte) {
			binary.BigEndian.PutUint64(d[8:], 1<<63+n)
		}), Corrupt, n},
		{"other source", 56, clone(func(p *rawsock.Packet, _ []byte) { p.Addr = other4 }), Foreign, n},
		{"other source, damaged", 56, clone(func(p *rawsock.Packet, d []byte) { p.Addr = other4; d[20]++ }), Foreign, n},
		{"other source and sequence number", 56, clone(func(p *rawsock.Packet, _ []byte) { p.Addr = other4; p.Data[6] += 4 }), Foreign, -1},
		{"other source, without data", 0, clone(func(p *rawsock.Packet, _ []byte) { p.Addr = other4 }), Foreign, n},
		{"unknown sequence number, without data", 0, clone(func(p *rawsock.Packet, _ []byte) { p.Data[6] += 4 }), Foreign, -1},
		{"no answer at all", 56, clone(func(p *rawsock.Packet, _ []byte) { p.Data[0] = 8 }), 0, 0},
		{"short", 56, clone(func(p *rawsock.Packet, _ []byte) { p.Data = p.Data[:7] }), 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := flying(t, host4, tt.size, 3)
			d.step(10*ms, func(d *driver) { d.s.receive(tt.make(d)) })
			var got []string
			if len(d.text) > 3 {
				got = d.text[3:]
			}
			var want []string
			if tt.want != 0 {
				text := fmt.Sprintf("10ms %v 0/%d", tt.want, tt.seq)
				if tt.want == Reply {
					text += " rtt=10ms"
				}
				want = []string{text}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestTruncation cuts a reply everywhere.
func TestTruncation(t *testing.T) {
	for _, size := range sizes {
		for length := range size {
			d := flying(t, host6, size, 1)
			p := d.echo(0)
			p.Data = p.Data[:packet.EchoHeaderLen+length]
			if got := d.receive(p); !slices.Equal(got, []Kind{Corrupt}) {
				t.Errorf("%d of %d bytes: %v", length, size, got)
			}
		}
	}
}

// TestSources says from where an answer may come.
func TestSources(t *testing.T) {
	addr := netip.MustParseAddr
	tests := []struct {
		to, from  string
		broadcast bool
		want      Kind
	}{
		{"198.51.100.1", "198.51.100.1", false, Reply},
		{"198.51.100.1", "198.51.100.2", false, Foreign},
		{"::ffff:198.51.100.1", "198.51.100.1", false, Reply},
		{"198.51.100.255", "198.51.100.2", true, Reply},
		{"255.255.255.255", "198.51.100.2", false, Reply},
		{"224.0.0.1", "198.51.100.2", false, Reply},
		{"0.0.0.0", "127.0.0.1", false, Reply},
		{"ff02::1%eth0", "fe80::7%eth0", false, Reply},
		{"::", "::1", false, Reply},
		{"fe80::1%eth0", "fe80::1%eth0", false, Reply},
		{"fe80::1%2", "fe80::1%eth0", false, Reply}, // the same link, by number and by name
		{"fe80::1%eth0", "fe80::2%eth0", false, Foreign},
		{"2001:db8::1", "2001:db8::2", false, Foreign},
	}
	for _, tt := range tests {
		for _, size := range []int{-1, 56} {
			d := newDriver(t, Config{Size: size, Broadcast: tt.broadcast}, list(addr(tt.to)))
			d.step(0)
			p := d.echo(0)
			p.Addr = addr(tt.from)
			if got := d.receive(p); !slices.Equal(got, []Kind{tt.want}) {
				t.Errorf("size %d to %s from %s: %v, want %v", size, tt.to, tt.from, got, tt.want)
			}
		}
	}
}

// TestErrorQuotes judges ICMP errors by what they quote of the second of three probes.
func TestErrorQuotes(t *testing.T) {
	const n = 1
	quote := func(quoted int, edit func(e *packet.Error)) func(d *driver) *rawsock.Packet {
		return func(d *driver) *rawsock.Packet {
			p := d.icmp(packet.Unreachable, n, quoted)
			p.ICMP.Quote.Payload = slices.Clone(p.ICMP.Quote.Payload)
			edit(p.ICMP)
			return p
		}
	}
	as := func(*packet.Error) {}
	elsewhere := func(e *packet.Error) { e.Quote.Header.Dst = otherOf(e.Family) }
	data := func(e *packet.Error) []byte { return e.Quote.Payload[packet.EchoHeaderLen:] }
	tests := []struct {
		name string
		size int
		make func(*driver) *rawsock.Packet
		want []Kind
	}{
		{"all of it", 56, quote(56, as), []Kind{ICMPError}},
		{"8 bytes", 56, quote(0, as), []Kind{ICMPError}},
		{"part of the cookie", 56, quote(5, as), []Kind{ICMPError}},
		{"the cookie", 56, quote(8, as), []Kind{ICMPError}},
		{"part of the number", 56, quote(12, as), []Kind{ICMPError}},
		{"the number", 56, quote(16, as), []Kind{ICMPError}},
		{"8 bytes and padding", 56, quote(56, func(e *packet.Error) { clear(data(e)) }), []Kind{ICMPError}},
		{"the cookie and padding", 56, quote(56, func(e *packet.Error) { clear(data(e)[8:]) }), []Kind{ICMPError}},
		{"all of it, the destination translated", 56, quote(56, elsewhere), []Kind{ICMPError}},
		{"another process's probe", 56, quote(56, func(e *packet.Error) { data(e)[3] ^= 0x55 }), nil},
		{"another process's probe, the cookie", 56, quote(8, func(e *packet.Error) { data(e)[3] ^= 0x55 }), nil},
		{"another process's probe, 8 bytes", 56, quote(0, elsewhere), nil},
		{"another process's probe, 8 bytes and padding", 56, quote(56, func(e *packet.Error) { clear(data(e)); elsewhere(e) }), nil},
		{"small probe", 0, quote(0, as), []Kind{ICMPError}},
		{"small probe of another process", 0, quote(0, elsewhere), nil},
		{"small probe, the cookie", 8, quote(8, as), []Kind{ICMPError}},
		{"small probe of another process, the cookie", 8, quote(8, func(e *packet.Error) { data(e)[0] ^= 1 }), nil},
		{"unknown sequence number", 56, quote(0, func(e *packet.Error) { e.Quote.Payload[6] = 9 }), nil},
		{"an echo reply", 56, quote(56, func(e *packet.Error) { e.Quote.Payload[0] = 0 }), nil},
		{"fewer than 8 bytes", 56, quote(56, func(e *packet.Error) { e.Quote.Payload = e.Quote.Payload[:7] }), nil},
		{"nothing", 56, quote(56, func(e *packet.Error) { e.Quote.Payload = nil }), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := flying(t, host4, tt.size, 3)
			if got := d.receive(tt.make(d)); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			var seqs []int64
			for seq, kind := range d.check.books[0].outcome {
				if kind == ICMPError {
					seqs = append(seqs, seq)
				}
			}
			if tt.want != nil && !slices.Equal(seqs, []int64{n}) {
				t.Errorf("the error counts for %v, want %d", seqs, n)
			}
		})
	}
}

// TestErrorSize says how large an ICMP error was, as far as the system lets that be known.
func TestErrorSize(t *testing.T) {
	for _, tt := range []struct {
		family packet.Family
		header int
		want   int
	}{{packet.IPv4, 24, 8 + 24 + 64}, {packet.IPv4, 0, 8 + 20 + 64}, {packet.IPv6, 0, 8 + 40 + 64}} {
		e := &packet.Error{Family: tt.family, Quote: packet.Quote{Payload: make([]byte, 64)}}
		e.Quote.Header.HeaderLen = tt.header
		if got := errorSize(e); got != tt.want {
			t.Errorf("%v with a header of %d: %d, want %d", tt.family, tt.header, got, tt.want)
		}
	}
}

// TestSendStamps has the kernel say when the probe left: what it was held before is no round trip.
func TestSendStamps(t *testing.T) {
	const us = time.Microsecond
	for _, size := range []int{-1, 8, 56} {
		for _, f := range families {
			d := newDriver(t, Config{Size: size}, list(hostOf(f)))
			d.step(0)
			stamp := func(to netip.Addr) *rawsock.Packet {
				return &rawsock.Packet{
					Kind: rawsock.Sent, Addr: to, Stamp: rawsock.Stamp{Time: d.now, Kernel: t0.Add(300 * us)},
					Data: packet.AppendEcho(nil, f, packet.Echo{Data: bytes.Clone(d.s.match.fill(0))}),
				}
			}
			for _, p := range []*rawsock.Packet{stamp(otherOf(f)), stamp(hostOf(f))} {
				if got := d.receive(p); len(got) > 0 {
					t.Errorf("a stamp is told: %v", got)
				}
			}
			p := d.echo(0)
			p.Stamp.Kernel = t0.Add(9900 * us)
			d.now = t0.Add(10 * ms)
			p.Stamp.Time = d.now
			d.s.receive(p)
			e := d.s.events[0]
			if e.Kind != Reply || e.RTT != 9600*us || !e.Kernel {
				t.Errorf("%v size %d: %v after %v, kernel %t; want a reply after 9.6ms", f, size, e.Kind, e.RTT, e.Kernel)
			}
		}
	}
}

// TestPattern fills the data that is not the cookie's and the number's.
func TestPattern(t *testing.T) {
	p := []byte{0xab, 0xcd, 0xef}
	tests := []struct {
		size    int
		pattern []byte
		want    []byte
	}{
		{3, nil, []byte{0, 1, 2}},
		{5, p, []byte{0xab, 0xcd, 0xef, 0xab, 0xcd}},
		{20, p, []byte{1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x53, 0x84, 0, 0, 0, 0, 0, 7, 0xab, 0xcd, 0xef, 0xab}},
		{18, nil, []byte{1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x53, 0x84, 0, 0, 0, 0, 0, 7, 16, 17}},
	}
	for _, tt := range tests {
		m := newMatcher(&Config{Size: tt.size, Pattern: tt.pattern}, cookie)
		if got := m.fill(7); !bytes.Equal(got, tt.want) {
			t.Errorf("%d bytes of pattern %x: %x, want %x", tt.size, tt.pattern, got, tt.want)
		}
	}
}

// TestSealed damages the number of every probe of a large window by one bit: it is no other's.
func TestSealed(t *testing.T) {
	m := newMatcher(&Config{Size: numberedSize}, cookie)
	for n := int64(0); n < maxWindow; n += 97 {
		data := bytes.Clone(m.fill(n))
		if got, ok := m.number(data); !ok || got != n {
			t.Fatalf("number = %d, %t; want %d", got, ok, n)
		}
		for bit := range 64 {
			data[cookieSize+bit/8] ^= 1 << (bit % 8)
			if got, ok := m.number(data); ok {
				t.Fatalf("probe %d with bit %d flipped is %d", n, bit, got)
			}
			data[cookieSize+bit/8] ^= 1 << (bit % 8)
		}
	}
}
