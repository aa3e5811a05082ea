//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package main

import (
	"os"
	"syscall"
)

// snapshotSignals are the signals that ask for an interim summary: Control-\ and Control-T.
func snapshotSignals() []os.Signal { return []os.Signal{syscall.SIGQUIT, syscall.SIGINFO} }
