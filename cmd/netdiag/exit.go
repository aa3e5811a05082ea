package main

import (
	"context"
	"errors"
)

// status is what the program tells with its exit.
type status int

// The statuses, from good to bad.
const (
	yes    status = iota // replied, reached, resolved, open
	no                   // the opposite
	unable               // could not measure: usage, permission, unknown name, no route, local error
)

// worst returns the status of two measurements together.
func worst(a, b status) status { return max(a, b) }

// interrupted reports whether err only says that the program is ending.
func interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}
