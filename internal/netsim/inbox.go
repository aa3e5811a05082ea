package netsim

import (
	"container/heap"
	"net"
	"os"
	"sync"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// arrival is a packet on its way to a socket's receive queue.
type arrival struct {
	at     time.Time
	number uint64 // orders what arrives at the same moment
	packet rawsock.Packet
	syn    *syn // that it answers, of a socket that hears one answer
}

// arrivals is a heap, the earliest on top.
type arrivals []arrival

func (a arrivals) Len() int      { return len(a) }
func (a arrivals) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)   { *a = append(*a, x.(arrival)) }
func (a arrivals) Less(i, j int) bool {
	return a[i].at.Before(a[j].at) || a[i].at.Equal(a[j].at) && a[i].number < a[j].number
}

func (a *arrivals) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	(*a)[last] = arrival{}
	*a = (*a)[:last]
	return x
}

// inbox is the receiving side of a Conn: what is still on its way, and what waits to be
// read. Packets pass from the one to the other only when somebody looks, but by their
// moments: since only reading empties the queue, it overflows exactly as if each had been
// put there when it arrived.
type inbox struct {
	mu       sync.Mutex
	coming   arrivals
	count    uint64
	waiting  []rawsock.Packet
	read     int // so many of waiting have been read
	limit    int // of waiting; 0: none
	drops    uint64
	deadline time.Time
	woken    bool
	closed   bool
	zone     string
	changed  chan struct{} // holds a value when a blocked read is to look again
}

// add puts p on its way, to arrive at the given moment. Where it answers a SYN, it is
// dropped unless that still waits then.
func (b *inbox) add(at time.Time, p rawsock.Packet, s *syn) {
	b.mu.Lock()
	b.count++
	heap.Push(&b.coming, arrival{at, b.count, p, s})
	b.mu.Unlock()
	b.signal()
}

// signal makes a blocked read look again.
func (b *inbox) signal() {
	select {
	case b.changed <- struct{}{}:
	default: // it will look anyway
	}
}

// settle moves what has arrived by now into the queue.
func (b *inbox) settle(now time.Time) {
	for len(b.coming) > 0 && !b.coming[0].at.After(now) {
		a := heap.Pop(&b.coming).(arrival)
		if a.syn != nil && !a.syn.end(a.at) {
			continue
		}
		if b.limit > 0 && len(b.waiting)-b.read >= b.limit {
			b.drops++
			continue
		}
		b.waiting = append(b.waiting, a.packet)
	}
}

// take reads without waiting. When there is nothing and no reason to stop, done is false,
// and next is when to look again, zero for never.
func (b *inbox) take(ps []rawsock.Packet) (n int, next time.Time, done bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, next, true, net.ErrClosed
	}
	now := time.Now()
	b.settle(now)
	if len(b.waiting) > 0 || len(ps) == 0 {
		b.woken = false
		return b.fill(ps, now), next, true, nil
	}
	if b.woken || !b.deadline.IsZero() && !now.Before(b.deadline) {
		b.woken = false
		return 0, next, true, os.ErrDeadlineExceeded
	}
	next = b.deadline
	if len(b.coming) > 0 && (next.IsZero() || b.coming[0].at.Before(next)) {
		next = b.coming[0].at
	}
	return 0, next, false, nil
}

// fill reads what waits into ps.
func (b *inbox) fill(ps []rawsock.Packet, now time.Time) int {
	n := copy(ps, b.waiting[b.read:])
	for i := range ps[:n] {
		ps[i].Stamp.Time = now
	}
	clear(b.waiting[b.read:][:n])
	b.read += n
	if b.read == len(b.waiting) {
		b.waiting, b.read = b.waiting[:0], 0
	}
	return n
}

// ReadBatch implements rawsock.Conn.
func (c *Conn) ReadBatch(ps []rawsock.Packet) (n int, err error) {
	b := &c.inbox
	for {
		n, next, done, err := b.take(ps)
		if done {
			return n, err
		}
		b.wait(next)
	}
}

// wait waits for the moment until, or for signal.
func (b *inbox) wait(until time.Time) {
	if until.IsZero() {
		<-b.changed
		return
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-b.changed:
	case <-timer.C:
	}
}

// SetReadDeadline implements rawsock.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	b := &c.inbox
	b.mu.Lock()
	closed := b.closed
	b.deadline = t
	b.mu.Unlock()
	b.signal()
	if closed {
		return net.ErrClosed
	}
	return nil
}

// Wake implements rawsock.Conn.
func (c *Conn) Wake() {
	c.inbox.mu.Lock()
	c.inbox.woken = true
	c.inbox.mu.Unlock()
	c.inbox.signal()
}

// Drops implements rawsock.Conn.
func (c *Conn) Drops() uint64 {
	b := &c.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle(time.Now())
	return b.drops
}

// close ends reading, and reports whether it had not ended before.
func (b *inbox) close() bool {
	b.mu.Lock()
	was := b.closed
	b.closed = true
	b.coming, b.waiting, b.read = nil, nil, 0
	b.mu.Unlock()
	b.signal()
	return !was
}

func (b *inbox) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// setZone remembers the zone that link-local addresses were last written with.
func (b *inbox) setZone(zone string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.zone = zone
}

func (b *inbox) linkZone() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.zone
}
