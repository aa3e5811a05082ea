package main

import (
	"os"
	"syscall"
)

// snapshotSignals are the signals that ask for an interim summary.
func snapshotSignals() []os.Signal { return []os.Signal{syscall.SIGQUIT} }
