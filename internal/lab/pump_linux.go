package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"golang.org/x/sys/unix"
)

// burst is how many packets are read or written before the other has its turn.
const burst = 16

// sender is the simulated network as the pump sees it: it takes a packet and appends
// what comes of it, and when. It keeps nothing of the packet.
type sender interface {
	AppendSend(ds []netsim.Delivery, now time.Time, packet []byte) []netsim.Delivery
}

// pump carries packets between a TUN device and a network, on a thread of its own. It
// neither blocks in read nor in write: it sleeps in ppoll, which has a timeout in
// nanoseconds, until a packet comes, one is due, or it is told to stop.
type pump struct {
	net       sender
	tun, wake int // file descriptors: the device, an eventfd
	spin      time.Duration
	epoch     time.Time // moments are durations since it
	queue     schedule
	buf       []byte
	outcome   []netsim.Delivery // of the last packet; kept for its memory

	mu    sync.Mutex
	inbox []netsim.Delivery // what deliver has brought and run has not yet seen

	called   atomic.Bool // inbox has something
	stopping atomic.Bool
	done     chan struct{} // closed when run has returned; then stats and err may be read
	stats    Stats
	err      error
}

// startPump starts a pump on the nonblocking descriptor tun, which stays the caller's.
func startPump(net sender, tun int, spin time.Duration) (*pump, error) {
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	p := &pump{
		net: net, tun: tun, wake: wake, spin: spin,
		epoch: time.Now(),
		buf:   make([]byte, 1<<16),
		done:  make(chan struct{}),
	}
	go p.run()
	return p, nil
}

// deliver has the pump write a packet that nothing it read has led to. Any goroutine may call it
// until stop.
func (p *pump) deliver(d netsim.Delivery) {
	p.mu.Lock()
	p.inbox = append(p.inbox, d)
	p.mu.Unlock()
	p.called.Store(true)
	_ = p.rouse() // it fails only where the counter is full, and then the pump is awake
}

// rouse wakes the pump from its sleep.
func (p *pump) rouse() error {
	_, err := unix.Write(p.wake, binary.NativeEndian.AppendUint64(nil, 1))
	return err
}

// stop ends the pump, waits until it has ended, and returns the error that ended it before.
func (p *pump) stop() error {
	p.stopping.Store(true)
	err := p.rouse()
	<-p.done
	return errors.Join(err, unix.Close(p.wake), p.err)
}

func (p *pump) run() {
	defer close(p.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The kernel may end a sleep late by the thread's timer slack, 50 microseconds
	// unless told otherwise, so that wakeups coincide. 0 sets it back.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }()

	for p.err == nil && !p.stopping.Load() {
		if p.called.Swap(false) {
			p.collect()
		}
		if p.write()+p.read() == 0 && p.err == nil {
			p.wait()
		}
	}
	p.stats.Pending = uint64(len(p.queue.heap))
}

// collect takes what deliver has brought.
func (p *pump) collect() {
	var count [8]byte
	_, _ = unix.Read(p.wake, count[:]) // lets ppoll sleep again
	p.mu.Lock()
	defer p.mu.Unlock()
	p.schedule(p.inbox)
	p.inbox = p.inbox[:0]
}

// schedule queues ds, and lets go of their packets in ds.
func (p *pump) schedule(ds []netsim.Delivery) {
	for _, d := range ds {
		p.queue.push(d.At.Sub(p.epoch), d.Packet)
	}
	clear(ds)
}

// write writes packets that are due and returns how many.
func (p *pump) write() int {
	for n := range burst {
		due, ok := p.queue.next()
		if !ok {
			return n
		}
		late := time.Since(p.epoch) - due
		if late < 0 {
			return n
		}
		p.stats.MaxLate = max(p.stats.MaxLate, late)
		if _, err := unix.Write(p.tun, p.queue.pop()); err != nil {
			p.stats.Refused++
		} else {
			p.stats.Written++
		}
	}
	return burst
}

// read hands packets that are there to the network, until one is due, and returns how many.
func (p *pump) read() int {
	for n := range burst {
		size, err := unix.Read(p.tun, p.buf)
		now := time.Now()
		switch {
		case err == nil:
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			return n
		default:
			p.err = fmt.Errorf("reading from the TUN device: %w", err)
			return n
		}
		p.stats.Read++
		p.outcome = p.net.AppendSend(p.outcome[:0], now, p.buf[:size])
		p.schedule(p.outcome)
		if due, ok := p.queue.next(); ok && due <= now.Sub(p.epoch) {
			return n + 1
		}
	}
	return burst
}

// wait sleeps until there may be something to do, or not at all if that is near enough
// to spin.
func (p *pump) wait() {
	if p.spin == SpinAlways {
		return
	}
	var timeout *unix.Timespec
	if due, ok := p.queue.next(); ok {
		left := due - p.spin - time.Since(p.epoch)
		if left <= 0 {
			return
		}
		timeout = new(unix.NsecToTimespec(int64(left)))
	}
	fds := [...]unix.PollFd{{Fd: int32(p.tun), Events: unix.POLLIN}, {Fd: int32(p.wake), Events: unix.POLLIN}}
	if _, err := unix.Ppoll(fds[:], timeout, nil); err != nil && !errors.Is(err, unix.EINTR) {
		p.err = fmt.Errorf("ppoll: %w", err)
	}
}
