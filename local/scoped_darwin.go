package local

import "golang.org/x/sys/unix"

// scopedFlag has the kernel look among the routes of one interface, if there is one.
func scopedFlag(index int) int {
	if index == 0 {
		return 0
	}
	return unix.RTF_IFSCOPE
}
