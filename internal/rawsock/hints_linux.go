package rawsock

import "os"

// permissionHints names the two remedies of Linux: the range of groups that may open
// ping sockets, and the capability for raw ones.
func permissionHints() []string {
	program, err := os.Executable()
	if err != nil {
		program = "netdiag"
	}
	return []string{
		`allow ping sockets to every group: sudo sysctl -w net.ipv4.ping_group_range="0 2147483647"`,
		"or allow raw sockets to this program: sudo setcap cap_net_raw+ep " + program,
	}
}
