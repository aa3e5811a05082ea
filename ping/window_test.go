package ping

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// TestWindowFull sends as fast as it can to targets that do not answer: the window takes what
// it has room for, and goes on when the oldest expire.
func TestWindowFull(t *testing.T) {
	for _, tt := range []struct{ size, room int }{{56, maxWindow}, {8, maxUnnumberedWindow}} {
		count := int64(tt.room) // to each of two targets
		d := newDriver(t, Config{Interval: -1, Rate: -1, Size: tt.size, Count: count}, list(host4, host6))
		d.keepText = false
		d.step(0)
		if d.sent != tt.room || len(d.s.window.ring) != tt.room {
			t.Errorf("size %d: %d probes in flight in a ring of %d, want %d", tt.size, d.sent, len(d.s.window.ring), tt.room)
		}
		if wake := d.s.wake(d.now); !wake.Equal(t0.Add(sec)) {
			t.Errorf("size %d: wakes after %v, want when the first expires", tt.size, wake.Sub(t0))
		}
		d.step(500*ms, reply(5)) // not the oldest: no room yet
		if d.sent != tt.room {
			t.Errorf("size %d: %d probes sent, want %d", tt.size, d.sent, tt.room)
		}
		d.step(501*ms, reply(0), reply(1))
		if d.sent != tt.room+2 {
			t.Errorf("size %d: %d probes sent after the oldest two were answered, want %d", tt.size, d.sent, tt.room+2)
		}
		d.run(time.Minute, nil)
		s := d.check.all
		if !d.s.finished() || s.Sent != 2*count || s.Received != 3 || s.Timeouts != 2*count-3 {
			t.Errorf("size %d: finished %t, %+v", tt.size, d.s.finished(), s)
		}
	}
}

// TestWindowMemory looks at how far the window grows.
func TestWindowMemory(t *testing.T) {
	tests := []struct {
		name  string
		cfg   Config
		count int64
		ring  int
	}{
		{"once a second", Config{}, 2000, 256},
		{"a hundred times a second", Config{Interval: 10 * ms}, 10_000, 2048},
		{"long timeout", Config{Timeout: time.Hour}, 500, 512},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Count = tt.count
			d := newDriver(t, tt.cfg, list(host4))
			d.keepText = false
			answered := int64(0)
			d.run(24*time.Hour, func(d *driver) {
				for ; answered < d.s.window.next; answered++ {
					reply(answered)(d)
				}
			})
			if !d.s.finished() || d.check.all.Received != tt.count || len(d.s.window.ring) != tt.ring {
				t.Errorf("finished %t, %d replies, a ring of %d; want %d, %d",
					d.s.finished(), d.check.all.Received, len(d.s.window.ring), tt.count, tt.ring)
			}
		})
	}
}

// TestSequenceWrap goes beyond all sequence numbers, twice. A copy of an early reply
// must never be taken for an answer to a later probe with the same sequence number.
func TestSequenceWrap(t *testing.T) {
	d := newDriver(t, Config{Pace: Flood, Rate: -1}, list(host4, host6))
	var old *rawsock.Packet // the answer to probe 4, of host4
	d.keepText = false
	d.step(0)
	for at := time.Duration(0); d.s.window.next < 140_000; at += 10 * time.Microsecond {
		first := d.s.window.next - 2 // of the two that are in flight, to host4
		if first == 4 {
			old = d.echo(4)
			old.Data = slices.Clone(old.Data)
		}
		if first%65536 == 4 && first > 4 {
			d.keepText, d.text = true, nil
			d.step(at, func(d *driver) {
				p := *old
				p.Stamp.Time = d.now
				d.s.receive(&p)
			})
			var want []string
			if d.s.window.holds(4) {
				want = []string{fmt.Sprintf("%v duplicate 0/2 rtt=%v", at, at-20*time.Microsecond+10*time.Microsecond)}
			}
			if !slices.Equal(d.text, want) {
				t.Errorf("copy of an old reply with probe %d in flight: %q, want %q", first, d.text, want)
			}
			d.keepText = false
		}
		d.step(at, reply(first), reply(first+1))
		if next := d.s.window.next; next != first+4 {
			t.Fatalf("at %v: %d probes, want %d", at, next, first+4)
		}
	}
	if s := d.check.all; s.Duplicates != 1 || s.Corrupt+s.Foreign != 0 {
		t.Errorf("%+v, want one duplicate: the second copy is of a forgotten probe", s)
	}
}

// TestSequenceWrapUnnumbered is best effort: without a number in the data, an old reply is not credited to another
// target's probe, nor to one in flight at the same time.
func TestSequenceWrapUnnumbered(t *testing.T) {
	d := newDriver(t, Config{Interval: -1, Rate: -1, Size: 8}, list(host4, other4))
	d.keepText = false
	d.step(0)
	if a, b := d.check.books[0].open, d.check.books[1].open; a != b {
		t.Errorf("%d probes to one target and %d to the other, which are due alike", a, b)
	}
	d.step(ms, reply(0), reply(1), reply(2))
	if next := d.s.window.next; next != 65_536+3 || d.s.window.holds(2) || !d.s.window.holds(3) {
		t.Fatalf("next is %d, want 3 probes of the second round", next)
	}
	again := d.s.window.at(65_536) // has the sequence number of probe 0
	d.keepText, d.text = true, nil
	d.step(2*ms, func(d *driver) {
		p := d.echo(65_536)
		p.Addr = []netip.Addr{other4, host4}[again.t.index]
		d.s.receive(p)
	})
	if want := []string{fmt.Sprintf("2ms foreign %d/%d", again.t.index, again.seq)}; !slices.Equal(d.text, want) {
		t.Errorf("got %q, want %q", d.text, want)
	}
}

func TestBySequence(t *testing.T) {
	w := newWindow(true)
	tg := &target{addr: host4}
	for seq := range int64(3 << 16) {
		n, ok := w.add(tg, seq, t0, sec)
		if !ok {
			t.Fatal("no room")
		}
		w.at(n).state = replied
		w.at(n).sent.Time = t0
	}
	all := func(seq uint16) (ns []int64) {
		w.bySequence(seq, func(p *probe) bool { ns = append(ns, p.seq); return false })
		return ns
	}
	for _, seq := range []uint16{0, 1, 65535} {
		if got, want := all(seq), []int64{2<<16 + int64(seq), 1<<16 + int64(seq)}; !slices.Equal(got, want) {
			t.Errorf("sequence number %d: %v, want %v", seq, got, want)
		}
	}
	empty := newWindow(true)
	for _, seq := range []uint16{0, 1, 65535} {
		if n, ok := empty.bySequence(seq, func(*probe) bool { return true }); ok {
			t.Errorf("an empty window has probe %d", n)
		}
	}
}

// TestWindowKeepsPending forgets no probe without an outcome, however old.
func TestWindowKeepsPending(t *testing.T) {
	w := newWindow(true)
	for i := range int64(minWindow + 1) {
		n, ok := w.add(&target{addr: host4}, i, t0.Add(time.Duration(i)*time.Hour), ms)
		if !ok {
			t.Fatal("no room")
		}
		w.at(n).state, w.at(n).sent.Time = pending, t0
	}
	if !w.holds(0) || len(w.ring) != 2*minWindow {
		t.Errorf("the oldest is remembered: %t; a ring of %d", w.holds(0), len(w.ring))
	}
}

// TestPacer bounds rates that no clock can hold.
func TestPacer(t *testing.T) {
	for _, tt := range []struct {
		rate float64
		gap  time.Duration
	}{{0, 0}, {-1, 0}, {1000, ms}, {1e300, 1}, {1e-300, 100 * 365 * 24 * time.Hour}, {0.5, 2 * sec}} {
		if p := newPacer(tt.rate); p.gap != tt.gap {
			t.Errorf("rate %v: a turn every %v, want %v", tt.rate, p.gap, tt.gap)
		}
	}
	p := newPacer(1000)
	taken := 0
	for at := time.Duration(0); at < sec; at += 1500 * time.Microsecond { // woken late, over and over
		for p.ready(t0.Add(at)) {
			p.take(t0.Add(at))
			taken++
		}
	}
	if taken < 999 || taken > 1001 {
		t.Errorf("%d turns in a second, want 1000", taken)
	}
	late := t0.Add(time.Minute)
	for taken = 0; p.ready(late); taken++ {
		p.take(late)
	}
	if taken > 3 {
		t.Errorf("a burst of %d after a minute without turns", taken)
	}
}
