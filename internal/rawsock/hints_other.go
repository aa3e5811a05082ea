//go:build !linux

package rawsock

// permissionHints names the remedy of systems where only the administrator may open
// the sockets that ICMP needs.
func permissionHints(bool) []string {
	return []string{
		"run it as the administrator: sudo netdiag (Windows: an elevated prompt)",
		"and let the firewall admit ICMP echo replies",
	}
}
