package serve

import (
	"math"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The states of a connection in tcp_info (include/net/tcp_states.h) in which the client has not ended it.
const (
	established = 1
	synReceived = 3
	ended       = 7 // TCP_CLOSE: reset, or given up
)

// tcpInfo returns what the kernel knows of a socket; nil: nothing.
func tcpInfo(sock any) *unix.TCPInfo {
	var info *unix.TCPInfo
	if sc, ok := sock.(syscall.Conn); ok {
		if rc, err := sc.SyscallConn(); err == nil {
			err = rc.Control(func(fd uintptr) { info, _ = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
			if err != nil {
				return nil
			}
		}
	}
	return info
}

// roundTrip returns the kernel's shortest round trip of a connection, in which no delayed acknowledgement is, beginning
// with that of the handshake; 0: it has none.
func roundTrip(conn net.Conn) time.Duration {
	info := tcpInfo(conn)
	if info == nil || info.Rtt == 0 || info.Min_rtt == math.MaxUint32 {
		return 0
	}
	return time.Duration(info.Min_rtt) * time.Microsecond
}

// progressOf returns how far the client of a connection has come; false: that is not known.
func progressOf(conn net.Conn) (progress, bool) {
	info := tcpInfo(conn)
	if info == nil {
		return progress{}, false
	}
	return progress{
		acked: info.Bytes_acked, heard: time.Duration(info.Last_ack_recv) * time.Millisecond,
		pending: info.Unacked > 0 || info.Notsent_bytes > 0,
	}, true
}

// backlog returns how many connections may wait at a listener; 0: not known. The kernel tells it in a field that a
// listener has no other use for.
func backlog(ln net.Listener) int {
	if info := tcpInfo(ln); info != nil {
		return int(info.Sacked)
	}
	return 0
}

// awaitEnd waits until the client has closed the connection, without reading what it sends. The error is
// ECONNRESET or the like if it did so otherwise, or that of the read deadline, or of a connection closed here.
func awaitEnd(conn net.Conn, idle time.Duration, stop <-chan struct{}) error {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return awaitByte(conn, idle, stop)
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	// It is called whenever something has come, and a FIN and a reset are something.
	err = rc.Read(func(fd uintptr) bool {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		switch {
		case err != nil:
			failed = err
		case info.State == established || info.State == synReceived:
			return false
		case info.State == ended:
			failed = socketError(int(fd))
		}
		return true
	})
	if err != nil {
		return err
	}
	return failed
}

// socketError returns the error that a socket has come to.
func socketError(fd int) error {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		return err
	case n == 0:
		return unix.ECONNRESET // somebody has taken it
	}
	return syscall.Errno(n)
}
