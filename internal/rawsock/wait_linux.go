package rawsock

import (
	"errors"
	"math"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// waiter is the part of a Conn that waits and may be woken. It waits with ppoll rather than the
// runtime's poller, which rounds waits up to a millisecond.
type waiter struct {
	// open is held for reading by whoever uses a descriptor, and for writing to close them.
	open     sync.RWMutex
	wake     int // eventfd that ends a wait
	woken    atomic.Bool
	closed   atomic.Bool
	waiting  atomic.Bool
	base     time.Time
	deadline atomic.Int64  // since base; never for none
	left     unix.Timespec // memory of timeout
}

const never = math.MaxInt64

// source is what a waiter waits for.
type source interface {
	// wait polls until there is something to read (true), or there is reason to look at the deadline.
	wait() (ready bool, err error)
	// drain reads what the last wait found.
	drain(ps []Packet) (n int, err error)
}

func (w *waiter) openWake() (err error) {
	w.base = time.Now()
	w.deadline.Store(never)
	w.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return os.NewSyscallError("eventfd", err)
}

// read is ReadBatch of the Conn whose part w is.
func (w *waiter) read(from source, ps []Packet) (int, error) {
	w.open.RLock()
	defer w.open.RUnlock()
	ps = ps[:min(len(ps), Batch)]
	for len(ps) > 0 {
		if w.closed.Load() {
			return 0, net.ErrClosed
		}
		ready, err := from.wait()
		if err != nil {
			return 0, err
		}
		if ready {
			if n, err := from.drain(ps); n > 0 || err != nil {
				w.woken.Store(false)
				return n, err
			}
		}
		if d := w.deadline.Load(); w.woken.Swap(false) || d != never && w.now() >= d {
			return 0, os.ErrDeadlineExceeded
		}
	}
	return 0, nil
}

// now is the time since base.
func (w *waiter) now() int64 { return int64(time.Since(w.base)) }

// poll waits for fds, whose first element is for w, until an event, the deadline, the given moment (since base;
// never: none), Wake or Close.
func (w *waiter) poll(fds []unix.PollFd, until int64) error {
	fds[0] = unix.PollFd{Fd: int32(w.wake), Events: unix.POLLIN}
	w.waiting.Store(true)
	err := error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		_, err = unix.Ppoll(fds, w.timeout(until), nil)
	}
	w.waiting.Store(false)
	if err != nil {
		return os.NewSyscallError("ppoll", err)
	}
	if fds[0].Revents != 0 {
		var b [8]byte
		_, _ = unix.Read(w.wake, b[:])
	}
	return nil
}

// timeout returns how long to wait, nil for ever: not at all where there is reason to look at once.
func (w *waiter) timeout(until int64) *unix.Timespec {
	d := min(w.deadline.Load(), until)
	switch {
	case w.woken.Load():
		d = 0
	case d == never:
		return nil
	default:
		d = max(0, d-w.now())
	}
	w.left = unix.NsecToTimespec(d)
	return &w.left
}

func (w *waiter) SetReadDeadline(t time.Time) error {
	d := int64(never)
	if !t.IsZero() {
		d = int64(t.Sub(w.base))
	}
	w.deadline.Store(d)
	if w.waiting.Load() {
		w.kick()
	}
	return nil
}

func (w *waiter) Wake() {
	w.woken.Store(true)
	w.kick()
}

// kick ends a wait, which then looks again at what has changed.
func (w *waiter) kick() {
	w.open.RLock()
	defer w.open.RUnlock()
	if w.wake >= 0 {
		w.signal()
	}
}

// signal is kick with open held.
func (w *waiter) signal() {
	one := [8]byte{0: 1, 7: 1} // 1 at least, in either byte order
	_, _ = unix.Write(w.wake, one[:])
}

// close has what waits end first, so that it may be called meanwhile, and then closes descriptors by the
// given function and its own.
func (w *waiter) close(descriptors func() error) error {
	if w.closed.Swap(true) {
		return net.ErrClosed
	}
	w.kick()
	w.open.Lock()
	defer w.open.Unlock()
	err := errors.Join(descriptors(), unix.Close(w.wake))
	w.wake = -1
	return err
}
