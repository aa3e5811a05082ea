package local

import (
	"os"
	"strconv"
	"strings"
)

// firstUnprivileged reads a parameter of the kernel of Linux 4.11, which is offered as text alone.
func firstUnprivileged() int {
	const always = 1024 // IPPORT_RESERVED, before that parameter
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return always
	}
	first, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return always
	}
	return first
}
