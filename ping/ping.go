package ping

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
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
			in:    make([]rawsock.Packet, batch),
			out:   make([]rawsock.Packet, batch),
			bytes: make([][]byte, batch),
		}
		if err := l.run(ctx); err != nil && !l.stopped {
			yield(Event{}, err)
		}
	}
}

// batch is how many packets are sent, or received, between two looks at the clock.
const batch = 64

// stall is how far behind its schedule a loop is that did not run, rather than ran late.
const stall = 500 * time.Millisecond

// loop drives a session over a connection: one goroutine, no locks.
type loop struct {
	cfg     Config
	conn    rawsock.Conn
	s       *session
	yield   func(Event, error) bool
	stopped bool // the consumer broke out of its loop

	in, out []rawsock.Packet
	bytes   [][]byte // of out
	numbers [batch]int64

	end      time.Time // of the run; zero: none
	flushed  time.Time // when Idle was called last
	drops    uint64    // told so far
	checked  time.Time // when drops were looked at last
	shortage int       // sends in a row that the system had no buffer for
}

// errStopped ends the loop because the consumer did.
var errStopped = errors.New("the consumer stopped")

func (l *loop) run(ctx context.Context) error {
	start := time.Now()
	l.drops = l.conn.Drops()
	if l.cfg.Deadline > 0 {
		l.end = start.Add(l.cfg.Deadline)
	}
	wake := start
	for {
		now := time.Now()
		ended := ctx.Err() != nil || !l.end.IsZero() && !now.Before(l.end)
		if ended {
			wake = now
		}
		if gap := now.Sub(wake); !wake.IsZero() && gap > stall {
			l.s.paused(gap, now)
		}
		arrived, err := l.receive(now, wake)
		if err != nil {
			return err
		}
		l.s.expire(arrived)
		if ended {
			l.lookForDrops(now, true)
			return errors.Join(l.flush(), ctx.Err())
		}
		if err := l.send(); err != nil {
			return err
		}
		l.lookForDrops(now, l.s.finished())
		if err := l.flush(); err != nil {
			return err
		}
		if l.s.finished() {
			return nil
		}
		wake = l.wake()
	}
}

// wake returns until when to wait.
func (l *loop) wake() time.Time {
	wake := l.s.wake(time.Now())
	if !l.end.IsZero() && (wake.IsZero() || l.end.Before(wake)) {
		wake = l.end
	}
	return wake
}

// receive waits for packets until wake, hands the session what is there, and returns a moment by
// which everything that had arrived has been handed over: only what is older may expire.
func (l *loop) receive(now, wake time.Time) (arrived time.Time, err error) {
	if wake.After(now) || now.Sub(l.flushed) > idleEvery || wake.IsZero() {
		l.flushed = now
		if l.cfg.Idle != nil {
			l.cfg.Idle()
		}
	}
	if err := l.conn.SetReadDeadline(wake); err != nil {
		return now, err
	}
	for {
		n, err := l.conn.ReadBatch(l.in)
		for i := range n {
			l.s.receive(&l.in[i])
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if !wake.IsZero() && wake.After(now) && !time.Now().Before(wake) {
				return wake, nil
			}
			return now, nil
		case err != nil:
			return now, fmt.Errorf("ping: receive: %w", err)
		case n < len(l.in):
			return now, nil
		}
		if err := l.flush(); err != nil {
			return now, err
		}
		if err := l.send(); err != nil { // a flood of replies does not hold up the probes
			return now, err
		}
	}
}

// idleEvery is how often Idle is called when there is no wait.
const idleEvery = 5 * time.Millisecond

// send sends what is due.
func (l *loop) send() error {
	n := l.s.due(time.Now(), l.out, l.build)
	for i := 0; i < n; {
		sent, err := l.conn.WriteBatch(l.out[i:n])
		for j := range sent {
			l.s.sent(l.numbers[i+j], l.out[i+j].Stamp)
		}
		if i += sent; sent > 0 {
			l.shortage = 0
		}
		if err == nil {
			continue
		}
		if errors.Is(err, syscall.ENOBUFS) && l.shortage < maxShortage {
			l.postpone(i, n)
			break
		}
		l.shortage = 0
		now := time.Now()
		if l.s.count == 1 && l.numbers[i] == 0 && startError(err) && l.s.single(now) {
			return fmt.Errorf("ping: %v: %w", l.out[i].Addr, err)
		}
		mtu := 0
		if se, ok := errors.AsType[*rawsock.SendError](err); ok {
			mtu = se.MTU
		}
		l.s.refused(l.numbers[i], err, mtu, now)
		i++
	}
	return l.flush()
}

// maxShortage is how often in a row a packet is tried again that the system had no buffer for.
const maxShortage = 20

// postpone takes back the packets from i to n until the system's queue has had time to drain.
func (l *loop) postpone(i, n int) {
	l.shortage++
	until := time.Now().Add(time.Duration(l.shortage) * time.Millisecond)
	for j := n - 1; j >= i; j-- {
		l.s.postpone(l.numbers[j], until)
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

// build makes the i-th packet to be sent: probe n to t.
func (l *loop) build(i int, n int64, t *target) {
	f := packet.FamilyOf(t.addr)
	l.bytes[i] = packet.AppendEcho(l.bytes[i][:0], f, packet.Echo{
		ID:   l.conn.Socket(f).ID,
		Seq:  uint16(n),
		Data: l.s.match.fill(n),
	})
	l.out[i] = rawsock.Packet{Addr: t.addr, Data: l.bytes[i]}
	l.numbers[i] = n
}

// flush yields the session's events.
func (l *loop) flush() error {
	for _, e := range l.s.events {
		if !l.yield(e, nil) {
			l.stopped = true
			return errStopped
		}
	}
	l.s.events = l.s.events[:0]
	return nil
}

// lookForDrops has the session tell of packets that this machine dropped: before the timeouts
// they cause are printed would be best, but the kernel is asked now and then only.
func (l *loop) lookForDrops(now time.Time, must bool) {
	if !must && now.Sub(l.checked) < dropsEvery {
		return
	}
	l.checked = now
	if drops := l.conn.Drops(); drops > l.drops {
		l.s.emit(Event{Kind: LocalDrops, Index: -1, Time: now, Drops: drops - l.drops})
		l.drops = drops
	}
}

// dropsEvery is how often the kernel is asked what it dropped.
const dropsEvery = 100 * time.Millisecond
