package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// States of a connection (MIB_TCP_STATE).
const (
	stateClosed      = 1
	stateListen      = 2
	stateSynSent     = 3
	stateSynReceived = 4
	stateEstablished = 5
	stateCloseWait   = 8
	stateTimeWait    = 11
	stateDeleted     = 12
)

// socketStateOf returns what a socket in such a state does; false: nothing, it is not one any more.
func socketStateOf(state uint32) (SocketState, bool) {
	switch state {
	case stateListen:
		return SocketListens, true
	case stateTimeWait:
		return SocketTimeWait, true
	case stateSynSent, stateSynReceived:
		return SocketConnects, true
	case stateEstablished, stateCloseWait:
		return SocketConnected, true
	}
	return SocketCloses, state > stateClosed && state < stateDeleted
}

// socketTable is how a table of sockets with their processes is asked for and where its rows have what.
type socketTable struct {
	function      string
	family, class uintptr
	row           int // bytes
	// Where the local and the remote address begin, the state, the process; negative: nowhere. A port is behind its address
	// (and behind the scope of an IPv6 address).
	local, remote, state, pid int
}

// socketTables are MIB_TCPTABLE_OWNER_PID, MIB_TCP6TABLE_OWNER_PID, and the same of UDP, of iphlpapi.h.
func socketTables(udp bool) []socketTable {
	const tcpOwnerAll, udpOwner = 5, 1 // TCP_TABLE_OWNER_PID_ALL, UDP_TABLE_OWNER_PID
	if udp {
		return []socketTable{
			{"GetExtendedUdpTable", windows.AF_INET, udpOwner, 12, 0, -1, -1, 8},
			{"GetExtendedUdpTable", windows.AF_INET6, udpOwner, 28, 0, -1, -1, 24},
		}
	}
	return []socketTable{
		{"GetExtendedTcpTable", windows.AF_INET, tcpOwnerAll, 24, 4, 12, 0, 20},
		{"GetExtendedTcpTable", windows.AF_INET6, tcpOwnerAll, 56, 0, 24, 48, 52},
	}
}

func sockets(udp bool, port uint16) ([]Socket, error) {
	list, err := socketsOf(udp, port)
	return slices.DeleteFunc(list, func(s Socket) bool { return s.State != SocketListens && !s.TimeWait }), err
}

// holders returns what Windows lists, which has no sockets that are bound alone.
func holders(port uint16) ([]Socket, bool, error) {
	list, err := socketsOf(false, port)
	return list, false, err
}

// socketsOf asks for the tables of both families.
func socketsOf(udp bool, port uint16) ([]Socket, error) {
	var list []Socket
	for _, t := range socketTables(udp) {
		b, err := t.read()
		if err != nil {
			return nil, fmt.Errorf("local: asking Windows for sockets: %w", err)
		}
		for _, s := range t.parse(b) {
			if port != 0 && s.Addr.Port() != port {
				continue
			}
			s.Program = programOf(s.PID)
			list = append(list, s)
		}
	}
	return list, nil
}

// read returns the table.
func (t socketTable) read() ([]byte, error) {
	f, err := iphlpapi(t.function)
	if err != nil {
		return nil, err
	}
	size := uint32(1 << 14)
	for range 5 { // it may grow meanwhile
		b := make([]byte, size)
		status, _, _ := f.Call(uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&size)), 0, t.family, t.class, 0)
		if err := statusOf(status); !errors.Is(err, windows.ERROR_INSUFFICIENT_BUFFER) {
			return b, err
		}
	}
	return nil, windows.ERROR_INSUFFICIENT_BUFFER
}

// parse returns the sockets of a table.
func (t socketTable) parse(b []byte) (list []Socket) {
	if len(b) < 4 {
		return nil
	}
	rows := binary.LittleEndian.Uint32(b)
	b = b[4:]
	for ; rows > 0 && len(b) >= t.row; rows-- {
		s := Socket{Addr: t.addr(b, t.local), UID: -1}
		state := uint32(stateListen)
		if t.state >= 0 {
			state = binary.LittleEndian.Uint32(b[t.state:])
		}
		var ok bool
		s.State, ok = socketStateOf(state)
		if s.TimeWait = s.State == SocketTimeWait; !s.TimeWait {
			s.PID = int(binary.LittleEndian.Uint32(b[t.pid:]))
		}
		if s.State >= SocketConnects {
			s.Remote = t.addr(b, t.remote)
		}
		if ok {
			list = append(list, s)
		}
		b = b[t.row:]
	}
	return list
}

// addr returns the address and port at a place in a row.
func (t socketTable) addr(row []byte, at int) netip.AddrPort {
	if t.family == windows.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(row[at:])), binary.BigEndian.Uint16(row[at+4:]))
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(row[at:])), binary.BigEndian.Uint16(row[at+20:]))
}

// programOf returns the name of a process; "": not known, or not permitted to know.
func programOf(pid int) string {
	if pid == 0 {
		return ""
	}
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return ""
	}
	defer windows.CloseHandle(process)
	name := make([]uint16, windows.MAX_LONG_PATH)
	size := uint32(len(name))
	if windows.QueryFullProcessImageName(process, 0, &name[0], &size) != nil {
		return ""
	}
	return strings.TrimSuffix(filepath.Base(windows.UTF16ToString(name[:size])), ".exe")
}

// firstUnprivileged returns 0: Windows lets every program bind every port.
func firstUnprivileged() int { return 0 }
