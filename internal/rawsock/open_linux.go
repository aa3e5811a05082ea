package rawsock

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

const defaultBuffer = 4 << 20

// pmtuProbe is what a Conn of many flows has: never fragment, and do not believe in any path MTU.
const pmtuProbe = PMTUDont + 1

// Open opens a Conn: for each family of cfg a ping socket or, where that is not
// permitted, a raw one. A family that the system lacks is reported by Socket and by WriteBatch; only
// when there is no socket at all is that the error here, an *OpenError for want of one kind or both.
func Open(cfg Config) (Conn, error) {
	c := &conn{}
	if err := c.openWake(); err != nil {
		return nil, err
	}
	var failed error
	for i, f := range families {
		s, err := &socket{family: f}, errors.New("address family not asked for")
		if wanted(cfg, f) {
			s, err = openSocket(cfg, f, nil)
		}
		if err != nil {
			c.refused[i] = err
			if failed == nil && wanted(cfg, f) {
				failed = err
			}
			continue
		}
		c.sockets[i] = s
	}
	if c.sockets[0] == nil && c.sockets[1] == nil {
		c.Close()
		return nil, failed
	}
	awaitStamps()
	logSockets(cfg.Logger, c)
	return c, nil
}

// openSocket opens the socket of one family, trying the kinds that cfg.Mode allows. A socket that can be
// had, but not as cfg wants it, is the news even where the other kind is not permitted. It gets lanes of its own
// where l is nil.
func openSocket(cfg Config, f packet.Family, l *lanes) (*socket, error) {
	failed := &OpenError{}
	for _, k := range []struct {
		not  Mode
		kind int
		err  *error
	}{
		{Privileged, unix.SOCK_DGRAM, &failed.Ping},
		{Unprivileged, unix.SOCK_RAW, &failed.Raw},
	} {
		if cfg.Mode == k.not {
			continue
		}
		fd, err := unix.Socket(domain(f), k.kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, int(f.ICMPProto()))
		if err != nil {
			*k.err = os.NewSyscallError("socket", err)
			continue
		}
		if l == nil {
			l = new(newLanes(cfg.messageSize()))
		}
		s := newSocket(fd, f, k.kind == unix.SOCK_RAW, cfg.messageSize(), *l)
		if s.raw {
			s.id = newIdentifier()
			err = setFilter(s.fd, s.family, program(s.family, s.id))
		}
		if err == nil {
			err = s.configure(cfg, s.options(cfg))
		}
		if err != nil {
			unix.Close(fd)
			return nil, err
		}
		return s, nil
	}
	return nil, failed
}

func domain(f packet.Family) int {
	if f == packet.IPv6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// newIdentifier returns an identifier for echo requests of a raw socket.
func newIdentifier() uint16 { return uint16(1 + rand.N(1<<16-1)) }

// configure sets the options of list and all others of the socket, and binds it, which gives a ping socket its identifier.
func (s *socket) configure(cfg Config, list []option) error {
	if err := setOptions(s.fd, cfg, list); err != nil {
		return err
	}
	s.setBuffers(cfg.ReceiveBuffer)
	if err := s.bind(cfg.Source); err != nil {
		return err
	}
	return setStamps(s.fd)
}

// setOptions binds a socket to cfg's interface and sets the options of list.
func setOptions(fd int, cfg Config, list []option) error {
	if cfg.Interface != "" {
		if err := unix.BindToDevice(fd, cfg.Interface); err != nil {
			return fmt.Errorf("cannot bind to interface %s: %w", cfg.Interface, os.NewSyscallError("setsockopt", err))
		}
	}
	for _, o := range list {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil && !o.optional {
			err := fmt.Errorf("cannot set %s: %w", o.what, os.NewSyscallError("setsockopt", err))
			if o.name == unix.SO_MARK && o.level == unix.SOL_SOCKET {
				return markError{err}
			}
			return err
		}
	}
	return nil
}

// wayOptions are those that lead packets elsewhere than their address alone does.
func wayOptions(cfg Config) []option {
	if cfg.Mark == 0 {
		return nil
	}
	return []option{{unix.SOL_SOCKET, unix.SO_MARK, cfg.Mark, false, "the mark"}}
}

// option is one integer socket option. What fails although optional is done without.
type option struct {
	level, name, value int
	optional           bool
	what               string
}

// ipOptions holds the numbers of the options that both families have.
type ipOptions struct {
	level, ttl, tos, recvTTL, recvTOS, recvInfo, recvErr, recvErr4884, mtuDiscover int
	pmtu                                                                           [8]int // by PMTU
}

func optionsOf(f packet.Family) ipOptions {
	if f == packet.IPv6 {
		return ipOptions{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, unix.IPV6_TCLASS, unix.IPV6_RECVHOPLIMIT,
			unix.IPV6_RECVTCLASS, unix.IPV6_RECVPKTINFO, unix.IPV6_RECVERR, unix.IPV6_RECVERR_RFC4884, unix.IPV6_MTU_DISCOVER,
			[8]int{0, unix.IPV6_PMTUDISC_DO, unix.IPV6_PMTUDISC_WANT, unix.IPV6_PMTUDISC_DONT, unix.IPV6_PMTUDISC_PROBE}}
	}
	return ipOptions{unix.IPPROTO_IP, unix.IP_TTL, unix.IP_TOS, unix.IP_RECVTTL,
		unix.IP_RECVTOS, unix.IP_PKTINFO, unix.IP_RECVERR, unix.IP_RECVERR_RFC4884, unix.IP_MTU_DISCOVER,
		[8]int{0, unix.IP_PMTUDISC_DO, unix.IP_PMTUDISC_WANT, unix.IP_PMTUDISC_DONT, unix.IP_PMTUDISC_PROBE}}
}

// options are those of a socket that sends and receives.
func (s *socket) options(cfg Config) []option {
	return slices.Concat(s.receiveOptions(cfg), errorOptions(s.family), sendOptions(s.family, cfg))
}

// receiveOptions are those of a socket that receives.
func (s *socket) receiveOptions(cfg Config) []option {
	ip := optionsOf(s.family)
	list := append(wayOptions(cfg),
		option{ip.level, ip.recvTTL, 1, false, "the option to receive TTLs"},
		option{ip.level, ip.recvTOS, 1, true, ""})
	if s.family == packet.IPv6 { // the interface of a link-local sender
		list = append(list, option{ip.level, ip.recvInfo, 1, true, ""})
	}
	return list
}

// errorOptions are those that have the kernel tell of ICMP errors.
func errorOptions(f packet.Family) []option {
	ip := optionsOf(f)
	return []option{
		// Without it the kernel keeps it to itself, too, when a queue of this machine drops what is sent.
		{ip.level, ip.recvErr, 1, false, "the option to receive ICMP errors"},
		{ip.level, ip.recvErr4884, 1, true, ""},
	}
}

// sendOptions are those of a socket that sends.
func sendOptions(f packet.Family, cfg Config) (list []option) {
	ip := optionsOf(f)
	if cfg.TTL != 0 {
		list = append(list, option{ip.level, ip.ttl, cfg.TTL, false, "the TTL"})
		if f == packet.IPv6 {
			list = append(list, option{ip.level, unix.IPV6_MULTICAST_HOPS, cfg.TTL, true, ""})
		} else {
			list = append(list, option{ip.level, unix.IP_MULTICAST_TTL, cfg.TTL, true, ""})
		}
	}
	if cfg.TOS != 0 {
		list = append(list, option{ip.level, ip.tos, cfg.TOS, false, "the TOS"})
	}
	if cfg.PMTU != PMTUDefault {
		list = append(list, option{ip.level, ip.mtuDiscover, ip.pmtu[cfg.PMTU&7], false, "path MTU discovery"})
	}
	if cfg.Broadcast {
		list = append(list, option{unix.SOL_SOCKET, unix.SO_BROADCAST, 1, false, "the permission to broadcast"})
	}
	return list
}

// setBuffers asks for room for a burst of replies, and for packets that wait for their neighbour's
// address: past the system's limits with the privilege, up to them without.
func (s *socket) setBuffers(receive int) {
	if receive == 0 {
		receive = defaultBuffer
	}
	for _, b := range []struct{ force, name, size int }{
		{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, receive},
		{unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, defaultBuffer},
	} {
		if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, b.force, b.size) != nil {
			_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, b.name, b.size)
		}
	}
	s.receiveBuffer, _ = unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
}

// bind binds to the source address, and learns the identifier that the kernel gives a ping socket.
func (s *socket) bind(source netip.Addr) error {
	if s.raw && !source.IsValid() {
		return nil
	}
	if err := bind(s.fd, s.family, source, s.port); err != nil {
		return err
	}
	if s.raw || s.proto == packet.ProtoUDP {
		return nil
	}
	own, err := unix.Getsockname(s.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	switch own := own.(type) {
	case *unix.SockaddrInet4:
		s.id = uint16(own.Port)
	case *unix.SockaddrInet6:
		s.id = uint16(own.Port)
	}
	return nil
}

// bind binds a socket to an address (zero: any) and a port (0: any).
func bind(fd int, f packet.Family, source netip.Addr, port uint16) error {
	sa, err := sockaddr(f, source, port)
	if err != nil {
		return err
	}
	err = os.NewSyscallError("bind", unix.Bind(fd, sa))
	switch {
	case err == nil:
		return nil
	case port != 0:
		return fmt.Errorf("cannot use source port %d: %w", port, err)
	}
	return fmt.Errorf("cannot use source address %v: %w", source, err)
}

// setStamps asks for the kernel's receive stamps, and that send stamps be told which packets ask for.
func setStamps(fd int) error {
	const flags = unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, flags); err != nil {
		return fmt.Errorf("cannot ask for time stamps: %w", os.NewSyscallError("setsockopt", err))
	}
	return nil
}

// awaitStamps gives the kernel a moment to begin to stamp what arrives: where no other socket of the machine has
// asked for that, it does so aside, once this thread waits. Without, the first replies have no stamp.
func awaitStamps() {
	moment := unix.NsecToTimespec(300_000)
	_ = unix.Nanosleep(&moment, nil) // cut short by a signal it is as good
}

func sockaddr(f packet.Family, a netip.Addr, port uint16) (unix.Sockaddr, error) {
	if f == packet.IPv4 {
		sa := &unix.SockaddrInet4{Port: int(port)}
		if a.IsValid() {
			sa.Addr = a.Unmap().As4()
		}
		return sa, nil
	}
	sa := &unix.SockaddrInet6{Port: int(port)}
	if !a.IsValid() {
		return sa, nil
	}
	sa.Addr = a.As16()
	scope, err := scopeOf(a.Zone())
	sa.ZoneId = scope
	return sa, err
}

// scopeOf returns the index of the interface that a zone names, by name or by number.
func scopeOf(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	i, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, fmt.Errorf("no interface %q for the zone of the address: %w", zone, unix.ENODEV)
	}
	return uint32(i.Index), nil
}
