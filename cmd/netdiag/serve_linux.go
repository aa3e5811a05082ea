package main

import "fmt"

// privilegeHints says what would let this program, which is that file, listen on a port below the first that is free for all.
func privilegeHints(port uint16, program string) []string {
	return []string{
		fmt.Sprintf("allow ports from %d on to every program: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=%d", port, port),
		"allow them to this one: sudo setcap cap_net_bind_service+ep " + program,
	}
}
