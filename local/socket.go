package local

import "net/netip"

// Socket is a listening socket, or one in TIME_WAIT, of this machine.
type Socket struct {
	Addr     netip.AddrPort // local; with a zone where it is bound to an interface's link-local address
	Remote   netip.AddrPort // with TimeWait
	TimeWait bool
	UID      int    // -1: not known
	PID      int    // 0: not known, or not permitted to know; of several processes that have it, the lowest
	Program  string // "": not known
	V6Only   bool   // bound to ::, it leaves IPv4 to others
}

// Sockets returns the TCP sockets (or UDP's, which listen when they are not connected) of this machine that listen on
// port, and those in TIME_WAIT on it. Port 0 stands for all. Without privilege only the processes of this user are known.
func Sockets(udp bool, port uint16) ([]Socket, error) { return sockets(udp, port) }

// FirstUnprivileged returns the first port that a program without privileges may bind; 0: there is no such limit.
func FirstUnprivileged() int { return firstUnprivileged() }
