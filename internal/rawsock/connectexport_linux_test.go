package rawsock

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// AwaitReset waits until the connection of an attempt has been reset.
func AwaitReset(t testing.TB, c Connector, id int64) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(c.(*connector).byID[id].fd)}}
	for until := time.Now().Add(20 * time.Second); fds[0].Revents&unix.POLLHUP == 0; {
		_, err := unix.Poll(fds, int(time.Until(until).Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) || time.Now().After(until) {
			t.Fatalf("no reset: %v", err)
		}
	}
}
