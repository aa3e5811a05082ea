package ping

import (
	"iter"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// mirror is a connection that answers everything at once, out of fixed memory.
type mirror struct {
	queue    [batch]rawsock.Packet
	bytes    [batch][256]byte
	n        int
	deadline time.Time
}

func (m *mirror) WriteBatch(ps []rawsock.Packet) (int, error) {
	for i := range ps {
		now := time.Now()
		ps[i].Stamp = rawsock.Stamp{Time: now}
		data := append(m.bytes[m.n][:0], ps[i].Data...)
		if data[0] = 0; ps[i].Addr.Is6() {
			data[0] = 129
		}
		m.queue[m.n] = rawsock.Packet{Addr: ps[i].Addr, TTL: 64, Data: data, Stamp: rawsock.Stamp{Kernel: now}}
		m.n++
	}
	return len(ps), nil
}

func (m *mirror) ReadBatch(ps []rawsock.Packet) (int, error) {
	if m.n == 0 {
		time.Sleep(time.Until(m.deadline)) // no more than the consumer lets it
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(ps, m.queue[:m.n]) // all of it: a batch is read for each that is written
	m.n = 0
	now := time.Now()
	for i := range n {
		ps[i].Stamp.Time = now
	}
	return n, nil
}

func (m *mirror) SetReadDeadline(t time.Time) error { m.deadline = t; return nil }
func (m *mirror) Wake()                             {}
func (m *mirror) Drops() uint64                     { return 0 }
func (m *mirror) Close() error                      { return nil }
func (m *mirror) Socket(packet.Family) rawsock.Socket {
	return rawsock.Socket{ID: 7}
}

func openMirror(rawsock.Config) (rawsock.Conn, error) { return new(mirror), nil }

// untilReply returns a function that goes on with a run to its next reply.
func untilReply(tb testing.TB, cfg Config, open func(rawsock.Config) (rawsock.Conn, error)) (step, stop func()) {
	next, stop := iter.Pull2(run(tb.Context(), cfg, open))
	return func() {
		for {
			e, err, ok := next()
			if err != nil || !ok {
				tb.Fatalf("the run has ended: %v", err)
			}
			if e.Kind == Reply {
				return
			}
		}
	}, stop
}

// steady are runs that never rest.
func steady(addrs ...netip.Addr) map[string]Config {
	return map[string]Config{
		"flood":     {Targets: Addrs(addrs[0]), Pace: Flood, Rate: -1},
		"unlimited": {Targets: Addrs(addrs...), Interval: -1, Rate: -1},
		"small":     {Targets: Addrs(addrs...), Pace: Flood, Rate: -1, Size: 4, Idle: func() {}},
	}
}

// TestAllocations holds the steady state of a run to no allocation at all.
func TestAllocations(t *testing.T) {
	for name, cfg := range steady(host4, host6) {
		step, stop := untilReply(t, cfg, openMirror)
		step()
		if n := testing.AllocsPerRun(20_000, step); n > 0 {
			t.Errorf("%s: %v allocations an echo", name, n)
		}
		stop()
	}
}

// BenchmarkRun is an echo in the steady state of the loop, without a kernel.
func BenchmarkRun(b *testing.B) {
	for name, cfg := range steady(host4, host6) {
		b.Run(name, func(b *testing.B) {
			step, stop := untilReply(b, cfg, openMirror)
			defer stop()
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
		})
	}
}

// BenchmarkSession is what the session does for an echo.
func BenchmarkSession(b *testing.B) {
	cfg := Config{Pace: Flood, Rate: -1}
	s := newSession(cfg.filled(), cookie, list(host4))
	var numbers [batch]int64
	p := rawsock.Packet{Addr: host4, TTL: 64}
	now := t0
	b.ReportAllocs()
	for b.Loop() {
		for _, n := range s.due(now, numbers[:0]) {
			s.sent(n, rawsock.Stamp{Time: now})
			p.Data = packet.AppendEcho(p.Data[:0], packet.IPv4, packet.Echo{Reply: true, Seq: uint16(n), Data: s.match.fill(n)})
		}
		now = now.Add(20 * time.Microsecond)
		p.Stamp.Time = now
		s.receive(&p)
		s.expire(now)
		if s.wake(now).IsZero() || len(s.events) != 2 {
			b.Fatal("no reply")
		}
		s.events = s.events[:0]
	}
}
