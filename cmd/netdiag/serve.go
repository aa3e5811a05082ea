package main

import (
	"context"
	"errors"
)

// serveCommand is the table's entry of serve.
func serveCommand() command {
	return command{
		name:    "serve",
		summary: "",
		run:     func(context.Context, *call) (status, error) { return unable, errors.ErrUnsupported },
	}
}
