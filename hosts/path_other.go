//go:build !windows

package hosts

// DefaultPath returns where this system has its hosts file.
func DefaultPath() string { return "/etc/hosts" }
