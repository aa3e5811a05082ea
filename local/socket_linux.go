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
		s := Socket{Addr: l.zoned(m), UID: int(m.uid), V6Only: m.v6Only}
		if s.TimeWait = m.state == stateTimeWait; s.TimeWait {
			// The kernel has forgotten whose it was.
			s.Remote, s.UID = m.remote, -1
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
