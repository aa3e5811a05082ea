package rawsock

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// connectMemory is what system calls write to, allocated once.
type connectMemory struct {
	info    unix.TCPInfo
	offered uint32 // size of info
	header  unix.Msghdr
	control [controlSize]byte
	answer  []byte // by UDP
}

func (m *connectMemory) allocate(udp bool) {
	if udp {
		m.answer = make([]byte, 1<<16)
	}
}

// look finds out what has become of the attempt of s. Not ok: nothing that was not told.
func (c *connector) look(s *slot, now time.Time) (o Outcome, ok bool) {
	switch {
	case s.phase != connecting:
		return Outcome{}, false
	case c.config.UDP:
		return c.lookUDP(s, now)
	}
	return c.lookTCP(s, now)
}

// lookTCP asks for the kernel's figures first, as it forgets them when connect tells the error.
func (c *connector) lookTCP(s *slot, now time.Time) (o Outcome, ok bool) {
	o = Outcome{ID: s.id, At: now, Took: now.Sub(s.begun)}
	c.figures(s, &o)
	errno := s.connect()
	if errno == 0 {
		if s.phase = established; o.RTT == 0 { // it was not there yet
			c.figures(s, &o)
		}
		o.Connected, o.Own = true, s.own()
		return o, true
	}
	icmp, meant, empty := c.queued(s)
	if errno == unix.EALREADY {
		// An error that arrives while connect holds the socket is queued, and does not end the attempt.
		if icmp == nil {
			return o, false
		}
		o.Err, o.ICMP = meant, icmp
		c.end(s)
		return o, true
	}
	o.Err, o.ICMP = errno, icmp
	// A reset as the answer to the SYN would be ECONNREFUSED; after the peer's FIN it is EPIPE.
	o.Connected = errno == unix.ECONNRESET || errno == unix.EPIPE
	delete(c.byID, s.id)
	c.rest(s, empty)
	return o, true
}

// lookUDP prefers an answer to an error.
func (c *connector) lookUDP(s *slot, now time.Time) (o Outcome, ok bool) {
	o = Outcome{ID: s.id, At: now, Took: now.Sub(s.begun), SYNs: s.sent}
	icmp, told, _ := c.queued(s)
	if errno := s.pendingError(); icmp == nil {
		told = errno
	}
	buf := c.memory.answer
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0, 0)
	switch {
	case errno == 0:
		s.phase = established
		o.Connected, o.Answer, o.Own = true, bytes.Clone(buf[:n]), s.own()
		return o, true
	case told == 0 && errno != unix.EAGAIN:
		told = errno
	}
	if told == 0 {
		return o, false
	}
	o.Err, o.ICMP = told, icmp
	c.end(s)
	return o, true
}

// outcome is what is known of an attempt that has not failed.
func (c *connector) outcome(s *slot, now time.Time) Outcome {
	o := Outcome{ID: s.id, At: now, Took: now.Sub(s.begun), SYNs: s.sent, Connected: s.phase == established}
	if !c.config.UDP {
		c.figures(s, &o)
	}
	if o.Connected {
		o.Own = s.own()
	}
	return o
}

// figures sets what the kernel knows of the handshake.
func (c *connector) figures(s *slot, o *Outcome) {
	m := &c.memory
	m.offered = unix.SizeofTCPInfo
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(s.fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(&m.info)), uintptr(unsafe.Pointer(&m.offered)), 0)
	if errno != 0 {
		return
	}
	o.SYNs = int(m.info.Total_retrans) + 1
	o.RTT = time.Duration(m.info.Rtt) * time.Microsecond
}

// queued empties the error queue of s, and returns the first ICMP error in it with the system's error that it stands
// for; nil: there was none.
func (c *connector) queued(s *slot) (icmp *ICMPError, errno unix.Errno, empty bool) {
	m := &c.memory
	for range maxTold {
		m.header = unix.Msghdr{Control: &m.control[0]}
		m.header.SetControllen(len(m.control))
		_, _, failed := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&m.header)), unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if failed != 0 {
			return icmp, errno, failed == unix.EAGAIN
		}
		told := parseControl(m.control[:m.header.Controllen])
		if e := s.side.icmpError(&told); e != nil && icmp == nil {
			icmp, errno = e, unix.Errno(told.extended.Errno)
			icmp.Local = icmp.From != s.to() && c.own.has(icmp.From)
			icmp.Own = icmp.Local && icmp.isHostUnreachable()
			icmp.OnLink = icmp.Own && c.own.near(s.to())
		}
	}
	return icmp, errno, false
}

// icmpError returns the ICMP error that a message of an error queue tells of; nil: it tells of something else.
func (s *side) icmpError(c *control) *ICMPError {
	switch {
	case !c.queued:
	case c.extended.Origin == unix.SO_EE_ORIGIN_ICMP, c.extended.Origin == unix.SO_EE_ORIGIN_ICMP6:
		return &ICMPError{
			From: s.zoned(c.offender, int(c.offenderIf)), Type: c.extended.Type, Code: c.extended.Code,
			V6: c.extended.Origin == unix.SO_EE_ORIGIN_ICMP6,
		}
	}
	return nil
}

// isHostUnreachable reports whether e is what Linux tells itself when a neighbour does not answer: it makes
// this ICMP error, from its own address to itself, for each packet that waits, when it has asked mcast_solicit times, which
// takes three seconds unless configured otherwise. It does so in both families, and for TCP as for UDP.
func (e *ICMPError) isHostUnreachable() bool {
	if e.V6 {
		return e.Type == 1 && e.Code == 3 // RFC 4443 section 3.1: address unreachable
	}
	return e.Type == 3 && e.Code == 1 // RFC 792: host unreachable
}

// to is the destination of the attempt, without a zone.
func (s *slot) to() netip.Addr {
	a, _ := addrOf(&s.name)
	return a
}

// own is the local end of the socket.
func (s *slot) own() netip.AddrPort {
	var sa unix.RawSockaddrInet6
	size := uint32(unix.SizeofSockaddrInet6)
	_, _, errno := unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(s.fd), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return netip.AddrPort{}
	}
	a, scope := addrOf(&sa)
	return netip.AddrPortFrom(s.side.zoned(a, int(scope)), portOf(&sa))
}

// ownAddrs are the addresses of this machine.
type ownAddrs struct {
	prefixes []netip.Prefix // each with the network that it is in
	at       time.Time
}

// has reports whether a is one of them, as of the last second.
func (o *ownAddrs) has(a netip.Addr) bool {
	o.refresh()
	a = a.WithZone("")
	return slices.ContainsFunc(o.prefixes, func(p netip.Prefix) bool { return p.Addr() == a })
}

// near reports whether a is in the network of one of them.
func (o *ownAddrs) near(a netip.Addr) bool {
	o.refresh()
	a = a.WithZone("")
	return slices.ContainsFunc(o.prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// refresh reads them again if that is more than a second ago.
func (o *ownAddrs) refresh() {
	if now := time.Now(); o.at.IsZero() || now.Sub(o.at) > time.Second {
		o.prefixes, o.at = o.prefixes[:0], now
		found, err := net.InterfaceAddrs()
		if err != nil {
			return
		}
		for _, f := range found {
			if p, err := netip.ParsePrefix(f.String()); err == nil {
				o.prefixes = append(o.prefixes, p)
			}
		}
	}
}

// bigEndian returns a port as a sockaddr has it.
func bigEndian(port uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], port)
	return networkOrder(b[:])
}
