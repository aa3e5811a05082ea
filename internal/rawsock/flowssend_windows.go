package rawsock

import "github.com/netdiag/netdiag/internal/packet"

// openSender has nothing to open: Windows lets raw sockets send ICMP only.
func openSender(Config, packet.Family) (sender, error) {
	return nil, unsupported("probing by UDP")
}
