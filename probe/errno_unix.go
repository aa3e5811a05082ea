//go:build unix

package probe

import "syscall"

// hostDown is what some systems say of a neighbour that does not answer.
const hostDown = syscall.EHOSTDOWN

// posix returns an errno by its name in POSIX, which it has.
func posix(n syscall.Errno) syscall.Errno { return n }
