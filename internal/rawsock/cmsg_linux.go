package rawsock

import (
	"encoding/binary"
	"net/netip"
	"time"
	"unsafe"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// controlSize is room for all control messages of one received packet: time stamps,
// packet info, TTL, TOS and an extended error with its offender.
const controlSize = 256

// IPV6_FLOWINFO and IPV6_FLOWINFO_SEND of linux/in6.h; x/sys does not have them.
const (
	ipv6FlowInfo     = 11
	ipv6FlowInfoSend = 33
)

// sendControlSize is room for those of a packet to send: TTL, TOS, flow label, packet info, time stamp.
const sendControlSize = 160

// control is what the control messages of a received packet said.
type control struct {
	stamp      time.Time
	ttl, tos   int
	local      netip.Addr
	ifindex    int
	queued     bool // the packet comes from the error queue; the fields below are set
	extended   unix.SockExtendedErr
	offender   netip.Addr
	offenderIf uint32
}

// parseControl reads the control messages in b, as recvmmsg left them there. What it
// does not know, or what ends early, it passes over.
func parseControl(b []byte) (c control) {
	for len(b) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		length := int(h.Len)
		if length < unix.SizeofCmsghdr || length > len(b) {
			return c
		}
		data := b[unix.CmsgLen(0):max(length, unix.CmsgLen(0))]
		c.set(h.Level, h.Type, data)
		b = b[min(unix.CmsgSpace(len(data)), len(b)):]
	}
	return c
}

func (c *control) set(level, typ int32, data []byte) {
	switch {
	case level == unix.SOL_SOCKET && typ == unix.SCM_TIMESTAMPING:
		if len(data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			if ts := (*unix.Timespec)(unsafe.Pointer(&data[0])); ts.Sec != 0 || ts.Nsec != 0 {
				c.stamp = time.Unix(ts.Unix())
			}
		}
	case level == unix.IPPROTO_IP && typ == unix.IP_TTL,
		level == unix.IPPROTO_IPV6 && typ == unix.IPV6_HOPLIMIT:
		if len(data) >= 4 {
			c.ttl = int(*(*int32)(unsafe.Pointer(&data[0])))
		}
	case level == unix.IPPROTO_IP && typ == unix.IP_TOS:
		if len(data) >= 1 {
			c.tos = int(data[0])
		}
	case level == unix.IPPROTO_IPV6 && typ == unix.IPV6_TCLASS:
		if len(data) >= 4 {
			c.tos = int(*(*int32)(unsafe.Pointer(&data[0])))
		}
	case level == unix.IPPROTO_IP && typ == unix.IP_PKTINFO:
		if len(data) >= unix.SizeofInet4Pktinfo {
			info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0]))
			c.local, c.ifindex = netip.AddrFrom4(info.Addr), int(info.Ifindex)
		}
	case level == unix.IPPROTO_IPV6 && typ == unix.IPV6_PKTINFO:
		if len(data) >= unix.SizeofInet6Pktinfo {
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			c.local, c.ifindex = netip.AddrFrom16(info.Addr), int(info.Ifindex)
		}
	case level == unix.IPPROTO_IP && typ == unix.IP_RECVERR,
		level == unix.IPPROTO_IPV6 && typ == unix.IPV6_RECVERR:
		c.setError(data)
	}
}

// setError reads a struct sock_extended_err and the address that follows it.
func (c *control) setError(data []byte) {
	const size = int(unsafe.Sizeof(unix.SockExtendedErr{}))
	if len(data) < size {
		return
	}
	c.queued = true
	c.extended = *(*unix.SockExtendedErr)(unsafe.Pointer(&data[0]))
	if offender := data[size:]; len(offender) >= unix.SizeofSockaddrInet4 {
		var sa unix.RawSockaddrInet6
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&sa)), unix.SizeofSockaddrInet6), offender)
		c.offender, c.offenderIf = addrOf(&sa)
	}
}

// addrOf returns the address in a sockaddr of either family and its scope; the zero
// Addr for any other.
func addrOf(sa *unix.RawSockaddrInet6) (netip.Addr, uint32) {
	switch sa.Family {
	case unix.AF_INET:
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(sa)).Addr), 0
	case unix.AF_INET6:
		return netip.AddrFrom16(sa.Addr), sa.Scope_id
	}
	return netip.Addr{}, 0
}

// appendControl appends the control messages that give p its own TTL, TOS, flow label, source
// address, interface and send stamp, if it wants any, to b.
func appendControl(b []byte, f packet.Family, p *Packet) []byte {
	level, ttl, tos := int32(unix.IPPROTO_IP), int32(unix.IP_TTL), int32(unix.IP_TOS)
	if f == packet.IPv6 {
		level, ttl, tos = unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, unix.IPV6_TCLASS
	}
	if p.TTL != 0 {
		v := int32(p.TTL)
		b = appendMessage(b, level, ttl, unsafe.Slice((*byte)(unsafe.Pointer(&v)), 4))
	}
	if p.TOS != 0 {
		v := int32(p.TOS)
		b = appendMessage(b, level, tos, unsafe.Slice((*byte)(unsafe.Pointer(&v)), 4))
	}
	if f == packet.IPv6 && p.Flow != 0 {
		var v [4]byte
		binary.BigEndian.PutUint32(v[:], p.Flow&0xfffff)
		b = appendMessage(b, level, ipv6FlowInfo, v[:])
	}
	if p.WantStamp {
		v := uint32(unix.SOF_TIMESTAMPING_TX_SOFTWARE)
		b = appendMessage(b, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, unsafe.Slice((*byte)(unsafe.Pointer(&v)), 4))
	}
	if !p.Local.IsValid() && p.Interface == 0 {
		return b
	}
	if f == packet.IPv6 {
		info := unix.Inet6Pktinfo{Ifindex: uint32(p.Interface)}
		if p.Local.IsValid() {
			info.Addr = p.Local.As16()
		}
		return appendMessage(b, level, unix.IPV6_PKTINFO,
			unsafe.Slice((*byte)(unsafe.Pointer(&info)), unix.SizeofInet6Pktinfo))
	}
	info := unix.Inet4Pktinfo{Ifindex: int32(p.Interface)}
	if p.Local.IsValid() {
		info.Spec_dst = p.Local.Unmap().As4()
	}
	return appendMessage(b, level, unix.IP_PKTINFO,
		unsafe.Slice((*byte)(unsafe.Pointer(&info)), unix.SizeofInet4Pktinfo))
}

// appendMessage appends one control message, padded as the kernel wants it.
func appendMessage(b []byte, level, typ int32, data []byte) []byte {
	start := len(b)
	for range unix.CmsgSpace(len(data)) {
		b = append(b, 0)
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[start]))
	h.Level, h.Type = level, typ
	h.SetLen(unix.CmsgLen(len(data)))
	copy(b[start+unix.CmsgLen(0):], data)
	return b
}
