package rawsock

import (
	"unsafe"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// ICMP_FILTER of linux/icmp.h, at level SOL_RAW; x/sys does not have it.
const (
	solRaw     = 255
	icmpFilter = 1
)

// setFilter makes the kernel drop, before they cost a wake-up, what a raw socket
// would see of everybody's ICMP: it admits echo replies with the identifier id, and ICMP errors that
// quote an echo request with it, or whose quoted packet it cannot look through.
func setFilter(fd int, f packet.Family, id uint16) error {
	if err := setTypeFilter(fd, f); err != nil {
		return err
	}
	raw, err := bpf.Assemble(program(f, id))
	if err != nil {
		return err
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		filter[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: unsafe.SliceData(filter)})
}

// setTypeFilter admits echo replies and errors only: cheaper than the program behind it.
func setTypeFilter(fd int, f packet.Family) error {
	if f == packet.IPv6 {
		blocked := unix.ICMPv6Filter{Data: [8]uint32{^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0)}}
		for typ := range 256 {
			if admitted(f, uint8(typ)) {
				blocked.Data[typ/32] &^= 1 << (typ % 32)
			}
		}
		return unix.SetsockoptICMPv6Filter(fd, unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &blocked)
	}
	blocked := ^uint32(0)
	for typ := range 32 {
		if admitted(f, uint8(typ)) {
			blocked &^= 1 << typ
		}
	}
	return unix.SetsockoptInt(fd, solRaw, icmpFilter, int(int32(blocked)))
}

func admitted(f packet.Family, typ uint8) bool {
	return typ == replyType(f) || packet.IsError(f, typ)
}

func requestType(f packet.Family) uint8 {
	if f == packet.IPv6 {
		return 128
	}
	return 8
}

func replyType(f packet.Family) uint8 {
	if f == packet.IPv6 {
		return 129
	}
	return 0
}

// program is the filter as instructions. An IPv4 raw socket hands it the packet from
// the IP header, an IPv6 one from the ICMP header, so X holds where ICMP begins.
func program(f packet.Family, id uint16) []bpf.Instruction {
	begin := bpf.Instruction(bpf.LoadMemShift{Off: 0})
	// How the quoted packet says its upper-layer protocol, and how long its header is.
	protocol, quoted := uint32(8+9), []bpf.Instruction{
		bpf.LoadIndirect{Off: 8, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x0f},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2},
		bpf.ALUOpX{Op: bpf.ALUOpAdd},
	}
	if f == packet.IPv6 {
		begin = bpf.LoadConstant{Dst: bpf.RegX, Val: 0}
		protocol, quoted = 8+6, []bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegA, Val: 40}}
	}
	accept, reject := bpf.RetConstant{Val: 1 << 18}, bpf.RetConstant{Val: 0}
	ins := []bpf.Instruction{
		begin,
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(replyType(f)), SkipTrue: 4},
		bpf.LoadIndirect{Off: 4, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(id), SkipTrue: 1},
		reject,
		accept,
		// An error: the quoted packet's protocol, then the identifier behind its header.
		bpf.LoadIndirect{Off: protocol, Size: 1},
	}
	if f == packet.IPv6 {
		// An extension header: not to be walked here, so it is let in and looked at above.
		for _, next := range []uint32{0, 43, 44, 51, 60} {
			ins = append(ins, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: next, SkipTrue: 1}, accept)
		}
	}
	ins = append(ins, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(f.ICMPProto()), SkipTrue: 1}, reject)
	ins = append(ins, quoted...)
	return append(ins,
		bpf.TAX{},
		bpf.LoadIndirect{Off: 8, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(requestType(f)), SkipTrue: 1},
		reject,
		bpf.LoadIndirect{Off: 8 + 4, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(id), SkipTrue: 1},
		reject,
		accept,
	)
}
