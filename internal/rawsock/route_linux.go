package rawsock

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"unsafe"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// route has the kernel choose the way by connecting a UDP socket, which sends nothing.
func route(cfg Config, dst netip.Addr) (source netip.Addr, mtu int, err error) {
	fd, err := connected(cfg, dst)
	if err != nil {
		return netip.Addr{}, 0, err
	}
	defer unix.Close(fd)
	own, err := unix.Getsockname(fd)
	if err != nil {
		return netip.Addr{}, 0, os.NewSyscallError("getsockname", err)
	}
	switch own := own.(type) {
	case *unix.SockaddrInet4:
		source = netip.AddrFrom4(own.Addr)
	case *unix.SockaddrInet6:
		source = netip.AddrFrom16(own.Addr)
		if source.IsLinkLocalUnicast() {
			source = source.WithZone(dst.Zone())
		}
	}
	if mtu = linkMTU(cfg, source, dst); mtu == 0 {
		mtu = mtuOf(fd, packet.FamilyOf(dst))
	}
	return source, mtu, nil
}

// connected returns a UDP socket, opened as cfg says, that is connected to dst.
func connected(cfg Config, dst netip.Addr) (fd int, err error) {
	const discard = 9 // a port, as connecting takes one
	f := packet.FamilyOf(dst)
	fd, err = unix.Socket(domain(f), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if err := setOptions(fd, cfg, wayOptions(cfg)); err != nil {
		return -1, err
	}
	if cfg.Source.IsValid() {
		if err := bind(fd, f, cfg.Source, 0); err != nil {
			return -1, err
		}
	}
	sa, err := sockaddr(f, dst, discard)
	if err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, sa); err != nil {
		return -1, os.NewSyscallError("connect", err)
	}
	return fd, nil
}

// pathMTU returns the MTU of the way to a as far as this machine knows it, 0 if it does not.
func pathMTU(a netip.Addr) int {
	fd, err := connected(Config{}, a)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	return mtuOf(fd, packet.FamilyOf(a))
}

// mtuOf returns the MTU of the way that a connected socket has, what ICMP errors have said of it included.
func mtuOf(fd int, f packet.Family) int {
	level, name := unix.IPPROTO_IP, unix.IP_MTU
	if f == packet.IPv6 {
		level, name = unix.IPPROTO_IPV6, unix.IPV6_MTU
	}
	mtu, err := unix.GetsockoptInt(fd, level, name)
	if err != nil {
		return 0
	}
	return mtu
}

// linkMTU returns the MTU of the interface by which packets from source to dst leave, or 0.
func linkMTU(cfg Config, source, dst netip.Addr) int {
	index, err := outgoing(cfg, source, dst)
	if err != nil {
		return 0
	}
	i, err := net.InterfaceByIndex(index)
	if err != nil {
		return 0
	}
	return i.MTU
}

// outgoing asks the kernel, by RTM_GETROUTE of rtnetlink(7), which interface packets from source to dst leave by.
func outgoing(cfg Config, source, dst netip.Addr) (index int, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	request, err := routeRequest(cfg, source, dst)
	if err != nil {
		return 0, err
	}
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, os.NewSyscallError("sendto", err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return 0, os.NewSyscallError("recvfrom", err)
	}
	return parseRoute(answer[:n])
}

var errNoInterface = errors.New("the kernel names no interface")

// routeRequest returns an RTM_GETROUTE for the way from source to dst.
func routeRequest(cfg Config, source, dst netip.Addr) ([]byte, error) {
	f := packet.FamilyOf(dst)
	var attributes []byte
	add := func(typ uint16, data []byte) {
		a := unix.RtAttr{Len: uint16(unix.SizeofRtAttr + len(data)), Type: typ}
		attributes = append(attributes, unsafe.Slice((*byte)(unsafe.Pointer(&a)), unix.SizeofRtAttr)...)
		attributes = append(attributes, data...)
	}
	number := func(n uint32) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(&n)), 4) }
	bits := uint8(8 * len(dst.Unmap().AsSlice()))
	add(unix.RTA_DST, dst.Unmap().AsSlice())
	if source.IsValid() {
		add(unix.RTA_SRC, source.Unmap().AsSlice())
	}
	oif, err := scopeOf(dst.Zone())
	if cfg.Interface != "" {
		oif, err = scopeOf(cfg.Interface)
	}
	if err != nil {
		return nil, err
	}
	if oif != 0 {
		add(unix.RTA_OIF, number(oif))
	}
	if cfg.Mark != 0 {
		add(unix.RTA_MARK, number(uint32(cfg.Mark)))
	}
	message := unix.RtMsg{Family: uint8(domain(f)), Dst_len: bits}
	if source.IsValid() {
		message.Src_len = bits
	}
	h := unix.NlMsghdr{
		Len: uint32(unix.SizeofNlMsghdr + unix.SizeofRtMsg + len(attributes)), Type: unix.RTM_GETROUTE, Flags: unix.NLM_F_REQUEST,
	}
	b := append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(&h)), unix.SizeofNlMsghdr)...)
	b = append(b, unsafe.Slice((*byte)(unsafe.Pointer(&message)), unix.SizeofRtMsg)...)
	return append(b, attributes...), nil
}

// parseRoute returns the interface in the kernel's answer to a routeRequest, which is one message.
func parseRoute(b []byte) (index int, err error) {
	const fixed = unix.SizeofNlMsghdr + unix.SizeofRtMsg
	if len(b) < fixed || binary.NativeEndian.Uint16(b[4:]) != unix.RTM_NEWROUTE {
		return 0, errNoInterface
	}
	for b = b[fixed:]; len(b) >= unix.SizeofRtAttr; {
		length, typ := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if length < unix.SizeofRtAttr || length > len(b) {
			break
		}
		if typ == unix.RTA_OIF && length >= unix.SizeofRtAttr+4 {
			return int(binary.NativeEndian.Uint32(b[unix.SizeofRtAttr:])), nil
		}
		b = b[min((length+3)&^3, len(b)):]
	}
	return 0, errNoInterface
}
