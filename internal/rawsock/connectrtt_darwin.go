package rawsock

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// handshake returns the round trip of a connection's handshake, in whole milliseconds, and how many SYNs were
// sent, as the kernel counts them; 0: not known.
func handshake(c net.Conn) (rtt time.Duration, syns int) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return 0, 0
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, 0
	}
	_ = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPConnectionInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_CONNECTION_INFO)
		if err == nil {
			rtt, syns = time.Duration(info.Srtt)*time.Millisecond, int(info.Txretransmitpackets)+1
		}
	})
	return rtt, syns
}
