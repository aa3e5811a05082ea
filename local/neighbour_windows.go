package local

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// ipNetRow is MIB_IPNET_ROW2 of netioapi.h.
type ipNetRow struct {
	address               windows.RawSockaddrInet
	index                 uint32
	luid                  uint64
	physicalAddress       [32]byte
	physicalAddressLength uint32
	state                 uint32
	flags                 uint8 // 1: a router, 2: unreachable
	reachability          uint32
}

// ipNetTable is MIB_IPNET_TABLE2 of netioapi.h.
type ipNetTable struct {
	entries uint32
	rows    [1]ipNetRow
}

// iphlpapi returns a function of the IP Helper API that the package windows has not, or an error if this Windows has not.
// It is called where its arguments are made pointers: elsewhere they would not be kept.
func iphlpapi(name string) (*windows.LazyProc, error) {
	f := windows.NewLazySystemDLL("iphlpapi.dll").NewProc(name)
	return f, f.Find()
}

// statusOf returns the error of a function of that API; 0: none.
func statusOf(status uintptr) error {
	if status == 0 {
		return nil
	}
	return windows.Errno(status)
}

// neighbours returns what GetIpNetTable2 has.
func neighbours() ([]Neighbour, error) {
	names, err := linkNames()
	if err != nil {
		return nil, err
	}
	f, err := iphlpapi("GetIpNetTable2")
	if err != nil {
		return nil, err
	}
	var table *ipNetTable
	status, _, _ := f.Call(windows.AF_UNSPEC, uintptr(unsafe.Pointer(&table)))
	if err := statusOf(status); err != nil {
		return nil, fmt.Errorf("local: asking Windows for neighbours: %w", err)
	}
	defer windows.FreeMibTable(unsafe.Pointer(table))
	var list []Neighbour
	for _, row := range unsafe.Slice(&table.rows[0], table.entries) {
		addr, ok := addrOf(&row.address)
		if !ok {
			continue
		}
		n := Neighbour{Addr: addr, Interface: names[row.index], State: neighbourState(row.state), Router: row.flags&1 != 0}
		if l := row.physicalAddressLength; l > 0 && int(l) <= len(row.physicalAddress) {
			n.MAC = append(n.MAC, row.physicalAddress[:l]...)
		}
		list = append(list, n)
	}
	return list, nil
}

// neighbourState returns the name of an NL_NEIGHBOR_STATE.
func neighbourState(state uint32) string {
	all := []string{"failed", "incomplete", "probe", "delay", "stale", "reachable", "permanent"}
	if state < uint32(len(all)) {
		return all[state]
	}
	return "none"
}
