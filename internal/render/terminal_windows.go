package render

import "golang.org/x/sys/windows"

// isTerminal reports whether fd is a console that understands escape sequences.
func isTerminal(fd uintptr) bool {
	var mode uint32
	err := windows.GetConsoleMode(windows.Handle(fd), &mode)
	return err == nil && mode&windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING != 0
}
