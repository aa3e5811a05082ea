package serve

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
)

// TestProgress asks the kernel how far a client has come that takes what its buffer holds.
func TestProgress(t *testing.T) {
	lab.Test(t, nil)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := dialTo(addrPort(ln.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before, ok := progressOf(conn)
	if !ok || before.pending {
		t.Errorf("%+v, %v at the beginning", before, ok)
	}
	if err := conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Write(make([]byte, 64<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	after, _ := progressOf(conn)
	if taken := after.acked - before.acked; taken == 0 || taken >= uint64(n) || !after.pending {
		t.Errorf("%+v, then %+v, of %d bytes", before, after, n)
	}
}

// TestLeavesNothingBehind has clients dropped that do not take their greeting: the kernel does not go on offering it.
func TestLeavesNothingBehind(t *testing.T) {
	lab.Test(t, nil)
	for _, size := range []int{1 << 20, 64 << 20} { // what the buffers of both ends hold, and more
		l := start(t, Config{Idle: 50 * time.Millisecond, Message: make([]byte, size)})
		conn := l.dial()
		if e := l.next(Ended); e.End != TimedOut || e.Greeted {
			t.Errorf("%+v", e)
		}
		// A client that is reset may have what it got before.
		if _, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%d bytes: the client sees %v", size, err)
		}
		l.end()
	}
}
