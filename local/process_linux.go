package local

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// owner is a process that has a socket.
type owner struct {
	pid     int
	program string
}

// readOwners returns the processes that have sockets of the inodes, those of the lowest numbers, as far as this process may
// know. proc is where procfs(5) is: the kernel does not tell otherwise.
func readOwners(proc string, inodes map[uint32]bool) map[uint32]owner {
	owners := make(map[uint32]owner)
	if len(inodes) == 0 {
		return owners
	}
	for _, pid := range processes(proc) {
		dir := filepath.Join(proc, strconv.Itoa(pid))
		fds, err := os.ReadDir(filepath.Join(dir, "fd"))
		if err != nil { // another user's, or gone
			continue
		}
		for _, fd := range fds {
			target, err := os.Readlink(filepath.Join(dir, "fd", fd.Name()))
			if err != nil {
				continue
			}
			inode, ok := parseSocket(target)
			if _, known := owners[inode]; ok && !known && inodes[inode] {
				owners[inode] = owner{pid, program(dir)}
			}
		}
		if len(owners) == len(inodes) {
			break
		}
	}
	return owners
}

// processes returns the numbers of the processes in ascending order.
func processes(proc string) []int {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// parseSocket returns the inode that the target of a descriptor's link names: socket:[INODE].
func parseSocket(target string) (uint32, bool) {
	digits, ok := strings.CutPrefix(target, "socket:[")
	if !ok {
		return 0, false
	}
	digits, ok = strings.CutSuffix(digits, "]")
	inode, err := strconv.ParseUint(digits, 10, 32)
	return uint32(inode), ok && err == nil
}

// program returns the name of a process, of which the kernel keeps 15 bytes.
func program(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, "comm"))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(b), "\n")
}
