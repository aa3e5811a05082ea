package resolve

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// A read turns the delay of acknowledgements off, which the kernel turns on by itself.
func TestPrompt(t *testing.T) {
	l, s := listenTCP(t, TLS, netip.MustParseAddr("127.0.0.1"))
	defer l.Close()
	conn, err := dialTCP(t.Context(), &Client{}, s)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	quick := func(turnOff bool) (on int) {
		raw, err := conn.(*prompted).Conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		err = raw.Control(func(fd uintptr) {
			if turnOff {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 0)
			}
			on, _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK)
		})
		if err != nil {
			t.Fatal(err)
		}
		return on
	}
	if on := quick(true); on != 0 {
		t.Fatal("the delay cannot be turned on here")
	}
	if _, err := server.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if on := quick(false); on == 0 {
		t.Error("acknowledgements are delayed after a read")
	}
	// A link in memory has nothing to acknowledge.
	a, b := link()
	defer a.Close()
	defer b.Close()
	if prompt(a) != a {
		t.Error("a connection that is no socket was changed")
	}
}
