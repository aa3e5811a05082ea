//go:build !linux

package main

// privilegeHints says what would let this program listen on a port that needs a privilege.
func privilegeHints(uint16, string) []string {
	return []string{"run as an administrator"}
}
