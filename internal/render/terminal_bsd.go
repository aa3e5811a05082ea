//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package render

import "golang.org/x/sys/unix"

// isTerminal asks for the terminal's settings, which nothing else has.
func isTerminal(fd uintptr) bool {
	_, err := unix.IoctlGetTermios(int(fd), unix.TIOCGETA)
	return err == nil
}
