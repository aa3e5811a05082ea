package resolve

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// prompt returns conn, which then acknowledges at once what it reads. Name servers that leave Nagle's
// algorithm on (RFC 9293 section 3.7.4) hold the second of several answers back until the first is acknowledged, for which
// Linux takes up to 40 ms: the time would count as the server's.
func prompt(conn net.Conn) net.Conn {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return conn
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return conn
	}
	return &prompted{conn, raw}
}

type prompted struct {
	net.Conn
	raw syscall.RawConn
}

// Read acknowledges after each read, as the kernel goes back to its own ways whenever something is sent.
func (p *prompted) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	_ = p.raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
	})
	return n, err
}
