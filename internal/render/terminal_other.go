//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd || windows)

package render

// isTerminal does not know, so output stays plain.
func isTerminal(uintptr) bool { return false }
