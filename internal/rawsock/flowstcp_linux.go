package rawsock

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"os"
	"slices"
	"time"
	"unsafe"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// onlySYN is how long a SYN without privilege waits for its answer: somewhat less than the second after which the
// kernel would send it again (RFC 6298 section 2), and an answer not tell to which of both it is.
const onlySYN = 950 * time.Millisecond

// tuple names a TCP connection.
type tuple struct {
	local            netip.Addr // zero: the system's choice
	remote           netip.Addr
	srcPort, dstPort uint16
}

// attempt is a TCP socket that connects.
type attempt struct {
	*socket
	c      *flows
	tuple  tuple
	number uint64 // that it is watched under
	given  uint32 // sequence number of the SYN as it was handed in
	sent   time.Time
	over   bool
}

// connect sends the SYN p by a socket of its own.
func (h *plainHalf) connect(p *Packet) error {
	t, err := packet.ParseTCP(p.Data)
	if err != nil || t.Flags&(packet.SYN|packet.ACK|packet.RST|packet.FIN) != packet.SYN {
		return unix.EINVAL
	}
	c := h.c
	local := p.Local
	if !local.IsValid() {
		local = c.config.Source
	}
	a := &attempt{c: c, tuple: tuple{local, p.Addr, t.SrcPort, t.DstPort}, given: t.Seq}
	if before := c.byTuple[a.tuple]; before != nil {
		before.end()
	}
	fd, err := c.socket(h.family, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	a.socket = newSocket(fd, h.family, false, c.config.messageSize(), c.lanes)
	a.proto = packet.ProtoTCP
	if err = a.prepareSYN(p); err == nil {
		err = a.sendSYN(p)
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	// Not before: what does not connect counts as ready.
	if a.number, err = c.watch(a, unix.EPOLLOUT); err != nil {
		return err
	}
	c.byTuple[a.tuple] = a
	c.attempts = append(c.attempts, a)
	if c.waiting.Load() { // perhaps for longer than a has time
		c.signal()
	}
	return nil
}

// prepareSYN sets what the SYN is to have, and binds it to its port.
func (a *attempt) prepareSYN(p *Packet) error {
	config := a.c.config.Config
	config.TTL, config.TOS = cmp.Or(p.TTL, config.TTL), cmp.Or(p.TOS, config.TOS)
	config.PMTU = PMTUDo // of TCP the only one that sets DF for sure, and a SYN is small enough
	options := append(slices.Concat(a.options(config), ownOptions(a.family)),
		option{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1, false, "the option to use a source port again"},
		// No fewer SYNs can be had, should nobody come to close this in time.
		option{unix.IPPROTO_TCP, unix.TCP_SYNCNT, 1, true, ""},
	)
	if a.family == packet.IPv6 {
		options = append(options, option{unix.IPPROTO_IPV6, ipv6FlowInfoSend, 1, false, "the option to send flow labels"})
	}
	if err := setOptions(a.fd, config, options); err != nil {
		return err
	}
	// So that closing resets a connection: nobody is to wait for its end.
	if err := unix.SetsockoptLinger(a.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := setStamps(a.fd); err != nil {
		return err
	}
	return bind(a.fd, a.family, a.tuple.local, a.tuple.srcPort)
}

// sendSYN connects. Whatever answers, it is not known before connect returns, as that holds the
// socket's lock: so what connect says is the news of this machine.
func (a *attempt) sendSYN(p *Packet) error {
	sa := &a.send.names[0]
	size, err := a.name(sa, p.Addr, networkOrder(p.Data[2:]))
	if err != nil {
		return err
	}
	if a.family == packet.IPv6 {
		var label [4]byte
		binary.BigEndian.PutUint32(label[:], p.Flow&0xfffff)
		sa.Flowinfo = binary.NativeEndian.Uint32(label[:])
	}
	a.sent = time.Now()
	p.Stamp = Stamp{Time: a.sent}
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(a.fd), uintptr(unsafe.Pointer(sa)), uintptr(size))
	if errno != 0 && errno != unix.EINPROGRESS {
		return os.NewSyscallError("connect", errno)
	}
	return nil
}

// take finds out what has become of a.
func (a *attempt) take(ps []Packet, n int, _ uint32) (int, error) {
	info, err := unix.GetsockoptTCPInfo(a.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || info.Total_retrans > 0 { // to which SYN it is an answer, it does not tell
		a.end()
		return n, nil
	}
	before := n
	if n, _ = a.read(ps, n, unix.MSG_ERRQUEUE); n > before {
		for i := range ps[before:n] {
			a.restore(&ps[before+i])
		}
		a.end()
		return n, nil
	}
	flags := packet.SYN | packet.ACK
	errno, _ := unix.GetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch unix.Errno(errno) {
	case 0, unix.ECONNRESET: // a reset after the connection was there
		if errno == 0 && info.State == tcpSynSent {
			return n, nil
		}
	case unix.ECONNREFUSED:
		flags = packet.RST | packet.ACK
	default:
		a.end()
		return n, nil
	}
	ps[n] = a.answer(flags)
	if flags&packet.SYN != 0 && info.Rtt > 0 {
		ps[n].Stamp.Kernel = a.sent.Round(0).Add(time.Duration(info.Rtt) * time.Microsecond)
	}
	a.end()
	return n + 1, nil
}

// tcpSynSent is TCP_SYN_SENT of linux/tcp_states.h.
const tcpSynSent = 2

// restore puts the sequence number that was given into a quoted SYN.
func (a *attempt) restore(p *Packet) {
	if len(p.Data) >= 8 {
		binary.BigEndian.PutUint32(p.Data[4:], a.given)
	}
}

// answer returns the segment with the given flags that answers the SYN.
func (a *attempt) answer(flags packet.TCPFlags) Packet {
	t := packet.TCP{SrcPort: a.tuple.dstPort, DstPort: a.tuple.srcPort, Ack: a.given + 1, Flags: flags}
	return Packet{
		Addr: a.tuple.remote, Local: a.tuple.local, Proto: packet.ProtoTCP, Data: t.Append(nil, nil, nil),
		Stamp: Stamp{Time: time.Now()},
	}
}

// drops is 0, as answers are not queued.
func (a *attempt) drops() uint64 { return 0 }

// end closes a, which is no longer to be used.
func (a *attempt) end() {
	a.over = true
	a.c.drop(a.number)
	if a.c.byTuple[a.tuple] == a {
		delete(a.c.byTuple, a.tuple)
	}
}

// until is when the time of a is over, since base.
func (a *attempt) until() int64 { return int64(a.sent.Add(onlySYN).Sub(a.c.base)) }

// nextLapse returns when the time of the next attempt is over.
func (c *flows) nextLapse() int64 {
	c.busy.Lock()
	defer c.busy.Unlock()
	for len(c.attempts) > 0 && c.attempts[0].over {
		c.attempts = c.attempts[1:]
	}
	if len(c.attempts) == 0 {
		return never
	}
	return c.attempts[0].until()
}

// lapse ends the attempts whose time is over.
func (c *flows) lapse() {
	now := c.now()
	for len(c.attempts) > 0 && (c.attempts[0].over || c.attempts[0].until() <= now) {
		if a := c.attempts[0]; !a.over {
			a.end()
		}
		c.attempts = c.attempts[1:]
	}
}
