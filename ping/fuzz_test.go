package ping

import (
	"net/netip"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// script is the bytes of a fuzzer, read one by one; behind the end there are zeros.
type script []byte

func (s *script) next() byte {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return b
}

func (s *script) take(n int) []byte {
	n = min(n, len(*s))
	b := (*s)[:n:n]
	*s = (*s)[n:]
	return b
}

// config reads how to ping.
func (s *script) config() Config {
	sizes := [...]int{-1, 1, 7, 8, 15, 16, 56, 300}
	c := Config{
		Size:    sizes[s.next()%8],
		Count:   int64(s.next() % 8),
		Pace:    Pace(s.next() % 3),
		Preload: int(s.next() % 5),
		Timeout: time.Duration(1+s.next()) * 10 * ms,
		Rate:    []float64{0, -1, 50}[s.next()%3],
	}
	c.Interval = []time.Duration{0, -1, 20 * ms, 3 * sec}[s.next()%4]
	if c.Interval < 0 && c.Count == 0 {
		c.Count = 9 // bounds what is sent at once
	}
	flags := s.next()
	c.Until, c.Broadcast = flags&1 != 0, flags&2 != 0
	return c
}

// arrive makes a packet out of what answers probe n, edited.
func (s *script) arrive(d *driver, n int64) *rawsock.Packet {
	var p *rawsock.Packet
	op := s.next()
	switch op % 4 {
	case 0:
		p = d.echo(n)
	case 1:
		p = d.icmp([]packet.Class{packet.Unreachable, packet.Redirect, packet.SourceQuench}[s.next()%3], n, int(s.next()))
		p.ICMP.Type, p.ICMP.Code, p.ICMP.MTU = p.ICMP.Type^s.next(), s.next(), int(s.next())
	case 2:
		p = d.echo(n)
		p.Kind = rawsock.Sent
		p.Data[0] = map[packet.Family]byte{packet.IPv4: 8, packet.IPv6: 128}[packet.FamilyOf(p.Addr)]
	default:
		p = &rawsock.Packet{Addr: d.s.window.at(n).t.addr, TTL: 1, Data: s.take(int(s.next())), Stamp: rawsock.Stamp{Time: d.now}}
	}
	if op&4 != 0 {
		p.Addr = []netip.Addr{other4, other6, host4, {}}[s.next()%4]
	}
	if op&8 != 0 {
		p.Stamp.Kernel = d.now.Add(-time.Duration(s.next()) * ms).Add(time.Duration(s.next()))
	}
	data := p.Data
	if p.ICMP != nil {
		data = p.ICMP.Quote.Payload
	}
	if op&16 != 0 && len(data) > 0 {
		data[int(s.next())%len(data)] ^= 1 << (s.next() % 8)
	}
	if op&32 != 0 {
		data = data[:min(len(data), int(s.next()))]
	}
	if p.ICMP != nil {
		p.ICMP.Quote.Payload = data
	}
	p.Data = data
	p.BadChecksum, p.Truncated = op&64 != 0, op&128 != 0
	return p
}

// FuzzSession has anything arrive at any time. Nothing may panic, and what is promised of events holds.
func FuzzSession(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{6, 3, 0, 2, 9, 1, 0, 0, 1, 0, 0, 1, 1, 1, 50, 4, 0})
	f.Add([]byte{0, 0, 2, 3, 1, 1, 2, 1, 1, 0, 0, 1, 0, 1, 1, 2, 200, 1, 0, 2, 3, 1, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := script(data)
		cfg := s.config()
		d := newDriver(t, cfg, list(host4, host6, netip.Addr{}, netip.MustParseAddr("fe80::1%eth0"), host4))
		d.keepText = false
		at := time.Duration(0)
		d.step(0)
		for len(s) > 0 && d.sent < 3000 {
			switch op := s.next(); op % 4 {
			case 0:
				at += time.Duration(s.next()) * ms
				d.step(at)
			case 1:
				if next := d.s.window.next; next > 0 {
					n := max(d.s.window.tail, next-1-int64(s.next()))
					d.step(at, func(d *driver) {
						// A packet that is not about its target in the first place is a stranger's.
						p := s.arrive(d, n)
						if p.Addr.IsValid() {
							d.s.receive(p)
						}
					})
				}
			case 2:
				gap := time.Duration(s.next()) * 10 * ms
				at += gap
				d.step(at, func(d *driver) { d.s.paused(gap, d.now) })
			case 3:
				err := []error{nil, errPostpone, errRefused}[s.next()%3]
				d.refuse = func(n int64) error { return err }
				d.step(at)
				d.refuse = nil
			}
		}
		d.end(cfg)
	})
}

// end lets the session come to its end, if it has one.
func (d *driver) end(cfg Config) {
	d.tb.Helper()
	if cfg.Count == 0 {
		return
	}
	d.run(d.now.Sub(t0)+time.Hour, nil)
	if !d.s.finished() {
		d.tb.Error("it does not end")
	}
	for i, b := range d.check.books {
		if !b.done || b.open > 0 && !cfg.Until {
			d.tb.Errorf("target %d: done %t, %d probes open", i, b.done, b.open)
		}
	}
}
