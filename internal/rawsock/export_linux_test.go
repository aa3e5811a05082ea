package rawsock

import (
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Age makes the SYNs that wait in a Conn of many flows older than they are.
func Age(c Conn, by time.Duration) {
	f := c.(*flows)
	f.busy.Lock()
	defer f.busy.Unlock()
	for _, a := range f.attempts {
		a.sent = a.sent.Add(-by)
	}
}

// Drain reads as after a wait that found replies and, if queued, ICMP errors, too.
func Drain(c Conn, ps []Packet, queued bool) (int, error) {
	for _, s := range c.(*conn).sockets {
		if s != nil {
			s.readable, s.queued = true, queued
		}
	}
	return c.(*conn).drain(ps)
}

// Arrived waits until a reply, or an ICMP error, is there to be read, and reads nothing.
func Arrived(c Conn, k Kind) error {
	want := int16(unix.POLLIN)
	if k == Error {
		want = unix.POLLERR
	}
	var fds []unix.PollFd
	for _, s := range c.(*conn).sockets {
		if s != nil {
			fds = append(fds, unix.PollFd{Fd: int32(s.fd), Events: want})
		}
	}
	for {
		// It does not wait where the other one has arrived, which would be told again and again.
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return err
		}
		if slices.ContainsFunc(fds, func(fd unix.PollFd) bool { return fd.Revents&want != 0 }) {
			return nil
		}
		runtime.Gosched()
	}
}
