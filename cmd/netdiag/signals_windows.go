package main

import (
	"errors"
	"os"
	"syscall"
)

// stopSignals are the signals that end a measurement.
func stopSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

// closedPipe reports whether err means that nobody reads the output any more.
func closedPipe(err error) bool {
	const (
		brokenPipe = syscall.Errno(109) // ERROR_BROKEN_PIPE
		noData     = syscall.Errno(232) // ERROR_NO_DATA
	)
	return errors.Is(err, brokenPipe) || errors.Is(err, noData)
}
