//go:build !linux && !darwin

package rawsock

import (
	"net"
	"time"
)

// handshake returns what the system tells of a connection's handshake: nothing.
func handshake(net.Conn) (rtt time.Duration, syns int) { return 0, 0 }
