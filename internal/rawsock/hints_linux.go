package rawsock

import "os"

// permissionHints names the two remedies of Linux: the range of groups that may open
// ping sockets, and the capability for raw ones. Where no ping socket was wanted the first does not help.
func permissionHints(ping bool) []string {
	program, err := os.Executable()
	if err != nil {
		program = "netdiag"
	}
	raw := "allow raw sockets to this program: sudo setcap cap_net_raw+ep " + program
	if !ping {
		return []string{raw}
	}
	return []string{`allow ping sockets to every group: sudo sysctl -w net.ipv4.ping_group_range="0 2147483647"`, "or " + raw}
}
