package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

var errShort = errors.New("local: a message of the kernel is cut short")

// readings is how often a table is read again that changed while it was read.
const readings = 10

// dump reads a table of the kernel by f. A reading that the kernel says was disturbed by a change, or that it had no
// memory for, is repeated; what is disturbed every time is taken as it last was, as a machine that changes that fast
// is never at rest.
func dump[T any](what string, f func() (T, error)) (T, error) {
	var zero T
	for n := 1; ; n++ {
		v, err := f()
		disturbed := errors.Is(err, netlink.ErrDumpInterrupted)
		switch {
		case err == nil, disturbed && n == readings:
			return v, nil
		case disturbed, n < readings && (errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOBUFS)):
		default:
			return zero, fmt.Errorf("local: asking the kernel for %s: %w", what, err)
		}
	}
}

// absent reports whether err is how a kernel without a family, or without policy rules, answers.
func absent(err error) bool {
	return errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP)
}

// attributes are those of a netlink message by their type, without its flags.
type attributes map[uint16][]byte

// parseAttributes reads attributes (netlink(7)). Of several of a type the last counts. What is behind the last one, too
// short for another, is padding.
func parseAttributes(b []byte) (attributes, error) {
	a := make(attributes)
	for len(b) >= unix.SizeofRtAttr {
		length, typ := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if length < unix.SizeofRtAttr || length > len(b) {
			return nil, errShort
		}
		a[typ&nl.NLA_TYPE_MASK] = b[unix.SizeofRtAttr:length]
		b = b[min(aligned(length), len(b)):]
	}
	return a, nil
}

// aligned returns a length with the padding behind it, which is to four bytes.
func aligned(length int) int { return (length + unix.RTA_ALIGNTO - 1) &^ (unix.RTA_ALIGNTO - 1) }

// u32 returns a number of 32 bits, and 0 where it is absent or too short.
func (a attributes) u32(typ uint16) uint32 {
	if b := a[typ]; len(b) >= 4 {
		return binary.NativeEndian.Uint32(b)
	}
	return 0
}

// number is u32 as an int.
func (a attributes) number(typ uint16) int { return number(a.u32(typ)) }

// number returns what the kernel has in 32 bits; where an int has no more the largest stands for those above.
func number(n uint32) int { return int(min(uint64(n), math.MaxInt)) }

// u8 returns a number of 8 bits, and 0 where it is absent.
func (a attributes) u8(typ uint16) uint8 {
	if b := a[typ]; len(b) >= 1 {
		return b[0]
	}
	return 0
}

// text returns a text up to its terminating zero.
func (a attributes) text(typ uint16) string { return unix.ByteSliceToString(a[typ]) }

// addr returns an address, the zero one where it is absent or of no family's length.
func (a attributes) addr(typ uint16) netip.Addr {
	addr, _ := netip.AddrFromSlice(a[typ])
	return addr
}

// prefix returns a prefix of the given length; without the attribute the one of everything if that is 0.
func (a attributes) prefix(typ uint16, bits uint8, family uint8) netip.Prefix {
	addr := a.addr(typ)
	switch {
	case addr.IsValid():
	case family == unix.AF_INET:
		addr = netip.IPv4Unspecified()
	default:
		addr = netip.IPv6Unspecified()
	}
	return netip.PrefixFrom(addr, int(bits))
}

// families are the kernel's names of IPv4 and IPv6.
func families() []uint8 { return []uint8{unix.AF_INET, unix.AF_INET6} }

// links are the interfaces by their index.
type links map[int]netlink.Link

// readLinks returns the interfaces that there are.
func readLinks() (links, error) {
	list, err := dump("interfaces", netlink.LinkList)
	if err != nil {
		return nil, err
	}
	all := make(links, len(list))
	for _, l := range list {
		all[l.Attrs().Index] = l
	}
	return all, nil
}

// name returns an interface's name; false: it is not there. No interface, 0, has none.
func (l links) name(index int) (string, bool) {
	if index == 0 {
		return "", true
	}
	link, ok := l[index]
	if !ok {
		return "", false
	}
	return link.Attrs().Name, true
}
