package rawsock

import (
	"fmt"
	"os"
	"slices"
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

// What a program returns: how much of a packet to let in.
const (
	accepted = 1 << 18
	rejected = 0
)

// setFilter makes the kernel drop, before they cost a wake-up, what a raw ICMP socket
// would see of everybody's ICMP: all but echo replies and errors, and of those what the program rejects.
func setFilter(fd int, f packet.Family, program []bpf.Instruction) error {
	if err := setTypeFilter(fd, f); err != nil {
		return fmt.Errorf("cannot set the kernel filter: %w", os.NewSyscallError("setsockopt", err))
	}
	return attach(fd, program)
}

// attach makes the kernel drop what the program rejects.
func attach(fd int, program []bpf.Instruction) error {
	raw, err := bpf.Assemble(program)
	if err != nil {
		return err
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		filter[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: unsafe.SliceData(filter)})
	if err != nil {
		return fmt.Errorf("cannot set the kernel filter: %w", os.NewSyscallError("setsockopt", err))
	}
	return nil
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

// upper sets X to where, in what a raw socket hands its filter, the upper layer begins: an IPv4 one hands it the
// packet from the IP header, an IPv6 one from the upper layer's.
func upper(f packet.Family) bpf.Instruction {
	if f == packet.IPv6 {
		return bpf.LoadConstant{Dst: bpf.RegX, Val: 0}
	}
	return bpf.LoadMemShift{Off: 0}
}

// program is the filter of an ICMP socket: it admits echo replies with the identifier id, and ICMP
// errors that quote an echo request with it, or whose quoted packet it cannot look through.
func program(f packet.Family, id uint16) []bpf.Instruction {
	// How long the header of the quoted packet is.
	quoted := []bpf.Instruction{
		bpf.LoadIndirect{Off: 8, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x0f},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2},
		bpf.ALUOpX{Op: bpf.ALUOpAdd},
	}
	if f == packet.IPv6 {
		quoted = []bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegA, Val: 40}}
	}
	return slices.Concat(
		replies(f, id),
		extended(f),
		[]bpf.Instruction{bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(f.ICMPProto()), SkipTrue: 1}, bpf.RetConstant{Val: rejected}},
		quoted,
		[]bpf.Instruction{
			bpf.TAX{},
			bpf.LoadIndirect{Off: 8, Size: 1},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(requestType(f)), SkipTrue: 1},
			bpf.RetConstant{Val: rejected},
			bpf.LoadIndirect{Off: 8 + 4, Size: 2},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(id), SkipTrue: 1},
			bpf.RetConstant{Val: rejected},
			bpf.RetConstant{Val: accepted},
		},
	)
}

// flowsProgram is the filter of the ICMP socket of a Conn of many flows: it admits echo replies with the identifier
// id, and ICMP errors about any protocol that is sent. More of them the kernel cannot tell: on the way a port
// may have been rewritten, and where packets go is not known yet.
func flowsProgram(f packet.Family, id uint16) []bpf.Instruction {
	return slices.Concat(
		replies(f, id),
		extended(f),
		[]bpf.Instruction{
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: packet.ProtoUDP, SkipTrue: 3},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: packet.ProtoTCP, SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(f.ICMPProto()), SkipTrue: 1},
			bpf.RetConstant{Val: rejected},
			bpf.RetConstant{Val: accepted},
		},
	)
}

// portsProgram is the filter of a UDP or TCP socket: it admits what goes to the ports from first to last.
func portsProgram(f packet.Family, first, last uint16) []bpf.Instruction {
	return []bpf.Instruction{
		upper(f),
		bpf.LoadIndirect{Off: 2, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: uint32(first), SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: uint32(last), SkipTrue: 1},
		bpf.RetConstant{Val: rejected},
		bpf.RetConstant{Val: accepted},
	}
}

// replies decides about an echo reply, by its identifier. Of an error it leaves the quoted packet's protocol in A.
func replies(f packet.Family, id uint16) []bpf.Instruction {
	protocol := uint32(8 + 9)
	if f == packet.IPv6 {
		protocol = 8 + 6
	}
	return []bpf.Instruction{
		upper(f),
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(replyType(f)), SkipTrue: 4},
		bpf.LoadIndirect{Off: 4, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(id), SkipTrue: 1},
		bpf.RetConstant{Val: rejected},
		bpf.RetConstant{Val: accepted},
		bpf.LoadIndirect{Off: protocol, Size: 1},
	}
}

// extended admits errors that quote an extension header of IPv6: not to be walked in the kernel, so it is let in
// and looked at behind it.
func extended(f packet.Family) (ins []bpf.Instruction) {
	if f == packet.IPv6 {
		for _, next := range []uint32{0, 43, 44, 51, 60} {
			ins = append(ins, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: next, SkipTrue: 1}, bpf.RetConstant{Val: accepted})
		}
	}
	return ins
}
