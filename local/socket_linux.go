package local

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

func sockets(udp bool, port uint16) ([]Socket, error) {
	r := diagRequest{protocol: unix.IPPROTO_TCP, states: 1<<stateListen | 1<<stateTimeWait, port: port}
	if udp {
		r.protocol, r.states = unix.IPPROTO_UDP, 1<<stateClose
	}
	return socketsOf(r)
}

func holders(port uint16) ([]Socket, bool, error) {
	// The states from TCP_ESTABLISHED on, and those that are bound alone. Kernels before Linux 6.8 do not know that bit.
	r := diagRequest{protocol: unix.IPPROTO_TCP, states: 1<<(stateBound+1) - 2, port: port}
	list, err := socketsOf(r)
	return list, err == nil && listsBound(), err
}

// listsBound reports whether the kernel lists sockets that are bound and do nothing else, as a try shows.
func listsBound() bool {
	for _, try := range []struct {
		family uint8
		where  unix.Sockaddr
	}{{unix.AF_INET, &unix.SockaddrInet4{}}, {unix.AF_INET6, &unix.SockaddrInet6{}}} {
		fd, err := unix.Socket(int(try.family), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
		if err != nil { // no such family
			continue
		}
		defer unix.Close(fd)
		if err := unix.Bind(fd, try.where); err != nil {
			continue
		}
		addr, err := unix.Getsockname(fd)
		if err != nil {
			continue
		}
		var port int
		switch a := addr.(type) {
		case *unix.SockaddrInet4:
			port = a.Port
		case *unix.SockaddrInet6:
			port = a.Port
		}
		found, err := dumpSockets(diagRequest{family: try.family, protocol: unix.IPPROTO_TCP, states: 1 << stateBound, port: uint16(port)})
		return err == nil && len(found) > 0
	}
	return false
}

// socketStateOf returns what a socket in a state of sock_diag does.
func socketStateOf(state uint8, udp bool) SocketState {
	switch state {
	case stateListen:
		return SocketListens
	case stateTimeWait:
		return SocketTimeWait
	case stateClose, stateBound:
		if udp {
			return SocketListens
		}
		return SocketBound
	case stateSynSent, stateSynReceived, stateNewSynReceived:
		return SocketConnects
	case stateEstablished, stateCloseWait:
		return SocketConnected
	}
	return SocketCloses
}

// socketsOf returns the sockets of both families that r, of any family, asks for.
func socketsOf(r diagRequest) ([]Socket, error) {
	var messages []diagMessage
	for _, f := range families() {
		r.family = f
		some, err := dump("sockets", func() ([]diagMessage, error) { return dumpSockets(r) })
		if err != nil && !withoutFamily(err) {
			return nil, err
		}
		messages = append(messages, some...)
	}
	l, err := linksOf(messages)
	if err != nil {
		return nil, err
	}
	inodes := make(map[uint32]bool)
	for _, m := range messages {
		if m.inode != 0 {
			inodes[m.inode] = true
		}
	}
	owners := readOwners("/proc", inodes)
	list := make([]Socket, 0, len(messages))
	for _, m := range messages {
		s := Socket{Addr: l.zoned(m), UID: int(m.uid), V6Only: m.v6Only, State: socketStateOf(m.state, r.protocol == unix.IPPROTO_UDP)}
		s.TimeWait = s.State == SocketTimeWait
		if s.State >= SocketConnects {
			s.Remote = m.remote
		}
		if m.inode == 0 && s.State >= SocketConnects {
			s.UID = -1 // nobody's yet, or the kernel has forgotten whose it was
		}
		if o, ok := owners[m.inode]; ok && m.inode != 0 {
			s.PID, s.Program = o.pid, o.program
		}
		list = append(list, s)
	}
	return list, nil
}

// withoutFamily reports whether err is the answer of a kernel without a family: sock_diag finds nobody to ask.
func withoutFamily(err error) bool { return absent(err) || errors.Is(err, unix.ENOENT) }

// linksOf returns the interfaces if a socket is bound to one.
func linksOf(messages []diagMessage) (links, error) {
	for _, m := range messages {
		if m.oif != 0 {
			return readLinks()
		}
	}
	return nil, nil
}

// zoned returns the local address of a socket, a link-local one with the interface that it is bound to.
func (l links) zoned(m diagMessage) netip.AddrPort {
	addr := m.local.Addr()
	if name, ok := l.name(m.oif); ok && addr.Is6() && (addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast()) {
		addr = addr.WithZone(name)
	}
	return netip.AddrPortFrom(addr, m.local.Port())
}
