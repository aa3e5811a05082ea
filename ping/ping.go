package ping

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// Run probes cfg.Targets and yields what happens, in the order in which it becomes known. Each
// pair is an event and nil, or the zero Event and an error, which is last: a *ConfigError, one that
// satisfies errors.Is(err, os.ErrPermission) when no ICMP socket may be opened, the system's refusal to send the
// very first packet to the only target (no route to it, say), or ctx.Err() when ctx ends. Without any the run
// ends by Count, Until or Deadline. Breaking out of the loop releases everything. Ranging again is a new
// run, as far as cfg.Targets can be ranged again.
func Run(ctx context.Context, cfg Config) iter.Seq2[Event, error] {
	return run(ctx, cfg, rawsock.Open)
}

func run(ctx context.Context, cfg Config, open func(rawsock.Config) (rawsock.Conn, error)) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := cfg.check(); err != nil {
			yield(Event{}, err)
			return
		}
		cfg := cfg.filled()
		conn, err := open(cfg.socketConfig())
		if err != nil {
			yield(Event{}, fmt.Errorf("ping: %w", err))
			return
		}
		defer conn.Close()
		next, stop := iter.Pull(cfg.Targets)
		defer stop()
		defer context.AfterFunc(ctx, conn.Wake)()
		l := &loop{
			cfg:   cfg,
			conn:  conn,
			s:     newSession(cfg, rand.Uint64(), next),
			yield: yield,
			in:    make([]rawsock.Packet, rawsock.Batch),
			out:   make([]rawsock.Packet, batch),
			bytes: make([][]byte, batch),
		}
		if err := l.run(ctx); err != nil && err != errStopped {
			yield(Event{}, err)
		}
	}
}

// batch is how many packets are sent between two looks at what has arrived: so many answers at once
// still leave room in a read, which shows that it has caught up.
const batch = rawsock.Batch / 2

// loop drives a session over a connection: one goroutine, no locks.
type loop struct {
	cfg   Config
	conn  rawsock.Conn
	s     *session
	yield func(Event, error) bool

	in, out []rawsock.Packet
	bytes   [][]byte // of out
	numbers [batch]int64

	end      time.Time // of the run; zero: none
	now      time.Time // when packets were last read
	behind   time.Time // since when there was always more to read; zero: it has caught up
	unread   int       // packets read since then
	flushed  time.Time // when Idle was called last
	stamps   stampBudget
	drops    uint64    // told so far
	checked  time.Time // when drops were looked at last
	shortage int       // sends in a row that the system had no buffer for
}

// errStopped ends the loop because the consumer did.
var errStopped = errors.New("the consumer stopped")

// run reads, sends and tells in turn until the session is finished, or ctx or the deadline ends it.
func (l *loop) run(ctx context.Context) error {
	l.now = time.Now()
	l.drops = l.conn.Drops()
	if l.cfg.Deadline > 0 {
		l.end = l.now.Add(l.cfg.Deadline)
	}
	for wake := l.now; ; {
		caughtUp, err := l.receive(wake)
		if err != nil {
			return err
		}
		over := ctx.Err() != nil || !l.end.IsZero() && !l.now.Before(l.end)
		if !over {
			if err := l.send(); err != nil {
				return err
			}
		}
		last := over && caughtUp || l.s.finished()
		l.lookForDrops(last)
		if err := l.flush(); err != nil {
			return err
		}
		if last {
			return ctx.Err()
		}
		if wake = l.wake(); over {
			wake = l.now // no more waiting
		}
	}
}

// wake returns until when to wait.
func (l *loop) wake() time.Time {
	wake := l.s.wake(l.now)
	if !l.end.IsZero() && (wake.IsZero() || l.end.Before(wake)) {
		wake = l.end
	}
	return wake
}

// stall is how far behind its schedule a loop is that did not run, rather than ran late.
const stall = 500 * time.Millisecond

// receive waits for packets until wake and hands the session a batch of what is there. Only
// when it has caught up, so that no answer lies unread, is what has expired told.
func (l *loop) receive(wake time.Time) (caughtUp bool, err error) {
	asked := time.Now()
	l.idle(asked, wake)
	if err := l.conn.SetReadDeadline(wake); err != nil {
		return false, fmt.Errorf("ping: receive: %w", err)
	}
	n, err := l.conn.ReadBatch(l.in)
	last := l.now
	l.now = time.Now()
	if gap := l.now.Sub(later(wake, last)); !wake.IsZero() && gap > stall {
		l.s.paused(gap, l.now)
	}
	for i := range n {
		l.s.receive(&l.in[i])
	}
	// What had arrived by then has been read.
	read := asked
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		if wake.After(asked) && !wake.After(l.now) {
			read = wake
		}
	case err != nil:
		return false, fmt.Errorf("ping: receive: %w", err)
	case n == len(l.in):
		if l.behind.IsZero() {
			l.behind = asked
		}
		if l.unread += n; l.unread < queued {
			return false, nil
		}
		read = l.behind
	}
	l.unread, l.behind = 0, time.Time{}
	for l.s.expire(read) {
		if err := l.flush(); err != nil {
			return true, err
		}
	}
	return true, nil
}

// queued is more than the packets that the system's queues can hold: once so many were read, what
// had arrived before the first of them has been.
const queued = 1 << 16

// idle calls Idle, if it is time to.
func (l *loop) idle(now, wake time.Time) {
	if l.cfg.Idle == nil || !wake.IsZero() && !wake.After(now) && now.Sub(l.flushed) < idleEvery {
		return
	}
	l.flushed = now
	l.cfg.Idle()
}

// idleEvery is how often Idle is called when there is no wait.
const idleEvery = 5 * time.Millisecond

// send sends a batch of what is due.
func (l *loop) send() error {
	numbers := l.s.due(l.now, l.numbers[:0])
	for i, n := range numbers {
		l.build(i, n)
	}
	for i := 0; i < len(numbers); {
		sent, err := l.conn.WriteBatch(l.out[i:len(numbers)])
		for j := range sent {
			l.s.sent(numbers[i+j], l.out[i+j].Stamp)
		}
		if i += sent; sent > 0 {
			l.shortage = 0
		}
		if err == nil {
			continue
		}
		// EAGAIN: what waits here for neighbours' addresses fills the socket's queue, which ends by itself.
		if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOBUFS) && l.shortage < maxShortage {
			l.postpone(numbers[i:])
			return nil
		}
		l.shortage = 0
		if err := l.refused(numbers[i], l.out[i].Addr, err); err != nil {
			return err
		}
		i++
	}
	return nil
}

// refused tells that probe n to addr could not be sent. That is an error if nothing can be measured at all.
func (l *loop) refused(n int64, addr netip.Addr, err error) error {
	now := time.Now()
	if n == 0 && startError(err) && l.s.single(now) {
		return fmt.Errorf("ping: %v: %w", addr, err)
	}
	mtu := 0
	if se, ok := errors.AsType[*rawsock.SendError](err); ok {
		mtu = se.MTU
	}
	l.s.refused(n, err, mtu, now)
	return nil
}

// maxShortage is how often in a row a packet is tried again that the system had no buffer for.
const maxShortage = 20

// postpone takes back the last probes until the system's queue has had time to drain.
func (l *loop) postpone(numbers []int64) {
	l.shortage = min(l.shortage+1, maxShortage)
	until := time.Now().Add(time.Duration(l.shortage) * time.Millisecond)
	for _, n := range slices.Backward(numbers) {
		l.s.postpone(n, until)
	}
}

// startError reports whether err, for the first packet to the only target, means that
// nothing can be measured at all.
func startError(err error) bool {
	for _, e := range []error{syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EACCES, syscall.EINVAL, syscall.ENODEV,
		syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.ENETDOWN, syscall.EMSGSIZE} {
		if errors.Is(err, e) {
			return true
		}
	}
	_, isErrno := errors.AsType[syscall.Errno](err)
	return !isErrno
}

// build makes the i-th packet to be sent: probe n.
func (l *loop) build(i int, n int64) {
	addr := l.s.window.at(n).t.addr
	f := packet.FamilyOf(addr)
	l.bytes[i] = packet.AppendEcho(l.bytes[i][:0], f, packet.Echo{
		ID:   l.conn.Socket(f).ID,
		Seq:  uint16(n),
		Data: l.s.match.fill(n),
	})
	l.out[i] = rawsock.Packet{Addr: addr, Data: l.bytes[i], WantStamp: l.stamps.take(l.now)}
}

// flush yields the session's events.
func (l *loop) flush() error {
	for i := range l.s.events {
		if !l.yield(l.s.events[i], nil) {
			return errStopped
		}
	}
	l.s.events = l.s.events[:0]
	return nil
}

// lookForDrops has the session tell of packets that this machine dropped. The kernel is asked
// now and then only, and at last if it must.
func (l *loop) lookForDrops(must bool) {
	if !must && l.now.Sub(l.checked) < dropsEvery {
		return
	}
	l.checked = l.now
	if drops := l.conn.Drops(); drops > l.drops {
		l.s.emit(Event{Kind: LocalDrops, Index: -1, Time: l.now, Drops: drops - l.drops})
		l.drops = drops
	}
}

// dropsEvery is how often the kernel is asked what it dropped.
const dropsEvery = 100 * time.Millisecond
