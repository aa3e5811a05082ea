//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package main

import "os"

// snapshotSignals are the signals that ask for an interim summary: there are none here.
func snapshotSignals() []os.Signal { return nil }
