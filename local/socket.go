package local

import "net/netip"

// Socket is a socket of this machine.
type Socket struct {
	Addr     netip.AddrPort // local; with a zone where it is bound to an interface's link-local address
	Remote   netip.AddrPort // of a connection
	State    SocketState
	TimeWait bool   // State is that
	UID      int    // -1: not known, or nobody's any more
	PID      int    // 0: not known, or not permitted to know; of several processes that have it, the lowest
	Program  string // "": not known
	V6Only   bool   // bound to ::, it leaves IPv4 to others
}

// SocketState is what a socket does.
type SocketState uint8

// The states, of TCP those of RFC 9293 section 3.3.2 as far as they are of use.
const (
	SocketListens   SocketState = iota // or, of UDP, is not connected
	SocketBound                        // has an address, and neither listens nor is connected
	SocketConnects                     // SYN-SENT, SYN-RECEIVED
	SocketConnected                    // ESTABLISHED, CLOSE-WAIT
	SocketCloses                       // this side has closed, and waits for the other: FIN-WAIT-1, FIN-WAIT-2, CLOSING, LAST-ACK
	SocketTimeWait                     // both have closed
)

// Sockets returns the TCP sockets (or UDP's, which listen when they are not connected) of this machine that listen on
// port, and those in TIME_WAIT on it. Port 0 stands for all. Without privilege only the processes of this user are known.
func Sockets(udp bool, port uint16) ([]Socket, error) { return sockets(udp, port) }

// Holders returns the TCP sockets of every state that have port as their local one, each of which may keep others from binding
// it. all says that these are all that there are: not every system tells which sockets are bound and do nothing else.
func Holders(port uint16) (list []Socket, all bool, err error) { return holders(port) }

// FirstUnprivileged returns the first port that a program without privileges may bind; 0: there is no such limit.
func FirstUnprivileged() int { return firstUnprivileged() }
