//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// stopSignals are the signals that end a measurement.
func stopSignals() []os.Signal { return []os.Signal{syscall.SIGINT, syscall.SIGTERM} }

// closedPipe reports whether err means that nobody reads the output any more.
func closedPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
