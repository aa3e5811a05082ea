package resolve

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
)

// errClosed is the error of a connection that the server ended although it owed an answer.
var errClosed = errors.New("the connection was closed before an answer")

// silentError is the error of waiting in vain.
type silentError struct{ text string }

func (e *silentError) Error() string { return e.text }

// Is reports whether target is what the waiting itself ended with.
func (e *silentError) Is(target error) bool { return target == context.DeadlineExceeded }

// classify says what an error of a socket or a connection means, and in short words why.
func classify(err error) (Status, error) {
	if insecure, ok := errors.AsType[*insecureError](err); ok {
		return Insecure, insecure
	}
	if malformed, ok := errors.AsType[*malformedError](err); ok {
		return Malformed, malformed
	}
	if silent, ok := errors.AsType[*silentError](err); ok {
		return TimedOut, silent
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return TimedOut, errors.New("no answer in time")
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		switch {
		case slices.Contains(timeoutErrors, errno):
			return TimedOut, errno
		case slices.Contains(unreachableErrors, errno):
			return Unreachable, errno
		}
		return LocalError, errno
	}
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF) {
		return Unreachable, errClosed
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return TimedOut, errors.New("no answer in time")
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return LocalError, op.Err
	}
	return Unreachable, err
}
